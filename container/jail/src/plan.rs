//! Decides what a private root shows: which paths are bound, and which symbolic links are made
//! again. Pure but for looking at the file system through [`Look`].

use crate::error::JailError;
use crate::placeholders;
use crate::spec::{JailSpec, Network};
use nix::unistd::Uid;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

mod protect;

/// As many symbolic links as the kernel follows.
const MOST_LINKS: usize = 40;

/// Files and folders of `/etc` that only root can read, and no tool should. Where root runs a jail
/// they are covered; anybody else can not read them anyway.
const SECRETS: [&str; 20] = [
    "/etc/NetworkManager/system-connections",
    "/etc/crypttab",
    "/etc/docker/key.json",
    "/etc/gshadow",
    "/etc/gshadow-",
    "/etc/krb5.keytab",
    "/etc/kubernetes",
    "/etc/letsencrypt",
    "/etc/openvpn",
    "/etc/ppp",
    "/etc/security/opasswd",
    "/etc/shadow",
    "/etc/shadow-",
    "/etc/ssh/ssh_host_ecdsa_key",
    "/etc/ssh/ssh_host_ed25519_key",
    "/etc/ssh/ssh_host_rsa_key",
    "/etc/ssl/private",
    "/etc/sudoers",
    "/etc/sudoers.d",
    "/etc/wireguard",
];

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A folder.
    Folder,
    /// A symbolic link, and where it leads.
    Link(PathBuf),
    /// What a jail has put where a protected path was missing: see [`crate::placeholders`].
    Placeholder {
        /// Whether it stands for a folder.
        folder: bool,
    },
    /// Anything else.
    File,
}

/// Looks at the file system.
pub(crate) trait Look {
    /// What is at `path`; a link at its end is not followed.
    fn look(&self, path: &Path) -> io::Result<Kind>;

    /// The names in a folder.
    fn names(&self, folder: &Path) -> io::Result<Vec<OsString>>;
}

/// The machine's own file system.
#[derive(Debug)]
pub(crate) struct Machine;

impl Look for Machine {
    fn look(&self, path: &Path) -> io::Result<Kind> {
        let metadata = fs::symlink_metadata(path)?;
        let kind = metadata.file_type();
        if kind.is_symlink() {
            return Ok(Kind::Link(fs::read_link(path)?));
        }
        let empty = || fs::read_dir(path).is_ok_and(|mut names| names.next().is_none());
        if placeholders::is_one(&metadata) && (!kind.is_dir() || empty()) {
            let folder = kind.is_dir();
            return Ok(Kind::Placeholder { folder });
        }
        if kind.is_dir() {
            Ok(Kind::Folder)
        } else {
            Ok(Kind::File)
        }
    }

    fn names(&self, folder: &Path) -> io::Result<Vec<OsString>> {
        let entries = fs::read_dir(folder)?;
        entries.map(|entry| Ok(entry?.file_name())).collect()
    }
}

/// What a bound path permits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Access {
    /// Reading and running.
    Read,
    /// Changing as well.
    Write,
    /// As its surroundings; bound on itself so that it can not be renamed.
    Pinned,
    /// Reading only, though its surroundings can be changed.
    Protected,
}

/// One path to be bound at itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bind {
    /// Where it is, outside and inside; no symbolic link in it.
    pub(crate) path: PathBuf,
    /// Whether it is a folder.
    pub(crate) folder: bool,
    /// What it permits.
    pub(crate) access: Access,
}

/// What a private root shows.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// To be bound, each after what it lies in.
    pub(crate) binds: Vec<Bind>,
    /// Symbolic links to be made: where, and leading where to.
    pub(crate) links: Vec<(PathBuf, PathBuf)>,
    /// Where programs look for the address of a name server, if it is to be a room's own.
    pub(crate) resolver: Option<PathBuf>,
    /// Protected paths that are missing, and whether they are folders: to be made before they are
    /// bound.
    pub(crate) missing: BTreeMap<PathBuf, bool>,
    /// Those that some jail has made already.
    pub(crate) placeholders: BTreeSet<PathBuf>,
    /// Symbolic links in the place of protected paths, to be covered.
    pub(crate) covers: BTreeSet<PathBuf>,
    /// Where what can be written is, by the name it was given.
    roots: Vec<(PathBuf, PathBuf)>,
}

