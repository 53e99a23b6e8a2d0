//! The file tools, for one session: each call reads or changes files beneath the workspace.
//!
//! Calls may come several at once. Those that only look run together; one that changes something
//! runs alone. They begin in the order they came, so two edits of one file never lose one another,
//! and a read after a write sees it.

mod read;

mod write;

mod ls;

mod edit;

mod patch;

mod regular;

mod lines;

use crate::outbox::Outbox;
use crate::place::Grounds;
use crate::{Broken, Heard, link_end};
use ipc::id::CallId;
use ipc::tool::{Capture, ToTool, ToolOutcome, ToolStart};
use ipc::tool_args::ToolArgs;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::{RwLock, mpsc, oneshot};
use tokio::task::{JoinSet, spawn_blocking};

/// What all calls share.
#[derive(Clone)]
struct Desk {
    grounds: Arc<Grounds>,
    /// Held while a call runs: shared by those that look, alone by one that changes.
    turn: Arc<RwLock<()>>,
}

/// Answers file calls until the link ends.
pub(crate) async fn serve(
    start: ToolStart,
    mut inbox: mpsc::Receiver<Heard>,
    outbox: Outbox,
) -> Result<(), Broken> {
    let desk = Desk::open(&start)?;
    let mut tasks = JoinSet::new();
    let mut running: HashMap<CallId, oneshot::Sender<()>> = HashMap::new();
    loop {
        tokio::select! {
            heard = inbox.recv() => match heard {
                Some(Ok(ToTool::Run { call, args })) => {
                    let (cancel, cancelled) = oneshot::channel();
                    running.insert(call, cancel);
                    let desk = desk.clone();
                    tasks.spawn(async move { (call, desk.run(args, cancelled).await) });
                }
                Some(Ok(ToTool::Cancel { call })) => {
                    if let Some(cancel) = running.remove(&call) {
                        let _ = cancel.send(()); // else it has just ended
                    }
                }
                Some(Ok(ToTool::Start(_))) => return Err(Broken::SecondStart),
                Some(Err(end)) => return link_end(Some(end)),
                None => return link_end(None),
            },
            Some(Ok((call, outcome))) = tasks.join_next() => {
                running.remove(&call);
                outbox.done(call, outcome).await;
            }
        }
    }
}

impl Desk {
    fn open(start: &ToolStart) -> Result<Self, Broken> {
        let grounds = Grounds::open(start).map_err(|cause| Broken::Workspace {
            path: start.workspace.display().to_string(),
            cause,
        })?;
        Ok(Self {
            grounds: Arc::new(grounds),
            turn: Arc::default(),
        })
    }

    /// Runs one call. A cancel takes effect unless the call has begun to change something.
    async fn run(self, args: ToolArgs, mut cancelled: oneshot::Receiver<()>) -> ToolOutcome {
        let Self { grounds, turn } = self;
        let looks = args.is_read_only();
        let given_up = GivenUp::default();
        let is_given_up = Arc::clone(&given_up.0);
        let work = move || answer(&grounds, args, &is_given_up);
        let nothing = ToolOutcome::Cancelled {
            output: Capture::default(),
        };
        let ended = if looks {
            let look = async {
                let _given_up = given_up;
                let _turn = turn.read().await;
                spawn_blocking(work).await
            };
            tokio::select! {
                ended = look => ended,
                Ok(()) = &mut cancelled => return nothing,
            }
        } else {
            let _turn = tokio::select! {
                turn = turn.write() => turn,
                Ok(()) = &mut cancelled => return nothing,
            };
            spawn_blocking(work).await
        };
        match ended {
            Ok(Ok(text)) => ToolOutcome::Text { text },
            Ok(Err(reason)) => ToolOutcome::Failed { reason },
            Err(crash) => ToolOutcome::Failed {
                reason: format!("the tool itself crashed: {crash}"),
            },
        }
    }
}

/// Set when nobody waits for a call any more: it was cancelled, or the link ended.
#[derive(Default)]
struct GivenUp(Arc<AtomicBool>);

impl Drop for GivenUp {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A file tool's answer for the model, or why there is none.
type Answer = Result<String, String>;

fn answer(grounds: &Grounds, args: ToolArgs, given_up: &AtomicBool) -> Answer {
    match args {
        ToolArgs::Read(args) => read::read(grounds, &args, given_up),
        ToolArgs::Write(args) => write::write(grounds, &args),
        ToolArgs::Ls(args) => ls::ls(grounds, &args),
        ToolArgs::Edit(args) => edit::edit(grounds, args),
        ToolArgs::ApplyPatch(args) => patch::apply_patch(grounds, &args),
        ToolArgs::Exec(_)
        | ToolArgs::Process(_)
        | ToolArgs::SessionStatus(_)
        | ToolArgs::AgentsList(_) => Err(format!("{} is not a file tool", args.name())),
    }
}
