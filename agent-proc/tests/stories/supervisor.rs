//! A supervisor by hand: it says what a story tells it to, and keeps the store's numbers.

use agent_proc::fault::Fault;
use ipc::agent::{
    Ask, ContextLimits, FromAgent, OpenCall, Reply, SessionStart, ToAgent, ToolSummary,
    TurnOutcome, TurnStart,
};
use ipc::id::{CallId, CallRef, ItemId, TurnId};
use ipc::link::Link;
use ipc::model::{Answer, ModelEvent, ModelRequest, Purpose, StopReason, Usage};
use ipc::refusal::{Refusal, RefusalKind};
use ipc::tool::ToolOutcome;
use ipc::tool_args::ToolArgs;
use ipc::transcript::{ItemKind, ItemOutline, ToolRequest};
use std::os::unix::net::UnixStream;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Long enough for a slow machine; a story that waits this long has failed.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) const ROOMY: ContextLimits = ContextLimits {
    window: 100_000,
    reserve: 1000,
    flush_margin: 1000,
    memory_flush: true,
};

pub(crate) struct Supervisor {
    pub(crate) link: Link<ToAgent, FromAgent>,
    agent: JoinSet<Result<(), Fault>>,
    items: u64,
}

/// An answer to give: words, and calls as (name, arguments).
pub(crate) struct Says<'a> {
    pub(crate) text: &'a str,
    pub(crate) calls: &'a [(&'a str, &'a str)],
    pub(crate) taken: Vec<ItemOutline>,
}

pub(crate) fn says(text: &str) -> Says<'_> {
    Says {
        text,
        calls: &[],
        taken: Vec::new(),
    }
}

pub(crate) fn calls<'a>(calls: &'a [(&'a str, &'a str)]) -> Says<'a> {
    Says { calls, ..says("") }
}

impl Supervisor {
    /// An agent in this process, at the other end of a socketpair, that has said hello.
    pub(crate) async fn with_agent() -> Self {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let mut agent = JoinSet::new();
        let link = Link::from_fd(theirs.into()).unwrap();
        agent.spawn(agent_proc::serve(link));
        let mut supervisor = Self {
            link: Link::from_fd(ours.into()).unwrap(),
            agent,
            items: 0,
        };
        let hello = supervisor.hears().await;
        assert!(matches!(hello, FromAgent::Hello(hello) if hello.check().is_ok()));
        supervisor
    }

    /// As above, started with `history` items: user, answer, user, answer …
    pub(crate) async fn started(history: u64, context: ContextLimits) -> Self {
        let mut supervisor = Self::with_agent().await;
        let outline = (0..history)
            .map(|n| match n % 2 {
                0 => supervisor.stores(ItemKind::User),
                _ => supervisor.stores(ItemKind::Answer),
            })
            .collect();
        supervisor
            .send(ToAgent::Start(start(outline, context)))
            .await;
        supervisor
    }

    pub(crate) async fn send(&mut self, message: ToAgent) {
        self.link.sender.send(&message).await.unwrap();
    }

    pub(crate) async fn hears(&mut self) -> FromAgent {
        let heard = timeout(PATIENCE, self.link.receiver.recv()).await;
        heard.expect("the agent speaks").unwrap()
    }

    /// The next item of the store.
    pub(crate) fn stores(&mut self, kind: ItemKind) -> ItemOutline {
        self.items += 1;
        ItemOutline {
            id: ItemId(self.items),
            kind,
            tokens: 100,
        }
    }

    /// Begins a turn with one new user item.
    pub(crate) async fn begins(&mut self, turn: u64) {
        let item = self.stores(ItemKind::User);
        self.takes_up(turn, vec![item], Vec::new()).await;
    }

    pub(crate) async fn takes_up(
        &mut self,
        turn: u64,
        new: Vec<ItemOutline>,
        open_calls: Vec<OpenCall>,
    ) {
        self.send(ToAgent::Turn(TurnStart {
            turn: TurnId(turn),
            new_items: new,
            open_calls,
        }))
        .await;
    }

    pub(crate) async fn hears_ask(&mut self) -> (CallId, Ask) {
        let heard = self.hears().await;
        let FromAgent::Ask { call, ask } = heard else {
            panic!("not an ask: {heard:?}");
        };
        (call, ask)
    }

    pub(crate) async fn hears_model_ask(&mut self) -> (CallId, ModelRequest) {
        match self.hears_ask().await {
            (call, Ask::Model(request)) if request.purpose == Purpose::Answer => (call, request),
            other => panic!("not an ask for an answer: {other:?}"),
        }
    }

