//! Files of a workspace, and long texts, on their way to a person.
//!
//! Whatever an answer names is opened beneath the workspace's handle, so no link and no `..` leads
//! out of it, and what no tool may see is not sent either. A file that is missing, too large or
//! refused is said in words: an answer never fails for it.

mod sort;

use super::Place;
use super::api::{Api, ApiError};
use super::format::Rendered;
use super::outgoing::Part;
use crate::broker::Live;
use crate::policy;
use crate::store::pictures::{self, Look};
use crate::workspace::{self, Opened};
use ipc::id::AgentId;
use reqwest::multipart::{Form, Part as FormPart};
use serde_json::{Value, json};
use sort::{Found, Kind};
use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// What the server takes as one file, in bytes.
const MOST: u64 = 50 << 20;
/// Bytes of a file that tell what it is.
const HEAD: u64 = 64 << 10;
/// UTF-16 units of a caption.
const CAPTION: usize = 1_024;
/// Uploads whose bytes are in memory at a time, of all bots.
const AT_A_TIME: usize = 2;
/// Characters of a file's name.
const NAME: usize = 120;

static UPLOADS: Semaphore = Semaphore::const_new(AT_A_TIME);

/// One thing to send, in order.
#[derive(Debug)]
pub(crate) enum Step {
    /// Words: a caption that is too long to be one, or what is wrong with a file.
    Text(Rendered),
    /// Files.
    Upload(Upload),
}

/// One request that makes one message, or an album of several.
#[derive(Debug)]
pub(crate) struct Upload {
    files: Vec<Sent>,
    caption: Option<Rendered>,
    is_plain: bool,
}

/// A file to be sent.
#[derive(Debug)]
struct Sent {
    kind: Kind,
    name: String,
    content: Content,
}

#[derive(Debug, Clone)]
enum Content {
    /// An open file. It is read when it is sent, as it is then.
    File(Arc<File>),
    Text(Arc<str>),
}

/// What it takes to send a part: nothing for words, which are a step as they are.
pub(crate) async fn plan(live: &Live, agent: &AgentId, part: &Part, as_voice: bool) -> Vec<Step> {
    match part {
        Part::Text(words) => vec![Step::Text(words.clone())],
        Part::Attached {
            name,
            body,
            caption,
        } => {
            let sent = Sent {
                kind: Kind::Document,
                name: plain_name(name),
                content: Content::Text(body.as_str().into()),
            };
            steps(vec![sent], Some(caption.clone()), Vec::new())
        }
        Part::Files { paths, caption } => {
            let config = &live.config;
            let agent = config
                .agent(agent)
                .unwrap_or_else(|| config.default_agent());
            let shown = Shown {
                workspace: agent.workspace.clone(),
                config: Arc::clone(config),
                home: live.host.home.clone(),
                as_voice,
            };
            let paths = paths.clone();
            let opened = tokio::task::spawn_blocking(move || shown.all(&paths)).await;
            let (sent, wrong) = opened.unwrap_or_default();
            steps(sent, caption.clone(), wrong)
        }
    }
}

/// Whose files may be shown.
struct Shown {
    workspace: PathBuf,
    config: Arc<crate::config::Config>,
    home: PathBuf,
    as_voice: bool,
}

impl Shown {
    /// The files that can be sent, and what is wrong with the others.
    fn all(&self, paths: &[String]) -> (Vec<Sent>, Vec<String>) {
        let (mut sent, mut wrong) = (Vec::new(), Vec::new());
        for path in paths {
            match self.one(path) {
                Ok(one) => sent.push(one),
                Err(error) => wrong.push(format!("{}: {}", plain_name(path), said(&error))),
            }
        }
        (sent, wrong)
    }

    fn one(&self, path: &str) -> io::Result<Sent> {
        let Opened { file, len, real } = workspace::open(&self.workspace, path)?;
        if policy::is_private(&self.config, &self.home, &real) {
            return Err(io::Error::other("it is private"));
        }
        match len {
            0 => return Err(io::Error::other("it is empty")),
            len if len > MOST => return Err(io::Error::other("it is larger than 50 MB")),
            _ => {}
        }
        let name = plain_name(path);
        let found = Found {
            len,
            look: look(&file)?,
            name: &name,
        };
        Ok(Sent {
            kind: sort::kind(&found, self.as_voice),
            content: Content::File(Arc::new(file)),
            name,
        })
    }
}

fn look(mut file: &File) -> io::Result<Option<Look>> {
    let mut head = Vec::new();
    file.take(HEAD).read_to_end(&mut head)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(pictures::look(&head))
}

/// What is wrong with a file, for the person.
fn said(error: &io::Error) -> String {
    let kind = error.kind();
    if kind == ErrorKind::NotFound {
        "there is no such file".to_owned()
    } else if kind == ErrorKind::PermissionDenied {
        "it may not be read".to_owned()
    } else {
        error.to_string()
    }
}

