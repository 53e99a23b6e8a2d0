//! The HTTP clients: made at the first call, kept for all.

use super::error::{self, Complaint, ModelError};
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, Url};
use std::sync::OnceLock;
use std::time::Duration;

/// What we call ourselves.
pub(super) const USER_AGENT: &str = concat!("openclaw/", env!("CARGO_PKG_VERSION"));

/// Most of an error's body that is read, in bytes.
const MAX_ERROR_BODY: usize = 64 * 1024;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Two clients: one for this machine (no proxy, no certificates to load), one for the world (the
/// system's proxy and certificates).
#[derive(Debug, Default)]
pub(super) struct Http {
    here: OnceLock<Client>,
    world: OnceLock<Client>,
}

impl Http {
    /// The client for `url`.
    ///
    /// # Errors
    /// [`ModelError::Network`] where the system's certificates can not be read.
    pub(super) fn client(&self, url: &Url) -> Result<&Client, ModelError> {
        if url.scheme() == "http" && is_loopback(url) {
            kept(&self.here, || {
                base().no_proxy().tls_certs_only(std::iter::empty()).build()
            })
        } else {
            kept(&self.world, || base().build())
        }
    }
}

fn kept(
    slot: &OnceLock<Client>,
    make: impl FnOnce() -> reqwest::Result<Client>,
) -> Result<&Client, ModelError> {
    if let Some(client) = slot.get() {
        return Ok(client);
    }
    let client = make().map_err(|error| ModelError::Network {
        message: format!("no HTTP client can be made: {}", causes(&error)),
    })?;
    Ok(slot.get_or_init(|| client))
}

fn base() -> reqwest::ClientBuilder {
    // Fails only where one is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .user_agent(USER_AGENT)
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_nodelay(true)
        // A redirect would carry the key to wherever it points.
        .redirect(Policy::none())
}

/// Whether `url` is on this machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host.ends_with(".localhost")
        || bare
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.is_loopback())
}

/// An address out of a configured base and a path.
///
/// # Errors
/// [`ModelError::Rejected`] where it is none.
pub(super) fn url(base: &str, path: &str) -> Result<Url, ModelError> {
    let text = format!("{}{path}", base.trim_end_matches('/'));
    Url::parse(&text).map_err(|error| ModelError::Rejected {
        status: 0,
        message: format!("baseUrl {base:?} is no address: {error}"),
    })
}

/// What a failed exchange means.
pub(super) fn network(error: &reqwest::Error) -> ModelError {
    // No more of the address than that: a key may stand in the rest.
    let host = error.url().and_then(Url::host_str).unwrap_or_default();
    let port = error.url().and_then(Url::port_or_known_default);
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    ModelError::Network {
        message: format!(
            "{host}{port}: {}; check baseUrl and the network",
            causes(error)
        ),
    }
}

/// What an answer with an error status means; reads what it says.
pub(super) async fn refusal(response: Response) -> ModelError {
    let status = response.status();
    let wait = retry_after(response.headers());
    let body = bounded_body(response).await;
    let mut said = Complaint::of_body(&body);
    if said.message.is_empty() {
        said.message = status.to_string();
    }
    if status.is_redirection() {
        said.message = format!("{status}: the address has moved; set baseUrl to where it is now");
    }
    error::of_answer(status.as_u16(), wait, said)
}

/// What a good status means that comes with a document where a stream was asked for: some servers
/// tell their errors so.
pub(super) async fn no_stream(response: Response) -> ModelError {
    let said = Complaint::of_body(&bounded_body(response).await);
    if said.is_error {
        return error::of_event(said);
    }
    ModelError::Broken {
        message: "the server sent a document, not a stream; see that baseUrl is the API's"
            .to_owned(),
    }
}

/// Whether the answer is a JSON document, or a page for people.
pub(super) fn is_document(response: &Response) -> bool {
    let kind = response
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    let documents = ["application/json", "text/html"];
    kind.is_some_and(|kind| documents.iter().any(|known| kind.starts_with(known)))
}

/// The first bytes of an answer; what fails to come is left out.
pub(super) async fn bounded_body(mut response: Response) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(Some(piece)) = response.chunk().await {
        let room = MAX_ERROR_BODY - body.len();
        body.extend_from_slice(&piece[..piece.len().min(room)]);
        if body.len() == MAX_ERROR_BODY {
            break;
        }
    }
    body
}

/// `retry-after-ms`, or `Retry-After` in seconds or as a date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    if let Some(ms) = text("retry-after-ms").and_then(|t| t.parse::<f64>().ok()) {
        return Duration::try_from_secs_f64(ms / 1000.0).ok();
    }
    let value = text("retry-after")?;
    if let Ok(seconds) = value.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let date = jiff::fmt::rfc2822::parse(value).ok()?;
    let left = date.timestamp().as_second() - jiff::Timestamp::now().as_second();
    Some(Duration::from_secs(u64::try_from(left).unwrap_or(0)))
}

/// An error with all that caused it, without the address (which may hold a key).
pub(super) fn causes(error: &reqwest::Error) -> String {
    let mut text = String::new();
    let mut next: Option<&dyn std::error::Error> = std::error::Error::source(error);
    while let Some(cause) = next {
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    if text.is_empty() {
        text = if error.is_timeout() {
            "timed out".to_owned()
        } else {
            "the exchange failed".to_owned()
        };
    }
    error::tidy(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_known_by_any_of_its_names() {
        for text in [
            "http://localhost:1",
            "http://127.0.0.9/x",
            "http://[::1]:8",
            "http://a.localhost",
        ] {
            assert!(is_loopback(&Url::parse(text).unwrap()), "{text}");
        }
        for text in [
            "https://api.openai.com",
            "http://localhost.evil.com",
            "http://10.0.0.1",
        ] {
            assert!(!is_loopback(&Url::parse(text).unwrap()), "{text}");
        }
    }

    #[test]
    fn a_client_for_each_kind_of_address_can_be_made() {
        let http = Http::default();
        for text in [
            "http://localhost:1",
            "https://localhost:1",
            "https://api.openai.com",
        ] {
            assert!(http.client(&Url::parse(text).unwrap()).is_ok(), "{text}");
        }
    }

    #[test]
    fn a_wait_is_read_in_every_form() {
        let of = |name: &'static str, value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            retry_after(&headers)
        };
        assert_eq!(of("retry-after", "2"), Some(Duration::from_secs(2)));
        assert_eq!(
            of("retry-after-ms", "120"),
            Some(Duration::from_millis(120))
        );
        assert_eq!(of("retry-after", "-3"), None);
        assert_eq!(of("retry-after", "soon"), None);
        let past = "Wed, 21 Oct 2015 07:28:00 GMT";
        assert_eq!(of("retry-after", past), Some(Duration::ZERO));
    }
}
