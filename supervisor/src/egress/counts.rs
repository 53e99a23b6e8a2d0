//! What a session's tools sent, received, and were denied.

use super::name::Host;
use super::policy::Denial;
use ipc::meter::Destination;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Most places that are counted apart; those that come later are counted together.
const MAX_PLACES: usize = 512;
/// Where those that come later are counted.
const OTHERS: &str = "(others)";
/// Most denied hosts kept until someone asks.
const MAX_UNTOLD: usize = 16;

/// The figures of one session. Outlives its walls: who builds them anew goes on with the same.
#[derive(Debug, Default)]
pub struct Counts {
    received: AtomicU64,
    sent: AtomicU64,
    connections: AtomicU64,
    denied: AtomicU64,
    places: Mutex<BTreeMap<String, Arc<Place>>>,
    untold: Mutex<Vec<String>>,
}

/// All sessions since the gateway began; never less than before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Bytes that came to tools.
    pub received: u64,
    /// Bytes that tools sent.
    pub sent: u64,
    /// Connections that were made.
    pub connections: u64,
    /// Connections and look-ups that were denied.
    pub denied: u64,
}

static RECEIVED: AtomicU64 = AtomicU64::new(0);
static SENT: AtomicU64 = AtomicU64::new(0);
static CONNECTIONS: AtomicU64 = AtomicU64::new(0);
static DENIED: AtomicU64 = AtomicU64::new(0);

/// What all sessions of this process sent, received and were denied.
#[must_use]
pub fn totals() -> Totals {
    Totals {
        received: RECEIVED.load(Relaxed),
        sent: SENT.load(Relaxed),
        connections: CONNECTIONS.load(Relaxed),
        denied: DENIED.load(Relaxed),
    }
}

#[derive(Debug, Default)]
struct Place {
    connections: AtomicU64,
    bytes: AtomicU64,
    denied: AtomicU64,
}

/// Counts the bytes of one connection.
#[derive(Debug)]
pub(super) struct Flow {
    counts: Arc<Counts>,
    place: Arc<Place>,
    /// What the session's walls let through so far, and how much that may become.
    used: Arc<AtomicU64>,
    limit: Option<u64>,
}

// === impl Counts ===

impl Counts {
    /// Bytes that came to the tools.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.received.load(Relaxed)
    }

    /// Bytes the tools sent.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.sent.load(Relaxed)
    }

    /// Connections that were made.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.connections.load(Relaxed)
    }

    /// Connections and look-ups that were denied.
    #[must_use]
    pub fn denied(&self) -> u64 {
        self.denied.load(Relaxed)
    }

    /// Whom the tools spoke to, most bytes first; `most` of them.
    #[must_use]
    pub fn destinations(&self, most: usize) -> Vec<Destination> {
        let of = |(host, place): (&String, &Arc<Place>)| Destination {
            host: host.clone(),
            connections: place.connections.load(Relaxed),
            bytes: place.bytes.load(Relaxed),
            denied: place.denied.load(Relaxed),
        };
        let mut all: Vec<Destination> = hold(&self.places).iter().map(of).collect();
        all.sort_by_key(|place| std::cmp::Reverse((place.bytes, place.connections, place.denied)));
        all.truncate(most);
        all
    }

    /// The hosts denied since the last time this was asked, in order, each once; of very many, the
    /// first.
    #[must_use]
    pub fn take_denials(&self) -> Vec<String> {
        std::mem::take(&mut *hold(&self.untold))
    }

    /// Counts a denial, and keeps its host until [`Self::take_denials`].
    pub(super) fn deny(&self, denial: &Denial) {
        DENIED.fetch_add(1, Relaxed);
        self.denied.fetch_add(1, Relaxed);
        self.place(&denial.host, denial.port)
            .denied
            .fetch_add(1, Relaxed);
        let mut untold = hold(&self.untold);
        if untold.len() < MAX_UNTOLD && !untold.contains(&denial.host) {
            untold.push(denial.host.clone());
        }
    }

    /// Counts a connection. `used` are the bytes its walls let through, of which there may be `limit`.
    pub(super) fn connect(
        self: &Arc<Self>,
        host: &Host,
        port: u16,
        used: &Arc<AtomicU64>,
        limit: Option<u64>,
    ) -> Flow {
        CONNECTIONS.fetch_add(1, Relaxed);
        self.connections.fetch_add(1, Relaxed);
        let place = self.place(&host.to_string(), port);
        place.connections.fetch_add(1, Relaxed);
        Flow {
            counts: Arc::clone(self),
            place,
            used: Arc::clone(used),
            limit,
        }
    }

    fn place(&self, host: &str, port: u16) -> Arc<Place> {
        let mut places = hold(&self.places);
        let mut key = if port == 0 {
            host.to_owned()
        } else {
            format!("{host}:{port}")
        };
        if places.len() >= MAX_PLACES && !places.contains_key(&key) {
            OTHERS.clone_into(&mut key);
        }
        Arc::clone(places.entry(key).or_default())
    }
}

