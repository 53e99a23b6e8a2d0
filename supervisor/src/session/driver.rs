//! The task that owns a session: hears everything that can happen to it, asks [`super::state`] what
//! that means, and does it.
//!
//! Everything is stored before it is acted on, so whatever dies, the next driver goes on from disk.
//! When the store itself fails, the agent process is stopped and the turn is taken up again later.

use super::approve::Confirmed;
use super::chosen::Chosen;
use super::compact::Wanted;
use super::directive;
use super::handle::{COMMANDS, Command, SessionHandle, SessionView};
use super::permit::Standing;
use super::process::{AgentProcess, News};
use super::publish::Publisher;
use super::rules;
use super::state::{Input, PhaseName, State};
use super::transcript::Transcript;
use super::turn::Turn;
use crate::broker::model::ModelEnd;
use crate::broker::{Live, Services};
use crate::config::ElevatedMode;
use crate::meter::SessionMeter;
use crate::policy::{LoopGuard, Place, SessionPolicy};
use crate::process::ExitReason;
use crate::store::exec_approvals::{AllowUse, ExecApprovals};
use crate::store::{StoreError, StoredInput};
use crate::tool_host::{Ended, Equipment, JobEnded, ToolHost};
use ipc::agent::{FromAgent, ToolCall};
use ipc::control::Activity;
use ipc::frame::FrameError;
use ipc::id::{AgentId, CallId, InputId, JobId, SessionKey, TurnId};
use ipc::model::Usage;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

/// An agent that is in a turn and waits for nothing must say something within this time.
const SILENT_FOR: Duration = Duration::from_secs(10);
/// Background jobs whose end waits to be told; who ends more is read about with `process list`.
const MAX_NEWS: usize = 64;
/// How long the driver of a cold session stays, for the next message.
const LINGER: Duration = Duration::from_secs(60);

/// Everything that can wake a driver.
enum Event {
    Command(Option<Command>),
    Frame(Result<FromAgent, FrameError>),
    Exited(ExitReason),
    Call(CallEnd),
    /// A call that was abandoned, or broke in our hands.
    Lost(JoinError),
    Job(JobEnded),
    Time,
}

/// The end of something that was done for the agent.
#[derive(Debug)]
pub(super) enum CallEnd {
    Model(Box<ModelEnd>),
    Tool(Box<ToolEnd>),
    Heard(Box<Confirmed>),
}

/// The end of a tool call.
#[derive(Debug)]
pub(super) struct ToolEnd {
    pub(super) call: CallId,
    pub(super) tool: ToolCall,
    pub(super) place: Place,
    pub(super) ended: Ended,
}

/// A session's owner.
pub(super) struct Driver {
    pub(super) services: Arc<Services>,
    /// The configuration this process was started with, renewed between turns.
    pub(super) live: Arc<Live>,
    pub(super) key: SessionKey,
    pub(super) agent: AgentId,
    pub(super) state: State,
    pub(super) transcript: Transcript,
    pub(super) next_turn: TurnId,
    pub(super) pinned: Option<String>,
    pub(super) usage: Usage,
    /// Stored messages that no turn has read.
    pub(super) inputs: BTreeMap<InputId, StoredInput>,
    /// Messages this driver has seen: told twice, they count once.
    pub(super) seen: BTreeSet<InputId>,
    pub(super) turn: Option<Turn>,
    pub(super) resume: bool,
    pub(super) process: Option<AgentProcess>,
    pub(super) standing: Standing,
    pub(super) instructions: Arc<str>,
    pub(super) policy: SessionPolicy,
    /// The host's word on `exec` that the policy was drawn from.
    pub(super) approvals: Arc<ExecApprovals>,
    /// What was last said with `/elevated`.
    pub(super) elevated: Option<ElevatedMode>,
    /// What else was chosen for this session by command.
    pub(super) said: Chosen,
    /// A fold of the history that somebody wants.
    pub(super) fold: Option<Wanted>,
    /// A message begins the session anew as soon as no turn runs; with this model, where it names one.
    pub(super) anew: Option<Option<String>>,
    /// Background commands with the wider walls.
    pub(super) wider: BTreeSet<JobId>,
    /// Uses of the allow-list that the host's file does not know of yet.
    pub(super) uses: Vec<AllowUse>,
    pub(super) loops: LoopGuard,
    pub(super) tools: ToolHost,
    pub(super) meter: SessionMeter,
    pub(super) calls: JoinSet<CallEnd>,
    /// Ends a summary that is being written; it is of use to the process alone that wants it.
    pub(super) folding: CancellationToken,
    pub(super) publisher: Publisher,
    /// The channel the last message came by.
    pub(super) channel: String,
    /// What the model is to know with the next turn: background jobs that ended.
    pub(super) news: Vec<String>,
    /// When something was last said here, milliseconds since 1970.
    pub(super) updated_at: i64,
    pub(super) heard_at: Instant,
    pub(super) reset: Option<oneshot::Sender<()>>,
    commands: mpsc::Receiver<Command>,
    view: watch::Sender<SessionView>,
}

