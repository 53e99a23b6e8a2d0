//! The escape table, tried from where a tool sits: by an `exec` of a real gateway, as root and as
//! somebody, behind each kind of walls; and without any, for an attempt that fails anyway proves
//! nothing.

use super::expected::{self, Who};
use jail::attempts::{Errand, Outcome, Outcomes, Row, Targets, Verdict, Walls, rows};
use jail::probe::Bait;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use tests::Gateway;

/// An ordinary user, for whoever is root here.
const SOMEBODY: u32 = 54_321;

/// A gateway, and around it what its tools must not reach.
struct Stage {
    gateway: Gateway,
    bait: Bait,
    targets: Targets,
    who: Who,
}

impl Stage {
    async fn set(who: Who, sandbox: Value) -> Self {
        let setup = Gateway::setup().await;
        let setup = setup.config(|config| config["sandbox"] = sandbox);
        let setup = setup.file("state.db", Targets::SECRET);
        let user = (who == Who::Somebody && nix::unistd::geteuid().is_root()).then_some(SOMEBODY);
        let setup = match user {
            Some(user) => setup.run_by(user),
            None => setup,
        };
        let mut gateway = setup.laid_out();
        let bait = Bait::lay(gateway.home()).unwrap();
        gateway.write(".git/config", "");
        fs::create_dir(gateway.workspace().join(".git/hooks")).unwrap();
        let program = gateway.workspace().join("openclaw-jail");
        fs::copy(gateway.program("openclaw-jail"), program).unwrap();
        gateway.hand_over();
        gateway.start_again().await;
        let targets = Targets {
            workspace: gateway.workspace(),
            state: gateway.state_dir(),
            control: gateway.socket(),
            pid: gateway.process().pid.cast_signed(),
            mark: "escape".to_owned(),
            ..bait.targets.clone()
        };
        Self {
            gateway,
            bait,
            targets,
            who,
        }
    }

    fn errand(&self, targets: Targets) -> String {
        let only_at_start = false;
        serde_json::to_string(&Errand {
            targets,
            only_at_start,
        })
        .unwrap()
    }

    /// Has a tool make the attempts.
    async fn in_walls(&self) -> Outcomes {
        let errand = self.errand(self.targets.clone());
        self.gateway.write("errand.json", &errand);
        let command = "./openclaw-jail --probe-child \"$(cat errand.json)\" > outcomes.json";
        let said = self.gateway.chat().runs(command).await;
        let told = self.gateway.read("outcomes.json");
        self.settled(serde_json::from_str(&told).unwrap_or_else(|error| panic!("{error}: {said}")))
    }

    /// Makes the attempts as whoever runs the gateway, with nothing in the way. The gateway itself
    /// is closed to its own user: a process like any other stands for it.
    fn without_walls(&self) -> Outcomes {
        let mut bystander = self.shell("read line");
        bystander.stdin(Stdio::piped()).stdout(Stdio::null());
        let mut bystander = bystander.spawn().unwrap();
        let errand = self.errand(Targets {
            pid: bystander.id().cast_signed(),
            ..self.targets.clone()
        });
        // The shell is the parent, and of the same user.
        let mut shell = self.shell("./openclaw-jail --probe-child \"$1\"; exit");
        let output = shell.args(["sh", &errand]).output().unwrap();
        drop(bystander.stdin.take());
        bystander.wait().unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr);
        let told = serde_json::from_slice(&output.stdout);
        self.settled(told.unwrap_or_else(|error| panic!("{error}: {complaint}")))
    }

    fn shell(&self, script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command.current_dir(self.gateway.workspace());
        if self.who == Who::Somebody && nix::unistd::geteuid().is_root() {
            command.uid(SOMEBODY).gid(SOMEBODY);
        }
        command
    }

    /// A datagram was sent when it arrived.
    fn settled(&self, mut outcomes: Outcomes) -> Outcomes {
        let arrived = self.bait.arrived();
        for (name, outcome) in &mut outcomes.rows {
            if *outcome == Outcome::Sent {
                *outcome = match arrived.contains(&format!("{}\n{name}", self.targets.mark)) {
                    true => Outcome::Worked("it arrived".to_owned()),
                    false => Outcome::Failed("it never arrived".to_owned()),
                };
            }
        }
        outcomes
    }
}

/// Nobody else's rights can be tried by somebody who is not root.
fn everybody() -> Vec<Who> {
    match nix::unistd::geteuid().is_root() {
        true => vec![Who::Root, Who::Somebody],
        false => vec![Who::Somebody],
    }
}

