//! Files that came with a message: into the agent's workspace, before its words go to a session.
//!
//! Each is fetched into memory (within `mediaMaxMb`, a few at a time), looked at by its own first
//! bytes, kept as a picture where it is one, turned into text where somebody speaks and a provider
//! hears, and put into `inbox/` under a name that says what it is and belongs to it alone. So doing
//! it again after a crash makes the same files. What can not be had is said, to the model and to the
//! person, and never fails the message.

mod names;

use super::api::{ApiError, FileError};
use super::bot::Bot;
use super::convert::{Incoming, Media, MediaKind, clean_line, frame};
use crate::broker::Live;
use crate::config::Agent;
use crate::model::Recording;
use crate::store::pictures;
use crate::workspace;
use ipc::id::AgentId;
use ipc::transcript::Image;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// The folder of a workspace that they go to.
pub(crate) const INBOX: &str = "inbox";
/// What a server of Telegram's hands out at most, in bytes.
const MOST: u64 = 20 << 20;
/// Files in memory at a time, of all bots.
const AT_A_TIME: usize = 4;
/// Tries to fetch one.
const TRIES: u32 = 3;
/// The longest a server may make us wait between tries; the message waits as long.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// Characters of a transcript that are told.
const SPOKEN: usize = 12_000;

static DOWNLOADS: Semaphore = Semaphore::const_new(AT_A_TIME);

/// What came with a message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Fetched {
    /// Lines for the model, in order: what each file is and where it lies.
    pub(crate) lines: Vec<String>,
    /// Pictures for models that see.
    pub(crate) images: Vec<Image>,
    /// For the person: what could not be taken.
    pub(crate) said: Option<String>,
}

/// Fetches the files of a message into the workspace of `agent`.
pub(crate) async fn fetch(bot: &Bot, agent: &AgentId, message: &Incoming) -> Fetched {
    let mut fetched = Fetched::default();
    if message.media.is_empty() {
        return fetched;
    }
    let live = bot.services.live.load_full();
    let agent = live
        .config
        .agent(agent)
        .unwrap_or_else(|| live.config.default_agent());
    let mut refused = Vec::new();
    for (index, media) in message.media.iter().enumerate() {
        let one = Taking {
            bot,
            live: &live,
            agent,
            media,
            name: names::of(message.message, index, media),
        };
        match one.take().await {
            Ok(taken) => {
                fetched.lines.push(taken.line);
                fetched.images.extend(taken.image);
            }
            Err(why) => {
                fetched
                    .lines
                    .push(frame(&format!("{}, not kept: {why}", called(media))));
                refused.push(format!("{}: {why}", called(media)));
            }
        }
    }
    if !refused.is_empty() {
        fetched.said = Some(format!(
            "I could not take everything. {}.",
            refused.join("; ")
        ));
    }
    fetched
}

/// What it is, for people and models: `file "report.pdf"`.
fn called(media: &Media) -> String {
    match media.name.as_deref().map(|name| clean_line(name, 64)) {
        Some(name) if !name.is_empty() => format!("{} \"{name}\"", media.kind.name()),
        Some(_) | None => media.kind.name().to_owned(),
    }
}

/// A file that was taken.
struct Taken {
    line: String,
    image: Option<Image>,
}

/// One file on its way.
struct Taking<'a> {
    bot: &'a Bot,
    live: &'a Arc<Live>,
    agent: &'a Agent,
    media: &'a Media,
    name: names::Name,
}

