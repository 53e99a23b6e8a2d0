//! One gateway, a turn to be disturbed, and a second session that must not notice.

use super::victim::{Victim, lost};
use ipc::control::ReplyStatus;
use ipc::transcript::TranscriptItem;
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tests::gateway::Setup;
use tests::model::{Said, Seen, Turn};
use tests::procfs::Process;
use tests::{Exchange, Gate, Gateway, eventually, turn};

/// What the person asks for, and what the answer is.
const WORDS: &str = "do the thing";
pub(super) const DONE: &str = "It is done.";

const BYSTANDER: &str = "agent:main:bystander";
const MEANWHILE: &str = "And how are you?";
const WELL: &str = "Quite well.";

/// The stage.
pub(super) struct Stage {
    pub(super) gateway: Gateway,
    session: String,
    exchange: Option<Exchange>,
    bystander: Bystander,
}

/// Somebody else, whose answer is being thought about all the time.
struct Bystander {
    exchange: Option<Exchange>,
    agent: Process,
    gate: Gate,
    /// How often the model was asked for it: once a gateway.
    asked: u32,
}

/// How a turn that was disturbed is to end.
#[derive(Debug)]
pub(super) struct End {
    asked: usize,
    ran: Vec<(&'static str, &'static str)>,
    polled: Option<&'static str>,
}

impl End {
    /// After so many model requests in all.
    pub(super) fn new(asked: usize) -> Self {
        let (ran, polled) = (Vec::new(), None);
        Self { asked, ran, polled }
    }

    /// A tool wrote its line, once, and the model was told this of it.
    pub(super) fn ran(mut self, line: &'static str, told: &'static str) -> Self {
        self.ran.push((line, told));
        self
    }

    /// The model was told this when it asked after a background command.
    pub(super) fn polled(mut self, told: &'static str) -> Self {
        self.polled = Some(told);
        self
    }
}

impl Stage {
    /// A gateway as `setup` has it, with a bystander in mid-turn; `killed` are those that will be.
    pub(super) async fn set(setup: Setup, killed: &[Victim]) -> Self {
        Self::set_in("agent:main:case", setup, killed).await
    }

    /// As [`Self::set`], with a turn in a session of that name.
    pub(super) async fn set_in(session: &str, setup: Setup, killed: &[Victim]) -> Self {
        let gateway = setup.start().await;
        let gate = Gate::new();
        let well = turn().says(WELL).waits_for(&gate);
        // Every new supervisor asks for it anew.
        let turns = vec![well; 1 + lost(killed)];
        gateway.model.script_for(MEANWHILE, turns);
        let chat = gateway.chat_in(BYSTANDER);
        let exchange = Some(chat.says_keyed(MEANWHILE, BYSTANDER).await);
        gate.reached().await;
        let agent = gateway.agent(BYSTANDER).await;
        Self {
            gateway,
            session: session.to_owned(),
            exchange: None,
            bystander: Bystander {
                exchange,
                agent,
                gate,
                asked: 1,
            },
        }
    }

    pub(super) fn session(&self) -> &str {
        &self.session
    }

    // === before ===

    /// What the model is to say in this conversation.
    pub(super) fn script(&self, turns: impl IntoIterator<Item = Turn>) {
        self.gateway.model.script_for(WORDS, turns);
    }

    /// The person says it; it is accepted when this returns.
    pub(super) async fn submits(&mut self) -> &mut Exchange {
        let chat = self.gateway.chat_in(&self.session);
        let exchange = chat.says_keyed(WORDS, WORDS).await;
        self.exchange.insert(exchange)
    }

    /// The person does not wait for the answer.
    pub(super) fn leaves(&mut self) {
        self.exchange = None;
    }

    /// The person waits for the answer.
    pub(super) async fn is_answered(&mut self) {
        let exchange = self.exchange.as_mut().expect("somebody asked");
        assert_eq!(exchange.reply().await.text, DONE);
    }

    /// Waits until the person sees this.
    pub(super) async fn shows(&mut self, text: &str) {
        let exchange = self.exchange.as_mut().expect("somebody asked");
        exchange.sees(text, |seen| seen.draft == text).await;
    }

    /// The session's agent.
    pub(super) async fn agent(&self) -> Process {
        self.gateway.agent(&self.session).await
    }

    /// Waits until the transcript holds an item.
    pub(super) async fn has(&self, what: &str, holds: impl Fn(&TranscriptItem) -> bool) {
        eventually!(self.items().await.iter().any(&holds), "no {what}");
    }

    /// Lets the model's answer through, and sees to it that the agent gets no further than that.
    pub(super) async fn stops_at_answer(&self, gate: &Gate) {
        gate.reached().await;
        self.agent().await.freeze();
        gate.open();
        let answer = |item: &TranscriptItem| matches!(item, TranscriptItem::Answer { .. });
        self.has("answer", answer).await;
    }

    async fn items(&self) -> Vec<TranscriptItem> {
        self.gateway.transcript(&self.session).await
    }

    /// Waits until the session's state is called so.
    pub(super) async fn is(&self, state: &str) {
        eventually!(self.gateway.state_of(&self.session).await == state);
    }

    /// Waits until a tool has written its line.
    pub(super) async fn ran(&self, line: &str) {
        eventually!(
            self.lines().iter().any(|ran| ran == line),
            "{line} never ran:\n{}",
            self.gateway.log()
        );
    }

    fn lines(&self) -> Vec<String> {
        self.gateway
            .read("ran")
            .lines()
            .map(str::to_owned)
            .collect()
    }

    // === the blow ===