fn worked(outcome: Option<&Outcome>) -> bool {
    match outcome {
        Some(Outcome::Worked(_) | Outcome::Sent) | None => true,
        Some(Outcome::Refused { .. } | Outcome::Failed(_) | Outcome::Absent(_)) => false,
    }
}

/// The rows that are not as they are to be, as a table; empty when all are.
fn fallen(outcomes: &Outcomes, walls: Walls) -> String {
    let mut table = String::new();
    for row in rows() {
        let outcome = outcomes.rows.get(row.name);
        match row.judge(walls, outcomes.landlock, outcome) {
            Verdict::Held | Verdict::Open(_) | Verdict::Absent => {}
            verdict @ (Verdict::Odd | Verdict::Fell) => {
                let _ = writeln!(table, "{verdict:?} | {} | {outcome:?}", row.name);
            }
        }
    }
    table
}

/// The rows that are known to be open, and were.
fn open(outcomes: &Outcomes, walls: Walls) -> BTreeSet<&'static str> {
    let is_open = |row: &&Row| {
        let outcome = outcomes.rows.get(row.name);
        let verdict = row.judge(walls, outcomes.landlock, outcome);
        matches!(verdict, Verdict::Open(_)) && worked(outcome)
    };
    rows().filter(is_open).map(|row| row.name).collect()
}

async fn no_row_falls(sandbox: Value, walls: Walls, known: fn(Who) -> BTreeSet<&'static str>) {
    for who in everybody() {
        let stage = Stage::set(who, sandbox.clone()).await;
        let outcomes = stage.in_walls().await;
        assert!(
            outcomes.alive,
            "a jail in which nothing works proves nothing"
        );
        assert_eq!(outcomes.rows.len(), rows().count());
        let fallen = fallen(&outcomes, walls);
        assert!(fallen.is_empty(), "{who:?}:\n{fallen}");
        let (open, known) = (open(&outcomes, walls), known(who));
        let more: Vec<_> = open.difference(&known).collect();
        let fewer: Vec<_> = known.difference(&open).collect();
        assert!(
            more.is_empty() && fewer.is_empty(),
            "{who:?}: open and not listed: {more:#?}; listed and not open: {fewer:#?}"
        );
    }
}

#[tokio::test]
async fn at_level_three_every_row_of_the_escape_table_holds() {
    let sandbox = json!({ "namespaces": "require" });
    no_row_falls(sandbox, Walls::Full, |_| BTreeSet::new()).await;
}

#[tokio::test]
async fn at_level_two_the_open_rows_of_the_escape_table_are_the_known_ones() {
    let sandbox = json!({ "namespaces": "off", "minimum": 1 });
    no_row_falls(sandbox, Walls::Plain, expected::open_at_level_two).await;
}

#[tokio::test]
async fn at_level_one_the_open_rows_of_the_escape_table_are_the_known_ones() {
    let sandbox = json!({ "namespaces": "off", "network": "none", "minimum": 1 });
    no_row_falls(sandbox, Walls::Plain, expected::open_at_level_one).await;
}

#[tokio::test]
async fn without_walls_the_attempts_of_the_escape_table_work() {
    for who in everybody() {
        let stage = Stage::set(who, json!({})).await;
        let outcomes = stage.without_walls();
        let failed: BTreeSet<_> = rows()
            .filter(|row| !worked(outcomes.rows.get(row.name)))
            .map(|row| row.name)
            .collect();
        let excused = expected::fails_without_walls(who);
        let unexplained: Vec<_> = failed
            .difference(&excused)
            .map(|name| (name, &outcomes.rows[*name]))
            .collect();
        assert!(unexplained.is_empty(), "{who:?}: {unexplained:#?}");
        let proven = rows().count() - failed.len();
        assert!(
            proven >= 250,
            "{who:?}: only {proven} attempts are proven to be ones"
        );
    }
}

#[test]
fn what_is_expected_of_a_row_is_expected_of_one_that_there_is() {
    let names: BTreeSet<_> = rows().map(|row| row.name).collect();
    for who in [Who::Root, Who::Somebody] {
        let all = [
            expected::open_at_level_two(who),
            expected::open_at_level_one(who),
            expected::fails_without_walls(who),
        ];
        for listed in all.iter().flatten() {
            assert!(names.contains(listed), "there is no row {listed:?}");
        }
    }
}
