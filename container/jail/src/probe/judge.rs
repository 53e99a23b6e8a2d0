//! What the outcomes mean. Pure.

use super::child::Heard;
use super::{Layer, Report};
use crate::attempts::{Outcome, Row, Verdict, Wall, Walls, rows};

/// The layer that is proven elsewhere: [`Report::with_cgroups`].
pub(super) const CGROUPS: &str = "limits by cgroup";

const MEND_LANDLOCK: &str = "boot a kernel of 5.13 or later with landlock in its lsm= list";

const MEND_MEDIATED: &str = "the gateway has to read what its tools ask for: on a host, sysctl \
    kernel.yama.ptrace_scope=1; in a container, no filter that keeps ptrace and seccomp from it";

const MEND_HOLE: &str = "a wall stands and does not hold: `openclaw sandbox probe` says more; please \
    report what it prints, with the kernel's version";

/// A layer of the report: its name, the child that proved it, and the walls whose rows are its proof.
struct Proof {
    name: &'static str,
    walls: Walls,
    of: &'static [Wall],
    /// A connection to the proxy has to come to whoever decides on it.
    door: bool,
}

const fn proof(name: &'static str, walls: Walls, of: &'static [Wall]) -> Proof {
    Proof {
        name,
        walls,
        of,
        door: false,
    }
}

const fn with_door(proof: Proof) -> Proof {
    Proof {
        door: true,
        ..proof
    }
}

/// What a child with every wall proves.
const FULL: [Proof; 5] = [
    proof("private root", Walls::Full, &[Wall::Files]),
    proof("own processes", Walls::Full, &[Wall::Processes]),
    with_door(proof("own network", Walls::Full, &[Wall::Network])),
    proof("syscall filter", Walls::Full, &[Wall::Syscalls]),
    proof("no privileges", Walls::Full, &[Wall::Privileges]),
];

/// What a child without namespaces proves besides.
const LANDLOCK: Proof = proof("landlock", Walls::Plain, &[Wall::Files, Wall::Processes]);
const MEDIATED: Proof = with_door(proof("mediated network", Walls::Plain, &[Wall::Network]));
const SEALED: Proof = proof("no network", Walls::Plain, &[Wall::Network]);
const PLAIN_FILTER: Proof = proof(
    "plain syscall filter",
    Walls::Plain,
    &[Wall::Syscalls, Wall::Privileges],
);

pub(super) fn judge(full: &Heard, plain: &Heard) -> Report {
    let prove = |proof: &Proof| {
        layer(
            proof,
            match proof.walls {
                Walls::Full => full,
                Walls::Plain => plain,
            },
        )
    };
    let mut layers: Vec<_> = FULL.iter().map(prove).collect();
    let rooms = layers.iter().all(|layer| layer.holds);
    let landlock = prove(&LANDLOCK);
    let mediated = prove(&MEDIATED);
    let network = if mediated.holds {
        mediated.clone()
    } else {
        prove(&SEALED)
    };
    let filter = prove(&PLAIN_FILTER);
    let bare = landlock.holds && network.holds && filter.holds;
    let (level, walls) = match (rooms, landlock.holds, bare, mediated.holds) {
        (true, true, _, _) => (3, Some(Walls::Full)),
        (true, false, _, _) => (2, Some(Walls::Full)),
        (false, _, true, true) => (2, Some(Walls::Plain)),
        (false, _, true, false) => (1, Some(Walls::Plain)),
        (false, _, false, _) => (0, None),
    };
    layers.push(landlock);
    if !rooms {
        if !mediated.holds {
            layers.push(mediated.clone());
        }
        layers.extend([network, filter]);
    }
    let missing = missing(level, &layers);
    Report {
        level,
        walls,
        plain: match (bare, mediated.holds) {
            (true, true) => 2,
            (true, false) => 1,
            (false, _) => 0,
        },
        mediated: bare && mediated.holds,
        layers,
        missing,
    }
}

