//! Who is let in.

use crate::config::{Bind, Gateway, GatewayAuth};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::ExposeSecret as _;
use sha2::{Digest as _, Sha256};
use std::net::IpAddr;

/// The rules of the gateway's door.
#[derive(Debug, Clone)]
pub(super) struct Door {
    bind: Bind,
    auth: GatewayAuth,
    /// The host of `gateway.publicUrl`, under which people reach it from elsewhere.
    public: Option<String>,
}

/// What proxies say of a request they pass on.
const PASSED_ON: [&str; 4] = [
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-real-ip",
];

/// A no, and what would be a yes.
type Refused = (StatusCode, [(header::HeaderName, &'static str); 1], String);

impl Door {
    pub(super) fn of(gateway: &Gateway) -> Self {
        Self {
            bind: gateway.bind,
            auth: gateway.auth.clone(),
            public: gateway
                .public_url
                .as_ref()
                .and_then(|url| Some(url.host_str()?.to_owned())),
        }
    }

    /// Whether a request with these headers came from this machine: nobody else reaches the door,
    /// and nothing says that it was passed on. With a `gateway.publicUrl` something passes requests
    /// on, and what it says of them is not ours to believe.
    pub(super) fn is_at_home(&self, headers: &HeaderMap) -> bool {
        self.bind == Bind::Loopback
            && self.public.is_none()
            && !PASSED_ON.iter().any(|name| headers.contains_key(*name))
    }

    /// Whether whoever sent these headers may read what is for the person alone.
    pub(super) fn lets_read(&self, headers: &HeaderMap) -> Result<(), Refused> {
        if self.is_at_home(headers) {
            return Ok(());
        }
        let wanted = match &self.auth {
            GatewayAuth::Open => return Ok(()),
            GatewayAuth::Token(secret) | GatewayAuth::Password(secret) => secret.expose_secret(),
            GatewayAuth::Unset => {
                let mend = "set gateway.auth.token (or OPENCLAW_GATEWAY_TOKEN) to let someone in";
                return Err(refused(format!("nobody may read this: {mend}\n")));
            }
        };
        if given(headers).is_some_and(|given| is_same(&given, wanted)) {
            return Ok(());
        }
        Err(refused(
            "send the gateway's token: Authorization: Bearer TOKEN\n".to_owned(),
        ))
    }
}

fn refused(text: String) -> Refused {
    let scheme = (header::WWW_AUTHENTICATE, "Bearer");
    (StatusCode::UNAUTHORIZED, [scheme], text)
}

/// The token or password of a request.
fn given(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(token.to_owned());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(token).ok()?).ok()?;
    Some(decoded.split_once(':')?.1.to_owned())
}

/// Compares what two secrets are mixed into, so that the time it takes tells nothing of them.
fn is_same(one: &str, other: &str) -> bool {
    Sha256::digest(one) == Sha256::digest(other)
}

/// Refuses a request for another machine's page: a name that leads to loopback is not thereby ours.
pub(super) async fn check(State(door): State<Door>, request: Request, next: Next) -> Response {
    let public = door.public.as_deref();
    if door.bind == Bind::Loopback && !is_for_us(request.headers(), request.uri(), public) {
        let text = "this page is read as localhost, 127.0.0.1, [::1] or the name in gateway.publicUrl, under no other name\n";
        return (StatusCode::FORBIDDEN, text).into_response();
    }
    next.run(request).await
}

fn is_for_us(headers: &HeaderMap, uri: &Uri, public: Option<&str>) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return false;
    };
    let host = host.to_str().unwrap_or_default();
    // An address in the request line goes before the header, so it must be ours as well.
    let is_ours = |host: &str| is_our_name(host) || public.is_some_and(|name| is_named(host, name));
    is_ours(host) && uri.authority().is_none_or(|at| is_ours(at.as_str()))
}

/// Whether a host, with a port or without, is of this name.
fn is_named(host: &str, name: &str) -> bool {
    let (front, rest) = match host.get(..name.len()) {
        Some(front) => (front, &host[name.len()..]),
        None => return false,
    };
    front.eq_ignore_ascii_case(name) && is_port(rest)
}

fn is_our_name(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((name, port)) if is_port(port) => name,
            Some(_) | None => return false,
        },
        None => match host.split_once(':') {
            Some((name, port)) if is_port(&host[name.len()..]) && !port.is_empty() => name,
            Some(_) => return false,
            None => host,
        },
    };
    let is_loopback = |ip: IpAddr| ip.is_loopback();
    name.eq_ignore_ascii_case("localhost") || name.parse().is_ok_and(is_loopback)
}

