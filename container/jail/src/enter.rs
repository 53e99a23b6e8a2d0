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
use crate::landlock::{self, Ports, Rules};
use crate::namespaces::{self, Half};
use crate::ownership::{self, Mapped};
use crate::placeholders::{Placeholders, Workspace};
use crate::plan::{self, Access, Plan};
use crate::reaper::{self, Reach};
use crate::spec::{JailSpec, MAX_SPEC, Namespaces, Network, Order, Role};
use crate::sys::{self, Side};
use crate::syscalls::{List, NO_SOCKETS, NO_UNIX, NOTIFIED, SHARED, SHELL};
use crate::{attempts, doors, filter, limits, mounts, notify, privileges};
use nix::sys::prctl;
use nix::unistd::{Pid, chdir, execve, setpgid, setsid};
use std::env;
use std::ffi::CString;
use std::fs::File;
use std::io::{self, Read, Write as _};
use std::mem::ManuallyDrop;
use std::os::fd::{AsFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The argument that makes `openclaw-jail` the program that [`crate::probe`] runs inside.
pub const PROBE_CHILD: &str = "--probe-child";

/// The exit code of a jail that could not be built.
pub const FAILED: u8 = 125;

/// What the keeper tells its parent when the program has been started.
const STARTED: &[u8] = b"+";
/// First byte of a report of a wall that this machine lacks, and of any other failure.
const LACKS: u8 = b'?';
const FAILS: u8 = b'!';

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

/// What the walls are made of.
enum Walls {
    /// Namespaces of one's own.
    Namespaces,
    /// Those of a room.
    Room,
    /// Landlock and the syscall filter.
    Plain,
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
        Ok(Half::Inside { link }) => return Ok(first_in_room(spec, &link, mapped)),
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

/// The first process in a room, and until somebody joins it the only one.
fn first_in_room(spec: &JailSpec, link: &OwnedFd, mapped: Vec<Mapped>) -> u8 {
    let opened = namespaces::settle(spec, link).and_then(|()| hand_over(spec, mapped));
    report(link, opened.map(|()| 0))
}

/// Builds what programs in the room share and gives it to whoever asked for it.
fn hand_over(spec: &JailSpec, mapped: Vec<Mapped>) -> Result<(), JailError> {
    let mut descriptors = namespaces::handles(spec)?;
    let namespaces = descriptors.len();
    let (_, workspaces) = build_root(spec, mapped)?;
    descriptors.push(File::open("/tmp").during("open the room's /tmp")?.into());
    let doors = spec.network == Network::Proxied;
    if doors {
        descriptors.extend(doors::open()?);
    }
    let (folders, placeholders): (Vec<_>, Vec<_>) = workspaces.into_iter().unzip();
    descriptors.extend(folders);
    let descriptors: Vec<_> = descriptors.iter().map(AsFd::as_fd).collect();
    let answer = Answer::Opened {
        namespaces,
        doors,
        placeholders,
    };
    answer
        .send(&*stdin(), &descriptors)
        .during("hand the room over")
}

/// Workspaces, by the descriptors that hold them, with what stands in them.
type Held = Vec<(OwnedFd, Vec<PathBuf>)>;

/// Builds a private root, and moves into it. Returns the workspaces in which placeholders stand,
/// each held by its folder.
fn build_root(spec: &JailSpec, mapped: Vec<Mapped>) -> Result<(Plan, Held), JailError> {
    namespaces::bound_shared_memory(spec.limits.tmp_bytes);
    let workspaces = hold_workspaces(spec)?;
    let plan = plan::plan(spec, &plan::Machine)?;
    for (path, folder) in &plan.missing {
        let put = |workspace: &Workspace| Some(workspace.put(&workspace.place(path)?, *folder));
        let put = workspaces.iter().find_map(put).unwrap_or(Ok(()));
        put.map_err(|cause| JailError::Path {
            path: path.clone(),
            cause,
        })?;
    }
    mounts::enter(&plan, spec.limits.tmp_bytes, mapped)?;
    let standing = plan.missing.keys().chain(&plan.placeholders);
    let places = |workspace: &Workspace| {
        let places = standing.clone().filter_map(|path| workspace.place(path));
        places.collect()
    };
    let workspaces = workspaces.into_iter().map(|workspace| {
        let places = places(&workspace);
        (workspace.into_folder(), places)
    });
    let workspaces = workspaces.collect();
    Ok((plan, workspaces))
}

/// Holds the workspaces of a spec that protects anything in them. Before anybody looks for
/// placeholders there, lest one be taken away that was seen.
fn hold_workspaces(spec: &JailSpec) -> Result<Vec<Workspace>, JailError> {
    if spec.protect.is_empty() {
        return Ok(Vec::new());
    }
    let plan = plan::changes(spec, &plan::Machine)?;
    let folders = plan.binds.iter().filter(|bind| bind.folder);
    folders
        .map(|bind| Workspace::hold(&bind.path))
        .collect::<io::Result<_>>()
        .during("hold the workspace")
}

/// Removes the placeholders of a jail that has ended, if nobody else needs them.
fn clean_up(spec: &JailSpec) -> Result<(), JailError> {
    let plan = plan::changes(spec, &plan::Machine)?;
    let names = spec.protect.iter().flat_map(|path| path.ancestors());
    let standing: Vec<_> = names.filter_map(|path| plan.place(path)).collect();
    let workspaces = hold_workspaces(spec)?.into_iter().map(|workspace| {
        let places = standing.iter().filter_map(|path| workspace.place(path));
        let places = places.collect();
        (workspace.into_folder(), places)
    });
    drop(Placeholders::new(workspaces.collect()));
    Ok(())
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
        Half::Inside { link } => Ok(keeper(spec, &link, Walls::Room, Vec::new())),
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
                clean_up(spec)?;
            }
            ended
        }
        Half::Inside { link } => Ok(keeper(spec, &link, Walls::Namespaces, mapped)),
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
            Ok(keeper(spec, &inner_end, Walls::Plain, Vec::new()))
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

/// What a report says went wrong.
fn complaint(report: &[u8]) -> Option<JailError> {
    let (kind, text) = report.split_first()?;
    let text = String::from_utf8_lossy(text).into_owned();
    match *kind {
        LACKS => Some(JailError::Lacking(text)),
        FAILS => Some(JailError::Failed(text)),
        _ => None,
    }
}

/// The keeper: builds what holds for all inside, starts the program, waits for the end.
fn keeper(spec: &JailSpec, link: &OwnedFd, walls: Walls, mapped: Vec<Mapped>) -> u8 {
    let started = build(spec, link, &walls, mapped).and_then(|(plan, held)| {
        let program = sys::fork_sharing(|| finish(target(spec, &plan, &walls))).during("fork")?;
        Ok((program, held))
    });
    let reach = match walls {
        Walls::Namespaces | Walls::Room => Reach::PidNamespace,
        Walls::Plain => Reach::Descendants,
    };
    match started {
        Ok((program, _held)) => {
            match walls {
                Walls::Namespaces | Walls::Plain => namespaces::tell(link, STARTED),
                Walls::Room => {}
            }
            finish(reaper::keep(program, link, reach))
        }
        Err(error) => report(link, Err(error)),
    }
}

/// Tells the outer process how it went, and returns the exit code.
fn report(link: &OwnedFd, result: Result<u8, JailError>) -> u8 {
    match result {
        Ok(code) => {
            namespaces::tell(link, STARTED);
            code
        }
        Err(error) => {
            let lacks = matches!(error, JailError::Missing { .. });
            let mut report = vec![if lacks { LACKS } else { FAILS }];
            report.extend_from_slice(error.to_string().as_bytes());
            namespaces::tell(link, &report);
            FAILED
        }
    }
}

/// Returns what is shown, and what is to be held as long as that is.
fn build(
    spec: &JailSpec,
    link: &OwnedFd,
    walls: &Walls,
    mapped: Vec<Mapped>,
) -> Result<(Plan, Held), JailError> {
    let mut held = Vec::new();
    let plan = match walls {
        Walls::Namespaces => {
            namespaces::settle(spec, link)?;
            let (plan, workspaces) = build_root(spec, mapped)?;
            held = workspaces;
            plan
        }
        Walls::Room => {
            namespaces::settle_in_room(spec)?;
            mounts::renew_process_files(privileges::stays_root(spec.write.first()))?;
            plan::changes(spec, &plan::Machine)?
        }
        Walls::Plain => {
            prctl::set_child_subreaper(true).during("adopt orphans")?;
            plan::plan(spec, &plan::Machine)?
        }
    };
    privileges::empty_bounding_set()?;
    match (spec.write.first(), spec.user) {
        // Who that is has been mapped, if it could be.
        (Some(workspace), _) => privileges::become_owner(workspace)?,
        (None, Some(user)) => privileges::become_user(user, user)?,
        (None, None) => false,
    };
    privileges::drop_capabilities()?;
    privileges::no_new_privileges()?;
    limits::harden().during("close core dumps")?;
    match walls {
        // A change of user has undone it.
        Walls::Namespaces | Walls::Room => namespaces::die_with_parent()?,
        Walls::Plain => {}
    }
    Ok((plan, held))
}

/// The program's own process. Returns only when it could not be started.
fn target(spec: &JailSpec, plan: &Plan, walls: &Walls) -> Result<u8, JailError> {
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

#[expect(unsafe_code, reason = "std gives no unbuffered stdin")]
fn stdin() -> ManuallyDrop<File> {
    // SAFETY: descriptor 0 is stdin for the life of the process; never closed by this handle.
    ManuallyDrop::new(unsafe { File::from_raw_fd(0) })
}

/// The exit code for how a process of the jail ended; an error is said on stderr.
fn finish(result: Result<u8, JailError>) -> u8 {
    result.unwrap_or_else(|error| {
        say(&error.to_string());
        FAILED
    })
}

/// One line on stderr; nobody is there to be told when that fails.
fn say(line: &str) {
    let _ = writeln!(io::stderr(), "openclaw-jail: {line}");
}