impl Plan {
    /// Where `path` is, which lies in what can be written.
    pub(crate) fn place(&self, path: &Path) -> Option<PathBuf> {
        let place =
            |(named, root): &(PathBuf, PathBuf)| Some(root.join(path.strip_prefix(named).ok()?));
        self.roots.iter().find_map(place)
    }

    /// What can be read, and what can be written as well.
    pub(crate) fn paths(&self, access: Access) -> impl Iterator<Item = &Path> {
        let binds = self.binds.iter();
        let binds = binds.filter(move |bind| bind.access == access);
        binds.map(|bind| bind.path.as_path())
    }

    /// Secrets of the machine that a bind would show to root.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &'static Path> {
        let shown = |path: &Path| self.binds.iter().any(|bind| path.starts_with(&bind.path));
        let root = Uid::effective().is_root();
        let secrets = SECRETS.iter().map(Path::new);
        secrets.filter(move |path| root && shown(path))
    }
}

/// What `spec` asks to see.
///
/// Links are followed, but for those that lie in what can be written: a jailed program may have made
/// them, and would choose what is shown to the next.
///
/// # Errors
/// [`JailError::Path`] for a path to write that can not be reached. One to read that is not there
/// is left out.
pub(crate) fn plan(spec: &JailSpec, look: &impl Look) -> Result<Plan, JailError> {
    let mut draft = Draft::new(spec, look);
    draft.show_writable(spec)?;
    for path in &spec.read {
        draft.show_if_there(path, Access::Read);
    }
    draft.show_if_there(&spec.program, Access::Read);
    let resolver = match spec.network {
        Network::None => None,
        // It often leads out of /etc, to a file that some service writes.
        Network::Host => {
            draft.show_if_there(RESOLVER.as_ref(), Access::Read);
            None
        }
        Network::Proxied => draft.place_resolver(),
    };
    for path in &spec.protect {
        draft.protect(path)?;
    }
    Ok(Plan {
        resolver,
        ..draft.settle()
    })
}

/// What `spec` asks to change, in a root that is there already.
///
/// # Errors
/// [`JailError::Path`] for a path that can not be reached.
pub(crate) fn changes(spec: &JailSpec, look: &impl Look) -> Result<Plan, JailError> {
    let mut draft = Draft::new(spec, look);
    draft.show_writable(spec)?;
    Ok(draft.settle())
}

/// Where programs look for the address of a name server.
const RESOLVER: &str = "/etc/resolv.conf";

/// A plan in the making.
struct Draft<'a, L> {
    look: &'a L,
    /// Roots of what can be written, as named and as found.
    writable: Vec<PathBuf>,
    /// The same, each name with where it leads.
    roots: Vec<(PathBuf, PathBuf)>,
    found: BTreeMap<PathBuf, (bool, Access)>,
    links: BTreeMap<PathBuf, PathBuf>,
    names: BTreeMap<PathBuf, Vec<OsString>>,
    missing: BTreeMap<PathBuf, bool>,
    placeholders: BTreeSet<PathBuf>,
    covers: BTreeSet<PathBuf>,
}

impl<'a, L: Look> Draft<'a, L> {
    fn new(spec: &JailSpec, look: &'a L) -> Self {
        Self {
            look,
            writable: spec.write.clone(),
            roots: Vec::new(),
            found: BTreeMap::new(),
            links: BTreeMap::new(),
            names: BTreeMap::new(),
            missing: BTreeMap::new(),
            placeholders: BTreeSet::new(),
            covers: BTreeSet::new(),
        }
    }

    fn show_writable(&mut self, spec: &JailSpec) -> Result<(), JailError> {
        for path in &spec.write {
            let shown = self.show(path, Access::Write);
            let shown = shown.map_err(|cause| JailError::Path {
                path: path.clone(),
                cause,
            })?;
            self.roots.push((path.clone(), shown.clone()));
            self.writable.push(shown);
        }
        Ok(())
    }

