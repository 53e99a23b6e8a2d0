//! The house as it was drawn: crate arrows, module order, what is nowhere to be found.
//!
//! Reads the sources and cargo's own account of them; runs nothing.

mod crates;
mod modules;
mod sources;

use sources::Source;
use std::collections::BTreeSet;
use std::path::Path;

#[test]
fn crates_form_a_diamond() {
    crates::check_arrows();
}

#[test]
fn the_mind_links_nothing_that_reaches_the_world() {
    let linked = crates::linked_by("agent-proc");
    let world = [
        "axum",
        "bollard",
        "h2",
        "hyper",
        "hyper-util",
        "notify",
        "openssl-sys",
        "reqwest",
        "rusqlite",
        "rustls",
        "teloxide",
        "tungstenite",
    ];
    let found: Vec<_> = world
        .into_iter()
        .filter(|name| linked.contains(*name))
        .collect();
    assert!(found.is_empty(), "agent-proc links {found:?}");
    assert!(linked.contains("ipc"), "{linked:?}");
}

#[test]
fn neither_the_hands_nor_the_walls_link_what_the_body_needs() {
    for name in ["toolbox", "jail"] {
        let linked = crates::linked_by(name);
        for body in ["reqwest", "hyper", "rusqlite", "rustls"] {
            assert!(!linked.contains(body), "{name} links {body}");
        }
    }
    assert!(
        !crates::linked_by("jail").contains("tokio"),
        "the jail is single-threaded"
    );
}

#[test]
fn a_module_uses_only_modules_declared_below_it() {
    let mut upward = Vec::new();
    for name in sources::CRATES {
        upward.extend(modules::upward_uses(
            &sources::root().join(name).join("src"),
        ));
    }
    assert!(
        upward.is_empty(),
        "{} uses point up:\n{}",
        upward.len(),
        upward.join("\n")
    );
}

#[test]
fn unsafe_code_is_in_the_jail_alone() {
    let has_unsafe = |source: &Source| source.words().any(|word| word == "unsafe");
    let all = sources::all();
    let outside = all
        .iter()
        .filter(|source| !source.path.starts_with("container/jail"));
    let found: Vec<_> = outside
        .filter(|source| has_unsafe(source))
        .map(|source| &source.path)
        .collect();
    assert!(found.is_empty(), "unsafe in {found:?}");
    let mut jail = all
        .iter()
        .filter(|source| source.path.starts_with("container/jail"));
    assert!(
        jail.any(has_unsafe),
        "the search finds none where there is some"
    );
}

#[test]
fn every_ask_has_a_permit_row_and_a_story() {
    let asks = sources::read("ipc/src/agent.rs").variants("Ask");
    assert!(asks.len() >= 3, "{asks:?}");
    let permit = sources::read("supervisor/src/session/permit.rs");
    let stories = sources::all_under("tests/e2e")
        .into_iter()
        .chain(sources::all_under("tests/probes"));
    let stories: String = stories
        .filter(|s| !s.path.starts_with("tests/e2e/tidy"))
        .map(|s| s.text)
        .collect();
    for ask in asks {
        let name = format!("Ask::{ask}");
        assert!(
            permit.text.contains(&name),
            "permit.rs has no row for {name}"
        );
        assert!(
            stories.contains(&name),
            "no story of tests/e2e names {name}"
        );
    }
}

#[test]
fn every_file_the_architecture_names_exists() {
    let page = std::fs::read_to_string(sources::root().join("ARCHITECTURE.md")).unwrap();
    let names: BTreeSet<&str> = page
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|name| is_path(name))
        .collect();
    assert!(names.len() > 20, "{names:?}");
    let missing: Vec<_> = names
        .iter()
        .filter(|name| !sources::root().join(name).exists())
        .collect();
    assert!(
        missing.is_empty(),
        "ARCHITECTURE.md names what is not there: {missing:?}"
    );
}

/// A path into the tree: its first part is a folder of ours.
fn is_path(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    let first = name.split('/').next().unwrap_or_default();
    name.contains('/')
        && name.chars().all(plain)
        && !first.is_empty()
        && sources::root().join(first).is_dir()
}

#[test]
fn files_are_short() {
    let mut lengths: Vec<(usize, String)> = sources::all()
        .into_iter()
        .map(|source| {
            (
                source.text.lines().count(),
                source.path.display().to_string(),
            )
        })
        .collect();
    lengths.sort();
    let at = |part: usize| lengths[(lengths.len() - 1) * part / 100].0;
    println!(
        "{} files; median {} lines, p90 {}",
        lengths.len(),
        at(50),
        at(90)
    );
    for (lines, path) in lengths.iter().rev().take(10) {
        println!("{lines:5}  {path}");
    }
    assert!(
        at(50) <= 200,
        "half of the files have more than {} lines",
        at(50)
    );
    assert!(
        at(90) <= 420,
        "a tenth of the files have more than {} lines",
        at(90)
    );
    assert!(Path::new(&lengths[0].1).is_relative());
}
