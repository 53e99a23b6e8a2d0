//! Finds out which walls hold on this machine: a throw-away child tries the forbidden, and the
//! level is what it could not do.
//!
//! | level | what holds |
//! |---|---|
//! | 4 | as 3, and limits by cgroup (nobody proves those yet) |
//! | 3 | namespaces, private root, Landlock, syscall filter, no privileges |
//! | 2 | as 3 without Landlock, or as 1 with connections that are decided one by one (not built yet) |
//! | 1 | Landlock and syscall filter, and no sockets |
//! | 0 | less than that |

use crate::attempts::{Outcome, Outcomes, Targets};
use crate::enter::PROBE_CHILD;
use crate::spec::{JailSpec, Limits, Namespaces, Network, Role};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs, process};

/// Which walls hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// 0 to 4.
    pub level: u8,
    /// Each wall, and how it is known to hold.
    pub layers: Vec<Layer>,
    /// What the next level lacks, and what mends it.
    pub missing: Option<String>,
}

/// One wall.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// Its name: `private root`.
    pub name: String,
    /// Whether it held.
    pub holds: bool,
    /// What was tried, and what came of it.
    pub proof: String,
}

/// What a child with every wall may not manage, by the wall that prevents it.
const WALLS: [(&str, &[&str]); 5] = [
    (
        "private root",
        &[
            "see outside",
            "read outside",
            "write outside",
            "write system",
        ],
    ),
    (
        "own processes",
        &["see processes", "read environment", "signal gateway"],
    ),
    (
        "no network",
        &[
            "connect",
            "send datagram",
            "call service",
            "call abstract service",
        ],
    ),
    (
        "syscall filter",
        &["make namespace", "trace", "use io_uring", "use keyring"],
    ),
    ("no privileges", &["hold privilege"]),
];

/// What a child without namespaces may not manage, by the wall that prevents it.
const PLAIN_WALLS: [(&str, &[&str]); 2] = [
    (
        "landlock",
        &[
            "read outside",
            "write outside",
            "write system",
            "read environment",
        ],
    ),
    (
        "no sockets",
        &[
            "connect",
            "send datagram",
            "call service",
            "call abstract service",
        ],
    ),
];

/// Runs two throw-away children in the jail that `jail_program` builds, one with every wall and one
/// without namespaces, and judges what they could do. `folder` is where they find what they must
/// not touch: any writable folder that no jail is to see, such as the state directory; what is
/// made there is removed again. Takes some 20 ms.
///
/// # Errors
/// When the children can not be started or `folder` can not be written: nothing is known then.
pub fn probe(jail_program: &Path, folder: &Path) -> io::Result<Report> {
    let bait = Bait::lay(folder)?;
    let child = |namespaces| start(jail_program, &bait.targets, namespaces);
    let walled = child(Namespaces::Auto)?;
    let plain = child(Namespaces::Off)?;
    let walled = hear_out(walled, || child(Namespaces::Auto))?;
    let walled_datagram = bait.datagram_came();
    let plain = hear_out(plain, || child(Namespaces::Off))?;
    let caught = walled_datagram || bait.datagram_came();
    Ok(judge(
        &walled.with_datagram(caught),
        &plain.with_datagram(caught),
    ))
}

/// How often a child is tried that is killed each time.
const TRIES: u32 = 3;

/// What a child printed.
#[derive(Debug, Default)]
struct Heard {
    outcomes: Outcomes,
    /// Its last words on stderr.
    complaint: String,
    /// It was ended by a signal.
    was_killed: bool,
}

impl Heard {
    /// A datagram counts as sent when it came.
    fn with_datagram(mut self, came: bool) -> Self {
        if !came && self.outcomes.contains_key("send datagram") {
            let outcome = Outcome::Failed("it never arrived".to_owned());
            self.outcomes.insert("send datagram".to_owned(), outcome);
        }
        self
    }
}

/// Things outside that a child must not reach. Removed when dropped.
struct Bait {
    targets: Targets,
    folder: PathBuf,
    datagrams: UdpSocket,
    // Listened on, never answered: connecting is enough.
    _services: (TcpListener, UnixListener, UnixListener),
}

