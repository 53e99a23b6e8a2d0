//! An agent's workspace, as far as the supervisor touches it: it lays down the manuals where there
//! are none, and reads them for each new agent process; puts there what people send, and takes out
//! what they are to have.
//!
//! Nothing here is opened by path string: a workspace is written by models, and can hold symbolic
//! links and pipes. Files are opened beneath a directory handle, and only regular ones are read.

mod files;

pub use files::{Opened, open, put};

use crate::config::{Agent, MAIN_MANUAL};
use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};
use ipc::agent::Manual;
use std::io::{self, Read, Write};
use std::path::Path;

/// The manuals a new workspace begins with.
const SEEDS: [(&str, &str); 11] = [
    (MAIN_MANUAL, include_str!("../../workspace/AGENTS.md")),
    (
        "orchestrator-AGENTS.md",
        include_str!("../../workspace/orchestrator-AGENTS.md"),
    ),
    (
        "infra-architect-AGENTS.md",
        include_str!("../../workspace/infra-architect-AGENTS.md"),
    ),
    (
        "cicd-architect-AGENTS.md",
        include_str!("../../workspace/cicd-architect-AGENTS.md"),
    ),
    (
        "cloud-architect-AGENTS.md",
        include_str!("../../workspace/cloud-architect-AGENTS.md"),
    ),
    (
        "backend-dev-AGENTS.md",
        include_str!("../../workspace/backend-dev-AGENTS.md"),
    ),
    (
        "frontend-dev-AGENTS.md",
        include_str!("../../workspace/frontend-dev-AGENTS.md"),
    ),
    (
        "product-manager-AGENTS.md",
        include_str!("../../workspace/product-manager-AGENTS.md"),
    ),
    (
        "seo-growth-AGENTS.md",
        include_str!("../../workspace/seo-growth-AGENTS.md"),
    ),
    (
        "qa-reliability-AGENTS.md",
        include_str!("../../workspace/qa-reliability-AGENTS.md"),
    ),
    (
        "security-compliance-AGENTS.md",
        include_str!("../../workspace/security-compliance-AGENTS.md"),
    ),
];

/// Makes the workspace, and lays the manuals down where there is no main one: a person who removed
/// a specialist does not get it back. Whether any were laid down.
///
/// # Errors
/// What the file system says.
pub fn lay_out(folder: &Path) -> io::Result<bool> {
    std::fs::create_dir_all(folder)?;
    let dir = Dir::open_ambient_dir(folder, ambient_authority())?;
    if dir.symlink_metadata(MAIN_MANUAL).is_ok() {
        return Ok(false);
    }
    // The main one comes last: where it is, all have been laid down.
    for (name, text) in SEEDS.iter().rev() {
        if dir.symlink_metadata(name).is_err() {
            lay_down(&dir, name, text)?;
        }
    }
    Ok(true)
}

/// Whole, or not at all.
fn lay_down(dir: &Dir, name: &str, text: &str) -> io::Result<()> {
    let draft = format!(".{name}.{}", std::process::id());
    let options = OpenOptions::new().write(true).create_new(true).clone();
    let written = dir
        .open_with(&draft, &options)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .and_then(|()| dir.rename(&draft, dir, name));
    if written.is_err() {
        // The first error is the one that counts.
        let _ = dir.remove_file(&draft);
    }
    written
}

/// The manuals of an agent, read now: the main one, then its own. One that is missing or can not be
/// read is left out, with a line in the log.
pub async fn manuals(agent: &Agent) -> Vec<Manual> {
    let agent = agent.clone();
    tokio::task::spawn_blocking(move || read_manuals(&agent))
        .await
        .unwrap_or_default()
}

