//! The head of a plain HTTP request: read, checked, and written anew for its server. Pure.
//!
//! What goes on is what was understood, never the bytes as they came: two programs that read one
//! request differently are how one request becomes two.

use super::name::{BadHost, Host};
use std::fmt::Write as _;

/// Longest head, in bytes.
pub(super) const MAX_HEAD: usize = 64 * 1024;
/// Most header lines.
const MAX_HEADERS: usize = 128;

/// Header lines that are about one connection and not about the request (RFC 9110, 7.6.1), or that
/// are written anew.
const NOT_PASSED_ON: [&str; 12] = [
    "connection",
    "content-length",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "http2-settings",
];

/// Header lines a request can not do without, whatever `Connection` says of them.
const NEVER_DROPPED: [&str; 3] = ["authorization", "cookie", "range"];

/// A request that is refused, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRequest {
    /// No HTTP, or with more header lines than we read.
    #[error("this is no HTTP request: {0}")]
    Malformed(httparse::Error),
    /// More than a request's head may have.
    #[error("the head of the request is longer than 64 KiB")]
    TooLong,
    /// A host that is none.
    #[error("the request names no host that can be reached: {0}")]
    Host(#[from] BadHost),
    /// A form of target that a proxy is not sent.
    #[error("this is the session's proxy: send \"GET http://HOST/\" or \"CONNECT HOST:PORT\"")]
    Target,
    /// Captured, and for another host than the one that was looked up.
    #[error("the connection was made to {looked_up}, and its Host says something else")]
    OtherHost {
        /// What was looked up.
        looked_up: String,
    },
    /// A length that can be read in two ways.
    #[error("the request does not say plainly how long its body is")]
    Length,
}

/// A request, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    method: String,
    target: String,
    version: u8,
    headers: Vec<(String, Vec<u8>)>,
    /// Where its body begins.
    pub length: usize,
}

/// How the end of a body is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// So many bytes; none at all is 0.
    Length(u64),
    /// In pieces, the last of which is empty.
    Chunked,
}

/// A request that can go to its server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Onward {
    /// Where that is.
    pub host: Host,
    /// On which port.
    pub port: u16,
    /// The head to send.
    pub head: Vec<u8>,
    /// The body that follows.
    pub body: Body,
}

// === impl Head ===

impl Head {
    /// Reads a head; `None` while it is not whole.
    ///
    /// # Errors
    /// [`BadRequest`] for what never becomes one.
    pub fn parse(bytes: &[u8]) -> Result<Option<Self>, BadRequest> {
        let mut lines = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut request = httparse::Request::new(&mut lines);
        let status = request.parse(bytes).map_err(BadRequest::Malformed)?;
        let httparse::Status::Complete(length) = status else {
            let too_long = bytes.len() >= MAX_HEAD;
            return if too_long {
                Err(BadRequest::TooLong)
            } else {
                Ok(None)
            };
        };
        let (Some(method), Some(target), Some(version)) =
            (request.method, request.path, request.version)
        else {
            return Ok(None);
        };
        let headers = request.headers.iter();
        Ok(Some(Self {
            method: method.to_owned(),
            target: target.to_owned(),
            version,
            headers: headers
                .map(|line| (line.name.to_ascii_lowercase(), line.value.to_vec()))
                .collect(),
            length,
        }))
    }

    /// Where a `CONNECT` wants to go; `None` for every other method.
    ///
    /// # Errors
    /// [`BadRequest::Host`].
    pub fn tunnel(&self) -> Result<Option<(Host, u16)>, BadRequest> {
        if self.method != "CONNECT" {
            return Ok(None);
        }
        Ok(Some(Host::parse_with_port(&self.target, None)?))
    }

    /// The request of a client that knows us as its proxy: `GET http://host/path`.
    ///
    /// # Errors
    /// [`BadRequest`].
    pub fn proxied(&self) -> Result<Onward, BadRequest> {
        let scheme = self
            .target
            .get(..7)
            .filter(|scheme| scheme.eq_ignore_ascii_case("http://"));
        let rest = scheme.and(self.target.get(7..)).ok_or(BadRequest::Target)?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let (host, port) = Host::parse_with_port(authority, Some(80))?;
        let path = path.split('#').next().unwrap_or_default();
        let root = if path.starts_with('/') { "" } else { "/" };
        self.onward(host, port, &format!("{root}{path}"))
    }

    /// The request of a client that thinks it speaks to `host` itself.
    ///
    /// # Errors
    /// [`BadRequest`].
    pub fn captured(&self, host: Host, port: u16) -> Result<Onward, BadRequest> {
        let named = self.values("host").next();
        let named = named.map(|named| std::str::from_utf8(named).map_err(|_| BadHost::Character));
        if let Some(named) = named.transpose()?
            && Host::parse_with_port(named.trim(), Some(80))? != (host.clone(), port)
        {
            return Err(BadRequest::OtherHost {
                looked_up: host.to_string(),
            });
        }
        if !self.target.starts_with('/') && self.target != "*" {
            return Err(BadRequest::Target);
        }
        self.onward(host, port, &self.target)
    }

