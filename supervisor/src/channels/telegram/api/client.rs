//! The HTTP client of one server.

use super::ApiError;
use crate::config::ProxyUrl;
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, Proxy, Url};
use std::time::Duration;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A connection that is not used for so long is closed.
const IDLE: Duration = Duration::from_secs(60);

/// Connections kept for the next request: one polls, the others send.
const KEPT: usize = 8;

/// A client for the server at `root`, through `proxy` where one is named, else through the
/// system's.
///
/// # Errors
/// [`ApiError::Network`] where the system's certificates can not be read or the proxy is none.
pub(crate) fn client(root: &Url, proxy: Option<&ProxyUrl>) -> Result<Client, ApiError> {
    let made = match proxy {
        Some(ProxyUrl(url)) => Proxy::all(url.clone()).map(|proxy| base().proxy(proxy)),
        None if is_loopback(root) => Ok(base().no_proxy()),
        None => Ok(base()),
    };
    let plain = root.scheme() == "http" && proxy.is_none_or(|proxy| proxy.0.scheme() != "https");
    // Reading the system's certificates takes a while, and nobody asks for them here.
    let made = made.map(|builder| match plain {
        true => builder.tls_certs_only(std::iter::empty()),
        false => builder,
    });
    made.and_then(ClientBuilder::build)
        .map_err(|error| ApiError::unsent(format!("no HTTP client can be made: {}", causes(error))))
}

fn base() -> ClientBuilder {
    // Fails only where one is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .user_agent(concat!("openclaw/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_nodelay(true)
        .tcp_keepalive(IDLE)
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(KEPT)
        // A look for messages that hangs in a dead connection must not take the sends with it.
        .http1_only()
        // A redirect would carry the token to wherever it points.
        .redirect(Policy::none())
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || bare
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.is_loopback())
}

/// What a failed exchange means. `token` is left out of it, wherever it may stand.
pub(super) fn network(error: reqwest::Error, token: &str) -> ApiError {
    // Refused or never connected: no byte of the request went out.
    let unsent = error.is_connect() || error.is_builder();
    let host = error.url().and_then(Url::host_str).unwrap_or_default();
    let why = format!("{host}: {}", causes_of(&error)).replace(token, "[token]");
    if unsent {
        ApiError::unsent(why)
    } else {
        ApiError::in_doubt(why)
    }
}

fn causes(error: reqwest::Error) -> String {
    causes_of(&error.without_url())
}

/// An error with all that caused it. The first one is left out: its text has the address.
fn causes_of(error: &reqwest::Error) -> String {
    let mut causes = Vec::new();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        causes.push(cause.to_string());
        next = cause.source();
    }
    if error.is_timeout() {
        return "timed out".to_owned();
    }
    if causes.is_empty() {
        return "the exchange failed".to_owned();
    }
    causes.join(": ")
}
