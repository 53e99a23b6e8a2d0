//! How calls end, a model's and a tool's: what came of each is stored, then told to the agent.

use super::driver::{Driver, ToolEnd};
use crate::broker::model::ModelEnd;
use crate::model::Completion;
use crate::store::StoreError;
use ipc::agent::{Reply, ToolCall};
use ipc::control::Activity;
use ipc::id::CallId;
use ipc::model::{Answer, Purpose, Usage};
use ipc::refusal::{Refusal, RefusalKind};
use ipc::tool::ToolOutcome;
use ipc::transcript::TranscriptItem;
use ipc::walls::Behind;

impl Driver {
    /// A model call has ended.
    pub(super) async fn model_ended(&mut self, end: ModelEnd) -> Result<(), StoreError> {
        let ModelEnd {
            call,
            purpose,
            cache,
            result,
            fallbacks,
        } = end;
        if let Some(cache) = cache {
            self.transcript.cache = cache;
        }
        self.standing.model_asked = false;
        if self.is_folding() {
            let end = ModelEnd {
                call,
                purpose,
                cache: None,
                result,
                fallbacks,
            };
            return self.summary_ended(end).await;
        }
        let Some(turn) = self
            .turn
            .as_mut()
            .filter(|turn| !turn.cancel.is_cancelled())
        else {
            return Ok(());
        };
        let is_orphan = self.standing.turn.is_none();
        if is_orphan && purpose != Purpose::Answer {
            // The next process knows the items that this would fold; it asks anew.
            return Ok(());
        }
        let id = turn.id;
        let completion = match result.and_then(|completion| fit_for(&purpose, completion)) {
            Ok(completion) => completion,
            Err(refusal) => {
                turn.budget.spend(Usage::default());
                self.reply(call, Err(refusal));
                return Ok(());
            }
        };
        let model = completion.model.to_string();
        turn.model.clone_from(&model);
        turn.usage += completion.usage;
        turn.model_calls += 1;
        turn.budget.spend(completion.usage);
        let cost = self.live.models.price(&completion.model, completion.usage);
        self.meter.model_called(completion.usage, cost);
        let item = match purpose {
            Purpose::Answer => {
                turn.text.clone_from(&completion.text);
                TranscriptItem::Answer {
                    text: completion.text.clone(),
                    tool_calls: completion.tool_calls.clone(),
                    model: model.clone(),
                    usage: completion.usage,
                    carried: completion.carried,
                }
            }
            Purpose::Summarize { through, .. } => TranscriptItem::Summary {
                through,
                text: completion.text.clone(),
            },
        };
        self.usage += completion.usage;
        let notes = fallbacks
            .into_iter()
            .map(|text| TranscriptItem::Note { text })
            .collect();
        self.transcript.append(id, notes, Vec::new(), None).await?;
        let usage = Some((model, completion.usage));
        let item = self.transcript.append_one(id, item, usage).await?;
        self.standing.opens(item.id, &completion.tool_calls);
        if is_orphan {
            // Who asked is gone. The next process is told with its turn.
            return Ok(());
        }
        self.transcript.heard(item.id);
        let answer = Answer {
            item,
            taken: self.transcript.take_unheard(),
            text: completion.text,
            tool_calls: completion.tool_calls,
            stop: completion.stop,
            usage: completion.usage,
        };
        self.reply(call, Ok(Reply::Answer(answer)));
        Ok(())
    }

    /// A tool's process is done with a call, or leaves it in the background.
    pub(super) async fn tool_ended(&mut self, end: ToolEnd) -> Result<(), StoreError> {
        let ToolEnd {
            call,
            tool,
            place,
            ended,
        } = end;
        let outcome = self.tools.keep(ended);
        self.ended(call, tool, outcome, Some(&place)).await
    }

    /// A call's outcome is stored, then told; `warning` is for the model, when all calls have ended.
    pub(super) async fn call_ended(
        &mut self,
        call: CallId,
        tool: ToolCall,
        outcome: ToolOutcome,
        warning: Option<String>,
        behind: Option<Behind>,
    ) -> Result<(), StoreError> {
        self.standing.tools_asked = self.standing.tools_asked.saturating_sub(1);
        let ToolCall { request, args } = tool;
        let verdict = verdict(&outcome);
        self.tell(Activity::ToolEnded {
            tool: args.name().to_owned(),
            verdict,
        });
        if let ToolOutcome::Stopped { reason, .. } = &outcome {
            // Whoever does not watch the tools is told as well.
            let text = format!("{} was stopped: {reason}", args.name());
            self.tell(Activity::Notice { text });
        }
        let Some(turn) = &mut self.turn else {
            return Ok(());
        };
        turn.notes.extend(warning);
        let id = turn.id;
        let short = outcome.without_output();
        let tool = args.name().to_owned();
        let item = TranscriptItem::Outcome {
            call: request,
            tool,
            outcome,
            behind,
        };
        let item = self.transcript.end_call(id, request, item).await?;
        self.reply(
            call,
            Ok(Reply::Tool {
                item,
                outcome: short,
            }),
        );
        Ok(())
    }
}

/// A summary is words: tools were not on offer, so calls in it are noise, and without a word it
/// would replace the past by nothing.
fn fit_for(purpose: &Purpose, completion: Completion) -> Result<Completion, Refusal> {
    match purpose {
        Purpose::Answer => Ok(completion),
        Purpose::Summarize { .. } => words_of(completion),
    }
}

/// A summary's words.
pub(super) fn words_of(mut completion: Completion) -> Result<Completion, Refusal> {
    if completion.text.trim().is_empty() {
        let text = format!(
            "{} was asked for a summary and wrote none",
            completion.model
        );
        return Err(Refusal::new(RefusalKind::Unavailable, text));
    }
    completion.tool_calls.clear();
    Ok(completion)
}

/// How a call ended, in a few words.
fn verdict(outcome: &ToolOutcome) -> String {
    match outcome {
        ToolOutcome::Exited { code: 0, .. } | ToolOutcome::Text { .. } => "ok".into(),
        ToolOutcome::Exited { .. }
        | ToolOutcome::Signaled { .. }
        | ToolOutcome::TimedOut { .. }
        | ToolOutcome::Running { .. }
        | ToolOutcome::Denied { .. }
        | ToolOutcome::Cancelled { .. }
        | ToolOutcome::Stopped { .. }
        | ToolOutcome::Interrupted
        | ToolOutcome::Failed { .. } => {
            let text = outcome.without_output().to_text();
            text.trim_matches(['[', ']']).chars().take(200).collect()
        }
    }
}
