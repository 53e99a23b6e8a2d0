//! A session's walls: explained, and tried.

use super::Client;
use ipc::control::ToSupervisor;
use ipc::frame::FrameError;
use ipc::id::SessionKey;
use ipc::link::LinkReceiver;
use ipc::refusal::RefusalKind;

impl Client {
    pub(super) async fn walls(&mut self, _session: Option<SessionKey>) -> Result<(), FrameError> {
        self.refuse(RefusalKind::Unavailable, "this gateway can not do that yet")
            .await
    }

    pub(super) async fn run(
        &mut self,
        _session: Option<SessionKey>,
        _command: Vec<String>,
        _from: &mut LinkReceiver<ToSupervisor>,
    ) -> Result<(), FrameError> {
        self.refuse(RefusalKind::Unavailable, "this gateway can not do that yet")
            .await
    }
}
