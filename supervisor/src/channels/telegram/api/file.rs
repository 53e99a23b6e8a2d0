//! A file at the server, taken in piece by piece.

use super::{Api, ApiError, PATIENCE};
use serde::{Deserialize, Serialize};
use std::io;
use std::time::Duration;
use tokio::io::{AsyncWrite, AsyncWriteExt};

/// How long the way of one piece may take.
const PIECE_PATIENCE: Duration = Duration::from_secs(30);

/// Why a file did not come.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    /// The server's word.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// It is larger than may be.
    #[error("it is larger than {max} bytes")]
    TooLarge {
        /// What may be, in bytes.
        max: u64,
    },
    /// The server keeps it where only it can read it.
    #[error("the server keeps files on its own disk; run it without --local")]
    Elsewhere,
    /// It could not be written down.
    #[error("failed to write it: {0}")]
    Write(#[from] io::Error),
}

#[derive(Serialize)]
struct GetFile<'a> {
    file_id: &'a str,
}

#[derive(Deserialize)]
struct Found {
    #[serde(default)]
    file_path: Option<String>,
    #[serde(default)]
    file_size: Option<u64>,
}

impl Api {
    /// Writes the file with this id to `into`, at most `max` bytes of it; how many it were.
    ///
    /// # Errors
    /// [`FileError::TooLarge`], at once where the server says so and after `max` bytes where it
    /// did not; else what the server or the disk says. What was written by then is no file.
    pub(crate) async fn download<W>(
        &self,
        file_id: &str,
        max: u64,
        into: &mut W,
    ) -> Result<u64, FileError>
    where
        W: AsyncWrite + Unpin + Send,
    {
        let path = self.path_of(file_id, max).await?;
        let request = self.client().get(self.file_address(&path)?);
        let asked = tokio::time::timeout(PATIENCE, request.send()).await;
        let answered = asked.map_err(|_| too_slow())?;
        let mut response = answered.map_err(|error| self.network(error))?;
        let status = response.status();
        if !status.is_success() {
            return Err(ApiError::Server {
                status: status.as_u16(),
            }
            .into());
        }
        let mut written = 0;
        loop {
            let piece = tokio::time::timeout(PIECE_PATIENCE, response.chunk()).await;
            let piece = piece.map_err(|_| too_slow())?;
            let Some(piece) = piece.map_err(|error| self.network(error))? else {
                break;
            };
            written += piece.len() as u64;
            if written > max {
                return Err(FileError::TooLarge { max });
            }
            into.write_all(&piece).await?;
        }
        into.flush().await?;
        Ok(written)
    }

    /// Where the server has it.
    async fn path_of(&self, file_id: &str, max: u64) -> Result<String, FileError> {
        let found = self.call_named("getFile", &GetFile { file_id }).await?;
        let found: Found = serde_json::from_value(found)
            .map_err(|error| ApiError::unsent(format!("getFile: {error}")))?;
        if found.file_size.is_some_and(|size| size > max) {
            return Err(FileError::TooLarge { max });
        }
        let path = found
            .file_path
            .ok_or_else(|| ApiError::unsent("getFile names no path".to_owned()))?;
        let strange = path.split('/').any(|part| matches!(part, "." | ".."));
        match path.starts_with('/') || strange {
            true => Err(FileError::Elsewhere),
            false => Ok(path),
        }
    }
}

fn too_slow() -> FileError {
    FileError::Api(ApiError::in_doubt(
        "the file did not come in time".to_owned(),
    ))
}
