//! A session's way out where it has no network of its own: each `connect` of its tools waits for us
//! ([`jail::notify`]), and goes through the same gate.
//!
//! A tool that asks for the proxy's address gets a connection to the proxy, as in a room; one that
//! asks for another address gets a connection to that, if policy lets it, or an error number. There
//! are no made-up addresses here and no names to look up: a program that knows nothing of proxies can
//! not resolve a name. Servers that the session starts are put on the loopback, and its own tools may
//! connect to them.

use super::counts::{Counts, hold};
use super::gate::{Gate, Unreached};
use super::name::Host;
use super::policy::EgressPolicy;
use super::pool::Pool;
use super::proxy;
use super::record::Record;
use super::resolve::Resolve;
use crate::audit::Audit;
use ipc::id::SessionKey;
use jail::notify::{Attempt, Destination, Listener, Server, Wish};
use jail::room::{CAPTURED, PROXY};
use nix::libc;
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Decides on the connections of a session's tools. Cheap to clone; all clones are one session's.
#[derive(Debug, Clone)]
pub struct Mediator {
    gate: Arc<Gate>,
    servers: Arc<Mutex<Servers>>,
}

/// Servers that the session has started, by port: the sockets that listened there last.
type Servers = BTreeMap<u16, u64>;

impl Mediator {
    /// Decides for `session`. A change of `policy` holds for connections made from then on.
    #[must_use]
    pub fn new(
        policy: watch::Receiver<Arc<EgressPolicy>>,
        counts: Arc<Counts>,
        resolver: Arc<dyn Resolve>,
        audit: Audit,
        session: SessionKey,
    ) -> Self {
        let record = Record::new(Arc::clone(&counts), audit, session);
        let (base, bits) = CAPTURED;
        let pool = Pool::new(base, u32::from(bits));
        Self {
            gate: Arc::new(Gate::new(policy, counts, record, resolver, pool)),
            servers: Arc::default(),
        }
    }

    /// Decides on every connection that one jail's processes want, until none of them is left and
    /// what they had is over. Dropping it ends every connection, and refuses every further one.
    ///
    /// # Errors
    /// When the system can not watch the listener.
    pub async fn serve(&self, listener: Listener) -> io::Result<()> {
        #[expect(
            deprecated,
            reason = "its successor is unsafe for types that do not own their descriptor; a Listener does"
        )]
        let watched = AsyncFd::with_interest(Arc::new(listener), Interest::READABLE)?;
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                ready = watched.readable() => {
                    let mut ready = ready?;
                    match watched.get_ref().next() {
                        Ok(Some(attempt)) => {
                            let listener = Arc::clone(watched.get_ref());
                            connections.spawn(self.clone().decide(listener, attempt));
                        }
                        Ok(None) => ready.clear_ready(),
                        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
                        Err(error) => return Err(error),
                    }
                }
                Some(_) = connections.join_next() => {}
            }
        }
        while connections.join_next().await.is_some() {}
        Ok(())
    }
}

impl Mediator {
    /// Decides on one attempt, and serves what comes of it to its end.
    async fn decide(self, listener: Arc<Listener>, attempt: Attempt) {
        match attempt.wish.clone() {
            Wish::Connect(Destination::Inet(address)) => {
                self.connect(listener, attempt, address).await;
            }
            // Nobody of this machine is to be called by the way: only what is answered by us.
            Wish::Connect(Destination::Unix(_) | Destination::Other(_)) => {
                listener.refuse(&attempt, libc::EACCES);
            }
            Wish::Bind(_) => listener.bind(&attempt),
            Wish::Listen(_) => {
                if let Some(Server { port, inode }) = listener.listen(&attempt) {
                    hold(&self.servers).insert(port, inode);
                }
            }
        }
    }

