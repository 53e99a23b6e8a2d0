//! Which files a patch names, as far as `tools.exec.applyPatch.workspaceOnly` asks.

use std::path::{Component, Path};

/// The lines of a patch that name a file.
const HEADERS: [&str; 4] = [
    "*** Add File:",
    "*** Update File:",
    "*** Delete File:",
    "*** Move to:",
];

/// The first file that is named by a way out of the workspace. Links are not followed: whoever
/// writes does that, beneath a directory handle.
pub(super) fn outside<'a>(patch: &'a str, workspace: &Path) -> Option<&'a str> {
    let named = |line: &'a str| {
        HEADERS
            .iter()
            .find_map(|header| line.trim().strip_prefix(header))
    };
    let names = patch.lines().filter_map(named).map(str::trim);
    names
        .into_iter()
        .find(|name| leads_out(Path::new(name), workspace))
}

fn leads_out(path: &Path, workspace: &Path) -> bool {
    let below = path.strip_prefix(workspace).unwrap_or(path);
    let mut depth = 0_usize;
    for part in below.components() {
        match part {
            Component::Normal(_) => depth += 1,
            Component::CurDir => {}
            Component::ParentDir if depth > 0 => depth -= 1,
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return true,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(line: &str) -> Option<String> {
        let patch = format!("*** Begin Patch\n{line}\n+x\n*** End Patch");
        outside(&patch, Path::new("/ws")).map(str::to_owned)
    }

    #[test]
    fn a_way_out_of_the_workspace_is_found() {
        for path in ["/etc/x", "../x", "a/../../x", "/ws/../x", "/wsx"] {
            for header in HEADERS {
                assert_eq!(named(&format!("{header} {path}")).as_deref(), Some(path));
            }
        }
    }

    #[test]
    fn what_stays_inside_is_not() {
        for path in ["a", "a/b/../c", "./a", "/ws/a", "/ws/a/../b"] {
            assert_eq!(named(&format!("*** Add File: {path}")), None, "{path}");
        }
        assert_eq!(named("+*** Add File: /etc/x in a line of text"), None);
    }
}
