//! Fake providers: OpenAI Chat Completions, OpenAI Responses (Codex's too) and Anthropic Messages on
//! one loopback port. They say what a script tells them to, keep every request, and watch the peer's
//! manners on each: one complaint fails the test, whatever else it looks at.
//!
//! ```text
//!   request ─▶ seen (one form for all wires) ─▶ manners: complaints
//!                 │
//!                 ▼ whose script?
//!               turn ─▶ chat | responses | anthropic: events ─▶ play: cut, held, silent, whole
//! ```

mod play;

mod anthropic;
mod chat;
mod responses;

mod manners;

mod seen;

mod speech;

mod script;

mod gate;

pub use gate::Gate;
pub use script::{Turn, turn};
pub use seen::{CallSeen, Said, Seen};
pub use speech::Recorded;

use crate::eventually;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::Response;
use script::Script;
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// The key every request must carry, unless [`Model::takes_keys`] says otherwise.
pub const KEY: &str = "test-key-that-no-child-may-see";

/// The languages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    /// OpenAI Chat Completions.
    Chat,
    /// OpenAI Responses.
    Responses,
    /// Anthropic Messages.
    Anthropic,
}

impl Wire {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Chat, Self::Responses, Self::Anthropic];

    /// Its name in `models.providers.ID.api`.
    #[must_use]
    pub fn api(self) -> &'static str {
        match self {
            Self::Chat => "openai-completions",
            Self::Responses => "openai-responses",
            Self::Anthropic => "anthropic-messages",
        }
    }

    /// The id under which [`crate::Setup`] configures it: `fake`, `fake-responses`,
    /// `fake-anthropic`, each with the models `one` and `two`.
    #[must_use]
    pub fn provider(self) -> &'static str {
        match self {
            Self::Chat => "fake",
            Self::Responses => "fake-responses",
            Self::Anthropic => "fake-anthropic",
        }
    }

    fn of_path(path: &str) -> Option<Self> {
        let wires = [
            ("/chat/completions", Self::Chat),
            ("/responses", Self::Responses),
            ("/messages", Self::Anthropic),
        ];
        wires
            .into_iter()
            .find_map(|(end, wire)| path.ends_with(end).then_some(wire))
    }
}

/// The providers. Dropped, they fail the test that made them complain.
#[derive(Debug)]
pub struct Model {
    shared: Arc<Shared>,
    address: SocketAddr,
    _server: JoinSet<()>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    scripts: Vec<Script>,
    keys: Vec<String>,
    seen: Vec<Seen>,
    complaints: Vec<String>,
    /// What is said in every recording; nothing: nobody hears.
    speech: Option<String>,
    recordings: Vec<Recorded>,
    mind: Option<Mind>,
}

/// What a model says as a function of what it was asked.
struct Mind(Box<dyn Fn(&Seen) -> Turn + Send>);

impl std::fmt::Debug for Mind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Mind")
    }
}

