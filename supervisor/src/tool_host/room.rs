//! A session's rooms: the walls its calls share. One for all of them, and one more for elevated
//! commands, whose walls are wider.
//!
//! A room is opened by the first call that needs it and goes with the last process in it, or when
//! the session rests. Calls of one room share its loopback, so that a server one of them has started
//! can be reached from the next, and its `/tmp`.

use super::Equipment;
use crate::config;
use crate::egress::{Counts, Egress, EgressPolicy, Mediator};
use crate::meter::NetworkUse;
use crate::process::{Spawn, SpawnError, start};
use ipc::meter::Destination;
use jail::attempts::Walls;
use jail::room::{Opened, Room};
use jail::spec::{JailSpec, Limits, Namespaces, Network, Order};
use nix::unistd::geteuid;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use tokio::sync::{OnceCell, watch};

/// A `/tmp` with less is not the reason that a session is over its limit of memory.
const SPOILED_FROM: u64 = 8 << 20;
/// The most rooms a session remembers: the present ones, and none of an earlier configuration.
const ROOMS: usize = 2;
/// Where root runs the gateway, each session's tools run as a user of their own from here on: ids
/// that no distribution and no container tool gives out.
const USERS: std::ops::Range<u32> = 1_900_000_000..1_900_065_536;
/// Whom a session spoke to most: as many are shown.
const DESTINATIONS: usize = 50;

/// The rooms of one session.
#[derive(Debug)]
pub(super) struct Rooms {
    equipment: Equipment,
    egress: config::Egress,
    /// Whom its programs run as.
    user: Option<u32>,
    policy: watch::Sender<Arc<EgressPolicy>>,
    counts: Arc<Counts>,
    mediator: Mediator,
    open: Vec<(JailSpec, Arc<OnceCell<Arc<Shared>>>)>,
}

/// An open room, and who answers at its doors.
#[derive(Debug)]
pub(super) struct Shared {
    room: Room,
    /// Its `/tmp` took a session over its limit, and would do so again.
    spoiled: AtomicBool,
    _egress: Option<Egress>,
}

/// A place in a room, not opened yet perhaps.
#[derive(Debug)]
pub(super) struct Ticket {
    equipment: Equipment,
    policy: watch::Receiver<Arc<EgressPolicy>>,
    counts: Arc<Counts>,
    mediator: Mediator,
    profile: &'static str,
    spec: JailSpec,
    room: Arc<OnceCell<Arc<Shared>>>,
}

/// Where a call's process is to be made.
#[derive(Debug)]
pub(super) enum Ground {
    /// In a room.
    Room(Arc<Shared>),
    /// Behind walls of its own: there are no namespaces here. With somebody who makes its connections
    /// for it, where the kernel lets one.
    Alone(Option<Mediator>),
}

impl Rooms {
    pub(super) fn new(equipment: Equipment) -> Self {
        let egress = config::Egress::default();
        let (policy, _) = watch::channel(Arc::new(EgressPolicy::new(&egress).0));
        let counts = Arc::<Counts>::default();
        equipment
            .meter
            .set_network(Arc::new(Traffic(Arc::clone(&counts))));
        let mediator = Mediator::new(
            policy.subscribe(),
            Arc::clone(&counts),
            Arc::clone(&equipment.resolver),
            equipment.audit.clone(),
            equipment.session.clone(),
        );
        Self {
            equipment,
            egress,
            user: next_user(),
            policy,
            counts,
            mediator,
            open: Vec::new(),
        }
    }

    /// What passed between the session and the world.
    pub(super) fn counts(&self) -> &Arc<Counts> {
        &self.counts
    }

    /// From now on, the session may speak to whom `egress` says. What of it makes no sense is told
    /// with the configuration.
    pub(super) fn allow(&mut self, egress: &config::Egress) {
        if self.egress != *egress {
            self.egress = egress.clone();
            self.policy
                .send_replace(Arc::new(EgressPolicy::new(egress).0));
        }
    }

    /// A place in the room that `spec` describes, which is on record as `profile`.
    pub(super) fn ticket(&mut self, profile: &'static str, spec: &JailSpec) -> Ticket {
        let spec = self.of_room(spec);
        let spoiled = |shared: &Arc<Shared>| shared.spoiled.load(Ordering::Relaxed);
        self.open
            .retain(|(_, room)| !room.get().is_some_and(spoiled));
        let known = self.open.iter().find(|(open, _)| *open == spec);
        let room = known.map_or_else(Arc::default, |(_, room)| Arc::clone(room));
        self.open.retain(|(open, _)| *open != spec);
        self.open.push((spec.clone(), Arc::clone(&room)));
        if self.open.len() > ROOMS {
            self.open.remove(0);
        }
        Ticket {
            equipment: self.equipment.clone(),
            policy: self.policy.subscribe(),
            counts: Arc::clone(&self.counts),
            mediator: self.mediator.clone(),
            profile,
            spec,
            room,
        }
    }

    /// Lets every room go that nothing runs in.
    pub(super) fn leave(&mut self) {
        self.open.clear();
        self.equipment.meter.room_left();
    }

    /// Of a call's spec, what its room is made of.
    fn of_room(&self, spec: &JailSpec) -> JailSpec {
        JailSpec {
            order: Order::Open,
            program: self.equipment.programs.toolbox.clone(),
            args: Vec::new(),
            argv0: String::new(),
            env: BTreeMap::new(),
            cwd: PathBuf::from("/"),
            user: self.user,
            limits: Limits {
                tmp_bytes: spec.limits.tmp_bytes,
                ..Limits::default()
            },
            ..spec.clone()
        }
    }
}

