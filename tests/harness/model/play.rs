//! Playing a turn: its events over the connection, with whatever is to go wrong on the way.

use super::script::{Failure, Turn};
use super::seen::Seen;
use super::{Wire, anthropic, chat, responses};
use axum::body::{Body, Bytes};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// One event of a stream, as it is sent.
#[derive(Debug)]
pub(super) struct Event {
    text: String,
    /// It carries a part of the answer; such events are what `cut_after` and the like count.
    is_piece: bool,
}

impl Event {
    pub(super) fn sign(text: String) -> Self {
        Self {
            text,
            is_piece: false,
        }
    }

    pub(super) fn into_piece(self) -> Self {
        Self {
            is_piece: true,
            ..self
        }
    }
}

/// The answer to a request: a failure at once, or a stream.
pub(super) async fn play(turn: Turn, seen: &Seen, number: usize) -> Response {
    let mut leaving = Leaving {
        left: Arc::clone(&seen.left),
        is_whole: false,
    };
    if let Some(gate) = &turn.first {
        gate.pass().await;
    }
    if let Some(failure) = &turn.failure {
        leaving.is_whole = true;
        return fail(failure, seen.wire);
    }
    let events = match seen.wire {
        Wire::Chat => chat::events(&turn, &seen.model, number),
        Wire::Responses => responses::events(&turn, &seen.model, number),
        Wire::Anthropic => anthropic::events(&turn, &seen.model, number),
    };
    let playing = Playing {
        events: events.into(),
        pieces: 0,
        turn,
        is_lost: false,
        leaving,
    };
    let stream = futures_util::stream::unfold(playing, Playing::next);
    let mut response = Response::new(Body::from_stream(stream));
    let kind = HeaderValue::from_static("text/event-stream");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

fn fail(failure: &Failure, wire: Wire) -> Response {
    let Failure {
        status,
        code,
        message,
        headers,
    } = failure;
    let error = json!({ "type": code, "code": code, "message": message, "param": null });
    let body: Value = match wire {
        Wire::Chat | Wire::Responses => json!({ "error": error }),
        Wire::Anthropic => json!({ "type": "error", "error": error }),
    };
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = StatusCode::from_u16(*status).unwrap();
    for (name, value) in headers {
        let name: HeaderName = name.parse().unwrap();
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    response
}

/// Knows whether the peer stayed to the end.
#[derive(Debug)]
struct Leaving {
    left: Arc<AtomicBool>,
    is_whole: bool,
}

impl Drop for Leaving {
    fn drop(&mut self) {
        if !self.is_whole {
            self.left.store(true, Ordering::SeqCst);
        }
    }
}

struct Playing {
    events: VecDeque<Event>,
    pieces: usize,
    turn: Turn,
    is_lost: bool,
    leaving: Leaving,
}

impl Playing {
    async fn next(mut self) -> Option<(io::Result<Bytes>, Self)> {
        if self.is_lost {
            return None;
        }
        let here = Some(self.pieces);
        let is_due = self.pieces > 0
            || self.events.front().is_some_and(|event| event.is_piece)
            || !self.events.iter().any(|event| event.is_piece);
        if is_due && self.turn.cut_after == here {
            // What was sent before is to arrive before the connection is lost.
            tokio::time::sleep(Duration::from_millis(5)).await;
            self.is_lost = true;
            self.leaving.is_whole = true;
            return Some((Err(io::ErrorKind::ConnectionReset.into()), self));
        }
        if is_due && self.turn.silent_after == here {
            std::future::pending::<()>().await;
        }
        if is_due && self.turn.garbled_after == here {
            self.turn.garbled_after = None;
            return Some((Ok(Bytes::from_static(b"data: {\"choices\": [{]\n\n")), self));
        }
        if let Some((after, gate)) = self.turn.held.clone()
            && is_due
            && after == self.pieces
        {
            self.turn.held = None;
            gate.pass().await;
        }
        let event = self.events.pop_front()?;
        // A peer that hangs up after the last word has heard it all.
        self.leaving.is_whole = self.events.is_empty();
        self.pieces += usize::from(event.is_piece);
        Some((Ok(Bytes::from(event.text)), self))
    }
}
