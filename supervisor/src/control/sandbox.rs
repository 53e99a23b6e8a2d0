//! A session's walls: explained, and tried by whoever operates the gateway.

use super::Client;
use super::explain::{self, Machine};
use crate::broker::walls;
use crate::session::{Operation, policy_of};
use ipc::control::{FromSupervisor, ToSupervisor};
use ipc::frame::FrameError;
use ipc::id::{AgentId, SessionKey};
use ipc::link::LinkReceiver;
use ipc::refusal::{Refusal, RefusalKind};
use ipc::tool::ToolOutcome;
use ipc::walls::WallsDetail;
use std::os::unix::fs::MetadataExt as _;
use tokio_util::sync::CancellationToken;

impl Client {
    pub(super) async fn walls(&mut self, session: Option<SessionKey>) -> Result<(), FrameError> {
        let (agent, session) = match self.control.router.place(None, session) {
            Ok(place) => place,
            Err(refusal) => return self.to.send(&FromSupervisor::Refused(refusal)).await,
        };
        let detail = self.explain(&agent, session);
        self.to.send(&FromSupervisor::Walls(Box::new(detail))).await
    }

    fn explain(&self, agent: &AgentId, session: SessionKey) -> WallsDetail {
        let services = &self.control.services;
        let live = services.live.load_full();
        let policy = policy_of(&live, agent, &session);
        let machine = Machine {
            report: services.walls.borrow().clone(),
            in_container: walls::in_container(),
            uid: nix::unistd::geteuid().as_raw(),
            owner: &|path| std::fs::metadata(path).map(|found| found.uid()).ok(),
        };
        explain::explain(session, &live.config, agent, &policy, &machine)
    }

    /// Runs a command and passes on what it prints; a client that leaves ends it.
    pub(super) async fn run(
        &mut self,
        session: Option<SessionKey>,
        command: Vec<String>,
        from: &mut LinkReceiver<ToSupervisor>,
    ) -> Result<(), FrameError> {
        let _counted = super::Answering::begin(&self.control);
        let cancel = CancellationToken::new();
        let _ended_with_us = cancel.clone().drop_guard();
        let operation = match self.operate(session, &command, cancel).await {
            Ok(operation) => operation,
            Err(refusal) => return self.to.send(&FromSupervisor::Refused(refusal)).await,
        };
        let Operation {
            mut output,
            mut running,
        } = operation;
        let ended = loop {
            tokio::select! {
                biased;
                Some(text) = output.recv() => {
                    self.to.send(&FromSupervisor::Output { text }).await?;
                }
                ended = &mut running => break ended,
                // Nothing is to be said now; a client that left ends the command.
                heard = from.recv() => match heard {
                    Ok(_) => {
                        let busy = "a command runs; use another connection";
                        self.refuse(RefusalKind::Invalid, busy).await?;
                        return Err(FrameError::Closed);
                    }
                    Err(error) => return Err(error),
                },
            }
        };
        while let Some(text) = output.recv().await {
            self.to.send(&FromSupervisor::Output { text }).await?;
        }
        let (code, reason) = end_of(&ended.outcome);
        self.to.send(&FromSupervisor::Exited { code, reason }).await
    }

    async fn operate(
        &self,
        session: Option<SessionKey>,
        command: &[String],
        cancel: CancellationToken,
    ) -> Result<Operation, Refusal> {
        if command.is_empty() {
            let text = "no command: give one after --";
            return Err(Refusal::new(RefusalKind::Invalid, text));
        }
        let (agent, session) = self.control.router.place(None, session)?;
        let line = as_line(command);
        loop {
            let handle = self.control.router.session(&session, &agent).await;
            let handle = handle
                .map_err(|error| Refusal::new(RefusalKind::Unavailable, error.to_string()))?;
            // A driver that left in between is followed by another.
            if let Ok(begun) = handle.operate(line.clone(), cancel.clone()).await {
                return begun.map_err(|why| Refusal::new(RefusalKind::Denied, why));
            }
        }
    }
}

/// Words as a shell reads them back.
fn as_line(words: &[String]) -> String {
    let quoted = words.iter().map(|word| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "_-./=:,+@%".contains(c);
        if !word.is_empty() && word.chars().all(plain) {
            word.clone()
        } else {
            format!("'{}'", word.replace('\'', r"'\''"))
        }
    });
    quoted.collect::<Vec<_>>().join(" ")
}

/// The exit code as a shell gives it, and why it is not the command's own.
fn end_of(outcome: &ToolOutcome) -> (i32, Option<String>) {
    const KILLED: i32 = 137;
    const NOT_BEGUN: i32 = 126;
    let words = || Some(outcome.to_text());
    match outcome {
        ToolOutcome::Exited { code, .. } => (*code, None),
        ToolOutcome::Signaled { signal, .. } => (128 + signal, None),
        ToolOutcome::TimedOut { after_ms, .. } => {
            (124, Some(format!("it ran for longer than {after_ms} ms")))
        }
        ToolOutcome::Stopped { reason, .. } => (KILLED, Some(reason.clone())),
        ToolOutcome::Cancelled { .. } => (130, Some("cancelled".to_owned())),
        ToolOutcome::Denied { .. } | ToolOutcome::Failed { .. } => (NOT_BEGUN, words()),
        ToolOutcome::Interrupted | ToolOutcome::Running { .. } | ToolOutcome::Text { .. } => {
            (KILLED, words())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ipc::tool::Capture;

    #[test]
    fn words_stay_words() {
        let line = |words: &[&str]| {
            as_line(
                &words
                    .iter()
                    .map(|word| (*word).to_owned())
                    .collect::<Vec<_>>(),
            )
        };
        assert_eq!(line(&["ls", "-la", "/usr/bin"]), "ls -la /usr/bin");
        assert_eq!(line(&["echo", "a b", "", "$HOME"]), "echo 'a b' '' '$HOME'");
        assert_eq!(
            line(&["echo", "it's", "~", "a\nb"]),
            r"echo 'it'\''s' '~' 'a
b'"
        );
        assert_eq!(line(&["X=1", "#", "é"]), "X=1 '#' 'é'");
    }

    #[test]
    fn a_command_s_end_is_a_shell_s() {
        let output = Capture::default;
        let end = |outcome| end_of(&outcome).0;
        assert_eq!(
            end(ToolOutcome::Exited {
                code: 3,
                output: output()
            }),
            3
        );
        assert_eq!(
            end(ToolOutcome::Signaled {
                signal: 9,
                output: output()
            }),
            137
        );
        let reason = "2.0 GiB memory limit".to_owned();
        let stopped = ToolOutcome::Stopped {
            reason: reason.clone(),
            output: output(),
        };
        assert_eq!(end_of(&stopped), (137, Some(reason)));
        assert_eq!(
            end(ToolOutcome::Failed {
                reason: "no bash".into()
            }),
            126
        );
    }
}
