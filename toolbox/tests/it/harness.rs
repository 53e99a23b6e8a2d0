//! A toolbox with its workspace, and words to speak with it. No wait is by time: every one is for a
//! message or a condition, within a bound that only a failure reaches.

use ipc::hello::Hello;
use ipc::id::{CallId, JobId};
use ipc::link::Link;
use ipc::tool::{ExecDefaults, FromTool, ToTool, ToolOutcome, ToolStart};
use ipc::tool_args::{ExecArgs, ProcessAction, ProcessArgs, ToolArgs};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
pub(crate) const JOB: &str = "calm-otter";

pub(crate) struct Toolbox {
    pub(crate) workspace: PathBuf,
    pub(crate) link: Link<ToTool, FromTool>,
    pub(crate) child: Child,
    /// Output that was shown on the way to outcomes.
    pub(crate) shown: String,
    /// Ends of background jobs heard on the way.
    pub(crate) job_ended: Vec<ToolOutcome>,
    calls: u64,
    _folder: Option<TempDir>,
}

/// What a start says, to be changed before it is sent.
pub(crate) fn start_in(workspace: &Path) -> ToolStart {
    let home = workspace.display().to_string();
    let path = std::env::var("PATH").unwrap();
    ToolStart {
        workspace: workspace.to_owned(),
        env: [("HOME".to_owned(), home), ("PATH".to_owned(), path)].into(),
        job: JobId::from(JOB),
        exec: ExecDefaults {
            yield_ms: 30_000,
            timeout_ms: 50_000,
            output_bytes: 200_000,
            shows_all: false,
        },
        files_anywhere: false,
    }
}

/// A program that was started with a link and nothing said yet.
pub(crate) fn spawn(role: &[&str]) -> (Child, Link<ToTool, FromTool>) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let child = Command::new(env!("CARGO_BIN_EXE_openclaw-toolbox"))
        .args(role)
        .env_clear()
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    (child, Link::from_fd(ours.into()).unwrap())
}

impl Toolbox {
    pub(crate) async fn exec() -> Self {
        Self::start("exec", |_| {}).await
    }

    pub(crate) async fn files() -> Self {
        Self::start("files", |_| {}).await
    }

    pub(crate) async fn start(role: &str, change: impl FnOnce(&mut ToolStart)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let workspace = folder.path().canonicalize().unwrap();
        let mut start = start_in(&workspace);
        change(&mut start);
        let (child, mut link) = spawn(&[role]);
        match link.receiver.recv().await.unwrap() {
            FromTool::Hello(hello) => assert_eq!(hello, Hello::ours()),
            other => panic!("hello comes first, not {other:?}"),
        }
        link.sender.send(&ToTool::Start(start)).await.unwrap();
        Self {
            workspace,
            link,
            child,
            shown: String::new(),
            job_ended: Vec::new(),
            calls: 0,
            _folder: Some(folder),
        }
    }

    /// Begins a call.
    pub(crate) async fn ask(&mut self, args: ToolArgs) -> CallId {
        self.calls += 1;
        let call = CallId(self.calls);
        self.link
            .sender
            .send(&ToTool::Run { call, args })
            .await
            .unwrap();
        call
    }

    /// Cancels a call.
    pub(crate) async fn cancel(&mut self, call: CallId) {
        self.link
            .sender
            .send(&ToTool::Cancel { call })
            .await
            .unwrap();
    }

    /// The next message.
    pub(crate) async fn hear(&mut self) -> FromTool {
        let heard = tokio::time::timeout(PATIENCE, self.link.receiver.recv()).await;
        heard.expect("the toolbox answers in time").unwrap()
    }

    /// The outcome of a call; keeps what is said on the way.
    pub(crate) async fn outcome(&mut self, of: CallId) -> ToolOutcome {
        loop {
            match self.hear().await {
                FromTool::Done { call, outcome } if call == of => return outcome,
                FromTool::Output { text, .. } => self.shown.push_str(&text),
                FromTool::JobEnded { outcome } => self.job_ended.push(outcome),
                other => panic!("waiting for call {of}: {other:?}"),
            }
        }
    }

