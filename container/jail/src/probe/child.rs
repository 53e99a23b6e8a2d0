//! The throw-away child: started behind walls as a tool is, heard out, and tried again when it was
//! killed.

use super::bait::{self, Bait};
use crate::attempts::protected::PROTECTED;
use crate::attempts::run::Errand;
use crate::attempts::{Outcome, Outcomes, Targets, Walls};
use crate::enter::PROBE_CHILD;
use crate::notify::{Destination, Listener, Wish};
use crate::room::{self, Doors, Opened, Room};
use crate::spec::{JailSpec, Limits, Namespaces, Network, Order, Role};
use nix::unistd::geteuid;
use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

/// How often a child is tried that is killed each time.
const TRIES: u32 = 3;

/// Whom it runs as where root starts it: nobody's id, and none of those that sessions get.
const SOMEBODY: u32 = 1_899_999_999;

/// What a child is put behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Setting {
    /// A room.
    Room,
    /// No namespaces; connections are made for it.
    Mediated,
    /// No namespaces, no sockets.
    Sealed,
}

impl Setting {
    pub(super) fn walls(self) -> Walls {
        match self {
            Self::Room => Walls::Full,
            Self::Mediated | Self::Sealed => Walls::Plain,
        }
    }
}

/// What a child printed.
#[derive(Debug, Default)]
pub(super) struct Heard {
    pub(super) outcomes: Outcomes,
    /// Why it stands not as it should: its last words on stderr.
    pub(super) complaint: String,
    /// Its connection to the proxy's address arrived at whoever is to decide on it.
    pub(super) came_to_the_door: bool,
    /// It was ended by a signal.
    pub(super) was_killed: bool,
}

impl Heard {
    /// A datagram counts as sent when it came.
    pub(super) fn settled(mut self, mark: &str, arrived: &BTreeSet<String>) -> Self {
        for (name, outcome) in &mut self.outcomes.rows {
            if *outcome == Outcome::Sent {
                *outcome = if arrived.contains(&format!("{mark}\n{name}")) {
                    Outcome::Worked("it arrived".to_owned())
                } else {
                    Outcome::Failed("it never arrived".to_owned())
                };
            }
        }
        self
    }

    /// What is known when `before` was tried first, and did not stand: why, goes first.
    pub(super) fn after(mut self, before: Self) -> Self {
        if !before.complaint.is_empty() {
            self.complaint = before.complaint;
        }
        self
    }

    fn complaining(complaint: &impl ToString) -> Self {
        Self {
            complaint: complaint.to_string(),
            ..Self::default()
        }
    }
}

/// Starts children for one probe.
pub(super) struct Nursery<'a> {
    pub(super) jail_program: &'a Path,
    pub(super) bait: &'a Bait,
    /// Only the rows of the self-test are to be tried.
    pub(super) only_at_start: bool,
}

impl Nursery<'_> {
    /// Hears a child, or the next one when that was killed: it proved nothing, and whoever runs out
    /// of memory for a moment must not be without tools until the next start.
    pub(super) fn hear_out(&self, setting: Setting) -> io::Result<Heard> {
        again(|| self.hear(setting))
    }

    fn hear(&self, setting: Setting) -> io::Result<Heard> {
        let spec = self.spec(setting)?;
        match setting {
            Setting::Room => self.hear_in_room(&spec),
            Setting::Mediated => self.hear_mediated(&spec),
            Setting::Sealed => {
                let (child, _link) = self.tell(&spec, None)?;
                heard(&child.wait_with_output()?)
            }
        }
    }

    /// As a tool is: a room is opened, and joined.
    fn hear_in_room(&self, spec: &JailSpec) -> io::Result<Heard> {
        let open = JailSpec {
            order: Order::Open,
            ..spec.clone()
        };
        let (opener, link) = self.tell(&open, None)?;
        let opened = Room::receive(&link);
        let opener = opener.wait_with_output()?;
        let Opened { room, doors } = match opened {
            Ok(opened) => opened,
            Err(error) => {
                return Ok(Heard {
                    was_killed: was_killed(&opener),
                    ..Heard::complaining(&error)
                });
            }
        };
        let (child, _link) = self.tell(spec, Some(&room))?;
        let mut heard = heard(&child.wait_with_output()?)?;
        let came = |doors: Doors| doors.proxy.accept().is_ok();
        heard.came_to_the_door = doors.is_some_and(came);
        Ok(heard)
    }

    fn hear_mediated(&self, spec: &JailSpec) -> io::Result<Heard> {
        let (child, link) = self.tell(spec, None)?;
        let Ok(listener) = Listener::receive(&link) else {
            return heard(&child.wait_with_output()?);
        };
        let ended = AtomicBool::new(false);
        let (output, came) = std::thread::scope(|scope| {
            let door = scope.spawn(|| keep_door(&listener, &ended));
            let output = child.wait_with_output();
            ended.store(true, Ordering::Relaxed);
            (output, door.join().unwrap_or(false))
        });
        let mut heard = heard(&output?)?;
        heard.came_to_the_door = came;
        Ok(heard)
    }

    /// Starts `openclaw-jail` and tells it what to build.
    #[expect(
        clippy::disallowed_methods,
        reason = "the child is jailed by itself, and reaped by whoever called"
    )]
    fn tell(&self, spec: &JailSpec, room: Option<&Room>) -> io::Result<(Child, UnixStream)> {
        let frame = spec.to_frame().map_err(io::Error::other)?;
        let (mut ours, theirs) = UnixStream::pair()?;
        let child = Command::new(self.jail_program)
            .arg("probe")
            .env_clear()
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        // One that does not listen is found out by what it says.
        let _ = match room {
            Some(room) => room.send(&ours, &frame),
            None => ours.write_all(&frame),
        };
        Ok((child, ours))
    }

    fn spec(&self, setting: Setting) -> io::Result<JailSpec> {
        let errand = Errand {
            targets: Targets {
                mark: bait::mark(setting.walls()).to_owned(),
                ..self.bait.targets.clone()
            },
            only_at_start: self.only_at_start,
        };
        let workspace = &errand.targets.workspace;
        let (order, namespaces, network) = match setting {
            // Auto, for a kernel that has namespaces and no Landlock.
            Setting::Room => (Order::Join, Namespaces::Auto, Network::Proxied),
            Setting::Mediated => (Order::Run, Namespaces::Off, Network::Proxied),
            Setting::Sealed => (Order::Run, Namespaces::Off, Network::None),
        };
        Ok(JailSpec {
            order,
            program: env::current_dir()?.join(self.jail_program),
            args: vec![PROBE_CHILD.to_owned(), serde_json::to_string(&errand)?],
            argv0: "openclaw-jail".to_owned(),
            env: BTreeMap::new(),
            cwd: workspace.clone(),
            read: SYSTEM.map(PathBuf::from).to_vec(),
            write: vec![workspace.clone()],
            protect: PROTECTED.map(|name| workspace.join(name)).to_vec(),
            network,
            limits: Limits::default(),
            namespaces,
            role: Role::Shell,
            hostname: "probe".to_owned(),
            user: geteuid().is_root().then_some(SOMEBODY),
        })
    }
}