impl Model {
    /// Providers that have nothing to say yet.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        shared.lock().keys.push(KEY.to_owned());
        let answering = Arc::clone(&shared);
        let answer = move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
            let shared = Arc::clone(&answering);
            async move { shared.answer(&method, &uri, &headers, &body).await }
        };
        let router = axum::Router::new().fallback(answer);
        let router = router.layer(axum::extract::DefaultBodyLimit::disable());
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            shared,
            address,
            _server: server,
        }
    }

    /// What goes into `models.providers.ID.baseUrl`.
    #[must_use]
    pub fn base_url(&self, wire: Wire) -> String {
        let path = match wire {
            Wire::Chat | Wire::Responses => "/v1",
            Wire::Anthropic => "",
        };
        format!("http://{}{path}", self.address)
    }

    /// Adds turns for whoever asks.
    pub fn script(&self, turns: impl IntoIterator<Item = Turn>) {
        self.shared.lock().script(None).turns.extend(turns);
    }

    /// Adds turns for conversations in which a person said `words`. They go before the others.
    pub fn script_for(&self, words: &str, turns: impl IntoIterator<Item = Turn>) {
        self.shared.lock().script(Some(words)).turns.extend(turns);
    }

    /// Plays this turn whenever a script is used up.
    pub fn always(&self, turn: Turn) {
        self.shared.lock().script(None).at_last = Some(turn);
    }

    /// Answers with this whenever no script has anything to say: the same to the same question.
    pub fn thinks(&self, mind: impl Fn(&Seen) -> Turn + Send + 'static) {
        self.shared.lock().mind = Some(Mind(Box::new(mind)));
    }

    /// Plays this turn in conversations in which a person said `words`, whenever a tool's output was
    /// said last.
    pub fn answers_outcomes(&self, words: &str, turn: Turn) {
        self.shared.lock().script(Some(words)).after_outcome = Some(turn);
    }

    /// The keys that are taken from now on; none at all for a server that wants no key.
    pub fn takes_keys(&self, keys: &[&str]) {
        self.shared.lock().keys = keys.iter().map(|key| (*key).to_owned()).collect();
    }

    /// Hears these words in every recording from now on.
    pub fn hears(&self, words: &str) {
        self.shared.lock().speech = Some(words.to_owned());
    }

    /// Every recording so far.
    #[must_use]
    pub fn recordings(&self) -> Vec<Recorded> {
        self.shared.lock().recordings.clone()
    }

    /// Every request so far.
    #[must_use]
    pub fn requests(&self) -> Vec<Seen> {
        self.shared.lock().seen.clone()
    }

    /// Request number `n`, from 0.
    #[must_use]
    pub fn request(&self, n: usize) -> Seen {
        let seen = self.requests();
        let count = seen.len();
        seen.into_iter()
            .nth(n)
            .unwrap_or_else(|| panic!("there were only {count} requests, no number {n}"))
    }

    /// The last request.
    #[must_use]
    pub fn last(&self) -> Seen {
        self.requests().pop().expect("there was a request")
    }

    /// Waits until there were `n` requests in all.
    pub async fn was_asked(&self, n: usize) {
        eventually!(
            self.requests().len() >= n,
            "{} of {n} requests",
            self.requests().len()
        );
    }

    /// Turns of scripts that nobody asked for.
    #[must_use]
    pub fn unplayed(&self) -> usize {
        self.shared
            .lock()
            .scripts
            .iter()
            .map(|script| script.turns.len())
            .sum()
    }

    /// What was found wrong with the requests so far; forgets it.
    pub fn complaints(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.lock().complaints)
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        let complaints = self.complaints();
        if !std::thread::panicking() {
            assert!(
                complaints.is_empty(),
                "bad manners towards the model: {complaints:#?}"
            );
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    async fn answer(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        body: &Bytes,
    ) -> Response {
        if uri.path().ends_with(speech::PATH) {
            let mut state = self.lock();
            state.recordings.push(Recorded::read(headers, body));
            return speech::answer(state.speech.as_deref());
        }
        let wire = Wire::of_path(uri.path());
        let (Some(wire), true) = (wire, *method == Method::POST) else {
            return plain(StatusCode::NOT_FOUND, "no such page");
        };
        let Ok(body) = serde_json::from_slice::<Value>(body) else {
            self.lock()
                .complaints
                .push("a request is not JSON".to_owned());
            return plain(StatusCode::BAD_REQUEST, "not JSON");
        };
        let (seen, turn, number) = self.lock().take_in(wire, headers, body);
        play::play(turn, &seen, number).await
    }
}

impl State {
    fn script(&mut self, words: Option<&str>) -> &mut Script {
        let known = self
            .scripts
            .iter()
            .position(|script| script.words.as_deref() == words);
        let at = known.unwrap_or_else(|| {
            self.scripts.push(Script::new(words));
            self.scripts.len() - 1
        });
        &mut self.scripts[at]
    }

    fn take_in(&mut self, wire: Wire, headers: &HeaderMap, body: Value) -> (Seen, Turn, usize) {
        let number = self.seen.len();
        let mut wrong = Vec::new();
        let seen = Seen::read(wire, headers, body, &mut wrong);
        manners::check(&seen, &self.keys, &mut wrong);
        let turn = self.next_turn(&seen).unwrap_or_else(|| {
            wrong.push(format!("no turn is left for it: {:?}", seen.said.last()));
            // The one answer after which nobody tries again.
            turn().fails(401)
        });
        self.complaints.extend(
            wrong
                .into_iter()
                .map(|wrong| format!("request {number}: {wrong}")),
        );
        self.seen.push(seen.clone());
        (seen, turn, number)
    }

    fn next_turn(&mut self, seen: &Seen) -> Option<Turn> {
        let fits = |script: &&mut Script| -> bool {
            let words = script.words.as_deref();
            words.is_some_and(|words| seen.users().iter().any(|user| user.contains(words)))
        };
        let after_tool = matches!(seen.said.last(), Some(Said::Tool { .. }));
        let mut fitting: Vec<_> = self.scripts.iter_mut().filter(fits).collect();
        let after = fitting
            .iter()
            .find_map(|script| script.after_outcome.clone());
        let own = after
            .filter(|_| after_tool)
            .or_else(|| fitting.iter_mut().find_map(|script| script.next()));
        own.or_else(|| self.script(None).next())
            .or_else(|| self.mind.as_ref().map(|Mind(think)| think(seen)))
    }
}

fn plain(status: StatusCode, text: &'static str) -> Response {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response
}
