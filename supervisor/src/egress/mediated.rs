//! A session's way out where it has no network of its own: each `connect` of its tools waits for us
//! ([`jail::notify`]), and goes through the same gate.
//!
//! A tool that asks for the proxy's address gets a connection to the proxy, as in a room; one that
//! asks for another address gets a connection to that, if policy lets it, or an error number. There
//! are no made-up addresses here and no names to look up: a program that knows nothing of proxies can
//! not resolve a name.

use super::counts::Counts;
use super::gate::{Gate, Unreached};
use super::name::Host;
use super::policy::EgressPolicy;
use super::pool::Pool;
use super::proxy;
use super::record::Record;
use super::resolve::Resolve;
use crate::audit::Audit;
use ipc::id::SessionKey;
use jail::notify::{Attempt, Destination, Listener};
use jail::room::{CAPTURED, PROXY};
use nix::libc;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Decides on the connections of a session's tools. Cheap to clone; all clones are one session's.
#[derive(Debug, Clone)]
pub struct Mediator {
    gate: Arc<Gate>,
}

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
                            connections.spawn(decide(Arc::clone(&self.gate), listener, attempt));
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

/// Decides on one attempt, and serves what comes of it to its end.
async fn decide(gate: Arc<Gate>, listener: Arc<Listener>, attempt: Attempt) {
    let address = match &attempt.to {
        Destination::Inet(address) => *address,
        // Nobody of this machine is to be called by the way: only what is answered by us.
        Destination::Unix(_) | Destination::Other(_) => {
            return listener.refuse(&attempt, libc::EACCES);
        }
    };
    let Ok(place) = gate.enter() else {
        return listener.refuse(&attempt, libc::EACCES);
    };
    if address == SocketAddr::from(PROXY) {
        if let Ok(tool) = take_over(listener, attempt).await {
            proxy::serve(&gate, tool).await;
        }
    } else {
        match gate
            .reach(Host::Address(address.ip()), address.port())
            .await
        {
            Err(unreached) => listener.refuse(&attempt, errno(&unreached)),
            Ok(reached) => {
                if let Ok(tool) = take_over(listener, attempt).await {
                    proxy::tunnel(&gate, &tool, reached, &[], &[]).await;
                }
            }
        }
    }
    drop(place);
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
