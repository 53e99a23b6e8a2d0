//! What is in the model's context, as outlines: ids, kinds and sizes, and how large the whole is.
//! Never holds a word of text.

use ipc::agent::ContextLimits;
use ipc::id::ItemId;
use ipc::model::{Answer, Usage};
use ipc::transcript::{ItemKind, ItemOutline};

/// The context in outline.
///
/// The supervisor stores some items without a word to the agent (the outcome of a rejected or
/// refused call, a note on a fallback); they are heard of with the next answer. So [`Self::last`] is
/// a lower bound, and the last answer may have outcomes that are not listed here yet.
#[derive(Debug, Clone)]
pub struct Transcript {
    /// Oldest first and by rising id, but for a summary, which is first.
    items: Vec<ItemOutline>,
    last: ItemId,
    folded: ItemId,
    unheard: bool,
    size: Size,
    /// How much fits.
    pub limits: ContextLimits,
    /// The memory was flushed since the history was last folded.
    pub flushed: bool,
}

/// Tokens of every request that are in no item: instructions, tool schemas, and what the outlines'
/// estimates were off by when a provider last counted.
#[derive(Debug, Clone, Copy)]
struct Size {
    guess: i64,
    beside_items: i64,
}

impl Transcript {
    /// The context of a process that starts; `instructions` and tool schemas are guessed at
    /// `overhead` tokens until a provider has counted.
    #[must_use]
    pub fn new(outline: Vec<ItemOutline>, limits: ContextLimits, overhead: u32) -> Self {
        let last = outline.iter().map(|item| item.id).max();
        Self {
            last: last.unwrap_or_default(),
            items: outline,
            folded: ItemId(0),
            unheard: false,
            size: Size {
                guess: overhead.into(),
                beside_items: overhead.into(),
            },
            limits,
            flushed: false,
        }
    }

    /// The last item the agent knows of: a lower bound of what is stored.
    #[must_use]
    pub fn last(&self) -> ItemId {
        self.last
    }

    /// Items in the context, oldest first.
    #[must_use]
    pub fn items(&self) -> &[ItemOutline] {
        &self.items
    }

    /// How many of [`Self::items`] are a summary: one or none, the first.
    #[must_use]
    pub fn summaries(&self) -> usize {
        let first = self.items.first();
        usize::from(first.is_some_and(|item| item.kind == ItemKind::Summary))
    }

    /// Whether the last answer may have outcomes that are not listed.
    #[must_use]
    pub fn has_unheard_outcomes(&self) -> bool {
        self.unheard
    }

