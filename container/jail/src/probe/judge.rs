//! What the outcomes mean. Pure.

use super::child::Heard;
use super::{Layer, Report};
use crate::attempts::{Outcome, Outcomes, Row, Verdict, Wall, Walls, rows};

/// A layer of the report: its name, the child that proved it, and the walls whose rows are its proof.
type Proof = (&'static str, Walls, &'static [Wall]);

/// What a child with every wall proves.
const FULL: [Proof; 5] = [
    ("private root", Walls::Full, &[Wall::Files]),
    ("own processes", Walls::Full, &[Wall::Processes]),
    ("no network", Walls::Full, &[Wall::Network]),
    ("syscall filter", Walls::Full, &[Wall::Syscalls]),
    ("no privileges", Walls::Full, &[Wall::Privileges]),
];

const LANDLOCK: Proof = ("landlock", Walls::Plain, &[Wall::Files, Wall::Processes]);

/// What a child without namespaces proves besides.
const PLAIN: [Proof; 3] = [
    LANDLOCK,
    ("no sockets", Walls::Plain, &[Wall::Network]),
    (
        "plain syscall filter",
        Walls::Plain,
        &[Wall::Syscalls, Wall::Privileges],
    ),
];

pub(super) fn judge(full: &Heard, plain: &Heard) -> Report {
    let prove = |proof: &Proof| {
        let heard = match proof.1 {
            Walls::Full => full,
            Walls::Plain => plain,
        };
        layer(proof, &heard.outcomes)
    };
    let of_full: Vec<_> = FULL.iter().map(prove).collect();
    let of_plain: Vec<_> = PLAIN.iter().map(prove).collect();
    let hold = |layers: &[Layer]| layers.iter().all(|layer| layer.holds);
    let level = match (hold(&of_full), prove(&LANDLOCK).holds) {
        (true, true) => 3,
        (true, false) => 2,
        (false, _) if hold(&of_plain) => 1,
        (false, _) => 0,
    };
    let layers: Vec<_> = of_full.into_iter().chain(of_plain).collect();
    let missing = missing(level, &layers, [full, plain]);
    Report {
        level,
        layers,
        missing,
    }
}

/// A wall holds when the child was alive inside and managed none of what it prevents.
fn layer((name, walls, of): &Proof, outcomes: &Outcomes) -> Layer {
    let mut proof = Vec::new();
    let mut holds = outcomes.alive;
    for row in rows().filter(|row| row.at_start && of.contains(&row.wall)) {
        let (held, said) = attempt(row, *walls, outcomes);
        holds &= held;
        proof.push(format!("{}: {said}", row.name));
    }
    Layer {
        name: (*name).to_owned(),
        holds,
        proof: proof.join("; "),
    }
}

/// Whether an attempt ended as it is to, and how it ended, in words.
fn attempt(row: &Row, walls: Walls, outcomes: &Outcomes) -> (bool, String) {
    let outcome = outcomes.rows.get(row.name);
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
    match row.judge(walls, outcomes.landlock, outcome) {
        Verdict::Held | Verdict::Odd | Verdict::Absent => (true, said.to_owned()),
        Verdict::Open(reason) => (true, format!("{said} (open: {reason})")),
        Verdict::Fell => (false, said.to_owned()),
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
                rows: rows()
                    .map(|row| (row.name.to_owned(), outcome(row)))
                    .collect(),
            },
            complaint: complaint.to_owned(),
            was_killed: false,
        }
    }

    #[test]
    fn what_nobody_could_do_is_level_three() {
        let alive = heard(true, &[], "");
        assert_eq!(judge(&alive, &heard(true, &[], "")).level, 3);
    }

    #[test]
    fn a_child_that_can_do_nothing_at_all_proves_nothing() {
        assert_eq!(
            judge(&heard(false, &[], ""), &heard(false, &[], "")).level,
            0
        );
        assert_eq!(judge(&Heard::default(), &Heard::default()).level, 0);
    }

    #[test]
    fn any_wall_that_falls_lowers_the_level() {
        let plain = heard(true, &[], "");
        for row in rows().filter(|row| row.at_start) {
            let report = judge(&heard(true, &[row.name], ""), &plain);
            assert_eq!(report.level, 1, "{}", row.name);
            assert_eq!(report.layers.iter().filter(|l| !l.holds).count(), 1);
            assert!(report.missing.unwrap().contains(row.name));
        }
    }

    #[test]
    fn without_landlock_a_jail_is_level_two() {
        let plain = heard(false, &[], "openclaw-jail: no Landlock here; boot one");
        let report = judge(&heard(true, &[], ""), &plain);
        assert_eq!(report.level, 2);
        assert_eq!(report.missing.unwrap(), "no Landlock here; boot one");
    }

    #[test]
    fn what_is_known_to_be_open_costs_no_level() {
        let report = judge(&heard(false, &[], ""), &heard(true, &["see outside"], ""));
        assert_eq!(report.level, 1);
        let open = report.layers.iter().find(|l| l.name == "landlock").unwrap();
        assert!(open.proof.contains("open: "), "{}", open.proof);
    }
}
