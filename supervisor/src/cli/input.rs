//! What a person has written: read whole, bounded, and as text.

use crate::control::{MAX_MESSAGE, TOO_LONG};
use std::io::{self, BufRead, Read as _};

/// What was written is no message.
#[derive(Debug, thiserror::Error)]
pub(super) enum InputError {
    /// It is over [`MAX_MESSAGE`].
    #[error("{TOO_LONG}")]
    TooLong,
    /// It is not UTF-8.
    #[error("what is written is not UTF-8 text (byte {0} is not); convert it, with iconv for one")]
    NotText(usize),
    /// It could not be read.
    #[error("failed to read standard input: {0}")]
    Io(#[from] io::Error),
}

/// All there is to read, as one message.
pub(super) fn read_message(from: &mut impl BufRead) -> Result<String, InputError> {
    let mut bytes = Vec::new();
    from.take(bound()).read_to_end(&mut bytes)?;
    text(bytes)
}

/// The next line, without its end; `None` when there is none. After a line that is none the next can
/// be read all the same.
pub(super) fn read_line(from: &mut impl BufRead) -> Result<Option<String>, InputError> {
    let mut bytes = Vec::new();
    from.by_ref().take(bound()).read_until(b'\n', &mut bytes)?;
    if bytes.is_empty() {
        return Ok(None);
    }
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
    } else if bytes.len() > MAX_MESSAGE {
        skip_line(from)?;
        return Err(InputError::TooLong);
    }
    text(bytes).map(Some)
}

fn skip_line(from: &mut impl BufRead) -> io::Result<()> {
    from.skip_until(b'\n').map(drop)
}

/// One byte more than may be, to tell.
fn bound() -> u64 {
    u64::try_from(MAX_MESSAGE).map_or(u64::MAX, |bound| bound + 1)
}

fn text(bytes: Vec<u8>) -> Result<String, InputError> {
    if bytes.len() > MAX_MESSAGE {
        return Err(InputError::TooLong);
    }
    String::from_utf8(bytes)
        .map_err(|error| InputError::NotText(error.utf8_error().valid_up_to() + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_text_of_a_mebibyte_at_most() {
        let longest = vec![b'a'; MAX_MESSAGE];
        assert_eq!(
            read_message(&mut &longest[..]).unwrap().len(),
            longest.len()
        );
        let longer = vec![b'a'; MAX_MESSAGE + 1];
        let error = read_message(&mut &longer[..]).unwrap_err();
        assert!(matches!(error, InputError::TooLong), "{error}");
        let error = read_message(&mut &b"ab\xff"[..]).unwrap_err();
        assert!(matches!(error, InputError::NotText(3)), "{error}");
    }

    #[test]
    fn a_line_that_is_none_does_not_spoil_the_next() {
        let long = [vec![b'a'; 2 * MAX_MESSAGE], b"\nlast".to_vec()].concat();
        let mut from = &[&b"one\r\n\xfe\n"[..], &long].concat()[..];
        assert_eq!(read_line(&mut from).unwrap().unwrap(), "one\r");
        let error = read_line(&mut from).unwrap_err();
        assert!(matches!(error, InputError::NotText(1)), "{error}");
        let error = read_line(&mut from).unwrap_err();
        assert!(matches!(error, InputError::TooLong), "{error}");
        assert_eq!(read_line(&mut from).unwrap().unwrap(), "last");
        assert_eq!(read_line(&mut from).unwrap(), None);
    }
}
