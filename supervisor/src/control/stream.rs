//! What a session says, passed on to a client: the draft as it grows, then the answer, which is
//! noted as sent.

use super::Client;
use crate::message::{Final, Outbound};
use crate::router::answers;
use crate::session::Watch;
use crate::store::OutboxId;
use ipc::control::{FinalReply, FromSupervisor, ToSupervisor};
use ipc::frame::FrameError;
use ipc::id::{InputId, SessionKey};
use ipc::link::LinkReceiver;
use ipc::refusal::RefusalKind;
use tokio::sync::broadcast::error::RecvError;

impl Client {
    /// Passes on what a session says, until `input` is answered (or, without one, for as long as
    /// the client stays). A client may stop the turn meanwhile; it is heard by a connection of its
    /// own, so here only its leaving counts.
    pub(super) async fn stream(
        &mut self,
        mut watch: Watch,
        session: &SessionKey,
        input: Option<InputId>,
        from: &mut LinkReceiver<ToSupervisor>,
    ) -> Result<(), FrameError> {
        self.show_draft(&mut watch).await?;
        self.show_waiting(session).await?;
        loop {
            let event = tokio::select! {
                event = watch.events.recv() => event,
                // Nothing is to be said now; a client that left ends the stream.
                heard = from.recv() => match heard {
                    Ok(_) => {
                        self.refuse(RefusalKind::Invalid, "an answer is being streamed; use another connection").await?;
                        return Err(FrameError::Closed);
                    }
                    Err(error) => return Err(error),
                },
            };
            match event {
                Ok(said) => {
                    if self.pass_on(&said, input).await? {
                        return Ok(());
                    }
                }
                // Drafts were missed, and perhaps the end: the outbox knows, or the draft is shown anew.
                Err(RecvError::Lagged(_)) => {
                    let Some(anew) = self.watch_anew(session).await else {
                        return self.closed(input).await;
                    };
                    if self.caught_up(input).await? {
                        return Ok(());
                    }
                    watch = anew;
                    self.to.send(&FromSupervisor::Undelta).await?;
                    self.show_draft(&mut watch).await?;
                    self.show_waiting(session).await?;
                }
                Err(RecvError::Closed) => return self.closed(input).await,
            }
        }
    }

    /// Passes one event on; says whether it was the answer to `input`.
    async fn pass_on(
        &mut self,
        said: &Outbound,
        input: Option<InputId>,
    ) -> Result<bool, FrameError> {
        let event = match said {
            Outbound::Delta(text) => FromSupervisor::Delta { text: text.clone() },
            Outbound::Undelta => FromSupervisor::Undelta,
            Outbound::Activity(activity) => FromSupervisor::Activity(activity.clone()),
            // Whoever watches a session here sees all of its turns.
            Outbound::Began(_) => return Ok(false),
            Outbound::Final(last) => return self.pass_on_the_end(last, input).await,
        };
        self.to.send(&event).await?;
        Ok(false)
    }

    async fn pass_on_the_end(
        &mut self,
        last: &Final,
        input: Option<InputId>,
    ) -> Result<bool, FrameError> {
        let is_waited_for = input.is_some_and(|input| answers(last, input));
        if is_waited_for || input.is_none() {
            let reply = last.reply.clone();
            self.to.send(&FromSupervisor::Final(reply)).await?;
        }
        if is_waited_for {
            self.sent(last.outbox).await;
        }
        Ok(is_waited_for)
    }

    async fn show_draft(&mut self, watch: &mut Watch) -> Result<(), FrameError> {
        match std::mem::take(&mut watch.draft) {
            text if text.is_empty() => Ok(()),
            text => self.to.send(&FromSupervisor::Delta { text }).await,
        }
    }

    /// Watches a session again; `None` when its driver has ended.
    async fn watch_anew(&self, session: &SessionKey) -> Option<Watch> {
        self.control.router.find(session).await?.watch().await.ok()
    }

    async fn caught_up(&mut self, input: Option<InputId>) -> Result<bool, FrameError> {
        let Some(input) = input else { return Ok(false) };
        match self.control.services.store.reply_to(input).await {
            Ok(Some(reply)) => self.deliver(input, reply).await.map(|()| true),
            Ok(None) => Ok(false),
            Err(error) => self.store_failed(&error).await.map(|()| true),
        }
    }

    /// The driver ended: its last words are in the outbox.
    async fn closed(&mut self, input: Option<InputId>) -> Result<(), FrameError> {
        if self.caught_up(input).await? {
            return Ok(());
        }
        self.refuse(
            RefusalKind::Unavailable,
            "the gateway is stopping; the turn goes on when it is back",
        )
        .await
    }

    /// An answer that was stored: told, and noted as sent.
    pub(super) async fn deliver(
        &mut self,
        input: InputId,
        reply: FinalReply,
    ) -> Result<(), FrameError> {
        self.to.send(&FromSupervisor::Final(reply)).await?;
        if let Ok(Some(row)) = self.control.services.store.pending_reply(input).await {
            self.sent(row.id).await;
        }
        Ok(())
    }

    async fn sent(&mut self, outbox: OutboxId) {
        if let Err(error) = self.control.services.store.mark_sent(outbox).await {
            tracing::error!("{error}");
        }
    }
}
