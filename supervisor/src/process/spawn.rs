//! Starting a child with its link.

use super::child::Child;
use crate::audit::SpawnRecord;
use ipc::link::Link;
use serde::{Serialize, de::DeserializeOwned};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Stdio;

/// What to start.
#[derive(Debug)]
pub struct Spawn<'a> {
    /// The program.
    pub program: &'a Path,
    /// `argv[0]`: the title in `ps`.
    pub title: String,
    /// The other arguments.
    pub args: Vec<String>,
    /// Stamped on the child's log lines.
    pub label: String,
    /// What it is, in a word, for the record: `agent`, `exec`.
    pub role: &'static str,
    /// Where it is put on record: no child without a line.
    pub record: &'a SpawnRecord,
}

/// No child could be made. Nothing runs unconfined instead.
#[derive(Debug, thiserror::Error)]
#[error("failed to start {program}: {cause}")]
pub struct SpawnError {
    program: String,
    cause: io::Error,
}

impl SpawnError {
    /// `program` could not be started because of `cause`.
    pub fn new(program: &Path, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self {
            program: program.display().to_string(),
            cause: io::Error::other(cause),
        }
    }
}

/// Starts a child in a process group of its own, with a link to it. Needs a tokio runtime.
///
/// # Errors
/// [`SpawnError`] names the program and what the system said.
pub fn spawn<Out, In>(spawn: &Spawn<'_>) -> Result<(Child, Link<Out, In>), SpawnError>
where
    Out: Serialize,
    In: DeserializeOwned,
{
    let (child, ours) = start(spawn)?;
    Ok((child, link(spawn.program, ours)?))
}

/// Starts a child like [`spawn`], and returns our end of its standard input as it is: for one that is
/// told something else first, such as `openclaw-jail` its spec.
///
/// # Errors
/// [`SpawnError`] names the program and what the system said.
pub fn start(spawn: &Spawn<'_>) -> Result<(Child, UnixStream), SpawnError> {
    match try_start(spawn) {
        Ok((child, ours)) => {
            spawn.record.spawned(spawn.role, &spawn.label, child.pid());
            Ok((child, ours))
        }
        Err(cause) => {
            spawn.record.failed(spawn.role, &cause.to_string());
            Err(SpawnError::new(spawn.program, cause))
        }
    }
}

/// The link of a child whose end of `ours` is its standard input.
///
/// # Errors
/// [`SpawnError`] names the program and what the system said.
pub fn link<Out, In>(program: &Path, ours: UnixStream) -> Result<Link<Out, In>, SpawnError>
where
    Out: Serialize,
    In: DeserializeOwned,
{
    Link::from_fd(OwnedFd::from(ours)).map_err(|cause| SpawnError::new(program, cause))
}

fn try_start(spawn: &Spawn<'_>) -> io::Result<(Child, UnixStream)> {
    let (ours, theirs) = UnixStream::pair()?;
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that starts children"
    )]
    let mut command = std::process::Command::new(spawn.program);
    command
        .arg0(&spawn.title)
        .args(&spawn.args)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .process_group(0);
    let process = tokio::process::Command::from(command)
        .kill_on_drop(true)
        .spawn()?;
    Ok((
        Child::new(
            process,
            spawn.label.clone(),
            spawn.role,
            spawn.record.clone(),
        ),
        ours,
    ))
}
