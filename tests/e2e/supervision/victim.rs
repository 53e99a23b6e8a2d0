//! What can be killed.

use super::stage::Stage;
use tests::procfs::Process;
use tests::{Gate, eventually};

/// What is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Victim {
    /// `openclaw-agent` of the session.
    Agent,
    /// The outer `openclaw-jail` of a tool: the supervisor's own child.
    Jail,
    /// The inner one: pid 1 of the jail.
    Keeper,
    /// `openclaw-toolbox` in the jail.
    Toolbox,
    /// The tool's own program.
    Command,
    /// The gateway itself.
    Supervisor,
    /// The agent, and in the next moment the gateway.
    AgentAndSupervisor,
    /// Nobody: the gateway is asked to stop.
    Nobody,
}

impl Victim {
    /// Whoever is there at any time.
    pub(super) const ALWAYS: [Self; 4] = [
        Self::Agent,
        Self::Supervisor,
        Self::AgentAndSupervisor,
        Self::Nobody,
    ];
    /// And all there are while a tool runs.
    pub(super) const WITH_TOOL: [Self; 8] = [
        Self::Agent,
        Self::Jail,
        Self::Keeper,
        Self::Toolbox,
        Self::Command,
        Self::Supervisor,
        Self::AgentAndSupervisor,
        Self::Nobody,
    ];

    /// Each of [`Self::ALWAYS`] once; the agent and the supervisor twice, and after each other.
    pub(super) fn once_and_twice() -> impl Iterator<Item = Vec<Self>> {
        let once = Self::ALWAYS.map(|victim| vec![victim]);
        let two = [Self::Agent, Self::Supervisor];
        let pairs = two.map(|first| two.map(|second| vec![first, second]));
        once.into_iter().chain(pairs.into_iter().flatten())
    }

    /// Whether the gateway goes, and comes again.
    pub(super) fn ends_gateway(self) -> bool {
        match self {
            Self::Supervisor | Self::AgentAndSupervisor | Self::Nobody => true,
            Self::Agent | Self::Jail | Self::Keeper | Self::Toolbox | Self::Command => false,
        }
    }

    /// Kills it, and starts again what nobody but a person would.
    pub(super) async fn is_killed_in(self, stage: &mut Stage) {
        match self {
            Self::Supervisor => stage.kill_supervisor().await,
            Self::AgentAndSupervisor => {
                let agent = stage.agent().await;
                // Frozen, the gateway does nothing about the agent's end before its own.
                stage.gateway.process().freeze();
                agent.kill9();
                stage.kill_supervisor().await;
            }
            Self::Nobody => stage.stop_supervisor().await,
            Self::Agent => {
                let agent = stage.agent().await;
                agent.kill9();
                eventually!(!agent.is_alive());
            }
            Self::Jail | Self::Keeper | Self::Toolbox | Self::Command => {
                let process = self.of_tool(stage).await;
                let inside = process.descendants();
                process.kill9();
                eventually!(!process.is_alive());
                // Whoever of the walls dies takes all within along, though the command would go on.
                eventually!(!inside.iter().any(Process::is_alive), "{inside:#?}");
            }
        }
    }

    /// The process of the first tool call: the chain from the supervisor down to bash.
    async fn of_tool(self, stage: &Stage) -> Process {
        let steps = match self {
            Self::Jail => 0,
            Self::Keeper => 1,
            Self::Toolbox => 2,
            Self::Command => 3,
            _ => panic!("{self:?} is no part of a tool"),
        };
        let title = format!("[{} job-1]", stage.session());
        let chain = || {
            let tree = stage.gateway.tree();
            let first = tree.iter().find(|process| process.title.contains(&title));
            let mut chain: Vec<Process> = first.into_iter().cloned().collect();
            while let Some(next) = chain
                .last()
                .and_then(|last| tree.iter().find(|process| process.parent == last.pid))
            {
                chain.push(next.clone());
            }
            chain
        };
        eventually!(chain().len() > steps, "{:#?}", stage.gateway.tree());
        chain().swap_remove(steps)
    }
}

/// How many of them take the gateway with them, and with it what a model was about to say.
pub(super) fn lost(killed: &[Victim]) -> usize {
    killed.iter().filter(|victim| victim.ends_gateway()).count()
}

/// Kills them one after the other, each while the model is at the gate, and opens it then. The model
/// is asked anew for what was lost with a gateway; what it says to an agent that died is kept.
pub(super) async fn kill_at(gate: &Gate, stage: &mut Stage, killed: &[Victim]) {
    let mut times = 1;
    for victim in killed {
        gate.reached_by(times).await;
        victim.is_killed_in(stage).await;
        if victim.ends_gateway() {
            times += 1;
        } else {
            // There is a new agent to be killed.
            stage.agent().await;
            stage.is("in turn").await;
        }
    }
    gate.reached_by(times).await;
    gate.open();
}
