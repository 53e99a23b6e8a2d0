//! Builds a private root and moves into it: the system as it is but read-only, the workspace at its
//! own path, and `/tmp`, `/dev` and `/proc` of one's own.
//!
//! One tmpfs holds the root, `/tmp` and `/dev/shm`; each path of the plan is one bind of a whole
//! tree. Sources are opened before anything is covered.

use crate::error::{During, JailError};
use crate::plan::{Access, Bind, Plan};
use crate::sys::{self, Depth, MountAttributes};
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, OpenHow, ResolveFlag, openat, openat2};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::stat::{Mode, SFlag, fstat, mknod};
use nix::unistd::{chdir, pivot_root};
use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Component, Path, PathBuf};

/// How big `/tmp` and `/dev/shm` are together where the spec does not say, in bytes.
pub(crate) const TMP_BYTES: u64 = 512 * 1024 * 1024;

const READ_ONLY: u64 = 1;
const NO_SETUID: u64 = 2;
const NO_DEVICES: u64 = 4;
const NO_EXEC: u64 = 8;

const NODES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];

const DEVICE_LINKS: [(&str, &str); 5] = [
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
    ("ptmx", "pts/ptmx"),
];

/// Files of `/proc` that tell of the machine as a whole; what Docker masks.
const MASKED_PROC: [&str; 16] = [
    "acpi",
    "asound",
    "interrupts",
    "kallsyms",
    "kcore",
    "keys",
    "kpagecount",
    "kpageflags",
    "latency_stats",
    "sched_debug",
    "scsi",
    "slabinfo",
    "sysrq-trigger",
    "timer_list",
    "timer_stats",
    "vmallocinfo",
];

/// An empty folder, to cover others with.
const EMPTY: &str = "/var/empty";

/// A socket that nobody may open, to cover others with.
const UNOPENABLE: &str = "/var/closed";

/// Where a room's own `resolv.conf` lies; it is shown where programs look for it.
const OWN_RESOLVER: &str = "/var/resolv.conf";

/// Folders where the new root can be mounted while it is built; any will do.
const PLACES: [&str; 4] = ["/tmp", "/mnt", "/usr", "/etc"];

/// Builds what `plan` says and makes it this process's root, for good. Needs namespaces of its own
/// (user, mount, pid), and to be pid 1.
/// `mapped` are mounts to be put at their paths in place of what is there.
pub(crate) fn enter(
    plan: &Plan,
    tmp_bytes: Option<u64>,
    mapped: Vec<(PathBuf, OwnedFd)>,
) -> Result<(), JailError> {
    let sources = open_sources(plan, mapped)?;
    let nodes = open_nodes()?;
    let root = place_root(tmp_bytes.unwrap_or(TMP_BYTES))?;
    let root = Root(root);
    root.scratch()?;
    root.devices(nodes)?;
    root.links(plan)?;
    root.binds(plan, sources)?;
    root.covers(plan)?;
    root.resolver(plan)?;
    root.process_files()?;
    root.mask_process_files(true)?;
    root.masks(plan)?;
    root.become_root()
}

/// Puts a `/proc` of this process's own pid namespace over the room's. Needs a mount namespace of
/// its own. Some of it need be masked only from a program that runs `as_root`.
pub(crate) fn renew_process_files(as_root: bool) -> Result<(), JailError> {
    let root = Root(PathBuf::from("/"));
    root.process_files()?;
    root.mask_process_files(as_root)
}

/// The new root while it is built.
struct Root(PathBuf);