impl Ticket {
    /// Whom a program in the room runs as.
    pub(super) fn user(&self) -> Option<u32> {
        self.spec.user
    }

    /// Opens the room if nobody has.
    pub(super) async fn redeem(&self, namespaces: Namespaces) -> Result<Ground, SpawnError> {
        if !self.has_rooms(namespaces).await {
            return Ok(Ground::Alone(
                self.mediates().then(|| self.mediator.clone()),
            ));
        }
        let room = self.room.get_or_try_init(|| self.open());
        room.await.map(|room| Ground::Room(Arc::clone(room)))
    }

    async fn has_rooms(&self, namespaces: Namespaces) -> bool {
        let mut walls = self.equipment.walls.clone();
        match namespaces {
            Namespaces::Off => false,
            Namespaces::Require => true,
            Namespaces::Auto => {
                // The probe takes milliseconds. When it is gone without a word, nothing is proven,
                // and a room that can not be opened fails closed.
                let found = walls.wait_for(Option::is_some).await;
                found.map_or(true, |report| {
                    let walls = report.as_ref().and_then(|report| report.walls);
                    walls != Some(Walls::Plain)
                })
            }
        }
    }

    fn mediates(&self) -> bool {
        let walls = self.equipment.walls.borrow();
        walls.as_ref().is_some_and(|report| report.mediated)
    }

    async fn open(&self) -> Result<Arc<Shared>, SpawnError> {
        let jail = &self.equipment.programs.jail;
        let failed = |cause: String| SpawnError::new(jail, cause);
        let frame = self.spec.to_frame().map_err(|e| failed(e.to_string()))?;
        let title = format!("openclaw-jail [{} room]", self.equipment.session);
        let (mut child, mut ours) = start(&Spawn {
            program: jail,
            label: title.clone(),
            title,
            args: Vec::new(),
            role: "room",
            record: &self.equipment.record(self.profile),
        })?;
        let receive = move || {
            // When it does not listen, what it says tells why.
            let _ = ours.write_all(&frame);
            Room::receive(&ours)
        };
        let received = tokio::task::spawn_blocking(receive).await;
        let opened = match received {
            Ok(Ok(opened)) => opened,
            Ok(Err(error)) => {
                child.was_not_confined(&error.to_string());
                return Err(failed(error.to_string()));
            }
            Err(error) => return Err(failed(error.to_string())),
        };
        child.wait().await;
        let Opened { room, doors } = opened;
        let egress = doors.map(|doors| {
            Egress::serve(
                doors,
                self.policy.clone(),
                Arc::clone(&self.counts),
                Arc::clone(&self.equipment.resolver),
                self.equipment.audit.clone(),
                self.equipment.session.clone(),
            )
        });
        let shared = Arc::new(Shared {
            room,
            spoiled: AtomicBool::new(false),
            _egress: egress.transpose().map_err(|e| failed(e.to_string()))?,
        });
        let counted = Arc::downgrade(&shared);
        self.equipment.meter.set_tmp(Arc::new(move || {
            let room = counted.upgrade();
            room.map_or(0, |shared| shared.room.tmp_used().unwrap_or_default())
        }));
        Ok(shared)
    }
}

impl Ground {
    /// The spec of a call's process as it is to be sent from here.
    pub(super) fn spec(&self, spec: JailSpec) -> JailSpec {
        match self {
            Self::Room(_) => JailSpec {
                order: Order::Join,
                ..spec
            },
            Self::Alone(mediator) => JailSpec {
                order: Order::Run,
                namespaces: Namespaces::Off,
                network: match spec.network {
                    Network::Proxied if mediator.is_none() => Network::None,
                    network @ (Network::None | Network::Proxied | Network::Host) => network,
                },
                ..spec
            },
        }
    }

    /// Tells an `openclaw-jail` what to build.
    pub(super) fn tell(&self, link: &mut UnixStream, frame: &[u8]) -> std::io::Result<()> {
        match self {
            Self::Room(shared) => shared.room.send(link, frame),
            Self::Alone(_) => link.write_all(frame),
        }
    }

    /// The session was over its limit of memory. Where its `/tmp` had a part in that, the next call
    /// gets a new one, for nobody could empty it without memory. Returns what it held then, in bytes.
    pub(super) fn spoil(&self) -> Option<u64> {
        let Self::Room(shared) = self else {
            return None;
        };
        let held = shared.room.tmp_used().unwrap_or_default();
        let spoiled = held >= SPOILED_FROM;
        shared.spoiled.fetch_or(spoiled, Ordering::Relaxed);
        spoiled.then_some(held)
    }

    /// Who makes the connections of a process with this spec, if somebody does.
    pub(super) fn mediator(&self, spec: &JailSpec) -> Option<Mediator> {
        match self {
            Self::Alone(mediator) if spec.network == Network::Proxied => mediator.clone(),
            Self::Room(_) | Self::Alone(_) => None,
        }
    }
}

/// One that no other session of this gateway has, as long as there are not too many of them.
fn next_user() -> Option<u32> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let count = USERS.end - USERS.start;
    let next = || USERS.start + NEXT.fetch_add(1, Ordering::Relaxed) % count;
    geteuid().is_root().then(next)
}

/// What passed through the proxy, as the meter wants to know it.
#[derive(Debug)]
struct Traffic(Arc<Counts>);

impl crate::meter::Network for Traffic {
    fn used(&self) -> NetworkUse {
        NetworkUse {
            received: self.0.received(),
            sent: self.0.sent(),
            connections: self.0.connections(),
            denied: self.0.denied(),
        }
    }

    fn destinations(&self) -> Vec<Destination> {
        self.0.destinations(DESTINATIONS)
    }
}
