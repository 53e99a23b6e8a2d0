//! A browser, as far as the page of pairing needs one: cookies, a form, and nothing else.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use tests::page::{Page, send};

/// A browser with its cookies.
pub(super) struct Browser {
    pub(super) at: SocketAddr,
    /// What stands in the address bar between `http://` and the path.
    pub(super) host: String,
    /// What it says its page's address begins with.
    pub(super) origin: String,
    cookies: BTreeMap<String, String>,
}

impl Browser {
    pub(super) fn new(at: SocketAddr) -> Self {
        Self {
            at,
            host: at.to_string(),
            origin: format!("http://{at}"),
            cookies: BTreeMap::new(),
        }
    }

    pub(super) async fn opens(&mut self, path: &str) -> Page {
        let request = format!("GET {path} HTTP/1.1\r\nSec-Fetch-Dest: document\r\n");
        self.asks(&request, "").await
    }

    /// Sends the form of the page at `path`.
    pub(super) async fn posts(&mut self, path: &str, fields: &[(&str, &str)]) -> Page {
        let body: Vec<String> = fields.iter().map(|(k, v)| format!("{k}={v}")).collect();
        let origin = match self.origin.as_str() {
            "" => String::new(),
            origin => format!("Origin: {origin}\r\n"),
        };
        let request = format!(
            "POST {path} HTTP/1.1\r\n{origin}Content-Type: application/x-www-form-urlencoded\r\n"
        );
        self.asks(&request, &body.join("&")).await
    }

    /// Opens the page, types a token and taps a button.
    pub(super) async fn decides(&mut self, path: &str, token: &str, word: &str) -> Page {
        let page = self.opens(path).await;
        let csrf = page.field("csrf").to_owned();
        self.posts(path, &[("token", token), ("csrf", &csrf), ("word", word)])
            .await
    }

    async fn asks(&mut self, request: &str, body: &str) -> Page {
        let cookies: Vec<String> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let cookies = match cookies.join("; ") {
            none if none.is_empty() => none,
            some => format!("Cookie: {some}\r\n"),
        };
        let request = format!(
            "{request}Host: {}\r\n{cookies}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            self.host,
            body.len()
        );
        let page = send(self.at, &request).await;
        for line in page.head.lines() {
            let Some(cookie) = line.strip_prefix("set-cookie: ") else {
                continue;
            };
            assert!(cookie.contains("httponly; samesite=strict"), "{cookie}");
            let (pair, _) = cookie.split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        page
    }
}
