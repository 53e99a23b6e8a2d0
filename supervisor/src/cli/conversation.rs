//! Talking to an agent from the terminal: to the running gateway, or to one of our own for as long
//! as the talk lasts. When the gateway goes away in the middle, the message is said again with the
//! same idempotency key as soon as one is back, and the answer is printed then: once.

use super::CliError;
use super::asking::Desk;
use super::client::Client;
use super::lines::Lines;
use super::out::{self, Unheard};
use super::reach::{LOOK_EVERY, Reached, leave, reach};
use super::shown::{Progress, Shown};
use crate::app::App;
use crate::config::{Paths, Source};
use anyhow::Context as _;
use futures_util::FutureExt as _;
use ipc::control::{Activity, FinalReply, FromSupervisor, Stay, Submit, ToSupervisor};
use ipc::frame::FrameError;
use ipc::id::{AgentId, SessionKey};
use ipc::refusal::{Refusal, RefusalKind};
use std::time::{Duration, Instant};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// How long a gateway that went away is waited for.
const BACK_WITHIN: Duration = Duration::from_secs(120);

/// A talk with an agent.
pub(super) struct Conversation {
    talk: Talk,
    interrupted: Signal,
}

/// A conversation's side that speaks and hears.
struct Talk {
    source: Source,
    client: Option<Client>,
    /// The gateway that lasts as long as we do.
    own: Option<App>,
    session: SessionKey,
    stay: Stay,
}

/// No answer was heard to its end.
enum Lost {
    /// The gateway went away, or can not answer now.
    Gateway(String),
    /// There is none to be had.
    Answer(CliError),
}

impl Conversation {
    /// Connects, or starts a gateway, and finds out whose session it is.
    ///
    /// # Errors
    /// When neither works, or there is no such agent or session.
    pub(super) async fn begin(
        agent: Option<&str>,
        session: Option<&str>,
    ) -> Result<Self, CliError> {
        let source = Source::of_process();
        let Reached { mut client, own } = reach(&source).await?;
        let agent = agent.map(AgentId::from);
        let session = session.map(SessionKey::from);
        let (session, stay) = match place(&mut client, agent, session).await {
            Ok(placed) => placed,
            Err(error) => {
                if let Some(own) = own {
                    leave(own).await;
                }
                return Err(error);
            }
        };
        let interrupted = signal(SignalKind::interrupt()).context("failed to hear Ctrl-C")?;
        let talk = Talk {
            source,
            client: Some(client),
            own,
            session,
            stay,
        };
        Ok(Self { talk, interrupted })
    }

    /// The session it is with.
    pub(super) fn session(&self) -> &SessionKey {
        &self.talk.session
    }

    /// Where everything is.
    pub(super) fn paths(&self) -> &Paths {
        self.talk.source.paths()
    }

    /// Asks the gateway one thing besides the talk; its answer in words.
    ///
    /// # Errors
    /// When it was refused, or the gateway does not answer.
    pub(super) async fn ask(&self, message: &ToSupervisor) -> Result<String, CliError> {
        let answer = Client::connect(self.paths()).await?.ask(message).await?;
        if let FromSupervisor::Done { message } = answer {
            return Ok(message);
        }
        let FromSupervisor::Health(report) = answer else {
            return Err(CliError::unexpected(&answer));
        };
        Ok(super::health::in_words(&report).trim_end().to_owned())
    }

    /// Says something and waits for the answer; `person` is asked for a word on commands that wait
    /// for one. Ctrl-C stops the turn, and the answer says so; once
    /// more, and the answer is not waited for.
    ///
    /// # Errors
    /// When it was refused, no gateway came back, or the person would not wait.
    pub(super) async fn say(
        &mut self,
        key: String,
        text: String,
        shown: Shown,
        person: Option<&mut Lines>,
    ) -> Result<FinalReply, CliError> {
        let paths = self.paths().clone();
        let session = self.talk.session.clone();
        let submit = Submit {
            key,
            agent: None,
            session: Some(session.clone()),
            text,
        };
        let desk = Desk::new(person, &paths);
        let mut answer = Box::pin(self.talk.say(submit, shown, desk));
        tokio::select! {
            answer = &mut answer => return answer,
            _ = self.interrupted.recv() => {}
        }
        out::tell("(stopping; Ctrl-C once more leaves at once)");
        tokio::select! {
            answer = &mut answer => answer,
            _ = self.interrupted.recv() => Err(CliError::Interrupted),
            () = not_stopped(&paths, session) => Err(CliError::Interrupted),
        }
    }