    /// Kills the supervisor, sees that nothing is left, and starts it again.
    pub(super) async fn kill_supervisor(&mut self) {
        let family = self.gateway.kill9();
        self.is_gone(family).await;
    }

    /// Asks the supervisor to stop, sees that nothing is left, and starts it again.
    pub(super) async fn stop_supervisor(&mut self) {
        let family = self.gateway.tree();
        let status = self.gateway.terminate().await;
        assert_eq!(status.code(), Some(0), "{}", self.gateway.log());
        self.is_gone(family).await;
    }

    async fn is_gone(&mut self, family: Vec<Process>) {
        // Whoever was stopped in its tracks can hear of it only now.
        family.iter().for_each(Process::thaw);
        let left = || {
            let alive = family.iter().filter(|process| process.is_alive());
            alive.cloned().collect::<Vec<_>>()
        };
        eventually!(left().is_empty(), "left behind: {:#?}", left());
        // Nobody hears the old connections any more.
        let was_asking = self.exchange.take().is_some();
        self.gateway.start_again().await;
        if was_asking {
            let exchange = self.submits().await;
            assert!(exchange.again, "it was accepted before");
        }
        let bystander = self.gateway.chat_in(BYSTANDER);
        let exchange = bystander.says_keyed(MEANWHILE, BYSTANDER).await;
        assert!(exchange.again);
        let other = &mut self.bystander;
        other.exchange = Some(exchange);
        other.asked += 1;
        other.gate.reached_by(other.asked).await;
        other.agent = self.gateway.agent(BYSTANDER).await;
    }

    // === after ===

    /// Sees that the turn ends as if nothing had happened.
    pub(super) async fn ends(mut self, end: End) {
        if self.exchange.is_none() {
            assert!(self.submits().await.again);
        }
        self.is_answered().await;
        // Whoever asks again gets the same answer, and causes nothing.
        let again = self.submits().await;
        assert!(again.again);
        self.is_answered().await;
        self.check_transcript().await;
        self.check_requests(&end);
        let mut ran = self.lines();
        ran.sort();
        let wanted: Vec<_> = end.ran.iter().map(|(line, _)| *line).collect();
        assert_eq!(ran, wanted, "what the tools did");
        self.check_bystander().await;
        let tools = || self.gateway.titled(" job-");
        eventually!(tools().is_empty(), "tools go on: {:#?}", tools());
        assert_eq!(self.gateway.model.unplayed(), 0, "turns nobody asked for");
    }

    async fn check_transcript(&self) {
        let items = self.items().await;
        let said = |item: &TranscriptItem| matches!(item, TranscriptItem::User { text, .. } if text == WORDS);
        let done = |item: &TranscriptItem| matches!(item, TranscriptItem::Answer { text, .. } if text == DONE);
        for (what, count) in [
            ("question", items.iter().filter(|item| said(item)).count()),
            ("answer", items.iter().filter(|item| done(item)).count()),
        ] {
            assert_eq!(count, 1, "one {what}: {items:#?}");
        }
    }

    fn check_requests(&self, end: &End) {
        let seen = self.gateway.model.requests();
        let ours = |seen: &Seen| seen.users().iter().any(|user| user.contains(WORDS));
        let ours: Vec<Seen> = seen.into_iter().filter(ours).collect();
        assert_eq!(ours.len(), end.asked, "{:#?}", ours.last());
        let last = ours.last().expect("it was asked");
        for (line, wanted) in &end.ran {
            let told = told(last, &format!("echo {line} "));
            assert!(told.contains(wanted), "{told:?} should say {wanted:?}");
        }
        if let Some(wanted) = end.polled {
            let told = told(last, "poll");
            assert!(told.contains(wanted), "{told:?} should say {wanted:?}");
        }
    }

    async fn check_bystander(&mut self) {
        let bystander = &mut self.bystander;
        assert!(bystander.agent.is_alive(), "the other session's agent died");
        bystander.gate.open();
        let exchange = bystander.exchange.as_mut().expect("it asked");
        let reply = exchange.reply().await;
        assert_eq!((reply.status, reply.text.as_str()), (ReplyStatus::Ok, WELL));
        assert!(bystander.agent.is_alive());
    }
}

impl Drop for Stage {
    /// A frozen process does not hear that its supervisor is gone.
    fn drop(&mut self) {
        let tree = self.gateway.tree();
        tree.iter()
            .for_each(|process| process.signal(Signal::SIGCONT));
    }
}

/// What the model is told of the call with these words in its arguments.
fn told(seen: &Seen, words: &str) -> String {
    let calls = seen.said.iter().flat_map(|said| match said {
        Said::Model { calls, .. } => calls.as_slice(),
        Said::User(_) | Said::Tool { .. } => &[],
    });
    let calls: Vec<_> = calls
        .filter(|call| call.arguments.contains(words))
        .collect();
    let [call] = calls.as_slice() else {
        panic!("one call with {words:?}, not {calls:?}")
    };
    let outputs = seen.said.iter().filter_map(|said| match said {
        Said::Tool { id, output } if *id == call.id => Some(output.clone()),
        Said::User(_) | Said::Model { .. } | Said::Tool { .. } => None,
    });
    outputs.collect::<Vec<_>>().join("\n")
}

/// A call of a tool that writes a line, and goes on until it is let go.
pub(super) fn lingers(line: &str) -> Value {
    let wait = format!("while [ ! -e go-{line} ]; do sleep 0.01; done");
    json!({ "command": format!("echo {line} >> ran; {wait}; echo went {line}") })
}

/// Lets such a tool go.
pub(super) fn let_go(gateway: &Gateway, line: &str) {
    gateway.write(&format!("go-{line}"), "");
}
