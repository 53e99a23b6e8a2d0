//! Things outside that a child must not reach, laid for one probe.

use super::shared::SharedBait;
use crate::attempts::{Shared, Targets, Walls};
use std::collections::BTreeSet;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _, symlink};
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{fs, io, process};

/// Things outside that a child must not reach, where there is really somebody to be reached. Removed
/// when dropped.
#[derive(Debug)]
pub struct Bait {
    /// Where all of it is.
    pub targets: Targets,
    folder: PathBuf,
    datagrams: UdpSocket,
    _shared: Option<SharedBait>,
    // Listened on, never answered: connecting is enough.
    _services: (TcpListener, [UnixListener; 3], [UnixDatagram; 2]),
}

impl Bait {
    /// Lays everything in a new folder beneath `folder`.
    ///
    /// # Errors
    /// When `folder` can not be written, or no port is to be had.
    pub fn lay(folder: &Path) -> io::Result<Self> {
        Self::lay_with(folder, |name| Some(SharedBait::lay(name)))
    }

    /// As [`Bait::lay`], without [`Targets::shared`]: that would outlive a gateway which is killed
    /// while it starts, and no row of the self-test needs it.
    pub(super) fn lay_for_start(folder: &Path) -> io::Result<Self> {
        Self::lay_with(folder, |_| None)
    }

    fn lay_with(folder: &Path, share: fn(&str) -> Option<SharedBait>) -> io::Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let pid = process::id();
        let id = format!("{pid}-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = fs::canonicalize(folder)?.join(format!("probe-{id}"));
        let targets = targets(&folder, &id);
        lay_files(&targets)?;
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = tcp.local_addr()?.port();
        let datagrams = UdpSocket::bind((Ipv4Addr::LOCALHOST, port))?;
        datagrams.set_nonblocking(true)?;
        let abstract_name = SocketAddr::from_abstract_name(&targets.abstract_socket)?;
        let name = format!("{}-datagrams", targets.abstract_socket);
        let datagrams_by_name = SocketAddr::from_abstract_name(name)?;
        let for_datagrams = [
            UnixDatagram::bind(targets.socket.with_file_name("datagrams"))?,
            UnixDatagram::bind_addr(&datagrams_by_name)?,
        ];
        let shared = share(&targets.abstract_socket);
        let services = [
            UnixListener::bind(&targets.socket)?,
            UnixListener::bind(&targets.control)?,
            UnixListener::bind_addr(&abstract_name)?,
        ];
        Ok(Self {
            targets: Targets {
                port,
                shared: shared.as_ref().map(SharedBait::shared).unwrap_or_default(),
                ..targets
            },
            folder,
            datagrams,
            _shared: shared,
            _services: (tcp, services, for_datagrams),
        })
    }

    /// The texts of the datagrams that came since it was last asked: a mark, a line feed and the name
    /// of the row that sent it.
    pub fn arrived(&self) -> BTreeSet<String> {
        let mut texts = BTreeSet::new();
        let mut text = [0; 256];
        while let Ok(length) = self.datagrams.recv(&mut text) {
            texts.insert(String::from_utf8_lossy(&text[..length]).into_owned());
        }
        texts
    }
}

impl Drop for Bait {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// What datagrams from behind these walls begin with.
pub(super) fn mark(walls: Walls) -> &'static str {
    match walls {
        Walls::Full => "full",
        Walls::Plain => "plain",
    }
}

fn targets(folder: &Path, id: &str) -> Targets {
    Targets {
        canary: folder.join("outside/canary"),
        workspace: folder.join("workspace"),
        other_workspace: folder.join("other"),
        state: folder.join("state"),
        control: folder.join("state/control.sock"),
        socket: folder.join("outside/socket"),
        abstract_socket: format!("openclaw-probe-{id}"),
        port: 0,
        mark: String::new(),
        pid: process::id().cast_signed(),
        keeper: 0,
        shared: Shared::default(),
    }
}

fn lay_files(targets: &Targets) -> io::Result<()> {
    fs::create_dir_all(&targets.workspace)?;
    fs::create_dir_all(&targets.other_workspace)?;
    fs::create_dir_all(targets.canary.with_file_name(""))?;
    let mut private = fs::DirBuilder::new();
    private.recursive(true).mode(0o700).create(&targets.state)?;
    let program = targets.canary.with_file_name("program");
    for file in [
        targets.canary.clone(),
        targets.canary.with_file_name("spare"),
        targets.other_workspace.join("theirs"),
        targets.state.join("state.db"),
    ] {
        fs::write(file, Targets::SECRET)?;
    }
    fs::copy("/bin/true", &program)?;
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
    lay_repository(&targets.workspace)?;
    // What a probe left that was killed, under the same pid.
    let _ = fs::remove_file(&targets.socket);
    let _ = fs::remove_file(&targets.control);
    let _ = fs::remove_file(targets.socket.with_file_name("datagrams"));
    let _ = fs::remove_file(targets.canary.with_file_name("link"));
    symlink("canary", targets.canary.with_file_name("link"))
}

/// What of a workspace is protected, the part that is mostly there.
fn lay_repository(workspace: &Path) -> io::Result<()> {
    fs::create_dir_all(workspace.join(".git/hooks"))?;
    fs::write(workspace.join(".git/config"), "")?;
    Ok(())
}