/// What a program needs to run.
const SYSTEM: [&str; 6] = ["/usr", "/bin", "/lib", "/lib64", "/nix", "/etc/ld.so.cache"];

/// Decides on a child's connections until there are none to come: those to the proxy's address are
/// let in. Returns whether one was.
fn keep_door(listener: &Listener, ended: &AtomicBool) -> bool {
    let door = Destination::Inet(SocketAddr::from(room::PROXY));
    let mut came = false;
    while let Ok(waiting) = listener.wait() {
        match waiting {
            Some(attempt) => match &attempt.wish {
                Wish::Connect(to) if *to == door => came |= listener.take_over(&attempt).is_ok(),
                Wish::Connect(_) => listener.refuse(&attempt, libc::EACCES),
                Wish::Bind(_) => listener.bind(&attempt),
                Wish::Listen(_) => {
                    listener.listen(&attempt);
                }
            },
            None if ended.load(Ordering::Relaxed) => break,
            None => {}
        }
    }
    came
}

fn again(hear: impl Fn() -> io::Result<Heard>) -> io::Result<Heard> {
    let mut heard = hear()?;
    for _ in 1..TRIES {
        if heard.was_killed {
            heard = hear()?;
        }
    }
    Ok(heard)
}

fn heard(output: &Output) -> io::Result<Heard> {
    let complaint = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Ok(Heard {
        outcomes: serde_json::from_slice(&output.stdout).unwrap_or_default(),
        complaint,
        came_to_the_door: false,
        was_killed: was_killed(output),
    })
}

/// The jail ends as what is in it ends: with 128 and a signal's number.
fn was_killed(output: &Output) -> bool {
    output.status.code().is_none_or(|code| code > 128)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn a_datagram_that_never_came_was_not_sent() {
        let sent = || Heard {
            outcomes: Outcomes {
                rows: [("send".to_owned(), Outcome::Sent)].into(),
                ..Outcomes::default()
            },
            ..Heard::default()
        };
        let after = |arrived: &[&str]| {
            let arrived = arrived.iter().map(|text| (*text).to_owned()).collect();
            sent().settled("full", &arrived).outcomes.rows["send"].clone()
        };
        assert!(matches!(after(&["full\nsend"]), Outcome::Worked(_)));
        assert!(matches!(after(&["plain\nsend"]), Outcome::Failed(_)));
        assert!(matches!(after(&[]), Outcome::Failed(_)));
    }

    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "what is tested is how a child ends"
    )]
    fn a_killed_child_is_followed_by_another_a_few_times() {
        let tried = Cell::new(0);
        let end = |script: &str| {
            tried.set(tried.get() + 1);
            heard(&Command::new("/bin/sh").args(["-c", script]).output()?)
        };
        assert!(again(|| end("kill -9 $$")).unwrap().was_killed);
        assert_eq!(tried.get(), TRIES);
        let second = |_| {
            end(if tried.get() == TRIES {
                "kill -9 $$"
            } else {
                "true"
            })
        };
        assert!(!again(|| second(())).unwrap().was_killed);
        assert_eq!(tried.get(), TRIES + 2);
    }
}
