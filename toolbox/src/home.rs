//! The folders commands take for granted: HOME, and one for temporary files. Made before the first
//! command; a jail without a `/tmp` of its own (no namespaces) has one beneath HOME instead. Where
//! neither can be made (a workspace that may only be read, a full disk) commands do without.

use ipc::tool::ToolStart;
use nix::unistd::{AccessFlags, access};
use std::fs::create_dir_all;
use std::path::Path;

/// Makes them, and corrects the environment where it names what can not be written.
pub(crate) fn make(start: &mut ToolStart) {
    let Some(home) = start.env.get("HOME").cloned() else {
        return;
    };
    // A workspace that is not there is told by who opens it, and not made here by accident.
    if !start.workspace.is_dir() {
        return;
    }
    // Only beneath the workspace: elsewhere a home is somebody's own, and there.
    let is_ours = Path::new(&home).starts_with(&start.workspace);
    let has_home = !is_ours || create_dir_all(&home).is_ok();
    let temporary = start.env.get("TMPDIR").map_or("/tmp", String::as_str);
    let temporary = temporary.to_owned();
    if access(temporary.as_str(), AccessFlags::W_OK).is_err() {
        let ours = Path::new(&home).join("tmp");
        if create_dir_all(&ours).is_ok() {
            let ours = ours.to_string_lossy().into_owned();
            start.env.insert("TMPDIR".to_owned(), ours);
        }
    } else if !has_home {
        start.env.insert("HOME".to_owned(), temporary);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ipc::tool::ExecDefaults;

    fn made(workspace: &Path, home: &str) -> ToolStart {
        let temporary = std::env::temp_dir().to_string_lossy().into_owned();
        let env = [("HOME", home.to_owned()), ("TMPDIR", temporary)];
        let mut start = ToolStart {
            workspace: workspace.to_owned(),
            env: env.map(|(name, value)| (name.to_owned(), value)).into(),
            job: "job-1".into(),
            exec: ExecDefaults {
                yield_ms: 0,
                timeout_ms: 0,
                output_bytes: 0,
                shows_all: false,
            },
            files_anywhere: false,
        };
        make(&mut start);
        start
    }

    #[test]
    fn what_can_not_be_made_is_done_without() {
        let workspace = tempfile::tempdir().unwrap();
        let home = workspace.path().join(".home");
        let start = made(workspace.path(), &home.to_string_lossy());
        assert!(home.is_dir());
        assert_eq!(start.env["HOME"], home.to_string_lossy());

        // A file in its place can not be made a folder, as nothing can in what is read-only.
        let home = workspace.path().join("file");
        std::fs::write(&home, "").unwrap();
        let start = made(workspace.path(), &home.to_string_lossy());
        assert_eq!(start.env["HOME"], std::env::temp_dir().to_string_lossy());
    }
}
