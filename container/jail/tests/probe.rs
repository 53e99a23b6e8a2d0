//! What the probe says of the machine the tests run on.

#![expect(
    clippy::disallowed_methods,
    reason = "unshare runs these tests where there is nothing to unshare"
)]

mod common;

use common::{JAIL, Place, have_namespaces};
use jail::attempts::{Verdict, Walls};
use jail::probe::{escape, probe};
use std::path::Path;
use std::process::Command;

#[test]
fn the_probe_says_which_walls_hold_and_cleans_up() {
    let place = Place::new();
    let report = probe(Path::new(JAIL), &place.workspace).unwrap();
    if have_namespaces() {
        assert_eq!(report.level, 3, "{report:#?}");
        assert!(report.layers.iter().all(|layer| layer.holds), "{report:#?}");
    } else {
        assert_eq!(report.level, 2, "{report:#?}");
        assert_eq!(report.walls, Some(Walls::Plain));
        assert!(report.mediated);
        assert!(report.missing.unwrap().contains("namespaces"));
    }
    assert_eq!(std::fs::read_dir(&place.workspace).unwrap().count(), 0);
}

/// As in a container that gives none: the same tests again.
#[test]
fn without_namespaces_connections_are_decided_one_by_one() {
    if !have_namespaces() {
        return;
    }
    let none_within = "echo 0 >/proc/sys/user/max_user_namespaces && exec \"$@\"";
    let ended = Command::new("unshare")
        .args(["-r", "sh", "-c", none_within, "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "the_probe_says_which_walls_hold_and_cleans_up"])
        .args(["no_row_of_the_escape_table_falls"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ended.stdout);
    assert!(ended.status.success(), "{said}");
    assert!(said.contains("2 passed"), "{said}");
}

#[test]
fn a_jail_that_is_none_is_level_nought() {
    let place = Place::new();
    let report = probe(Path::new("/bin/true"), &place.workspace).unwrap();
    assert_eq!(report.level, 0, "{report:#?}");
    assert!(probe(Path::new("/none"), &place.workspace).is_err());
    assert!(probe(Path::new(JAIL), Path::new("/none")).is_err());
    assert_eq!(std::fs::read_dir(&place.workspace).unwrap().count(), 0);
}

#[test]
fn no_row_of_the_escape_table_falls() {
    let place = Place::new();
    let all = [Walls::Full, Walls::Plain];
    for walls in all.into_iter().skip(usize::from(!have_namespaces())) {
        for tried in escape(Path::new(JAIL), &place.workspace, walls).unwrap() {
            let fine = match tried.verdict {
                Verdict::Held | Verdict::Open(_) | Verdict::Absent => true,
                Verdict::Odd | Verdict::Fell => false,
            };
            let name = tried.row.name;
            assert!(fine, "{name}, {walls:?}: {:?}", tried.outcome);
        }
    }
}
