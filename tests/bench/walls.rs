//! What the walls cost: a program through all of them, beside the same program through none and
//! through bubblewrap's; the self-test; and starting a child from a large process.

use super::{Row, ms};
use anyhow::{Context as _, Result, ensure};
use jail::room::{Opened, Room};
use jail::spec::{JailSpec, Limits, Namespaces, Network, Order, Role};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

const RUNS: usize = 80;
const TRUE: &str = "/bin/true";
/// As large as a gateway is imagined to become.
const LARGE: usize = 1 << 30;

/// The rows of walls.
pub(crate) fn rows(programs: &Path) -> Result<Vec<Row>> {
    let mut rows = through_all(&programs.join("openclaw-jail"))?;
    rows.push(self_test(&programs.join("openclaw-jail"))?);
    rows.push(from_a_large_process()?);
    Ok(rows)
}

/// Each way in turns, so that all meet the same neighbours.
fn through_all(jail: &Path) -> Result<Vec<Row>> {
    let workspace = tempfile::tempdir()?;
    let room = open(jail, workspace.path())?;
    let (mut plain, mut walled, mut bubbled) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..RUNS {
        plain.push(timed(&mut Command::new(TRUE))?);
        walled.push(through_room(jail, &room, workspace.path())?);
        bubbled.push(timed(
            bubblewrap().as_mut().unwrap_or(&mut Command::new(TRUE)),
        )?);
    }
    let plain = Row::new("", 0.0, "", plain).at(0.5);
    let over_plain = |what, bar, runs: Vec<f64>| {
        let over = runs.into_iter().map(|run| run - plain);
        Row::new(what, bar, "ms", over.collect())
    };
    let walled = over_plain("true through all walls, over plain fork+exec", 2.0, walled);
    if bubblewrap().is_none() {
        return Ok(vec![walled]);
    }
    let part = walled.at(0.5) / over_plain("", 0.0, bubbled).at(0.5);
    let what = "the same, of bwrap --unshare-all over plain";
    Ok(vec![walled, Row::new(what, 0.6, "×", vec![part])])
}

/// A root such as a room's, without filter and Landlock.
fn bubblewrap() -> Option<Command> {
    let program = Path::new("/usr/bin/bwrap");
    let mut command = Command::new(program);
    command.args(["--unshare-all", "--proc", "/proc", "--dev", "/dev"]);
    command.args(["--tmpfs", "/tmp", "--ro-bind", "/usr", "/usr"]);
    for place in ["/bin", "/lib", "/lib64"] {
        match std::fs::read_link(place) {
            Ok(to) => command.arg("--symlink").arg(to).arg(place),
            Err(_) => command.args(["--ro-bind-try", place, place]),
        };
    }
    command.args(["--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache"]);
    command.args(["--ro-bind-try", "/etc/passwd", "/etc/passwd", TRUE]);
    program.exists().then_some(command)
}

fn timed(command: &mut Command) -> Result<f64> {
    let began = Instant::now();
    let status = command.stdin(Stdio::null()).status()?;
    ensure!(status.success(), "{command:?} ended with {status}");
    Ok(ms(began.elapsed()))
}

fn start(jail: &Path) -> Result<(Child, UnixStream)> {
    let (ours, theirs) = UnixStream::pair()?;
    let child = Command::new(jail)
        .env_clear()
        .stdin(OwnedFd::from(theirs))
        .stdout(Stdio::null())
        .spawn()
        .context("failed to start openclaw-jail")?;
    Ok((child, ours))
}

fn open(jail: &Path, workspace: &Path) -> Result<Room> {
    let (mut child, mut link) = start(jail)?;
    link.write_all(&spec(Order::Open, workspace).to_frame()?)?;
    let Opened { room, .. } = Room::receive(&link)?;
    child.wait()?;
    Ok(room)
}

fn through_room(jail: &Path, room: &Room, workspace: &Path) -> Result<f64> {
    let frame = spec(Order::Join, workspace).to_frame()?;
    let began = Instant::now();
    let (mut child, link) = start(jail)?;
    room.send(&link, &frame)?;
    let status = child.wait()?;
    ensure!(status.success(), "openclaw-jail ended with {status}");
    Ok(ms(began.elapsed()))
}

/// As a session's commands have it.
fn spec(order: Order, workspace: &Path) -> JailSpec {
    let system = [
        "/usr",
        "/bin",
        "/lib",
        "/lib64",
        "/etc/ld.so.cache",
        "/etc/passwd",
    ];
    let is_root = std::fs::metadata(workspace).is_ok_and(|found| found.uid() == 0);
    JailSpec {
        order,
        program: TRUE.into(),
        args: Vec::new(),
        argv0: "true".to_owned(),
        env: BTreeMap::new(),
        cwd: workspace.to_owned(),
        read: system.map(PathBuf::from).to_vec(),
        write: vec![workspace.to_owned()],
        protect: [".git/hooks", ".bashrc"]
            .map(|name| workspace.join(name))
            .to_vec(),
        network: Network::Proxied,
        limits: Limits {
            data_bytes: Some(4 << 30),
            file_bytes: Some(4 << 30),
            open_files: Some(4096),
            processes: Some(1024),
            tmp_bytes: Some(1 << 30),
        },
        namespaces: Namespaces::Require,
        role: Role::Shell,
        hostname: "openclaw".to_owned(),
        user: is_root.then_some(1_900_000_000),
    }
}

fn self_test(jail: &Path) -> Result<Row> {
    let folder = tempfile::tempdir()?;
    let mut runs = Vec::new();
    for _ in 0..10 {
        let began = Instant::now();
        let report = jail::probe::probe(jail, folder.path())?;
        runs.push(ms(began.elapsed()));
        ensure!(report.level > 0, "no wall holds here: {report:?}");
    }
    Ok(Row::new(
        "start-up self-test of the walls",
        60.0,
        "ms",
        runs,
    ))
}

/// How much longer a child takes to start from 1 GiB resident than from what this is now.
fn from_a_large_process() -> Result<Row> {
    let once = || -> Result<f64> {
        let mut runs = Vec::new();
        for _ in 0..RUNS {
            runs.push(timed(&mut Command::new(TRUE))?);
        }
        Ok(Row::new("", 0.0, "", runs).at(0.5))
    };
    let small = once()?;
    // Written to, so that it is there.
    let ballast = vec![1_u8; LARGE];
    let large = once()?;
    ensure!(
        ballast.iter().step_by(1 << 20).all(|byte| *byte == 1),
        "it was swapped for others"
    );
    let what = "spawn from 1 GiB resident, over a small process";
    Ok(Row::new(what, 1.2, "×", vec![large / small]))
}
