//! The way in, from top to bottom: read the spec, namespaces, private root, privileges, limits,
//! Landlock, seccomp, exec.
//!
//! ```text
//! outer ── split ──┬── outside: waits, passes signals on, ends as the keeper ends
//!                  └── keeper: pid 1, private root, no privileges; reaps
//!                        └── target: limits, Landlock, seccomp, exec
//! ```
//! Where there are no namespaces to be had, the same three processes stand without a private root.
//! A room is opened by the first two, which hand it over and end; what joins it finds the private
//! root there.

use crate::error::{During, JailError};
use crate::handover::{self, Answer};
use crate::inside;
use crate::namespaces::{self, Half};
use crate::ownership;
use crate::reaper;
use crate::report::{complaint, finish, say, stdin};
use crate::root;
use crate::spec::{JailSpec, MAX_SPEC, Namespaces, Order};
use crate::sys::{self, Side};
use crate::target::Walls;
use crate::{attempts, doors, limits, privileges};
use nix::unistd::{Pid, setpgid};
use std::env;
use std::io::{self, Read, Write as _};
use std::os::fd::{AsFd, OwnedFd};

/// The argument that makes `openclaw-jail` the program that [`crate::probe`] runs inside.
pub const PROBE_CHILD: &str = "--probe-child";

/// The exit code of a jail that could not be built.
pub const FAILED: u8 = crate::report::FAILED;

/// The whole program `openclaw-jail`: reads a spec from stdin, runs what it says in its walls, and
/// returns the exit code to end with. Returns in several processes.
///
/// Its arguments are for whoever looks at `ps`, but for [`PROBE_CHILD`], which tries to get out of
/// the walls it finds itself in, and `--version`.
pub fn enter() -> u8 {
    // Whoever hears us may be gone: that is to be an error, not the end.
    sys::ignore_signal(libc::SIGPIPE);
    let mut arguments = env::args().skip(1);
    match arguments.next().as_deref() {
        Some(PROBE_CHILD) => {
            let errand = arguments.next().unwrap_or_default();
            finish(
                attempts::run::report(&errand)
                    .map(|()| 0)
                    .during("report attempts"),
            )
        }
        Some("--version") => say_version(),
        Some(_) | None => finish(obey()),
    }
}

fn say_version() -> u8 {
    let said = writeln!(io::stdout(), "openclaw-jail {}", env!("CARGO_PKG_VERSION"));
    if said.is_ok() { 0 } else { FAILED }
}

fn obey() -> Result<u8, JailError> {
    // Descriptors of ours would take their numbers, and be the program's.
    sys::are_open([0, 1, 2]).during("find stdin, stdout and stderr open")?;
    sys::close_from(3).during("close inherited descriptors")?;
    let (spec, room) = read_spec()?;
    reaper::hold_signals()?;
    // Out of reach of what is typed at the gateway's terminal.
    let _ = setpgid(Pid::from_raw(0), Pid::from_raw(0));
    match spec.order {
        Order::Run => run(&spec),
        Order::Open => open(&spec),
        Order::Join => join(&spec, room),
    }
}

/// Opens a room. Why that failed is told twice: to whoever waits for the room, and on stderr.
fn open(spec: &JailSpec) -> Result<u8, JailError> {
    let mapped = ownership::map(spec);
    let opened = match namespaces::split(spec) {
        Ok(Half::Inside { link }) => return Ok(inside::first_in_room(spec, &link, mapped)),
        Ok(Half::Outside { inner, link }) => outside(inner, &link, false),
        Err(error) => Err(error),
    };
    if let Err(error) = &opened {
        let lacks = matches!(error, JailError::Missing { .. } | JailError::Lacking(_));
        let answer = if lacks {
            Answer::Lacking
        } else {
            Answer::Failed
        };
        // Whoever waits may have gone.
        let _ = answer(error.to_string()).send(&*stdin(), &[]);
    }
    opened
}

fn join(spec: &JailSpec, room: Vec<OwnedFd>) -> Result<u8, JailError> {
    match namespaces::join(spec, room, doors::are_here)? {
        Half::Outside { inner, link } => {
            keep_nothing()?;
            privileges::keep_outside(false)?;
            // There is nothing to be done when the program has been started, so nobody is woken to
            // hear of it: who could not start it ends at once.
            let code = reaper::mirror(inner)?;
            complaint(&namespaces::hear(&link)?).map_or(Ok(code), Err)
        }
        Half::Inside { link } => Ok(inside::keeper(spec, &link, Walls::Room, Vec::new())),
    }
}

fn run(spec: &JailSpec) -> Result<u8, JailError> {
    match spec.namespaces {
        Namespaces::Off => without_namespaces(spec),
        Namespaces::Require => with_namespaces(spec),
        Namespaces::Auto => match with_namespaces(spec) {
            Err(error @ (JailError::Missing { .. } | JailError::Lacking(_))) => {
                say(&format!("{error}; running with Landlock and seccomp alone"));
                without_namespaces(spec)
            }
            other => other,
        },
    }
}

fn with_namespaces(spec: &JailSpec) -> Result<u8, JailError> {
    let mapped = ownership::map(spec);
    match namespaces::split(spec)? {
        Half::Outside { inner, link } => {
            let cleans_up = !spec.protect.is_empty();
            let ended = outside(inner, &link, cleans_up);
            if cleans_up {
                root::clean_up(spec)?;
            }
            ended
        }
        Half::Inside { link } => Ok(inside::keeper(spec, &link, Walls::Namespaces, mapped)),
    }
}

fn without_namespaces(spec: &JailSpec) -> Result<u8, JailError> {
    let (outer_end, inner_end) = namespaces::link()?;
    match sys::fork_into(0).during("fork")? {
        Side::Parent(inner) => {
            drop(inner_end);
            outside(inner, &outer_end, false)
        }
        Side::Child => {
            drop(outer_end);
            Ok(inside::keeper(spec, &inner_end, Walls::Plain, Vec::new()))
        }
    }
}

/// The outer process: hears whether the jail stands, then waits for its end. It keeps nothing that
/// a program inside might want, but what it needs to clean up.
fn outside(inner: Pid, link: &OwnedFd, cleans_up: bool) -> Result<u8, JailError> {
    keep_nothing()?;
    if let Some(error) = complaint(&namespaces::hear(link)?) {
        return reaper::mirror(inner).and(Err(error));
    }
    // Not before: where there are no namespaces, other walls are built with them.
    privileges::keep_outside(cleans_up)?;
    reaper::mirror(inner)
}

fn keep_nothing() -> Result<(), JailError> {
    privileges::no_new_privileges()?;
    limits::harden().during("close core dumps")
}

/// Reads exactly the spec's frame: what follows it belongs to the program. With it comes a room, if
/// there is one to join.
fn read_spec() -> Result<(JailSpec, Vec<OwnedFd>), JailError> {
    // Not std's stdin, which reads ahead.
    let mut stdin = stdin();
    let mut length = [0; 4];
    let room = handover::receive_first(stdin.as_fd(), &mut length).map_err(JailError::NoSpec)?;
    let length = u32::from_le_bytes(length) as usize;
    if length > MAX_SPEC {
        return Err(JailError::Spec(format!(
            "it announces {length} bytes, over the limit of {MAX_SPEC}"
        )));
    }
    let mut body = vec![0; length];
    stdin.read_exact(&mut body).map_err(JailError::NoSpec)?;
    Ok((JailSpec::from_json(&body)?, room))
}
