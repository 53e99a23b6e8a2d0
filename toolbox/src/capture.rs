//! Bounded output: the first and the last bytes of a stream, and how many were dropped between.
//! Bytes are kept as they came and become text only when somebody reads, so a character that was
//! split over two reads is whole again. Never holds more than its limit, whatever is pushed.

use ipc::tool::Capture;
use std::collections::VecDeque;

/// Records a stream within a bound.
#[derive(Debug)]
pub(crate) struct Recorder {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    head_room: usize,
    tail_room: usize,
    total: u64,
}

impl Recorder {
    /// A recorder that keeps at most `limit` bytes: the first half and the last half.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            head: Vec::new(),
            tail: VecDeque::new(),
            head_room: limit / 2,
            tail_room: limit - limit / 2,
            total: 0,
        }
    }

    /// Records what came next.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.total += bytes.len() as u64;
        let room = self.head_room - self.head.len();
        let (first, rest) = bytes.split_at(room.min(bytes.len()));
        self.head.extend_from_slice(first);
        let rest = &rest[rest.len().saturating_sub(self.tail_room)..];
        let over = (self.tail.len() + rest.len()).saturating_sub(self.tail_room);
        self.tail.drain(..over);
        self.tail.extend(rest);
    }

    /// Whether nothing is recorded.
    pub(crate) fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// What is recorded, as text: bytes that are no UTF-8 become U+FFFD, and no character is cut in
    /// half where something was dropped.
    pub(crate) fn capture(&self) -> Capture {
        self.render(0)
    }

    /// What was recorded since the last take; a character whose end has not come yet stays.
    pub(crate) fn take(&mut self) -> Capture {
        let rest = self.unfinished_end();
        let taken = self.render(rest.len());
        self.clear();
        self.push(&rest);
        taken
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        *self = Self::new(self.head_room + self.tail_room);
    }

    /// Makes text of all but the last `held_back` bytes.
    fn render(&self, held_back: usize) -> Capture {
        let total = self.total - held_back as u64;
        let kept = self.head.len() + self.tail.len();
        if self.total == kept as u64 {
            let mut bytes = self.head.clone();
            bytes.extend(&self.tail);
            bytes.truncate(kept - held_back);
            return Capture::whole(String::from_utf8_lossy(&bytes));
        }
        let head = &self.head[..self.head.len() - unfinished(&self.head)];
        let tail: Vec<u8> = self.tail.iter().copied().collect();
        let tail = &tail[..tail.len() - held_back];
        let tail = &tail[severed(tail)..];
        Capture {
            head: String::from_utf8_lossy(head).into_owned(),
            dropped: total - (head.len() + tail.len()) as u64,
            tail: String::from_utf8_lossy(tail).into_owned(),
        }
    }

    fn unfinished_end(&self) -> Vec<u8> {
        let mut end: Vec<u8> = self.tail.iter().rev().take(3).rev().copied().collect();
        if self.total == (self.head.len() + self.tail.len()) as u64 {
            let missing = 3 - end.len();
            let from = self.head.len().saturating_sub(missing);
            end.splice(0..0, self.head[from..].iter().copied());
        }
        end.split_off(end.len() - unfinished(&end))
    }
}

/// How many bytes at the end of `bytes` begin a character that is not finished (0 to 3).
pub(crate) fn unfinished(bytes: &[u8]) -> usize {
    for (back, byte) in bytes.iter().rev().take(3).enumerate() {
        let length = match byte {
            0x80..=0xBF => continue,
            0xC2..=0xDF => 2,
            0xE0..=0xEF => 3,
            0xF0..=0xF4 => 4,
            0x00..=0x7F | 0xC0..=0xC1 | 0xF5..=0xFF => 1,
        };
        return if length > back + 1 { back + 1 } else { 0 };
    }
    0
}

/// How many bytes at the start of `bytes` end a character that began before it (0 to 3).
fn severed(bytes: &[u8]) -> usize {
    let is_inner = |byte: &&u8| matches!(byte, 0x80..=0xBF);
    bytes.iter().take(3).take_while(is_inner).count()
}

/// A capture as one text, with a line that says what was dropped.
pub(crate) fn to_text(capture: &Capture) -> String {
    let mut text = capture.head.clone();
    if capture.dropped > 0 {
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(&format!("[… {} bytes dropped …]\n", capture.dropped));
        text.push_str(&capture.tail);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record(limit: usize, pieces: &[Vec<u8>]) -> Recorder {
        let mut recorder = Recorder::new(limit);
        for piece in pieces {
            recorder.push(piece);
        }
        recorder
    }

    #[test]
    fn the_middle_is_dropped_and_counted() {
        let capture = record(4, &[b"abcdefgh".to_vec()]).capture();
        assert_eq!(
            capture,
            Capture {
                head: "ab".into(),
                dropped: 4,
                tail: "gh".into()
            }
        );
    }

    #[test]
    fn a_character_split_over_two_takes_comes_whole_with_the_second() {
        let mut recorder = Recorder::new(100);
        recorder.push(b"a\xE2\x82");
        assert_eq!(recorder.take(), Capture::whole("a"));
        recorder.push(b"\xAC");
        assert_eq!(recorder.take(), Capture::whole("€"));
        assert!(recorder.is_empty());
    }

    proptest! {
        #[test]
        fn no_more_than_the_limit_is_held(limit in 0_usize..64, pieces: Vec<Vec<u8>>) {
            let recorder = record(limit, &pieces);
            prop_assert!(recorder.head.len() + recorder.tail.len() <= limit);
        }

        #[test]
        fn how_the_stream_was_cut_into_pieces_does_not_show(
            limit in 0_usize..64, pieces: Vec<Vec<u8>>
        ) {
            let whole = record(limit, &[pieces.concat()]).capture();
            prop_assert_eq!(record(limit, &pieces).capture(), whole);
        }

        #[test]
        fn every_byte_of_text_is_shown_or_counted(limit in 0_usize..64, text: String) {
            let capture = record(limit, &[text.clone().into_bytes()]).capture();
            prop_assert!(text.starts_with(&capture.head));
            prop_assert!(text.ends_with(&capture.tail));
            let shown = (capture.head.len() + capture.tail.len()) as u64;
            prop_assert_eq!(shown + capture.dropped, text.len() as u64);
        }

        #[test]
        fn what_fits_is_whole(text: String) {
            let capture = record(text.len(), &[text.clone().into_bytes()]).capture();
            prop_assert_eq!(capture, Capture::whole(text));
        }

        #[test]
        fn takes_make_up_the_stream(text in "\\PC{0,40}", at in 0_usize..40) {
            let bytes = text.as_bytes();
            let at = at.min(bytes.len());
            let mut recorder = Recorder::new(1000);
            recorder.push(&bytes[..at]);
            let first = recorder.take().head;
            recorder.push(&bytes[at..]);
            prop_assert_eq!(first + &recorder.take().head, text);
        }
    }
}
