//! Commands that wait for a person's word: shown, and answered, for all sessions at once.

use super::Client;
use crate::broker::approvals::{NoAnswer, Word};
use ipc::approval::{ApprovalDecision, ApprovalRequest};
use ipc::control::{Activity, FromSupervisor};
use ipc::frame::FrameError;
use ipc::id::SessionKey;
use ipc::refusal::RefusalKind;

/// Whoever is heard on the control socket operates this gateway.
const BY: &str = "cli";

impl Client {
    pub(super) async fn approvals(&mut self) -> Result<(), FrameError> {
        let pending = self.control.services.approvals.waiting(None);
        self.to.send(&FromSupervisor::Approvals { pending }).await
    }

    pub(super) async fn approve(
        &mut self,
        id: &str,
        decision: ApprovalDecision,
    ) -> Result<(), FrameError> {
        let word = Word {
            decision,
            by: BY.to_owned(),
        };
        let answered = self.control.services.approvals.answer(id, None, &word);
        match answered {
            Ok(request) => self.done(&in_words(decision, &request)).await,
            Err(error) => self.refuse(kind(&error), error.to_string()).await,
        }
    }

    /// What waits in a session, for somebody who has just come to it.
    pub(super) async fn show_waiting(&mut self, session: &SessionKey) -> Result<(), FrameError> {
        for request in self.control.services.approvals.waiting(Some(session)) {
            let asked = Activity::ApprovalAsked(request);
            self.to.send(&FromSupervisor::Activity(asked)).await?;
        }
        Ok(())
    }
}

fn in_words(decision: ApprovalDecision, request: &ApprovalRequest) -> String {
    let ApprovalRequest {
        session, command, ..
    } = request;
    match decision {
        ApprovalDecision::AllowOnce => format!("allowed once in {session}: {command}"),
        ApprovalDecision::AllowAlways => {
            let program = request.program.as_deref().unwrap_or_default();
            format!("allowed in {session}, and {program} always from now on: {command}")
        }
        ApprovalDecision::Deny => format!("denied in {session}: {command}"),
    }
}

fn kind(error: &NoAnswer) -> RefusalKind {
    match error {
        NoAnswer::Unknown(_) | NoAnswer::Ended(_) => RefusalKind::NotFound,
        NoAnswer::Ambiguous(_, _) | NoAnswer::NoProgram(_) => RefusalKind::Invalid,
    }
}