impl Root {
    /// Where a path of the new root is for now.
    fn at(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        self.0.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// Places that are always there to be written, and stay so when the root is made read-only.
    fn scratch(&self) -> Result<(), JailError> {
        for place in ["/tmp", "/dev/shm"] {
            let place = self.at(place);
            folders(&place)?;
            fs::set_permissions(&place, Permissions::from_mode(0o1777)).during("open /tmp")?;
            let tree = open(&place).during("bind /tmp")?;
            put(&tree, &place).during("bind /tmp")?;
        }
        folders(&self.at(EMPTY))?;
        // Relative, so that it leads to the same place while this root is not yet the root.
        symlink("../tmp", self.at("/var/tmp")).during("make /var/tmp")
    }

    fn devices(&self, nodes: Vec<(&str, OwnedFd)>) -> Result<(), JailError> {
        let dev = self.at("/dev");
        for (name, node) in nodes {
            let place = dev.join(name);
            File::create(&place).during("make a device file")?;
            put(&node, &place).during("bind a device file")?;
        }
        for (name, target) in DEVICE_LINKS {
            symlink(target, dev.join(name)).during("make a link in /dev")?;
        }
        let terminals = dev.join("pts");
        folders(&terminals)?;
        let options = "newinstance,ptmxmode=0666,mode=0620";
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC;
        mount(
            Some("devpts"),
            &terminals,
            Some("devpts"),
            flags,
            Some(options),
        )
        .map_err(|error| missing("terminals of its own", error.into(), MEND_MOUNT))
    }

    fn links(&self, plan: &Plan) -> Result<(), JailError> {
        for (at, target) in &plan.links {
            let place = self.at(at);
            if let Some(parent) = place.parent() {
                folders(parent)?;
            }
            symlink(target, place).map_err(|cause| path_error(at, cause))?;
        }
        Ok(())
    }

    fn binds(&self, plan: &Plan, mut sources: BTreeMap<PathBuf, OwnedFd>) -> Result<(), JailError> {
        for bind in &plan.binds {
            self.bind(bind, sources.remove(&bind.path))
                .map_err(|cause| path_error(&bind.path, cause))?;
        }
        Ok(())
    }

    /// Puts `source` at its place. There is none for a part of a workspace, which is bound on
    /// itself: its owner is mapped as that of the whole is.
    fn bind(&self, bind: &Bind, source: Option<OwnedFd>) -> io::Result<()> {
        let place = self.at(&bind.path);
        mount_point(&place, bind.folder)?;
        let source = match source {
            Some(source) => source,
            None => open(&place)?,
        };
        let closed = match bind.access {
            Access::Read | Access::Protected => READ_ONLY,
            Access::Write | Access::Pinned => 0,
        };
        set(&source, Depth::All, closed | NO_SETUID | NO_DEVICES)?;
        put(&source, &place)
    }

    /// Covers links that stand in the place of protected paths with what nobody may open.
    fn covers(&self, plan: &Plan) -> Result<(), JailError> {
        if plan.covers.is_empty() {
            return Ok(());
        }
        let source = self.at(UNOPENABLE);
        mknod(&source, SFlag::S_IFSOCK, Mode::empty(), 0).during("make a cover")?;
        for path in &plan.covers {
            let cover = open(&source).during("make a cover")?;
            let place = open_link(&self.at(path)).map_err(|cause| path_error(path, cause))?;
            set(&cover, Depth::One, READ_ONLY)
                .and_then(|()| Ok(sys::move_mount(&cover, &place)?))
                .map_err(|cause| path_error(path, cause))?;
        }
        Ok(())
    }

    /// `/proc` of this pid namespace, read-only: what is to be written there is the machine's.
    fn process_files(&self) -> Result<(), JailError> {
        let place = self.at("/proc");
        folders(&place)?;
        let flags =
            MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC | MsFlags::MS_RDONLY;
        mount(Some("proc"), &place, Some("proc"), flags, None::<&str>)
            .map_err(|error| missing("/proc of its own", error.into(), MEND_PROC))
    }

    /// Tells programs to ask the room itself for names.
    fn resolver(&self, plan: &Plan) -> Result<(), JailError> {
        let Some(path) = &plan.resolver else {
            return Ok(());
        };
        let file = self.at(OWN_RESOLVER);
        fs::write(&file, "nameserver 127.0.0.1\n").during("write resolv.conf")?;
        let place = self.at(path);
        mount_point(&place, false)
            .and_then(|()| put(&open(&file)?, &place))
            .map_err(|cause| path_error(path, cause))
    }

    fn mask_process_files(&self, as_root: bool) -> Result<(), JailError> {
        // Root may read its own files, whatever capabilities it has lost.
        let permissions = if as_root { 0o777 } else { 0o007 };
        for name in MASKED_PROC {
            let path = Path::new("/proc").join(name);
            let mode = fs::symlink_metadata(self.at(&path)).map_or(0, |found| found.mode());
            if mode & permissions != 0 {
                self.mask(&path)?;
            }
        }
        Ok(())
    }

    fn masks(&self, plan: &Plan) -> Result<(), JailError> {
        for path in plan.secrets() {
            self.mask(path)?;
        }
        Ok(())
    }

    /// Covers a file or folder with an empty one; one that is not there needs no cover.
    fn mask(&self, path: &Path) -> Result<(), JailError> {
        let place = self.at(path);
        let Ok(covered) = fs::symlink_metadata(&place) else {
            return Ok(());
        };
        let cover = match covered.file_type() {
            kind if kind.is_symlink() => return Ok(()),
            kind if kind.is_dir() => EMPTY,
            _ => "/dev/null",
        };
        open(&self.at(cover))
            .and_then(|cover| put(&cover, &place))
            .during("mask a file")
    }

    fn become_root(&self) -> Result<(), JailError> {
        chdir(&self.0).during("enter the private root")?;
        pivot_root(".", ".").map_err(|error| missing("private root", error.into(), MEND_MOUNT))?;
        // The old root lies on the new one now.
        umount2(".", MntFlags::MNT_DETACH).during("leave the old root")?;
        chdir("/").during("enter the private root")?;
        let root = File::open("/").during("open the private root")?;
        set(&root, Depth::One, READ_ONLY | NO_SETUID | NO_DEVICES)
            .during("make the private root read-only")
    }
}

const MEND_MOUNT: &str = "let this program mount in its own namespace: in Docker \
    --security-opt seccomp=container/image/seccomp.json and, with AppArmor, \
    --security-opt apparmor=unconfined; on Ubuntu sysctl \
    kernel.apparmor_restrict_unprivileged_userns=0";

const MEND_PROC: &str = "in Docker add --security-opt systempaths=unconfined";

/// Opens what is to be bound.
fn open_sources(
    plan: &Plan,
    mapped: Vec<(PathBuf, OwnedFd)>,
) -> Result<BTreeMap<PathBuf, OwnedFd>, JailError> {
    let mut sources = BTreeMap::from_iter(mapped);
    for Bind { path, access, .. } in &plan.binds {
        match access {
            Access::Read | Access::Write if !sources.contains_key(path) => {
                let source = open(path).map_err(|cause| path_error(path, cause))?;
                sources.insert(path.clone(), source);
            }
            Access::Read | Access::Write | Access::Pinned | Access::Protected => {}
        }
    }
    Ok(sources)
}

/// Device files can not be made in a user namespace: the machine's are bound.
fn open_nodes() -> Result<Vec<(&'static str, OwnedFd)>, JailError> {
    let open = |name: &'static str| {
        let path = Path::new("/dev").join(name);
        let node = open(&path).map_err(|cause| path_error(&path, cause))?;
        set(&node, Depth::All, NO_SETUID | NO_EXEC).map_err(|cause| path_error(&path, cause))?;
        Ok((name, node))
    };
    NODES.into_iter().map(open).collect()
}

