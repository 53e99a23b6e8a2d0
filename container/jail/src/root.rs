//! A private root with its workspaces: what is protected in them stands before anybody can see it,
//! and is gone when nobody needs it any more.

use crate::error::{During, JailError};
use crate::mounts;
use crate::namespaces;
use crate::ownership::Mapped;
use crate::placeholders::{Placeholders, Workspace};
use crate::plan::{self, Plan};
use crate::spec::JailSpec;
use std::io;
use std::mem;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

/// Workspaces, by the descriptors that hold them, with what stands in them.
pub(crate) type Held = Vec<(OwnedFd, Vec<PathBuf>)>;

/// Builds a private root, and moves into it. Returns the workspaces in which placeholders stand,
/// each held by its folder.
pub(crate) fn build_root(spec: &JailSpec, mapped: Vec<Mapped>) -> Result<(Plan, Held), JailError> {
    namespaces::bound_shared_memory(spec.limits.tmp_bytes);
    let workspaces = hold_workspaces(spec)?;
    let mut plan = plan::plan(spec, &plan::Machine)?;
    for (path, folder) in mem::take(&mut plan.missing) {
        let put = |workspace: &Workspace| Some(workspace.put(&workspace.place(&path)?, folder));
        match workspaces.iter().find_map(put).unwrap_or(Ok(())) {
            Ok(()) => {
                plan.placeholders.insert(path);
            }
            // Where nobody can make anything, nothing has to keep them from it.
            Err(error) if error.kind() == io::ErrorKind::ReadOnlyFilesystem => {
                plan.binds.retain(|bind| bind.path != path);
            }
            Err(cause) => return Err(JailError::Path { path, cause }),
        }
    }
    mounts::enter(&plan, spec.limits.tmp_bytes, mapped)?;
    let standing = plan.placeholders.iter();
    let places = |workspace: &Workspace| {
        let places = standing.clone().filter_map(|path| workspace.place(path));
        places.collect()
    };
    let workspaces = workspaces.into_iter().map(|workspace| {
        let places = places(&workspace);
        (workspace.into_folder(), places)
    });
    let workspaces = workspaces.collect();
    Ok((plan, workspaces))
}

/// Holds the workspaces of a spec that protects anything in them. Before anybody looks for
/// placeholders there, lest one be taken away that was seen.
fn hold_workspaces(spec: &JailSpec) -> Result<Vec<Workspace>, JailError> {
    if spec.protect.is_empty() {
        return Ok(Vec::new());
    }
    let plan = plan::changes(spec, &plan::Machine)?;
    let folders = plan.binds.iter().filter(|bind| bind.folder);
    folders
        .map(|bind| Workspace::hold(&bind.path))
        .collect::<io::Result<_>>()
        .during("hold the workspace")
}

/// Removes the placeholders of a jail that has ended, if nobody else needs them.
pub(crate) fn clean_up(spec: &JailSpec) -> Result<(), JailError> {
    let plan = plan::changes(spec, &plan::Machine)?;
    let names = spec.protect.iter().flat_map(|path| path.ancestors());
    let standing: Vec<_> = names.filter_map(|path| plan.place(path)).collect();
    let workspaces = hold_workspaces(spec)?.into_iter().map(|workspace| {
        let places = standing.iter().filter_map(|path| workspace.place(path));
        let places = places.collect();
        (workspace.into_folder(), places)
    });
    drop(Placeholders::new(workspaces.collect()));
    Ok(())
}
