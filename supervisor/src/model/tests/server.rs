//! A model server on loopback that answers by script and keeps what it was asked.

use serde_json::Value;
use std::collections::VecDeque;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// How one request is answered.
pub(super) struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
    end: End,
    before: Option<Box<dyn FnOnce() + Send + Sync>>,
}

/// What comes after the body.
#[derive(Clone, Copy, PartialEq)]
enum End {
    /// The proper end of it.
    Proper,
    /// The connection is closed in the middle of a chunk.
    Cut,
    /// Nothing, for ever.
    Silence,
}

impl Reply {
    /// A whole answer with this status and body.
    pub(super) fn status(status: u16, body: &str) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: body.to_owned(),
            end: End::Proper,
            before: None,
        }
    }

    /// A good stream of these `data:` lines.
    pub(super) fn stream(data: &[&str]) -> Self {
        let mut body = String::new();
        for line in data {
            write!(body, "data: {line}\n\n").unwrap();
        }
        Self::status(200, &body).header("content-type", "text/event-stream")
    }

    /// A Chat Completions stream that says `text`.
    pub(super) fn says(text: &str) -> Self {
        let words = serde_json::json!({"choices": [{"index": 0, "delta": {"content": text}}]});
        let end = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
        Self::stream(&[&words.to_string(), end, "[DONE]"])
    }

    /// With this header.
    pub(super) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// The connection is lost after the body.
    pub(super) fn then_cut(mut self) -> Self {
        self.end = End::Cut;
        self
    }

    /// Nothing comes after the body.
    pub(super) fn then_silent(mut self) -> Self {
        self.end = End::Silence;
        self
    }

    /// Does this before it answers.
    pub(super) fn after(mut self, before: impl FnOnce() + Send + Sync + 'static) -> Self {
        self.before = Some(Box::new(before));
        self
    }
}

/// What was asked.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    /// `POST /v1/chat/completions`.
    pub(super) line: String,
    head: String,
    /// The body.
    pub(super) body: Value,
}

impl Asked {
    /// A header's value.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

/// The server; ends when dropped.
pub(super) struct Server {
    address: String,
    script: Arc<Mutex<VecDeque<Reply>>>,
    asked: Arc<Mutex<Vec<Asked>>>,
    connections: Arc<AtomicUsize>,
    _tasks: JoinSet<()>,
}

impl Server {
    /// Starts one that answers in this order, and then 418.
    pub(super) async fn start(script: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/v1", listener.local_addr().unwrap());
        let script = Arc::new(Mutex::new(script.into_iter().collect::<VecDeque<_>>()));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (replies, heard) = (Arc::clone(&script), Arc::clone(&asked));
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut tasks = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::Relaxed);
                tasks.spawn(serve(stream, Arc::clone(&replies), Arc::clone(&heard)));
            }
        });
        Self {
            address,
            script,
            asked,
            connections,
            _tasks: tasks,
        }
    }

    /// Its base address.
    pub(super) fn base(&self) -> String {
        self.address.clone()
    }

    /// Everything it was asked.
    pub(super) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// How many connections were made to it.
    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Answers of the script that were not called for.
    pub(super) fn left(&self) -> usize {
        self.script.lock().unwrap().len()
    }
}

async fn serve(
    mut stream: TcpStream,
    script: Arc<Mutex<VecDeque<Reply>>>,
    asked: Arc<Mutex<Vec<Asked>>>,
) {
    while let Some(request) = read(&mut stream).await {
        asked.lock().unwrap().push(request);
        let reply = script.lock().unwrap().pop_front();
        let mut reply = reply.unwrap_or_else(|| Reply::status(418, "nothing is left to say"));
        if let Some(before) = reply.before.take() {
            before();
        }
        if !answer(&mut stream, reply).await {
            return;
        }
    }
}

/// One request; `None` where the peer has gone.
async fn read(stream: &mut TcpStream) -> Option<Asked> {
    let mut bytes = Vec::new();
    let head_len = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..head_len].to_vec()).unwrap();
    let asked = |body| Asked {
        line: head
            .lines()
            .next()
            .unwrap_or_default()
            .replace(" HTTP/1.1", ""),
        head: head.clone(),
        body,
    };
    let length = asked(Value::Null)
        .header("content-length")
        .map_or(0, |n| n.parse().unwrap());
    while bytes.len() < head_len + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    Some(asked(
        serde_json::from_slice(&bytes[head_len..]).unwrap_or_default(),
    ))
}

/// Whether the connection can be used again.
async fn answer(stream: &mut TcpStream, reply: Reply) -> bool {
    let mut out = format!(
        "HTTP/1.1 {} X\r\ntransfer-encoding: chunked\r\n",
        reply.status
    );
    for (name, value) in &reply.headers {
        write!(out, "{name}: {value}\r\n").unwrap();
    }
    write!(out, "\r\n").unwrap();
    // A chunk an event, so that the client meets them one by one.
    for piece in reply
        .body
        .split_inclusive("\n\n")
        .filter(|piece| !piece.is_empty())
    {
        write!(out, "{:x}\r\n{piece}\r\n", piece.len()).unwrap();
    }
    match reply.end {
        End::Proper => out.push_str("0\r\n\r\n"),
        End::Cut => out.push_str("ff\r\nda"),
        End::Silence => {}
    }
    if stream.write_all(out.as_bytes()).await.is_err() || reply.end == End::Cut {
        return false;
    }
    if reply.end == End::Silence {
        std::future::pending::<()>().await;
    }
    true
}