    pub(crate) async fn hears_summary_ask(&mut self) -> (CallId, ItemId) {
        match self.hears_ask().await {
            (call, Ask::Model(request)) => match request.purpose {
                Purpose::Summarize { through, .. } => (call, through),
                Purpose::Answer => panic!("not an ask for a summary"),
            },
            other => panic!("not an ask for a summary: {other:?}"),
        }
    }

    pub(crate) async fn hears_tool_ask(&mut self) -> (CallId, CallRef, ToolArgs) {
        match self.hears_ask().await {
            (call, Ask::Tool(tool)) => (call, tool.request, tool.args),
            other => panic!("not an ask for a tool: {other:?}"),
        }
    }

    pub(crate) async fn hears_note(&mut self) -> (CallId, String) {
        match self.hears_ask().await {
            (call, Ask::Note { text }) => (call, text),
            other => panic!("not a note: {other:?}"),
        }
    }

    pub(crate) async fn hears_text(&mut self, expected: &str) {
        let heard = self.hears().await;
        let FromAgent::Delta { text, .. } = heard else {
            panic!("not text: {heard:?}");
        };
        assert_eq!(text, expected);
    }

    pub(crate) async fn hears_folded(&mut self) -> Result<bool, Refusal> {
        let heard = self.hears().await;
        let FromAgent::Compacted { outcome } = heard else {
            panic!("not the end of a fold: {heard:?}");
        };
        outcome
    }

    pub(crate) async fn hears_end(&mut self, expected: u64) -> TurnOutcome {
        let heard = self.hears().await;
        let FromAgent::TurnDone { turn, outcome } = heard else {
            panic!("not the end of a turn: {heard:?}");
        };
        assert_eq!(turn, TurnId(expected));
        outcome
    }

    pub(crate) async fn streams(&mut self, call: CallId, text: &str) {
        let event = ModelEvent::Text {
            delta: text.to_owned(),
        };
        self.send(ToAgent::Model { call, event }).await;
    }

    /// Stores and sends an answer; its item.
    pub(crate) async fn answers(&mut self, call: CallId, says: Says<'_>) -> ItemId {
        let item = self.stores(ItemKind::Answer);
        let requests = says
            .calls
            .iter()
            .map(|(name, arguments)| tool_request(name, arguments));
        self.replies(
            call,
            Reply::Answer(Answer {
                item,
                taken: says.taken,
                text: says.text.to_owned(),
                tool_calls: requests.collect(),
                stop: StopReason::End,
                usage: Usage::default(),
            }),
        )
        .await;
        item.id
    }

    /// Stores and sends a summary.
    pub(crate) async fn summarizes(&mut self, call: CallId) {
        let item = self.stores(ItemKind::Summary);
        self.replies(
            call,
            Reply::Answer(Answer {
                item,
                taken: Vec::new(),
                text: "a summary".to_owned(),
                tool_calls: Vec::new(),
                stop: StopReason::End,
                usage: Usage::default(),
            }),
        )
        .await;
    }

    /// Stores and sends the end of a tool call.
    pub(crate) async fn ends_tool(&mut self, call: CallId) {
        let item = self.stores(ItemKind::Outcome);
        let outcome = ToolOutcome::Text {
            text: String::new(),
        };
        self.replies(call, Reply::Tool { item, outcome }).await;
    }

    pub(crate) async fn stores_note(&mut self, call: CallId) {
        let item = self.stores(ItemKind::Note);
        self.replies(call, Reply::Stored { item }).await;
    }

    pub(crate) async fn refuses(&mut self, call: CallId, kind: RefusalKind) {
        let result = Err(Refusal::new(kind, "no"));
        self.send(ToAgent::Reply { call, result }).await;
    }

    async fn replies(&mut self, call: CallId, reply: Reply) {
        let result = Ok(reply);
        self.send(ToAgent::Reply { call, result }).await;
    }

    /// How the agent ended.
    pub(crate) async fn sees_exit(&mut self) -> Result<(), Fault> {
        let ended = timeout(PATIENCE, self.agent.join_next()).await;
        ended.expect("the agent ends").unwrap().unwrap()
    }
}

pub(crate) fn start(outline: Vec<ItemOutline>, context: ContextLimits) -> SessionStart {
    let tool = |name: &str| ToolSummary {
        name: name.to_owned(),
        summary: "A tool.".to_owned(),
    };
    SessionStart {
        session: "agent:main:main".into(),
        agent: "main".into(),
        manuals: Vec::new(),
        facts: Vec::new(),
        tools: vec![tool("exec"), tool("read"), tool("write")],
        context,
        outline,
    }
}

pub(crate) fn tool_request(name: &str, arguments: &str) -> ToolRequest {
    ToolRequest {
        id: "call".to_owned(),
        name: name.to_owned(),
        arguments: arguments.to_owned(),
    }
}
