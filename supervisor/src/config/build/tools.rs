//! `tools`, for all agents and for one.

use super::super::agent::Agent;
use super::super::runtime::Loops;
use super::super::tools::{ExecPolicy, Profile, ToolRules};
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
        self.lay_loops(&mut agent.loops, &view.get("loopDetection"));
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
