//! What control groups enforce, tried with programs that take all they can get.
//!
//! Runs where this process may make groups of its own. Elsewhere nothing is tried, unless
//! `OPENCLAW_NEEDS_CGROUP` says that it must be: `make test-cgroup` boots a machine for it, and runs
//! this there as root and as a user that a part of the groups was delegated to.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a test fails by panicking, and starts what it tries"
)]

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};
use supervisor::process::cgroup::{Group, GroupLimits, Hierarchy, Leaf, Unusable};

const MIB: u64 = 1 << 20;

/// The groups of this process, where there can be any.
fn groups() -> Option<&'static Hierarchy> {
    static GROUPS: LazyLock<Result<Hierarchy, Unusable>> = LazyLock::new(Hierarchy::set_up);
    match &*GROUPS {
        Ok(groups) => Some(groups),
        Err(why) if std::env::var_os("OPENCLAW_NEEDS_CGROUP").is_none() => {
            eprintln!("not tried here: {why}");
            None
        }
        Err(why) => panic!("{why}"),
    }
}

/// Waits for a condition that is not far.
#[track_caller]
fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(60), "never: {what}");
        std::thread::yield_now();
    }
}

fn hog() -> PathBuf {
    std::env::var_os("OPENCLAW_HOG").map_or_else(|| env!("CARGO_BIN_EXE_hog").into(), PathBuf::from)
}

/// A hog that begins when it is in its group: the shell before it waits for a line, as
/// `openclaw-jail` waits for its spec.
struct Hog {
    child: Child,
    said: BufReader<std::process::ChildStdout>,
}

impl Hog {
    fn start(group: &Group, words: &str) -> Self {
        let command = format!("read go; exec {} {words}", hog().display());
        let mut child = Command::new("/bin/sh")
            .args(["-c", &command])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        group
            .add(child.id().try_into().unwrap(), Leaf::Tools)
            .unwrap();
        child.stdin.take().unwrap().write_all(b"go\n").unwrap();
        let said = BufReader::new(child.stdout.take().unwrap());
        Self { child, said }
    }

