//! Takes over the sessions of an existing OpenClaw: `agents/ID/sessions/sessions.json` and the JSONL
//! transcripts it names. Each is taken once; the files are only read.

use super::rows::{Life, now_ms, signed};
use super::{Durability, JobError, Store, StoreError, items, usage};
use branch::Branch;
use convert::{Converted, convert};
use ipc::id::{AgentId, SessionId, SessionKey};
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Map, Value};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

pub(super) mod branch;
pub(super) mod convert;

/// A transcript larger than this is named and left: nobody has said that much.
const LARGEST: u64 = 512 * 1024 * 1024;

/// What an import came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImportReport {
    /// Sessions taken over.
    pub sessions: u64,
    /// Their items.
    pub items: u64,
    /// What was not taken over, or not as it was, a line each: file, line, and why.
    pub skipped: Vec<String>,
}

/// A session as `sessions.json` has it.
#[derive(Debug, Clone)]
struct Listed {
    key: SessionKey,
    id: SessionId,
    agent: AgentId,
    transcript: PathBuf,
    updated_at: Option<i64>,
    pinned: Option<String>,
}

/// One `sessions.json`.
#[derive(Debug)]
struct List {
    file: PathBuf,
    modified_at: i64,
    sessions: Vec<Listed>,
}

impl Store {
    /// Takes over the sessions found below `state_directory` that are not here yet. To be done
    /// before messages are given to sessions: a key that has a session here by then gets the
    /// imported one only as its past.
    ///
    /// # Errors
    /// Only what our own database says; what is wrong with the files is in the report.
    pub async fn import_existing(
        &self,
        state_directory: &Path,
    ) -> Result<ImportReport, StoreError> {
        let mut report = ImportReport::default();
        for (agent, file, modified_at) in session_lists(state_directory) {
            if self.has_seen(&file, modified_at).await? {
                continue;
            }
            let list = match read_list(agent, file, modified_at) {
                Ok(list) => list,
                Err(why) => {
                    report.skipped.push(why);
                    continue;
                }
            };
            for listed in list.sessions {
                self.import_one(listed, &mut report).await?;
            }
            self.remember(list.file, list.modified_at).await?;
        }
        Ok(report)
    }

    async fn import_one(
        &self,
        listed: Listed,
        report: &mut ImportReport,
    ) -> Result<(), StoreError> {
        let id = listed.id.clone();
        if self
            .run(Durability::Relaxed, move |c| is_here(c, &id))
            .await?
        {
            return Ok(());
        }
        let file = listed.transcript.display().to_string();
        let converted = match read_apart(listed.transcript.clone()).await {
            Ok(converted) => converted,
            Err(why) => {
                report.skipped.push(format!("{file}: {why}"));
                return Ok(());
            }
        };
        report.sessions += 1;
        report.items += converted.items.len() as u64;
        let broken = converted.broken.iter();
        report
            .skipped
            .extend(broken.map(|why| format!("{file}: {why}")));
        let key = listed.key.clone();
        let written = move |connection: &Connection| write(connection, &listed, &converted);
        if !self.run(Durability::Relaxed, written).await? {
            report.skipped.push(format!(
                "{file}: {key} has a session here already, so this is kept as its past"
            ));
        }
        Ok(())
    }

    async fn has_seen(&self, file: &Path, modified_at: i64) -> Result<bool, StoreError> {
        let file = file.display().to_string();
        self.run(Durability::Relaxed, move |connection| {
            let seen: Option<i64> = connection
                .prepare_cached("SELECT modified_at FROM imports WHERE file = ?1")?
                .query_row([file], |row| row.get(0))
                .optional()?;
            Ok(seen == Some(modified_at))
        })
        .await
    }

    async fn remember(&self, file: PathBuf, modified_at: i64) -> Result<(), StoreError> {
        let file = file.display().to_string();
        self.run(Durability::Synced, move |connection| {
            connection
                .prepare_cached(
                    "INSERT OR REPLACE INTO imports (file, modified_at, at) VALUES (?1, ?2, ?3)",
                )?
                .execute(params![file, modified_at, now_ms()])?;
            Ok(())
        })
        .await
    }
}

fn is_here(connection: &Connection, id: &SessionId) -> Result<bool, JobError> {
    Ok(connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM sessions WHERE id = ?1)")?
        .query_row([id.as_str()], |row| row.get(0))?)
}

