//! A session's hands: one file worker, one toolbox process an `exec`, and the table of background
//! jobs. Places calls, keeps deadlines of cancellation; decides nothing: that is `policy`.

mod jobs;
mod process;
mod owner;
mod said;
mod room;

use crate::audit::{Audit, SpawnRecord};
use crate::config::Programs;
use crate::egress::Resolve;
use crate::meter::SessionMeter;
use crate::policy::{Place, SessionPolicy};
use ipc::id::{JobId, SessionKey};
use ipc::tool::{Capture, ToolOutcome, ToolStart};
use ipc::tool_args::{ExecArgs, ToolArgs};
use jail::probe::Report;
use jail::spec::JailSpec;
use jobs::Jobs;
use process::{Role, ToolProcess, Toolbox};
use room::{Rooms, Ticket};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

/// The walls that calls usually get, on record.
const STANDARD: &str = "standard";
/// Those of elevated commands.
const ELEVATED: &str = "elevated";
/// The usual ones, for whoever operates the gateway.
const OPERATOR: &str = "operator";
/// Pieces of an operated command's output that may wait to be shown.
const SHOWN: usize = 16;

/// A call under way.
pub type Running = Pin<Box<dyn Future<Output = Ended> + Send>>;

/// A call's end.
#[derive(Debug)]
pub struct Ended {
    /// How it ended.
    pub outcome: ToolOutcome,
    /// The process that goes on in the background, to be given to [`ToolHost::keep`].
    kept: Option<Kept>,
}

#[derive(Debug)]
struct Kept {
    job: JobId,
    command: String,
    process: Arc<ToolProcess>,
}

/// News of a background job.
#[derive(Debug, Clone, PartialEq)]
pub struct JobEnded {
    /// Which.
    pub job: JobId,
    /// How, without output.
    pub outcome: ToolOutcome,
}

/// What a session's tools are started with, watched by and reach the world through.
#[derive(Debug, Clone)]
pub struct Equipment {
    /// Whose tools; for `ps` and every log.
    pub session: SessionKey,
    /// The programs.
    pub programs: Arc<Programs>,
    /// What the probe found of the walls; `None` until it has run.
    pub walls: watch::Receiver<Option<Report>>,
    /// Who finds addresses for the proxy.
    pub resolver: Arc<dyn Resolve>,
    /// Where what happens is put on record.
    pub audit: Audit,
    /// Who counts, and ends what is over a limit.
    pub meter: SessionMeter,
}

impl Equipment {
    /// Where a process is put on record that is made behind walls of that name.
    fn record(&self, profile: &str) -> SpawnRecord {
        let level = self.walls.borrow().as_ref().map(|walls| walls.level);
        self.audit
            .of_session(&self.session, profile)
            .at_level(level)
    }
}

/// The tool processes of one session. Dropping it kills them all.
#[derive(Debug)]
pub struct ToolHost {
    equipment: Equipment,
    rooms: Rooms,
    files: Option<Arc<ToolProcess>>,
    /// Calls of `exec` in the foreground.
    foreground: BTreeMap<JobId, (String, Weak<ToolProcess>)>,
    jobs: Jobs,
    next_job: u64,
}

impl ToolHost {
    /// No process yet. Jobs are numbered from `first_job`: a number that the model knows from an
    /// earlier gateway is not used again.
    #[must_use]
    pub fn new(equipment: Equipment, first_job: u64) -> Self {
        let rooms = Rooms::new(equipment.clone());
        Self {
            equipment,
            rooms,
            files: None,
            foreground: BTreeMap::new(),
            jobs: Jobs::new(),
            next_job: first_job,
        }
    }

    /// Begins a call in its place. The future does the rest; dropping it abandons the call.
    pub fn run(
        &mut self,
        args: ToolArgs,
        place: Place,
        policy: &SessionPolicy,
        cancel: CancellationToken,
    ) -> Running {
        self.rooms.allow(policy.egress());
        match (place, args) {
            (Place::Exec { elevated }, args) => self.exec(args, elevated, policy, cancel),
            (Place::Files, args) => self.file(args, policy, cancel),
            (Place::Jobs, _) => at_once(self.jobs.list()),
            (Place::Job(job), ToolArgs::Process(args)) => self.jobs.poke(job, args, cancel),
            (Place::Job(_) | Place::Supervisor, args) => at_once(failed(format!(
                "{} does not run in a process of its own",
                args.name()
            ))),
        }
    }

    /// Takes over the process of a call that went to the background.
    pub fn keep(&mut self, ended: Ended) -> ToolOutcome {
        if let Some(kept) = ended.kept {
            self.jobs.take_in(kept);
        }
        ended.outcome
    }

    /// The next background job that ends by itself.
    pub async fn job_ended(&mut self) -> JobEnded {
        self.jobs.next_ended().await
    }

