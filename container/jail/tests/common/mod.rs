//! Runs real programs in real jails.
#![allow(
    dead_code,
    clippy::allow_attributes,
    reason = "each test file uses its part of it"
)]
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a harness that starts jails; what fails fails the test"
)]

use jail::JailError;
use jail::room::{Opened, Room};
use jail::spec::{JailSpec, Limits, Namespaces, Network, Order, Role};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;

pub(crate) const JAIL: &str = env!("CARGO_BIN_EXE_openclaw-jail");

/// A workspace in a folder of its own.
pub(crate) struct Place {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) workspace: PathBuf,
}

impl Place {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // A temporary folder may lie behind a link.
        let workspace = folder.path().canonicalize().unwrap().join("workspace");
        std::fs::create_dir(&workspace).unwrap();
        Self { folder, workspace }
    }

    /// One with a workspace that belongs to the user `id`, if there is the right to give it away.
    pub(crate) fn somebody_s(id: u32) -> Option<Self> {
        let place = Self::new();
        std::os::unix::fs::chown(&place.workspace, Some(id), Some(id)).ok()?;
        let open = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(place.folder.path(), open).unwrap();
        Some(place)
    }

    /// One for what only namespaces make private, if this machine has any to give.
    pub(crate) fn private() -> Option<Self> {
        have_namespaces().then(Self::new)
    }

    /// Runs `script` in a shell, with every wall that this machine has.
    pub(crate) fn shell(&self, script: &str) -> JailSpec {
        let namespaces = if have_namespaces() {
            Namespaces::Require
        } else {
            Namespaces::Off
        };
        JailSpec {
            order: Order::Run,
            program: "/bin/sh".into(),
            args: vec!["-c".to_owned(), script.to_owned()],
            argv0: "sh".to_owned(),
            env: environment(&self.workspace),
            cwd: self.workspace.clone(),
            read: system(),
            write: vec![self.workspace.clone()],
            protect: vec![],
            network: Network::None,
            limits: Limits::default(),
            namespaces,
            role: Role::Shell,
            hostname: "openclaw".to_owned(),
            user: None,
        }
    }

    /// The same without namespaces.
    pub(crate) fn plain_shell(&self, script: &str) -> JailSpec {
        JailSpec {
            namespaces: Namespaces::Off,
            ..self.shell(script)
        }
    }

    /// Both of these.
    pub(crate) fn shells(&self, script: &str) -> [JailSpec; 2] {
        [self.shell(script), self.plain_shell(script)]
    }
}

/// Whether this machine gives its users namespaces, by the word of a program that is not ours: a
/// container with the usual filter does not, and there is nothing to test then.
pub(crate) fn have_namespaces() -> bool {
    static KNOWN: OnceLock<bool> = OnceLock::new();
    *KNOWN.get_or_init(|| {
        let flags = ["-U", "-r", "-m", "-p", "-n", "-f", "--mount-proc", "true"];
        let made = Command::new("unshare").args(flags).output();
        let have = made.is_ok_and(|made| made.status.success());
        if !have {
            eprintln!("no namespaces here: what they make private is not tested");
        }
        have
    })
}

/// Everything that belongs to the system, and whatever else holds a program on this machine's PATH:
/// toolchains in somebody's home.
pub(crate) fn system() -> Vec<PathBuf> {
    let fixed = [
        "/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc", "/opt", "/nix",
    ];
    let mut paths: Vec<_> = fixed.into_iter().map(PathBuf::from).collect();
    let home = std::env::home_dir().unwrap();
    for folder in search_path() {
        if let Ok(rest) = folder.strip_prefix(&home) {
            paths.extend(rest.components().next().map(|first| home.join(first)));
        }
    }
    // Where rustup keeps the compilers that the programs in .cargo/bin call.
    paths.push(home.join(".rustup"));
    paths
}

pub(crate) fn search_path() -> Vec<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH").unwrap()).collect()
}

pub(crate) fn installed(program: &str) -> bool {
    search_path()
        .iter()
        .any(|folder| folder.join(program).exists())
}

fn environment(workspace: &Path) -> BTreeMap<String, String> {
    let home = std::env::home_dir().unwrap();
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    BTreeMap::from([
        ("PATH".to_owned(), std::env::var("PATH").unwrap()),
        ("HOME".to_owned(), text(workspace)),
        ("TMPDIR".to_owned(), text(workspace)),
        ("RUSTUP_HOME".to_owned(), text(&home.join(".rustup"))),
        ("RUSTUP_TOOLCHAIN".to_owned(), "stable".to_owned()),
    ])
}

/// A jail that runs, and the far end of its stdin.
pub(crate) struct Running {
    pub(crate) child: Child,
    pub(crate) link: UnixStream,
}

/// How a jail ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    pub(crate) fn code(&self) -> i32 {
        self.status.code().unwrap()
    }
}