/// A wall holds when the child was alive inside and managed none of what it prevents.
fn layer(proof: &Proof, heard: &Heard) -> Layer {
    let mut tried = Vec::new();
    let mut fallen = None;
    if proof.door {
        let held = heard.came_to_the_door && heard.outcomes.reached_the_door;
        let said = if held {
            "its connection came to whoever decides on it"
        } else {
            "its connection to the proxy never came"
        };
        tried.push(format!("reach the proxy: {said}"));
        fallen = (!held).then(|| tried[0].clone());
    }
    for row in rows().filter(|row| row.at_start && proof.of.contains(&row.wall)) {
        let (held, said) = attempt(row, proof.walls, heard);
        tried.push(format!("{}: {said}", row.name));
        if !held && fallen.is_none() {
            fallen = tried.last().cloned();
        }
    }
    let holds = heard.outcomes.alive && fallen.is_none();
    Layer {
        name: proof.name.to_owned(),
        asked: true,
        holds,
        proof: match fallen {
            Some(fallen) if heard.outcomes.alive => format!("{fallen}; it is to be prevented"),
            _ if !heard.outcomes.alive => "could not be built".to_owned(),
            _ => tried.join("; "),
        },
        mend: (!holds).then(|| mend(proof, heard)),
    }
}

/// The jail's own complaint where it has one, for that names the mend.
fn mend(proof: &Proof, heard: &Heard) -> String {
    let line = heard.complaint.lines().next().unwrap_or_default();
    let line = line.trim_start_matches("openclaw-jail: ");
    match line {
        "" if proof.name == LANDLOCK.name => MEND_LANDLOCK.to_owned(),
        "" if proof.name == MEDIATED.name && !heard.came_to_the_door => MEND_MEDIATED.to_owned(),
        "" => MEND_HOLE.to_owned(),
        line => line.to_owned(),
    }
}

/// Whether an attempt ended as it is to, and how it ended, in words.
fn attempt(row: &Row, walls: Walls, heard: &Heard) -> (bool, String) {
    let outcome = heard.outcomes.rows.get(row.name);
    let said = match outcome {
        Some(
            Outcome::Worked(said)
            | Outcome::Refused { said, .. }
            | Outcome::Failed(said)
            | Outcome::Absent(said),
        ) => said,
        Some(Outcome::Sent) => "sent",
        None => "not tried",
    };
    match row.judge(walls, heard.outcomes.landlock, outcome) {
        Verdict::Held | Verdict::Odd | Verdict::Absent => (true, said.to_owned()),
        Verdict::Open(reason) => (true, format!("{said} (open: {reason})")),
        Verdict::Fell => (false, said.to_owned()),
    }
}

