//! The gateway's pages, asked for over a connection of their own in the words the test wrote, so
//! that what no client would send can be sent too.

use crate::PATIENCE;
use serde_json::Value;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// An answer.
#[derive(Debug, Clone)]
pub struct Page {
    /// Its status; 0 when the connection was closed without one.
    pub status: u16,
    /// The line of the status and the headers, in small letters.
    pub head: String,
    /// What follows them.
    pub body: String,
}

impl Page {
    /// The body, which is JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// Whether there is something to fill in.
    #[must_use]
    pub fn has_form(&self) -> bool {
        self.body.contains("<form")
    }

    /// Whether the form has a field of that name.
    #[must_use]
    pub fn has_field(&self, name: &str) -> bool {
        self.body.contains(&format!("name=\"{name}\""))
    }

    /// What a field of the form is filled in with already.
    #[must_use]
    pub fn field(&self, name: &str) -> &str {
        let field = format!("name=\"{name}\" value=\"");
        let (_, rest) = self.body.split_once(&field).unwrap();
        rest.split_once('"').unwrap().0
    }
}

/// Sends a request as it is written here, and hears the whole answer.
pub async fn send(to: SocketAddr, request: &str) -> Page {
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

/// Asks for a page with these headers, each with its end of line.
pub async fn get_as(to: SocketAddr, path: &str, headers: &str) -> Page {
    let request = format!("GET {path} HTTP/1.1\r\n{headers}Connection: close\r\n\r\n");
    send(to, &request).await
}

/// Asks for a page as somebody on this machine does.
pub async fn get(to: SocketAddr, path: &str) -> Page {
    get_as(to, path, "Host: localhost\r\n").await
}
