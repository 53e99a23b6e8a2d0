//! Commands that wait for a person's word.

use super::Client;
use ipc::approval::ApprovalDecision;
use ipc::frame::FrameError;
use ipc::refusal::RefusalKind;

impl Client {
    pub(super) async fn approvals(&mut self) -> Result<(), FrameError> {
        self.refuse(RefusalKind::Unavailable, "this gateway can not do that yet")
            .await
    }

    pub(super) async fn approve(
        &mut self,
        _id: &str,
        _decision: ApprovalDecision,
    ) -> Result<(), FrameError> {
        self.refuse(RefusalKind::Unavailable, "this gateway can not do that yet")
            .await
    }
}
