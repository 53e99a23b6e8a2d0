//! A person at the control socket: says things, sees what comes back.

use crate::PATIENCE;
use crate::gateway::Gateway;
use crate::model::turn;
use ipc::control::{
    Activity, FinalReply, FromSupervisor, HealthReport, ModelsReport, ReplyStatus, SessionDetail,
    SessionSummary, Submit, ToSupervisor,
};
use ipc::frame::FrameError;
use ipc::hello::Hello;
use ipc::id::{InputId, SessionKey};
use ipc::link::Link;
use ipc::refusal::Refusal;
use ipc::transcript::TranscriptItem;
use serde_json::{Value, json};
use std::io;
use std::path::Path;
use std::time::Duration;
use tokio::net::UnixStream;

/// A connection to the control socket, greeted.
#[expect(missing_debug_implementations, reason = "a link has none")]
pub struct Control {
    link: Link<ToSupervisor, FromSupervisor>,
}

impl Control {
    /// Connects to the socket at `path`.
    ///
    /// # Errors
    /// When nobody answers there, or somebody who speaks another language.
    pub async fn connect(path: &Path) -> Result<Self, FrameError> {
        let mut control = Self::connect_rudely(path).await?;
        control.say(&ToSupervisor::Hello(Hello::ours())).await?;
        match control.link.receiver.recv().await? {
            FromSupervisor::Hello(hello) => hello.check().map_err(io::Error::other)?,
            other => panic!("hello comes first, not {other:?}"),
        }
        Ok(control)
    }

    /// Connects without a hello.
    ///
    /// # Errors
    /// When nobody answers there.
    pub async fn connect_rudely(path: &Path) -> Result<Self, FrameError> {
        let (reader, writer) = UnixStream::connect(path).await?.into_split();
        Ok(Self {
            link: Link::new(reader, writer),
        })
    }

    /// Says something.
    ///
    /// # Errors
    /// When nobody hears.
    pub async fn say(&mut self, message: &ToSupervisor) -> Result<(), FrameError> {
        self.link.sender.send(message).await
    }

    /// Hears something.
    ///
    /// # Errors
    /// When nobody speaks any more.
    pub async fn hear(&mut self) -> Result<FromSupervisor, FrameError> {
        self.hear_within(PATIENCE).await
    }

    /// As [`Self::hear`], of a gateway that may have reason to be silent for longer.
    ///
    /// # Errors
    /// When nobody speaks any more.
    pub async fn hear_within(&mut self, patience: Duration) -> Result<FromSupervisor, FrameError> {
        let heard = tokio::time::timeout(patience, self.link.receiver.recv()).await;
        heard.expect("the gateway says something")
    }

    /// Asks for one thing and hears the one answer.
    ///
    /// # Panics
    /// When the gateway goes away.
    pub async fn ask(&mut self, message: &ToSupervisor) -> FromSupervisor {
        self.say(message).await.unwrap();
        self.hear().await.unwrap()
    }
}

/// A person in one session. Every message goes over a connection of its own, as the commands' do.
#[derive(Debug)]
pub struct Chat<'a> {
    gateway: &'a Gateway,
    session: SessionKey,
}

/// A message that was accepted, and what was seen of its answer so far.
#[expect(missing_debug_implementations, reason = "a link has none")]
pub struct Exchange {
    control: Control,
    /// The stored message.
    pub input: InputId,
    /// Whether its key had been accepted before.
    pub again: bool,
    /// The answer's text as it is shown now.
    pub draft: String,
    /// How often what was shown was taken back.
    pub taken_back: usize,
    /// Pieces of text that came.
    pub pieces: usize,
    /// What the agent did besides.
    pub activities: Vec<Activity>,
}

impl<'a> Chat<'a> {
    pub(crate) fn new(gateway: &'a Gateway, session: &str) -> Self {
        Self {
            gateway,
            session: SessionKey::from(session),
        }
    }

    /// Says something and waits for the whole answer.
    pub async fn asks(&self, text: &str) -> FinalReply {
        self.says(text).await.reply().await
    }

    /// Says something; it is accepted when this returns.
    pub async fn says(&self, text: &str) -> Exchange {
        self.says_keyed(text, &self.gateway.next_key()).await
    }

    /// Says something under a key of one's own.
    pub async fn says_keyed(&self, text: &str, key: &str) -> Exchange {
        self.submits(text, key)
            .await
            .unwrap_or_else(|refusal| panic!("refused: {refusal:?}"))
    }

    /// Says something that may be refused.
    ///
    /// # Errors
    /// The refusal.
    pub async fn submits(&self, text: &str, key: &str) -> Result<Exchange, Refusal> {
        let submit = Submit {
            key: key.to_owned(),
            agent: None,
            session: Some(self.session.clone()),
            text: text.to_owned(),
        };
        let mut control = self.gateway.control().await;
        match control.ask(&ToSupervisor::Submit(submit)).await {
            FromSupervisor::Accepted {
                input,
                session,
                again,
            } => {
                assert_eq!(session, self.session);
                Ok(Exchange {
                    control,
                    input,
                    again,
                    draft: String::new(),
                    taken_back: 0,
                    pieces: 0,
                    activities: Vec::new(),
                })
            }
            FromSupervisor::Refused(refusal) => Err(refusal),
            other => panic!("an acceptance or a refusal is due, not {other:?}"),
        }
    }