    /// Where [`RESOLVER`] is, or can be made. None where it is not there and its folder is the
    /// machine's own: programs ask the room's own address then by themselves.
    fn place_resolver(&mut self) -> Option<PathBuf> {
        let path = Path::new(RESOLVER);
        let links = self.links.clone();
        if let Ok(shown) = self.show(path, Access::Read) {
            return Some(shown);
        }
        self.links = links;
        let covered = path
            .ancestors()
            .any(|folder| self.found.contains_key(folder));
        (!covered).then(|| path.to_owned())
    }

    fn show_if_there(&mut self, path: &Path, access: Access) {
        let links = self.links.clone();
        if self.show(path, access).is_err() {
            self.links = links;
        }
    }

    /// Walks to `path` from the root, noting every link on the way, and binds where it ends.
    fn show(&mut self, path: &Path, access: Access) -> io::Result<PathBuf> {
        let mut ahead = parts(path);
        let (mut here, mut kind) = (PathBuf::from("/"), Kind::Folder);
        let mut links = 0;
        while let Some(part) = ahead.pop_front() {
            if part == ".." {
                here.pop();
                continue;
            }
            let next = here.join(&part);
            kind = self.look.look(&next)?;
            let Kind::Link(target) = &kind else {
                here = next;
                continue;
            };
            links += 1;
            if links > MOST_LINKS || self.is_in_writable(&next) {
                return Err(io::Error::from_raw_os_error(libc::ELOOP));
            }
            let mut onward = parts(target);
            onward.append(&mut ahead);
            ahead = onward;
            if target.is_absolute() {
                here = PathBuf::from("/");
            }
            self.links.insert(next, target.clone());
        }
        let folder = kind_at_end(self.look, &here, &kind)?;
        let known = self.found.entry(here.clone()).or_insert((folder, access));
        known.1 = known.1.max(access);
        Ok(here)
    }

    /// Whether `path` lies beneath something that can be written.
    fn is_in_writable(&self, path: &Path) -> bool {
        let mut roots = self.writable.iter();
        roots.any(|root| path.starts_with(root) && path != root)
    }

    /// Leaves out what another bind shows already.
    fn settle(self) -> Plan {
        let mut binds: Vec<Bind> = Vec::new();
        for (path, (folder, access)) in self.found {
            let around = binds.iter().rev().find(|b| path.starts_with(&b.path));
            let shown = match (around.map(|b| b.access), access) {
                (None, _) | (Some(_), Access::Pinned | Access::Protected) => false,
                (Some(_), Access::Read) => true,
                (Some(around), Access::Write) => matches!(around, Access::Write | Access::Pinned),
            };
            if !shown {
                binds.push(Bind {
                    path,
                    folder,
                    access,
                });
            }
        }
        let covered = |link: &Path| binds.iter().any(|bind| link.starts_with(&bind.path));
        let links = self
            .links
            .into_iter()
            .filter(|(at, _)| !covered(at))
            .collect();
        Plan {
            binds,
            links,
            resolver: None,
            missing: self.missing,
            placeholders: self.placeholders,
            covers: self.covers,
            roots: self.roots,
        }
    }
}

/// Whether the path a walk ended at is a folder. After a link, or `..`, the last look was at
/// something else.
fn kind_at_end(look: &impl Look, path: &Path, last: &Kind) -> io::Result<bool> {
    match last {
        Kind::File => Ok(false),
        Kind::Folder => Ok(true),
        Kind::Placeholder { folder } => Ok(*folder),
        Kind::Link(_) => Ok(look.look(path)? == Kind::Folder),
    }
}

fn parts(path: &Path) -> VecDeque<OsString> {
    path.components()
        .filter_map(|part| match part {
            Component::Normal(name) => Some(name.to_owned()),
            Component::ParentDir => Some("..".into()),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
        })
        .collect()
}

#[cfg(test)]
mod tests;
