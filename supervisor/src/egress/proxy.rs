//! The door for programs that know they are behind a proxy: HTTP and SOCKS5 on one port, told apart
//! by their first byte.

use super::answer::{self, No};
use super::forward::forward;
use super::gate::{Gate, Reached};
use super::head::{BadRequest, Head, MAX_HEAD};
use super::name::Host;
use super::relay;
use super::socks::{self, Ended};
use std::io;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Who has not said by then what it wants is not waited for.
pub(super) const ASK_WITHIN: Duration = Duration::from_secs(30);

/// What a program said first: SOCKS has its version there, and no method of HTTP begins so.
const SOCKS5: u8 = 5;

/// Serves one connection to its end.
pub(super) async fn serve(gate: &Gate, tool: TcpStream) {
    let mut first = [0];
    let peeked = timeout(ASK_WITHIN, tool.peek(&mut first)).await;
    // Who breaks off while asking is told nothing: nobody is there.
    let _ = match (peeked, first) {
        (Ok(Ok(1..)), [SOCKS5]) => serve_socks(gate, &tool).await,
        (Ok(Ok(1..)), _) => serve_http(gate, &tool).await,
        (Ok(Ok(0) | Err(_)) | Err(_), _) => Ok(()),
    };
}

async fn serve_http(gate: &Gate, tool: &TcpStream) -> io::Result<()> {
    let mut said = Vec::new();
    let head = match read_head(tool, &mut said).await? {
        Ok(head) => head,
        Err(bad) => return refuse(tool, &bad).await,
    };
    let early = &said[head.length..];
    match head.tunnel() {
        Ok(Some((host, port))) => serve_tunnel(gate, tool, host, port, early).await,
        Ok(None) => match head.proxied() {
            Ok(onward) => forward(gate, tool, onward, early).await,
            Err(bad) => refuse(tool, &bad).await?,
        },
        Err(bad) => refuse(tool, &bad).await?,
    }
    Ok(())
}

async fn serve_tunnel(gate: &Gate, tool: &TcpStream, host: Host, port: u16, early: &[u8]) {
    match gate.reach(host, port).await {
        Err(unreached) => No::from(&unreached).send(tool).await,
        Ok(reached) => tunnel(gate, tool, reached, answer::TUNNEL, early).await,
    }
}

/// Says `yes` and relays, what came early first.
pub(super) async fn tunnel(
    gate: &Gate,
    tool: &TcpStream,
    reached: Reached,
    yes: &[u8],
    early: &[u8],
) {
    let relayed = async {
        relay::send(tool, yes).await?;
        relay::send(&reached.server, early).await?;
        reached
            .flow
            .sent(u64::try_from(early.len()).unwrap_or(u64::MAX));
        relay::both(tool, &reached.server, &reached.flow).await
    };
    let ended = relayed.await;
    gate.ended(&reached, ended);
}

async fn serve_socks(gate: &Gate, tool: &TcpStream) -> io::Result<()> {
    let mut said = Vec::new();
    let asked = timeout(ASK_WITHIN, ask_socks(tool, &mut said)).await??;
    let (host, port) = match asked {
        Ok(asked) => asked,
        Err(ended) => return end_socks(tool, &socks::reply(ended)).await,
    };
    match gate.reach(host, port).await {
        Err(unreached) => end_socks(tool, &socks::reply(unreached.socks())).await?,
        Ok(reached) => tunnel(gate, tool, reached, &socks::reply(Ended::Connected), &said).await,
    }
    Ok(())
}

/// Hears out a greeting and a request. What is left in `said` came after them.
async fn ask_socks(tool: &TcpStream, said: &mut Vec<u8>) -> io::Result<Result<(Host, u16), Ended>> {
    let (ours, used) = loop {
        match socks::greeting(said) {
            Ok(Some(greeting)) => break greeting,
            Ok(None) => more(tool, said, socks::MAX_MESSAGE).await?,
            Err(ended) => return Ok(Err(ended)),
        }
    };
    said.drain(..used);
    if !ours {
        end_socks(tool, &socks::NO_METHOD).await?;
        return Err(io::ErrorKind::InvalidData.into());
    }
    relay::send(tool, &socks::NO_PASSWORD).await?;
    loop {
        match socks::request(said) {
            Ok(Some((host, port, used))) => {
                said.drain(..used);
                return Ok(Ok((host, port)));
            }
            Ok(None) => more(tool, said, socks::MAX_MESSAGE).await?,
            Err(ended) => return Ok(Err(ended)),
        }
    }
}

async fn end_socks(tool: &TcpStream, last: &[u8]) -> io::Result<()> {
    relay::send(tool, last).await?;
    answer::linger(tool).await;
    Ok(())
}

/// Reads until a head is whole, and it may be more than that.
pub(super) async fn read_head(
    tool: &TcpStream,
    said: &mut Vec<u8>,
) -> io::Result<Result<Head, BadRequest>> {
    let whole = async {
        loop {
            match Head::parse(said) {
                Ok(Some(head)) => return Ok(Ok(head)),
                Ok(None) => more(tool, said, MAX_HEAD).await?,
                Err(bad) => return Ok(Err(bad)),
            }
        }
    };
    timeout(ASK_WITHIN, whole).await?
}

pub(super) async fn refuse(tool: &TcpStream, bad: &BadRequest) -> io::Result<()> {
    No::from(bad).send(tool).await;
    Ok(())
}

/// Reads what comes next, up to `most` bytes in all.
async fn more(tool: &TcpStream, said: &mut Vec<u8>, most: usize) -> io::Result<()> {
    let before = said.len();
    said.resize(most.min(before + 4096), 0);
    let read = relay::receive(tool, &mut said[before..]).await;
    said.truncate(before + *read.as_ref().unwrap_or(&0));
    match read? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}
