//! Where a body in chunks ends (RFC 9112, 7.1). Pure; looks at the bytes, keeps none.

/// Longest chunk extension or trailer, all of them together, in bytes.
const MAX_EXTRA: usize = 16 * 1024;

/// A body in chunks, read piece by piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunks {
    at: At,
    extra: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// In a size of so many digits.
    Size {
        digits: u8,
        size: u64,
    },
    /// Behind it, up to the end of the line.
    Extension {
        size: u64,
    },
    /// Before the line feed that ends it.
    SizeEnd {
        size: u64,
    },
    /// So many bytes of a chunk are still to come.
    Data {
        left: u64,
    },
    DataReturn,
    DataEnd,
    /// Behind the last chunk, at the beginning of a line.
    LineStart,
    /// In a line of the trailer.
    Line,
    LineEnd,
    /// Before the very last line feed.
    LastEnd,
    Done,
}

/// Bytes that are no chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoChunk;

impl Default for Chunks {
    fn default() -> Self {
        Self {
            at: At::Size { digits: 0, size: 0 },
            extra: 0,
        }
    }
}

impl Chunks {
    /// Whether the body is over.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.at == At::Done
    }

    /// Looks at `bytes` and says how many of them belong to the body.
    ///
    /// # Errors
    /// [`NoChunk`]: the rest is not to be trusted.
    pub fn advance(&mut self, bytes: &[u8]) -> Result<usize, NoChunk> {
        let mut seen = 0;
        while seen < bytes.len() && !self.is_done() {
            if let At::Data { left } = self.at {
                let here = u64::try_from(bytes.len() - seen)
                    .unwrap_or(u64::MAX)
                    .min(left);
                seen += usize::try_from(here).unwrap_or(usize::MAX);
                self.at = if here == left {
                    At::DataReturn
                } else {
                    At::Data { left: left - here }
                };
            } else {
                self.at = self.step(bytes[seen])?;
                seen += 1;
            }
        }
        Ok(seen)
    }

    fn step(&mut self, byte: u8) -> Result<At, NoChunk> {
        let next = match (self.at, byte) {
            (At::Size { digits, size }, _) if byte.is_ascii_hexdigit() && digits < 15 => {
                let digit = char::from(byte).to_digit(16).unwrap_or(0);
                At::Size {
                    digits: digits + 1,
                    size: size << 4 | u64::from(digit),
                }
            }
            (At::Size { digits: 1.., size }, b'\r') | (At::Extension { size }, b'\r') => {
                At::SizeEnd { size }
            }
            (At::Size { digits: 1.., size }, b';' | b' ' | b'\t') => At::Extension { size },
            (At::Extension { size }, _) if byte != b'\n' => {
                self.count()?;
                At::Extension { size }
            }
            (At::SizeEnd { size: 0 }, b'\n') | (At::LineEnd, b'\n') => At::LineStart,
            (At::SizeEnd { size }, b'\n') => At::Data { left: size },
            (At::DataReturn, b'\r') => At::DataEnd,
            (At::DataEnd, b'\n') => At::Size { digits: 0, size: 0 },
            (At::LineStart, b'\r') => At::LastEnd,
            (At::Line, b'\r') => At::LineEnd,
            (At::LineStart | At::Line, _) if byte != b'\n' => {
                self.count()?;
                At::Line
            }
            (At::LastEnd, b'\n') => At::Done,
            (_, _) => return Err(NoChunk),
        };
        Ok(next)
    }

    fn count(&mut self) -> Result<(), NoChunk> {
        self.extra += 1;
        if self.extra > MAX_EXTRA {
            Err(NoChunk)
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn end(bytes: &[u8]) -> Result<Option<usize>, NoChunk> {
        let mut chunks = Chunks::default();
        let seen = chunks.advance(bytes)?;
        Ok(chunks.is_done().then_some(seen))
    }

    #[test]
    fn a_body_ends_behind_its_empty_chunk() {
        for text in [
            "0\r\n\r\n",
            "5\r\nhello\r\n0\r\n\r\n",
            "A;x=y\r\n0123456789\r\n00\r\nX: y\r\nZ: 1\r\n\r\n",
            "1 \r\nx\r\n0\r\n\r\n",
        ] {
            let more = format!("{text}GET / HTTP/1.1\r\n\r\n");
            assert_eq!(end(more.as_bytes()), Ok(Some(text.len())), "{text:?}");
            assert_eq!(
                end(&text.as_bytes()[..text.len() - 1]),
                Ok(None),
                "{text:?}"
            );
        }
    }

    #[test]
    fn what_is_no_chunk_ends_it() {
        for text in [
            "\r\n",
            "x",
            "5\nhello",
            "5\r\nhelloX",
            "5\r\nhello\n",
            "-1\r\n",
            "0x5\r\n",
            "ffffffffffffffff\r\n",
            "5\r\rhello",
            "0\r\n\n",
            "0\r\nA\n",
            "5;\nhello",
            ";\r\n",
        ] {
            assert_eq!(end(text.as_bytes()), Err(NoChunk), "{text:?}");
        }
        let long = format!("5;{}", "x".repeat(MAX_EXTRA + 1));
        assert_eq!(end(long.as_bytes()), Err(NoChunk));
    }

    proptest! {
        #[test]
        fn in_pieces_is_as_in_one(bytes in "[0-9a-f;\r\nx ]{0,40}", cut in 0_usize..40) {
            let bytes = bytes.as_bytes();
            let cut = cut.min(bytes.len());
            let mut whole = Chunks::default();
            let once = whole.advance(bytes);
            let mut parts = Chunks::default();
            let twice = parts.advance(&bytes[..cut]).and_then(|first| Ok(first + parts.advance(&bytes[first.max(cut)..])?));
            if once.is_err() { prop_assert!(twice.is_err()); }
            else if !whole.is_done() { prop_assert_eq!(once, twice); }
        }

        #[test]
        fn what_was_put_in_chunks_is_found_whole(pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..50), 0..5)) {
            let mut body = Vec::new();
            for piece in &pieces {
                body.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
                body.extend_from_slice(piece);
                body.extend_from_slice(b"\r\n");
            }
            body.extend_from_slice(b"0\r\n\r\n");
            let length = body.len();
            body.extend_from_slice(b"after");
            prop_assert_eq!(end(&body), Ok(Some(length)));
        }
    }
}