fn read_manuals(agent: &Agent) -> Vec<Manual> {
    let Ok(dir) = Dir::open_ambient_dir(&agent.workspace, ambient_authority()) else {
        tracing::warn!(
            "the workspace {} can not be opened",
            agent.workspace.display()
        );
        return Vec::new();
    };
    let mut names = vec![MAIN_MANUAL];
    if agent.manual != MAIN_MANUAL {
        names.push(&agent.manual);
    }
    let mut left = chars(agent.bootstrap_total_max_chars);
    let mut manuals = Vec::new();
    for name in names {
        match read(&dir, name, chars(agent.bootstrap_max_chars).min(left)) {
            Ok(text) => {
                left = left.saturating_sub(text.chars().count());
                manuals.push(Manual {
                    name: name.to_owned(),
                    text,
                });
            }
            Err(error) => tracing::warn!("manual {name} of {} left out: {error}", agent.id),
        }
    }
    manuals
}

fn chars(limit: u32) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}

/// Reads at most `limit` characters of a regular file.
fn read(dir: &Dir, name: &str, limit: usize) -> io::Result<String> {
    let mut options = OpenOptions::new();
    // A pipe put in a manual's place would hold us for ever.
    options
        .read(true)
        .custom_flags(nix::fcntl::OFlag::O_NONBLOCK.bits());
    let file = dir.open_with(name, &options)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    // A character is at most four bytes.
    let bound = u64::try_from(limit.saturating_mul(4)).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    file.take(bound).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    Ok(match text.char_indices().nth(limit) {
        Some((cut, _)) => format!("{}\n[… cut at {limit} characters …]", &text[..cut]),
        None => text.into_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Paths;
    use ipc::id::AgentId;

    fn agent(folder: &Path) -> Agent {
        let mut agent = Agent::main(&Paths::under(folder));
        agent.id = AgentId::from("backend-dev");
        agent.manual = "backend-dev-AGENTS.md".into();
        agent.workspace = folder.to_owned();
        agent
    }

    #[test]
    fn a_new_workspace_has_every_manual_and_an_old_one_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        lay_out(folder.path()).unwrap();
        assert_eq!(
            std::fs::read_dir(folder.path()).unwrap().count(),
            SEEDS.len()
        );
        std::fs::remove_file(folder.path().join("seo-growth-AGENTS.md")).unwrap();
        std::fs::write(folder.path().join(MAIN_MANUAL), "mine").unwrap();
        lay_out(folder.path()).unwrap();
        assert!(!folder.path().join("seo-growth-AGENTS.md").exists());
        assert_eq!(
            std::fs::read_to_string(folder.path().join(MAIN_MANUAL)).unwrap(),
            "mine"
        );
    }

    #[test]
    fn what_was_laid_down_in_part_is_completed() {
        let folder = tempfile::tempdir().unwrap();
        // Nothing can be put in its place, and the main one comes after it.
        let blocked = folder.path().join("orchestrator-AGENTS.md");
        let draft = format!(".orchestrator-AGENTS.md.{}", std::process::id());
        std::fs::create_dir(folder.path().join(&draft)).unwrap();
        assert!(lay_out(folder.path()).is_err());
        assert!(!folder.path().join(MAIN_MANUAL).exists() && !blocked.exists());
        std::fs::remove_dir(folder.path().join(&draft)).unwrap();
        assert!(lay_out(folder.path()).unwrap());
        let laid = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(laid, SEEDS.len());
    }

    #[test]
    fn manuals_are_read_in_order_and_cut() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(MAIN_MANUAL), "éé").unwrap();
        std::fs::write(folder.path().join("backend-dev-AGENTS.md"), "x".repeat(30)).unwrap();
        let mut agent = agent(folder.path());
        agent.bootstrap_max_chars = 10;
        let manuals = read_manuals(&agent);
        assert_eq!(manuals[0].text, "éé");
        assert!(
            manuals[1].text.starts_with("xxxxxxxxxx\n[… cut"),
            "{}",
            manuals[1].text
        );
    }

    #[test]
    fn neither_a_link_out_of_the_workspace_nor_a_pipe_is_read() {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/etc/hostname", folder.path().join(MAIN_MANUAL)).unwrap();
        nix::unistd::mkfifo(
            &folder.path().join("backend-dev-AGENTS.md"),
            nix::sys::stat::Mode::S_IRWXU,
        )
        .unwrap();
        assert_eq!(read_manuals(&agent(folder.path())), []);
    }
}
