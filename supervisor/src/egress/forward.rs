//! Plain HTTP: one request to its server, the answer back as it comes.
//!
//! A connection carries one request. So each request is checked, and nothing that follows one is
//! ever sent to where it went.

use super::answer::{self, No};
use super::chunks::Chunks;
use super::gate::{Gate, Reached};
use super::head::{Body, Onward};
use super::relay::{self, Broken, Way};
use std::io::{self, ErrorKind};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use tokio::net::TcpStream;

/// Read of a body at once, in bytes.
const BUFFER: usize = 16 * 1024;

/// Sends a request on, with the part of its body that is here already, and the answer back.
pub(super) async fn forward(gate: &Gate, tool: &TcpStream, onward: Onward, early: &[u8]) {
    let Onward {
        host,
        port,
        head,
        body,
    } = onward;
    let reached = match gate.reach(host, port).await {
        Ok(reached) => reached,
        Err(unreached) => return No::from(&unreached).send(tool).await,
    };
    let ended = exchange(tool, &reached, &head, body, early).await;
    let is_whole = ended.is_ok();
    gate.ended(&reached, ended);
    if is_whole {
        answer::linger(tool).await;
    }
}

async fn exchange(
    tool: &TcpStream,
    reached: &Reached,
    head: &[u8],
    body: Body,
    early: &[u8],
) -> Result<(), Broken> {
    let moved = AtomicU64::new(0);
    let request = async {
        deliver(reached, head, &moved).await?;
        send_body(tool, reached, body, early, &moved).await
    };
    let answer = relay::one(&reached.server, tool, Way::In, &reached.flow, &moved);
    tokio::pin!(answer);
    tokio::select! {
        // A server may answer before it has heard all.
        ended = &mut answer => return ended,
        sent = request => sent?,
    }
    answer.await
}

async fn send_body(
    tool: &TcpStream,
    reached: &Reached,
    body: Body,
    early: &[u8],
    moved: &AtomicU64,
) -> Result<(), Broken> {
    let mut rest = Rest::of(body);
    let here = rest.take(early)?;
    deliver(reached, &early[..here], moved).await?;
    let mut buffer = vec![0; if rest.is_over() { 0 } else { BUFFER }];
    while !rest.is_over() {
        let read = relay::receive(tool, &mut buffer).await?;
        if read == 0 {
            return Err(io::Error::from(ErrorKind::UnexpectedEof).into());
        }
        let here = rest.take(&buffer[..read])?;
        deliver(reached, &buffer[..here], moved).await?;
    }
    Ok(())
}

async fn deliver(reached: &Reached, bytes: &[u8], moved: &AtomicU64) -> Result<(), Broken> {
    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    moved.fetch_add(length, Relaxed);
    if !reached.flow.sent(length) {
        return Err(Broken::UsedUp);
    }
    Ok(relay::send(&reached.server, bytes).await?)
}

/// What of a body is still to come.
#[derive(Debug)]
enum Rest {
    Bytes(u64),
    Chunks(Chunks),
}

impl Rest {
    fn of(body: Body) -> Self {
        match body {
            Body::Length(length) => Self::Bytes(length),
            Body::Chunked => Self::Chunks(Chunks::default()),
        }
    }

    fn is_over(&self) -> bool {
        match self {
            Self::Bytes(left) => *left == 0,
            Self::Chunks(chunks) => chunks.is_done(),
        }
    }

    /// How many of `bytes` are part of it.
    fn take(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Bytes(left) => {
                let here = usize::try_from(*left).map_or(bytes.len(), |left| left.min(bytes.len()));
                *left -= u64::try_from(here).unwrap_or(u64::MAX);
                Ok(here)
            }
            Self::Chunks(chunks) => {
                let taken = chunks.advance(bytes);
                taken.map_err(|_| io::Error::new(ErrorKind::InvalidData, "no chunk"))
            }
        }
    }
}
