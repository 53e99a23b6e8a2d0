//! Tries the forbidden, from inside: the program that `openclaw-jail --probe-child` is.
//!
//! It reports what happened, and judges nothing: [`crate::probe`] does.

use crate::sys;
use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::signal::kill;
use nix::unistd::{Pid, getppid};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::net::{Ipv4Addr, TcpStream, UdpSocket};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixStream};
use std::path::{Path, PathBuf};

/// What there is to be reached outside; the child's one argument, as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Targets {
    /// A file that must not be seen.
    pub(crate) canary: PathBuf,
    /// A folder that must be writable: a jail in which all fails proves nothing.
    pub(crate) workspace: PathBuf,
    /// A Unix socket that somebody listens on.
    pub(crate) socket: PathBuf,
    /// An abstract Unix socket that somebody listens on.
    pub(crate) abstract_socket: String,
    /// A port of 127.0.0.1 that somebody listens on, TCP and UDP.
    pub(crate) port: u16,
    /// A process that must not be touched.
    pub(crate) pid: i32,
}

/// How one attempt ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// It worked; what was found.
    Worked(String),
    /// It failed; what the kernel said.
    Failed(String),
}

/// Every attempt's outcome by its name.
pub(crate) type Outcomes = BTreeMap<String, Outcome>;

/// Makes every attempt and prints the outcomes on stdout, as JSON.
///
/// # Errors
/// When `targets` is not JSON of [`Targets`], or stdout is closed.
pub(crate) fn report(targets: &str) -> io::Result<()> {
    let targets: Targets = serde_json::from_str(targets)?;
    let text = serde_json::to_string(&attempt_all(&targets))?;
    writeln!(io::stdout(), "{text}")
}

fn attempt_all(targets: &Targets) -> Outcomes {
    let mine = targets.workspace.join("written");
    let local = (Ipv4Addr::LOCALHOST, targets.port);
    let attempts: [(&str, Outcome); 18] = [
        ("write workspace", outcome(fs::write(mine, "x"))),
        ("see outside", outcome(fs::metadata(&targets.canary))),
        ("read outside", outcome(fs::read(&targets.canary))),
        (
            "write outside",
            outcome(OpenOptions::new().append(true).open(&targets.canary)),
        ),
        (
            "write system",
            outcome(fs::write("/usr/openclaw-probe", "x")),
        ),
        ("see processes", foreign_processes()),
        (
            "read environment",
            outcome(fs::read(environment_of(targets.pid))),
        ),
        (
            "signal gateway",
            outcome(kill(Pid::from_raw(targets.pid), None)),
        ),
        ("signal keeper", outcome(kill(getppid(), None))),
        ("connect", outcome(TcpStream::connect(local))),
        ("send datagram", outcome(send_datagram(targets.port))),
        (
            "call service",
            outcome(UnixStream::connect(&targets.socket)),
        ),
        (
            "call abstract service",
            outcome(call_abstract(&targets.abstract_socket)),
        ),
        (
            "make namespace",
            outcome(nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWUSER)),
        ),
        ("trace", refused(sys::probe::trace_me())),
        ("use io_uring", refused(sys::probe::io_uring())),
        ("use keyring", refused(sys::probe::keyring())),
        ("hold privilege", privilege()),
    ];
    attempts
        .into_iter()
        .map(|(name, outcome)| (name.to_owned(), outcome))
        .collect()
}

fn outcome<T, E: Into<io::Error>>(result: Result<T, E>) -> Outcome {
    match result {
        Ok(_) => Outcome::Worked("it worked".to_owned()),
        Err(error) => Outcome::Failed(error.into().to_string()),
    }
}

/// Of a syscall made with senseless arguments: any other error than a refusal means that the kernel
/// has looked at them.
fn refused(result: Result<(), Errno>) -> Outcome {
    match result {
        Err(Errno::EPERM | Errno::ENOSYS | Errno::EACCES) => outcome(result),
        Ok(()) => Outcome::Worked("it worked".to_owned()),
        Err(error) => Outcome::Worked(format!("the kernel listened: {error}")),
    }
}

fn environment_of(pid: i32) -> PathBuf {
    Path::new("/proc").join(pid.to_string()).join("environ")
}

/// Whether others than the keeper and this process are to be seen.
fn foreign_processes() -> Outcome {
    let is_process = |entry: &fs::DirEntry| {
        entry
            .file_name()
            .to_str()
            .is_some_and(|name| name.parse::<u32>().is_ok())
    };
    match fs::read_dir("/proc") {
        Err(error) => Outcome::Failed(error.to_string()),
        Ok(entries) => match entries.flatten().filter(is_process).count() {
            count @ 0..=2 => Outcome::Failed(format!("{count} processes visible, all its own")),
            count => Outcome::Worked(format!("{count} processes visible")),
        },
    }
}

/// Sent is not yet arrived: whoever listens knows.
fn send_datagram(port: u16) -> io::Result<usize> {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?.send_to(b"x", (Ipv4Addr::LOCALHOST, port))
}

fn call_abstract(name: &str) -> io::Result<UnixStream> {
    UnixStream::connect_addr(&SocketAddr::from_abstract_name(name)?)
}

fn privilege() -> Outcome {
    let held = sys::capabilities().unwrap_or(u64::MAX);
    let bounding = sys::probe::bounding();
    let no_new = prctl::get_no_new_privs().unwrap_or(false);
    if held == 0 && no_new {
        return Outcome::Failed(format!(
            "no capability, {bounding} in the bounding set, no_new_privs"
        ));
    }
    Outcome::Worked(format!("capabilities {held:#x}, no_new_privs {no_new}"))
}
