//! The folders commands take for granted: HOME, and one for temporary files. Made before the first
//! command; a jail without a `/tmp` of its own (no namespaces) has one beneath HOME instead.

use ipc::tool::ToolStart;
use nix::unistd::{AccessFlags, access};
use std::io;
use std::path::Path;

/// Makes them, and corrects the environment where it names what can not be written.
pub(crate) fn make(start: &mut ToolStart) -> io::Result<()> {
    let Some(home) = start.env.get("HOME").cloned() else {
        return Ok(());
    };
    // A workspace that is not there is told by who opens it, and not made here by accident.
    if !start.workspace.is_dir() {
        return Ok(());
    }
    // Only beneath the workspace: elsewhere a home is somebody's own, and there.
    if Path::new(&home).starts_with(&start.workspace) {
        std::fs::create_dir_all(&home)?;
    }
    let temporary = start.env.get("TMPDIR").map_or("/tmp", String::as_str);
    if access(temporary, AccessFlags::W_OK).is_err() {
        let ours = Path::new(&home).join("tmp");
        std::fs::create_dir_all(&ours)?;
        start
            .env
            .insert("TMPDIR".to_owned(), ours.to_string_lossy().into_owned());
    }
    Ok(())
}