/// What keeps the machine from the next level, and what mends that: the first wall that does not
/// hold, which is one of those of level 3.
fn missing(level: u8, layers: &[Layer]) -> Option<String> {
    let Some(fallen) = layers.iter().find(|layer| !layer.holds) else {
        return (level == 3).then(|| format!("{CGROUPS}: not tried"));
    };
    let mend = fallen.mend.as_deref().unwrap_or_default();
    Some(match fallen.proof.as_str() {
        "could not be built" => format!("{}: {mend}", fallen.name),
        proof => format!("{}: {proof}: {mend}", fallen.name),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attempts::Outcomes;

    fn heard(alive: bool, worked: &[&str], complaint: &str) -> Heard {
        let outcome = |row: &Row| {
            if worked.contains(&row.name) {
                Outcome::Worked("yes".to_owned())
            } else {
                Outcome::Failed("no".to_owned())
            }
        };
        Heard {
            outcomes: Outcomes {
                landlock: 7,
                alive,
                reached_the_door: alive,
                rows: rows()
                    .map(|row| (row.name.to_owned(), outcome(row)))
                    .collect(),
            },
            complaint: complaint.to_owned(),
            came_to_the_door: alive,
            was_killed: false,
        }
    }

    fn dead(complaint: &str) -> Heard {
        heard(false, &[], complaint)
    }

    #[test]
    fn what_nobody_could_do_is_level_three() {
        let report = judge(&heard(true, &[], ""), &heard(true, &[], ""));
        assert_eq!((report.level, report.walls), (3, Some(Walls::Full)));
        assert_eq!(report.layers.len(), 6);
    }

    #[test]
    fn limits_by_cgroup_make_it_level_four() {
        let three = judge(&heard(true, &[], ""), &heard(true, &[], ""));
        let four = three.clone().with_cgroups(Ok("one was made".to_owned()));
        assert_eq!((four.level, four.missing.clone()), (4, None));
        let still = four.with_cgroups(Ok("again".to_owned()));
        assert_eq!((still.level, still.layers.len()), (4, 7));
        let three = three.with_cgroups(Err("Delegate=yes".to_owned()));
        assert_eq!(three.level, 3);
        assert_eq!(three.missing.unwrap(), "limits by cgroup: Delegate=yes");
        let two = judge(&dead("no"), &heard(true, &[], ""));
        let two = two.with_cgroups(Ok("one was made".to_owned()));
        assert_eq!(
            (two.level, two.missing.unwrap()),
            (2, "private root: no".to_owned())
        );
    }

    #[test]
    fn a_child_that_can_do_nothing_at_all_proves_nothing() {
        assert_eq!(judge(&dead(""), &dead("")).level, 0);
        let report = judge(&Heard::default(), &Heard::default());
        assert_eq!((report.level, report.walls), (0, None));
    }

    #[test]
    fn any_wall_that_falls_lowers_the_level() {
        let plain = heard(true, &[], "");
        for row in rows().filter(|row| row.at_start) {
            let report = judge(&heard(true, &[row.name], ""), &plain);
            assert_eq!(report.level, 2, "{}", row.name);
            assert_eq!(report.layers.iter().filter(|l| !l.holds).count(), 1);
            assert!(report.missing.unwrap().contains(row.name));
        }
    }

    #[test]
    fn connections_that_nobody_decides_on_are_worth_less() {
        let undecided = || Heard {
            came_to_the_door: false,
            ..heard(true, &[], "")
        };
        let report = judge(&dead(""), &undecided());
        assert_eq!((report.level, report.mediated), (1, false));
        let mediated = report.layers.iter().find(|l| l.name == MEDIATED.name);
        let mend = mediated.unwrap().mend.as_ref().unwrap();
        assert!(mend.contains("ptrace_scope"), "{mend}");
        assert!(
            report
                .layers
                .iter()
                .any(|l| l.name == "no network" && l.holds)
        );
        let report = judge(&undecided(), &heard(true, &[], ""));
        assert_eq!((report.level, report.walls), (2, Some(Walls::Plain)));
    }

    #[test]
    fn without_landlock_a_room_is_level_two() {
        let plain = dead("openclaw-jail: no Landlock here; boot one");
        let report = judge(&heard(true, &[], ""), &plain);
        assert_eq!((report.level, report.walls), (2, Some(Walls::Full)));
        assert_eq!(
            report.missing.unwrap(),
            "landlock: no Landlock here; boot one"
        );
    }

    #[test]
    fn what_does_not_hold_says_what_mends_it() {
        let report = judge(
            &dead("openclaw-jail: no namespaces here; set this"),
            &dead(""),
        );
        for layer in report.layers {
            assert!(!layer.mend.unwrap().is_empty(), "{}", layer.name);
        }
        assert_eq!(
            report.missing.unwrap(),
            "private root: no namespaces here; set this"
        );
    }

    #[test]
    fn what_is_known_to_be_open_costs_no_level() {
        let report = judge(&dead(""), &heard(true, &["see outside"], ""));
        assert_eq!(report.level, 2);
        let open = report.layers.iter().find(|l| l.name == "landlock").unwrap();
        assert!(open.proof.contains("open: "), "{}", open.proof);
    }
}
