//! The hands: does what one tool call asks, inside a jail that was cut for it.
//!
//! Started as `openclaw-toolbox ROLE` with one end of a socketpair as stdin; it says hello, hears
//! [`ToolStart`] and serves. The roles:
//!
//! - `exec` runs one command. When that ends in the foreground, its outcome is the last word: the
//!   toolbox ends what the command left behind, and exits. When it goes to the background, the
//!   toolbox stays and answers `process` calls about it for as long as the link is open.
//! - `files` answers any number of file calls, until the link ends.
//!
//! The end of the link is the end of everything: what runs is killed, exit 0. This crate decides
//! nothing about what may be done; the jail around the process and the supervisor's policy do.
//!
//! A module uses only modules declared below it.

// Blank lines keep rustfmt from sorting the reading order away.

mod exec;

mod files;

mod outbox;

mod place;

mod capture;

mod home;

use ipc::frame::FrameError;
use ipc::hello::Hello;
use ipc::link::{Link, LinkReceiver};
use ipc::tool::{FromTool, ToTool, ToolStart};
use std::io::{ErrorKind, Write as _};
use std::os::fd::AsFd as _;
use std::process::ExitCode;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Calls that may wait to be begun; a supervisor that sends more waits in the socket.
const INBOX: usize = 64;

/// Serves the link on stdin in the role that the first argument names, until the link or the job
/// ends. Exit code 0 for an orderly end; 1 after one line on stderr that says what was broken.
#[must_use]
pub fn run() -> ExitCode {
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to tell when stderr is gone as well.
            let _ = writeln!(std::io::stderr(), "toolbox: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The toolbox can not serve.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error("unknown role {0:?}: start as `openclaw-toolbox exec` or `openclaw-toolbox files`")]
    Role(String),
    #[error("stdin is not a usable link: {0}")]
    Link(std::io::Error),
    #[error("the supervisor is broken: {0}")]
    Frame(#[from] FrameError),
    #[error("the first message must be start, not {0}")]
    NoStart(&'static str),
    #[error("a second start")]
    SecondStart,
    #[error("start: {0}")]
    System(std::io::Error),
    #[error("the workspace {path}: {cause}")]
    Workspace { path: String, cause: std::io::Error },
}

enum Role {
    Exec,
    Files,
}

fn serve() -> Result<(), Broken> {
    // What a command runs is of the same user: it could write to this memory, and speak on the link.
    jail::harden().map_err(Broken::System)?;
    let role = match std::env::args().nth(1).as_deref() {
        Some("exec") => Role::Exec,
        Some("files") => Role::Files,
        other => return Err(Broken::Role(other.unwrap_or_default().to_owned())),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
        .map_err(Broken::System)?;
    runtime.block_on(converse(role))
}

async fn converse(role: Role) -> Result<(), Broken> {
    let stdin = std::io::stdin().as_fd().try_clone_to_owned();
    let link = stdin.and_then(Link::<FromTool, ToTool>::from_fd);
    let Link {
        mut sender,
        mut receiver,
    } = link.map_err(Broken::Link)?;
    if sender.send(&FromTool::Hello(Hello::ours())).await.is_err() {
        return Ok(());
    }
    let Some(mut start) = hear_start(&mut receiver).await? else {
        return Ok(());
    };
    home::make(&mut start);

    let mut tasks = JoinSet::new();
    let (heard, inbox) = mpsc::channel(INBOX);
    tasks.spawn(hear(receiver, heard));
    let (outbox, pour) = outbox::open(sender);
    let mut pouring = JoinSet::new();
    pouring.spawn(pour);

    let end = match role {
        Role::Exec => exec::serve(start, inbox, outbox).await,
        Role::Files => files::serve(start, inbox, outbox).await,
    };
    // The outbox is dropped by now: what it still holds is said before the exit.
    while pouring.join_next().await.is_some() {}
    end
}

async fn hear_start(receiver: &mut LinkReceiver<ToTool>) -> Result<Option<ToolStart>, Broken> {
    match receiver.recv().await {
        Ok(ToTool::Start(start)) => Ok(Some(start)),
        Ok(ToTool::Run { .. }) => Err(Broken::NoStart("run")),
        Ok(ToTool::Cancel { .. }) => Err(Broken::NoStart("cancel")),
        Err(error) => link_end(Some(error)).map(|()| None),
    }
}

/// What the link brings: messages, and at last how it ended.
type Heard = Result<ToTool, FrameError>;

/// Hears until the link ends; the last word is the error that ended it.
async fn hear(mut receiver: LinkReceiver<ToTool>, to: mpsc::Sender<Heard>) {
    loop {
        let heard = receiver.recv().await;
        let last = heard.is_err();
        if to.send(heard).await.is_err() || last {
            return;
        }
    }
}

/// The end of the link as the end of the program.
fn link_end(last: Option<FrameError>) -> Result<(), Broken> {
    match last.filter(|error| !is_orderly(error)) {
        None => Ok(()),
        Some(error) => Err(error.into()),
    }
}

/// A supervisor that closes before it has heard everything resets the link; that is no fault of it.
fn is_orderly(error: &FrameError) -> bool {
    match error {
        FrameError::Closed => true,
        FrameError::Io(error) => {
            let gone = [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe];
            gone.contains(&error.kind())
        }
        FrameError::Cut | FrameError::TooLarge(_) | FrameError::Garbled(_) => false,
    }
}