    fn says(&mut self) -> String {
        let mut line = String::new();
        self.said.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    fn left(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }
}

fn memory(mib: u64) -> GroupLimits {
    GroupLimits {
        memory: Some(mib * MIB),
        ..GroupLimits::default()
    }
}

/// Who takes too much memory of any kind is killed with all of its group, and no other group is.
#[track_caller]
fn check_memory(words: &str) {
    let Some(groups) = groups() else { return };
    let other = groups.group(memory(64)).unwrap();
    let mut bystander = Hog::start(&other, "malloc 16");
    assert_eq!(bystander.says(), "hog: holds 16 MiB");
    let group = groups.group(memory(64)).unwrap();
    let mut same = Hog::start(&group, "malloc 4");
    assert_eq!(same.says(), "hog: holds 4 MiB");
    let mut hog = Hog::start(&group, words);
    assert!(!hog.left().success());
    assert!(!same.left().success(), "its group goes with it");
    assert!(group.events().memory_kills > 0);
    let peak = group.usage().unwrap().memory_peak.unwrap();
    assert!((48 * MIB..=66 * MIB).contains(&peak), "{peak}");
    assert!(bystander.runs(), "another session was killed too");
    assert_eq!(other.events().memory_kills, 0);
    other.kill_tools().unwrap();
    bystander.left();
}

#[test]
fn memory_of_its_own_is_limited() {
    check_memory("malloc 200");
}

#[test]
fn memory_in_a_memfd_is_limited() {
    check_memory("memfd 200");
}

#[test]
fn memory_in_a_tmpfs_is_limited() {
    // One that no test of another user has made.
    let file = format!("/dev/shm/hog-{}", std::process::id());
    check_memory(&format!("file 200 {file}"));
    let _ = std::fs::remove_file(file);
}

#[test]
fn a_fork_bomb_gets_no_further_than_its_limit() {
    let Some(groups) = groups() else { return };
    let limits = GroupLimits {
        processes: Some(32),
        ..GroupLimits::default()
    };
    let group = groups.group(limits).unwrap();
    let mut bomb = Hog::start(&group, "forks");
    eventually("it is refused more", || {
        group.events().processes_refused > 3
    });
    let threads = group.usage().unwrap().threads;
    assert!((2..=32).contains(&threads), "{threads}");
    // We can start whatever we like.
    assert!(Command::new("/bin/true").status().unwrap().success());
    group.kill_tools().unwrap();
    assert!(!bomb.left().success());
    eventually("all are gone", || group.usage().unwrap().threads == 0);
}

#[test]
fn the_cpu_is_shared_as_told() {
    let Some(groups) = groups() else { return };
    let limits = GroupLimits {
        cpu: Some(200),
        ..GroupLimits::default()
    };
    let group = groups.group(limits).unwrap();
    let mut hog = Hog::start(&group, "spin 1");
    let said = hog.says();
    let took = said
        .strip_prefix("hog: ")
        .and_then(|said| said.strip_suffix(" ms"));
    let took: u64 = took.unwrap().parse().unwrap();
    assert!(
        took >= 3500,
        "a second of CPU at a fifth of a core took {took} ms"
    );
    assert!(group.events().throttled > 5);
    let used = group.cpu_us().unwrap();
    assert!((900_000..3_000_000).contains(&used), "{used}");
    hog.left();
}

#[test]
fn daemons_are_killed_wherever_they_went() {
    let Some(groups) = groups() else { return };
    let group = groups.group(GroupLimits::default()).unwrap();
    for _ in 0..8 {
        let mut hog = Hog::start(&group, "daemon");
        assert!(hog.left().success(), "it has left, and its child stays");
    }
    // Eight that nobody is the parent of, and no signal to a process group reaches.
    eventually("eight daemons", || group.usage().unwrap().threads == 8);
    group.kill_tools().unwrap();
    eventually("none is left", || group.usage().unwrap().threads == 0);
}

#[test]
fn time_of_the_dead_is_counted() {
    let Some(groups) = groups() else { return };
    let group = groups.group(GroupLimits::default()).unwrap();
    Hog::start(&group, "spin 1").left();
    // The group's clock and the process's own differ a little.
    assert!(group.cpu_us().unwrap() >= 900_000);
    assert_eq!(group.usage().unwrap().threads, 0);
}

#[test]
fn nothing_is_left_of_a_group() {
    let Some(groups) = groups() else { return };
    let group = groups.group(memory(64)).unwrap();
    let mut hog = Hog::start(&group, "malloc 8");
    hog.says();
    let path = group.path().to_owned();
    assert!(path.exists());
    drop(group);
    assert!(!hog.left().success());
    eventually("it is removed", || {
        groups.tidy();
        !path.exists()
    });
    groups.prove().unwrap();
}

#[test]
fn what_a_killed_gateway_left_is_removed_by_the_next() {
    let Some(groups) = groups() else { return };
    let group = groups.group(memory(64)).unwrap();
    let own = group.path().ancestors().nth(2).unwrap();
    // Beside ours there is room for another gateway, and for what was left of a third, whose leaf is
    // empty.
    let top = own.parent().unwrap().join("others");
    let left = top.join("openclaw-4194305");
    std::fs::create_dir_all(left.join("gateway")).unwrap();
    std::fs::create_dir_all(left.join("sessions/7/tools")).unwrap();
    std::fs::write(
        own.parent().unwrap().join("cgroup.subtree_control"),
        "+memory +pids",
    )
    .unwrap();
    let script = format!("echo $$ > {}/cgroup.procs; exec \"$@\"", top.display());
    let mut next = Command::new("/bin/sh");
    next.args(["-c", &script, "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "nothing_is_left_of_a_group"])
        .stdout(Stdio::null());
    assert!(next.status().unwrap().success());
    assert!(!left.exists(), "it was not swept");
    assert!(own.exists(), "the living are left alone");
}

#[test]
fn limits_can_be_changed() {
    let Some(groups) = groups() else { return };
    let group = groups.group(memory(1024)).unwrap();
    group.limit(memory(32)).unwrap();
    let mut hog = Hog::start(&group, "malloc 100");
    assert!(!hog.left().success());
    assert!(group.events().memory_kills > 0);
}
