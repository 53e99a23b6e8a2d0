//! The program's own process, up to its exec: limits, Landlock, seccomp.

use crate::error::{During, JailError};
use crate::landlock::{self, Ports, Rules};
use crate::plan::{Access, Plan};
use crate::report::{say, stdin};
use crate::spec::{JailSpec, Namespaces, Network, Role};
use crate::syscalls::{List, NO_SOCKETS, NO_UNIX, NOTIFIED, SHARED, SHELL};
use crate::{filter, limits, namespaces, notify, reaper, sys};
use nix::unistd::{chdir, execve, setsid};
use std::ffi::CString;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Without namespaces, the devices that everyone needs.
const DEVICES: [&str; 8] = [
    "/dev/null",
    "/dev/zero",
    "/dev/full",
    "/dev/random",
    "/dev/urandom",
    "/dev/tty",
    "/dev/ptmx",
    "/dev/pts",
];

/// The first Landlock that keeps abstract sockets apart.
const SCOPES: i32 = 6;

/// What the walls are made of.
pub(crate) enum Walls {
    /// Namespaces of one's own.
    Namespaces,
    /// Those of a room.
    Room,
    /// Landlock and the syscall filter.
    Plain,
}

/// The program's own process. Returns only when it could not be started.
pub(crate) fn target(spec: &JailSpec, plan: &Plan, walls: &Walls) -> Result<u8, JailError> {
    namespaces::die_with_parent()?;
    setsid().during("start a session")?;
    chdir(&spec.cwd).map_err(|error| JailError::Path {
        path: spec.cwd.clone(),
        cause: error.into(),
    })?;
    let program = c_string("program", spec.program.as_os_str().as_bytes())?;
    let (arguments, environment) = words(spec)?;
    limits::apply(&spec.limits)?;
    let landlock = restrict_files(spec, plan, walls)?;
    sys::close_from_at_exec(3).during("close descriptors")?;
    sys::default_signal(libc::SIGPIPE);
    reaper::release_signals()?;
    let filter = filter::compile(&lists(spec, walls, landlock), &[]);
    if is_mediated(spec, walls) {
        notify::install(&filter, stdin().as_fd())?;
    } else {
        sys::install_filter(&filter).during("install the syscall filter")?;
    }
    match execve(&program, &arguments, &environment) {
        Err(error) => Err(JailError::Exec {
            program: spec.program.clone(),
            cause: error.into(),
        }),
    }
}

/// Whether the supervisor makes each connection for what is inside.
fn is_mediated(spec: &JailSpec, walls: &Walls) -> bool {
    match (walls, spec.network) {
        (Walls::Plain, Network::Proxied) => true,
        (Walls::Plain, Network::None | Network::Host) | (Walls::Namespaces | Walls::Room, _) => {
            false
        }
    }
}

fn lists(spec: &JailSpec, walls: &Walls, landlock: i32) -> Vec<&'static List> {
    let role = match spec.role {
        Role::Shell => &SHELL,
    };
    match (walls, spec.network) {
        (Walls::Plain, Network::None) => vec![&NO_SOCKETS, &SHARED, role],
        (Walls::Plain, Network::Proxied) => vec![&NOTIFIED, &SHARED, role],
        (Walls::Plain, Network::Host) => vec![&NO_UNIX, &SHARED, role],
        // Abstract sockets are the network namespace's, which it shares.
        (Walls::Namespaces | Walls::Room, Network::Host) if landlock < SCOPES => {
            vec![&NO_UNIX, role]
        }
        (Walls::Namespaces | Walls::Room, Network::None | Network::Proxied | Network::Host) => {
            vec![role]
        }
    }
}

/// Returns the Landlock version in force, 0 for none.
fn restrict_files(spec: &JailSpec, plan: &Plan, walls: &Walls) -> Result<i32, JailError> {
    let read = plan.paths(Access::Read);
    let write = plan.paths(Access::Write);
    let rules = match walls {
        // The private root shows nothing that may not be read.
        Walls::Namespaces | Walls::Room => Rules {
            read: vec![Path::new("/")],
            write: write
                .chain([Path::new("/tmp"), Path::new("/dev")])
                .collect(),
            ports: Ports::Elsewhere,
            ..Rules::default()
        },
        Walls::Plain => Rules {
            read: read.chain([Path::new("/proc")]).collect(),
            write: write.chain(DEVICES.map(Path::new)).collect(),
            // Shared with others, but locks between processes are made of it.
            drop: vec![Path::new("/dev/shm")],
            hidden: plan.secrets().filter(|path| path.exists()).collect(),
            ports: match spec.network {
                Network::None | Network::Proxied => Ports::Forbidden,
                Network::Host => Ports::Elsewhere,
            },
        },
    };
    match (landlock::restrict(&rules), walls, spec.namespaces) {
        (Ok(version), _, _) => Ok(version),
        (Err(error), Walls::Namespaces | Walls::Room, Namespaces::Auto) => {
            say(&format!("{error}; running without it"));
            Ok(0)
        }
        (Err(error), _, _) => Err(error),
    }
}

fn words(spec: &JailSpec) -> Result<(Vec<CString>, Vec<CString>), JailError> {
    let arguments = [&spec.argv0]
        .into_iter()
        .chain(&spec.args)
        .map(|word| c_string("args", word.as_bytes()))
        .collect::<Result<_, _>>()?;
    let environment = spec
        .env
        .iter()
        .map(|(name, value)| c_string("env", format!("{name}={value}").as_bytes()))
        .collect::<Result<_, _>>()?;
    Ok((arguments, environment))
}

fn c_string(field: &str, bytes: &[u8]) -> Result<CString, JailError> {
    CString::new(bytes).map_err(|_| JailError::Spec(format!("{field} holds a NUL")))
}