/// The last part of a path, on one line.
fn plain_name(path: &str) -> String {
    let last = Path::new(path.trim()).file_name();
    let last = last.map(|name| name.to_string_lossy().into_owned());
    let plain: String = last
        .unwrap_or_default()
        .chars()
        .filter(|c| !c.is_control() && *c != '"')
        .take(NAME)
        .collect();
    if plain.is_empty() {
        "file".to_owned()
    } else {
        plain
    }
}

/// What is sent, in order: albums where several go together, then what is wrong.
fn steps(sent: Vec<Sent>, caption: Option<Rendered>, wrong: Vec<String>) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut caption = caption.filter(|words| !words.plain.is_empty());
    let is_long = |words: &Rendered| words.plain.encode_utf16().count() > CAPTION;
    if sent.is_empty() || caption.as_ref().is_some_and(is_long) {
        steps.extend(caption.take().map(Step::Text));
    }
    for files in sort::albums(sent, |one| one.kind) {
        steps.push(Step::Upload(Upload {
            files,
            caption: caption.take(),
            is_plain: false,
        }));
    }
    if !wrong.is_empty() {
        let plain = format!("⚠️ Not sent: {}", wrong.join("; "));
        let html = plain
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;");
        steps.push(Step::Text(Rendered { html, plain }));
    }
    steps
}

impl Upload {
    /// How many messages it makes; their numbers follow each other.
    pub(crate) fn messages(&self) -> usize {
        self.files.len()
    }

    /// The same with a caption without markup: the server did not take it.
    pub(crate) fn plain(self) -> Self {
        Self {
            is_plain: true,
            ..self
        }
    }

    /// Sends it; the numbers of the messages. May be called again: nothing is used up.
    ///
    /// # Errors
    /// What the server says; where a file can not be read any more nothing was sent.
    pub(crate) async fn send(
        &self,
        api: &Api,
        place: &Place,
        quote: Option<i32>,
    ) -> Result<Vec<i32>, ApiError> {
        let _turn = UPLOADS.acquire().await;
        let mut form = Form::new().text("chat_id", place.chat.to_string());
        if let Some(thread) = place.thread {
            form = form.text("message_thread_id", thread.to_string());
        }
        if let Some(message) = quote {
            let quote = json!({ "message_id": message, "allow_sending_without_reply": true });
            form = form.text("reply_parameters", quote.to_string());
        }
        let (method, form) = match self.files.as_slice() {
            [one] => (one.kind.method(), self.single(one, form).await?),
            many => ("sendMediaGroup", self.album(many, form).await?),
        };
        let result = api.upload(method, form).await?;
        numbers(&result).ok_or_else(|| {
            ApiError::in_doubt(format!("{method}: the server's answer names no message"))
        })
    }

    async fn single(&self, one: &Sent, form: Form) -> Result<Form, ApiError> {
        let mut form = form;
        if let Some(words) = &self.caption {
            form = form.text("caption", self.words(words));
            if let Some(mode) = self.mode() {
                form = form.text("parse_mode", mode);
            }
        }
        Ok(form.part(one.kind.field(), one.part().await?))
    }

    async fn album(&self, many: &[Sent], form: Form) -> Result<Form, ApiError> {
        let mut form = form;
        let mut media = Vec::new();
        for (n, one) in many.iter().enumerate() {
            let mut entry =
                json!({ "type": one.kind.field(), "media": format!("attach://file{n}") });
            if let Some(words) = self.caption.as_ref().filter(|_| n == 0) {
                entry["caption"] = self.words(words).into();
                if let Some(mode) = self.mode() {
                    entry["parse_mode"] = mode.into();
                }
            }
            media.push(entry);
            form = form.part(format!("file{n}"), one.part().await?);
        }
        Ok(form.text("media", Value::from(media).to_string()))
    }

    fn words(&self, words: &Rendered) -> String {
        if self.is_plain {
            words.plain.clone()
        } else {
            words.html.clone()
        }
    }

    fn mode(&self) -> Option<&'static str> {
        (!self.is_plain).then_some("HTML")
    }
}

impl Sent {
    async fn part(&self) -> Result<FormPart, ApiError> {
        let content = self.content.clone();
        let read = tokio::task::spawn_blocking(move || content.read()).await;
        let read = read.map_err(io::Error::other).and_then(|read| read);
        let bytes = read
            .map_err(|error| ApiError::unsent(format!("{} can not be read: {error}", self.name)))?;
        Ok(FormPart::bytes(bytes).file_name(self.name.clone()))
    }
}

impl Content {
    fn read(&self) -> io::Result<Vec<u8>> {
        match self {
            Self::Text(text) => Ok(text.as_bytes().to_vec()),
            Self::File(file) => {
                let mut file: &File = file;
                let mut bytes = Vec::new();
                file.seek(SeekFrom::Start(0))?;
                file.take(MOST).read_to_end(&mut bytes)?;
                Ok(bytes)
            }
        }
    }
}

/// The numbers of a sent message, or of those of an album.
fn numbers(result: &Value) -> Option<Vec<i32>> {
    let number = |message: &Value| i32::try_from(message.get("message_id")?.as_i64()?).ok();
    match result.as_array() {
        Some(all) => all.iter().map(number).collect(),
        None => Some(vec![number(result)?]),
    }
}

#[cfg(test)]
mod tests;
