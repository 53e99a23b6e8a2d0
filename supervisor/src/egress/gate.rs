//! The gate every connection of a session passes, through whichever door it came: decide, look up,
//! judge, connect, count.

use super::address::refused;
use super::connect::connect;
use super::counts::{Counts, Flow, hold};
use super::dns::{Answer, Question};
use super::name::{Host, Name};
use super::own::is_own;
use super::policy::{Denial, EgressPolicy};
use super::pool::Pool;
use super::record::Record;
use super::relay::Broken;
use super::resolve::{Resolve, Unresolved};
use super::socks;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// Look-ups of one session at once: others want to look up, too.
const LOOKUPS: usize = 8;

/// A session's way out, shared by all its connections.
#[derive(Debug)]
pub(super) struct Gate {
    policy: watch::Receiver<Arc<EgressPolicy>>,
    counts: Arc<Counts>,
    record: Record,
    resolver: Arc<dyn Resolve>,
    pool: Mutex<Pool>,
    lookups: Semaphore,
    open: Arc<AtomicUsize>,
    /// Bytes that went through, both ways.
    used: Arc<AtomicU64>,
}

/// A connection to a server, and what counts its bytes.
#[derive(Debug)]
pub(super) struct Reached {
    pub(super) host: Host,
    pub(super) port: u16,
    pub(super) server: TcpStream,
    pub(super) flow: Flow,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unreached {
    #[error(transparent)]
    Denied(#[from] Denial),
    #[error("{host} was not reached: {cause}")]
    Unresolved { host: Host, cause: Unresolved },
    #[error("{host} was not reached on port {port}: {cause}")]
    Unconnected {
        host: Host,
        port: u16,
        cause: io::Error,
    },
}

/// A place among the connections there may be at once. Dropped, it is free.
#[derive(Debug)]
pub(super) struct Place {
    open: Arc<AtomicUsize>,
    _all: OwnedSemaphorePermit,
}

// === impl Gate ===

impl Gate {
    pub(super) fn new(
        policy: watch::Receiver<Arc<EgressPolicy>>,
        counts: Arc<Counts>,
        record: Record,
        resolver: Arc<dyn Resolve>,
        pool: Pool,
    ) -> Self {
        Self {
            policy,
            counts,
            record,
            resolver,
            pool: Mutex::new(pool),
            lookups: Semaphore::new(LOOKUPS),
            open: Arc::default(),
            used: Arc::default(),
        }
    }

    /// A place for one more connection, unless there are too many.
    pub(super) fn enter(&self) -> Result<Place, Denial> {
        let most = self.policy().max_connections();
        if let Ok(all) = Arc::clone(everyone()).try_acquire_owned() {
            let before = self.open.fetch_add(1, Relaxed);
            let place = Place {
                open: Arc::clone(&self.open),
                _all: all,
            };
            if before < most {
                return Ok(place);
            }
        }
        let reason = format!(
            "this session has {most} connections at once, or all sessions together have too many; \
             a person can raise tools.egress.maxConnections"
        );
        let host = "one more connection".to_owned();
        Err(self.denied(Denial {
            host,
            port: 0,
            reason,
        }))
    }

    /// Connects to `host`, if it may be, at an address that was judged.
    pub(super) async fn reach(&self, host: Host, port: u16) -> Result<Reached, Unreached> {
        let host = self.meant(host);
        let policy = self.policy();
        self.check_bytes(&policy, &host, port)?;
        let terms = policy
            .decide(&host, port)
            .map_err(|denial| self.denied(denial))?;
        let addresses = self.addresses(&host).await?;
        let judged = policy.judge(&host, port, terms, &addresses);
        judged.map_err(|denial| self.denied(denial))?;
        self.check_own(&policy, &host, port, &addresses)?;
        let server = connect(&addresses, port).await;
        let server = server.map_err(|cause| Unreached::Unconnected {
            host: host.clone(),
            port,
            cause,
        })?;
        let flow = self
            .counts
            .connect(&host, port, &self.used, policy.max_bytes());
        Ok(Reached {
            host,
            port,
            server,
            flow,
        })
    }

    /// The name that an address of ours was made up for; who speaks SOCKS with a resolver of its own
    /// asks for such.
    pub(super) fn meant(&self, host: Host) -> Host {
        match &host {
            Host::Name(_) => host,
            Host::Address(address) => self.name_of(*address).map_or(host, Host::Name),
        }
    }

    /// The name that `address` was made up for.
    pub(super) fn name_of(&self, address: IpAddr) -> Option<Name> {
        hold(&self.pool).name(address)
    }

    /// What a question is answered with. Nothing is asked of anybody.
    pub(super) fn answer(&self, question: &Question) -> Answer {
        let Some(name) = &question.name else {
            return Answer::NoSuchName;
        };
        if name.is_localhost() {
            let itself = Answer::Address(Ipv4Addr::LOCALHOST);
            return if question.is_address {
                itself
            } else {
                Answer::Nothing
            };
        }
        match self.policy().decide_lookup(name) {
            // The same name is asked for in several ways; once is enough to tell.
            Err(denial) if question.is_address => {
                self.denied(denial);
                Answer::NoSuchName
            }
            Err(_) => Answer::NoSuchName,
            Ok(()) if question.is_address => Answer::Address(hold(&self.pool).address(name)),
            Ok(()) => Answer::Nothing,
        }
    }

    /// Puts a denial on record.
    pub(super) fn denied(&self, denial: Denial) -> Denial {
        self.record.deny(&denial);
        denial
    }

    /// Takes note of how a relay ended.
    pub(super) fn ended(&self, reached: &Reached, ended: Result<(), Broken>) {
        match ended {
            // What became of a connection is its two ends' business, and they know.
            Ok(()) | Err(Broken::Connection(_) | Broken::Idle) => {}
            Err(Broken::UsedUp) => {
                self.used_up(&reached.host, reached.port);
            }
        }
    }

    fn used_up(&self, host: &Host, port: u16) -> Denial {
        let limit = self.policy().max_bytes().unwrap_or(0);
        let reason = format!(
            "the session has used up its {limit} bytes; a person can raise tools.egress.maxBytes"
        );
        self.denied(Denial {
            host: host.to_string(),
            port,
            reason,
        })
    }

    fn check_bytes(&self, policy: &EgressPolicy, host: &Host, port: u16) -> Result<(), Denial> {
        let used = self.used.load(Relaxed);
        if policy.max_bytes().is_some_and(|limit| used >= limit) {
            return Err(self.used_up(host, port));
        }
        Ok(())
    }

    /// Public or not, the machine itself is only reached by who is named for it.
    fn check_own(
        &self,
        policy: &EgressPolicy,
        host: &Host,
        port: u16,
        addresses: &[IpAddr],
    ) -> Result<(), Denial> {
        let public = addresses
            .iter()
            .filter(|address| refused(**address).is_none());
        let mut own = public.filter(|address| is_own(**address));
        let Some(address) = own.find(|address| !policy.names_private(**address, port)) else {
            return Ok(());
        };
        let reason = format!(
            "it leads to {address}, the gateway's own machine; a person can name \
             \"{}:{port}\" in tools.egress.private",
            Host::Address(*address)
        );
        let host = host.to_string();
        Err(self.denied(Denial { host, port, reason }))
    }

    async fn addresses(&self, host: &Host) -> Result<Vec<IpAddr>, Unreached> {
        let name = match host {
            Host::Address(address) => return Ok(vec![*address]),
            Host::Name(name) => name,
        };
        // Never closed, so it can not fail.
        let _turn = self.lookups.acquire().await;
        let found = self.resolver.resolve(name).await;
        found.map_err(|cause| Unreached::Unresolved {
            host: host.clone(),
            cause,
        })
    }

    fn policy(&self) -> Arc<EgressPolicy> {
        Arc::clone(&self.policy.borrow())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Relaxed);
    }
}

/// The connections of all sessions: a share of the files this process may have open, of which each
/// connection has up to six.
fn everyone() -> &'static Arc<Semaphore> {
    static EVERYONE: OnceLock<Arc<Semaphore>> = OnceLock::new();
    EVERYONE.get_or_init(|| {
        use nix::sys::resource::{Resource, getrlimit};
        let files = getrlimit(Resource::RLIMIT_NOFILE).map_or(1024, |(soft, _)| soft);
        let share = usize::try_from(files / 8).unwrap_or(usize::MAX);
        Arc::new(Semaphore::new(share.clamp(64, 8192)))
    })
}

// === impl Unreached ===

impl Unreached {
    /// As a status of HTTP.
    pub(super) fn status(&self) -> u16 {
        match self {
            Self::Denied(_) => 403,
            Self::Unresolved {
                cause: Unresolved::Slow,
                ..
            } => 504,
            Self::Unconnected { cause, .. } if cause.kind() == io::ErrorKind::TimedOut => 504,
            Self::Unresolved { .. } | Self::Unconnected { .. } => 502,
        }
    }

    /// As an end of SOCKS.
    pub(super) fn socks(&self) -> socks::Ended {
        match self {
            Self::Denied(_) => socks::Ended::Denied,
            Self::Unresolved { .. } => socks::Ended::Unreachable,
            Self::Unconnected { cause, .. } if cause.kind() == io::ErrorKind::ConnectionRefused => {
                socks::Ended::Refused
            }
            Self::Unconnected { .. } => socks::Ended::Unreachable,
        }
    }
}
