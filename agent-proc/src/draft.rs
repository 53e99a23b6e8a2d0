//! The turn's text as it grows, and what of it may be shown: nothing that is, or may yet become,
//! exactly `NO_REPLY`. Each answer that says something begins a paragraph of its own.

/// What an agent says when it has nothing to say.
pub const NO_REPLY: &str = "NO_REPLY";

/// Whether an answer's text means silence.
#[must_use]
pub fn is_silence(text: &str) -> bool {
    text.trim() == NO_REPLY
}

/// The growing text of one turn. Holds the current answer's words only, until its end.
#[derive(Debug, Default)]
pub struct Draft {
    /// An earlier answer of this turn was shown.
    has_paragraph: bool,
    /// The current answer so far.
    text: String,
    /// How many bytes of `text` are shown; held back until it can not be silence any more.
    shown: usize,
}

/// What is to be said to make the shown text right.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Take back what was shown of the current answer, first.
    pub undo: bool,
    /// Then show this, unless it is empty.
    pub add: String,
}

impl Draft {
    /// The answer goes on.
    #[must_use]
    pub fn grow(&mut self, delta: &str) -> Change {
        self.text.push_str(delta);
        if may_be_silence(&self.text) {
            return Change::default();
        }
        self.show()
    }

    /// The answer starts over.
    #[must_use]
    pub fn restart(&mut self) -> Change {
        let undo = self.shown > 0;
        self.text.clear();
        self.shown = 0;
        Change {
            undo,
            add: String::new(),
        }
    }

    /// The answer is whole: shows what of `text` was not streamed, and is ready for the next.
    #[must_use]
    pub fn finish(&mut self, text: &str) -> Change {
        let mut undo = false;
        if !text.starts_with(&self.text[..self.shown]) {
            // A call written as text was streamed and then taken out of it.
            undo = self.restart().undo;
        }
        text.clone_into(&mut self.text);
        let silent = is_silence(text) || text.trim().is_empty();
        let add = if silent && self.shown == 0 {
            String::new()
        } else {
            self.show().add
        };
        self.has_paragraph |= self.shown > 0;
        self.text = String::new();
        self.shown = 0;
        Change { undo, add }
    }

    fn show(&mut self) -> Change {
        let first = self.shown == 0 && self.has_paragraph && !self.text.is_empty();
        let mut add = if first { "\n\n" } else { "" }.to_owned();
        add.push_str(&self.text[self.shown..]);
        self.shown = self.text.len();
        Change { undo: false, add }
    }
}

/// Whether more words could make it silence, or nothing at all.
fn may_be_silence(text: &str) -> bool {
    let words = text.trim();
    words == NO_REPLY
        || (NO_REPLY.starts_with(words) && (words.is_empty() || text.ends_with(words)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What a person sees after `pieces` were streamed and `whole` was the answer.
    fn seen(draft: &mut Draft, pieces: &[&str], whole: &str) -> String {
        let mut seen = String::new();
        for piece in pieces {
            seen.push_str(&draft.grow(piece).add);
        }
        let change = draft.finish(whole);
        if change.undo {
            seen.clear();
        }
        seen + &change.add
    }

    #[test]
    fn silence_is_never_shown_however_it_is_cut() {
        for pieces in [vec!["NO_REPLY"], vec!["", "\n NO", "_RE", "PLY", " \n"]] {
            assert_eq!(seen(&mut Draft::default(), &pieces, &pieces.concat()), "");
        }
    }

    #[test]
    fn text_that_only_begins_like_silence_is_shown_whole() {
        for pieces in [
            ["NO", " way"],
            ["NO_REPLY", "_EVER"],
            ["NO_REPLY ", "is odd"],
            ["N", ""],
        ] {
            let whole = pieces.concat();
            assert_eq!(seen(&mut Draft::default(), &pieces, &whole), whole);
        }
    }

    #[test]
    fn answers_of_one_turn_are_paragraphs() {
        let mut draft = Draft::default();
        assert_eq!(seen(&mut draft, &["one"], "one"), "one");
        assert_eq!(seen(&mut draft, &[], ""), "");
        assert_eq!(seen(&mut draft, &["t", "wo"], "two"), "\n\ntwo");
        assert_eq!(seen(&mut draft, &["NO_REPLY"], "NO_REPLY"), "");
    }

    #[test]
    fn a_restart_takes_back_only_what_was_shown() {
        let mut draft = Draft::default();
        let _ = draft.grow("NO");
        assert!(!draft.restart().undo);
        let _ = draft.grow("No, well");
        assert!(draft.restart().undo);
        assert_eq!(seen(&mut draft, &["yes"], "yes"), "yes");
    }

    #[test]
    fn what_was_streamed_in_error_is_taken_back() {
        assert_eq!(seen(&mut Draft::default(), &["{\"name\":"], ""), "");
        assert_eq!(seen(&mut Draft::default(), &["ab"], "xy"), "xy");
    }

    proptest! {
        #[test]
        fn what_is_seen_is_what_was_answered(pieces in prop::collection::vec("[NO_REPLY \nü]{0,5}", 0..6)) {
            let whole = pieces.concat();
            let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
            let expected = if is_silence(&whole) || whole.trim().is_empty() { "" } else { &whole };
            prop_assert_eq!(seen(&mut Draft::default(), &pieces, &whole), expected);
        }
    }
}