/// Writes one session, whole. Whether it is the current one of its key.
fn write(
    connection: &Connection,
    listed: &Listed,
    converted: &Converted,
) -> Result<bool, JobError> {
    let current = Life::current(connection, &listed.key)?.is_none();
    let last = converted.items.last();
    let updated_at = listed.updated_at.or(last.map(|item| item.at));
    let updated_at = updated_at.unwrap_or(converted.begun_at);
    connection
        .prepare_cached(
            "INSERT INTO sessions (id, key, agent, model, begun_at, updated_at, ended_at, turns)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            listed.id.as_str(),
            listed.key.as_str(),
            listed.agent.as_str(),
            listed.pinned,
            converted.begun_at,
            updated_at,
            (!current).then_some(updated_at),
            signed(last.map_or(0, |item| item.turn.0)),
        ])?;
    let mut life = Life::find(connection, &listed.id)?;
    for item in &converted.items {
        let new = items::NewItem::new(item.id, &item.item)?;
        items::insert(connection, &mut life, item.turn, item.at, &[new])?;
        if let Some((model, used)) = convert::usage_of(&item.item) {
            usage::add(connection, &life, item.at, model, used)?;
        }
    }
    connection
        .prepare_cached("UPDATE sessions SET updated_at = ?2 WHERE number = ?1")?
        .execute(params![life.number, updated_at])?;
    Ok(current)
}

// === the files ===

/// Every agent's `sessions.json`, with when it was last changed.
fn session_lists(state_directory: &Path) -> Vec<(AgentId, PathBuf, i64)> {
    let Ok(agents) = fs::read_dir(state_directory.join("agents")) else {
        return Vec::new();
    };
    let mut lists: Vec<_> = agents
        .flatten()
        .filter_map(|agent| {
            let file = agent.path().join("sessions/sessions.json");
            let modified = fs::metadata(&file).ok()?.modified().ok()?;
            let since = modified.duration_since(UNIX_EPOCH).ok()?;
            let modified_at = i64::try_from(since.as_millis()).ok()?;
            Some((
                agent.file_name().to_string_lossy().into(),
                file,
                modified_at,
            ))
        })
        .collect();
    lists.sort();
    lists
}

fn read_list(agent: AgentId, file: PathBuf, modified_at: i64) -> Result<List, String> {
    let text = fs::read(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    let sessions: Map<String, Value> =
        serde_json::from_slice(&text).map_err(|error| format!("{}: {error}", file.display()))?;
    let directory = file.parent().unwrap_or(Path::new(""));
    let sessions = sessions
        .iter()
        .filter_map(|(key, entry)| listed(&agent, directory, key, entry))
        .collect();
    Ok(List {
        file,
        modified_at,
        sessions,
    })
}

/// An entry of `sessions.json`; one without a session id was never spoken in.
fn listed(agent: &AgentId, directory: &Path, key: &str, entry: &Value) -> Option<Listed> {
    let id = entry.get("sessionId")?.as_str()?;
    let text = |name: &str| entry.get(name).and_then(Value::as_str);
    // The path in the entry is absolute, and stale when the state directory was moved or copied.
    let name = text("sessionFile").and_then(|file| Path::new(file).file_name());
    let beside = name
        .map(|name| directory.join(name))
        .filter(|file| file.exists());
    let pinned = match (text("providerOverride"), text("modelOverride")) {
        (Some(provider), Some(model)) => Some(format!("{provider}/{model}")),
        (None, Some(model)) => Some(model.to_owned()),
        (_, None) => None,
    };
    Some(Listed {
        key: SessionKey::from(key),
        id: SessionId::from(id),
        agent: agent.clone(),
        transcript: beside.unwrap_or_else(|| directory.join(format!("{id}.jsonl"))),
        updated_at: entry.get("updatedAt").and_then(Value::as_i64),
        pinned,
    })
}

/// Reads a transcript on a thread of its own: megabytes are not for one that others wait for.
async fn read_apart(file: PathBuf) -> Result<Converted, String> {
    let read = tokio::task::spawn_blocking(move || read_transcript(&file)).await;
    read.unwrap_or_else(|error| Err(error.to_string()))
}

fn read_transcript(file: &Path) -> Result<Converted, String> {
    let size = fs::metadata(file).map_err(|error| error.to_string())?.len();
    if size > LARGEST {
        return Err(format!("{size} bytes are more than {LARGEST}"));
    }
    let bytes = fs::read(file).map_err(|error| error.to_string())?;
    let branch = Branch::read(&String::from_utf8_lossy(&bytes))?;
    Ok(convert(branch))
}