/// Opens a session and starts its driver in `tasks`.
///
/// # Errors
/// When the session can not be read from disk.
pub async fn start(
    services: Arc<Services>,
    key: SessionKey,
    agent: AgentId,
    tasks: &tokio_util::task::TaskTracker,
) -> Result<SessionHandle, StoreError> {
    let (sender, commands) = mpsc::channel(COMMANDS);
    let cold = SessionView {
        phase: PhaseName::Cold,
        pid: None,
        waiting: 0,
    };
    let (view, seen) = watch::channel(cold);
    let driver = Driver::open(services, key, agent, commands, view).await?;
    tasks.spawn(driver.run());
    Ok(SessionHandle {
        commands: sender,
        view: seen,
    })
}

impl Driver {
    async fn open(
        services: Arc<Services>,
        key: SessionKey,
        agent: AgentId,
        commands: mpsc::Receiver<Command>,
        view: watch::Sender<SessionView>,
    ) -> Result<Self, StoreError> {
        let live = services.live.load_full();
        let said = Chosen::read(&services.store, &key).await?;
        let open = services.store.open_session(&key, &agent).await?;
        let transcript = Transcript::load(services.store.clone(), open.id, open.next_item).await?;
        let meter = services.meter.session(&key, &agent);
        let config = rules::configured(&live, &agent);
        meter.configure(&live.config.sandbox.limits, &config.workspace);
        let equipment = Equipment {
            session: key.clone(),
            programs: Arc::clone(&services.programs),
            walls: services.walls.clone(),
            resolver: Arc::clone(&services.resolver),
            audit: services.audit.clone(),
            meter: meter.clone(),
        };
        // Each call has an item, so there were fewer jobs than there are items.
        let tools = ToolHost::new(equipment, open.next_item.0);
        let mut driver = Self {
            policy: rules::policy(&live, &config, &key),
            approvals: live.approvals.load_full(),
            elevated: open.elevated.as_deref().and_then(directive::mode),
            wider: BTreeSet::new(),
            uses: Vec::new(),
            loops: LoopGuard::new(&config.loops),
            state: State::new(rules::settings(&live, "", said.queue)),
            said,
            services,
            live,
            agent,
            transcript,
            next_turn: open.next_turn,
            pinned: open.model,
            usage: open.usage,
            inputs: BTreeMap::new(),
            seen: BTreeSet::new(),
            turn: None,
            resume: false,
            process: None,
            standing: Standing::default(),
            instructions: Arc::from(""),
            tools,
            meter,
            calls: JoinSet::new(),
            folding: CancellationToken::new(),
            publisher: Publisher::new(),
            channel: String::new(),
            news: Vec::new(),
            updated_at: open.updated_at,
            heard_at: Instant::now(),
            reset: None,
            fold: None,
            anew: None,
            commands,
            view,
            key,
        };
        if let Some(unfinished) = open.unfinished {
            let at = rules::whence(&unfinished.channel, &unfinished.origin);
            driver.take_up(unfinished);
            driver.apply(Input::Unfinished(at)).await;
        }
        driver.take_up_fold().await?;
        for input in open.waiting {
            driver.arrived(input).await;
        }
        Ok(driver)
    }

    async fn run(mut self) {
        loop {
            self.settle().await;
            self.show();
            let event = self.next().await;
            if let Event::Command(None) = event {
                break;
            }
            let lingered = matches!(event, Event::Time) && self.may_leave();
            self.handle(event).await;
            if lingered && self.may_leave() {
                // Whoever sends a command now hears that we are gone, and the next driver takes it.
                self.commands.close();
                while self.commands.recv().await.is_some() {}
                break;
            }
        }
    }

