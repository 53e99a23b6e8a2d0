//! Answers about the channels.

use super::Client;
use ipc::control::FromSupervisor;
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

fn none() -> Refusal {
    Refusal::new(RefusalKind::NotFound, "no channel lets people in")
}
