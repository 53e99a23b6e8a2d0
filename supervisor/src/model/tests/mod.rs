//! The stack against a real server on loopback, through the real client.

mod answers;
mod credentials;
mod failures;
mod found;
mod server;
mod speed;
mod wires;

use super::render::samples;
use super::{Completion, Context, ModelCall, ModelFailure, ModelStack, Progress, RenderCache};
use crate::config::{Api, Config, Env, ModelRef, Paths, Provider};
use ipc::id::SessionKey;
use ipc::tool_args::ToolSpec;
use server::{Reply, Server};
use std::collections::BTreeMap;
use std::time::Duration;

/// A configuration of its own, in a folder of its own.
struct World {
    config: Config,
    _dir: tempfile::TempDir,
}

impl World {
    fn new(env: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut config = Config::defaults(Paths::under(dir.path().join("state")));
        config.env = env.iter().copied().collect::<Env>();
        config.env.fill("OPENCLAW_LOCAL_DISCOVERY", "off");
        config.env.fill("HOME", dir.path().to_str().unwrap());
        Self { config, _dir: dir }
    }

    /// With a provider at this address.
    fn provider(mut self, id: &str, api: Api, server: &Server) -> Self {
        let provider = Provider {
            base_url: Some(server.base()),
            api_key: None,
            api: Some(api),
            headers: BTreeMap::new(),
            models: Vec::new(),
            local: false,
        };
        self.config.providers.insert(id.to_owned(), provider);
        self
    }

    /// With this key for a provider.
    fn key(mut self, id: &str, key: &str) -> Self {
        self.config.providers.get_mut(id).unwrap().api_key = Some(key.into());
        self
    }

    /// With this `auth-profiles.json` of the main agent.
    fn profiles(self, content: &serde_json::Value) -> Self {
        let path = self.config.paths.auth_profiles(&"main".into());
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content.to_string()).unwrap();
        self
    }

    fn stack(&self) -> ModelStack {
        ModelStack::new(&self.config)
    }
}

fn chain(names: &[&str]) -> Vec<ModelRef> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

/// What came of a call, and what was told on the way.
struct Heard {
    result: Result<Completion, ModelFailure>,
    progress: Vec<Progress>,
}

impl Heard {
    /// The text that stands after all restarts.
    fn shown(&self) -> String {
        let mut shown = String::new();
        for progress in &self.progress {
            match progress {
                Progress::Text(text) => shown.push_str(text),
                Progress::Restart { .. } => shown.clear(),
                Progress::Fallback { .. } => {}
            }
        }
        shown
    }

    fn text(&self) -> &str {
        &self.result.as_ref().unwrap().text
    }

    fn failure(&self) -> String {
        self.result.as_ref().unwrap_err().to_string()
    }

    fn fallbacks(&self) -> Vec<(&str, &str)> {
        let told = self.progress.iter().filter_map(|progress| match progress {
            Progress::Fallback { from, to, .. } => Some((from.as_str(), to.as_str())),
            Progress::Text(_) | Progress::Restart { .. } => None,
        });
        told.collect()
    }
}

/// Asks with a fresh cache, "Hello", and no tools.
async fn ask(stack: &ModelStack, names: &[&str]) -> Heard {
    let context = samples::context(vec![samples::user("Hello")]);
    ask_with(stack, names, &context, &[], &mut RenderCache::default()).await
}

async fn ask_with(
    stack: &ModelStack,
    names: &[&str],
    context: &Context,
    tools: &[ToolSpec],
    cache: &mut RenderCache,
) -> Heard {
    let call = ModelCall {
        chain: &chain(names),
        session: &SessionKey::from("agent:main:main"),
        instructions: "Be brief.",
        tools,
        context,
        closing: None,
        thinking: None,
        timeout: Duration::from_secs(30),
    };
    hear(stack, call, cache).await
}

async fn hear(stack: &ModelStack, call: ModelCall<'_>, cache: &mut RenderCache) -> Heard {
    let mut progress = Vec::new();
    let result = stack.answer(call, cache, &mut |p| progress.push(p)).await;
    Heard { result, progress }
}

/// A session may be driven on any thread.
#[test]
fn an_answer_can_be_awaited_by_a_spawned_task() {
    fn is_send<T: Send>(_: &T) {}
    let stack = World::new(&[]).stack();
    is_send(&ask(&stack, &[]));
    is_send(&stack.chain(&"main".into(), None));
    is_send(&stack.report());
}
