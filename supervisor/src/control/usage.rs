//! What sessions use, and ending what uses too much.

use super::Client;
use ipc::control::FromSupervisor;
use ipc::frame::FrameError;
use ipc::id::{JobId, SessionKey};
use ipc::refusal::{Refusal, RefusalKind};

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
        session: &SessionKey,
        job: Option<&JobId>,
    ) -> Result<(), FrameError> {
        let handle = self.control.router.find(session).await;
        let killed = match handle {
            Some(handle) => handle.kill(job.cloned()).await.ok(),
            None => None,
        };
        let nothing = |what: String| Refusal::new(RefusalKind::NotFound, what);
        let refusal = match (killed, job) {
            (None, _) => nothing(format!("{session} has no process")),
            (Some(0), Some(job)) => nothing(format!(
                "{session} has no running tool {job}; openclaw top shows what runs"
            )),
            (Some(_), Some(job)) => {
                return self.done(&format!("{job} of {session} was ended")).await;
            }
            (Some(tools), None) => {
                let text = format!("{session} was stopped; {tools} running tools were ended");
                return self.done(&text).await;
            }
        };
        self.to.send(&FromSupervisor::Refused(refusal)).await
    }
}
