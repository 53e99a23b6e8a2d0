//! What a killed process leaves behind: nothing but its work, which goes on.
//!
//! ```text
//!   Accepted ─▶ Asking ─▶ Streaming ─▶ Answered ─▶ ToolBegun ─▶ ToolEnded ─▶ Concluded ─▶ Outboxed ─▶ Sent
//! ```
//! One story, *a tool is called and its result told*, is brought to each of these moments and held
//! there, by a gate in the model, a file the tool waits for, or an agent frozen in its tracks. Then
//! somebody is killed. Whoever and whenever: the message is answered once, the tool has run once.

mod storm;

use ipc::control::{FinalReply, ReplyStatus};
use ipc::transcript::TranscriptItem;
use serde_json::json;
use tests::chat::Exchange;
use tests::model::Turn;
use tests::procfs::Process;
use tests::{Gate, Gateway, MAIN, eventually, turn};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
enum Moment {
    /// The message is on disk; no agent is ready for it.
    Accepted,
    /// The model was asked.
    Asking,
    /// It has said a part.
    Streaming,
    /// Its wish for a tool is stored; the tool is not begun.
    Answered,
    /// The tool runs.
    ToolBegun,
    /// Its outcome is stored; the model does not know it yet.
    ToolEnded,
    /// The last words are stored; the turn is not ended.
    Concluded,
    /// The reply is in the outbox; nobody was there to take it.
    Outboxed,
    /// It was taken.
    Sent,
}

impl Moment {
    const ALL: [Self; 9] = [
        Self::Accepted,
        Self::Asking,
        Self::Streaming,
        Self::Answered,
        Self::ToolBegun,
        Self::ToolEnded,
        Self::Concluded,
        Self::Outboxed,
        Self::Sent,
    ];

    /// The model is in the middle of an answer, which is lost with whoever listens to it.
    fn is_in_an_answer(self) -> bool {
        matches!(self, Self::Asking | Self::Streaming)
    }
}

const KEY: &str = "the one key";
const REPLY: &str = "It has run.";
/// In a session of that name the stand-in for the agent never gets ready.
const MUTE: &str = "agent:main:bad-stubborn-mute";

/// The story, held at a moment.
struct Held {
    gateway: Gateway,
    moment: Moment,
    session: &'static str,
    exchange: Option<Exchange>,
    gate: Gate,
    frozen: Option<Process>,
}

fn calls() -> Turn {
    let command =
        "echo ran >> log; until [ -e go ]; do sleep 0.01; done; echo done >> log; echo all well";
    turn()
        .says("Let me run it.")
        .calls("exec", json!({ "command": command }))
}

impl Held {
    /// Brings the story to a moment. `lost`: the answer that is being given then will be lost.
    async fn at(moment: Moment, lost: bool) -> Self {
        let setup = Gateway::setup().await;
        let is_mute = moment == Moment::Accepted;
        let setup = if is_mute {
            setup.instead("openclaw-agent", "hostile")
        } else {
            setup
        };
        let session = if is_mute { MUTE } else { MAIN };
        let gateway = setup.start().await;
        let gate = Gate::new();
        let first = match moment {
            Moment::Asking | Moment::Answered => calls().waits_for(&gate),
            Moment::Streaming => calls().held_after(2, &gate),
            _ => calls(),
        };
        let last = turn().says(REPLY);
        let last = if moment == Moment::Concluded {
            last.waits_for(&gate)
        } else {
            last
        };
        let again = (lost && moment.is_in_an_answer()).then(calls);
        gateway
            .model
            .script([first].into_iter().chain(again).chain([last]));
        let mut held = Self {
            gateway,
            moment,
            session,
            exchange: None,
            gate,
            frozen: None,
        };
        held.begin().await;
        held
    }

    async fn begin(&mut self) {
        let mut exchange = self
            .gateway
            .chat_in(self.session)
            .says_keyed("run it", KEY)
            .await;
        assert!(!exchange.again);
        match self.moment {
            Moment::Accepted => {
                self.gateway.agent(self.session).await;
                self.gateway.put_own("openclaw-agent");
            }
            Moment::Asking => self.gate.reached().await,
            Moment::Streaming => {
                self.gate.reached().await;
                exchange.sees("a word", |seen| !seen.draft.is_empty()).await;
            }
            Moment::Answered => {
                self.gate.reached().await;
                self.freeze().await;
                self.gate.open();
                eventually!(self.answers().await == 1);
            }
            Moment::ToolBegun => self.tool_began().await,
            Moment::ToolEnded => {
                self.tool_began().await;
                self.freeze().await;
                self.let_go();
                eventually!(self.outcomes().await.len() == 1);
            }
            Moment::Concluded => {
                self.tool_began().await;
                self.let_go();
                self.gate.reached().await;
                self.freeze().await;
                self.gate.open();
                eventually!(self.answers().await == 2);
            }
            Moment::Outboxed => {
                self.tool_began().await;
                drop(exchange);
                self.let_go();
                eventually!(self.gateway.state_of(self.session).await == "idle");
                assert_eq!(self.answers().await, 2);
                return;
            }
            Moment::Sent => {
                self.let_go();
                assert_eq!(exchange.reply().await.text, REPLY);
                return;
            }
        }
        self.exchange = Some(exchange);
    }

