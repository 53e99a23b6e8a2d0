//! Connecting to addresses that were judged.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Addresses of one host that are tried.
const MAX_TRIED: usize = 8;
/// An address that did not answer by then has the next one tried beside it.
const NEXT_AFTER: Duration = Duration::from_millis(250);
/// All of them together have this long.
const WITHIN: Duration = Duration::from_secs(20);

/// The first of `addresses` that answers on `port`, in their order, each with a head start.
///
/// # Errors
/// What the last one that failed said, or that none answered in time.
pub(super) async fn connect(addresses: &[IpAddr], port: u16) -> io::Result<TcpStream> {
    let none = || Err(io::ErrorKind::TimedOut.into());
    let connected = timeout(WITHIN, race(addresses, port)).await;
    let stream = connected.unwrap_or_else(|_| none())?;
    // We pass on what comes as it comes; waiting for more would be waited for at both ends.
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn race(addresses: &[IpAddr], port: u16) -> io::Result<TcpStream> {
    let mut attempts = JoinSet::new();
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in addresses.iter().take(MAX_TRIED) {
        attempts.spawn(TcpStream::connect(SocketAddr::new(*address, port)));
        match timeout(NEXT_AFTER, attempts.join_next()).await {
            Ok(Some(Ok(Ok(stream)))) => return Ok(stream),
            Ok(Some(Ok(Err(error)))) => last = error,
            Ok(Some(Err(_)) | None) | Err(_) => {}
        }
    }
    while let Some(ended) = attempts.join_next().await {
        match ended {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = error,
            Err(_) => {}
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn an_address_where_nobody_listens_is_passed_over() {
        let there = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = there.local_addr().unwrap().port();
        let addresses = ["127.0.0.9", "127.0.0.1"].map(|text| text.parse().unwrap());
        let stream = connect(&addresses, port).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap().ip(), addresses[1]);
        let nobody = connect(&addresses[..1], port).await.unwrap_err();
        assert_eq!(nobody.kind(), io::ErrorKind::ConnectionRefused);
        assert!(connect(&[], port).await.is_err());
    }
}
