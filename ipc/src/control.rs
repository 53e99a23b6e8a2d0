//! What the command line and the supervisor say to each other over the control socket.
//!
//! Each side begins with [`Hello`]. Then the client says one thing; the supervisor answers it with
//! one frame, or, to [`ToSupervisor::Submit`], [`ToSupervisor::Attach`] and [`ToSupervisor::Run`],
//! with several that end in [`FromSupervisor::Final`], [`FromSupervisor::Exited`] or
//! [`FromSupervisor::Refused`]. A client may then say the next thing.

use crate::approval::{ApprovalDecision, ApprovalEnd, ApprovalRequest};
use crate::hello::Hello;
use crate::id::{AgentId, InputId, JobId, SessionKey};
use crate::meter::{DayUsage, SessionInspect, UsageReport};
use crate::model::Usage;
use crate::refusal::Refusal;
use crate::walls::WallsDetail;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a client asks of the supervisor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToSupervisor {
    /// First frame.
    Hello(Hello),
    /// Take a person's message, and stream the answer. Said again with the same `key` (after a lost
    /// connection, or a gateway that was restarted), it attaches to the same answer.
    Submit(Submit),
    /// Which session a message would go to, without one: [`FromSupervisor::Placed`].
    Place {
        /// Which agent; the default one when absent. Must agree with `session` where both are given.
        agent: Option<AgentId>,
        /// Which session; the agent's main one when absent.
        session: Option<SessionKey>,
    },
    /// Stream what a session says to whoever it belongs to, until disconnected.
    Attach {
        /// Which session.
        session: SessionKey,
    },
    /// Stop a session's turn.
    Stop {
        /// Which session.
        session: SessionKey,
    },
    /// How everything is.
    Health,
    /// Which models are configured, and how their credentials are.
    Models,
    /// All sessions, newest first.
    SessionsList,
    /// One session's transcript.
    SessionsShow {
        /// Which session.
        session: SessionKey,
        /// At most this many of the last items; all when absent.
        limit: Option<u32>,
    },
    /// Begin a session anew; its past is kept on disk.
    SessionsReset {
        /// Which session.
        session: SessionKey,
    },
    /// End a session's tools, all or one; its turn goes on and hears of it.
    /// [`FromSupervisor::Done`].
    Kill {
        /// Which session.
        session: SessionKey,
        /// Which background job or running call; all, and the session's agent process, when absent.
        job: Option<JobId>,
    },
    /// Commands that wait for a person's word: [`FromSupervisor::Approvals`].
    Approvals,
    /// A person's word on one: [`FromSupervisor::Done`].
    Approve {
        /// Which, or an unambiguous beginning of it.
        id: String,
        /// The word.
        decision: ApprovalDecision,
    },
    /// What holds around a session's tools: [`FromSupervisor::Walls`].
    Walls {
        /// Which session; the default agent's main one when absent.
        session: Option<SessionKey>,
    },
    /// Run a command in a session's walls, for whoever operates the gateway. Its output is streamed
    /// and goes to no transcript; it ends when the client leaves.
    Run {
        /// Which session; the default agent's main one when absent.
        session: Option<SessionKey>,
        /// The program and its arguments.
        command: Vec<String>,
    },
    /// What all sessions use now: [`FromSupervisor::Usage`].
    Usage,
    /// One session's use, closer: [`FromSupervisor::Inspected`].
    Inspect {
        /// Which session.
        session: SessionKey,
    },
    /// What was used per day and agent: [`FromSupervisor::Stats`].
    Stats {
        /// The last so many days, today included.
        days: u32,
    },
    /// The channels people reach the gateway by: [`FromSupervisor::Channels`].
    Channels {
        /// Whether each is asked now whether it works, rather than told of as it was last seen.
        probe: bool,
    },
    /// Who asks to be let in, and who was: [`FromSupervisor::Pairings`].
    Pairings,
    /// A person's word on somebody who asks to be let in: [`FromSupervisor::Done`].
    Pair {
        /// The code they were given; case and spaces do not matter.
        code: String,
        /// Let in, or sent away.
        approve: bool,
    },
    /// Somebody who was let in is so no more: [`FromSupervisor::Done`].
    Unpair {
        /// By which channel: `telegram`.
        channel: String,
        /// Which of its accounts; all when absent.
        account: Option<String>,
        /// Who, as the channel knows them.
        sender: String,
    },
    /// Read the configuration again now.
    Reload,
    /// End the gateway in an orderly way.
    Shutdown,
}

/// A person's message by way of the control socket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submit {
    /// Idempotency key: one key, one message, one answer.
    pub key: String,
    /// Which agent; the default one when absent. Must agree with `session` where both are given.
    pub agent: Option<AgentId>,
    /// Which session; the agent's main one when absent.
    pub session: Option<SessionKey>,
    /// The words.
    pub text: String,
}

