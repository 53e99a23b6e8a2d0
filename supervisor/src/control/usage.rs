//! What sessions use, and ending what uses too much.

use super::Client;
use ipc::frame::FrameError;
use ipc::id::{JobId, SessionKey};
use ipc::refusal::RefusalKind;

impl Client {
    pub(super) async fn usage(&mut self) -> Result<(), FrameError> {
        self.refuse(RefusalKind::Unavailable, "this gateway can not do that yet")
            .await
    }

    pub(super) async fn inspect(&mut self, _session: &SessionKey) -> Result<(), FrameError> {
        self.refuse(RefusalKind::Unavailable, "this gateway can not do that yet")
            .await
    }

    pub(super) async fn stats(&mut self, _days: u32) -> Result<(), FrameError> {
        self.refuse(RefusalKind::Unavailable, "this gateway can not do that yet")
            .await
    }

    pub(super) async fn kill(
        &mut self,
        _session: &SessionKey,
        _job: Option<&JobId>,
    ) -> Result<(), FrameError> {
        self.refuse(RefusalKind::Unavailable, "this gateway can not do that yet")
            .await
    }
}
