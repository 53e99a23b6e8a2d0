//! `/compact`: history is folded because a person wants it, between turns.
//!
//! The agent decides where to cut and asks for the summary, as in a turn; the summary is stored like
//! any other. Whoever asked hears what it saved. What dies meanwhile has folded nothing.

use super::chosen::COMPACT;
use super::driver::Driver;
use super::state::Input;
use crate::broker::model::ModelEnd;
use crate::message::Said;
use crate::store::StoreError;
use ipc::agent::{Reply as AgentReply, ToAgent};
use ipc::control::Activity;
use ipc::id::TurnId;
use ipc::model::{Answer, Purpose};
use ipc::refusal::{Refusal, RefusalKind};
use ipc::transcript::TranscriptItem;
use std::time::Instant;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

/// Who waits for an answer to a command.
pub(super) type Reply = oneshot::Sender<Option<Said>>;

/// The longest wish for a summary, in bytes.
const MAX_WISHES: usize = 4096;

/// A fold that somebody wants.
#[derive(Debug)]
pub(super) struct Wanted {
    /// What is wished of the summary.
    wishes: String,
    /// Who waits for its end; whoever asked during a turn was answered.
    replies: Vec<Reply>,
    /// Tokens before it, once it has begun.
    before: Option<u64>,
    /// Ends it.
    pub(super) cancel: CancellationToken,
}

impl Driver {
    /// Whether history is being folded now.
    pub(super) fn is_folding(&self) -> bool {
        self.fold.as_ref().is_some_and(|fold| fold.before.is_some())
    }

    /// Whether a turn runs, or what takes its place.
    pub(super) fn is_busy(&self) -> bool {
        self.turn.is_some() || self.is_folding()
    }

    /// Somebody wants history folded.
    pub(super) async fn want_fold(&mut self, mut wishes: String, reply: Reply) {
        wishes.truncate(wishes.floor_char_boundary(MAX_WISHES));
        if let Some(fold) = &mut self.fold {
            return fold.replies.push(reply);
        }
        if self.transcript.context().items.is_empty() && self.turn.is_none() {
            let _ = reply.send(Some(Said::text("There is nothing to fold yet.")));
            return;
        }
        let waits = self.turn.is_some();
        if waits {
            // Whoever asked does not wait for the turn, nor does a gateway that dies forget it.
            let stored = self
                .services
                .store
                .set(&self.key, COMPACT, Some(wishes.clone()));
            let text = match stored.await {
                Ok(()) => "History is folded as soon as this turn has ended.".to_owned(),
                Err(error) => format!("failed to {error}"),
            };
            let _ = reply.send(Some(Said::text(text)));
            self.fold = Some(Wanted::new(wishes, Vec::new()));
        } else {
            self.fold = Some(Wanted::new(wishes, vec![reply]));
        }
        self.apply(Input::Fold).await;
    }

    /// A fold that an earlier gateway was asked for.
    pub(super) async fn take_up_fold(&mut self) -> Result<(), StoreError> {
        let stored = self.services.store.setting(&self.key, COMPACT).await?;
        if let Some(wishes) = stored {
            self.fold = Some(Wanted::new(wishes, Vec::new()));
            self.apply(Input::Fold).await;
        }
        Ok(())
    }

    /// The agent is told.
    pub(super) fn begin_fold(&mut self) {
        let before = self.context_tokens();
        let Some(fold) = &mut self.fold else {
            return;
        };
        fold.before = Some(before);
        let instructions = fold.wishes.clone();
        self.standing.folding = true;
        self.heard_at = Instant::now();
        self.say(ToAgent::Compact { instructions });
    }

    /// The summary's call has ended.
    pub(super) async fn summary_ended(&mut self, end: ModelEnd) -> Result<(), StoreError> {
        let ModelEnd {
            call,
            purpose,
            result,
            ..
        } = end;
        let Purpose::Summarize { through, .. } = purpose else {
            return Ok(());
        };
        let completion = match result.and_then(super::call_end::words_of) {
            Ok(completion) => completion,
            Err(refusal) => {
                self.reply(call, Err(refusal));
                return Ok(());
            }
        };
        let cost = self.live.models.price(&completion.model, completion.usage);
        self.meter.model_called(completion.usage, cost);
        self.usage += completion.usage;
        let item = TranscriptItem::Summary {
            through,
            text: completion.text.clone(),
        };
        let usage = Some((completion.model.to_string(), completion.usage));
        let last = TurnId(self.next_turn.0.saturating_sub(1));
        let item = self.transcript.append_one(last, item, usage).await?;
        self.transcript.heard(item.id);
        let answer = Answer {
            item,
            taken: self.transcript.take_unheard(),
            text: completion.text,
            tool_calls: Vec::new(),
            stop: completion.stop,
            usage: completion.usage,
        };
        self.reply(call, Ok(AgentReply::Answer(answer)));
        Ok(())
    }

    /// The agent has folded what it could.
    pub(super) async fn folded(&mut self, outcome: Result<bool, Refusal>) {
        let after = self.context_tokens();
        let before = self.fold.as_ref().and_then(|fold| fold.before);
        let text = match outcome {
            Ok(true) => saved(before.unwrap_or(after), after),
            Ok(false) => {
                "There is nothing to fold: what was said last is kept as it is.".to_owned()
            }
            Err(refusal) if refusal.kind == RefusalKind::Cancelled => {
                "Stopped; history is as it was.".to_owned()
            }
            Err(refusal) => format!("History is as it was: {}", refusal.message),
        };
        self.end_fold(&text).await;
        if self.is_due_anew() {
            self.begin_anew().await;
        }
        Box::pin(self.apply(Input::TurnDone)).await;
    }

    /// Whoever asked for a fold is told how it ended; it is wanted no more.
    pub(super) async fn end_fold(&mut self, text: &str) {
        let Some(fold) = self.fold.take() else {
            return;
        };
        self.standing.folding = false;
        fold.cancel.cancel();
        if fold.replies.is_empty() {
            self.tell(Activity::Notice {
                text: text.to_owned(),
            });
            if let Err(error) = self.services.store.set(&self.key, COMPACT, None).await {
                tracing::warn!(session = %self.key, "failed to {error}; history may be folded again");
            }
        }
        for reply in fold.replies {
            let _ = reply.send(Some(Said::text(text)));
        }
    }

    /// Tokens in the context, estimated.
    pub(super) fn context_tokens(&self) -> u64 {
        let items = &self.transcript.context().items;
        items.iter().map(|(_, item)| u64::from(item.tokens())).sum()
    }
}

impl Wanted {
    fn new(wishes: String, replies: Vec<Reply>) -> Self {
        Self {
            wishes,
            replies,
            before: None,
            cancel: CancellationToken::new(),
        }
    }
}

/// What a fold saved, in words.
fn saved(before: u64, after: u64) -> String {
    let percent = before.saturating_sub(after) * 100 / before.max(1);
    format!(
        "History is folded: about {} tokens instead of {} ({percent} % less).",
        super::facts::grouped(after),
        super::facts::grouped(before)
    )
}
