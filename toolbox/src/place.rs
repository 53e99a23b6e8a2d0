//! Where a path in a tool's arguments leads: a directory handle and a way beneath it.
//!
//! Nothing in the workspace is opened by a path from the root: symlinks and `..` are resolved by
//! the kernel beneath the handle, so they can not lead out of it, not even when a command swaps
//! them meanwhile. With `files_anywhere` the handle is the root of what the jail shows.

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use ipc::tool::ToolStart;
use std::io;
use std::path::{Path, PathBuf};

/// The workspace, and what lies outside when that is allowed.
#[derive(Debug)]
pub(crate) struct Grounds {
    workspace: PathBuf,
    /// The workspace with its own symlinks resolved, which programs print and models repeat.
    real: PathBuf,
    home: Option<PathBuf>,
    dir: Dir,
    anywhere: Option<Dir>,
}

/// A path that was asked for.
#[derive(Debug)]
pub(crate) struct Place<'g> {
    /// The handle it lies beneath.
    pub(crate) dir: &'g Dir,
    /// The way from the handle; never empty.
    pub(crate) path: PathBuf,
    /// The path as it was asked for, for answers.
    pub(crate) shown: String,
}

impl Grounds {
    /// Opens the workspace.
    pub(crate) fn open(start: &ToolStart) -> io::Result<Self> {
        let anywhere = start
            .files_anywhere
            .then(|| Dir::open_ambient_dir("/", ambient_authority()))
            .transpose()?;
        Ok(Self {
            dir: Dir::open_ambient_dir(&start.workspace, ambient_authority())?,
            real: std::fs::canonicalize(&start.workspace)?,
            workspace: start.workspace.clone(),
            home: start.env.get("HOME").map(PathBuf::from),
            anywhere,
        })
    }

    /// Where `asked` leads. Says why when it can not be used at all; that something is there is not
    /// checked.
    pub(crate) fn find(&self, asked: &str) -> Result<Place<'_>, String> {
        if asked.contains('\0') {
            return Err(format!("{asked:?} is not a path: it has a zero byte in it"));
        }
        let path = self.without_tilde(asked);
        match &self.anywhere {
            Some(root) => {
                let real = resolve(&self.workspace.join(path));
                let below = real.strip_prefix("/").unwrap_or(&real);
                Ok(Place::new(root, below, asked))
            }
            None => Ok(Place::new(&self.dir, self.below(&path, asked)?, asked)),
        }
    }

    /// The folder `asked` as an absolute path, for a command to start in.
    pub(crate) fn workdir(&self, asked: Option<&str>) -> Result<PathBuf, String> {
        let Some(asked) = asked.filter(|path| !path.is_empty()) else {
            return Ok(self.real.clone());
        };
        let place = self.find(asked)?;
        let meta = place
            .dir
            .metadata(&place.path)
            .map_err(|error| format!("workdir {asked}: {}", why(&error)))?;
        if !meta.is_dir() {
            return Err(format!("workdir {asked} is not a folder"));
        }
        let below = place.dir.canonicalize(&place.path).unwrap_or(place.path);
        let base = match self.anywhere {
            Some(_) => Path::new("/"),
            None => &self.real,
        };
        Ok(base.join(below))
    }

    fn without_tilde(&self, asked: &str) -> PathBuf {
        match (asked.strip_prefix('~'), &self.home) {
            (Some(""), Some(home)) => home.clone(),
            (Some(rest), Some(home)) if rest.starts_with('/') => home.join(&rest[1..]),
            (Some(_) | None, Some(_) | None) => PathBuf::from(asked),
        }
    }

    /// The way from the workspace to `path`.
    fn below<'p>(&self, path: &'p Path, asked: &str) -> Result<&'p Path, String> {
        if path.is_relative() {
            return Ok(path);
        }
        path.strip_prefix(&self.workspace)
            .or_else(|_| path.strip_prefix(&self.real))
            .map_err(|_| {
                format!(
                    "{asked} is outside the workspace {}; tools.fs.workspaceOnly keeps file tools inside",
                    self.workspace.display()
                )
            })
    }
}

impl<'g> Place<'g> {
    fn new(dir: &'g Dir, below: &Path, asked: &str) -> Self {
        let empty = below.as_os_str().is_empty();
        Self {
            dir,
            path: if empty {
                PathBuf::from(".")
            } else {
                below.to_owned()
            },
            shown: if asked.is_empty() { "." } else { asked }.to_owned(),
        }
    }

    /// `error` on this place, in words for the model: names the path, and near names when nothing
    /// has this one.
    pub(crate) fn failed(&self, error: &io::Error) -> String {
        if error.kind() == io::ErrorKind::NotFound {
            return format!("{} does not exist{}", self.shown, self.near_names());
        }
        format!("{}: {}", self.shown, why(error))
    }

    /// What lies near a path that does not exist.
    fn near_names(&self) -> String {
        let mut folder = PathBuf::from(".");
        for part in self.path.components() {
            let next = folder.join(part);
            if self.dir.symlink_metadata(&next).is_err() {
                let wanted = part.as_os_str().to_string_lossy();
                return self.near(&folder, &wanted);
            }
            folder = next;
        }
        " (a symlink that leads nowhere)".to_owned()
    }

    fn near(&self, folder: &Path, wanted: &str) -> String {
        let names = self.dir.read_dir(folder).into_iter().flatten().flatten();
        // A bound, so that a miss in a huge folder costs little.
        let names = names
            .take(5_000)
            .map(|e| e.file_name().to_string_lossy().into_owned());
        let mut near: Vec<(f64, String)> = names
            .map(|name| (likeness(&name, wanted), name))
            .filter(|(score, _)| *score > 0.8)
            .collect();
        near.sort_by(|a, b| b.0.total_cmp(&a.0));
        let missing = if self.path.ends_with(wanted) {
            String::new()
        } else {
            format!(": there is no {wanted}")
        };
        match near
            .iter()
            .take(3)
            .map(|(_, name)| name.as_str())
            .collect::<Vec<_>>()
        {
            names if names.is_empty() => missing,
            names => format!("{missing}; near it: {}", names.join(", ")),
        }
    }
}

fn likeness(name: &str, wanted: &str) -> f64 {
    strsim::jaro_winkler(&name.to_lowercase(), &wanted.to_lowercase())
}

/// An I/O error in words for the model.
pub(crate) fn why(error: &io::Error) -> String {
    let kind = error.kind();
    // cap-std's answer to a way out has no errno.
    if kind == io::ErrorKind::PermissionDenied && error.raw_os_error().is_none() {
        return "it leads out of the workspace".to_owned();
    }
    let known = [
        (io::ErrorKind::NotFound, "it does not exist"),
        (io::ErrorKind::PermissionDenied, "permission denied"),
        (
            io::ErrorKind::NotADirectory,
            "a part of the path is a file, not a folder",
        ),
        (io::ErrorKind::StorageFull, "the disk is full"),
    ];
    let known = known.iter().find(|(known, _)| *known == kind);
    known.map_or_else(|| error.to_string(), |(_, words)| (*words).to_owned())
}

/// `path` with the symlinks and dots of its existing part resolved.
fn resolve(path: &Path) -> PathBuf {
    match (std::fs::canonicalize(path), path.parent(), path.file_name()) {
        (Ok(real), _, _) => real,
        (Err(_), Some(parent), Some(name)) => resolve(parent).join(name),
        (Err(_), None, _) | (Err(_), _, None) => path.to_owned(),
    }
}
