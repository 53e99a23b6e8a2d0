//! Server-sent events: bytes in any pieces in, whole events out.
//!
//! Our own, because what comes in is a stranger's: everything is bounded, nothing panics, and a line
//! that arrives in a thousand pieces is looked at once.

/// Longest event, in bytes. A Responses server repeats the whole answer in its last event.
const MAX_EVENT: usize = 32 * 1024 * 1024;

/// One event.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Event {
    /// The `event:` line; empty where there is none.
    pub(super) name: String,
    /// The `data:` lines, joined.
    pub(super) data: String,
}

/// Bytes that are no event stream.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadStream {
    /// Not UTF-8.
    #[error("the stream is not text")]
    NotText,
    /// An event without end.
    #[error("an event is longer than {MAX_EVENT} bytes")]
    TooLong,
}

/// Reads events out of pieces.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    bytes: Vec<u8>,
    /// Everything before is done with.
    start: usize,
    /// Everything before holds no end of line.
    seen: usize,
    /// The last line ended in CR: an LF that follows belongs to it.
    after_cr: bool,
    began: bool,
    event: Event,
    has_data: bool,
}

impl Decoder {
    /// Takes the next piece.
    pub(super) fn push(&mut self, piece: &[u8]) {
        self.bytes.drain(..self.start);
        self.seen -= self.start;
        self.start = 0;
        self.bytes.extend_from_slice(piece);
    }

    /// The next whole event, or `None` until more is pushed.
    ///
    /// # Errors
    /// [`BadStream`] says why there will never be one.
    pub(super) fn next(&mut self) -> Result<Option<Event>, BadStream> {
        while let Some((from, to)) = self.next_line() {
            let line =
                std::str::from_utf8(&self.bytes[from..to]).map_err(|_| BadStream::NotText)?;
            let line = if self.began {
                line
            } else {
                line.trim_start_matches('\u{feff}')
            };
            self.began = true;
            if line.is_empty() {
                if let Some(event) = take(&mut self.event, &mut self.has_data) {
                    return Ok(Some(event));
                }
            } else {
                add(&mut self.event, &mut self.has_data, line);
            }
        }
        if self.bytes.len() - self.start + self.event.data.len() > MAX_EVENT {
            return Err(BadStream::TooLong);
        }
        Ok(None)
    }

    /// What was left when the stream ended: a last event whose empty line never came. Whether the
    /// answer is whole is for its reader to say.
    pub(super) fn finish(&mut self) -> Result<Option<Event>, BadStream> {
        self.push(b"\n\n");
        self.next()
    }

    /// Bounds of the next line, without its end.
    fn next_line(&mut self) -> Option<(usize, usize)> {
        if self.start < self.bytes.len() && std::mem::take(&mut self.after_cr) {
            self.start += usize::from(self.bytes[self.start] == b'\n');
            self.seen = self.seen.max(self.start);
        }
        let rest = &self.bytes[self.seen..];
        let Some(end) = rest.iter().position(|b| matches!(b, b'\n' | b'\r')) else {
            self.seen = self.bytes.len();
            return None;
        };
        let (from, to) = (self.start, self.seen + end);
        self.after_cr = self.bytes[to] == b'\r';
        self.start = to + 1;
        self.seen = self.start;
        Some((from, to))
    }
}

fn take(event: &mut Event, has_data: &mut bool) -> Option<Event> {
    let event = std::mem::take(event);
    std::mem::take(has_data).then_some(event)
}

fn add(event: &mut Event, has_data: &mut bool, line: &str) {
    let (field, value) = line.split_once(':').unwrap_or((line, ""));
    let value = value.strip_prefix(' ').unwrap_or(value);
    match field {
        "event" => value.clone_into(&mut event.name),
        "data" => {
            if *has_data {
                event.data.push('\n');
            }
            event.data.push_str(value);
            *has_data = true;
        }
        // A comment (empty field), an id, a reconnection time: nothing of an answer.
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(pieces: &[&[u8]]) -> Vec<(String, String)> {
        let mut decoder = Decoder::default();
        let mut events = Vec::new();
        for piece in pieces {
            decoder.push(piece);
            while let Some(event) = decoder.next().unwrap() {
                events.push((event.name, event.data));
            }
        }
        events.extend(decoder.finish().unwrap().map(|e| (e.name, e.data)));
        events
    }

    fn data(text: &str) -> (String, String) {
        (String::new(), text.to_owned())
    }

    #[test]
    fn fields_comments_and_every_line_end_are_understood() {
        let text =
            b"\xef\xbb\xbf: hi\r\nevent: a\rdata: 1\ndata:2\r\n\r\nid: 7\ndata:  x\n\n\n\ndata\n\n";
        let a = ("a".to_owned(), "1\n2".to_owned());
        assert_eq!(read(&[text]), [a, data(" x"), data("")]);
    }

    #[test]
    fn an_event_whose_empty_line_never_came_is_told_at_the_end() {
        assert_eq!(read(&[b"data: [DONE]"]), [data("[DONE]")]);
        assert_eq!(read(&[b"data: a\r", b"\n"]), [data("a")]);
        assert_eq!(read(&[b"event: a"]), []);
    }

    #[test]
    fn what_is_not_text_is_an_error() {
        let mut decoder = Decoder::default();
        decoder.push(b"data: \xff\n\n");
        assert_eq!(decoder.next(), Err(BadStream::NotText));
    }

    #[test]
    fn an_event_without_end_is_an_error() {
        let mut decoder = Decoder::default();
        decoder.push(&vec![b'a'; MAX_EVENT + 1]);
        assert_eq!(decoder.next(), Err(BadStream::TooLong));
    }

    proptest! {
        #[test]
        fn how_a_stream_is_cut_into_pieces_changes_nothing(
            text in "((data|event|id|:|x): ?[a-zä]{0,3}|)(\r\n|\n|\r){1,3}".prop_map(String::from),
            more in proptest::collection::vec("((data|event): ?[a-zä]{0,3}|)(\r\n|\n|\r){1,3}", 0..8),
            sizes in proptest::collection::vec(1usize..5, 1..40),
        ) {
            let bytes = [text, more.concat()].concat().into_bytes();
            let mut pieces = Vec::new();
            let (mut rest, mut sizes) = (&bytes[..], sizes.iter().cycle());
            while !rest.is_empty() {
                let (piece, after) = rest.split_at((*sizes.next().unwrap()).min(rest.len()));
                pieces.push(piece);
                rest = after;
            }
            prop_assert_eq!(read(&pieces), read(&[&bytes]));
        }
    }
}
