//! Which paths of a workspace are kept as they are, by any spelling, and which are kept from being
//! made.

use super::{Access, Draft, Kind, Look, parts};
use crate::error::JailError;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

impl<L: Look> Draft<'_, L> {
    /// Protects `path`, under every spelling of it that is there, and keeps it from being made where
    /// it is missing.
    pub(super) fn protect(&mut self, path: &Path) -> Result<(), JailError> {
        let beneath = |(named, root): &(PathBuf, PathBuf)| {
            let rest = path.strip_prefix(named).or(path.strip_prefix(root)).ok()?;
            Some((root.clone(), parts(rest)))
        };
        let roots: Vec<_> = self.roots.iter().filter_map(beneath).collect();
        let folder = path.as_os_str().as_encoded_bytes().ends_with(b"/");
        for (root, rest) in roots {
            let rest = Vec::from(rest);
            if let Some((name, rest)) = rest.split_first() {
                self.protect_in(&root, name, rest, folder)
                    .map_err(|cause| JailError::Path {
                        path: path.to_owned(),
                        cause,
                    })?;
            }
        }
        Ok(())
    }

    /// Protects `name` in `within`, or what `rest` leads to beneath it. Folders on the way are
    /// pinned, lest it be freed by renaming one of those.
    fn protect_in(
        &mut self,
        within: &Path,
        name: &OsStr,
        rest: &[OsString],
        is_folder: bool,
    ) -> io::Result<()> {
        for spelling in self.spellings(within, name) {
            let path = within.join(spelling);
            match (self.look.look(&path)?, rest.split_first()) {
                (Kind::Link(_), _) => {
                    self.covers.insert(path);
                }
                (Kind::Placeholder { folder }, _) => {
                    self.placeholders.insert(path.clone());
                    self.bind(path, folder, Access::Protected);
                }
                (Kind::Folder, Some((next, rest))) => {
                    let access = match self.protect_in(&path, next, rest, is_folder) {
                        Ok(()) => Access::Pinned,
                        // Nobody can look into it, so nobody is to change it.
                        Err(_) => Access::Protected,
                    };
                    self.bind(path, true, access);
                }
                (Kind::Folder, None) => self.bind(path, true, Access::Protected),
                (Kind::File, _) => self.bind(path, false, Access::Protected),
            }
        }
        let path = within.join(name);
        match self.look.look(&path) {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let folder = is_folder || !rest.is_empty();
                self.missing.insert(path.clone(), folder);
                self.bind(path, folder, Access::Protected);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// The names in a folder that differ from `name` in letter case at most. One that can not be
    /// listed has what it has under the name itself.
    fn spellings(&mut self, folder: &Path, name: &OsStr) -> Vec<OsString> {
        let look = self.look;
        let names = self.names.entry(folder.to_owned()).or_insert_with(|| {
            look.names(folder).unwrap_or_else(|_| {
                let there = look.look(&folder.join(name)).is_ok();
                there.then(|| name.to_owned()).into_iter().collect()
            })
        });
        let lower = |name: &OsStr| name.to_string_lossy().to_lowercase();
        let wanted = lower(name);
        let same = names.iter().filter(|other| lower(other) == wanted);
        same.cloned().collect()
    }

    fn bind(&mut self, path: PathBuf, folder: bool, access: Access) {
        let known = self.found.entry(path).or_insert((folder, access));
        known.1 = known.1.max(access);
    }
}
