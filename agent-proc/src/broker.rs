//! Typed asks: numbers them, remembers what each was for, and reads the replies.
//!
//! A reply to an ask that was abandoned is late: it changes no turn, and only the item it names is
//! learnt.

use crate::fault::Fault;
use ipc::agent::{Ask, FromAgent, Reply, ToolCall, TurnOutcome};
use ipc::hello::Hello;
use ipc::id::{CallId, CallRef, ItemId, TurnId};
use ipc::link::LinkSender;
use ipc::model::{Answer, ModelRequest, Purpose};
use ipc::refusal::Refusal;
use ipc::transcript::ItemOutline;
use std::collections::BTreeMap;

/// Asks and says things. Bounded by what one answer of a model calls for: every ask is a
/// consequence of the turn, and a turn's end forgets its asks.
#[expect(missing_debug_implementations, reason = "the link under it has none")]
pub struct Broker {
    sender: LinkSender<FromAgent>,
    next: CallId,
    open: BTreeMap<CallId, Asked>,
    /// The system prompt until it is sent, which is once.
    instructions: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Answer,
    Summary { through: ItemId },
    Tool { request: CallRef },
    Note,
}

/// What came of an ask.
#[derive(Debug)]
pub enum Heard {
    /// The model's next words.
    Answer(Box<Answer>),
    /// Everything up to and including `through` is now `item`.
    Summary {
        /// The last item folded in.
        through: ItemId,
        /// The summary.
        item: ItemOutline,
    },
    /// A tool call ended; its outcome is stored.
    Outcome {
        /// Which call.
        request: CallRef,
        /// The stored outcome.
        item: ItemOutline,
    },
    /// A tool call was refused; unless the turn is being cancelled, its outcome is stored.
    OutcomeRefused {
        /// Which call.
        request: CallRef,
        /// Why.
        refusal: Refusal,
    },
    /// A note is stored.
    Note(ItemOutline),
    /// The model, a summary or a note was refused; only one of them is ever open.
    Refused(Refusal),
    /// A late reply, and the item it names where that is in the context.
    Late(Option<ItemOutline>),
}

impl Broker {
    /// A broker that sends `instructions` with its first model ask.
    #[must_use]
    pub fn new(sender: LinkSender<FromAgent>) -> Self {
        Self {
            sender,
            next: CallId(1),
            open: BTreeMap::new(),
            instructions: None,
        }
    }

    /// The system prompt that goes with the next model ask.
    pub fn instruct(&mut self, instructions: String) {
        self.instructions = Some(instructions);
    }

    /// The first frame: sealed, and ready to start.
    ///
    /// # Errors
    /// The link broke; so for all that say something below.
    pub async fn hello(&mut self) -> Result<(), Fault> {
        self.say(FromAgent::Hello(Hello::ours())).await
    }

    /// Asks for the turn's next words.
    ///
    /// # Errors
    /// The link broke.
    pub async fn model(&mut self, last: ItemId) -> Result<(), Fault> {
        let request = self.request(last, Purpose::Answer);
        self.ask(Asked::Answer, request).await
    }

    /// Asks for a summary of everything up to and including `through`.
    ///
    /// # Errors
    /// The link broke.
    pub async fn summary(
        &mut self,
        last: ItemId,
        through: ItemId,
        prompt: String,
    ) -> Result<(), Fault> {
        let request = self.request(last, Purpose::Summarize { through, prompt });
        self.ask(Asked::Summary { through }, request).await
    }

    /// Asks for a tool.
    ///
    /// # Errors
    /// The link broke.
    pub async fn tool(&mut self, call: ToolCall) -> Result<(), Fault> {
        let request = call.request;
        self.ask(Asked::Tool { request }, Ask::Tool(call)).await
    }

    /// Asks for a note to be stored.
    ///
    /// # Errors
    /// The link broke.
    pub async fn note(&mut self, text: String) -> Result<(), Fault> {
        self.ask(Asked::Note, Ask::Note { text }).await
    }

    /// Says that a call of the last answer can not be asked.
    ///
    /// # Errors
    /// The link broke.
    pub async fn reject(&mut self, request: CallRef, reason: String) -> Result<(), Fault> {
        self.say(FromAgent::Reject { request, reason }).await
    }

