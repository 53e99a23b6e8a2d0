//! Answers of our own to a program that speaks HTTP: why it does not get what it wanted.

use super::gate::Unreached;
use super::head::BadRequest;
use super::policy::Denial;
use super::relay;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// A tunnel is there.
pub(super) const TUNNEL: &[u8] = b"HTTP/1.1 200 Connection established\r\n\r\n";

/// How long a program has to read our last words, and how much more we listen to meanwhile.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 256 * 1024;

/// A no, in HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct No {
    status: u16,
    /// Behind the status. Of an answer to `CONNECT` most programs show this and nothing else.
    phrase: String,
    text: String,
}

impl No {
    /// Sends it, and closes once it was read.
    pub(super) async fn send(&self, to: &TcpStream) {
        let message = self.to_message();
        let sent = relay::send(to, message.as_bytes());
        if timeout(LINGER, sent).await.is_ok_and(|sent| sent.is_ok()) {
            linger(to).await;
        }
    }

    /// Sends what of it can be sent at once.
    pub(super) fn send_at_once(&self, to: &TcpStream) {
        let _ = to.try_write(self.to_message().as_bytes());
    }

    fn to_message(&self) -> String {
        let Self {
            status,
            phrase,
            text,
        } = self;
        let length = text.len() + 1;
        format!(
            "HTTP/1.1 {status} {phrase}\r\nContent-Type: text/plain; charset=utf-8\r\n\
             Content-Length: {length}\r\nConnection: close\r\n\r\n{text}\n"
        )
    }
}

impl From<&Unreached> for No {
    fn from(unreached: &Unreached) -> Self {
        let phrase = match unreached {
            Unreached::Denied(denial) => return denial.into(),
            Unreached::Unresolved { host, .. } => format!("Host not found: {host}"),
            Unreached::Unconnected { host, port, .. } => format!("Not reached: {host}:{port}"),
        };
        Self {
            status: unreached.status(),
            phrase,
            text: unreached.to_string(),
        }
    }
}

impl From<&Denial> for No {
    fn from(denial: &Denial) -> Self {
        let phrase = format!("Denied by egress policy: {}", denial.host);
        Self {
            status: 403,
            phrase,
            text: denial.to_string(),
        }
    }
}

impl From<&BadRequest> for No {
    fn from(bad: &BadRequest) -> Self {
        let (status, phrase) = match bad {
            BadRequest::OtherHost { .. } => (421, "Misdirected Request"),
            BadRequest::TooLong => (431, "Request Header Fields Too Large"),
            BadRequest::Malformed(_)
            | BadRequest::Host(_)
            | BadRequest::Target
            | BadRequest::Length => (400, "Bad Request"),
        };
        Self {
            status,
            phrase: phrase.to_owned(),
            text: bad.to_string(),
        }
    }
}

/// Nobody is where a captured connection went to.
pub(super) fn nobody_listens() -> No {
    No {
        status: 502,
        phrase: "Nobody listens here".to_owned(),
        text: "nobody listens on this port of the session's own machine".to_owned(),
    }
}

/// Closes our half and hears the other out, for a while: who closes on unread bytes takes back what
/// was said last.
pub(super) async fn linger(stream: &TcpStream) {
    relay::finish(stream);
    let drain = async {
        let mut buffer = [0; 4096];
        let mut heard = 0;
        while heard < LINGER_BYTES {
            match relay::receive(stream, &mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(read) => heard += read,
            }
        }
    };
    // Gone or not: that was long enough.
    let _ = timeout(LINGER, drain).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_denial_is_read_whichever_part_a_program_shows() {
        let denial = Denial {
            host: "evil.example".into(),
            port: 443,
            reason: "so".into(),
        };
        let message = No::from(&denial).to_message();
        assert!(
            message.starts_with("HTTP/1.1 403 Denied by egress policy: evil.example\r\n"),
            "{message}"
        );
        let (head, body) = message.split_once("\r\n\r\n").unwrap();
        assert_eq!(body, "denied by egress policy: evil.example (so)\n");
        assert!(
            head.contains(&format!("Content-Length: {}\r\n", body.len())),
            "{head}"
        );
    }
}
