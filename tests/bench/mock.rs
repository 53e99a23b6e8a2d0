//! A model on loopback that answers at once: what is left is our own time.
//!
//! Chat Completions over plain HTTP/1.1, by hand, so that the model's side costs next to nothing.
//! What it answers is chosen by the last user message.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// One request, as the mock saw it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    /// When all of it had arrived.
    pub(crate) asked: Instant,
    /// When all of the answer had been written.
    pub(crate) answered: Instant,
}

/// The mock.
#[derive(Debug)]
pub(crate) struct Mock {
    pub(crate) base_url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    _tasks: JoinSet<()>,
}

impl Mock {
    pub(crate) async fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let base_url = format!("http://{}/v1", listener.local_addr()?);
        let seen = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, Arc::clone(&seen)));
        Ok(Self {
            base_url,
            seen,
            _tasks: tasks,
        })
    }

    /// What was seen since the last look.
    pub(crate) fn take(&self) -> Vec<Seen> {
        self.seen
            .lock()
            .map(|mut seen| std::mem::take(&mut *seen))
            .unwrap_or_default()
    }

    /// How many requests were answered since the last look.
    pub(crate) fn count(&self) -> usize {
        self.seen.lock().map(|seen| seen.len()).unwrap_or_default()
    }
}

async fn accept(listener: TcpListener, seen: Arc<Mutex<Vec<Seen>>>) {
    let mut clients = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        clients.spawn(serve(stream, Arc::clone(&seen)));
    }
}

async fn serve(mut stream: TcpStream, seen: Arc<Mutex<Vec<Seen>>>) {
    let _ = stream.set_nodelay(true);
    let mut buffer = Vec::new();
    while let Some(body) = request(&mut stream, &mut buffer).await {
        let asked = Instant::now();
        let (wait, answer) = answer(&body);
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n";
        let length = TOLD.len() + answer.len();
        let is_told = answer == told();
        let mut response = if is_told {
            // The beginning now, the end after the wait.
            let begin = format!("{head}content-length: {length}\r\n\r\n{TOLD}");
            if stream.write_all(begin.as_bytes()).await.is_err() {
                return;
            }
            String::new()
        } else {
            format!("{head}content-length: {}\r\n\r\n", answer.len())
        };
        response += &answer;
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        // Noted before the last byte is out: whoever reads the answer finds the note.
        let answered = Instant::now();
        if let Ok(mut seen) = seen.lock() {
            seen.push(Seen { asked, answered });
        }
        if stream.write_all(response.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// How an answer that is told begins; it ends as all do, after a wait.
const TOLD: &str = "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\
    \"content\":\"Once upon a time there was a fox who lived in a wood. \"}}]}\n\n";

fn told() -> String {
    events(&[r#"{"content":"The end."}"#], "stop")
}

/// One request's body.
async fn request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Vec<u8>> {
    let (end, length) = loop {
        if let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&buffer[..end]).to_lowercase();
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length:"));
            break (
                end + 4,
                length.and_then(|n| n.trim().parse().ok()).unwrap_or(0),
            );
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    };
    buffer.reserve(end + length);
    while buffer.len() < end + length {
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
    let rest = buffer.split_off(end + length);
    let body = buffer.split_off(end);
    *buffer = rest;
    Some(body)
}

/// The answer to a request: which one, the last user message says; after a tool's result it is text.
fn answer(body: &[u8]) -> (Duration, String) {
    // Counted as the model's time, like all of this.
    let body = String::from_utf8_lossy(body);
    let last = |word: &str| body.rfind(word);
    let tool = last("\"role\":\"tool\"");
    let wanted = ["bench-exec", "bench-read", "bench-slow", "bench-told"]
        .into_iter()
        .filter_map(|word| last(word).map(|at| (at, word)))
        .max();
    match wanted {
        Some((at, "bench-exec")) if tool < Some(at) => {
            (Duration::ZERO, call("exec", r#"{\"command\":\"echo hi\"}"#))
        }
        Some((at, "bench-read")) if tool < Some(at) => {
            (Duration::ZERO, call("read", r#"{\"path\":\"small.txt\"}"#))
        }
        // Long enough for what was told to be shown, and for the next edit to be due.
        Some((_, "bench-told")) => (Duration::from_millis(1300), told()),
        Some((_, "bench-slow")) => (Duration::from_secs(1), text()),
        Some(_) | None => (Duration::ZERO, text()),
    }
}

fn text() -> String {
    events(&[r#"{"role":"assistant","content":"All done."}"#], "stop")
}

fn call(name: &str, arguments: &str) -> String {
    let delta = format!(
        r#"{{"role":"assistant","tool_calls":[{{"index":0,"id":"call_1","type":"function","function":{{"name":"{name}","arguments":"{arguments}"}}}}]}}"#
    );
    events(&[&delta], "tool_calls")
}

fn events(deltas: &[&str], finish: &str) -> String {
    let mut text = String::new();
    for delta in deltas {
        text +=
            &format!("data: {{\"id\":\"c\",\"choices\":[{{\"index\":0,\"delta\":{delta}}}]}}\n\n");
    }
    text += &format!(
        "data: {{\"id\":\"c\",\"choices\":[{{\"index\":0,\"delta\":{{}},\"finish_reason\":\"{finish}\"}}]}}\n\n"
    );
    text + "data: [DONE]\n\n"
}
