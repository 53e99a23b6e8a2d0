//! A session's rooms: the walls its calls share. One for all of them, and one more for elevated
//! commands, whose walls are wider.
//!
//! A room is opened by the first call that needs it and goes with the last process in it, or when
//! the session rests. Calls of one room share its loopback, so that a server one of them has started
//! can be reached from the next, and its `/tmp`.

use crate::config::Programs;
use crate::process::{Spawn, SpawnError, start};
use jail::probe::Report;
use jail::room::{Doors, Opened, Room};
use jail::spec::{JailSpec, Limits, Namespaces, Order};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::{OnceCell, watch};

/// From this level on there are namespaces, and so rooms.
const ROOMS_FROM: u8 = 3;
/// The most rooms a session remembers: the present ones, and none of an earlier configuration.
const ROOMS: usize = 2;

/// The rooms of one session.
#[derive(Debug)]
pub(super) struct Rooms {
    opening: Opening,
    open: Vec<(JailSpec, Arc<OnceCell<Arc<Shared>>>)>,
}

/// What a room is opened with.
#[derive(Debug, Clone)]
pub(super) struct Opening {
    pub(super) programs: Arc<Programs>,
    pub(super) label: String,
    /// What the probe found; `None` until it has run.
    pub(super) walls: watch::Receiver<Option<Report>>,
}

/// An open room, and who answers at its doors.
#[derive(Debug)]
pub(super) struct Shared {
    room: Room,
    _doors: Option<Doors>,
}

/// A place in a room, not opened yet perhaps.
#[derive(Debug)]
pub(super) struct Ticket {
    opening: Opening,
    spec: JailSpec,
    room: Arc<OnceCell<Arc<Shared>>>,
}

/// Where a call's process is to be made.
#[derive(Debug)]
pub(super) enum Ground {
    /// In a room.
    Room(Arc<Shared>),
    /// Behind walls of its own: there are no namespaces here.
    Alone,
}

impl Rooms {
    pub(super) fn new(opening: Opening) -> Self {
        Self {
            opening,
            open: Vec::new(),
        }
    }

    /// A place in the room that `spec` describes.
    pub(super) fn ticket(&mut self, spec: &JailSpec) -> Ticket {
        let spec = self.of_room(spec);
        let known = self.open.iter().find(|(open, _)| *open == spec);
        let room = known.map_or_else(Arc::default, |(_, room)| Arc::clone(room));
        self.open.retain(|(open, _)| *open != spec);
        self.open.push((spec.clone(), Arc::clone(&room)));
        if self.open.len() > ROOMS {
            self.open.remove(0);
        }
        Ticket {
            opening: self.opening.clone(),
            spec,
            room,
        }
    }

    /// Lets every room go that nothing runs in.
    pub(super) fn leave(&mut self) {
        self.open.clear();
    }

    /// Of a call's spec, what its room is made of.
    fn of_room(&self, spec: &JailSpec) -> JailSpec {
        JailSpec {
            order: Order::Open,
            program: self.opening.programs.toolbox.clone(),
            args: Vec::new(),
            argv0: String::new(),
            env: BTreeMap::new(),
            cwd: PathBuf::from("/"),
            limits: Limits {
                tmp_bytes: spec.limits.tmp_bytes,
                ..Limits::default()
            },
            namespaces: Namespaces::Require,
            ..spec.clone()
        }
    }
}

impl Ticket {
    /// Opens the room if nobody has.
    pub(super) async fn redeem(&self, namespaces: Namespaces) -> Result<Ground, SpawnError> {
        if !self.has_rooms(namespaces).await {
            return Ok(Ground::Alone);
        }
        let room = self.room.get_or_try_init(|| self.open());
        room.await.map(|room| Ground::Room(Arc::clone(room)))
    }

    async fn has_rooms(&self, namespaces: Namespaces) -> bool {
        let mut walls = self.opening.walls.clone();
        match namespaces {
            Namespaces::Off => false,
            Namespaces::Require => true,
            Namespaces::Auto => {
                // The probe takes milliseconds. When it is gone without a word, nothing is proven,
                // and a room that can not be opened fails closed.
                let found = walls.wait_for(Option::is_some).await;
                let level = found.map(|report| report.as_ref().map(|report| report.level));
                level.map_or(true, |level| level.unwrap_or_default() >= ROOMS_FROM)
            }
        }
    }

    async fn open(&self) -> Result<Arc<Shared>, SpawnError> {
        let jail = &self.opening.programs.jail;
        let failed = |cause: String| SpawnError::new(jail, cause);
        let frame = self.spec.to_frame().map_err(|e| failed(e.to_string()))?;
        let title = format!("openclaw-jail [{} room]", self.opening.label);
        let (mut child, mut ours) = start(&Spawn {
            program: jail,
            label: title.clone(),
            title,
            args: Vec::new(),
        })?;
        let receive = move || {
            // When it does not listen, what it says tells why.
            let _ = ours.write_all(&frame);
            Room::receive(&ours)
        };
        let received = tokio::task::spawn_blocking(receive).await;
        let opened = match received {
            Ok(Ok(opened)) => opened,
            Ok(Err(error)) => return Err(failed(error.to_string())),
            Err(error) => return Err(failed(error.to_string())),
        };
        child.wait().await;
        let Opened { room, doors } = opened;
        Ok(Arc::new(Shared {
            room,
            _doors: doors,
        }))
    }
}

impl Ground {
    /// The spec of a call's process as it is to be sent from here.
    pub(super) fn spec(&self, spec: JailSpec) -> JailSpec {
        let (order, namespaces) = match self {
            Self::Room(_) => (Order::Join, Namespaces::Require),
            Self::Alone => (Order::Run, Namespaces::Off),
        };
        JailSpec {
            order,
            namespaces,
            ..spec
        }
    }

    /// Tells an `openclaw-jail` what to build.
    pub(super) fn tell(&self, link: &mut UnixStream, frame: &[u8]) -> std::io::Result<()> {
        match self {
            Self::Room(shared) => shared.room.send(link, frame),
            Self::Alone => link.write_all(frame),
        }
    }
}