    /// The context's size in tokens: the provider's own count, and estimates for what came since.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        let all = self.size.beside_items.saturating_add(self.item_tokens());
        u64::try_from(all).unwrap_or(0)
    }

    /// Tokens of a request that no folding removes: about what instructions and tools take.
    #[must_use]
    pub fn fixed_tokens(&self) -> u64 {
        u64::try_from(self.size.guess).unwrap_or(0)
    }

    /// Takes note of a stored item; one that is known or folded already changes nothing.
    pub fn learn(&mut self, item: ItemOutline) {
        self.last = self.last.max(item.id);
        if item.id <= self.folded {
            return;
        }
        let first = self.summaries();
        if let Err(at) = self.items[first..].binary_search_by_key(&item.id, |known| known.id) {
            self.items.insert(first + at, item);
        }
    }

    /// Takes note of an answer to the turn, and of the provider's count of what it answered.
    pub fn answered(&mut self, answer: &Answer) {
        for item in &answer.taken {
            self.learn(*item);
        }
        self.measure(answer.usage);
        self.learn(answer.item);
        self.unheard = false;
    }

    /// Outcomes of the last answer's calls are stored or will be, and their outlines are not known.
    pub fn expect_unheard_outcomes(&mut self) {
        self.unheard = true;
    }

    /// A new turn has begun and the supervisor has said all that was stored meanwhile.
    pub fn caught_up(&mut self) {
        self.unheard = false;
    }

    /// Replaces everything up to and including `through` by `summary`.
    pub fn fold(&mut self, through: ItemId, summary: ItemOutline) {
        let before = self.item_tokens();
        let first = self.summaries();
        let folded = self.items[first..].partition_point(|item| item.id <= through);
        self.items.drain(..first + folded);
        self.items.insert(0, summary);
        self.items.shrink_to_fit();
        self.folded = self.folded.max(through);
        self.last = self.last.max(summary.id);
        self.flushed = false;
        self.scale_error(before);
    }

    fn item_tokens(&self) -> i64 {
        self.items.iter().map(|item| i64::from(item.tokens)).sum()
    }

    fn measure(&mut self, usage: Usage) {
        // Zero means that the provider did not say.
        if usage.input > 0 {
            let counted = i64::try_from(usage.input).unwrap_or(i64::MAX);
            self.size.beside_items = counted.saturating_sub(self.item_tokens());
        }
    }

    /// The estimates' error belongs to the items; with most of them gone, most of it is gone.
    fn scale_error(&mut self, before: i64) {
        if before > 0 {
            let error = i128::from(self.size.beside_items) - i128::from(self.size.guess);
            let after = i128::from(self.item_tokens().min(before));
            let left = error * after / i128::from(before) + i128::from(self.size.guess);
            self.size.beside_items = i64::try_from(left).unwrap_or(self.size.guess);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ipc::model::StopReason;

    const LIMITS: ContextLimits = ContextLimits {
        window: 1000,
        reserve: 100,
        flush_margin: 50,
        memory_flush: true,
    };

    fn item(id: u64, kind: ItemKind, tokens: u32) -> ItemOutline {
        ItemOutline {
            id: ItemId(id),
            kind,
            tokens,
        }
    }

    fn ids(transcript: &Transcript) -> Vec<u64> {
        transcript.items().iter().map(|item| item.id.0).collect()
    }

    fn answer(id: u64, input: u64, taken: Vec<ItemOutline>) -> Answer {
        Answer {
            item: item(id, ItemKind::Answer, 10),
            taken,
            text: String::new(),
            tool_calls: Vec::new(),
            stop: StopReason::End,
            usage: Usage {
                input,
                ..Usage::default()
            },
        }
    }

    #[test]
    fn an_item_heard_of_twice_is_known_once_and_in_order() {
        let mut transcript = Transcript::new(vec![item(1, ItemKind::User, 10)], LIMITS, 0);
        for id in [4, 3, 4, 2, 1] {
            transcript.learn(item(id, ItemKind::Note, 10));
        }
        assert_eq!(ids(&transcript), [1, 2, 3, 4]);
        assert_eq!(transcript.last(), ItemId(4));
    }

    #[test]
    fn a_providers_count_is_truer_than_the_estimate() {
        let mut transcript = Transcript::new(vec![item(1, ItemKind::User, 10)], LIMITS, 100);
        assert_eq!(transcript.tokens(), 110);
        transcript.answered(&answer(3, 300, vec![item(2, ItemKind::Note, 5)]));
        assert_eq!(transcript.tokens(), 310);
        transcript.answered(&answer(4, 0, Vec::new()));
        assert_eq!(transcript.tokens(), 320);
    }

    #[test]
    fn a_fold_replaces_its_items_and_the_summary_before_them() {
        let outline = vec![
            item(9, ItemKind::Summary, 20),
            item(6, ItemKind::User, 10),
            item(7, ItemKind::Answer, 10),
            item(10, ItemKind::User, 10),
        ];
        let mut transcript = Transcript::new(outline, LIMITS, 0);
        transcript.fold(ItemId(7), item(11, ItemKind::Summary, 20));
        assert_eq!(ids(&transcript), [11, 10]);
        transcript.learn(item(6, ItemKind::User, 10));
        transcript.learn(item(12, ItemKind::User, 10));
        assert_eq!(ids(&transcript), [11, 10, 12]);
        assert_eq!(transcript.last(), ItemId(12));
    }

    #[test]
    fn absurd_counts_do_not_overflow() {
        let mut transcript = Transcript::new(vec![item(1, ItemKind::User, u32::MAX)], LIMITS, 9);
        transcript.answered(&answer(2, u64::MAX, Vec::new()));
        transcript.fold(ItemId(1), item(3, ItemKind::Summary, u32::MAX));
        assert!(transcript.tokens() > 0);
    }
}
