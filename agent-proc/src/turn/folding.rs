//! The part of a turn that makes room: a summary is asked for, until what is left fits or nothing
//! more can be folded.

use super::{Effect, Phase, TurnState};
use crate::compaction::{self, Why};
use crate::transcript::Transcript;
use ipc::agent::TurnOutcome;
use ipc::id::ItemId;
use ipc::refusal::{Refusal, RefusalKind};

/// Summaries asked for before the model is asked, or the turn fails.
const FOLDS: u8 = 5;

impl TurnState {
    pub(super) fn fold(&mut self, why: Why, transcript: &Transcript) -> Vec<Effect> {
        match compaction::cut(transcript, why) {
            Some(through) => self.summarize(through, why),
            None => self.not_folded(why, None),
        }
    }

    fn summarize(&mut self, through: ItemId, why: Why) -> Vec<Effect> {
        self.phase = Phase::Folding { through, why };
        self.folds += 1;
        vec![Effect::Summarize { through }]
    }

    pub(super) fn folded(&mut self, transcript: &Transcript) -> Vec<Effect> {
        let Phase::Folding { why, .. } = self.phase else {
            return Vec::new();
        };
        if self.folds < FOLDS
            && compaction::is_too_long(transcript)
            && let Some(through) = compaction::cut(transcript, why)
        {
            return self.summarize(through, why);
        }
        self.ask()
    }

    pub(super) fn summary_refused(
        &mut self,
        through: ItemId,
        why: Why,
        refusal: Refusal,
        transcript: &Transcript,
    ) -> Vec<Effect> {
        if refusal.kind == RefusalKind::ContextFull
            && self.folds < FOLDS
            && let Some(nearer) = compaction::smaller_cut(transcript, through)
        {
            return self.summarize(nearer, why);
        }
        self.not_folded(why, Some(refusal))
    }

    fn not_folded(&mut self, why: Why, refusal: Option<Refusal>) -> Vec<Effect> {
        match why {
            // By our own count only: the provider may take it yet.
            Why::Pressure => {
                self.can_fold = false;
                self.ask()
            }
            Why::Refused | Why::Requested => self.end(TurnOutcome::Failed {
                reason: does_not_fit(refusal),
            }),
        }
    }
}

pub(super) fn does_not_fit(cause: Option<Refusal>) -> Refusal {
    let cause = cause.map_or_else(
        || "nothing is left to fold".to_owned(),
        |refusal| refusal.message,
    );
    Refusal::new(
        RefusalKind::ContextFull,
        format!(
            "the conversation does not fit the model's context ({cause}); \
             start afresh with /new, or choose a model with a larger window"
        ),
    )
}