    async fn tool_began(&self) {
        eventually!(
            self.gateway.read("log") == "ran\n",
            "{}",
            self.gateway.log()
        );
    }

    fn let_go(&self) {
        self.gateway.write("go", "");
    }

    /// The agent does nothing more of what it would have done.
    async fn freeze(&mut self) {
        let agent = self.gateway.agent(self.session).await;
        agent.freeze();
        self.frozen = Some(agent);
    }

    async fn items(&self) -> Vec<TranscriptItem> {
        self.gateway.transcript(self.session).await
    }

    async fn answers(&self) -> usize {
        let items = self.items().await;
        items
            .iter()
            .filter(|item| matches!(item, TranscriptItem::Answer { .. }))
            .count()
    }

    async fn outcomes(&self) -> Vec<String> {
        let items = self.items().await.into_iter();
        let outcomes = items.filter_map(|item| match item {
            TranscriptItem::Outcome { outcome, .. } => Some(outcome.to_text()),
            _ => None,
        });
        outcomes.collect()
    }

    /// Everything that held the story is taken away.
    fn release(&mut self) {
        self.gate.open();
        self.let_go();
        if let Some(frozen) = self.frozen.take() {
            frozen.thaw();
        }
    }

    /// The story comes to its end by itself, and has the one end it may have: `output` is what the
    /// model was told of the tool.
    async fn ends_well(mut self, output: &str) {
        let moment = self.moment;
        let reply = match &mut self.exchange {
            Some(exchange) => exchange.reply().await,
            None => self.asks_again().await,
        };
        assert_eq!(
            (reply.text.as_str(), reply.status),
            (REPLY, ReplyStatus::Ok),
            "{moment:?}"
        );
        self.has_one_end(&reply, output).await;
        // The same key again is the same message: it has the same answer.
        assert_eq!(self.asks_again().await, reply, "{moment:?}");
        self.has_one_end(&reply, output).await;
    }

    async fn asks_again(&self) -> FinalReply {
        let mut again = self
            .gateway
            .chat_in(self.session)
            .says_keyed("run it", KEY)
            .await;
        assert!(again.again, "{:?}", self.moment);
        again.reply().await
    }

    async fn has_one_end(&self, reply: &FinalReply, output: &str) {
        let (moment, items) = (self.moment, self.items().await);
        let said = items
            .iter()
            .filter(|item| matches!(item, TranscriptItem::User { .. }))
            .count();
        let told = items.iter().filter(
            |item| matches!(item, TranscriptItem::Answer { text, .. } if *text == reply.text),
        );
        assert_eq!((said, told.count()), (1, 1), "{moment:?}: {items:#?}");
        let outcomes = self.outcomes().await;
        assert_eq!(outcomes.len(), 1, "{moment:?}: {items:#?}");
        assert!(outcomes[0].contains(output), "{moment:?}: {outcomes:?}");
        let lines = self.gateway.read("log");
        let ran = lines.lines().filter(|line| *line == "ran").count();
        assert_eq!(ran, 1, "{moment:?}: the tool ran {ran} times: {lines:?}");
        assert_eq!(self.gateway.model.unplayed(), 0, "{moment:?}");
        assert!(
            self.gateway
                .model
                .last()
                .tool_output("exec")
                .contains(output),
            "{moment:?}"
        );
    }
}

#[tokio::test]
async fn a_killed_supervisor_takes_everything_up_again() {
    for moment in Moment::ALL {
        let mut held = Held::at(moment, true).await;
        let family = held.gateway.kill9();
        held.exchange = None;
        held.release();
        eventually!(
            !family.iter().any(Process::is_alive),
            "{moment:?}: {family:#?}"
        );
        held.gateway.start_again().await;
        let is_cut_off = moment == Moment::ToolBegun;
        held.ends_well(if is_cut_off {
            "interrupted"
        } else {
            "all well"
        })
        .await;
    }
}

#[tokio::test]
async fn a_killed_agent_is_followed_by_one_that_goes_on() {
    for moment in Moment::ALL {
        let mut held = Held::at(moment, false).await;
        let agent = held.gateway.agent(held.session).await;
        agent.kill9();
        eventually!(!agent.is_alive());
        held.release();
        // The call was the supervisor's: its end is heard, whoever asked for it.
        held.ends_well("all well").await;
    }
}