    async fn connect(&self, listener: Arc<Listener>, attempt: Attempt, address: SocketAddr) {
        let Ok(place) = self.gate.enter() else {
            return listener.refuse(&attempt, libc::EACCES);
        };
        if address == SocketAddr::from(PROXY) {
            if let Ok(tool) = take_over(listener, attempt).await {
                proxy::serve(&self.gate, tool).await;
            }
        } else if address.ip().is_loopback() && self.is_own(address.port()) {
            let port = address.port();
            let reach = move || listener.connect_own(&attempt, port);
            // One that died has answered nothing, and its listener is gone with it.
            let _ = tokio::task::spawn_blocking(reach).await;
        } else {
            self.connect_out(listener, attempt, address).await;
        }
        drop(place);
    }

    async fn connect_out(&self, listener: Arc<Listener>, attempt: Attempt, address: SocketAddr) {
        let reached = self.gate.reach(Host::Address(address.ip()), address.port());
        match reached.await {
            Err(unreached) => listener.refuse(&attempt, errno(&unreached)),
            Ok(reached) => {
                if let Ok(tool) = take_over(listener, attempt).await {
                    proxy::tunnel(&self.gate, &tool, reached, &[], &[]).await;
                }
            }
        }
    }

    /// Whether a server of this session listens on that port of the loopback, and nobody else's.
    fn is_own(&self, port: u16) -> bool {
        let Some(inode) = hold(&self.servers).get(&port).copied() else {
            return false;
        };
        let tables = ["/proc/self/net/tcp", "/proc/self/net/tcp6"];
        let mut tables = tables.into_iter().map(std::fs::read_to_string);
        let listens = tables.any(|table| table.is_ok_and(|table| listens(&table, port, inode)));
        if !listens {
            hold(&self.servers).remove(&port);
        }
        listens
    }
}

/// Whether the kernel's table of TCP sockets has that one, listening on that port.
fn listens(table: &str, port: u16, inode: u64) -> bool {
    const LISTENING: &str = "0A";
    table.lines().any(|line| {
        let mut fields = line.split_ascii_whitespace();
        let (local, state) = (fields.nth(1), fields.nth(1));
        let local = local.and_then(|local| local.rsplit_once(':'));
        let found = local.and_then(|(_, port)| u16::from_str_radix(port, 16).ok());
        let its_inode = fields.nth(5).and_then(|inode| inode.parse().ok());
        found == Some(port) && state == Some(LISTENING) && its_inode == Some(inode)
    })
}

/// Our end of the tool's connection. Why there is none, the tool has been told.
async fn take_over(listener: Arc<Listener>, attempt: Attempt) -> io::Result<TcpStream> {
    // A socket of an odd kind is waited for.
    let taken = tokio::task::spawn_blocking(move || listener.take_over(&attempt));
    let tool = taken.await.map_err(io::Error::other)??;
    tool.set_nonblocking(true)?;
    // Slower without, and that is all.
    let _ = tool.set_nodelay(true);
    TcpStream::from_std(tool)
}

/// What `connect` fails with.
fn errno(unreached: &Unreached) -> i32 {
    match unreached {
        Unreached::Denied(_) => libc::EACCES,
        Unreached::Unresolved { .. } => libc::EHOSTUNREACH,
        Unreached::Unconnected { cause, .. } if cause.kind() == io::ErrorKind::TimedOut => {
            libc::ETIMEDOUT
        }
        Unreached::Unconnected { cause, .. } => cause.raw_os_error().unwrap_or(libc::ECONNREFUSED),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_known_by_port_and_socket() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:0BB8 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4242 1 0000000000000000 100 0 0 10 0
   1: 0100007F:0BB9 0100007F:C350 01 00000000:00000000 00:00000000 00000000  1000        0 4243 1 0000000000000000 20 4 30 10 -1
   0: 0000000000000000FFFF00000100007F:0BBA 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 4244 1
";
        assert!(listens(table, 3000, 4242));
        assert!(listens(table, 3002, 4244));
        assert!(!listens(table, 3000, 4244), "another socket");
        assert!(!listens(table, 3001, 4243), "one that does not listen");
        assert!(!listens(table, 3003, 4242));
        assert!(!listens("", 3000, 4242));
    }
}
