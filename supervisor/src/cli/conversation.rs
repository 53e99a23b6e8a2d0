//! Talking to an agent from the terminal: to the running gateway, or to one of our own for as long
//! as the talk lasts. When the gateway goes away in the middle, the message is said again with the
//! same idempotency key as soon as one is back, and the answer is printed then: once.
#![expect(clippy::print_stderr, reason = "printing is what it is for")]

use super::CliError;
use super::client::Client;
use super::shown::{Progress, Shown};
use crate::app::App;
use crate::config::{Paths, Source};
use ipc::control::{FinalReply, FromSupervisor, Submit, ToSupervisor};
use ipc::frame::FrameError;
use ipc::id::SessionKey;
use ipc::refusal::RefusalKind::Unavailable;
use std::time::{Duration, Instant};

/// How long a gateway that went away is waited for.
const BACK_WITHIN: Duration = Duration::from_secs(120);
/// Between two looks whether it is back.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A talk with an agent.
pub(super) struct Conversation {
    paths: Paths,
    client: Option<Client>,
    /// The gateway that lasts as long as we do.
    own: Option<App>,
}

impl Conversation {
    /// Connects, or starts a gateway.
    ///
    /// # Errors
    /// When neither works.
    pub(super) async fn begin() -> Result<Self, CliError> {
        let source = Source::of_process();
        let paths = source.paths().clone();
        match Client::connect(&paths).await {
            Ok(client) => Ok(Self {
                paths,
                client: Some(client),
                own: None,
            }),
            Err(CliError::NoGateway(_)) => {
                let config = super::configured(&source)?;
                super::log::start(crate::config::LogLevel::Error);
                eprintln!("(no gateway is running; this one lasts as long as this command)");
                for warning in &config.warnings {
                    eprintln!("openclaw: warning: {warning}");
                }
                let app = App::start(config, source).await?;
                let client = Client::connect(&paths).await?;
                Ok(Self {
                    paths,
                    client: Some(client),
                    own: Some(app),
                })
            }
            Err(other) => Err(other),
        }
    }

    /// Asks the gateway one thing besides the talk; its answer in words.
    ///
    /// # Errors
    /// When it was refused, or the gateway does not answer.
    pub(super) async fn ask(&self, message: &ToSupervisor) -> Result<String, CliError> {
        let answer = Client::connect(&self.paths).await?.ask(message).await?;
        if let FromSupervisor::Done { message } = answer {
            return Ok(message);
        }
        let FromSupervisor::Health(report) = answer else {
            return Err(CliError::unexpected(&answer));
        };
        Ok(super::health::in_words(&report))
    }

    /// Says something and waits for the answer.
    ///
    /// # Errors
    /// When it was refused, or no gateway came back.
    pub(super) async fn say(
        &mut self,
        submit: Submit,
        shown: Shown,
    ) -> Result<FinalReply, CliError> {
        let mut progress = Progress::new(shown);
        let message = ToSupervisor::Submit(submit);
        let mut away: Option<Instant> = None;
        loop {
            let client = self.client().await?;
            let lost = match hear(client, &message, &mut progress, &mut away).await {
                Ok(Ok(reply)) => {
                    progress.finish(&reply);
                    return Ok(reply);
                }
                Ok(Err(refusal)) if self.own.is_some() || refusal.kind != Unavailable => {
                    return Err(refusal.into());
                }
                Ok(Err(refusal)) => refusal.to_string(),
                Err(error @ (FrameError::TooLarge(_) | FrameError::Garbled(_))) => {
                    return Err(anyhow::Error::new(error)
                        .context("failed to talk with the gateway")
                        .into());
                }
                Err(error @ (FrameError::Closed | FrameError::Cut | FrameError::Io(_))) => {
                    error.to_string()
                }
            };
            self.client = None;
            progress.void();
            let since = *away.get_or_insert_with(Instant::now);
            if since.elapsed() > BACK_WITHIN {
                return Err(CliError::NoGateway(format!(
                    "gave up waiting for the gateway: {lost}"
                )));
            }
            if shown != Shown::Nothing && since.elapsed() < LOOK_EVERY {
                eprintln!("(waiting for the gateway: {lost})");
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Stops the turn of a session, over a connection of its own.
    ///
    /// # Errors
    /// When the gateway does not answer.
    pub(super) async fn stop(paths: &Paths, session: SessionKey) -> Result<(), CliError> {
        Client::connect(paths)
            .await?
            .ask(&ToSupervisor::Stop { session })
            .await
            .map(|_| ())
    }

    /// Where the gateway is.
    pub(super) fn paths(&self) -> &Paths {
        &self.paths
    }

    /// Ends the talk, and our own gateway with it.
    pub(super) async fn end(self) {
        drop(self.client);
        if let Some(app) = self.own {
            app.drain().await;
        }
    }

    async fn client(&mut self) -> Result<&mut Client, CliError> {
        let client = match self.client.take() {
            Some(client) => client,
            None => self.reconnect().await?,
        };
        Ok(self.client.insert(client))
    }

    async fn reconnect(&self) -> Result<Client, CliError> {
        let began = Instant::now();
        loop {
            match Client::connect(&self.paths).await {
                Ok(client) => return Ok(client),
                Err(error) if began.elapsed() > BACK_WITHIN => return Err(error),
                Err(_) => tokio::time::sleep(LOOK_EVERY).await,
            }
        }
    }
}

/// Hears one answer to its end. The outer error is a gateway that went away. One that takes the
/// message is back, and has all the time again if it goes once more.
async fn hear(
    client: &mut Client,
    message: &ToSupervisor,
    progress: &mut Progress,
    away: &mut Option<Instant>,
) -> Result<Result<FinalReply, ipc::refusal::Refusal>, FrameError> {
    client.send(message).await?;
    loop {
        match client.recv().await? {
            FromSupervisor::Delta { text } => progress.grow(&text),
            FromSupervisor::Undelta => progress.void(),
            FromSupervisor::Activity(activity) => progress.tell(&activity),
            FromSupervisor::Final(reply) => return Ok(Ok(reply)),
            FromSupervisor::Refused(refusal) => return Ok(Err(refusal)),
            FromSupervisor::Accepted { .. } => *away = None,
            FromSupervisor::Hello(_)
            | FromSupervisor::Health(_)
            | FromSupervisor::Models(_)
            | FromSupervisor::Sessions { .. }
            | FromSupervisor::Session(_)
            | FromSupervisor::Done { .. } => {}
        }
    }
}