    /// Waits for Ctrl-C.
    pub(super) async fn interrupted(&mut self) {
        self.interrupted.recv().await;
    }

    /// Takes what was heard of Ctrl-C so far as heard.
    pub(super) fn forget_interrupts(&mut self) {
        while self.interrupted.recv().now_or_never().is_some() {}
    }

    /// Ends the talk, and our own gateway with it.
    pub(super) async fn end(self) {
        self.talk.end().await;
    }
}

/// Stops the turn of a session, over a connection of its own. Ends only when nobody hears it.
async fn not_stopped(paths: &Paths, session: SessionKey) {
    let asked = async {
        let mut client = Client::connect(paths).await?;
        client.ask(&ToSupervisor::Stop { session }).await
    };
    if asked.await.is_ok() {
        std::future::pending::<()>().await;
    }
}

/// Which session a message would go to, and how long the gateway stays.
async fn place(
    client: &mut Client,
    agent: Option<AgentId>,
    session: Option<SessionKey>,
) -> Result<(SessionKey, Stay), CliError> {
    let answer = client.ask(&ToSupervisor::Place { agent, session }).await?;
    let FromSupervisor::Placed { session, stay } = answer else {
        return Err(CliError::unexpected(&answer));
    };
    Ok((session, stay))
}

impl Talk {
    async fn say(
        &mut self,
        submit: Submit,
        shown: Shown,
        mut desk: Desk<'_>,
    ) -> Result<FinalReply, CliError> {
        let mut progress = Progress::new(shown);
        let message = ToSupervisor::Submit(submit);
        let mut accepted = false;
        let mut away: Option<Instant> = None;
        loop {
            let client = self.client().await?;
            let told = Told {
                progress: &mut progress,
                desk: &mut desk,
            };
            let heard = hear(client, &message, told, &mut accepted, &mut away).await;
            let lost = match heard {
                Ok(reply) => {
                    progress.finish(&reply)?;
                    return Ok(reply);
                }
                Err(Lost::Answer(error)) => return Err(error),
                Err(Lost::Gateway(lost)) => lost,
            };
            progress.void()?;
            desk.forget();
            if self.begins_anew().await? {
                continue;
            }
            let since = *away.get_or_insert_with(Instant::now);
            if since.elapsed() > BACK_WITHIN {
                let text = format!("gave up waiting for the gateway: {lost}");
                return Err(CliError::NoGateway(text));
            }
            if since.elapsed() < LOOK_EVERY {
                progress.note(&format!("(waiting for the gateway: {lost})"))?;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// After the gateway went: whether another is reached at once, since nobody else will start it.
    async fn begins_anew(&mut self) -> Result<bool, CliError> {
        self.client = None;
        if let Some(own) = self.own.take() {
            let again = own.ended().now_or_never();
            own.drain().await;
            if again == Some(false) {
                let text = "this command's gateway was stopped; the turn goes on with the next one";
                return Err(CliError::NoGateway(text.into()));
            }
        } else if self.stay == Stay::Service {
            return Ok(false);
        }
        let Reached { client, own } = reach(&self.source).await?;
        self.own = own;
        self.greet(client).await?;
        Ok(true)
    }

    async fn client(&mut self) -> Result<&mut Client, CliError> {
        match self.client.take() {
            Some(client) => Ok(self.client.insert(client)),
            None => {
                let client = self.reconnect().await?;
                self.greet(client).await
            }
        }
    }

    /// Gets to know another gateway.
    async fn greet(&mut self, mut client: Client) -> Result<&mut Client, CliError> {
        let session = Some(self.session.clone());
        (self.session, self.stay) = place(&mut client, None, session).await?;
        Ok(self.client.insert(client))
    }

    async fn reconnect(&self) -> Result<Client, CliError> {
        let began = Instant::now();
        loop {
            match Client::connect(self.source.paths()).await {
                Err(CliError::NoGateway(_)) if began.elapsed() <= BACK_WITHIN => {
                    tokio::time::sleep(LOOK_EVERY).await;
                }
                other => return other,
            }
        }
    }

    async fn end(self) {
        drop(self.client);
        if let Some(own) = self.own {
            leave(own).await;
        }
    }
}

/// Who is told of an answer as it is made.
struct Told<'a, 'b> {
    progress: &'a mut Progress,
    desk: &'a mut Desk<'b>,
}

/// What the gateway says next; a person who is being asked is heard meanwhile.
async fn listen(client: &mut Client, desk: &mut Desk<'_>) -> Result<FromSupervisor, Lost> {
    let mut frame = std::pin::pin!(client.recv());
    loop {
        tokio::select! {
            biased;
            frame = &mut frame => return Ok(frame?),
            () = desk.word() => {}
        }
    }
}

fn tell(progress: &mut Progress, desk: &mut Desk<'_>, activity: &Activity) -> Result<(), Unheard> {
    match activity {
        Activity::ApprovalAsked(request) => {
            let news = desk.asked(request);
            progress.asks(desk.is_asking());
            if news && !desk.is_asking() {
                progress.tell(activity)?;
            }
        }
        Activity::ApprovalEnded(end) => {
            let said = desk.ended(end);
            progress.asks(desk.is_asking());
            if let Some(line) = said {
                progress.note(&line)?;
            }
        }
        Activity::ToolBegan { .. } | Activity::ToolEnded { .. } | Activity::Notice { .. } => {
            progress.tell(activity)?;
        }
    }
    Ok(())
}

/// Hears one answer to its end. A gateway that takes the message is back, and has all the time again
/// if it goes once more.
async fn hear(
    client: &mut Client,
    message: &ToSupervisor,
    told: Told<'_, '_>,
    accepted: &mut bool,
    away: &mut Option<Instant>,
) -> Result<FinalReply, Lost> {
    let Told { progress, desk } = told;
    client.send(message).await?;
    loop {
        match listen(client, desk).await? {
            FromSupervisor::Delta { text } => progress.grow(&text)?,
            FromSupervisor::Undelta => progress.void()?,
            FromSupervisor::Activity(activity) => tell(progress, desk, &activity)?,
            FromSupervisor::Final(reply) => return Ok(reply),
            FromSupervisor::Refused(refusal) => return Err(refused(refusal, *accepted)),
            FromSupervisor::Accepted { .. } => {
                *accepted = true;
                *away = None;
            }
            FromSupervisor::Hello(_)
            | FromSupervisor::Placed { .. }
            | FromSupervisor::Health(_)
            | FromSupervisor::Models(_)
            | FromSupervisor::Sessions { .. }
            | FromSupervisor::Session(_)
            | FromSupervisor::Approvals { .. }
            | FromSupervisor::Walls(_)
            | FromSupervisor::Output { .. }
            | FromSupervisor::Exited { .. }
            | FromSupervisor::Usage(_)
            | FromSupervisor::Inspected(_)
            | FromSupervisor::Stats { .. }
            | FromSupervisor::Channels { .. }
            | FromSupervisor::Pairings { .. }
            | FromSupervisor::Done { .. } => {}
        }
    }
}

/// A message that was accepted is waited for; one that was not is the person's to say again.
fn refused(refusal: Refusal, accepted: bool) -> Lost {
    if accepted && refusal.kind == RefusalKind::Unavailable {
        Lost::Gateway(refusal.message)
    } else {
        Lost::Answer(refusal.into())
    }
}

impl From<Unheard> for Lost {
    fn from(unheard: Unheard) -> Self {
        Self::Answer(unheard.into())
    }
}

impl From<FrameError> for Lost {
    fn from(error: FrameError) -> Self {
        match error {
            FrameError::TooLarge(_) | FrameError::Garbled(_) => {
                let error = anyhow::Error::new(error).context("failed to talk with the gateway");
                Self::Answer(error.into())
            }
            FrameError::Closed | FrameError::Cut | FrameError::Io(_) => {
                Self::Gateway(error.to_string())
            }
        }
    }
}