/// Nothing, or `:` and digits.
fn is_port(text: &str) -> bool {
    match text.strip_prefix(':') {
        Some(digits) => digits.bytes().all(|b| b.is_ascii_digit()),
        None => text.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::SecretString;

    fn headers(given: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in given {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn a_page_is_read_under_this_machines_own_names_alone() {
        let at = Uri::from_static("/metrics");
        for host in [
            "localhost",
            "LocalHost:18789",
            "127.0.0.1",
            "127.0.0.1:1",
            "[::1]",
            "[::1]:80",
        ] {
            assert!(is_for_us(&headers(&[("host", host)]), &at, None), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "localhost.evil.example",
            "evil.localhost",
            "127.0.0.1.evil.example",
            "10.0.0.1",
            "0.0.0.0",
            "[::]",
            "::1",
            "[::1",
            "localhost:80@evil.example",
            "localhost:x",
            "evil@localhost",
            "127.1",
            "2130706433",
            "[::1]evil.example",
        ] {
            assert!(!is_for_us(&headers(&[("host", host)]), &at, None), "{host}");
        }
        assert!(!is_for_us(&headers(&[]), &at, None));
        assert!(!is_for_us(
            &headers(&[("host", "localhost"), ("host", "evil")]),
            &at,
            None
        ));
        let elsewhere = Uri::from_static("http://evil.example/metrics");
        assert!(!is_for_us(
            &headers(&[("host", "localhost")]),
            &elsewhere,
            None
        ));
    }

    #[test]
    fn beyond_loopback_it_takes_the_gateways_token() {
        let secret = || SecretString::from("right-and-long");
        let door = |bind, auth| Door {
            bind,
            auth,
            public: None,
        };
        let basic = STANDARD.encode("me:right-and-long");
        let right = [
            headers(&[("authorization", "Bearer right-and-long")]),
            headers(&[("authorization", &format!("basic {basic}"))]),
        ];
        let wrong = [
            "",
            "Bearer",
            "Bearer wrong",
            "right-and-long",
            "Basic right-and-long",
            "Bearer right-and-lon",
        ];
        for auth in [
            GatewayAuth::Token(secret()),
            GatewayAuth::Password(secret()),
        ] {
            let door = door(Bind::Lan, auth);
            assert!(right.iter().all(|right| door.lets_read(right).is_ok()));
            for wrong in wrong {
                assert!(
                    door.lets_read(&headers(&[("authorization", wrong)]))
                        .is_err(),
                    "{wrong}"
                );
            }
            assert!(door.lets_read(&headers(&[])).is_err());
        }
        assert!(
            door(Bind::Lan, GatewayAuth::Unset)
                .lets_read(&right[0])
                .is_err()
        );
        assert!(
            door(Bind::Lan, GatewayAuth::Open)
                .lets_read(&headers(&[]))
                .is_ok()
        );
        assert!(
            door(Bind::Loopback, GatewayAuth::Unset)
                .lets_read(&headers(&[]))
                .is_ok()
        );
    }

    #[test]
    fn the_public_name_is_ours_and_is_not_home() {
        let at = Uri::from_static("/metrics");
        let public = Some("claw.example");
        for host in ["claw.example", "Claw.Example:443"] {
            assert!(
                is_for_us(&headers(&[("host", host)]), &at, public),
                "{host}"
            );
        }
        for host in [
            "claw.example.evil",
            "evil.claw.example",
            "claw.example:x",
            "claw",
        ] {
            assert!(
                !is_for_us(&headers(&[("host", host)]), &at, public),
                "{host}"
            );
        }
        let door = |public: Option<&str>| Door {
            bind: Bind::Loopback,
            auth: GatewayAuth::Token(SecretString::from("right-and-long")),
            public: public.map(str::to_owned),
        };
        let here = headers(&[("host", "localhost:1")]);
        assert!(door(None).is_at_home(&here));
        let forwarded = ("forwarded", "for=203.0.113.7");
        for (door, mut passed_on) in [
            (door(public), headers(&[("host", "claw.example")])),
            (door(public), here),
            (door(None), headers(&[("host", "localhost"), forwarded])),
        ] {
            assert!(!door.is_at_home(&passed_on), "{passed_on:?}");
            assert!(door.lets_read(&passed_on).is_err(), "{passed_on:?}");
            let right = "Bearer right-and-long".parse().unwrap();
            passed_on.insert("authorization", right);
            assert!(door.lets_read(&passed_on).is_ok());
        }
    }
}
