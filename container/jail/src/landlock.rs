//! Landlock: which files a process and its children can reach, decided by the kernel whatever else
//! they are.

use crate::error::JailError;
use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, LandlockStatus,
    PathBeneath, PathFd, Ruleset, RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetError,
    Scope,
};
use std::io;
use std::path::Path;

/// The newest Landlock this code knows how to use; an older kernel enforces what it has.
const NEWEST: ABI = ABI::V10;

const MEND: &str = "boot a kernel of 5.13 or later with landlock in its lsm= list";

/// What is allowed; everything else that Landlock knows of is not.
#[derive(Debug, Default)]
pub(crate) struct Rules<'a> {
    /// Files that can be read and run, at these paths and beneath.
    pub(crate) read: Vec<&'a Path>,
    /// Files that can be changed, made and removed as well.
    pub(crate) write: Vec<&'a Path>,
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
        ruleset = allow(ruleset, path, AccessFs::from_read(NEWEST))?;
    }
    for path in &rules.write {
        ruleset = allow(ruleset, path, AccessFs::from_all(NEWEST))?;
    }
    Ok(ruleset)
}

/// One rule; a path that is not there needs none. A file takes a file's rights only.
fn allow(
    ruleset: RulesetCreated,
    path: &Path,
    access: BitFlags<AccessFs>,
) -> Result<RulesetCreated, RulesetError> {
    let Ok(metadata) = std::fs::metadata(path) else {
        return Ok(ruleset);
    };
    let Ok(fd) = PathFd::new(path) else {
        return Ok(ruleset);
    };
    let access = if metadata.is_dir() {
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