impl Bait {
    fn lay(folder: &Path) -> io::Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let pid = process::id();
        let id = format!("{pid}-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = fs::canonicalize(folder)?.join(format!("probe-{id}"));
        let workspace = folder.join("workspace");
        fs::create_dir_all(&workspace)?;
        let (canary, socket) = (folder.join("canary"), folder.join("socket"));
        fs::write(&canary, "nobody inside may read this")?;
        let _ = fs::remove_file(&socket);
        let abstract_socket = format!("openclaw-probe-{id}");
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = tcp.local_addr()?.port();
        let datagrams = UdpSocket::bind((Ipv4Addr::LOCALHOST, port))?;
        datagrams.set_nonblocking(true)?;
        let named = UnixListener::bind(&socket)?;
        let unnamed = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&abstract_socket)?)?;
        Ok(Self {
            targets: Targets {
                canary,
                workspace,
                socket,
                abstract_socket,
                port,
                pid: pid.cast_signed(),
            },
            folder,
            datagrams,
            _services: (tcp, named, unnamed),
        })
    }

    fn datagram_came(&self) -> bool {
        self.datagrams.recv(&mut [0; 8]).is_ok()
    }
}

impl Drop for Bait {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the child is jailed by itself, and reaped by hear()"
)]
fn start(jail_program: &Path, targets: &Targets, namespaces: Namespaces) -> io::Result<Child> {
    let spec = spec(jail_program, targets, namespaces)?;
    let frame = spec.to_frame().map_err(io::Error::other)?;
    let mut child = Command::new(jail_program)
        .arg("probe")
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // One that does not listen is found out by what it says.
        let _ = stdin.write_all(&frame);
    }
    Ok(child)
}

fn spec(jail_program: &Path, targets: &Targets, namespaces: Namespaces) -> io::Result<JailSpec> {
    let system = ["/usr", "/bin", "/lib", "/lib64", "/nix", "/etc/ld.so.cache"];
    Ok(JailSpec {
        program: env::current_dir()?.join(jail_program),
        args: vec![PROBE_CHILD.to_owned(), serde_json::to_string(targets)?],
        argv0: "openclaw-jail".to_owned(),
        env: BTreeMap::new(),
        cwd: targets.workspace.clone(),
        read: system.map(PathBuf::from).to_vec(),
        write: vec![targets.workspace.clone()],
        protect: vec![],
        network: Network::None,
        limits: Limits::default(),
        namespaces,
        role: Role::Shell,
        hostname: "probe".to_owned(),
    })
}

/// Hears a child, or the next one when that was killed: it proved nothing, and whoever runs out of
/// memory for a moment must not be without tools until the next start.
fn hear_out(child: Child, another: impl Fn() -> io::Result<Child>) -> io::Result<Heard> {
    let mut heard = hear(child)?;
    for _ in 1..TRIES {
        if heard.was_killed {
            heard = hear(another()?)?;
        }
    }
    Ok(heard)
}

fn hear(child: Child) -> io::Result<Heard> {
    let output = child.wait_with_output()?;
    // The jail ends as what is in it ends: with 128 and a signal's number.
    let was_killed = output.status.code().is_none_or(|code| code > 128);
    let complaint = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Ok(Heard {
        outcomes: serde_json::from_slice(&output.stdout).unwrap_or_default(),
        complaint,
        was_killed,
    })
}

// === what it means ===

fn judge(walled: &Heard, plain: &Heard) -> Report {
    let full: Vec<_> = WALLS
        .iter()
        .map(|wall| layer(wall, &walled.outcomes))
        .collect();
    let plain_layers: Vec<_> = PLAIN_WALLS
        .iter()
        .map(|wall| layer(wall, &plain.outcomes))
        .collect();
    let hold = |layers: &[Layer]| layers.iter().all(|layer| layer.holds);
    let filter = layer(&WALLS[3], &plain.outcomes);
    let level = match (hold(&full), plain_layers[0].holds) {
        (true, true) => 3,
        (true, false) => 2,
        (false, _) if hold(&plain_layers) && filter.holds => 1,
        (false, _) => 0,
    };
    let layers: Vec<_> = full.into_iter().chain(plain_layers).collect();
    let missing = missing(level, &layers, [walled, plain]);
    Report {
        level,
        layers,
        missing,
    }
}