// === impl Flow ===

impl Flow {
    /// Counts bytes for the tool. False when the session has used up what it may.
    pub(super) fn received(&self, bytes: u64) -> bool {
        RECEIVED.fetch_add(bytes, Relaxed);
        self.counts.received.fetch_add(bytes, Relaxed);
        self.moved(bytes)
    }

    /// Counts bytes from the tool. False when the session has used up what it may.
    pub(super) fn sent(&self, bytes: u64) -> bool {
        SENT.fetch_add(bytes, Relaxed);
        self.counts.sent.fetch_add(bytes, Relaxed);
        self.moved(bytes)
    }

    fn moved(&self, bytes: u64) -> bool {
        self.place.bytes.fetch_add(bytes, Relaxed);
        let used = self.used.fetch_add(bytes, Relaxed).saturating_add(bytes);
        self.limit.is_none_or(|limit| used <= limit)
    }
}

/// What is in a lock, whatever happened to who held it before: figures are right or slightly off.
pub(super) fn hold<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn denial(host: &str) -> Denial {
        Denial {
            host: host.into(),
            port: 443,
            reason: "because".into(),
        }
    }

    #[test]
    fn bytes_are_counted_for_the_session_and_for_the_place() {
        let counts = Arc::new(Counts::default());
        let used = Arc::default();
        let host = Host::parse("example.com").unwrap();
        for _ in 0..2 {
            let flow = counts.connect(&host, 443, &used, Some(40));
            assert!(flow.sent(5) && flow.received(15));
        }
        let flow = counts.connect(&Host::parse("192.0.2.1").unwrap(), 80, &used, Some(40));
        assert!(!flow.sent(1), "more than it may");
        assert_eq!(
            (counts.sent(), counts.received(), counts.connections()),
            (11, 30, 3)
        );
        assert!(totals().sent >= 11 && totals().received >= 30 && totals().connections >= 3);
        let places = counts.destinations(1);
        assert_eq!(places.len(), 1);
        assert_eq!(
            (
                places[0].host.as_str(),
                places[0].connections,
                places[0].bytes
            ),
            ("example.com:443", 2, 40)
        );
    }

    #[test]
    fn a_denied_host_is_told_once() {
        let counts = Counts::default();
        for host in ["a", "b", "a"] {
            counts.deny(&denial(host));
        }
        assert_eq!(counts.take_denials(), ["a", "b"]);
        assert!(counts.take_denials().is_empty());
        counts.deny(&denial("a"));
        assert_eq!(counts.take_denials(), ["a"]);
        assert_eq!(counts.denied(), 4);
    }

    #[test]
    fn very_many_places_do_not_grow_without_bound() {
        let counts = Counts::default();
        for number in 0..MAX_PLACES * 2 {
            counts.deny(&denial(&format!("host-{number}")));
        }
        let places = counts.destinations(usize::MAX);
        assert_eq!(places.len(), MAX_PLACES + 1);
        assert_eq!(
            (places[0].host.as_str(), places[0].denied),
            (OTHERS, MAX_PLACES as u64)
        );
        assert_eq!(counts.take_denials().len(), MAX_UNTOLD);
    }
}
