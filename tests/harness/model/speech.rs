//! OpenAI's transcriptions: a form with a recording in, its words out.

use super::plain;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::json;

/// How its address ends.
pub(super) const PATH: &str = "/audio/transcriptions";

/// A recording as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// With which key.
    pub key: Option<String>,
    /// Which model is to hear it.
    pub model: String,
    /// What its file is called.
    pub name: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

impl Recorded {
    pub(super) fn read(headers: &HeaderMap, body: &Bytes) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let boundary = text("content-type").and_then(|kind| kind.split_once("boundary="));
        let boundary = format!("--{}", boundary.expect("a form").1.trim_matches('"'));
        let mut found = Self {
            key: text("authorization")
                .and_then(|value| value.strip_prefix("Bearer "))
                .map(str::to_owned),
            model: String::new(),
            name: String::new(),
            bytes: Vec::new(),
        };
        for part in split(body, boundary.as_bytes()) {
            let Some(at) = position(part, b"\r\n\r\n") else {
                continue;
            };
            let head = String::from_utf8_lossy(&part[..at]).into_owned();
            let content = &part[at + 4..part.len().saturating_sub(2)];
            if head.contains("name=\"model\"") {
                found.model = String::from_utf8_lossy(content).into_owned();
            } else if let Some((_, name)) = head.split_once("filename=\"") {
                found.name = name.split('"').next().unwrap_or_default().to_owned();
                found.bytes = content.to_vec();
            }
        }
        found
    }
}

fn split<'b>(body: &'b [u8], boundary: &[u8]) -> Vec<&'b [u8]> {
    let mut parts = Vec::new();
    let mut rest = body;
    while let Some(at) = position(rest, boundary) {
        parts.push(&rest[..at]);
        rest = &rest[at + boundary.len()..];
    }
    parts
}

fn position(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

pub(super) fn answer(words: Option<&str>) -> Response {
    match words {
        Some(words) => Response::new(Body::from(json!({ "text": words }).to_string())),
        None => plain(StatusCode::INTERNAL_SERVER_ERROR, "nobody hears"),
    }
}