/// A wall holds when the child was alive inside and managed none of what it prevents.
fn layer((name, attempts): &(&str, &[&str]), outcomes: &Outcomes) -> Layer {
    let alive = matches!(outcomes.get("write workspace"), Some(Outcome::Worked(_)));
    let mut proof = Vec::new();
    let mut holds = alive;
    for attempt in *attempts {
        let said = match outcomes.get(*attempt) {
            Some(Outcome::Failed(said)) => said.as_str(),
            Some(Outcome::Worked(said)) => {
                holds = false;
                said.as_str()
            }
            None => {
                holds = false;
                "not tried"
            }
        };
        proof.push(format!("{attempt}: {said}"));
    }
    Layer {
        name: (*name).to_owned(),
        holds,
        proof: proof.join("; "),
    }
}

/// What keeps the machine from the next level: the jail's own complaint where it has one, for that
/// names the mend.
fn missing(level: u8, layers: &[Layer], heard: [&Heard; 2]) -> Option<String> {
    if level >= 3 {
        return Some("limits by cgroup".to_owned());
    }
    let complaints = heard.iter().map(|heard| heard.complaint.as_str());
    if let Some(complaint) = complaints.clone().find(|complaint| !complaint.is_empty()) {
        let line = complaint.lines().next().unwrap_or(complaint);
        return Some(line.trim_start_matches("openclaw-jail: ").to_owned());
    }
    let fallen = layers.iter().find(|layer| !layer.holds)?;
    Some(format!("{}: {}", fallen.name, fallen.proof))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(worked: &[&str], complaint: &str) -> Heard {
        let all = WALLS
            .iter()
            .chain(&PLAIN_WALLS)
            .flat_map(|(_, attempts)| *attempts);
        let mut outcomes: Outcomes = all
            .map(|name| ((*name).to_owned(), Outcome::Failed("no".to_owned())))
            .collect();
        for name in worked {
            outcomes.insert((*name).to_owned(), Outcome::Worked("yes".to_owned()));
        }
        Heard {
            outcomes,
            complaint: complaint.to_owned(),
            was_killed: false,
        }
    }

    #[test]
    fn what_nobody_could_do_is_level_three() {
        let alive = heard(&["write workspace"], "");
        assert_eq!(judge(&alive, &heard(&["write workspace"], "")).level, 3);
    }

    #[test]
    fn a_child_that_can_do_nothing_at_all_proves_nothing() {
        assert_eq!(judge(&heard(&[], ""), &heard(&[], "")).level, 0);
        assert_eq!(judge(&Heard::default(), &Heard::default()).level, 0);
    }

    #[test]
    fn any_wall_that_falls_lowers_the_level() {
        let plain = heard(&["write workspace"], "");
        for (name, attempts) in WALLS {
            for attempt in attempts {
                let walled = heard(&["write workspace", attempt], "");
                let report = judge(&walled, &plain);
                assert_eq!(report.level, 1, "{attempt}");
                let fallen: Vec<_> = report.layers.iter().filter(|l| !l.holds).collect();
                assert_eq!(fallen[0].name, name);
                assert!(report.missing.unwrap().contains(attempt));
            }
        }
    }

    #[test]
    fn without_landlock_a_jail_is_level_two() {
        let walled = heard(&["write workspace"], "");
        let report = judge(
            &walled,
            &heard(&[], "openclaw-jail: no Landlock here; boot one"),
        );
        assert_eq!(report.level, 2);
        assert_eq!(report.missing.unwrap(), "no Landlock here; boot one");
    }

    #[test]
    fn a_datagram_that_never_came_was_not_sent() {
        let walled = heard(&["write workspace", "send datagram"], "");
        let plain = heard(&["write workspace"], "");
        assert_eq!(judge(&walled.with_datagram(false), &plain).level, 3);
    }

    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "what is tested is how a child ends"
    )]
    fn a_killed_child_is_followed_by_another_a_few_times() {
        let dies = || {
            let mut command = Command::new("/bin/sh");
            command.args(["-c", "kill -9 $$"]).stdout(Stdio::piped());
            command.stderr(Stdio::piped()).spawn()
        };
        let lives = || {
            let mut command = Command::new("/bin/echo");
            command.arg("{}").stdout(Stdio::piped());
            command.stderr(Stdio::piped()).spawn()
        };
        assert!(!hear_out(dies().unwrap(), lives).unwrap().was_killed);
        assert!(hear_out(dies().unwrap(), dies).unwrap().was_killed);
    }
}
