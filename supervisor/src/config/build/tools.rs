//! `tools`, for all agents and for one.

use super::super::agent::Agent;
use super::super::egress::{Egress, EgressMode, Preset};
use super::super::runtime::Loops;
use super::super::tools::{Elevated, ElevatedWalls, ExecPolicy, Profile, ToolRules};
use super::super::view::{View, put};
use super::Builder;
use ipc::tool_args::{ExecAsk, ExecSecurity};

impl Builder<'_> {
    /// One layer of rules.
    pub(super) fn rules(&mut self, view: &View<'_>) -> ToolRules {
        let mut rules = self.own_rules(view);
        for (name, below) in view.get("byProvider").entries() {
            let provider = name.trim().to_ascii_lowercase();
            rules.by_provider.insert(provider, self.own_rules(&below));
        }
        rules
    }

    fn own_rules(&mut self, view: &View<'_>) -> ToolRules {
        let also = view.get("alsoAllow");
        let rules = ToolRules {
            profile: view.get("profile").one_of(&[
                ("minimal", Profile::Minimal),
                ("coding", Profile::Coding),
                ("messaging", Profile::Messaging),
                ("full", Profile::Full),
            ]),
            allow: view.get("allow").texts(),
            also_allow: also.texts().unwrap_or_default(),
            deny: view.get("deny").texts().unwrap_or_default(),
            by_provider: Default::default(),
        };
        let narrows = rules.allow.as_ref().is_some_and(|allow| !allow.is_empty());
        if narrows && !rules.also_allow.is_empty() {
            let message = "cannot stand beside allow; put its tools into allow, or use profile instead of allow";
            self.findings.error(also.at(), &also.key, message);
        }
        rules
    }

    /// Settings of tools that an agent's own replace.
    pub(super) fn lay_tools(&mut self, agent: &mut Agent, view: &View<'_>) {
        put(
            &mut agent.tools.workspace_only,
            view.get("fs.workspaceOnly").flag(),
        );
        self.lay_exec(&mut agent.tools.exec, &view.get("exec"));
        self.lay_egress(&mut agent.tools.egress, &view.get("egress"));
        self.lay_elevated(&mut agent.tools.elevated, &view.get("elevated.walls"));
        self.lay_loops(&mut agent.loops, &view.get("loopDetection"));
    }

    fn lay_egress(&mut self, egress: &mut Egress, view: &View<'_>) {
        let mode = view.get("mode").one_of(&[
            ("off", EgressMode::Off),
            ("allowlist", EgressMode::Allowlist),
            ("open", EgressMode::Open),
        ]);
        put(&mut egress.mode, mode);
        put(&mut egress.allow, view.get("allow").texts());
        put(&mut egress.deny, view.get("deny").texts());
        put(&mut egress.private, view.get("private").texts());
        let words = [("packages", Preset::Packages), ("code", Preset::Code)];
        let preset = |entry: &View<'_>| entry.one_of(&words);
        let presets = self.each(&view.get("presets"), "packages or code", preset);
        put(&mut egress.presets, presets);
        let port = |entry: &View<'_>| entry.count().filter(|port: &u16| *port > 0);
        let ports = self.each(&view.get("ports"), "a port from 1 to 65535", port);
        put(&mut egress.ports, ports);
        put(
            &mut egress.max_connections,
            view.get("maxConnections").count(),
        );
        let bytes = view.get("maxBytes").bytes();
        put(&mut egress.max_bytes, bytes.map(|n| (n > 0).then_some(n)));
    }

    /// A list whose entries the table can not check.
    pub(super) fn each<T>(
        &mut self,
        list: &View<'_>,
        expected: &str,
        read: impl Fn(&View<'_>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let mut found = Vec::new();
        for entry in list.items() {
            match read(&entry) {
                Some(value) => found.push(value),
                None => {
                    let message = format!("expected {expected}");
                    self.findings.error(entry.at(), &entry.key, message);
                }
            }
        }
        list.is_said().then_some(found)
    }

    fn lay_elevated(&self, elevated: &mut Elevated, view: &View<'_>) {
        let ElevatedWalls {
            network,
            read_paths,
            write_paths,
            timeout,
        } = &mut elevated.walls;
        put(network, super::rest::network(&view.get("network")));
        put(read_paths, self.path_list(&view.get("readPaths")));
        put(write_paths, self.path_list(&view.get("writePaths")));
        put(timeout, view.get("timeoutSec").seconds());
    }

    fn lay_exec(&self, exec: &mut ExecPolicy, view: &View<'_>) {
        put(&mut exec.security, security(&view.get("security")));
        put(&mut exec.ask_fallback, security(&view.get("askFallback")));
        let ask = view.get("ask").one_of(&[
            ("off", ExecAsk::Off),
            ("on-miss", ExecAsk::OnMiss),
            ("always", ExecAsk::Always),
        ]);
        put(&mut exec.ask, ask);
        put(
            &mut exec.background_after,
            view.get("backgroundMs").millis(),
        );
        put(&mut exec.timeout, view.get("timeoutSec").seconds());
        put(&mut exec.timeout, view.get("timeoutSeconds").seconds());
        put(&mut exec.cleanup, view.get("cleanupMs").millis());
        put(&mut exec.notify_on_exit, view.get("notifyOnExit").flag());
        put(
            &mut exec.path_prepend,
            self.path_list(&view.get("pathPrepend")),
        );
        put(&mut exec.safe_bins, view.get("safeBins").texts());
        put(&mut exec.apply_patch, view.get("applyPatch.enabled").flag());
        put(
            &mut exec.apply_patch_workspace_only,
            view.get("applyPatch.workspaceOnly").flag(),
        );
    }

    /// `tools.loopDetection`.
    pub(super) fn loops(&mut self, root: &View<'_>) -> Loops {
        let mut loops = Loops::default();
        self.lay_loops(&mut loops, &root.get("tools.loopDetection"));
        loops
    }

    fn lay_loops(&mut self, loops: &mut Loops, view: &View<'_>) {
        put(&mut loops.enabled, view.get("enabled").flag());
        put(&mut loops.history_size, view.get("historySize").count());
        put(
            &mut loops.warning_threshold,
            view.get("warningThreshold").count(),
        );
        put(
            &mut loops.critical_threshold,
            view.get("criticalThreshold").count(),
        );
        put(
            &mut loops.global_breaker_threshold,
            view.get("globalCircuitBreakerThreshold").count(),
        );
        let detectors = view.get("detectors");
        put(
            &mut loops.generic_repeat,
            detectors.get("genericRepeat").flag(),
        );
        put(
            &mut loops.known_poll_no_progress,
            detectors.get("knownPollNoProgress").flag(),
        );
        put(&mut loops.ping_pong, detectors.get("pingPong").flag());
        let (warn, block, all) = (
            loops.warning_threshold,
            loops.critical_threshold,
            loops.global_breaker_threshold,
        );
        if view.is_said() && !(warn < block && block < all) {
            let message = format!(
                "expected warningThreshold < criticalThreshold < globalCircuitBreakerThreshold, found {warn}, {block}, {all}"
            );
            self.findings.error(view.at(), &view.key, message);
        }
    }
}

fn security(view: &View<'_>) -> Option<ExecSecurity> {
    view.one_of(&[
        ("deny", ExecSecurity::Deny),
        ("allowlist", ExecSecurity::Allowlist),
        ("full", ExecSecurity::Full),
    ])
}
