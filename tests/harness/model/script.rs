//! What a model is to say, turn by turn.

use super::gate::Gate;
use serde_json::Value;
use std::collections::VecDeque;

/// Turns for whoever asks, or for whoever said certain words.
#[derive(Debug)]
pub(super) struct Script {
    pub(super) words: Option<String>,
    pub(super) turns: VecDeque<Turn>,
    pub(super) at_last: Option<Turn>,
    pub(super) after_outcome: Option<Turn>,
}

impl Script {
    pub(super) fn new(words: Option<&str>) -> Self {
        Self {
            words: words.map(str::to_owned),
            turns: VecDeque::new(),
            at_last: None,
            after_outcome: None,
        }
    }

    pub(super) fn next(&mut self) -> Option<Turn> {
        self.turns.pop_front().or_else(|| self.at_last.clone())
    }
}

/// One answer of a model, to be told by its methods.
#[derive(Debug, Clone, Default)]
pub struct Turn {
    pub(super) pieces: Vec<String>,
    pub(super) calls: Vec<(String, String)>,
    pub(super) failure: Option<Failure>,
    pub(super) in_stream: Option<String>,
    pub(super) first: Option<Gate>,
    pub(super) held: Option<(usize, Gate)>,
    pub(super) cut_after: Option<usize>,
    pub(super) silent_after: Option<usize>,
    pub(super) garbled_after: Option<usize>,
    pub(super) usage: Option<(u64, u64)>,
    pub(super) same_ids: bool,
    pub(super) is_cut_at_limit: bool,
}

/// An answer with an error status.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) status: u16,
    pub(super) code: String,
    pub(super) message: String,
    pub(super) headers: Vec<(String, String)>,
}

/// An answer without a word; say what is in it.
#[must_use]
pub fn turn() -> Turn {
    Turn::default()
}

impl Turn {
    /// Streams these words, a word a piece.
    #[must_use]
    pub fn says(mut self, text: &str) -> Self {
        self.pieces
            .extend(text.split_inclusive(' ').map(str::to_owned));
        self
    }

    /// Asks for a tool; said again, for several at once.
    #[must_use]
    pub fn calls(self, tool: &str, arguments: Value) -> Self {
        self.calls_with(tool, &arguments.to_string())
    }

    /// Asks for a tool with arguments that need be no JSON.
    #[must_use]
    pub fn calls_with(mut self, tool: &str, arguments: &str) -> Self {
        self.calls.push((tool.to_owned(), arguments.to_owned()));
        self
    }

    /// Gives all its calls one id, as small models do.
    #[must_use]
    pub fn with_one_id_for_all(mut self) -> Self {
        self.same_ids = true;
        self
    }

    /// Answers with an error status and what usually comes with it.
    #[must_use]
    pub fn fails(mut self, status: u16) -> Self {
        let (code, message) = match status {
            400 => ("invalid_request_error", "the request is not right"),
            401 => ("invalid_api_key", "the key is not right"),
            404 => ("model_not_found", "there is no such model"),
            429 => ("rate_limit_exceeded", "too many requests"),
            529 => ("overloaded_error", "overloaded"),
            _ => ("server_error", "something broke"),
        };
        self.failure = Some(Failure {
            status,
            code: code.to_owned(),
            message: message.to_owned(),
            headers: Vec::new(),
        });
        self
    }

    /// Fails as a provider does whose model can not take that much.
    #[must_use]
    pub fn overflows(self) -> Self {
        let words = "prompt is too long: 250000 tokens > 200000 maximum context length";
        self.fails(400).with_error("context_length_exceeded", words)
    }

    /// Says another reason for the failure.
    #[must_use]
    pub fn with_error(mut self, code: &str, message: &str) -> Self {
        let failure = self.failure.as_mut().expect("fails() comes first");
        code.clone_into(&mut failure.code);
        message.clone_into(&mut failure.message);
        self
    }

    /// Adds a header to the failure.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        let failure = self.failure.as_mut().expect("fails() comes first");
        failure.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Begins well, and then says inside the stream that it failed.
    #[must_use]
    pub fn fails_in_stream(mut self, code: &str) -> Self {
        self.in_stream = Some(code.to_owned());
        self
    }

    /// Comes to a gate before it says anything at all.
    #[must_use]
    pub fn waits_for(mut self, gate: &Gate) -> Self {
        self.first = Some(gate.clone());
        self
    }

    /// Comes to a gate after so many pieces.
    #[must_use]
    pub fn held_after(mut self, pieces: usize, gate: &Gate) -> Self {
        self.held = Some((pieces, gate.clone()));
        self
    }

    /// Loses the connection after so many pieces.
    #[must_use]
    pub fn cut_after(mut self, pieces: usize) -> Self {
        self.cut_after = Some(pieces);
        self
    }

    /// Says no more after so many pieces, and keeps the connection.
    #[must_use]
    pub fn silent_after(mut self, pieces: usize) -> Self {
        self.silent_after = Some(pieces);
        self
    }

    /// Says nothing at all, and keeps the connection.
    #[must_use]
    pub fn silent(self) -> Self {
        self.silent_after(0)
    }

    /// Sends something that is no event of its language after so many pieces.
    #[must_use]
    pub fn garbled_after(mut self, pieces: usize) -> Self {
        self.garbled_after = Some(pieces);
        self
    }

    /// Says what it used: tokens in and out.
    #[must_use]
    pub fn used(mut self, input: u64, output: u64) -> Self {
        self.usage = Some((input, output));
        self
    }

    /// Stops because it may say no more.
    #[must_use]
    pub fn cut_at_limit(mut self) -> Self {
        self.is_cut_at_limit = true;
        self
    }

    /// The id of call `index` of answer `number`.
    pub(super) fn call_id(&self, number: usize, index: usize) -> String {
        if self.same_ids {
            "call_0".to_owned()
        } else {
            format!("call_{number}_{index}")
        }
    }
}
