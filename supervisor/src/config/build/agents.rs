//! `agents`: the default settings, one agent's on top, and the agents that are there by their
//! manuals alone.

use super::super::agent::{Agent, MAIN_MANUAL, ModelChain, Thinking};
use super::super::runtime::{Process, Programs};
use super::super::tools::ElevatedMode;
use super::super::view::{View, put};
use super::{Builder, agent_id, workspace};
use ipc::id::AgentId;

const MAIN: &str = "main";

impl Builder<'_> {
    /// All agents, the default one first: those of `agents.list`, `main`, and those whose manual
    /// is in the default workspace. The default one is who says so, else `main`, or whoever is
    /// listed first where `main` is not listed.
    pub(super) fn agents(&mut self, root: &View<'_>) -> Vec<Agent> {
        let base = self.base(root);
        let mut agents: Vec<Agent> = Vec::new();
        let mut default = None;
        for entry in root.get("agents.list").items() {
            let Some(agent) = self.listed(&base, &entry) else {
                continue;
            };
            if agents.iter().any(|other| other.id == agent.id) {
                let message = format!("there are two agents of the id {}", agent.id);
                self.findings
                    .error(entry.at(), &entry.get("id").key, message);
                continue;
            }
            if entry.get("default").flag() == Some(true) {
                self.only_default(default.as_ref(), &entry);
                default.get_or_insert(agent.id.clone());
            }
            agents.push(agent);
        }
        let has_main = agents.iter().any(|agent| agent.id.as_str() == MAIN);
        let first = agents.first().filter(|_| !has_main);
        let fallback = first.map_or_else(|| AgentId::from(MAIN), |agent| agent.id.clone());
        let default = default.unwrap_or(fallback);
        for id in [AgentId::from(MAIN)].into_iter().chain(self.with_manuals()) {
            if agents.iter().all(|agent| agent.id != id) {
                agents.push(self.named(&base, &id));
            }
        }
        agents.sort_by_key(|agent| agent.id != default);
        if let Some(agent) = agents.first_mut() {
            agent.is_default = true;
        }
        agents
    }

    fn only_default(&mut self, earlier: Option<&AgentId>, entry: &View<'_>) {
        if let Some(earlier) = earlier {
            let view = entry.get("default");
            let message = format!("{earlier} is the default agent already; this one is not");
            self.findings.warn(view.at(), &view.key, message);
        }
    }

    /// What holds for every agent.
    fn base(&mut self, root: &View<'_>) -> Agent {
        let mut base = Agent::main(self.given.paths);
        base.is_default = false;
        base.workspace = workspace(root, self.given.paths);
        let group = root.get("messages.groupChat");
        put(&mut base.mention_patterns, self.patterns(&group));
        let defaults = root.get("agents.defaults");
        self.lay(&mut base, &defaults);
        let subagents = defaults.get("subagents");
        let own = &mut base.subagents;
        put(
            &mut own.max_concurrent,
            subagents.get("maxConcurrent").count(),
        );
        put(
            &mut own.max_spawn_depth,
            subagents.get("maxSpawnDepth").count(),
        );
        put(
            &mut own.max_children,
            subagents.get("maxChildrenPerAgent").count(),
        );
        put(
            &mut own.archive_after,
            subagents.get("archiveAfterMinutes").minutes(),
        );
        let run_timeout = subagents.get("runTimeoutSeconds").seconds();
        put(
            &mut own.run_timeout,
            run_timeout.map(|t| (!t.is_zero()).then_some(t)),
        );
        let tools = root.get("tools");
        base.tools.global = self.rules(&tools);
        base.tools.elevated.allow_from = tools
            .get("elevated.allowFrom")
            .texts_by_key()
            .unwrap_or_default();
        put(
            &mut base.tools.elevated.enabled,
            tools.get("elevated.enabled").flag(),
        );
        let elevated = defaults.get("elevatedDefault").one_of(&[
            ("off", ElevatedMode::Off),
            ("ask", ElevatedMode::Ask),
            ("on", ElevatedMode::On),
            ("full", ElevatedMode::Full),
        ]);
        put(&mut base.tools.elevated.default, elevated);
        self.lay_tools(&mut base, &tools);
        base
    }

    /// The agent of an entry of `agents.list`.
    fn listed(&mut self, base: &Agent, entry: &View<'_>) -> Option<Agent> {
        let id_view = entry.get("id");
        let Some(id) = id_view.text().and_then(agent_id) else {
            let found = id_view
                .text()
                .map_or("none".to_owned(), |text| format!("{text:?}"));
            let at = if id_view.is_said() {
                id_view.at()
            } else {
                entry.at()
            };
            let message =
                format!("expected an id of up to 64 letters, digits, - and _, found {found}");
            self.findings.error(at, &id_view.key, message);
            return None;
        };
        let mut agent = self.named(base, &id);
        put(&mut agent.name, entry.get("name").text().map(str::to_owned));
        self.lay(&mut agent, entry);
        let tools = entry.get("tools");
        agent.tools.agent = self.rules(&tools);
        agent.tools.elevated.agent_allow_from = tools.get("elevated.allowFrom").texts_by_key();
        if let Some(enabled) = tools.get("elevated.enabled").flag() {
            agent.tools.elevated.enabled &= enabled;
        }
        self.lay_tools(&mut agent, &tools);
        Some(agent)
    }

    /// An agent about which nothing is said.
    fn named(&self, base: &Agent, id: &AgentId) -> Agent {
        let mut agent = base.clone();
        agent.id = id.clone();
        agent.name = id.to_string();
        if id.as_str() != MAIN {
            agent.manual = format!("{id}-{MAIN_MANUAL}");
        }
        let own_folder = format!("workspace-{id}");
        if self.given.folders.contains(&own_folder) {
            agent.workspace = self.given.paths.state_dir.join(own_folder);
        }
        agent
    }

    /// Ids of the agents whose manual is in the default workspace, by name.
    fn with_manuals(&self) -> Vec<AgentId> {
        let suffix = format!("-{MAIN_MANUAL}");
        let mut ids: Vec<_> = self
            .given
            .manuals
            .iter()
            .filter_map(|file| file.strip_suffix(&suffix))
            .filter(|name| agent_id(name).is_some_and(|id| id.as_str() == *name))
            .map(AgentId::from)
            .collect();
        ids.sort();
        ids
    }

    /// Settings that defaults and agents share, laid on top of what is there.
    fn lay(&mut self, agent: &mut Agent, view: &View<'_>) {
        put(&mut agent.workspace, self.path(&view.get("workspace")));
        self.lay_chain(&mut agent.model, &view.get("model"));
        put(
            &mut agent.thinking,
            thinking(&view.get("thinkingDefault")).map(Some),
        );
        put(&mut agent.timeout, view.get("timeoutSeconds").seconds());
        put(
            &mut agent.bootstrap_max_chars,
            view.get("bootstrapMaxChars").count(),
        );
        put(
            &mut agent.bootstrap_total_max_chars,
            view.get("bootstrapTotalMaxChars").count(),
        );
        put(
            &mut agent.context_tokens,
            view.get("contextTokens").count().map(Some),
        );
        let zone = view.get("userTimezone").text();
        put(&mut agent.timezone, zone.map(|zone| Some(zone.to_owned())));
        put(
            &mut agent.mention_patterns,
            self.patterns(&view.get("groupChat")),
        );
        let compaction = view.get("compaction");
        let own = &mut agent.compaction;
        put(
            &mut own.reserve_tokens,
            compaction.get("reserveTokensFloor").count(),
        );
        let flush = compaction.get("memoryFlush");
        put(
            &mut own.flush_margin,
            flush.get("softThresholdTokens").count(),
        );
        put(&mut own.memory_flush, flush.get("enabled").flag());
        let prompt = flush.get("prompt").text();
        put(
            &mut own.flush_prompt,
            prompt.map(|prompt| Some(prompt.to_owned())),
        );
        let subagents = view.get("subagents");
        let model = subagents.get("model");
        if model.is_said() {
            let mut chain = agent.subagents.model.take().unwrap_or_default();
            self.lay_chain(&mut chain, &model);
            agent.subagents.model = Some(chain);
        }
        put(
            &mut agent.subagents.thinking,
            thinking(&subagents.get("thinking")).map(Some),
        );
        put(
            &mut agent.subagents.allow_agents,
            subagents.get("allowAgents").texts(),
        );
    }

    /// A model alone replaces the first one; the fallbacks stay unless something is said of them.
    fn lay_chain(&mut self, chain: &mut ModelChain, view: &View<'_>) {
        let primary = if view.text().is_some() {
            view.clone()
        } else {
            view.get("primary")
        };
        put(
            &mut chain.primary,
            self.models.model(&primary, self.findings).map(Some),
        );
        let fallbacks = view.get("fallbacks");
        if fallbacks.is_said() {
            let items = fallbacks.items();
            chain.fallbacks = items
                .iter()
                .filter_map(|item| self.models.model(item, self.findings))
                .collect();
        }
    }

    /// `agents.defaults.process`.
    pub(super) fn process(&self, root: &View<'_>) -> Process {
        let defaults = root.get("agents.defaults");
        let view = defaults.get("process");
        let mut process = Process {
            programs: self.given.programs.clone(),
            ..Process::default()
        };
        put(&mut process.idle, view.get("idleSeconds").seconds());
        put(
            &mut process.max_turns,
            defaults.get("maxConcurrent").count(),
        );
        let programs = view.get("programs");
        put(
            &mut process.programs,
            self.path(&programs).map(|dir| Programs::beside(&dir)),
        );
        put(
            &mut process.programs.agent,
            self.path(&programs.get("agent")),
        );
        put(
            &mut process.programs.toolbox,
            self.path(&programs.get("toolbox")),
        );
        put(&mut process.programs.jail, self.path(&programs.get("jail")));
        process
    }
}

fn thinking(view: &View<'_>) -> Option<Thinking> {
    view.one_of(&[
        ("off", Thinking::Off),
        ("minimal", Thinking::Minimal),
        ("low", Thinking::Low),
        ("medium", Thinking::Medium),
        ("high", Thinking::High),
        ("xhigh", Thinking::Xhigh),
    ])
}