/// What the supervisor tells a client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FromSupervisor {
    /// First frame.
    Hello(Hello),
    /// To [`ToSupervisor::Place`].
    Placed {
        /// The session.
        session: SessionKey,
        /// How long this gateway stays.
        stay: Stay,
    },
    /// The message is on disk and will be answered.
    Accepted {
        /// The stored input.
        input: InputId,
        /// The session it went to.
        session: SessionKey,
        /// Whether the same key had been accepted before.
        again: bool,
    },
    /// More text of the answer in progress.
    Delta {
        /// To be appended.
        text: String,
    },
    /// The text shown of the current answer is void.
    Undelta,
    /// What the agent is doing besides talking: a tool that begins or ends, a fallback.
    Activity(Activity),
    /// The answer, whole.
    Final(FinalReply),
    /// To [`ToSupervisor::Health`].
    Health(HealthReport),
    /// To [`ToSupervisor::Models`].
    Models(ModelsReport),
    /// To [`ToSupervisor::SessionsList`].
    Sessions {
        /// Newest first.
        sessions: Vec<SessionSummary>,
    },
    /// To [`ToSupervisor::SessionsShow`].
    Session(SessionDetail),
    /// To [`ToSupervisor::Approvals`].
    Approvals {
        /// The oldest first.
        pending: Vec<ApprovalRequest>,
    },
    /// To [`ToSupervisor::Walls`].
    Walls(Box<WallsDetail>),
    /// Output of a [`ToSupervisor::Run`] as it comes.
    Output {
        /// To be appended.
        text: String,
    },
    /// The end of a [`ToSupervisor::Run`].
    Exited {
        /// The command's exit code, or 128 and its signal.
        code: i32,
        /// Why, where it did not end by itself.
        reason: Option<String>,
    },
    /// To [`ToSupervisor::Usage`].
    Usage(Box<UsageReport>),
    /// To [`ToSupervisor::Inspect`].
    Inspected(Box<SessionInspect>),
    /// To [`ToSupervisor::Stats`].
    Stats {
        /// The newest day first, then by agent.
        days: Vec<DayUsage>,
    },
    /// To [`ToSupervisor::Channels`].
    Channels {
        /// In the order of the configuration.
        channels: Vec<ChannelStatus>,
    },
    /// To [`ToSupervisor::Pairings`].
    Pairings {
        /// Who asks, the oldest first.
        pending: Vec<PairingRequest>,
        /// Who was let in.
        paired: Vec<Paired>,
    },
    /// It is done, and there is nothing more to say.
    Done {
        /// One line for the person.
        message: String,
    },
    /// It is not done.
    Refused(Refusal),
}

/// How long a gateway stays; when it goes, its clients do what is right then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stay {
    /// Until it is told to stop. Whoever runs it starts it again: clients wait for it.
    Service,
    /// As long as the command that started it. Nobody starts it again: clients start their own.
    Command,
}

/// Something an agent does besides talking. It stands in [`FromSupervisor::Activity`], whose own tag
/// is `type`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Activity {
    /// A tool call begins.
    ToolBegan {
        /// Tool name.
        tool: String,
        /// What it does, in a few words: the command, the path.
        detail: String,
    },
    /// A tool call ended.
    ToolEnded {
        /// Tool name.
        tool: String,
        /// How, in a few words: `exit code 1`, `denied: …`.
        verdict: String,
    },
    /// A command waits for the person's word.
    ApprovalAsked(ApprovalRequest),
    /// It waits no more.
    ApprovalEnded(ApprovalEnd),
    /// Something the person should know: a fallback was taken, the agent was restarted.
    Notice {
        /// The words.
        text: String,
    },
}

/// A turn's end, for the person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FinalReply {
    /// The reply; empty when the agent chose silence. Of one that was stopped, or failed: what was
    /// shown of it, and what became of it behind that.
    pub text: String,
    /// The message it answers.
    pub input: InputId,
    /// Whose conversation.
    pub session: SessionKey,
    /// How the turn ended.
    pub status: ReplyStatus,
    /// `provider/model` of the last answer; empty when there was none.
    pub model: String,
    /// What the turn used.
    pub usage: Usage,
}

/// How a turn ended, for the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplyStatus {
    /// Answered, or chose silence.
    Ok,
    /// Stopped by request.
    Cancelled,
    /// Could not go on; the text says why.
    Failed,
}

/// How everything is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HealthReport {
    /// Whether all that is configured works.
    pub ok: bool,
    /// The program's version.
    pub version: String,
    /// The supervisor's process id.
    pub pid: u32,
    /// Milliseconds since start.
    pub uptime_ms: u64,
    /// Where its state is.
    pub state_dir: String,
    /// One line a channel: name and state, such as `Telegram: ok (@bot)`.
    pub channels: Vec<PartHealth>,
    /// Agent ids; the default one first.
    pub agents: Vec<AgentId>,
    /// The default agent's model chain, primary first.
    pub models: Vec<String>,
    /// The walls around tools.
    pub walls: WallsReport,
    /// Live agent processes.
    pub live_agents: u32,
    /// Sessions on disk.
    pub sessions: u32,
    /// What is wrong or worth knowing: configuration warnings, failed parts.
    pub notices: Vec<String>,
}