    /// Whether a background job still runs.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.jobs.is_busy()
    }

    /// The session hibernates: what only waits for calls goes; background jobs stay.
    pub fn rest(&mut self) {
        self.files = None;
        if !self.is_busy() {
            self.rooms.leave();
        }
    }

    /// Ends everything, background jobs too.
    pub fn end_all(&mut self) {
        self.files = None;
        self.jobs.clear();
        self.rooms.leave();
    }

    /// Ends one call or background job, or all of them, for `reason`, which is told to whoever made
    /// the call. Returns how many there were.
    pub fn kill(&mut self, job: Option<&JobId>, reason: &str) -> usize {
        let foreground = self.foreground.iter();
        let foreground =
            foreground.filter_map(|(id, (_, process))| Some((id.clone(), process.upgrade()?)));
        // What went to the background may stand in both.
        let chosen: BTreeMap<_, _> = foreground
            .chain(self.jobs.running())
            .filter(|(id, process)| process.is_alive() && job.is_none_or(|job| id == job))
            .collect();
        for process in chosen.values() {
            process.stop(reason);
        }
        chosen.len()
    }

    /// The commands that run, with what was to be run and whether that is in the background.
    #[must_use]
    pub fn under_way(&self) -> Vec<(JobId, String, bool)> {
        let background = self.jobs.commands();
        let mut all: BTreeMap<_, _> = background
            .map(|(id, command)| (id, (command, true)))
            .collect();
        for (id, (command, process)) in &self.foreground {
            if process.upgrade().is_some_and(|process| process.is_alive()) {
                all.entry(id.clone())
                    .or_insert_with(|| (command.clone(), false));
            }
        }
        let all = all.into_iter();
        all.map(|(id, (command, behind))| (id, command, behind))
            .collect()
    }

    /// Runs a command for whoever operates the gateway, in the session's walls: its output comes
    /// through the receiver, its end through the future.
    pub fn operate(
        &mut self,
        command: String,
        policy: &SessionPolicy,
        cancel: CancellationToken,
    ) -> (mpsc::Receiver<String>, Running) {
        self.rooms.allow(policy.egress());
        let (output, shown) = mpsc::channel(SHOWN);
        let job = self.next_job();
        let mut start = policy.tool_start(job.clone());
        // It is not to go to the background, where nobody would look after it.
        start.exec.yield_ms = u64::MAX;
        start.exec.shows_all = true;
        let jail = policy.exec_jail();
        let ticket = self.rooms.ticket(STANDARD, &jail);
        let process = self.begin(Role::Exec, &job, OPERATOR, jail, ticket, start);
        let args = ToolArgs::Exec(ExecArgs {
            command,
            ..ExecArgs::default()
        });
        let running = Box::pin(async move {
            let outcome = process.call_or_kill(args, Some(output), &cancel).await;
            process.end(None).await;
            Ended {
                outcome,
                kept: None,
            }
        });
        (shown, running)
    }

    fn next_job(&mut self) -> JobId {
        let job = JobId(format!("job-{}", self.next_job));
        self.next_job += 1;
        job
    }

    fn exec(
        &mut self,
        args: ToolArgs,
        elevated: bool,
        policy: &SessionPolicy,
        cancel: CancellationToken,
    ) -> Running {
        let job = self.next_job();
        let command = args.command().unwrap_or_default().to_owned();
        let process = match elevated {
            true => self.spawn_elevated(&job, policy),
            false => self.spawn(Role::Exec, &job, policy, policy.exec_jail()),
        };
        self.foreground
            .retain(|_, (_, process)| process.strong_count() > 0);
        let running = (command.clone(), Arc::downgrade(&process));
        self.foreground.insert(job.clone(), running);
        let counts = Arc::clone(self.rooms.counts());
        Box::pin(async move {
            let mut outcome = process.call_or_kill(args, None, &cancel).await;
            for host in counts.take_denials() {
                outcome.add_line(&format!("[denied by egress policy: {host}]"));
            }
            let kept = matches!(outcome, ToolOutcome::Running { .. }).then_some(Kept {
                job,
                command,
                process,
            });
            Ended { outcome, kept }
        })
    }

    fn file(
        &mut self,
        args: ToolArgs,
        policy: &SessionPolicy,
        cancel: CancellationToken,
    ) -> Running {
        let live = self.files.take().filter(|process| process.is_alive());
        let process = live.unwrap_or_else(|| {
            let job = JobId("files".into());
            self.spawn(Role::Files, &job, policy, policy.files_jail())
        });
        self.files = Some(Arc::clone(&process));
        Box::pin(async move {
            Ended {
                outcome: process.call(args, None, &cancel).await,
                kept: None,
            }
        })
    }

    /// Starts a process in the session's room; what is in `jail` narrows what the room shows.
    fn spawn(
        &mut self,
        role: Role,
        job: &JobId,
        policy: &SessionPolicy,
        jail: JailSpec,
    ) -> Arc<ToolProcess> {
        let ticket = self.rooms.ticket(STANDARD, &policy.exec_jail());
        let start = policy.tool_start(job.clone());
        self.begin(role, job, STANDARD, jail, ticket, start)
    }

    /// Starts an elevated command. Its walls are wider, so it is in another room than the others.
    fn spawn_elevated(&mut self, job: &JobId, policy: &SessionPolicy) -> Arc<ToolProcess> {
        let jail = policy.elevated_jail();
        let ticket = self.rooms.ticket(ELEVATED, &jail);
        self.begin(
            Role::Exec,
            job,
            ELEVATED,
            jail,
            ticket,
            policy.elevated_start(job.clone()),
        )
    }

    fn begin(
        &self,
        role: Role,
        job: &JobId,
        profile: &'static str,
        jail: JailSpec,
        ticket: Ticket,
        start: ToolStart,
    ) -> Arc<ToolProcess> {
        let toolbox = Toolbox {
            equipment: self.equipment.clone(),
            role,
            profile,
            title: format!("openclaw-toolbox [{} {job}]", self.equipment.session),
            jail,
            ticket,
            start,
            job: job.clone(),
            ended: self.jobs.teller(),
        };
        Arc::new(ToolProcess::spawn(toolbox))
    }
}

fn at_once(outcome: ToolOutcome) -> Running {
    Box::pin(std::future::ready(Ended {
        outcome,
        kept: None,
    }))
}

fn failed(reason: String) -> ToolOutcome {
    ToolOutcome::Failed { reason }
}

/// A cancelled call whose output is lost with its process.
fn cancelled() -> ToolOutcome {
    ToolOutcome::Cancelled {
        output: Capture::default(),
    }
}
