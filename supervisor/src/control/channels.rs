//! Answers about the channels.

use super::Client;
use crate::channels::pairing::{CHANNEL, Request, Source, WordError};
use crate::config::DEFAULT_ACCOUNT;
use ipc::control::{ChannelStatus, FromSupervisor, PartHealth};
use ipc::frame::FrameError;
use ipc::refusal::RefusalKind;
use std::sync::Arc;

impl Client {
    /// How each account is.
    pub(super) async fn channels(&mut self, probe: bool) -> Result<(), FrameError> {
        let channels = self.control.channels.status(probe).await;
        self.to.send(&FromSupervisor::Channels { channels }).await
    }

    /// Who asks to be let in, and who was.
    pub(super) async fn pairings(&mut self) -> Result<(), FrameError> {
        let desk = Arc::clone(self.control.channels.pairing());
        let listed = desk.pending().and_then(|pending| {
            let paired = desk.paired()?;
            Ok(FromSupervisor::Pairings { pending, paired })
        });
        self.say(listed).await
    }

    /// A word on somebody who asks.
    pub(super) async fn pair(&mut self, code: &str, approve: bool) -> Result<(), FrameError> {
        let desk = Arc::clone(self.control.channels.pairing());
        let said = desk.named(Source::Cli, code).and_then(|request| {
            let who = who(&request);
            if !approve {
                desk.reject(&request, BY)?;
                return Ok(format!("{who} is sent away, and not heard for a day"));
            }
            let owner = if desk.approve(&request, BY)? {
                ", and owns the gateway: may approve commands"
            } else {
                ""
            };
            Ok(format!(
                "{who} is let in{owner}; what they wrote is answered now"
            ))
        });
        self.word(said).await
    }

    /// Somebody who was let in is so no more.
    pub(super) async fn unpair(
        &mut self,
        channel: &str,
        account: Option<&str>,
        sender: &str,
    ) -> Result<(), FrameError> {
        if !channel.eq_ignore_ascii_case(CHANNEL) {
            let text = format!("no channel {channel} lets people in; there is: {CHANNEL}");
            return self.refuse(RefusalKind::NotFound, text).await;
        }
        let desk = Arc::clone(self.control.channels.pairing());
        let said = desk.revoke(account, sender, BY).map(|accounts| {
            let accounts = accounts.join(", ");
            let said = format!("{sender} is let in no more by {CHANNEL} {accounts}");
            match desk.listed(sender).join(", ") {
                listed if listed.is_empty() => said,
                listed => format!(
                    "{said}; but channels.{CHANNEL}.allowFrom lists them: they may still speak to \
                     {listed}"
                ),
            }
        });
        self.word(said).await
    }

    async fn word(&mut self, said: Result<String, WordError>) -> Result<(), FrameError> {
        match said {
            Ok(text) => self.done(&text).await,
            Err(WordError::Store(error)) => self.store_failed(&error).await,
            Err(error @ WordError::Locked(_)) => {
                self.refuse(RefusalKind::OverBudget, error.to_string())
                    .await
            }
            Err(error @ (WordError::Unknown | WordError::NotPaired(_))) => {
                self.refuse(RefusalKind::NotFound, error.to_string()).await
            }
        }
    }
}

/// By whom, for the record.
const BY: &str = "the command line";

/// A person on one line, whatever they call themselves.
fn who(request: &Request) -> String {
    let name: Vec<_> = request.name.split_whitespace().collect();
    format!("{} ({})", name.join(" "), request.sender)
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
    let begins = !status.ok && status.detail == CONNECTING;
    let detail = match (status.ok, status.name.as_str()) {
        (true, "") => "ok".to_owned(),
        (true, called) => format!("ok ({called})"),
        (false, _) if begins => status.detail.clone(),
        (false, _) => format!("failing ({})", status.detail),
    };
    PartHealth {
        name,
        ok: status.ok || begins,
        detail,
    }
}

/// What is said of an account whose server was not reached yet, with nothing wrong so far.
const CONNECTING: &str = "connecting";
