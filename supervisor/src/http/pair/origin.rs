//! From which page a request comes. Pure.

use crate::config::{Bind, Gateway};
use axum::http::{HeaderMap, header};
use reqwest::Url;
use std::net::IpAddr;

/// Where our pages are, as browsers see them.
#[derive(Debug, Clone)]
pub(super) struct Site {
    /// Where they are from elsewhere.
    public: Option<Url>,
    bind: Bind,
}

impl Site {
    pub(super) fn of(gateway: &Gateway) -> Self {
        Self {
            public: gateway.public_url.clone(),
            bind: gateway.bind,
        }
    }

    /// The path our pages are under from elsewhere, without a slash at its end.
    pub(super) fn prefix(&self) -> &str {
        let path = self.public.as_ref().map_or("", Url::path);
        path.trim_end_matches('/')
    }

    /// Whether the browser came by the public address, and that is encrypted.
    pub(super) fn is_secure(&self, headers: &HeaderMap) -> bool {
        let host = one(headers, &header::HOST).unwrap_or_default();
        let public = self.public.as_ref();
        public.is_some_and(|public| public.scheme() == "https" && is_at(public, host))
    }

    /// Whether a form was sent by a page of ours.
    pub(super) fn sent(&self, headers: &HeaderMap) -> bool {
        let from = if headers.contains_key(header::ORIGIN) {
            one(headers, &header::ORIGIN)
        } else {
            one(headers, &header::REFERER)
        };
        // `null` is no address, and no page of ours.
        let Some(from) = from.and_then(|from| Url::parse(from).ok()) else {
            return false;
        };
        let is_public = |public: &Url| public.origin() == from.origin();
        if self.public.as_ref().is_some_and(is_public) {
            return true;
        }
        let host = one(headers, &header::HOST).unwrap_or_default();
        from.scheme() == "http" && is_at(&from, host) && (self.bind == Bind::Lan || is_ours(&from))
    }
}

/// The only header of that name.
fn one<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> Option<&'a str> {
    let mut said = headers.get_all(name).iter();
    let first = said.next()?.to_str().ok()?;
    said.next().is_none().then_some(first)
}

/// Whether a `Host` is that of an address.
fn is_at(url: &Url, host: &str) -> bool {
    let as_url = Url::parse(&format!("{}://{host}/", url.scheme()));
    as_url.is_ok_and(|said| said.origin() == url.origin() && said.path() == "/")
}

fn is_ours(url: &Url) -> bool {
    let Some(host) = url.host_str() else {
        return false;
    };
    let ip = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || ip.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

/// Whether a person is about to read the answer: pictures, frames and scripts of other pages are not
/// for them. Browsers that do not say are believed.
pub(super) fn is_for_a_person(headers: &HeaderMap) -> bool {
    let wanted = headers.get("sec-fetch-dest");
    wanted.is_none_or(|wanted| wanted == "document")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(public: Option<&str>, bind: Bind) -> Site {
        Site {
            public: public.map(|url| Url::parse(url).unwrap()),
            bind,
        }
    }

    fn headers(said: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in said {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn a_form_comes_from_a_page_of_ours_or_is_refused() {
        let home = site(None, Bind::Loopback);
        let public = site(Some("https://claw.example/x"), Bind::Loopback);
        let at = "127.0.0.1:18789";
        for origin in ["http://127.0.0.1:18789", "HTTP://127.0.0.1:18789"] {
            let said = headers(&[("host", at), ("origin", origin)]);
            assert!(home.sent(&said) && public.sent(&said), "{origin}");
        }
        let by_referer = headers(&[("host", at), ("referer", "http://127.0.0.1:18789/pair/A")]);
        assert!(home.sent(&by_referer));
        for host in [at, "claw.example", "claw.example:443"] {
            let said = headers(&[("host", host), ("origin", "https://claw.example")]);
            assert!(public.sent(&said) && !home.sent(&said), "{host}");
        }
        for origin in [
            "null",
            "",
            "https://evil.example",
            "http://127.0.0.1",
            "http://127.0.0.1:3000",
            "https://127.0.0.1:18789",
            "http://localhost:18789",
            "http://claw.example",
            "https://claw.example.evil.example",
            "http://127.0.0.1:18789@evil.example",
        ] {
            let said = headers(&[("host", at), ("origin", origin)]);
            assert!(!home.sent(&said) && !public.sent(&said), "{origin}");
            // What is said twice, or only by a page that is not ours as well.
            let twice = headers(&[
                ("host", at),
                ("origin", "http://127.0.0.1:18789"),
                ("origin", origin),
            ]);
            assert!(!home.sent(&twice), "{origin}");
            let mixed = headers(&[
                ("host", at),
                ("origin", origin),
                ("referer", "http://127.0.0.1:18789/"),
            ]);
            assert!(!home.sent(&mixed), "{origin}");
        }
        assert!(!home.sent(&headers(&[("host", at)])));
        let rebound = headers(&[("host", "evil.example"), ("origin", "http://evil.example")]);
        assert!(!home.sent(&rebound));
    }

    #[test]
    fn a_path_of_the_public_address_stands_before_ours() {
        for (url, prefix) in [
            ("https://claw.example", ""),
            ("https://claw.example/", ""),
            ("https://claw.example/a/b/", "/a/b"),
        ] {
            assert_eq!(site(Some(url), Bind::Loopback).prefix(), prefix);
        }
        assert_eq!(site(None, Bind::Loopback).prefix(), "");
    }

    #[test]
    fn only_a_person_opens_the_page() {
        assert!(is_for_a_person(&headers(&[])));
        assert!(is_for_a_person(&headers(&[("sec-fetch-dest", "document")])));
        for wanted in ["image", "iframe", "empty", "script"] {
            assert!(!is_for_a_person(&headers(&[("sec-fetch-dest", wanted)])));
        }
    }
}
