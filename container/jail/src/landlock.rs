//! Landlock: which files a process and its children can reach, decided by the kernel whatever else
//! they are.

use crate::error::JailError;
use crate::mounts;
use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, LandlockStatus,
    PathBeneath, Ruleset, RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetError, Scope,
};
use nix::sys::stat::fstat;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

/// The newest Landlock this code knows how to use; an older kernel enforces what it has.
const NEWEST: ABI = ABI::V10;

const MEND: &str = "boot a kernel of 5.13 or later with landlock in its lsm= list";

/// What is allowed; everything else that Landlock knows of is not.
#[derive(Debug, Default)]
pub(crate) struct Rules<'a> {
    /// Files that can be read and run, at these paths and beneath. Like all paths here, without a
    /// symbolic link in them; those that are not there are left out.
    pub(crate) read: Vec<&'a Path>,
    /// Files that can be changed, made and removed as well.
    pub(crate) write: Vec<&'a Path>,
    /// Folders in which files can be made, and used by whoever knows their names.
    pub(crate) drop: Vec<&'a Path>,
    /// Files and folders beneath `read` that are not meant.
    pub(crate) hidden: Vec<&'a Path>,
    /// Whether ports are left to other walls.
    pub(crate) ports: Ports,
}

/// Whether Landlock has a say on ports of TCP and, from version 10 on, UDP.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Ports {
    /// None can be bound or connected to.
    #[default]
    Forbidden,
    /// A network namespace, or nothing, decides.
    Elsewhere,
}

/// Restricts this process for good. Needs no_new_privs. Returns the Landlock version in force.
///
/// # Errors
/// [`JailError::Missing`] when the kernel has no Landlock.
pub(crate) fn restrict(rules: &Rules<'_>) -> Result<i32, JailError> {
    let status = ruleset(rules)
        .and_then(|ruleset| ruleset.restrict_self())
        .map_err(missing)?;
    match status.landlock {
        LandlockStatus::Available { effective_abi, .. } => Ok(effective_abi as i32),
        LandlockStatus::NotEnabled | LandlockStatus::NotImplemented => {
            Err(missing(io::Error::from_raw_os_error(libc::EOPNOTSUPP)))
        }
    }
}

fn ruleset(rules: &Rules<'_>) -> Result<RulesetCreated, RulesetError> {
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(NEWEST))?
        .scope(Scope::AbstractUnixSocket | Scope::Signal)?;
    if rules.ports == Ports::Forbidden {
        ruleset = ruleset.handle_access(AccessNet::from_all(NEWEST))?;
    }
    let mut ruleset = ruleset.create()?.no_new_privs(false);
    for path in &rules.read {
        ruleset = allow(ruleset, path, AccessFs::from_read(NEWEST), &rules.hidden)?;
    }
    for path in &rules.write {
        ruleset = allow(ruleset, path, AccessFs::from_all(NEWEST), &[])?;
    }
    let listing = AccessFs::ReadDir | AccessFs::Execute;
    for path in &rules.drop {
        let access = AccessFs::from_all(NEWEST) & !listing;
        ruleset = allow(ruleset, path, access, &[])?;
    }
    Ok(ruleset)
}

/// Grants `access` to `path` and all beneath it but for what is `hidden`.
fn allow(
    ruleset: RulesetCreated,
    path: &Path,
    access: BitFlags<AccessFs>,
    hidden: &[&Path],
) -> Result<RulesetCreated, RulesetError> {
    let Ok(fd) = mounts::at(path) else {
        return Ok(ruleset);
    };
    let beneath = |inner: &&&Path| inner.starts_with(path);
    let hidden: Vec<&Path> = hidden.iter().filter(beneath).copied().collect();
    if hidden.contains(&path) {
        return Ok(ruleset);
    }
    if hidden.is_empty() {
        return grant(ruleset, fd, access);
    }
    // A rule holds for all beneath: each of its entries gets one instead.
    let mut ruleset = grant(ruleset, fd, AccessFs::ReadDir.into())?;
    for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
        ruleset = allow(ruleset, &entry.path(), access, &hidden)?;
    }
    Ok(ruleset)
}

/// One rule. A file takes a file's rights only.
fn grant(
    ruleset: RulesetCreated,
    fd: OwnedFd,
    access: BitFlags<AccessFs>,
) -> Result<RulesetCreated, RulesetError> {
    let folder = fstat(&fd).is_ok_and(|stat| stat.st_mode & libc::S_IFMT == libc::S_IFDIR);
    let access = if folder {
        access
    } else {
        access & AccessFs::from_file(NEWEST)
    };
    ruleset.add_rule(PathBeneath::new(fd, access))
}

fn missing(cause: impl std::error::Error + Send + Sync + 'static) -> JailError {
    JailError::Missing {
        what: "Landlock",
        cause: io::Error::other(cause),
        mend: MEND,
    }
}
