//! Decides when history is folded into a summary, and where it is cut.
//!
//! ```text
//!   tokens in the context
//!   0 ──────────────────────── flush ────── fold ───────── window
//!                               │ ◀ margin ▶ │ ◀ reserve ▶
//!                               memory is written, then history folded
//!
//!   [Summary] User Answer Outcome Outcome Answer │ User Answer Outcome …
//!   ◀───────────── folded into one Summary ─────▶ ◀──── kept tail ────▶
//! ```
//!
//! A cut never parts an answer from its outcomes, and always folds something that was not folded
//! before. Pure: knows sizes and kinds, and asks for nothing.

use crate::transcript::Transcript;
use ipc::id::ItemId;
use ipc::transcript::ItemKind;

/// What the size of the context calls for, before the model is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Nothing: it fits.
    Nothing,
    /// The agent writes its memory; then history is folded.
    Flush,
    /// History is folded now.
    Fold,
}

/// Why history is folded; decides how much must go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The context nears the window, by our own count.
    Pressure,
    /// The provider said that it does not fit.
    Refused,
    /// A person asked for it.
    Requested,
}

/// What is due before the model is asked with `transcript` as its context.
#[must_use]
pub fn due(transcript: &Transcript) -> Due {
    let marks = Marks::of(transcript);
    let tokens = transcript.tokens();
    let first = if transcript.limits.memory_flush {
        marks.flush
    } else {
        marks.fold
    };
    if tokens < first || cut(transcript, Why::Pressure).is_none() {
        Due::Nothing
    } else if transcript.limits.memory_flush && !transcript.flushed && tokens < marks.window {
        Due::Flush
    } else {
        Due::Fold
    }
}

/// Whether the context is still too long for a comfortable answer.
#[must_use]
pub fn is_too_long(transcript: &Transcript) -> bool {
    transcript.tokens() >= Marks::of(transcript).fold
}

/// The last item to fold. `None` where nothing (more) can be folded, or, under
/// [`Why::Pressure`], where it would not be worth a model call.
///
/// Tried in turn, until what is left fits: keeping the last user's words and all after them; keeping
/// a recent tail; keeping the last answer with its outcomes; folding everything.
#[must_use]
pub fn cut(transcript: &Transcript, why: Why) -> Option<ItemId> {
    let cuts = Cuts::of(transcript);
    let marks = Marks::of(transcript);
    // What the items may take beside what no folding removes.
    let room = marks.fold.saturating_sub(transcript.fixed_tokens());
    let (target, worth) = match why {
        Why::Pressure => (room / 4 * 3, marks.window / 20),
        // The provider says that our count is not true, so go by what there is.
        Why::Refused => (room.min(cuts.all()) / 2, 0),
        Why::Requested => (room.min(cuts.all()) / 4 * 3, 0),
    };
    let fits = |at: usize| {
        let folded = cuts.tokens_before(at);
        let left = cuts.all() - folded + marks.summary.min(folded / 4);
        folded <= marks.readable && left <= target
    };
    let within_budget =
        |at| cuts.all() - cuts.tokens_before(at) <= marks.window.min(cuts.all()) / 5;
    let tail = cuts.first(within_budget).unwrap_or(cuts.end());
    let user = cuts.last_user().unwrap_or(cuts.end());
    [
        cuts.last(|at| at <= user.min(tail)),
        Some(tail).filter(|at| *at < cuts.end()),
        cuts.last(|at| at < cuts.end()),
    ]
    .into_iter()
    .flatten()
    .find(|at| fits(*at))
    .or_else(|| cuts.last(|at| cuts.tokens_before(at) <= marks.readable))
    .or_else(|| cuts.first(|_| true))
    .filter(|at| cuts.tokens_before(*at) >= worth)
    .map(|at| cuts.through(at))
}