#[tokio::test]
async fn both_killed_at_once_change_nothing() {
    for moment in Moment::ALL {
        let mut held = Held::at(moment, true).await;
        let agent = held.gateway.agent(held.session).await;
        // Frozen, the supervisor does not hear of the agent's end before its own.
        held.gateway.process().freeze();
        agent.kill9();
        let family = held.gateway.kill9();
        held.exchange = None;
        held.release();
        eventually!(
            !family.iter().any(Process::is_alive),
            "{moment:?}: {family:#?}"
        );
        held.gateway.start_again().await;
        let is_cut_off = moment == Moment::ToolBegun;
        held.ends_well(if is_cut_off {
            "interrupted"
        } else {
            "all well"
        })
        .await;
    }
}

#[tokio::test]
async fn a_killed_tool_is_told_to_the_model_and_not_run_again() {
    // From the outside in: the jail's keeper, its pid 1, the toolbox, the shell.
    let layers = [
        ("openclaw-jail", 0, "interrupted"),
        ("openclaw-jail", 1, "interrupted"),
        ("openclaw-toolbox", 0, "interrupted"),
        ("until [ -e go ]", 0, "signal 9"),
    ];
    for (title, number, told) in layers {
        let held = Held::at(Moment::ToolBegun, false).await;
        let victims: Vec<_> = held
            .gateway
            .titled(title)
            .into_iter()
            .filter(|p| is_called(p, title))
            .collect();
        let victim = victims
            .get(number)
            .unwrap_or_else(|| panic!("{:#?}", held.gateway.tree()));
        let agents = held.gateway.agents(MAIN);
        victim.kill9();
        held.ends_well(told).await;
        drop(agents);
    }
}

/// The process itself, and not one that only carries its name along.
fn is_called(process: &Process, title: &str) -> bool {
    process.title.starts_with(title)
        || (title.starts_with("until") && process.title.contains("sh "))
}

#[tokio::test]
async fn an_agent_that_dies_while_idle_is_not_missed() {
    let gateway = Gateway::start().await;
    gateway
        .model
        .script([turn().says("One."), turn().says("Two.")]);
    let alice = gateway.chat();
    alice.asks("one").await;
    let agent = gateway.agent(MAIN).await;
    agent.kill9();
    eventually!(!agent.is_alive());
    assert_eq!(alice.asks("two").await.text, "Two.");
    assert_eq!(gateway.model.request(1).users(), ["one", "two"]);
}

#[tokio::test]
async fn a_message_to_a_gateway_that_is_killed_again_and_again_is_answered_once() {
    let mut gateway = Gateway::start().await;
    let gate = Gate::new();
    for _ in 0..4 {
        gateway.model.script([turn().says("lost").waits_for(&gate)]);
    }
    gateway.model.script([turn().says("At last.")]);
    let exchange = gateway.chat().says_keyed("hi", KEY).await;
    drop(exchange);
    for round in 1..=4 {
        gate.reached_by(round).await;
        gateway.kill9_and_start_again().await;
    }
    let mut again = gateway.chat().says_keyed("hi", KEY).await;
    assert!(again.again);
    assert_eq!(again.reply().await.text, "At last.");
    assert_eq!(gateway.model.requests().len(), 5);
}

#[tokio::test]
async fn an_orderly_stop_in_the_middle_of_a_turn_loses_nothing() {
    for moment in [Moment::Asking, Moment::ToolBegun, Moment::Concluded] {
        let mut held = Held::at(moment, true).await;
        held.exchange = None;
        let status = held.gateway.terminate().await;
        assert_eq!(status.code(), Some(0), "{}", held.gateway.log());
        held.release();
        held.gateway.start_again().await;
        let is_cut_off = moment == Moment::ToolBegun;
        held.ends_well(if is_cut_off { "" } else { "all well" })
            .await;
    }
}

#[tokio::test]
async fn the_command_line_waits_for_a_gateway_that_was_killed_and_prints_the_answer_once() {
    let mut gateway = Gateway::start().await;
    let gate = Gate::new();
    gateway.model.script([
        turn().says("lost").held_after(0, &gate),
        turn().says("Here I am."),
    ]);
    let person = gateway.cli_begins(&["agent", "-m", "hi"]);
    gate.reached().await;
    gateway.kill9_and_start_again().await;
    let ran = tests::cli::ended(person).await;
    assert_eq!((ran.code, ran.out.as_str()), (0, "Here I am.\n"), "{ran:?}");
    assert_eq!(gateway.transcript(MAIN).await.len(), 2);
}
