//! A browser, as far as the page of pairing needs one: cookies, a form, and nothing else.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use tests::PATIENCE;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// An answer.
#[derive(Debug, Clone)]
pub(super) struct Page {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: String,
}

impl Page {
    /// What the form carries unseen.
    pub(super) fn csrf(&self) -> &str {
        let (_, rest) = self.body.split_once("name=\"csrf\" value=\"").unwrap();
        rest.split_once('"').unwrap().0
    }

    pub(super) fn has_form(&self) -> bool {
        self.body.contains("<form")
    }

    /// Whether it asks for a token.
    pub(super) fn asks_for_a_token(&self) -> bool {
        self.body.contains("name=\"token\"")
    }
}

/// Sends a request as it is written here, and hears the whole answer.
pub(super) async fn send(to: SocketAddr, request: &str) -> Page {
    let exchange = async {
        let mut stream = TcpStream::connect(to).await.unwrap();
        // One that is refused early may not be read to its end.
        let _ = stream.write_all(request.as_bytes()).await;
        let mut heard = Vec::new();
        let _ = stream.read_to_end(&mut heard).await;
        String::from_utf8(heard).unwrap()
    };
    let heard = tokio::time::timeout(PATIENCE, exchange).await;
    let heard = heard.expect("it is answered, or closed");
    let (head, body) = heard.split_once("\r\n\r\n").unwrap_or((&heard, ""));
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    Page {
        status: status.unwrap_or(0),
        head: head.to_ascii_lowercase(),
        body: body.to_owned(),
    }
}

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
        let csrf = page.csrf().to_owned();
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
