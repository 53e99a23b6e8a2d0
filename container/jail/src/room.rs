//! A room: walls that several programs share, one after another or at once.
//!
//! ```text
//! supervisor ── OPEN ──► openclaw-jail: namespaces, private root, doors
//!            ◄── descriptors ── and it ends; no process of ours stays inside
//! supervisor ── JOIN + descriptors ──► openclaw-jail ── pid 1 ── program
//! ```
//! A room lasts as long as somebody holds its descriptors: whoever opened it, and whatever runs in
//! it. Programs in it share its network, its `/tmp` and its workspace; each has processes of its
//! own, and does not see the others'.

use crate::error::JailError;
use crate::handover::{self, Answer};
use crate::placeholders::Placeholders;
use nix::sys::statfs::fstatfs;
use std::io;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

/// Where programs inside find the door of the proxy: TCP.
pub const PROXY: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 3128);

/// Where programs inside find the door for names: UDP.
pub const DNS: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 53);

/// Addresses that lead to the doors of a room with [`crate::spec::Network::Proxied`], ports 80 and
/// 443: network and prefix length. Whoever answers for names gives these out; which of them a
/// connection was made to is its local address. The first two are not to be given out.
pub const CAPTURED: (Ipv4Addr, u8) = (Ipv4Addr::new(198, 18, 0, 0), 15);

/// How long to wait for `openclaw-jail` to open a room.
const OPENED_WITHIN: Duration = Duration::from_secs(5);

/// A session's walls. Dropping it lets them go when the last process in them ends, and removes what
/// stands in its workspaces where protected paths are missing: drop it last.
#[derive(Debug)]
pub struct Room {
    namespaces: Vec<OwnedFd>,
    tmp: OwnedFd,
    _placeholders: Placeholders,
}

/// Sockets that listen inside a room and are answered from outside it. All are non-blocking.
#[derive(Debug)]
pub struct Doors {
    /// At [`PROXY`].
    pub proxy: TcpListener,
    /// Port 80 of every address.
    pub http: TcpListener,
    /// Port 443 of every address.
    pub tls: TcpListener,
    /// At [`DNS`].
    pub dns: UdpSocket,
}

/// A room that has just been opened.
#[derive(Debug)]
pub struct Opened {
    /// The room.
    pub room: Room,
    /// Its doors: with [`crate::spec::Network::Proxied`].
    pub doors: Option<Doors>,
}

impl Room {
    /// Takes what an `openclaw-jail` that was given [`crate::spec::Order::Open`] hands over on
    /// `link`, our end of its stdin. Blocks, for 5 s at most; a link that does not block is fine.
    ///
    /// # Errors
    /// What `openclaw-jail` complains of, as [`JailError::Lacking`] (this machine has no such walls)
    /// or [`JailError::Failed`]; [`JailError::NoAnswer`] when it says nothing in time.
    pub fn receive(link: &UnixStream) -> Result<Opened, JailError> {
        let (answer, descriptors) = Answer::receive(link, OPENED_WITHIN)?;
        match answer {
            Answer::Lacking(what) => Err(JailError::Lacking(what)),
            Answer::Failed(why) => Err(JailError::Failed(why)),
            Answer::Opened {
                namespaces,
                doors,
                placeholders,
            } => take(namespaces, doors, placeholders, descriptors).ok_or_else(|| {
                JailError::NoAnswer(io::Error::other("descriptors are missing from it"))
            }),
        }
    }

    /// Sends the frame of a spec with [`crate::spec::Order::Join`] over `link`, our end of the stdin
    /// of an `openclaw-jail`, and this room with it. It is to be the first that is sent there.
    ///
    /// # Errors
    /// When the other end is closed: its process ended.
    pub fn send(&self, link: &UnixStream, frame: &[u8]) -> io::Result<()> {
        let namespaces: Vec<_> = self.namespaces.iter().map(AsFd::as_fd).collect();
        handover::send_all(link, frame, &namespaces)
    }

    /// How much memory the files in its `/tmp` and `/dev/shm` take up together, in bytes. It counts
    /// for no process.
    ///
    /// # Errors
    /// The kernel has no reason for any.
    pub fn tmp_used(&self) -> io::Result<u64> {
        let found = fstatfs(&self.tmp)?;
        let used = found.blocks().saturating_sub(found.blocks_free());
        let size = u64::try_from(found.block_size()).unwrap_or_default();
        Ok(used.saturating_mul(size))
    }
}

fn take(
    count: usize,
    with_doors: bool,
    placeholders: Vec<Vec<PathBuf>>,
    descriptors: Vec<OwnedFd>,
) -> Option<Opened> {
    let mut rest = descriptors.into_iter();
    let namespaces: Vec<_> = rest.by_ref().take(count).collect();
    if namespaces.len() != count {
        return None;
    }
    let tmp = rest.next()?;
    let doors = if with_doors {
        Some(Doors {
            proxy: rest.next()?.into(),
            http: rest.next()?.into(),
            tls: rest.next()?.into(),
            dns: rest.next()?.into(),
        })
    } else {
        None
    };
    let workspaces = placeholders.into_iter();
    let workspaces: Option<_> = workspaces
        .map(|places| Some((rest.next()?, places)))
        .collect();
    let room = Room {
        namespaces,
        tmp,
        _placeholders: Placeholders::new(workspaces?),
    };
    Some(Opened { room, doors })
}
