//! The mind of one session: turns a user's input into model calls and tool calls until it is done.
//!
//! It opens no file and no socket, and holds no key: its link is all it has, and it is sealed before
//! it reads a byte of it. It holds no text but what it is being told right now: the supervisor has
//! the transcript, and this process names its items by id.
//!
//! There is no guard against a model that goes in circles here: a guard the agent process could
//! switch off would be none. The supervisor has it.
//!
//! A module uses only modules declared below it.

// Blank lines keep rustfmt from sorting the reading order away.

pub mod session;

pub mod turn_loop;

pub mod turn;

pub mod compaction;

pub mod tool_calls;

pub mod prompt;

pub mod draft;

pub mod transcript;

pub mod broker;

pub mod fault;

pub use session::serve;

use fault::Fault;
use ipc::link::Link;
use jail::seal::Seal;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;

/// The whole program: seals the process, then serves the link on stdin to its end.
///
/// Exit codes are those of [`Fault::code`]; the reason goes to stderr as one line.
#[must_use]
pub fn run() -> ExitCode {
    match try_run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            // Nobody is left to be told when stderr is gone too.
            let _ = writeln!(io::stderr(), "openclaw-agent: {fault}");
            ExitCode::from(fault.code())
        }
    }
}

fn try_run() -> Result<(), Fault> {
    stdin_socket()
        .and_then(|stream| stream.peer_addr())
        .map_err(Fault::NotALink)?;
    seal()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .map_err(Fault::Runtime)?;
    runtime.block_on(async {
        let stream = stdin_socket().map_err(Fault::NotALink)?;
        serve(Link::from_fd(stream.into()).map_err(Fault::NotALink)?).await
    })
}

fn stdin_socket() -> io::Result<UnixStream> {
    Ok(io::stdin().as_fd().try_clone_to_owned()?.into())
}

/// Private memory a mind may have: the largest frame, read and parsed, several times over.
const MEMORY: u64 = 256 * 1024 * 1024;

/// Gives away everything but stdin and stderr. Comes before the runtime, whose descriptors it would
/// close.
fn seal() -> Result<(), Fault> {
    jail::harden().map_err(|error| Fault::Seal(error.to_string()))?;
    let walls = Seal {
        data_bytes: Some(MEMORY),
        ..Seal::default()
    };
    jail::seal::seal(&walls).map_err(|error| Fault::Seal(error.to_string()))?;
    Ok(())
}
