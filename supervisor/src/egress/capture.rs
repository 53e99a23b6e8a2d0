//! The doors for programs that know of no proxy: ports 80 and 443 of every made-up address. Which
//! address it was says which name was meant; from there on all is as for the others.

use super::answer::{self, nobody_listens};
use super::forward::forward;
use super::gate::{Gate, Unreached};
use super::name::Host;
use super::proxy::{read_head, refuse, tunnel};
use super::relay;
use std::io;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long a client has to say hello before it is told no.
const HELLO_WITHIN: Duration = Duration::from_secs(5);
/// Longest hello that is heard out, in bytes.
const MAX_HELLO: usize = 16 * 1024;

/// Fatal alerts of TLS: level 2, and what it is about. They are understood before any agreement.
const ACCESS_DENIED: [u8; 7] = [21, 3, 3, 0, 2, 2, 49];
const INTERNAL_ERROR: [u8; 7] = [21, 3, 3, 0, 2, 2, 80];

/// Serves one connection that was meant for `port` of a server of HTTP, to its end.
pub(super) async fn serve_http(gate: &Gate, tool: TcpStream, port: u16) {
    // Who breaks off while asking is told nothing: nobody is there.
    let _ = http(gate, &tool, port).await;
}

async fn http(gate: &Gate, tool: &TcpStream, port: u16) -> io::Result<()> {
    let name = gate.name_of(tool.local_addr()?.ip());
    let mut said = Vec::new();
    let head = match read_head(tool, &mut said).await? {
        Ok(head) => head,
        Err(bad) => return refuse(tool, &bad).await,
    };
    let Some(name) = name else {
        nobody_listens().send(tool).await;
        return Ok(());
    };
    match head.captured(Host::Name(name), port) {
        Ok(onward) => forward(gate, tool, onward, &said[head.length..]).await,
        Err(bad) => refuse(tool, &bad).await?,
    }
    Ok(())
}

/// Serves one connection that was meant for `port` of a server of TLS, to its end. It is not looked
/// into.
pub(super) async fn serve_tls(gate: &Gate, tool: TcpStream, port: u16) {
    let local = tool.local_addr().map(|local| local.ip());
    // Without a name it is a port of the session's own where nobody listens: closed.
    let Some(name) = local.ok().and_then(|address| gate.name_of(address)) else {
        return;
    };
    match gate.reach(Host::Name(name), port).await {
        Ok(reached) => tunnel(gate, &tool, reached, &[], &[]).await,
        Err(unreached) => alert(&tool, &unreached).await,
    }
}

/// Tells a client in its own language, after it has spoken: one that has not is not listening yet.
async fn alert(tool: &TcpStream, unreached: &Unreached) {
    let alert = match unreached {
        Unreached::Denied(_) => ACCESS_DENIED,
        Unreached::Unresolved { .. } | Unreached::Unconnected { .. } => INTERNAL_ERROR,
    };
    let mut hello = vec![0; MAX_HELLO];
    let _ = timeout(HELLO_WITHIN, relay::receive(tool, &mut hello)).await;
    if relay::send(tool, &alert).await.is_ok() {
        answer::linger(tool).await;
    }
}
