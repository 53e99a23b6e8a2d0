//! Answers the control socket: the command line's way in. 0600, and only our own user (or root) is
//! heard.

mod door;
mod stream;
pub(crate) mod report;
mod approvals;
mod channels;
mod sandbox;
mod explain;
mod usage;
pub(crate) mod days;
mod socket;

pub(crate) use channels::line as channel_line;
pub(crate) use door::Door;
pub(crate) use socket::SocketPath;

use crate::broker::Services;
use crate::channels::Channels;
use crate::message::Inbound;
use crate::router::{Awaited, Router};
use crate::store::StoreError;
use interprocess::local_socket::ListenerOptions;
use interprocess::local_socket::tokio::{Listener, Stream};
use interprocess::local_socket::traits::StreamCommon as _;
use interprocess::local_socket::traits::tokio::Listener as _;
use interprocess::os::unix::local_socket::ListenerOptionsExt as _;
use ipc::control::{FinalReply, FromSupervisor, ReplyStatus, Stay, Submit, ToSupervisor};
use ipc::frame::FrameError;
use ipc::hello::Hello;
use ipc::id::{AgentId, SessionKey};
use ipc::link::{Link, LinkReceiver, LinkSender};
use ipc::model::Usage;
use ipc::refusal::{Refusal, RefusalKind};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A client that says no hello in this time is dropped.
const HELLO_WITHIN: Duration = Duration::from_secs(5);
/// The longest message a person may send, in bytes.
pub(crate) const MAX_MESSAGE: usize = 1024 * 1024;
/// What is said of a longer one.
pub(crate) const TOO_LONG: &str = "the message is over 1 MiB; put it in a file of the workspace";

/// What clients are answered from.
#[derive(Debug)]
pub struct Control {
    /// The parts.
    pub services: Arc<Services>,
    /// The sessions.
    pub router: Arc<Router>,
    /// The channels.
    pub channels: Arc<Channels>,
    /// When the gateway started.
    pub began: Instant,
    /// How long it stays.
    pub stay: Stay,
    /// How its TCP door is.
    pub(crate) door: tokio::sync::watch::Receiver<Door>,
    /// How many clients wait for an answer.
    pub answering: tokio::sync::watch::Sender<usize>,
    /// Set when the gateway is to stop.
    pub stop: CancellationToken,
    /// Notified when the configuration is to be read again.
    pub reload: Arc<tokio::sync::Notify>,
}

/// Binds the socket, over one a killed gateway left behind (the gateway's lock is held already).
///
/// # Errors
/// What the system says.
pub fn listen(path: &Path) -> io::Result<Listener> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let path = SocketPath::of(path)?;
    ListenerOptions::new()
        .name(path.name()?)
        .mode(0o600)
        .reclaim_name(false)
        .create_tokio()
}