    fn onward(&self, host: Host, port: u16, path: &str) -> Result<Onward, BadRequest> {
        let body = self.body()?;
        let mut head = String::new();
        let place = if port == 80 {
            host.to_string()
        } else {
            format!("{host}:{port}")
        };
        // Writing to a string does not fail.
        let _ = write!(
            head,
            "{} {path} HTTP/1.{}\r\nHost: {place}\r\n",
            self.method, self.version
        );
        let _ = match body {
            Body::Chunked => write!(head, "Transfer-Encoding: chunked\r\n"),
            Body::Length(length) if self.values("content-length").next().is_some() => {
                write!(head, "Content-Length: {length}\r\n")
            }
            Body::Length(_) => Ok(()),
        };
        let mut head = head.into_bytes();
        for (name, value) in self.passed_on() {
            head.extend_from_slice(name.as_bytes());
            head.extend_from_slice(b": ");
            head.extend_from_slice(value);
            head.extend_from_slice(b"\r\n");
        }
        // One request a connection: what follows this one's body goes nowhere.
        head.extend_from_slice(b"Connection: close\r\n\r\n");
        Ok(Onward {
            host,
            port,
            head,
            body,
        })
    }

    fn passed_on(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let connection = self
            .values("connection")
            .flat_map(|value| value.split(|byte| *byte == b','));
        let dropped: Vec<&[u8]> = connection.map(<[u8]>::trim_ascii).collect();
        let is_dropped = move |name: &str| {
            NOT_PASSED_ON.contains(&name)
                || (!NEVER_DROPPED.contains(&name)
                    && dropped
                        .iter()
                        .any(|other| other.eq_ignore_ascii_case(name.as_bytes())))
        };
        let lines = self
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_slice()));
        lines.filter(move |(name, _)| !is_dropped(name))
    }

    fn body(&self) -> Result<Body, BadRequest> {
        let mut lengths = self.values("content-length");
        let mut codings = self.values("transfer-encoding");
        match (lengths.next(), codings.next()) {
            (None, None) => Ok(Body::Length(0)),
            (Some(length), None) if lengths.next().is_none() => {
                let digits = !length.is_empty() && length.iter().all(u8::is_ascii_digit);
                let text = std::str::from_utf8(length).ok().filter(|_| digits);
                text.and_then(|text| text.parse().ok())
                    .map(Body::Length)
                    .ok_or(BadRequest::Length)
            }
            (None, Some(coding)) if codings.next().is_none() && self.version == 1 => {
                let chunked = coding.trim_ascii().eq_ignore_ascii_case(b"chunked");
                if chunked {
                    Ok(Body::Chunked)
                } else {
                    Err(BadRequest::Length)
                }
            }
            (Some(_), None | Some(_)) | (None, Some(_)) => Err(BadRequest::Length),
        }
    }

    fn values(&self, name: &'static str) -> impl Iterator<Item = &[u8]> {
        self.headers
            .iter()
            .filter(move |(own, _)| own == name)
            .map(|(_, value)| value.as_slice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn head(text: &str) -> Head {
        Head::parse(text.as_bytes()).unwrap().unwrap()
    }

    fn proxied(text: &str) -> Result<String, BadRequest> {
        let onward = head(text).proxied()?;
        let head = String::from_utf8(onward.head).unwrap();
        Ok(format!("{}:{} {head}", onward.host, onward.port))
    }

    #[test]
    fn a_request_is_written_anew_for_its_server() {
        let request = "POST HTTP://Example.COM.:80/a?b#c HTTP/1.1\r\nHost: other.example\r\nAccept: */*\r\n\
            Proxy-Authorization: Basic x\r\nProxy-Connection: keep-alive\r\nConnection: X-Gone, Cookie\r\n\
            X-Gone: 1\r\nCookie: kept\r\nUpgrade: websocket\r\nTE: trailers\r\nContent-Length: 3\r\n\r\nabc";
        assert_eq!(
            proxied(request).unwrap(),
            "example.com:80 POST /a?b HTTP/1.1\r\nHost: example.com\r\nContent-Length: 3\r\n\
             accept: */*\r\ncookie: kept\r\nConnection: close\r\n\r\n"
        );
        assert_eq!(head(request).length, request.len() - 3);
    }

    #[test]
    fn the_path_begins_where_the_host_ends() {
        for (target, expected) in [
            ("http://a.example", "GET / "),
            ("http://a.example?x", "GET /?x "),
            ("http://a.example/x//y", "GET /x//y "),
            (
                "http://a.example:80/http://b.example/",
                "GET /http://b.example/ ",
            ),
        ] {
            let sent = proxied(&format!("GET {target} HTTP/1.1\r\n\r\n")).unwrap();
            assert!(
                sent.starts_with(&format!("a.example:80 {expected}")),
                "{sent}"
            );
        }
    }

    #[test]
    fn no_host_is_smuggled_past_the_check() {
        for target in [
            "/",
            "*",
            "https://a.example/",
            "ftp://a.example/",
            "http:///x",
            "http://user@a.example/",
            "http://a.example:@b.example/",
            "http://a.example\\@b.example/",
            "http://a%2eexample/",
            "http://a.example:0/",
            "http://127.1/",
            "http:/a.example/",
            "//a.example/",
        ] {
            let head = head(&format!("GET {target} HTTP/1.1\r\nHost: a.example\r\n\r\n"));
            assert!(head.proxied().is_err(), "{target}");
        }
    }

    #[test]
    fn a_body_has_one_length_or_the_request_goes_nowhere() {
        let body = |lines: &str| {
            let head = head(&format!("POST http://a.example/ HTTP/1.1\r\n{lines}\r\n"));
            head.proxied().map(|onward| onward.body)
        };
        assert_eq!(body(""), Ok(Body::Length(0)));
        assert_eq!(body("Content-Length: 12\r\n"), Ok(Body::Length(12)));
        assert_eq!(body("Transfer-Encoding: Chunked\r\n"), Ok(Body::Chunked));
        for lines in [
            "Content-Length: 1\r\nContent-Length: 2\r\n",
            "Content-Length: 1\r\nContent-Length: 1\r\n",
            "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: gzip, chunked\r\n",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
            "Transfer-Encoding: xchunked\r\n",
            "Content-Length: +1\r\n",
            "Content-Length: 1, 1\r\n",
            "Content-Length: -1\r\n",
            "Content-Length: 99999999999999999999\r\n",
        ] {
            assert_eq!(body(lines), Err(BadRequest::Length), "{lines}");
        }
        let old = head("POST http://a.example/ HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n");
        assert!(old.proxied().is_err());
    }

    #[test]
    fn a_captured_request_is_for_the_host_that_was_looked_up() {
        let host = Host::parse("a.example").unwrap();
        let captured = |text: &str| head(text).captured(host.clone(), 80);
        for lines in ["Host: a.example\r\n", "Host: A.Example.:80\r\n", ""] {
            let onward = captured(&format!("GET /x HTTP/1.1\r\n{lines}\r\n")).unwrap();
            assert!(
                onward
                    .head
                    .starts_with(b"GET /x HTTP/1.1\r\nHost: a.example\r\n")
            );
        }
        for lines in [
            "Host: b.example\r\n",
            "Host: a.example:81\r\n",
            "Host: 127.0.0.1\r\n",
            "Host: \r\n",
            "Host: a.example, b.example\r\n",
        ] {
            assert!(
                captured(&format!("GET /x HTTP/1.1\r\n{lines}\r\n")).is_err(),
                "{lines}"
            );
        }
        assert!(captured("GET http://b.example/ HTTP/1.1\r\n\r\n").is_err());
    }

    #[test]
    fn a_tunnel_says_where_to_with_its_port() {
        let of = |target: &str| head(&format!("CONNECT {target} HTTP/1.1\r\n\r\n")).tunnel();
        let (host, port) = of("Example.com:443").unwrap().unwrap();
        assert_eq!((host.to_string().as_str(), port), ("example.com", 443));
        for target in [
            "example.com",
            "example.com:",
            "user@example.com:443",
            "http://example.com:443/",
            "::1:443",
        ] {
            assert!(of(target).is_err(), "{target}");
        }
        assert_eq!(
            head("GET http://a.example/ HTTP/1.1\r\n\r\n").tunnel(),
            Ok(None)
        );
    }

    #[test]
    fn a_head_without_end_is_not_waited_for() {
        assert_eq!(
            Head::parse(b"GET http://a.example/ HTTP/1.1\r\nA: b"),
            Ok(None)
        );
        let long = format!(
            "GET http://a.example/ HTTP/1.1\r\nA: {}",
            "b".repeat(MAX_HEAD)
        );
        assert_eq!(Head::parse(long.as_bytes()), Err(BadRequest::TooLong));
        assert!(Head::parse(b"\x16\x03\x01").is_err());
        assert!(Head::parse(b"GET / HTTP/1.1\r\n folded: x\r\n\r\n").is_err());
    }

    proptest! {
        /// Whatever is sent on is one request, which reads as what was checked.
        #[test]
        fn what_goes_on_is_one_request_for_one_host(text in "(GET|POST) http://[a-z.:@/]{1,12}[ -~]{0,9} HTTP/1.1\r\n([A-Za-z-]{1,18}: [ -~]{0,12}\r\n){0,4}\r\n") {
            let Ok(Some(head)) = Head::parse(text.as_bytes()) else { return Ok(()) };
            let Ok(onward) = head.proxied() else { return Ok(()) };
            let again = Head::parse(&onward.head).unwrap().unwrap();
            prop_assert_eq!(again.length, onward.head.len());
            let hosts: Vec<&[u8]> = again.values("host").collect();
            prop_assert_eq!(hosts.len(), 1);
            let host = Host::parse_with_port(std::str::from_utf8(hosts[0]).unwrap(), Some(80));
            prop_assert_eq!(host, Ok((onward.host, onward.port)));
            prop_assert_eq!(again.body(), Ok(onward.body));
        }
    }
}