/// A cut about half as far as `through`: for when even the summary's own request was too long.
#[must_use]
pub fn smaller_cut(transcript: &Transcript, through: ItemId) -> Option<ItemId> {
    let cuts = Cuts::of(transcript);
    let far = cuts.last(|at| cuts.through(at) == through)?;
    let half = cuts.tokens_before(far) / 2;
    let nearer = |at: usize| at < far;
    cuts.last(|at| nearer(at) && cuts.tokens_before(at) <= half)
        .or_else(|| cuts.first(nearer))
        .map(|at| cuts.through(at))
}

/// The limits as token counts to compare with.
struct Marks {
    window: u64,
    flush: u64,
    fold: u64,
    /// What a summary may take.
    summary: u64,
    /// What one summary request can read.
    readable: u64,
}

impl Marks {
    fn of(transcript: &Transcript) -> Self {
        let limits = transcript.limits;
        // A window of zero is a window nobody knows: only the provider can say that it is full.
        let window = match limits.window {
            0 => u64::MAX / 4,
            known => u64::from(known),
        };
        // The defaults are made for large windows; in a small one they may not take it all.
        let reserve = u64::from(limits.reserve).min(window / 2);
        let margin = u64::from(limits.flush_margin).min(window / 8);
        let summary = (window / 16).min(4000);
        Self {
            window,
            flush: window - reserve - margin,
            fold: window - reserve,
            summary,
            readable: (window - summary).saturating_sub(transcript.fixed_tokens() + PROMPT),
        }
    }
}

/// About what the request for a summary adds, in tokens.
const PROMPT: u64 = 400;

/// Where the history may be cut: `at` stands before the item of that index.
struct Cuts<'a> {
    transcript: &'a Transcript,
    /// Tokens before each index, and of all at last.
    sums: Vec<u64>,
    legal: Vec<usize>,
}

impl<'a> Cuts<'a> {
    fn of(transcript: &'a Transcript) -> Self {
        let items = transcript.items();
        let mut sums = vec![0];
        let mut sum = 0;
        for item in items {
            sum += u64::from(item.tokens);
            sums.push(sum);
        }
        Self {
            transcript,
            sums,
            legal: legal(transcript),
        }
    }

    fn end(&self) -> usize {
        self.transcript.items().len()
    }

    fn all(&self) -> u64 {
        self.tokens_before(self.end())
    }

    fn tokens_before(&self, at: usize) -> u64 {
        self.sums.get(at).copied().unwrap_or(0)
    }

    fn first(&self, holds: impl Fn(usize) -> bool) -> Option<usize> {
        self.legal.iter().copied().find(|at| holds(*at))
    }

    fn last(&self, holds: impl Fn(usize) -> bool) -> Option<usize> {
        self.legal.iter().rev().copied().find(|at| holds(*at))
    }

    fn last_user(&self) -> Option<usize> {
        let mut kinds = self.transcript.items().iter().map(|item| item.kind);
        kinds.rposition(|kind| kind == ItemKind::User)
    }

    /// The last item before `at`; a legal cut has one.
    fn through(&self, at: usize) -> ItemId {
        let before = self.transcript.items().get(..at);
        before
            .and_then(<[_]>::last)
            .map_or(ItemId(0), |item| item.id)
    }
}

/// The legal cuts, rising. Walks from the end: between an outcome and the answer it belongs to, the
/// nearest before it, there is none.
fn legal(transcript: &Transcript) -> Vec<usize> {
    let items = transcript.items();
    let mut cuts = Vec::new();
    let mut parts_a_call = transcript.has_unheard_outcomes();
    for at in (transcript.summaries() + 1..=items.len()).rev() {
        match items.get(at).map(|item| item.kind) {
            Some(ItemKind::Outcome) => parts_a_call = true,
            Some(ItemKind::Answer) => parts_a_call = false,
            Some(ItemKind::User | ItemKind::Note | ItemKind::Summary) | None => {}
        }
        if !parts_a_call {
            cuts.push(at);
        }
    }
    cuts.reverse();
    cuts
}

#[cfg(test)]
mod laws;
