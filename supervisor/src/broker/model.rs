//! Answers an agent's wish for the model's next words: calls the chain, streams the pieces to the
//! agent process, and tells of every fallback taken.

use super::Live;
use crate::config::{ModelRef, Thinking};
use crate::message::Outbound;
use crate::model::{Completion, Context, ModelCall, ModelFailure, Progress, RenderCache};
use ipc::agent::ToAgent;
use ipc::control::Activity;
use ipc::id::{CallId, SessionKey};
use ipc::model::{ModelEvent, Purpose};
use ipc::refusal::{Refusal, RefusalKind};
use ipc::tool_args::ToolSpec;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{broadcast, mpsc};
use tokio_util::sync::CancellationToken;

/// One model call to be made.
#[derive(Debug)]
pub struct ModelAsk {
    /// The agent's number for it.
    pub call: CallId,
    /// What the words are for.
    pub purpose: Purpose,
    /// Models to try, in order.
    pub chain: Vec<ModelRef>,
    /// Whose conversation.
    pub session: SessionKey,
    /// The system prompt.
    pub instructions: Arc<str>,
    /// Tools on offer.
    pub tools: Arc<[ToolSpec]>,
    /// What was said.
    pub context: Context,
    /// Rendered requests of the context.
    pub cache: RenderCache,
    /// How long the model thinks.
    pub thinking: Option<Thinking>,
    /// No answer for this long is a failure.
    pub timeout: Duration,
    /// The turn's end.
    pub cancel: CancellationToken,
    /// The agent process, for the pieces.
    pub agent: mpsc::Sender<ToAgent>,
    /// Whoever watches, for fallbacks.
    pub watchers: broadcast::Sender<Arc<Outbound>>,
}

/// A model call's end.
#[derive(Debug)]
pub struct ModelEnd {
    /// The agent's number for it.
    pub call: CallId,
    /// What the words were for.
    pub purpose: Purpose,
    /// The cache, back; a summary's call used none.
    pub cache: Option<RenderCache>,
    /// The words, or why there are none.
    pub result: Result<Completion, Refusal>,
    /// Fallbacks taken, in words.
    pub fallbacks: Vec<String>,
}

/// Makes the call.
pub async fn ask(live: Arc<Live>, ask: ModelAsk) -> ModelEnd {
    let ModelAsk {
        call,
        purpose,
        chain,
        session,
        instructions,
        tools,
        mut context,
        cache,
        ..
    } = ask;
    let mut stream = Stream {
        call,
        agent: ask.agent,
        silent: false,
        unsent: String::new(),
    };
    let mut cache = Some(cache);
    let mut spare = RenderCache::default();
    let mut fallbacks = Vec::new();
    let closing = match &purpose {
        Purpose::Answer => None,
        Purpose::Summarize { through, prompt } => {
            context.items.retain(|(id, _)| id <= through);
            // A part of the context has a rendering of its own; the whole one's is kept.
            stream.silent = true;
            Some(prompt.as_str())
        }
    };
    let offered: &[ToolSpec] = if closing.is_some() { &[] } else { &tools };
    let result = {
        let rendering = match (&mut cache, closing) {
            (Some(cache), None) => cache,
            (None | Some(_), _) => &mut spare,
        };
        let wanted = ModelCall {
            chain: &chain,
            session: &session,
            instructions: &instructions,
            tools: offered,
            context: &context,
            closing,
            thinking: ask.thinking,
            timeout: ask.timeout,
        };
        let mut progress = |progress: Progress| match progress {
            Progress::Text(delta) => stream.text(&delta),
            Progress::Restart { reason } => stream.restart(reason),
            Progress::Fallback { from, to, reason } => {
                let text = format!("{from} failed ({reason}); falling back to {to}");
                tracing::warn!(session = %session, "{text}");
                // A session nobody watches is fine.
                let notice = Activity::Notice { text: text.clone() };
                let _ = ask.watchers.send(Arc::new(Outbound::Activity(notice)));
                fallbacks.push(text);
            }
        };
        tokio::select! {
            biased;
            () = ask.cancel.cancelled() => Err(cancelled()),
            result = live.models.answer(wanted, rendering, &mut progress) => result.map_err(refusal),
        }
    };
    stream.flush().await;
    ModelEnd {
        call,
        purpose,
        cache,
        result,
        fallbacks,
    }
}

fn cancelled() -> Refusal {
    Refusal::new(RefusalKind::Cancelled, "the turn was cancelled")
}

fn refusal(failure: ModelFailure) -> Refusal {
    let kind = match &failure {
        ModelFailure::ContextFull { .. } => RefusalKind::ContextFull,
        ModelFailure::Exhausted { .. } => RefusalKind::Unavailable,
    };
    Refusal::new(kind, failure.to_string())
}

/// The pieces on their way to the agent. A slow agent gets fewer and longer ones; the bound is the
/// answer's own.
struct Stream {
    call: CallId,
    agent: mpsc::Sender<ToAgent>,
    silent: bool,
    unsent: String,
}

impl Stream {
    fn text(&mut self, delta: &str) {
        if self.silent {
            return;
        }
        self.unsent.push_str(delta);
        let event = ModelEvent::Text {
            delta: self.unsent.clone(),
        };
        if self
            .agent
            .try_send(ToAgent::Model {
                call: self.call,
                event,
            })
            .is_ok()
        {
            self.unsent.clear();
        }
    }

    fn restart(&mut self, reason: String) {
        self.unsent.clear();
        let event = ModelEvent::Restart { reason };
        // Full: what was streamed is then replaced by the final answer.
        let _ = self.agent.try_send(ToAgent::Model {
            call: self.call,
            event,
        });
    }

    async fn flush(self) {
        if !self.unsent.is_empty() {
            let event = ModelEvent::Text { delta: self.unsent };
            let _ = self
                .agent
                .send(ToAgent::Model {
                    call: self.call,
                    event,
                })
                .await;
        }
    }
}
