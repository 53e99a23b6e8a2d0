//! Where in the machine's control groups this process is, and where it may make its own.

use super::{NEEDED, Unusable, controllers};
use nix::unistd::{AccessFlags, access};
use std::fs;
use std::path::{Path, PathBuf};

/// What lets a gateway have control groups.
pub(super) const REMEDY: &str = "start the gateway as a service with Delegate=yes, or with \
    systemd-run --user --scope -p Delegate=yes";

/// A group that may be tried.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) folder: PathBuf,
}

impl Place {
    /// The group we are in; for root that was not started as a service, the topmost one too: a login
    /// session's group has the shell in it as well, and so can not have children with limits.
    pub(super) fn candidates() -> Result<Vec<Self>, Unusable> {
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let (mount, own) = locate(&mounts, &groups).ok_or_else(|| {
            Unusable(format!(
                "no cgroup v2 is mounted that this process is in; {REMEDY}"
            ))
        })?;
        let mut folders = vec![own.clone()];
        let is_service = own.extension().is_some_and(|kind| kind == "service");
        if nix::unistd::geteuid().is_root() && !is_service && own != mount {
            folders.push(mount);
        }
        Ok(folders.into_iter().map(|folder| Self { folder }).collect())
    }
}

impl Place {
    /// Whether groups could be made here.
    pub(super) fn check(&self) -> Result<(), Unusable> {
        controllers_of(&self.folder)?;
        let files = ["", "cgroup.procs", "cgroup.subtree_control"];
        let refused = files.map(|name| self.folder.join(name)).into_iter();
        match refused
            .map(|file| (access(&file, AccessFlags::W_OK), file))
            .find(|(may, _)| may.is_err())
        {
            None => Ok(()),
            Some((why, file)) => Err(Unusable(format!(
                "{} can not be written ({}); {REMEDY}",
                file.display(),
                why.err().unwrap_or(nix::errno::Errno::EACCES)
            ))),
        }
    }
}

/// The controllers a group offers to those beneath it.
pub(super) fn controllers_of(folder: &Path) -> Result<Vec<String>, Unusable> {
    let has = controllers(folder);
    match NEEDED
        .iter()
        .find(|name| !has.iter().any(|had| had == *name))
    {
        None => Ok(has),
        Some(lacking) => Err(Unusable(format!(
            "the {lacking} controller is not in {}: it is on cgroup v1, or was not delegated; {REMEDY}",
            folder.display()
        ))),
    }
}

/// The cgroup v2 mount and this process's group in it, by the texts of `/proc/self/mountinfo` and
/// `/proc/self/cgroup`.
fn locate(mounts: &str, groups: &str) -> Option<(PathBuf, PathBuf)> {
    let own = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
    mounts.lines().find_map(|line| {
        let (left, right) = line.split_once(" - ")?;
        if right.split(' ').next()? != "cgroup2" {
            return None;
        }
        let mut left = left.split(' ');
        let root = left.nth(3)?;
        let mount = Path::new(left.next()?);
        // Of another cgroup namespace's part we can not be.
        let beneath = Path::new(own).strip_prefix(root).ok()?;
        let climbs = own.split('/').any(|part| part == "..");
        (!climbs).then(|| (mount.to_owned(), mount.join(beneath)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNIFIED: &str = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw\n";
    const HYBRID: &str = "41 23 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
        42 23 0:31 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";

    #[track_caller]
    fn check(mounts: &str, groups: &str, expected: Option<(&str, &str)>) {
        let expected = expected.map(|(mount, own)| (mount.into(), own.into()));
        assert_eq!(locate(mounts, groups), expected);
    }

    #[test]
    fn a_service_is_found_in_its_own_group() {
        let own = "/sys/fs/cgroup/system.slice/openclaw.service";
        let groups = "0::/system.slice/openclaw.service\n";
        check(UNIFIED, groups, Some(("/sys/fs/cgroup", own)));
    }

    #[test]
    fn the_other_hierarchies_of_a_hybrid_machine_are_passed_over() {
        let groups = "4:memory:/a\n0::/b\n";
        let mount = "/sys/fs/cgroup/unified";
        check(HYBRID, groups, Some((mount, "/sys/fs/cgroup/unified/b")));
    }

    #[test]
    fn a_container_sees_its_own_part() {
        let mounts = "9 1 0:26 /docker/ab /sys/fs/cgroup ro - cgroup2 cgroup rw\n";
        let root = "/sys/fs/cgroup";
        check(mounts, "0::/docker/ab\n", Some((root, "/sys/fs/cgroup/")));
        check(
            mounts,
            "0::/docker/ab/x\n",
            Some((root, "/sys/fs/cgroup/x")),
        );
        check(mounts, "0::/docker/cd\n", None);
    }

    #[test]
    fn outside_of_what_is_mounted_there_is_no_place() {
        check(UNIFIED, "0::/../other\n", None);
        check(UNIFIED, "4:memory:/a\n", None);
        check("", "0::/a\n", None);
    }
}