/// Answers clients until the gateway stops.
pub async fn serve(listener: Listener, control: Arc<Control>, tasks: TaskTracker) {
    loop {
        let client = tokio::select! {
            () = control.stop.cancelled() => return,
            client = listener.accept() => client,
        };
        match client {
            Ok(stream) if is_ours(&stream) => {
                let control = Arc::clone(&control);
                tasks.spawn(async move {
                    let stop = control.stop.clone();
                    tokio::select! {
                        () = stop.cancelled() => {}
                        end = attend(stream, control) => {
                            if let Err(error) = end { tracing::debug!("a client left: {error}"); }
                        }
                    }
                });
            }
            Ok(_) => tracing::warn!("the control socket refused another user's process"),
            Err(error) => {
                tracing::error!("the control socket failed to accept: {error}");
                // Out of descriptors, most likely: others must end first.
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

fn is_ours(stream: &Stream) -> bool {
    let Ok(peer) = stream.peer_creds() else {
        return false;
    };
    peer.euid()
        .is_some_and(|uid| uid == 0 || uid == nix::unistd::geteuid().as_raw())
}

/// Counts a client that waits for an answer, for as long as it does.
struct Answering(Arc<Control>);

impl Answering {
    fn begin(control: &Arc<Control>) -> Self {
        control.answering.send_modify(|clients| *clients += 1);
        Self(Arc::clone(control))
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.answering.send_modify(|clients| *clients -= 1);
    }
}

struct Client {
    control: Arc<Control>,
    to: LinkSender<FromSupervisor>,
}

async fn attend(stream: Stream, control: Arc<Control>) -> Result<(), FrameError> {
    let (reader, writer) = tokio::io::split(stream);
    let Link {
        sender,
        mut receiver,
    } = Link::<FromSupervisor, ToSupervisor>::new(reader, writer);
    let mut client = Client {
        control,
        to: sender,
    };
    client
        .to
        .send(&FromSupervisor::Hello(Hello::ours()))
        .await?;
    match tokio::time::timeout(HELLO_WITHIN, receiver.recv()).await {
        Ok(Ok(ToSupervisor::Hello(hello))) => {
            if let Err(wrong) = hello.check() {
                return client.refuse(RefusalKind::Invalid, wrong.to_string()).await;
            }
        }
        Ok(Ok(_)) => return client.refuse(RefusalKind::Invalid, "say hello first").await,
        Ok(Err(error)) => return Err(error),
        Err(_) => {
            return client
                .refuse(RefusalKind::Invalid, "no hello in time")
                .await;
        }
    }
    client.serve(&mut receiver).await
}

impl Client {
    async fn serve(&mut self, from: &mut LinkReceiver<ToSupervisor>) -> Result<(), FrameError> {
        loop {
            let message = match from.recv().await {
                Ok(message) => message,
                Err(FrameError::Closed) => return Ok(()),
                Err(error) => {
                    self.refuse(RefusalKind::Invalid, error.to_string()).await?;
                    return Err(error);
                }
            };
            self.answer(message, from).await?;
        }
    }

    async fn answer(
        &mut self,
        message: ToSupervisor,
        from: &mut LinkReceiver<ToSupervisor>,
    ) -> Result<(), FrameError> {
        let control = Arc::clone(&self.control);
        match message {
            ToSupervisor::Hello(_) => self.refuse(RefusalKind::Invalid, "hello was said").await,
            ToSupervisor::Submit(submit) => self.submit(submit, from).await,
            ToSupervisor::Place { agent, session } => self.place(agent, session).await,
            ToSupervisor::Attach { session } => self.attach(session, from).await,
            ToSupervisor::Stop { session } => self.stop(&session).await,
            ToSupervisor::Health => self.say(report::health(&control).await).await,
            ToSupervisor::Models => self.say(report::models(&control).await).await,
            ToSupervisor::SessionsList => {
                let live = control.router.views().await;
                self.say(report::sessions(&control.services.store, &live).await)
                    .await
            }
            ToSupervisor::SessionsShow { session, limit } => {
                let live = control.router.views().await;
                let store = &control.services.store;
                self.say(report::session(store, &live, &session, limit).await)
                    .await
            }
            ToSupervisor::SessionsReset { session } => self.reset(&session).await,
            ToSupervisor::Kill { session, job } => self.kill(&session, job.as_ref()).await,
            ToSupervisor::Approvals => self.approvals().await,
            ToSupervisor::Approve { id, decision } => self.approve(&id, decision).await,
            ToSupervisor::Walls { session } => self.walls(session).await,
            ToSupervisor::Run { session, command } => self.run(session, command, from).await,
            ToSupervisor::Usage => self.usage().await,
            ToSupervisor::Inspect { session } => self.inspect(&session).await,
            ToSupervisor::Stats { days } => self.stats(days).await,
            ToSupervisor::Channels { probe } => self.channels(probe).await,
            ToSupervisor::Pairings => self.pairings().await,
            ToSupervisor::Pair { code, approve } => self.pair(&code, approve).await,
            ToSupervisor::Unpair {
                channel,
                account,
                sender,
            } => self.unpair(&channel, account.as_deref(), &sender).await,
            ToSupervisor::Reload => {
                control.reload.notify_one();
                self.done("the configuration is being read again").await
            }
            ToSupervisor::Shutdown => {
                self.done("the gateway is stopping").await?;
                control.stop.cancel();
                Ok(())
            }
        }
    }

    async fn submit(
        &mut self,
        submit: Submit,
        from: &mut LinkReceiver<ToSupervisor>,
    ) -> Result<(), FrameError> {
        let _counted = Answering::begin(&self.control);
        let inbound = match self.check(submit) {
            Ok(inbound) => inbound,
            Err(refusal) => return self.to.send(&FromSupervisor::Refused(refusal)).await,
        };
        let submitted = match self.control.router.submit(inbound).await {
            Ok(submitted) => submitted,
            Err(error) => return self.store_failed(&error).await,
        };
        let (input, session) = (submitted.input, submitted.session);
        let again = submitted.again;
        self.to
            .send(&FromSupervisor::Accepted {
                input,
                session: session.clone(),
                again,
            })
            .await?;
        match submitted.answer {
            Awaited::Given(reply) => self.deliver(input, reply).await,
            Awaited::Said(said) => {
                let reply = FinalReply {
                    text: said.text,
                    input,
                    session,
                    status: ReplyStatus::Ok,
                    model: String::new(),
                    usage: Usage::default(),
                };
                self.to.send(&FromSupervisor::Final(reply)).await
            }
            Awaited::Coming(watch) => self.stream(watch, &session, Some(input), from).await,
        }
    }

    fn check(&self, submit: Submit) -> Result<Inbound, Refusal> {
        let invalid = |text: &str| Refusal::new(RefusalKind::Invalid, text);
        if submit.text.trim().is_empty() {
            return Err(invalid("the message is empty"));
        }
        if submit.text.len() > MAX_MESSAGE {
            return Err(invalid(TOO_LONG));
        }
        if submit.key.is_empty() || submit.key.len() > 256 {
            return Err(invalid("an idempotency key has 1 to 256 bytes"));
        }
        let (agent, session) = self.control.router.place(submit.agent, submit.session)?;
        Ok(Inbound {
            key: submit.key,
            session,
            agent,
            channel: "cli".into(),
            origin: serde_json::Value::Null,
            text: submit.text,
            images: Vec::new(),
        })
    }

    async fn place(
        &mut self,
        agent: Option<AgentId>,
        session: Option<SessionKey>,
    ) -> Result<(), FrameError> {
        let answer = match self.control.router.place(agent, session) {
            Ok((_, session)) => FromSupervisor::Placed {
                session,
                stay: self.control.stay,
            },
            Err(refusal) => FromSupervisor::Refused(refusal),
        };
        self.to.send(&answer).await
    }

    async fn attach(
        &mut self,
        session: SessionKey,
        from: &mut LinkReceiver<ToSupervisor>,
    ) -> Result<(), FrameError> {
        let (agent, session) = match self.control.router.place(None, Some(session)) {
            Ok(place) => place,
            Err(refusal) => return self.to.send(&FromSupervisor::Refused(refusal)).await,
        };
        match self.control.router.watch(&session, &agent).await {
            Ok(watch) => self.stream(watch, &session, None, from).await,
            Err(error) => self.store_failed(&error).await,
        }
    }

    async fn stop(&mut self, session: &SessionKey) -> Result<(), FrameError> {
        let stopped = match self.control.router.find(session).await {
            Some(handle) => handle.stop().await.unwrap_or(false),
            None => false,
        };
        self.done(if stopped {
            "stopping"
        } else {
            "no turn is running there"
        })
        .await
    }

    async fn reset(&mut self, session: &SessionKey) -> Result<(), FrameError> {
        let (agent, session) = match self.control.router.place(None, Some(session.clone())) {
            Ok(place) => place,
            Err(refusal) => return self.to.send(&FromSupervisor::Refused(refusal)).await,
        };
        match self.control.router.session(&session, &agent).await {
            Ok(handle) => match handle.reset().await {
                Ok(()) => self.done("the session begins anew; its past is kept").await,
                Err(_) => {
                    self.refuse(
                        RefusalKind::Unavailable,
                        "the session was closing; try again",
                    )
                    .await
                }
            },
            Err(error) => self.store_failed(&error).await,
        }
    }

    async fn say(&mut self, answer: Result<FromSupervisor, StoreError>) -> Result<(), FrameError> {
        match answer {
            Ok(answer) => self.to.send(&answer).await,
            Err(error) => self.store_failed(&error).await,
        }
    }

    async fn store_failed(&mut self, error: &StoreError) -> Result<(), FrameError> {
        if let StoreError::QueueFull { .. } = error {
            return self
                .refuse(RefusalKind::OverBudget, format!("failed to {error}"))
                .await;
        }
        tracing::error!("failed to {error}");
        self.refuse(RefusalKind::Unavailable, format!("failed to {error}"))
            .await
    }

    async fn done(&mut self, message: &str) -> Result<(), FrameError> {
        self.to
            .send(&FromSupervisor::Done {
                message: message.into(),
            })
            .await
    }

    async fn refuse(
        &mut self,
        kind: RefusalKind,
        text: impl Into<String>,
    ) -> Result<(), FrameError> {
        self.to
            .send(&FromSupervisor::Refused(Refusal::new(kind, text)))
            .await
    }
}
