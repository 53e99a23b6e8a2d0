//! The names of tools: groups, profiles, aliases, patterns. OpenClaw's own, those it has and we do
//! not have yet among them, so that a configuration written for it means the same here.

use crate::config::Profile;

/// `group:NAME` and what it stands for.
const GROUPS: [(&str, &[&str]); 11] = [
    ("runtime", &["exec", "process"]),
    ("fs", &["read", "write", "edit", "apply_patch", "ls"]),
    (
        "sessions",
        &[
            "sessions_list",
            "sessions_history",
            "sessions_send",
            "sessions_spawn",
            "subagents",
            "session_status",
        ],
    ),
    ("memory", &["memory_search", "memory_get"]),
    ("web", &["web_search", "web_fetch"]),
    ("ui", &["browser", "canvas"]),
    ("automation", &["cron", "automations", "gateway"]),
    ("messaging", &["message"]),
    ("nodes", &["nodes"]),
    ("agents", &["agents_list"]),
    ("media", &["image", "tts"]),
];

/// The group of all tools that come with OpenClaw.
const EVERYTHING: &str = "group:openclaw";

/// What a specialist that another agent spawned works with at most: sessions, memory and people are
/// its parent's business.
pub(super) const FOR_SUBAGENTS: [&str; 5] = [
    "group:runtime",
    "group:fs",
    "group:web",
    "group:ui",
    "group:media",
];

/// A profile's tools; `None` is every tool.
pub(super) fn of_profile(profile: Profile) -> Option<&'static [&'static str]> {
    match profile {
        Profile::Minimal => Some(&["session_status"]),
        Profile::Coding => Some(&[
            "group:fs",
            "group:runtime",
            "group:sessions",
            "group:memory",
            "image",
        ]),
        Profile::Messaging => Some(&[
            "group:messaging",
            "sessions_list",
            "sessions_history",
            "sessions_send",
            "session_status",
        ]),
        Profile::Full => None,
    }
}

/// Whether the entry of a list (a name, a group, a pattern with `*`) covers the tool. Letter case
/// does not matter.
pub(super) fn covers(entry: &str, tool: &str) -> bool {
    let entry = entry.trim().to_ascii_lowercase();
    if entry == EVERYTHING {
        return true;
    }
    match entry.strip_prefix("group:") {
        Some(group) => members(group).is_some_and(|tools| tools.contains(&tool)),
        None => is_match(without_alias(&entry), tool),
    }
}

/// Whether the entry covers any tool there is, here or in OpenClaw.
pub(super) fn is_known(entry: &str) -> bool {
    let all = GROUPS.iter().flat_map(|(_, tools)| tools.iter());
    all.into_iter().any(|tool| covers(entry, tool))
}

fn members(group: &str) -> Option<&'static [&'static str]> {
    let found = GROUPS.iter().find(|(name, _)| *name == group);
    found.map(|(_, tools)| *tools)
}

fn without_alias(name: &str) -> &str {
    match name {
        "bash" => "exec",
        "apply-patch" => "apply_patch",
        other => other,
    }
}

/// Whether `text` is what `pattern` says; `*` stands for any run of characters.
fn is_match(pattern: &str, text: &str) -> bool {
    let Some((front, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(text) = text.strip_prefix(front) else {
        return false;
    };
    (0..=text.len())
        .filter(|at| text.is_char_boundary(*at))
        .any(|at| is_match(rest, &text[at..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ipc::tool_args::NAMES;
    use proptest::prelude::*;

    #[test]
    fn every_tool_of_ours_is_in_a_group() {
        for tool in NAMES {
            assert!(is_known(tool), "{tool}");
        }
    }

    #[test]
    fn entries_cover_names_groups_and_patterns() {
        for (entry, tool) in [
            ("exec", "exec"),
            (" Exec ", "exec"),
            ("bash", "exec"),
            ("apply-patch", "apply_patch"),
            ("group:runtime", "process"),
            ("GROUP:FS", "ls"),
            ("group:openclaw", "agents_list"),
            ("*", "read"),
            ("*_patch", "apply_patch"),
            ("session*", "session_status"),
            ("a*_*h", "apply_patch"),
        ] {
            assert!(covers(entry, tool), "{entry} on {tool}");
        }
        for (entry, tool) in [
            ("exe", "exec"),
            ("group:fs", "exec"),
            ("group:nothing", "exec"),
            ("", "exec"),
            ("ex*c*x", "exec"),
        ] {
            assert!(!covers(entry, tool), "{entry} on {tool}");
        }
    }

    proptest! {
        #[test]
        fn a_star_matches_whatever_stands_there(
            front in "[a-z_]{0,4}", middle in "[a-z_é]{0,6}", back in "[a-z_]{0,4}",
        ) {
            let pattern = format!("{front}*{back}");
            let text = format!("{front}{middle}{back}");
            prop_assert!(is_match(&pattern, &text));
        }
    }
}
