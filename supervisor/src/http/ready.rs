//! Whether the gateway can do its work, part by part.

use super::Pages;
use crate::audit::redact;
use crate::broker::{Services, walls};
use crate::config::Sandbox;
use crate::control::channel_line;
use crate::store::Room;
use ipc::control::PartHealth;
use std::time::Duration;

/// A store that takes longer does not count as working.
const STORE_WITHIN: Duration = Duration::from_secs(2);

/// Every part that must work.
pub(super) async fn parts(pages: &Pages) -> Vec<PartHealth> {
    let services = &pages.services;
    let live = services.live.load_full();
    let config = &live.config;
    let mut parts = vec![
        part("store", store(services).await),
        part("walls", walls(services, &config.sandbox)),
        part("configuration", services.complaint()),
        part("approvals", live.approvals_complaint.clone()),
        part("audit log", services.audit.complaint()),
        part("pairing", pages.channels.pairing().complaint()),
        part("disk", disk(&config.paths.state_dir)),
        part(
            "control socket",
            control_socket(&config.paths.control_socket()),
        ),
    ];
    let channels = pages.channels.status(false).await;
    parts.extend(channels.iter().map(channel_line));
    parts
}

fn part(name: &str, complaint: Option<String>) -> PartHealth {
    PartHealth {
        name: name.to_owned(),
        ok: complaint.is_none(),
        // A complaint quotes what is wrong, and that may be a secret in the wrong place.
        detail: complaint.map_or_else(
            || "ok".to_owned(),
            |complaint| redact::text(&complaint).into_owned(),
        ),
    }
}

async fn store(services: &Services) -> Option<String> {
    match tokio::time::timeout(STORE_WITHIN, services.store.outbox_depth()).await {
        Ok(Ok(_)) => None,
        Ok(Err(error)) => Some(format!("failed to {error}")),
        Err(_) => Some(format!(
            "it does not answer within {} s; is the disk hung?",
            STORE_WITHIN.as_secs()
        )),
    }
}

fn walls(services: &Services, sandbox: &Sandbox) -> Option<String> {
    match services.walls.borrow().as_ref() {
        None => Some("being probed".to_owned()),
        Some(report) => {
            let low = walls::high_enough(sandbox, report).err();
            low.map(|low| low.to_string())
        }
    }
}

fn disk(state_dir: &std::path::Path) -> Option<String> {
    match Room::of(state_dir)? {
        Room::Enough(_) => None,
        Room::Scarce(kib) => Some(format!("{kib} KiB are left; free some space")),
    }
}

/// Somebody may have removed it: people are not heard then.
fn control_socket(path: &std::path::Path) -> Option<String> {
    (!path.exists()).then(|| format!("{} is gone; restart the gateway", path.display()))
}