    fn may_leave(&self) -> bool {
        self.state.is_at_rest() && self.turn.is_none() && !self.tools.is_busy()
    }

    async fn next(&mut self) -> Event {
        let wake = self.wake_at();
        tokio::select! {
            biased;
            news = async { match &mut self.process {
                Some(process) => process.next().await,
                None => std::future::pending().await,
            }} => match news {
                News::Frame(frame) => Event::Frame(frame),
                News::Left(reason) => Event::Exited(reason),
            },
            Some(end) = self.calls.join_next() => end.map_or_else(Event::Lost, Event::Call),
            command = self.commands.recv() => Event::Command(command),
            job = self.tools.job_ended() => Event::Job(job),
            () = tokio::time::sleep_until(wake.into()) => Event::Time,
        }
    }

    fn wake_at(&self) -> Instant {
        let far = Instant::now() + LINGER;
        match self.state.phase() {
            PhaseName::InTurn => {
                let hung = self.heard_at + SILENT_FOR;
                let own = self.state.wake_at().unwrap_or(far);
                if self.waits_for_us() {
                    own.min(far)
                } else {
                    own.min(hung)
                }
            }
            PhaseName::Cold
            | PhaseName::Starting
            | PhaseName::Idle
            | PhaseName::Stopping
            | PhaseName::Backoff => self.state.wake_at().unwrap_or(far),
        }
    }

    /// Whether the agent waits for something of ours: then its silence is right.
    fn waits_for_us(&self) -> bool {
        let is_ending = self.turn.as_ref().is_some_and(|turn| turn.ending.is_some());
        let asked = self.standing.model_asked || self.standing.tools_asked > 0;
        asked || self.resume || is_ending
    }

    async fn handle(&mut self, event: Event) {
        match event {
            Event::Command(Some(command)) => self.command(command).await,
            Event::Command(None) => {}
            Event::Frame(Ok(frame)) => {
                self.heard_at = Instant::now();
                self.frame(frame).await;
            }
            // The link ended, in order or because the process is gone: the exit follows, and says
            // how it was.
            Event::Frame(Err(FrameError::Closed | FrameError::Io(_))) => {}
            Event::Frame(Err(error)) => self.broken(ExitReason::BadFrame(error.to_string())).await,
            Event::Exited(reason) => self.exited(reason).await,
            Event::Call(end) => {
                self.heard_at = Instant::now();
                let stored = match end {
                    CallEnd::Model(end) => self.model_ended(*end).await,
                    CallEnd::Tool(end) => self.tool_ended(*end).await,
                    CallEnd::Heard(confirmed) => self.heard(*confirmed).await,
                };
                self.check(stored).await;
            }
            // One that was abandoned is not missed.
            Event::Lost(lost) if lost.is_cancelled() => {}
            Event::Lost(lost) => {
                tracing::error!(session = %self.key, "a call broke: {lost}");
                self.broken(ExitReason::Stopped).await;
            }
            Event::Job(news) => {
                let text = format!(
                    "background command {} ended: {}",
                    news.job,
                    news.outcome.to_text()
                );
                self.tell(Activity::Notice { text: text.clone() });
                if self.config().tools.exec.notify_on_exit && self.news.len() < MAX_NEWS {
                    self.news.push(text);
                }
            }
            Event::Time => self.time().await,
        }
    }

    async fn time(&mut self) {
        let silent = self.heard_at.elapsed() >= SILENT_FOR && !self.waits_for_us();
        if self.state.phase() == PhaseName::InTurn && silent && self.process.is_some() {
            self.broken(ExitReason::Hung).await;
        }
        self.apply(Input::Tick).await;
    }

    async fn settle(&mut self) {
        if self.state.is_lost() {
            return;
        }
        let settled = self.end_when_quiet().await;
        self.check(settled).await;
        if self.is_due_anew() {
            self.begin_anew().await;
        }
    }

    fn show(&self) {
        let view = SessionView {
            phase: self.state.phase(),
            pid: self.process.as_ref().and_then(AgentProcess::pid),
            waiting: self.state.waiting(),
        };
        self.view
            .send_if_modified(|shown| std::mem::replace(shown, view) != view);
    }
}
