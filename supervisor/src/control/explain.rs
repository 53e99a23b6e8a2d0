//! What holds around a session's tools, in words. Pure.

use crate::config::{Agent, Config, Egress, EgressMode, ElevatedWalls, Limits, Namespaces, Preset};
use crate::meter::words;
use crate::policy::{self, SessionPolicy};
use ipc::id::{AgentId, SessionKey};
use ipc::tool_args::{ExecAsk, ExecSecurity};
use ipc::walls::{LayerDetail, WallsDetail};
use jail::attempts::Walls;
use jail::probe::Report;
use jail::spec::{JailSpec, Network};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What is known of the machine.
pub(super) struct Machine<'a> {
    /// What the probe found.
    pub(super) report: Option<Report>,
    /// Whether it is a container.
    pub(super) in_container: bool,
    /// Whose process the gateway is.
    pub(super) uid: u32,
    /// Whose a path is.
    pub(super) owner: &'a dyn Fn(&Path) -> Option<u32>,
}

/// Explains the walls of one session.
pub(super) fn explain(
    session: SessionKey,
    config: &Config,
    agent: &AgentId,
    policy: &SessionPolicy,
    machine: &Machine<'_>,
) -> WallsDetail {
    let sandbox = &config.sandbox;
    let agent = config
        .agent(agent)
        .unwrap_or_else(|| config.default_agent());
    let jail = policy.exec_jail();
    let report = machine.report.as_ref();
    let rooms = sandbox.namespaces != Namespaces::Off
        && report.is_none_or(|report| report.walls != Some(Walls::Plain));
    WallsDetail {
        session,
        level: report.map(|report| policy::level(sandbox, report)),
        minimum: policy::minimum(sandbox, machine.in_container),
        layers: report.map(layers).unwrap_or_default(),
        missing: report.and_then(|report| report.missing.clone()),
        read: shown(&jail.read),
        write: shown(&jail.write),
        protect: shown(&jail.protect),
        user: user(&jail, rooms, machine),
        network: network(&jail, &agent.tools.egress, report, rooms),
        limits: limits(&sandbox.limits, report),
        exec: exec(agent),
        elevated: policy
            .can_be_elevated()
            .then(|| elevated(&agent.tools.elevated.walls)),
    }
}

fn layers(report: &Report) -> Vec<LayerDetail> {
    let layers = report.layers.iter();
    let detail = |layer: &jail::probe::Layer| LayerDetail {
        name: layer.name.clone(),
        asked: layer.asked,
        holds: layer.holds,
        proof: layer.proof.clone(),
        mend: layer.mend.clone(),
    };
    layers.map(detail).collect()
}

fn shown(paths: &[PathBuf]) -> Vec<String> {
    paths
        .iter()
        .map(|path| path.display().to_string())
        .collect()
}

/// Who tools run as.
fn user(jail: &JailSpec, rooms: bool, machine: &Machine<'_>) -> String {
    let owner = jail.write.first().and_then(|path| (machine.owner)(path));
    match (machine.uid, rooms, owner) {
        (0, true, _) => {
            "a uid of the session's own; to the workspace it is the owner, and nowhere privileged"
                .to_owned()
        }
        (0, false, Some(owner)) if owner != 0 => format!("uid {owner}, the workspace's owner"),
        (uid, _, _) => format!("uid {uid}, the gateway's, without any privilege"),
    }
}

fn network(jail: &JailSpec, egress: &Egress, report: Option<&Report>, rooms: bool) -> String {
    let mediated = report.is_none_or(|report| report.mediated);
    match (jail.network, rooms, mediated) {
        (Network::None, true, _) => "none but a loopback of its own".to_owned(),
        (Network::Host, _, _) => "the machine's own: nothing is decided or counted".to_owned(),
        (Network::None, false, _) | (Network::Proxied, false, false) => {
            "none: no sockets".to_owned()
        }
        (Network::Proxied, true, _) => {
            format!(
                "{} through the gateway's proxy, and a loopback of its own",
                reach(egress)
            )
        }
        (Network::Proxied, false, true) => {
            format!("{}, each connection made by the gateway", reach(egress))
        }
    }
}