/// One part's state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartHealth {
    /// Its name for people.
    pub name: String,
    /// Whether it works.
    pub ok: bool,
    /// In a few words.
    pub detail: String,
}

/// What holds around tools, as a probe found it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WallsReport {
    /// 0 to 4; `None` until the probe has run.
    pub level: Option<u8>,
    /// Each layer: its name, and whether it was proven to hold.
    pub layers: Vec<PartHealth>,
    /// What network tools have: `none`, `proxy` or `host`.
    pub network: String,
    /// Below this level no tool runs.
    pub minimum: u8,
    /// How limits hold: `enforced` or `sampled`.
    pub limits: String,
}

/// Models and credentials.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelsReport {
    /// The chain of the default agent, primary first.
    pub chain: Vec<ModelStatus>,
    /// Every agent whose chain differs: its id and chain.
    pub agents: Vec<(AgentId, Vec<String>)>,
    /// Credentials by profile.
    pub profiles: Vec<ProfileStatus>,
}

/// One model of a chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelStatus {
    /// `provider/model`.
    pub model: String,
    /// Whether it could be called now.
    pub usable: bool,
    /// Why not, or what it is.
    pub detail: String,
    /// Context window in tokens.
    pub context_window: u32,
}

/// One credential, without the secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileStatus {
    /// Profile id: `openai:default`.
    pub id: String,
    /// Provider id.
    pub provider: String,
    /// `api_key`, `token` or `oauth`.
    pub kind: String,
    /// Where it comes from: a file, an environment variable.
    pub source: String,
    /// `ok, expires in 9 d`, `expired`, `cooling down for 5 min`.
    pub status: String,
    /// Whether it could be used now.
    pub usable: bool,
}

/// One session in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionSummary {
    /// Its key.
    pub session: SessionKey,
    /// Which agent.
    pub agent: AgentId,
    /// `cold`, `starting`, `idle`, `in turn`, `backoff`, `failed`.
    pub state: String,
    /// Last activity, milliseconds since 1970.
    pub updated_at: i64,
    /// Items in its transcript.
    pub items: u64,
    /// What it used in all.
    pub usage: Usage,
    /// The live agent process.
    pub pid: Option<u32>,
}

/// One session in full.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SessionDetail {
    /// The summary.
    pub summary: SessionSummary,
    /// Its items, oldest first: `{id, turn, at, item}` objects.
    pub items: Vec<Value>,
}

/// How one account of a channel is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelStatus {
    /// `telegram`.
    pub channel: String,
    /// Which of its accounts: `default`.
    pub account: String,
    /// Whether it works.
    pub ok: bool,
    /// What it is called there: `@bot`; empty until that is known.
    pub name: String,
    /// How messages come: `polling` or `webhook`.
    pub mode: String,
    /// In a few words: `ok`, `connecting`, `stopped`, or what is wrong and how it is mended.
    pub detail: String,
    /// When the server last answered a look for messages, milliseconds since 1970.
    pub polled_at: Option<i64>,
    /// Age of the oldest message that waits to be handled, in milliseconds.
    pub lag_ms: u64,
    /// Messages that wait to be handled.
    pub waiting: u64,
    /// Messages of people who ask to be let in.
    pub held: u64,
    /// What could not be read, since the gateway started.
    pub unreadable: u64,
    /// What waits to be sent.
    pub unsent: u64,
    /// What last went wrong, and when, milliseconds since 1970.
    pub last_error: Option<(i64, String)>,
    /// Answers and notices that could never be delivered, since the account was started.
    pub undelivered: u64,
    /// Why the last of those could not, and when, milliseconds since 1970.
    pub last_undelivered: Option<(i64, String)>,
}

/// Somebody who asks to be let in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PairingRequest {
    /// By which channel: `telegram`.
    pub channel: String,
    /// Which of its accounts.
    pub account: String,
    /// Who, as the channel knows them.
    pub sender: String,
    /// What they call themselves.
    pub name: String,
    /// The code they were given.
    pub code: String,
    /// When they asked, milliseconds since 1970.
    pub asked_at: i64,
    /// When the code is worth nothing, milliseconds since 1970.
    pub expires_at: i64,
}

/// Somebody who was let in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paired {
    /// By which channel: `telegram`.
    pub channel: String,
    /// Which of its accounts.
    pub account: String,
    /// Who, as the channel knows them.
    pub sender: String,
    /// Whether they may do what only the owner of the gateway may.
    pub owner: bool,
}