pub(crate) fn start(spec: &JailSpec) -> Running {
    start_as(&mut Command::new(JAIL), spec)
}

/// Starts a jail by a command that runs it somehow, such as as somebody else.
pub(crate) fn start_as(command: &mut Command, spec: &JailSpec) -> Running {
    let mut running = spawn(command);
    running.link.write_all(&spec.to_frame().unwrap()).unwrap();
    running
}

fn spawn(command: &mut Command) -> Running {
    let (link, inside) = UnixStream::pair().unwrap();
    let child = command
        .arg("a title")
        .env_clear()
        .stdin(Stdio::from(OwnedFd::from(inside)))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The command holds the inner end of the link open.
    command.stdin(Stdio::null());
    Running { child, link }
}

impl Running {
    /// Waits for its end with the link open. Both pipes are read to their ends: so nothing that
    /// holds one of them has survived.
    pub(crate) fn end(self) -> Ended {
        let Self { child, link } = self;
        let output = child.wait_with_output().unwrap();
        drop(link);
        Ended {
            status: output.status,
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Waits until the program has printed `line`.
    pub(crate) fn wait_for(&mut self, line: &str) {
        let stdout = self.child.stdout.as_mut().unwrap();
        let mut seen = Vec::new();
        let mut byte = [0];
        while !seen.ends_with(line.as_bytes()) {
            let count = stdout.read(&mut byte).unwrap();
            assert_eq!(count, 1, "ended before it said {line:?}");
            seen.push(byte[0]);
        }
    }
}

pub(crate) fn run(spec: &JailSpec) -> Ended {
    start(spec).end()
}

/// Runs it and returns what it printed; it must have succeeded.
#[track_caller]
pub(crate) fn print(spec: &JailSpec) -> String {
    let ended = run(spec);
    assert!(ended.status.success(), "{ended:?}");
    ended.stdout
}

/// Gives a jail these bytes for a spec. Returns its exit code and what it says on stderr.
pub(crate) fn feed(bytes: &[u8]) -> (i32, String) {
    let mut child = Command::new(JAIL)
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(bytes).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    (output.status.code().unwrap(), said)
}

/// A command that runs a copy of the jail, made in `folder`, as the user and group `id`.
pub(crate) fn as_somebody(id: u32, folder: &Path) -> Command {
    let copy = folder.join("openclaw-jail");
    if !copy.exists() {
        // Not by std: a fork of another test would hold the copy open for writing, and nobody runs
        // such a file.
        let copied = Command::new("cp").arg(JAIL).arg(&copy).status().unwrap();
        assert!(copied.success());
    }
    let mut command = Command::new(copy);
    command.uid(id).gid(id);
    command
}

/// Runs each line by itself in each of the jails; every one must fail.
#[track_caller]
pub(crate) fn all_fail<const N: usize>(
    place: &Place,
    specs: impl Fn(&str) -> [JailSpec; N],
    lines: &str,
) {
    let script: String = lines
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| format!("if ({line}) >/dev/null 2>&1; then echo 'worked: {line}'; fi\n"))
        .collect();
    for spec in specs(&script) {
        let ended = run(&spec);
        assert_eq!(ended.stdout, "", "in {:?}", place.workspace);
        assert_eq!(ended.code(), 0, "{ended:?}");
    }
}

// === rooms ===

/// Starts `openclaw-jail` by `command` with the order to open a room like `spec`'s.
pub(crate) fn open_as(command: &mut Command, spec: &JailSpec) -> Result<Opened, JailError> {
    let spec = JailSpec {
        order: Order::Open,
        ..spec.clone()
    };
    let running = start_as(command, &spec);
    let opened = Room::receive(&running.link);
    let ended = running.end();
    let code = if opened.is_ok() { 0 } else { 125 };
    assert_eq!(ended.code(), code, "{ended:?}");
    opened
}

pub(crate) fn open(spec: &JailSpec) -> Opened {
    open_as(&mut Command::new(JAIL), spec).unwrap()
}

/// Starts the program of `spec` in `room`.
pub(crate) fn start_in(room: &Room, spec: &JailSpec) -> Running {
    join_as(&mut Command::new(JAIL), room, spec)
}

pub(crate) fn join_as(command: &mut Command, room: &Room, spec: &JailSpec) -> Running {
    let spec = JailSpec {
        order: Order::Join,
        ..spec.clone()
    };
    let running = spawn(command);
    room.send(&running.link, &spec.to_frame().unwrap()).unwrap();
    running
}

pub(crate) fn run_in(room: &Room, spec: &JailSpec) -> Ended {
    start_in(room, spec).end()
}

/// Runs it in the room and returns what it printed; it must have succeeded.
#[track_caller]
pub(crate) fn print_in(room: &Room, spec: &JailSpec) -> String {
    let ended = start_in(room, spec).end();
    assert!(ended.status.success(), "{ended:?}");
    ended.stdout
}
