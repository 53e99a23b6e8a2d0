//! The throw-away child: started behind walls, heard out, and tried again when it was killed.

use super::bait::{self, Bait};
use crate::attempts::run::Errand;
use crate::attempts::{Outcome, Outcomes, Targets, Walls};
use crate::enter::PROBE_CHILD;
use crate::spec::{JailSpec, Limits, Namespaces, Network, Role};
use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// How often a child is tried that is killed each time.
const TRIES: u32 = 3;

/// What a child printed.
#[derive(Debug, Default)]
pub(super) struct Heard {
    pub(super) outcomes: Outcomes,
    /// Its last words on stderr.
    pub(super) complaint: String,
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
}

/// Starts a child that makes the attempts, those of the self-test or all.
#[expect(
    clippy::disallowed_methods,
    reason = "the child is jailed by itself, and reaped by hear()"
)]
pub(super) fn start(
    jail_program: &Path,
    bait: &Bait,
    walls: Walls,
    only_at_start: bool,
) -> io::Result<Child> {
    let errand = Errand {
        targets: Targets {
            mark: bait::mark(walls).to_owned(),
            ..bait.targets.clone()
        },
        only_at_start,
    };
    let frame = spec(jail_program, &errand, walls)?;
    let frame = frame.to_frame().map_err(io::Error::other)?;
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

fn spec(jail_program: &Path, errand: &Errand, walls: Walls) -> io::Result<JailSpec> {
    let system = ["/usr", "/bin", "/lib", "/lib64", "/nix", "/etc/ld.so.cache"];
    let workspace = &errand.targets.workspace;
    Ok(JailSpec {
        order: crate::spec::Order::Run,
        program: env::current_dir()?.join(jail_program),
        args: vec![PROBE_CHILD.to_owned(), serde_json::to_string(errand)?],
        argv0: "openclaw-jail".to_owned(),
        env: BTreeMap::new(),
        cwd: workspace.clone(),
        read: system.map(PathBuf::from).to_vec(),
        write: vec![workspace.clone()],
        protect: vec![],
        network: Network::None,
        limits: Limits::default(),
        namespaces: match walls {
            Walls::Full => Namespaces::Auto,
            Walls::Plain => Namespaces::Off,
        },
        role: Role::Shell,
        hostname: "probe".to_owned(),
        user: None,
    })
}

/// Hears a child, or the next one when that was killed: it proved nothing, and whoever runs out of
/// memory for a moment must not be without tools until the next start.
pub(super) fn hear_out(child: Child, another: impl Fn() -> io::Result<Child>) -> io::Result<Heard> {
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

#[cfg(test)]
mod tests {
    use super::*;

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