    /// Shows text.
    ///
    /// # Errors
    /// The link broke.
    pub async fn delta(&mut self, turn: TurnId, text: String) -> Result<(), Fault> {
        self.say(FromAgent::Delta { turn, text }).await
    }

    /// Takes back what was shown of the current answer.
    ///
    /// # Errors
    /// The link broke.
    pub async fn undelta(&mut self, turn: TurnId) -> Result<(), Fault> {
        self.say(FromAgent::Undelta { turn }).await
    }

    /// Tells what came of a wish to fold.
    ///
    /// # Errors
    /// The link broke.
    pub async fn compacted(&mut self, outcome: Result<bool, Refusal>) -> Result<(), Fault> {
        self.say(FromAgent::Compacted { outcome }).await
    }

    /// Ends a turn.
    ///
    /// # Errors
    /// The link broke.
    pub async fn turn_done(&mut self, turn: TurnId, outcome: TurnOutcome) -> Result<(), Fault> {
        self.say(FromAgent::TurnDone { turn, outcome }).await
    }

    /// Forgets every open ask: their replies will be late.
    pub fn abandon(&mut self) {
        self.open.clear();
    }

    /// Whether `call` is the open ask for the turn's next words.
    #[must_use]
    pub fn is_answering(&self, call: CallId) -> bool {
        self.open.get(&call) == Some(&Asked::Answer)
    }

    /// Reads the reply to an ask.
    ///
    /// # Errors
    /// [`Fault::OutOfPlace`] when the ask was never made, or the reply is to another kind of ask.
    pub fn hear(&mut self, call: CallId, result: Result<Reply, Refusal>) -> Result<Heard, Fault> {
        if call >= self.next {
            return Err(Fault::OutOfPlace("a reply to an ask that was never made"));
        }
        match (self.open.remove(&call), result) {
            (None, result) => Ok(Heard::Late(result.ok().and_then(late_item))),
            (Some(asked), Ok(reply)) => read(asked, reply),
            (Some(Asked::Tool { request }), Err(refusal)) => {
                Ok(Heard::OutcomeRefused { request, refusal })
            }
            (Some(Asked::Answer | Asked::Summary { .. } | Asked::Note), Err(refusal)) => {
                Ok(Heard::Refused(refusal))
            }
        }
    }

    fn request(&mut self, last: ItemId, purpose: Purpose) -> Ask {
        Ask::Model(ModelRequest {
            instructions: self.instructions.take(),
            last,
            purpose,
        })
    }

    async fn ask(&mut self, asked: Asked, ask: Ask) -> Result<(), Fault> {
        let call = self.next;
        self.next = call.next();
        self.open.insert(call, asked);
        self.say(FromAgent::Ask { call, ask }).await
    }

    async fn say(&mut self, message: FromAgent) -> Result<(), Fault> {
        Ok(self.sender.send(&message).await?)
    }
}

fn read(asked: Asked, reply: Reply) -> Result<Heard, Fault> {
    match (asked, reply) {
        (Asked::Answer, Reply::Answer(answer)) => Ok(Heard::Answer(Box::new(answer))),
        (Asked::Summary { through }, Reply::Answer(answer)) => Ok(Heard::Summary {
            through,
            item: answer.item,
        }),
        (Asked::Tool { request }, Reply::Tool { item, .. }) => Ok(Heard::Outcome { request, item }),
        (Asked::Note, Reply::Stored { item }) => Ok(Heard::Note(item)),
        (Asked::Answer | Asked::Summary { .. }, Reply::Tool { .. } | Reply::Stored { .. })
        | (Asked::Tool { .. }, Reply::Answer(_) | Reply::Stored { .. })
        | (Asked::Note, Reply::Answer(_) | Reply::Tool { .. }) => {
            Err(Fault::OutOfPlace("a reply to another kind of ask"))
        }
    }
}

/// The item of a late reply. A late summary is left out: what it folded is forgotten, and counting
/// those items still only makes the next fold come early.
fn late_item(reply: Reply) -> Option<ItemOutline> {
    let item = match reply {
        Reply::Answer(answer) => answer.item,
        Reply::Tool { item, .. } | Reply::Stored { item } => item,
    };
    (item.kind != ipc::transcript::ItemKind::Summary).then_some(item)
}
