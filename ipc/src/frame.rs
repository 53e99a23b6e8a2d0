//! One frame: a little-endian `u32` length, then that many bytes of JSON.

use serde::{Serialize, de::DeserializeOwned};
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt};

/// The longest frame a peer may send, in bytes: a full context window fits. Checked before a byte
/// is allocated for it.
pub const MAX_FRAME: usize = 16 * 1024 * 1024;

/// How much is read at once, so that a peer that announces much and sends little costs little.
const STEP: usize = 64 * 1024;

/// The peer is broken, or gone.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The peer closed between two frames: an orderly end.
    #[error("the peer closed the link")]
    Closed,
    /// The peer closed in the middle of a frame.
    #[error("the peer closed the link in the middle of a frame")]
    Cut,
    /// The announced length is over [`MAX_FRAME`].
    #[error("a frame of {0} bytes is over the limit of {MAX_FRAME}")]
    TooLarge(usize),
    /// The bytes are not a message of the expected type.
    #[error("a frame is not a message this program knows: {0}")]
    Garbled(#[from] serde_json::Error),
    /// The socket failed.
    #[error("the link failed: {0}")]
    Io(#[from] io::Error),
}

/// Appends `message` to `buffer` as one frame.
///
/// # Errors
/// [`FrameError::TooLarge`] when it does not fit a frame; `buffer` is then as it was.
pub fn encode<T: Serialize>(message: &T, buffer: &mut Vec<u8>) -> Result<(), FrameError> {
    let start = buffer.len();
    buffer.extend_from_slice(&[0; 4]);
    if let Err(error) = serde_json::to_writer(&mut *buffer, message) {
        buffer.truncate(start);
        return Err(error.into());
    }
    let length = buffer.len() - start - 4;
    match u32::try_from(length) {
        Ok(short) if length <= MAX_FRAME => {
            buffer[start..start + 4].copy_from_slice(&short.to_le_bytes());
            Ok(())
        }
        Ok(_) | Err(_) => {
            buffer.truncate(start);
            Err(FrameError::TooLarge(length))
        }
    }
}

/// Reads one frame's message.
///
/// # Errors
/// Any [`FrameError`]; after one, the stream is in no known state and must be dropped.
pub async fn read<T: DeserializeOwned>(
    from: &mut (impl AsyncRead + Unpin),
) -> Result<T, FrameError> {
    let mut header = [0; 4];
    let mut filled = 0;
    while filled < header.len() {
        match from.read(&mut header[filled..]).await? {
            0 if filled == 0 => return Err(FrameError::Closed),
            0 => return Err(FrameError::Cut),
            n => filled += n,
        }
    }
    let length = u32::from_le_bytes(header) as usize;
    if length > MAX_FRAME {
        return Err(FrameError::TooLarge(length));
    }
    let mut body = Vec::with_capacity(length.min(STEP));
    let mut rest = from.take(length as u64);
    while body.len() < length {
        if rest.read_buf(&mut body).await? == 0 {
            return Err(FrameError::Cut);
        }
    }
    Ok(serde_json::from_slice(&body)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decode(bytes: &[u8]) -> Result<String, FrameError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(read::<String>(&mut &*bytes))
    }

    #[test]
    fn a_frame_too_large_is_refused_before_it_is_read() {
        let bytes = u32::MAX.to_le_bytes();
        assert!(matches!(decode(&bytes), Err(FrameError::TooLarge(_))));
    }

    #[test]
    fn an_end_between_frames_is_orderly_and_within_one_is_not() {
        assert!(matches!(decode(b""), Err(FrameError::Closed)));
        assert!(matches!(decode(&[4, 0]), Err(FrameError::Cut)));
        assert!(matches!(decode(&[4, 0, 0, 0, b'"']), Err(FrameError::Cut)));
    }

    #[test]
    fn what_does_not_fit_leaves_the_buffer_as_it_was() {
        let mut buffer = b"before".to_vec();
        let long = "x".repeat(MAX_FRAME);
        assert!(matches!(
            encode(&long, &mut buffer),
            Err(FrameError::TooLarge(_))
        ));
        assert_eq!(buffer, b"before");
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_read_back(text: String) {
            let mut buffer = Vec::new();
            encode(&text, &mut buffer).unwrap();
            prop_assert_eq!(decode(&buffer).unwrap(), text);
        }

        #[test]
        fn random_bytes_never_panic(bytes: Vec<u8>) {
            let _ = decode(&bytes);
        }
    }
}
