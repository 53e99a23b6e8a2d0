//! Tries to get out, from where an agent sits: in the place of `openclaw-agent`, in a real session.
//!
//! In a session whose name ends with `bad-sealed` it seals itself as the agent does and then makes
//! every attempt; in `bad-open` it does not seal itself, so that the attempts are known to work where
//! nothing stops them. What came of each is said as text of the turn, as JSON.
#![expect(clippy::expect_used, reason = "an actor that can not go on has failed")]

use ipc::agent::{FromAgent, TurnOutcome};
use jail::seal::{Seal, seal};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getppid};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::process::{Command, ExitCode, Stdio};
use tests::actor::{Actor, part};

fn main() -> ExitCode {
    let Some(part) = part() else {
        return agent_proc::run();
    };
    if part == "sealed" {
        seal(&Seal::default()).expect("it can be sealed");
    }
    let mut actor = Actor::on_stage();
    let turn = actor.begins_a_turn().turn;
    let text = serde_json::to_string(&attempts()).expect("it is text");
    actor.says(&FromAgent::Delta { turn, text });
    actor.says(&FromAgent::TurnDone {
        turn,
        outcome: TurnOutcome::Answered,
    });
    actor.sulks();
}

/// Each attempt, and the error it met; none where it worked.
fn attempts() -> BTreeMap<&'static str, Option<i32>> {
    let parent = getppid();
    let place = std::env::temp_dir().join(format!("openclaw-escape-{}", std::process::id()));
    BTreeMap::from([
        ("read a file", errno(File::open("/etc/passwd"))),
        ("look at a file", errno(fs::metadata("/etc/passwd"))),
        ("list a folder", errno(fs::read_dir("/"))),
        ("write a file", errno(write_a_file(&place))),
        ("make a folder", errno(make_a_folder(&place))),
        (
            "read own environment",
            errno(File::open("/proc/self/environ")),
        ),
        (
            "read the gateway's environment",
            errno(File::open(format!("/proc/{parent}/environ"))),
        ),
        (
            "read the gateway's memory",
            errno(File::open(format!("/proc/{parent}/mem"))),
        ),
        (
            "listen on a port",
            errno(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))),
        ),
        (
            "send datagrams",
            errno(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))),
        ),
        ("make a unix socket", errno(UnixDatagram::unbound())),
        ("listen on a path", errno(listen_on_a_path(&place))),
        ("run a program", errno(run_a_program())),
        (
            "start a thread",
            errno(std::thread::Builder::new().spawn(|| {})),
        ),
        (
            "signal the gateway",
            errno(kill(parent, None).map_err(io::Error::from)),
        ),
        (
            "signal anybody",
            errno(kill(Pid::from_raw(1), None).map_err(io::Error::from)),
        ),
        (
            "stop itself",
            errno(kill(Pid::this(), Signal::SIGCONT).map_err(io::Error::from)),
        ),
        (
            "be traced",
            errno(nix::sys::ptrace::traceme().map_err(io::Error::from)),
        ),
        ("make a file in memory", errno(memory_file())),
        ("change its folder", errno(std::env::set_current_dir("/"))),
        (
            "make a namespace",
            errno(
                nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNS).map_err(io::Error::from),
            ),
        ),
    ])
}

fn errno<T>(result: io::Result<T>) -> Option<i32> {
    result.err().map(|error| error.raw_os_error().unwrap_or(0))
}

fn write_a_file(place: &std::path::Path) -> io::Result<()> {
    let path = place.with_extension("file");
    File::create(&path)?.write_all(b"x")?;
    fs::remove_file(path)
}

fn make_a_folder(place: &std::path::Path) -> io::Result<()> {
    let path = place.with_extension("folder");
    fs::create_dir(&path)?;
    fs::remove_dir(path)
}

fn listen_on_a_path(place: &std::path::Path) -> io::Result<()> {
    let path = place.with_extension("socket");
    drop(UnixListener::bind(&path)?);
    fs::remove_file(path)
}

#[expect(clippy::disallowed_methods, reason = "it is what is to be prevented")]
fn run_a_program() -> io::Result<()> {
    let mut command = Command::new("/bin/true");
    command.stdin(Stdio::null()).status().map(drop)
}

fn memory_file() -> io::Result<()> {
    let flags = nix::sys::memfd::MFdFlags::empty();
    nix::sys::memfd::memfd_create(c"escape", flags)
        .map(drop)
        .map_err(io::Error::from)
}