    /// Has the model call a tool once; what it is told of the outcome.
    pub async fn calls(&self, tool: &str, arguments: Value) -> String {
        // Others may be talking to the model at the same time.
        let words = format!("make the call of {}.", self.gateway.next_key());
        let model = &self.gateway.model;
        model.script_for(
            &words,
            [turn().calls(tool, arguments), turn().says("Done.")],
        );
        let reply = self.asks(&words).await;
        let said = (reply.status, reply.text.as_str());
        assert_eq!(said, (ReplyStatus::Ok, "Done."));
        let ours = |said: &&str| said.contains(&words);
        let mut seen = model.requests().into_iter().rev();
        let told = seen.find(|seen| seen.users().iter().any(ours));
        told.expect("the model was asked").tool_output(tool)
    }

    /// Has the model run a shell command; what it is told of the outcome.
    pub async fn runs(&self, command: &str) -> String {
        self.calls("exec", json!({ "command": command })).await
    }

    /// Stops the turn that runs; says what the gateway said.
    pub async fn stops(&self) -> String {
        self.tells(ToSupervisor::Stop {
            session: self.session.clone(),
        })
        .await
    }

    /// Begins the session anew.
    pub async fn resets(&self) -> String {
        self.tells(ToSupervisor::SessionsReset {
            session: self.session.clone(),
        })
        .await
    }

    async fn tells(&self, message: ToSupervisor) -> String {
        match self.gateway.control().await.ask(&message).await {
            FromSupervisor::Done { message } => message,
            other => panic!("it is not done: {other:?}"),
        }
    }

    /// The session's key.
    #[must_use]
    pub fn session(&self) -> &str {
        self.session.as_str()
    }

    /// The session as the gateway tells it.
    pub async fn shown(&self) -> SessionDetail {
        self.gateway.shown(self.session.as_str()).await
    }

    /// The session's transcript.
    pub async fn transcript(&self) -> Vec<TranscriptItem> {
        self.gateway.transcript(self.session.as_str()).await
    }
}

impl Exchange {
    /// The next thing that comes; `None` once it was the final reply, which is then handed over.
    async fn next(&mut self) -> Option<FinalReply> {
        match self.control.hear().await.expect("the gateway stays") {
            FromSupervisor::Delta { text } => {
                self.draft.push_str(&text);
                self.pieces += 1;
            }
            FromSupervisor::Undelta => {
                self.draft.clear();
                self.taken_back += 1;
            }
            FromSupervisor::Activity(activity) => self.activities.push(activity),
            FromSupervisor::Final(reply) => return Some(reply),
            other => panic!("that is no part of an answer: {other:?}"),
        }
        None
    }

    /// Waits for the whole answer.
    pub async fn reply(&mut self) -> FinalReply {
        loop {
            if let Some(reply) = self.next().await {
                return reply;
            }
        }
    }

    /// Waits until what is shown satisfies a condition.
    pub async fn sees(&mut self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        while !holds(self) {
            if let Some(reply) = self.next().await {
                panic!("the answer came before {what}: {reply:?}");
            }
        }
    }

    /// Every notice that was shown.
    #[must_use]
    pub fn notices(&self) -> Vec<&str> {
        let notices = self
            .activities
            .iter()
            .filter_map(|activity| match activity {
                Activity::Notice { text } => Some(text.as_str()),
                Activity::ToolBegan { .. }
                | Activity::ToolEnded { .. }
                | Activity::ApprovalAsked(_)
                | Activity::ApprovalEnded(_) => None,
            });
        notices.collect()
    }
}

impl Gateway {
    /// How everything is.
    pub async fn health(&self) -> HealthReport {
        match self.control().await.ask(&ToSupervisor::Health).await {
            FromSupervisor::Health(report) => report,
            other => panic!("no health: {other:?}"),
        }
    }

    /// Models and credentials.
    pub async fn models(&self) -> ModelsReport {
        match self.control().await.ask(&ToSupervisor::Models).await {
            FromSupervisor::Models(report) => report,
            other => panic!("no models: {other:?}"),
        }
    }

    /// Every session.
    pub async fn sessions(&self) -> Vec<SessionSummary> {
        match self.control().await.ask(&ToSupervisor::SessionsList).await {
            FromSupervisor::Sessions { sessions } => sessions,
            other => panic!("no sessions: {other:?}"),
        }
    }

    /// A session's state in a word; empty when there is no such session.
    pub async fn state_of(&self, session: &str) -> String {
        let sessions = self.sessions().await;
        let found = sessions
            .into_iter()
            .find(|summary| summary.session.as_str() == session);
        found.map(|summary| summary.state).unwrap_or_default()
    }

    /// One session in full.
    pub async fn shown(&self, session: &str) -> SessionDetail {
        let show = ToSupervisor::SessionsShow {
            session: SessionKey::from(session),
            limit: None,
        };
        match self.control().await.ask(&show).await {
            FromSupervisor::Session(detail) => detail,
            other => panic!("no session: {other:?}"),
        }
    }

    /// One session's transcript.
    pub async fn transcript(&self, session: &str) -> Vec<TranscriptItem> {
        let detail = self.shown(session).await;
        let item = |row: serde_json::Value| serde_json::from_value(row["item"].clone()).unwrap();
        detail.items.into_iter().map(item).collect()
    }
}
