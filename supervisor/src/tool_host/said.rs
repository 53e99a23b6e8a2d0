//! The last of what a call has said, kept for the case that it can not say how it ended.

use ipc::tool::Capture;

/// Bytes that are kept.
const KEPT: usize = 16 * 1024;

/// The end of a text that grows.
#[derive(Debug, Default)]
pub(super) struct Said {
    dropped: u64,
    tail: String,
}

impl Said {
    /// It grew.
    pub(super) fn add(&mut self, text: &str) {
        self.tail.push_str(text);
        // Cut seldom, so that what is long is not moved with every few bytes.
        if self.tail.len() > 2 * KEPT {
            let mut cut = self.tail.len() - KEPT;
            while !self.tail.is_char_boundary(cut) {
                cut += 1;
            }
            self.dropped += cut as u64;
            self.tail.drain(..cut);
        }
    }

    /// What was kept, as a call's output.
    pub(super) fn into_capture(self) -> Capture {
        match self.dropped {
            0 => Capture::whole(self.tail),
            dropped => Capture {
                head: String::new(),
                dropped,
                tail: self.tail,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn nothing_is_lost_uncounted_and_the_end_is_kept(parts: Vec<String>, times in 1..600_usize) {
            let mut said = Said::default();
            let mut whole = String::new();
            for _ in 0..times {
                for part in &parts {
                    said.add(part);
                    whole.push_str(part);
                }
            }
            let kept = said.into_capture();
            let text = format!("{}{}", kept.head, kept.tail);
            prop_assert!(whole.ends_with(&text));
            prop_assert_eq!(kept.dropped + text.len() as u64, whole.len() as u64);
            prop_assert!(text.len() <= 2 * KEPT);
            prop_assert!(text.len() >= KEPT.min(whole.len()).saturating_sub(3));
        }
    }
}
