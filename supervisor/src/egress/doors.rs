//! A session's doors, and who answers at them.

use super::answer::No;
use super::capture;
use super::counts::Counts;
use super::dns::{self, Question};
use super::gate::Gate;
use super::policy::EgressPolicy;
use super::pool::Pool;
use super::proxy;
use super::record::Record;
use super::relay;
use super::resolve::Resolve;
use super::thread;
use crate::audit::Audit;
use ipc::id::SessionKey;
use jail::room::{CAPTURED, Doors};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// When no connection can be taken, most often for want of files, this long until the next try.
const TRY_AGAIN: Duration = Duration::from_millis(100);

/// What answers at the doors of one room. Dropping it ends every connection.
#[derive(Debug)]
pub struct Egress {
    _tasks: JoinSet<()>,
}

/// Who is meant to come through a door, and which port of a server they mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Door {
    /// Who says both.
    Proxy,
    /// Who speaks HTTP.
    Http { port: u16 },
    /// Who speaks TLS.
    Tls { port: u16 },
}

impl Egress {
    /// Answers at `doors` for `session`. A change of `policy` holds for connections made from then
    /// on. Needs no runtime: there is one on a thread of its own.
    ///
    /// # Errors
    /// When the system has no thread for it, or can not watch the sockets.
    pub fn serve(
        doors: Doors,
        policy: watch::Receiver<Arc<EgressPolicy>>,
        counts: Arc<Counts>,
        resolver: Arc<dyn Resolve>,
        audit: Audit,
        session: SessionKey,
    ) -> io::Result<Self> {
        let Doors {
            proxy,
            http,
            tls,
            dns,
        } = doors;
        let thread = thread::handle()?;
        let _there = thread.enter();
        let record = Record::new(Arc::clone(&counts), audit, session);
        let (base, bits) = CAPTURED;
        let pool = Pool::new(base, u32::from(bits));
        let gate = Arc::new(Gate::new(policy, counts, record, resolver, pool));
        let doors = [
            (proxy, Door::Proxy),
            (http, Door::Http { port: 80 }),
            (tls, Door::Tls { port: 443 }),
        ];
        Self::answer(doors, dns, &gate)
    }

    /// Answers at each of `doors`, and for names at `dns`.
    pub(super) fn answer(
        doors: impl IntoIterator<Item = (std::net::TcpListener, Door)>,
        dns: std::net::UdpSocket,
        gate: &Arc<Gate>,
    ) -> io::Result<Self> {
        let mut tasks = JoinSet::new();
        for (listener, door) in doors {
            let listener = TcpListener::from_std(listener)?;
            tasks.spawn(answer_at(listener, door, Arc::clone(gate)));
        }
        tasks.spawn(answer_names(UdpSocket::from_std(dns)?, Arc::clone(gate)));
        Ok(Self { _tasks: tasks })
    }
}

async fn answer_at(listener: TcpListener, door: Door, gate: Arc<Gate>) {
    // Dropped with this task, and all connections with it.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((tool, _)) => take(tool, door, &gate, &mut connections),
                Err(error) => {
                    tracing::warn!(%error, "no connection of a tool can be taken");
                    tokio::time::sleep(TRY_AGAIN).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

fn take(tool: TcpStream, door: Door, gate: &Arc<Gate>, connections: &mut JoinSet<()>) {
    let place = match gate.enter() {
        Ok(place) => place,
        Err(denial) => return door.turn_away(&tool, &No::from(&denial)),
    };
    relay::ready_tool(&tool);
    let gate = Arc::clone(gate);
    connections.spawn(async move {
        match door {
            Door::Proxy => proxy::serve(&gate, tool).await,
            Door::Http { port } => capture::serve_http(&gate, tool, port).await,
            Door::Tls { port } => capture::serve_tls(&gate, tool, port).await,
        }
        drop(place);
    });
}

impl Door {
    /// No, to one connection too many. It is not waited for.
    fn turn_away(self, tool: &TcpStream, no: &No) {
        match self {
            Self::Proxy | Self::Http { .. } => no.send_at_once(tool),
            Self::Tls { .. } => {}
        }
    }
}

async fn answer_names(socket: UdpSocket, gate: Arc<Gate>) {
    let mut message = [0; dns::MAX_QUESTION];
    loop {
        let Ok((length, from)) = socket.recv_from(&mut message).await else {
            // An earlier answer that found nobody is told here; or it is worse, and not helped by haste.
            tokio::time::sleep(TRY_AGAIN).await;
            continue;
        };
        let answer = match Question::parse(&message[..length]) {
            Ok(question) => question.answer(gate.answer(&question)),
            Err(dns::NoQuestion(Some(complaint))) => complaint,
            Err(dns::NoQuestion(None)) => continue,
        };
        // Who does not take it asks again.
        let _ = socket.try_send_to(&answer, from);
    }
}