impl Taking<'_> {
    async fn take(self) -> Result<Taken, String> {
        let most = self.bot.account.media_max.min(MOST);
        if self.media.size.is_some_and(|size| size > most) {
            return Err(too_large(self.media.size, most));
        }
        let _turn = DOWNLOADS.acquire().await;
        let bytes = self.download(most).await?;
        let look = pictures::look(&bytes);
        let name = self.name.clone().ending(look.map(|look| look.ending));
        let len = bytes.len();
        let bytes: Arc<[u8]> = bytes.into();
        let image = self.put(&name, Arc::clone(&bytes)).await?;
        let mut what = match (&image, self.media.kind) {
            (Some(_), MediaKind::Document) => "picture".to_owned(),
            (Some(_) | None, kind) => kind.name().to_owned(),
        };
        what.push_str(&format!(" {INBOX}/{name}, {}", size(len as u64)));
        if let Some(seconds) = self.media.seconds {
            what.push_str(&format!(", {}:{:02} long", seconds / 60, seconds % 60));
        }
        let line = match self.speech(bytes, &name).await {
            None => frame(&what),
            Some(Ok(words)) => heard(&what, &words),
            Some(Err(why)) => frame(&format!("{what}; not heard: {why}")),
        };
        Ok(Taken { line, image })
    }

    async fn download(&self, most: u64) -> Result<Vec<u8>, String> {
        let mut tries = 0;
        loop {
            tries += 1;
            let mut bytes = Vec::new();
            let came = self.bot.api.download(&self.media.file_id, most, &mut bytes);
            let error = match came.await {
                Ok(_) => return Ok(bytes),
                Err(FileError::TooLarge { max }) => return Err(too_large(self.media.size, max)),
                Err(error) => error,
            };
            match again_after(&error, tries) {
                Some(wait) => tokio::time::sleep(wait).await,
                None => return Err(error.to_string()),
            }
        }
    }

    /// Puts it into the workspace, and keeps it as a picture where it is one.
    async fn put(&self, name: &str, bytes: Arc<[u8]>) -> Result<Option<Image>, String> {
        let (workspace, name) = (self.agent.workspace.clone(), name.to_owned());
        let media = self.live.config.paths.media();
        let put = tokio::task::spawn_blocking(move || {
            workspace::put(&workspace, INBOX, &name, &bytes)?;
            pictures::keep(&media, &bytes)
        });
        let put = put.await.map_err(|error| error.to_string())?;
        put.map_err(|error| {
            tracing::warn!("a file can not be put into {INBOX}: {error}");
            format!("it can not be put into the workspace ({error})")
        })
    }

    /// What is said in it; `None` where nobody speaks.
    async fn speech(&self, bytes: Arc<[u8]>, name: &str) -> Option<Result<String, String>> {
        match self.media.kind {
            MediaKind::Voice | MediaKind::Audio | MediaKind::VideoNote => {}
            MediaKind::Photo
            | MediaKind::Document
            | MediaKind::Video
            | MediaKind::Animation
            | MediaKind::Sticker => return None,
        }
        let recording = Recording {
            name: name.to_owned(),
            bytes,
        };
        let audio = &self.live.config.audio;
        let heard = self
            .live
            .models
            .transcribe(&self.agent.id, audio, &recording);
        Some(heard.await.map_err(|why| clean_line(&why.to_string(), 200)))
    }
}

/// How long to wait before the next try; `None` where there is none.
fn again_after(error: &FileError, tries: u32) -> Option<Duration> {
    if tries >= TRIES {
        return None;
    }
    match error {
        FileError::Api(ApiError::TooMany { after }) => {
            Some(*after).filter(|wait| *wait <= LONGEST_WAIT)
        }
        FileError::Api(ApiError::Server { .. } | ApiError::Network { .. }) => {
            Some(Duration::from_millis(300) * tries)
        }
        FileError::Api(
            ApiError::Conflict { .. } | ApiError::Unauthorized | ApiError::Refused(_),
        )
        | FileError::TooLarge { .. }
        | FileError::Elsewhere
        | FileError::Write(_) => None,
    }
}

/// Spoken words are the person's own: quoted, so that none of them passes for a line of ours.
fn heard(what: &str, words: &str) -> String {
    let words: String = words.trim().chars().take(SPOKEN).collect();
    let quoted: Vec<String> = super::convert::unframed(&words)
        .lines()
        .map(|line| format!("> {line}"))
        .collect();
    format!(
        "{}\n{}",
        frame(&format!("{what}; it says:")),
        quoted.join("\n")
    )
}

fn too_large(len: Option<u64>, most: u64) -> String {
    let most = size(most);
    match len {
        Some(len) => format!("it has {}, and at most {most} are taken", size(len)),
        None => format!("it is larger than {most}"),
    }
}

/// `1.2 MB`, `34 kB`, `5 bytes`.
fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} bytes"),
        1_000..1_000_000 => format!("{} kB", bytes / 1_000),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10),
    }
}