/// Whom a session may speak to.
fn reach(egress: &Egress) -> String {
    let mut text = match egress.mode {
        EgressMode::Off => return "nobody".to_owned(),
        EgressMode::Open => "the public internet".to_owned(),
        EgressMode::Allowlist => {
            let presets = egress.presets.iter().map(|preset| match preset {
                Preset::Packages => "package registries".to_owned(),
                Preset::Code => "code hosts".to_owned(),
            });
            presets
                .chain(egress.allow.iter().cloned())
                .collect::<Vec<_>>()
                .join(", ")
        }
    };
    let ports: Vec<_> = egress.ports.iter().map(u16::to_string).collect();
    text += &format!(" (ports {})", ports.join(", "));
    if !egress.deny.is_empty() {
        text += &format!(", but not {}", egress.deny.join(", "));
    }
    if !egress.private.is_empty() {
        text += &format!(", and of private networks {}", egress.private.join(", "));
    }
    text
}

fn limits(limits: &Limits, report: Option<&Report>) -> Vec<String> {
    let enforced = report.is_some_and(|report| report.level == 4);
    let how = if enforced { "enforced" } else { "sampled" };
    let bytes = |name: &str, limit: Option<u64>, how: &str| {
        limit.map(|limit| format!("{name}: {}, {how}", words(limit)))
    };
    let time =
        |time: Duration| format!("time of one command: {} min, enforced", time.as_secs() / 60);
    [
        bytes("memory", limits.memory, how),
        limits
            .cpu
            .map(|cpu| format!("cpu: {}.{:03} cores, {how}", cpu / 1000, cpu % 1000)),
        limits
            .processes
            .map(|count| format!("processes: {count}, {how}")),
        bytes("disk", limits.disk, "sampled"),
        bytes("/tmp", limits.tmp, "enforced"),
        bytes("one file", limits.file_size, "enforced"),
        limits
            .open_files
            .map(|count| format!("open files of a process: {count}, enforced")),
        limits.wall.map(time),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn exec(agent: &Agent) -> String {
    let exec = &agent.tools.exec;
    let what = match exec.security {
        ExecSecurity::Full => "any command",
        ExecSecurity::Allowlist => "commands on the allow-list",
        ExecSecurity::Deny => "no command",
    };
    let asked = match exec.ask {
        ExecAsk::Off => "nobody is asked",
        ExecAsk::OnMiss => "a person is asked about others",
        ExecAsk::Always => "a person is asked about each",
    };
    format!("{what}; {asked}")
}

fn elevated(walls: &ElevatedWalls) -> String {
    let paths = |paths: &[PathBuf]| shown(paths).join(", ");
    let mut text = format!("network: {}", walls.network.name());
    if !walls.read_paths.is_empty() {
        text += &format!("; reads also {}", paths(&walls.read_paths));
    }
    if !walls.write_paths.is_empty() {
        text += &format!("; writes also {}", paths(&walls.write_paths));
    }
    text + &format!("; up to {} min", walls.timeout.as_secs() / 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whom_a_session_may_speak_to_is_said_in_words() {
        let open = Egress::default();
        assert_eq!(reach(&open), "the public internet (ports 80, 443)");
        let list = Egress {
            mode: EgressMode::Allowlist,
            allow: vec!["example.org".to_owned()],
            deny: vec!["gist.github.com".to_owned()],
            private: vec!["10.0.0.7:8080".to_owned()],
            ..Egress::default()
        };
        assert_eq!(
            reach(&list),
            "package registries, code hosts, example.org (ports 80, 443), \
             but not gist.github.com, and of private networks 10.0.0.7:8080"
        );
        let off = Egress {
            mode: EgressMode::Off,
            ..Egress::default()
        };
        assert_eq!(reach(&off), "nobody");
    }

    #[test]
    fn limits_say_how_they_hold() {
        let some = Limits {
            cpu: Some(1500),
            ..Limits::default()
        };
        let said = limits(&some, None);
        assert!(
            said.contains(&"memory: 4.0 GiB, sampled".to_owned()),
            "{said:?}"
        );
        assert!(
            said.contains(&"cpu: 1.500 cores, sampled".to_owned()),
            "{said:?}"
        );
        assert!(said.contains(&"open files of a process: 4096, enforced".to_owned()));
    }
}
