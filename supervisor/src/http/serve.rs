//! The server: a few connections at a time, each with its bounds.

use crate::config::{Bind, Gateway};
use crate::control::Door;
use axum::extract::{Extension, Request};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse as _, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Connections at a time; one more waits to be accepted.
const CONNECTIONS: usize = 64;
/// The largest head of a request, in bytes.
const HEAD: usize = 16 * 1024;
/// The most lines in it.
const HEADERS: usize = 64;
/// A connection says its next request within this time, or is closed.
const HEAD_WITHIN: Duration = Duration::from_secs(10);
/// An answer takes no longer.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);
/// A port that is taken is tried again this often.
const TRY_EVERY: Duration = Duration::from_secs(5);

/// Who asks for a page, as far as their address tells.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer(pub(super) IpAddr);

/// Serves pages until the gateway stops, and says at `door` where. A port that is in use stops
/// nothing else, and is tried again.
pub(crate) async fn serve(
    gateway: Gateway,
    pages: axum::Router,
    door: watch::Sender<Door>,
    stop: CancellationToken,
) {
    let pages = pages.layer(from_fn(in_time));
    let served = async {
        let mut listeners = open(&gateway, &door).await;
        let mut clients = JoinSet::new();
        let room = Arc::new(Semaphore::new(CONNECTIONS));
        loop {
            let Ok(place) = Arc::clone(&room).acquire_owned().await else {
                return;
            };
            let Some((client, peer)) = accept(&mut listeners).await else {
                continue;
            };
            // Those that have ended are let go.
            while clients.try_join_next().is_some() {}
            let pages = pages.clone().layer(Extension(Peer(peer.ip())));
            clients.spawn(async move {
                attend(client, pages).await;
                drop(place);
            });
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = served => {}
    }
}

/// Opens the door, however long that takes.
async fn open(gateway: &Gateway, door: &watch::Sender<Door>) -> Vec<TcpListener> {
    loop {
        let shut = match bind(gateway).await {
            Ok((listeners, address)) => {
                tracing::info!("pages are served on http://{address}");
                door.send_replace(Door::Open(address));
                return listeners;
            }
            Err(error) => Door::Shut(complaint(gateway, &error)),
        };
        let is_new = door.send_if_modified(|said| {
            let is_new = *said != shut;
            said.clone_from(&shut);
            is_new
        });
        if let (true, Door::Shut(why)) = (is_new, &shut) {
            tracing::error!("no pages are served: {why}");
        }
        tokio::time::sleep(TRY_EVERY).await;
    }
}

fn complaint(gateway: &Gateway, error: &io::Error) -> String {
    let port = gateway.port;
    if error.kind() == io::ErrorKind::AddrInUse {
        return format!(
            "port {port} is in use by another program; stop that, or set gateway.port to another (0 \
             is any free one)"
        );
    }
    if error.kind() == io::ErrorKind::PermissionDenied {
        return format!("port {port} needs root; set gateway.port to one above 1023");
    }
    format!("failed to listen on port {port}: {error}; set gateway.port to another")
}

/// Both kinds of address, where the machine has both; the first one counts.
async fn bind(gateway: &Gateway) -> io::Result<(Vec<TcpListener>, SocketAddr)> {
    let (first, second): (IpAddr, IpAddr) = match gateway.bind {
        Bind::Loopback => (Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()),
        Bind::Lan => (Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()),
    };
    let listener = TcpListener::bind((first, gateway.port)).await?;
    let address = listener.local_addr()?;
    let mut listeners = vec![listener];
    // Without it, the other kind's clients are few, and find their way.
    listeners.extend(TcpListener::bind((second, address.port())).await.ok());
    Ok((listeners, address))
}

async fn accept(listeners: &mut [TcpListener]) -> Option<(TcpStream, SocketAddr)> {
    let accepted = match listeners {
        [one, other] => tokio::select! {
            accepted = one.accept() => accepted,
            accepted = other.accept() => accepted,
        },
        [one] => one.accept().await,
        _ => return std::future::pending().await,
    };
    match accepted {
        Ok(client) => Some(client),
        Err(error) => {
            tracing::debug!("a client was not accepted: {error}");
            // Out of descriptors, most likely: others must end first.
            tokio::time::sleep(Duration::from_millis(100)).await;
            None
        }
    }
}

async fn attend(client: TcpStream, pages: axum::Router) {
    let mut server = hyper::server::conn::http1::Builder::new();
    server
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .max_buf_size(HEAD)
        .max_headers(HEADERS);
    let served = server.serve_connection(TokioIo::new(client), TowerToHyperService::new(pages));
    if let Err(error) = served.await {
        tracing::debug!("a reader of pages left: {error}");
    }
}

async fn in_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(ANSWER_WITHIN, next.run(request)).await {
        Ok(answer) => answer,
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}
