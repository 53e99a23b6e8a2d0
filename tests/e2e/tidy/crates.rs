//! Crate arrows, as cargo tells them.

use serde_json::Value;
use std::collections::BTreeSet;
use std::process::Command;

/// Which crates of ours each crate may use. An arrow that is not here is not there.
const ARROWS: [(&str, &[&str]); 6] = [
    ("ipc", &[]),
    ("jail", &[]),
    ("agent-proc", &["ipc", "jail"]),
    ("toolbox", &["ipc", "jail"]),
    ("supervisor", &["ipc", "jail"]),
    (
        "tests",
        &["agent-proc", "ipc", "jail", "supervisor", "toolbox"],
    ),
];

/// Every crate uses exactly what it is drawn to use.
pub(super) fn check_arrows() {
    let metadata = cargo(&["metadata", "--format-version", "1", "--no-deps"]);
    let metadata: Value = serde_json::from_str(&metadata).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let ours: BTreeSet<&str> = ARROWS.iter().map(|(name, _)| *name).collect();
    let members: BTreeSet<&str> = packages.iter().map(name).collect();
    assert_eq!(members, ours, "a crate that is not drawn");
    for (crate_name, expected) in ARROWS {
        let package = packages.iter().find(|p| name(p) == crate_name).unwrap();
        let dependencies = package["dependencies"].as_array().unwrap().iter();
        let used: BTreeSet<&str> = dependencies
            .map(name)
            .filter(|name| ours.contains(name))
            .collect();
        let expected = expected.iter().copied().collect();
        assert_eq!(used, expected, "the arrows of {crate_name}");
    }
}

/// Every package that is linked into a crate on this machine, itself included.
pub(super) fn linked_by(crate_name: &str) -> BTreeSet<String> {
    let tree = cargo(&[
        "tree",
        "--package",
        crate_name,
        "--edges",
        "normal",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ]);
    let names = tree.lines().filter_map(|line| line.split(' ').next());
    names.map(str::to_owned).collect()
}

fn name(package: &Value) -> &str {
    package["name"].as_str().unwrap()
}

fn cargo(args: &[&str]) -> String {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo)
        .args(args)
        .arg("--offline")
        .current_dir(super::sources::root())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    String::from_utf8(output.stdout).unwrap()
}
