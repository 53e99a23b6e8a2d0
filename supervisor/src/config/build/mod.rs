//! Turns a checked tree into a [`Config`], defaults filled in.

mod agents;
mod channels;
mod gateway;
mod models;
mod rest;
mod telegram;
mod tools;

use super::Config;
use super::env::Env;
use super::findings::Findings;
use super::paths::Paths;
use super::runtime::Programs;
use super::view::View;
use ipc::id::AgentId;
use models::Models;
use std::path::PathBuf;

/// What a configuration is built from besides its file.
pub(super) struct Given<'a> {
    pub(super) paths: &'a Paths,
    pub(super) env: &'a Env,
    pub(super) programs: &'a Programs,
    /// Names of the files in the default workspace: every `<id>-AGENTS.md` is an agent.
    pub(super) manuals: Vec<String>,
    /// Names of the folders in the state directory: `workspace-<id>` is that agent's workspace.
    pub(super) folders: Vec<String>,
}

struct Builder<'a> {
    given: &'a Given<'a>,
    models: Models,
    findings: &'a mut Findings,
}

/// The folder of agents that have none of their own.
pub(super) fn workspace(root: &View<'_>, paths: &Paths) -> PathBuf {
    let said = root.get("agents.defaults.workspace");
    said.text().map_or_else(
        || paths.workspace(),
        |written| paths.resolve(written, &paths.state_dir),
    )
}

/// Everything but `raw`, `resolved` and `warnings`, which are the loader's.
pub(super) fn build(root: &View<'_>, given: &Given<'_>, findings: &mut Findings) -> Config {
    let models = Models::read(root, findings);
    let mut builder = Builder {
        given,
        models,
        findings,
    };
    let messages = builder.messages(root);
    let commands = builder.commands(root);
    let agents = builder.agents(root);
    let around = telegram::Around {
        agents: &agents,
        messages: &messages,
        commands: &commands,
    };
    Config {
        env: given.env.clone(),
        workspace: workspace(root, given.paths),
        telegram: builder.telegram(root, &around),
        bindings: builder.bindings(root, &agents),
        audio: builder.audio(root),
        messages,
        agents,
        aliases: builder.models.aliases.clone(),
        choices: builder.models.choices.clone(),
        providers: builder.providers(root),
        auth: builder.auth(root),
        session: builder.session(root),
        queue: builder.queue(root),
        gateway: builder.gateway(root),
        commands,
        sandbox: builder.sandbox(root),
        budget: builder.budget(root),
        loops: builder.loops(root),
        process: builder.process(root),
        logging: builder.logging(root),
        ..Config::defaults(given.paths.clone())
    }
}

impl Builder<'_> {
    /// A path as the person wrote it.
    fn path(&self, view: &View<'_>) -> Option<PathBuf> {
        let paths = self.given.paths;
        view.text()
            .map(|written| paths.resolve(written, &paths.state_dir))
    }

    fn path_list(&self, view: &View<'_>) -> Option<Vec<PathBuf>> {
        let paths = self.given.paths;
        let texts = view.texts()?;
        Some(
            texts
                .iter()
                .map(|text| paths.resolve(text, &paths.state_dir))
                .collect(),
        )
    }
}

/// An agent's id in the form session keys have; `None` where it cannot be one.
fn agent_id(text: &str) -> Option<AgentId> {
    let id = text.trim().to_ascii_lowercase();
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let fits =
        (1..=64).contains(&id.len()) && id.chars().all(allowed) && !id.starts_with(['-', '_']);
    fits.then_some(AgentId(id))
}
