//! Answers about the channels.

use super::Client;
use crate::config::DEFAULT_ACCOUNT;
use ipc::control::{ChannelStatus, FromSupervisor, PartHealth};
use ipc::frame::FrameError;
use ipc::refusal::{Refusal, RefusalKind};

impl Client {
    /// How each account is.
    pub(super) async fn channels(&mut self, probe: bool) -> Result<(), FrameError> {
        let channels = self.control.channels.status(probe).await;
        self.to.send(&FromSupervisor::Channels { channels }).await
    }

    /// Who asks to be let in, and who was.
    pub(super) async fn pairings(&mut self) -> Result<(), FrameError> {
        self.to.send(&FromSupervisor::Refused(none())).await
    }

    /// A word on somebody who asks.
    pub(super) async fn pair(&mut self, _code: &str, _approve: bool) -> Result<(), FrameError> {
        self.to.send(&FromSupervisor::Refused(none())).await
    }

    /// Somebody who was let in is so no more.
    pub(super) async fn unpair(
        &mut self,
        _channel: &str,
        _account: Option<&str>,
        _sender: &str,
    ) -> Result<(), FrameError> {
        self.to.send(&FromSupervisor::Refused(none())).await
    }
}

/// An account as one part of the gateway: `Telegram`, or `Telegram work` where it is not the default
/// one. One that is still being asked for the first time does not fail.
pub(crate) fn line(status: &ChannelStatus) -> PartHealth {
    let mut name = status.channel.clone();
    if let Some(first) = name.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    if status.account != DEFAULT_ACCOUNT {
        name = format!("{name} {}", status.account);
    }
    let detail = match (status.ok, status.name.is_empty()) {
        (true, true) => "ok".to_owned(),
        (true, false) => format!("ok ({})", status.name),
        (false, _) if status.last_error.is_none() => status.detail.clone(),
        (false, _) => format!("failing ({})", status.detail),
    };
    PartHealth {
        name,
        ok: status.ok || status.last_error.is_none(),
        detail,
    }
}

fn none() -> Refusal {
    Refusal::new(RefusalKind::NotFound, "no channel lets people in")
}
