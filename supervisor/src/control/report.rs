//! What the control socket tells of the gateway: health, models, sessions.

use super::Control;
use crate::broker::walls::{high_enough, in_container};
use crate::config::{Config, Sandbox};
use crate::egress::EgressPolicy;
use crate::policy;
use crate::session::{PhaseName, SessionView};
use crate::store::{Room, SessionRow, Store, StoreError};
use ipc::control::{
    FromSupervisor, HealthReport, PartHealth, SessionDetail, SessionSummary, WallsReport,
};
use ipc::id::SessionKey;
use ipc::refusal::{Refusal, RefusalKind};
use jail::probe::Report;
use std::collections::{BTreeSet, HashMap};
use std::path::Path;

/// How everything is.
pub(super) async fn health(control: &Control) -> Result<FromSupervisor, StoreError> {
    let live = control.services.live.load_full();
    let config = &live.config;
    let views = control.router.views().await;
    let models = live.models.chain(&config.default_agent().id, None).await;
    let report = control.services.walls.borrow().clone();
    let walls = walls(report.as_ref(), &config.sandbox);
    let mut notices: Vec<String> = config.warnings.iter().map(ToString::to_string).collect();
    notices.extend(meaningless(config));
    let held = report
        .as_ref()
        .map(|report| high_enough(&config.sandbox, report));
    let too_low = held.and_then(Result::err).map(|low| low.to_string());
    let tools_run = too_low.is_none();
    let lacking = report.as_ref().filter(|_| tools_run).and_then(lacking);
    notices.extend(too_low.into_iter().chain(lacking));
    let full = scarce(&config.paths.state_dir);
    let door = control.door.borrow().health();
    let unrecorded = control.services.audit.complaint();
    let complaint = control.services.complaint();
    let unread = live.approvals_complaint.clone();
    let ok = tools_run && complaint.is_none() && full.is_none() && unread.is_none();
    let unknown = control.channels.pairing().complaint();
    let ok = ok && unknown.is_none();
    let ok = ok && unrecorded.is_none() && door.as_ref().is_none_or(|door| door.ok);
    notices.extend(full.into_iter().chain(unread).chain(unrecorded));
    notices.extend(unknown);
    let reached: Vec<PartHealth> = control
        .channels
        .status(false)
        .await
        .iter()
        .map(super::channel_line)
        .collect();
    let ok = ok && reached.iter().all(|channel| channel.ok);
    let shut = door.as_ref().filter(|door| !door.ok);
    notices.extend(shut.map(|door| format!("no pages over HTTP: {}", door.detail)));
    notices
        .extend(complaint.map(|what| format!("the last good configuration is in force: {what}")));
    Ok(FromSupervisor::Health(HealthReport {
        ok,
        version: env!("CARGO_PKG_VERSION").into(),
        pid: std::process::id(),
        uptime_ms: u64::try_from(control.began.elapsed().as_millis()).unwrap_or(u64::MAX),
        state_dir: config.paths.state_dir.display().to_string(),
        channels: [PartHealth {
            name: "CLI".into(),
            ok: true,
            detail: format!("ok ({})", config.paths.control_socket().display()),
        }]
        .into_iter()
        .chain(door)
        .chain(reached)
        .collect(),
        agents: config.agents.iter().map(|agent| agent.id.clone()).collect(),
        models: models.iter().map(ToString::to_string).collect(),
        walls,
        live_agents: count(views.values().filter(|view| view.pid.is_some()).count()),
        sessions: count(control.services.store.list().await?.len()),
        notices,
    }))
}

/// Entries of `tools.egress` that name nothing.
fn meaningless(config: &Config) -> BTreeSet<String> {
    let agents = config.agents.iter();
    agents
        .flat_map(|agent| EgressPolicy::new(&agent.tools.egress).1)
        .collect()
}

/// What keeps the walls from being as high as they can be on this kind of machine.
fn lacking(report: &Report) -> Option<String> {
    let missing = report.missing.as_ref().filter(|_| report.level < 3)?;
    Some(format!("the walls could be higher; in the way: {missing}"))
}

/// A disk that is nearly full.
fn scarce(state_dir: &Path) -> Option<String> {
    match Room::of(state_dir)? {
        Room::Enough(_) => None,
        Room::Scarce(kib) => Some(format!(
            "the disk is nearly full: {kib} KiB are left where {} is; free some space",
            state_dir.display()
        )),
    }
}

fn walls(report: Option<&Report>, sandbox: &Sandbox) -> WallsReport {
    let layer = |layer: &jail::probe::Layer| PartHealth {
        name: layer.name.to_string(),
        ok: layer.holds,
        detail: layer.proof.clone(),
    };
    WallsReport {
        level: report.map(|report| policy::level(sandbox, report)),
        layers: report
            .map(|report| report.layers.iter().map(layer).collect())
            .unwrap_or_default(),
        network: sandbox.network.name().into(),
        minimum: policy::minimum(sandbox, in_container()),
        limits: match report {
            Some(Report { level: 4, .. }) => "enforced".into(),
            Some(_) | None => "sampled".into(),
        },
    }
}

/// Which models there are, and how their credentials are.
pub(super) async fn models(control: &Control) -> Result<FromSupervisor, StoreError> {
    let live = control.services.live.load_full();
    Ok(FromSupervisor::Models(live.models.report().await))
}

/// All sessions.
pub(crate) async fn sessions(
    store: &Store,
    live: &HashMap<SessionKey, SessionView>,
) -> Result<FromSupervisor, StoreError> {
    let rows = store.list().await?;
    let sessions = rows.into_iter().map(|row| summary(row, live)).collect();
    Ok(FromSupervisor::Sessions { sessions })
}

/// One session with its items.
pub(crate) async fn session(
    store: &Store,
    live: &HashMap<SessionKey, SessionView>,
    key: &SessionKey,
    limit: Option<u32>,
) -> Result<FromSupervisor, StoreError> {
    let Some(shown) = store.show(key, limit).await? else {
        return Ok(no_session(key));
    };
    let items = shown
        .items
        .iter()
        .filter_map(|item| serde_json::to_value(item).ok())
        .collect();
    Ok(FromSupervisor::Session(SessionDetail {
        summary: summary(shown.row, live),
        items,
    }))
}

/// There is none of that key.
pub(crate) fn no_session(key: &SessionKey) -> FromSupervisor {
    FromSupervisor::Refused(unknown(key))
}

/// Says so.
pub(crate) fn unknown(key: &SessionKey) -> Refusal {
    let text = format!("there is no session {key}; openclaw sessions list shows what there is");
    Refusal::new(RefusalKind::NotFound, text)
}

fn summary(row: SessionRow, views: &HashMap<SessionKey, SessionView>) -> SessionSummary {
    let view = views.get(&row.session);
    SessionSummary {
        state: view
            .map_or(PhaseName::Cold, |view| view.phase)
            .as_str()
            .to_owned(),
        pid: view
            .and_then(|view| view.pid)
            .and_then(|pid| u32::try_from(pid).ok()),
        agent: row.agent,
        updated_at: row.updated_at,
        items: row.items,
        usage: row.usage,
        session: row.session,
    }
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
