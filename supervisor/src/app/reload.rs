//! A changed configuration takes effect, or the last good one stays in force.

use super::{Ending, lay_out, live, logs};
use crate::audit::Event;
use crate::broker::Services;
use crate::channels::Channels;
use crate::config::{Changes, Config, ConfigErrors, KeyPath, Plan, Source, Watch, plan};
use crate::router::Router;
use crate::session::PhaseName;
use ipc::control::Stay;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// How often a restart looks whether the last turn has ended.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// A restart waits this long for turns; what still runs then is taken up by the next gateway.
const TURNS_WITHIN: Duration = Duration::from_secs(30);

/// The task that notices changes.
pub(super) struct Reloading {
    pub(super) services: Arc<Services>,
    pub(super) router: Arc<Router>,
    pub(super) channels: Arc<Channels>,
    pub(super) stay: Stay,
    pub(super) source: Source,
    pub(super) wanted: Arc<Notify>,
    pub(super) ending: Arc<Ending>,
}

impl Reloading {
    pub(super) async fn run(self) {
        let current = Arc::clone(&self.services.live.load().config);
        let mut watch = Watch::start(self.source.clone(), current);
        loop {
            tokio::select! {
                () = self.ending.stop.cancelled() => return,
                () = self.wanted.notified() => {
                    self.take(self.source.load().map(Arc::new)).await;
                    self.refresh().await;
                }
                read = watch.changed() => self.take(read).await,
            }
        }
    }

    async fn take(&self, read: Result<Arc<Config>, ConfigErrors>) {
        match read {
            Ok(config) => self.weigh(config).await,
            Err(errors) => {
                tracing::error!("the last good configuration stays in force: {errors}");
                self.services.complain(Some(errors.to_string()));
            }
        }
    }

    async fn weigh(&self, config: Arc<Config>) {
        self.services.complain(None);
        for warning in &config.warnings {
            tracing::warn!("{warning}");
        }
        let old = Arc::clone(&self.services.live.load().config);
        match plan(config.gateway.reload.mode, Changes::between(&old, &config)) {
            Plan::Nothing => {}
            Plan::Apply { changed, waiting } => {
                self.apply(config).await;
                tracing::info!("in force now: {}", names(&changed));
                let keys = changed.iter().map(ToString::to_string).collect();
                self.services.audit.record(Event::Configured { keys });
                if !waiting.is_empty() {
                    tracing::warn!("waits for a restart of the gateway: {}", names(&waiting));
                }
            }
            Plan::Restart { because } => {
                tracing::info!("restarting when no turn runs, for {}", names(&because));
                self.quiet().await;
                self.ending.again();
            }
        }
    }

    /// Reads what is beside the configuration: approvals, where toolchains are.
    async fn refresh(&self) {
        let config = Arc::clone(&self.services.live.load().config);
        self.services.live.store(Arc::new(live(config)));
        self.router.renew().await;
    }

    async fn apply(&self, config: Arc<Config>) {
        if let Err(error) = lay_out(&config) {
            tracing::error!("{error}");
        }
        logs::follow(&config);
        self.services.live.store(Arc::new(live(config)));
        self.router.renew().await;
        if self.stay == Stay::Service {
            self.channels.renew().await;
        }
    }

    /// Waits until no turn runs.
    async fn quiet(&self) {
        let quiet = async {
            loop {
                let views = self.router.views().await;
                if !views.values().any(|view| view.phase == PhaseName::InTurn) {
                    return;
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        tokio::select! {
            () = self.ending.stop.cancelled() => {}
            _ = tokio::time::timeout(TURNS_WITHIN, quiet) => {}
        }
    }
}

fn names(keys: &[KeyPath]) -> String {
    keys.iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}