/// Mounts the tmpfs that is to be the root.
fn place_root(bytes: u64) -> Result<PathBuf, JailError> {
    let place = PLACES.into_iter().find(|place| Path::new(place).is_dir());
    let place = place.unwrap_or("/");
    let options = format!("mode=0755,size={bytes}");
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(
        Some("tmpfs"),
        place,
        Some("tmpfs"),
        flags,
        Some(options.as_str()),
    )
    .map_err(|error| missing("private root", error.into(), MEND_MOUNT))?;
    Ok(PathBuf::from(place))
}

fn open(path: &Path) -> io::Result<OwnedFd> {
    Ok(sys::open_tree(&at(path)?)?)
}

fn put(mount: &OwnedFd, place: &Path) -> io::Result<()> {
    Ok(sys::move_mount(mount, &at(place)?)?)
}

/// A path that has been resolved is opened without following a link: one that is there now was made
/// since, perhaps by a jailed program that shares the workspace.
pub(crate) fn at(path: &Path) -> io::Result<OwnedFd> {
    let how = OpenHow::new()
        .flags(OFlag::O_PATH | OFlag::O_CLOEXEC)
        .resolve(ResolveFlag::RESOLVE_NO_SYMLINKS);
    match openat2(AT_FDCWD, path, how) {
        // Kept from us by a filter that can not look into it, such as our own.
        Err(Errno::ENOSYS | Errno::EPERM) => at_by_steps(path),
        opened => Ok(opened?),
    }
}

/// As [`at`], one folder after another.
fn at_by_steps(path: &Path) -> io::Result<OwnedFd> {
    let step = OFlag::O_PATH | OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW;
    let mut here = openat(AT_FDCWD, "/", step, Mode::empty())?;
    for part in path.components() {
        if let Component::Normal(name) = part {
            here = openat(&here, name, step, Mode::empty())?;
            if fstat(&here)?.st_mode & libc::S_IFMT == libc::S_IFLNK {
                return Err(Errno::ELOOP.into());
            }
        }
    }
    Ok(here)
}

/// Opens a symbolic link itself.
fn open_link(path: &Path) -> io::Result<OwnedFd> {
    let how = OpenHow::new()
        .flags(OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC)
        .resolve(ResolveFlag::RESOLVE_NO_SYMLINKS);
    Ok(openat2(AT_FDCWD, path, how)?)
}

fn set(mount: &impl AsFd, depth: Depth, attributes: u64) -> io::Result<()> {
    let attributes = MountAttributes {
        set: attributes,
        // What is mounted outside from now on does not show up inside.
        propagation: libc::MS_PRIVATE,
        ..MountAttributes::default()
    };
    Ok(sys::mount_setattr(mount.as_fd(), depth, attributes)?)
}

fn mount_point(place: &Path, folder: bool) -> io::Result<()> {
    if fs::symlink_metadata(place).is_ok() {
        return Ok(());
    }
    if folder {
        return DirBuilder::new().recursive(true).mode(0o755).create(place);
    }
    if let Some(parent) = place.parent() {
        DirBuilder::new()
            .recursive(true)
            .mode(0o755)
            .create(parent)?;
    }
    File::create(place).map(drop)
}

fn folders(place: &Path) -> Result<(), JailError> {
    mount_point(place, true).during("make a folder in the private root")
}

fn path_error(path: &Path, cause: io::Error) -> JailError {
    JailError::Path {
        path: path.to_owned(),
        cause,
    }
}

fn missing(what: &'static str, cause: io::Error, mend: &'static str) -> JailError {
    JailError::Missing { what, cause, mend }
}