    /// Makes a call and waits for its outcome.
    pub(crate) async fn call(&mut self, args: ToolArgs) -> ToolOutcome {
        let call = self.ask(args).await;
        self.outcome(call).await
    }

    /// Runs a command in the foreground.
    pub(crate) async fn run(&mut self, command: &str) -> ToolOutcome {
        self.call(exec(command)).await
    }

    /// Starts a command in the background.
    pub(crate) async fn background(&mut self, command: &str) {
        let args = ExecArgs {
            command: command.to_owned(),
            background: true,
            ..ExecArgs::default()
        };
        match self.call(ToolArgs::Exec(args)).await {
            ToolOutcome::Running { job, .. } => assert_eq!(job.as_str(), JOB),
            other => panic!("{other:?}"),
        }
    }

    /// Makes a `process` call.
    pub(crate) async fn process(
        &mut self,
        action: ProcessAction,
        change: impl FnOnce(&mut ProcessArgs),
    ) -> ToolOutcome {
        self.call(process(action, change)).await
    }

    /// Polls until all that was told contains `text`.
    pub(crate) async fn poll_until(&mut self, text: &str) -> String {
        let mut all = String::new();
        let began = Instant::now();
        while !all.contains(text) {
            assert!(began.elapsed() < PATIENCE, "no {text:?} in {all:?}");
            let poll = self.process(ProcessAction::Poll, |args| args.timeout = Some(1_000));
            all.push_str(&said(poll.await));
        }
        all
    }

    /// Hears that the background job has ended, if that was not heard already.
    pub(crate) async fn hear_job_end(&mut self) -> ToolOutcome {
        if let Some(outcome) = self.job_ended.pop() {
            return outcome;
        }
        match self.hear().await {
            FromTool::JobEnded { outcome } => outcome,
            other => panic!("waiting for the job's end: {other:?}"),
        }
    }

    /// Hears the end of the link and how the program ended.
    pub(crate) async fn exit(mut self) -> ExitStatus {
        let end = tokio::time::timeout(PATIENCE, self.link.receiver.recv()).await;
        assert!(
            end.expect("the toolbox ends").is_err(),
            "it has more to say"
        );
        self.child.wait().unwrap()
    }

    /// Ends the link, and hears how the program ended.
    pub(crate) async fn hang_up(mut self) -> ExitStatus {
        drop(self.link);
        eventually(|| self.child.try_wait().unwrap()).await
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.workspace.join(name)
    }

    pub(crate) fn has(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    pub(crate) fn content(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }
}

pub(crate) fn exec(command: &str) -> ToolArgs {
    ToolArgs::Exec(ExecArgs {
        command: command.to_owned(),
        ..ExecArgs::default()
    })
}

pub(crate) fn process(action: ProcessAction, change: impl FnOnce(&mut ProcessArgs)) -> ToolArgs {
    let mut args = ProcessArgs {
        action,
        session_id: Some(JOB.to_owned()),
        data: None,
        keys: Vec::new(),
        hex: Vec::new(),
        literal: None,
        text: None,
        bracketed: None,
        eof: false,
        offset: None,
        limit: None,
        timeout: None,
    };
    change(&mut args);
    ToolArgs::Process(args)
}

/// The text of an outcome that did what was asked.
pub(crate) fn said(outcome: ToolOutcome) -> String {
    match outcome {
        ToolOutcome::Text { text } => text,
        other => panic!("{other:?}"),
    }
}

/// Why a call failed.
pub(crate) fn failed(outcome: ToolOutcome) -> String {
    match outcome {
        ToolOutcome::Failed { reason } => reason,
        other => panic!("{other:?}"),
    }
}

/// Waits until `condition` gives something.
pub(crate) async fn eventually<T>(mut condition: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = condition() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "the condition never came true");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Whether a process with this id runs (and is not only waiting to be reaped).
pub(crate) fn runs(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    stat.rsplit_once(')')
        .is_some_and(|(_, rest)| !rest.trim_start().starts_with(['Z', 'X']))
}
