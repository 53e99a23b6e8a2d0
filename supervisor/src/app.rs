//! The gateway, wired: a configuration in, every part built, run until it is told to stop.
//!
//! The order is the order of the promises: one gateway a state directory, what was accepted is
//! readable (store), people are heard (control socket), what was cut off goes on (resume). The
//! walls are probed beside that, off the path.

mod logs;
mod reload;

use crate::audit::{Audit, Event};
use crate::broker::approvals::Approvals;
use crate::broker::{Live, Services};
use crate::channels::Channels;
use crate::config::{Config, Programs, Source, mend};
use crate::control::{self, Control, Door};
use crate::egress::System;
use crate::http::{self, Pages};
use crate::meter::Meter;
use crate::model::ModelStack;
use crate::policy::HostPaths;
use crate::process::raise_open_files;
use crate::router::Router;
use crate::store::exec_approvals::ExecApprovals;
use crate::store::{Store, StoreError};
use crate::workspace;
use arc_swap::ArcSwap;
use ipc::control::Stay;
use jail::probe::Report;
use reload::Reloading;
use std::collections::BTreeSet;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The gateway can not start.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The state directory can not be used.
    #[error("failed to use {path}: {}", mend(cause))]
    State {
        /// Which path.
        path: String,
        /// What the system said.
        cause: io::Error,
    },
    /// The database can not be used, or another gateway has it.
    #[error("failed to {0}")]
    Store(#[from] StoreError),
    /// A program of ours is missing.
    #[error(
        "{0} is missing; install openclaw, openclaw-agent, openclaw-toolbox and openclaw-jail beside \
         each other, or name their folder in agents.defaults.process.programs"
    )]
    Program(String),
}

/// Makes the state directory and the workspaces where they are missing; whether manuals were laid
/// down, by which agents come that the configuration did not know.
///
/// # Errors
/// [`AppError::State`].
pub fn lay_out(config: &Config) -> Result<bool, AppError> {
    make_private_dir(&config.paths.state_dir)?;
    let folders: BTreeSet<_> = config.agents.iter().map(|agent| &agent.workspace).collect();
    let mut any = false;
    for folder in folders {
        any |= workspace::lay_out(folder).map_err(|cause| AppError::State {
            path: folder.display().to_string(),
            cause,
        })?;
    }
    Ok(any)
}

/// How a gateway is told to end.
#[derive(Debug, Default)]
pub(crate) struct Ending {
    stop: CancellationToken,
    begin_again: AtomicBool,
}

impl Ending {
    fn again(&self) {
        self.begin_again.store(true, Ordering::Relaxed);
        self.stop.cancel();
    }
}

/// A running gateway.
#[derive(Debug)]
pub struct App {
    services: Arc<Services>,
    router: Arc<Router>,
    channels: Arc<Channels>,
    tasks: TaskTracker,
    ending: Arc<Ending>,
    reload: Arc<Notify>,
    answering: watch::Receiver<usize>,
}

impl App {
    /// Builds every part and answers the control socket when this returns.
    ///
    /// # Errors
    /// [`AppError`] names what is in the way.
    pub async fn start(config: Config, source: Source, stay: Stay) -> Result<Self, AppError> {
        let began = Instant::now();
        raise_open_files();
        let paths = config.paths.clone();
        let programs = Arc::new(config.process.programs.clone());
        look_for(&programs)?;
        let store = Store::open(&paths.database())?;
        let audit = logs::begin(&config);
        let (found, walls) = watch::channel(None);
        // Before any child is started: it takes a place of its own among control groups.
        let meter = Meter::new(store.clone(), audit.clone());
        let services = Arc::new(Services {
            store,
            meter: meter.clone(),
            audit: audit.clone(),
            // For operators and tests: a file like /etc/hosts, asked before the system.
            resolver: Arc::new(System::new(env_path("OPENCLAW_EGRESS_HOSTS"))),
            live: ArcSwap::from_pointee(live(Arc::new(config))),
            approvals: Approvals::default(),
            outgoing: watch::Sender::new(0),
            complaint: std::sync::Mutex::default(),
            programs: Arc::clone(&programs),
            walls,
        });
        let router = Arc::new(Router::new(Arc::clone(&services)));
        let ending = Arc::new(Ending::default());
        let channels = {
            let ending = Arc::clone(&ending);
            let again = Box::new(move || ending.again());
            Arc::new(Channels::new(
                Arc::clone(&services),
                Arc::clone(&router),
                again,
            ))
        };
        let reload = Arc::new(Notify::new());
        let (counted, answering) = watch::channel(0);
        let (opened, door) = watch::channel(Door::default());
        let door_seen = door.clone();
        let control = Control {
            services: Arc::clone(&services),
            router: Arc::clone(&router),
            channels: Arc::clone(&channels),
            began,
            stay,
            door,
            answering: counted,
            stop: ending.stop.clone(),
            reload: Arc::clone(&reload),
        };
        let socket = paths.control_socket();
        let listener = control::listen(&socket).map_err(|cause| AppError::State {
            path: socket.display().to_string(),
            cause,
        })?;
        let tasks = TaskTracker::new();
        tasks.spawn(meter.clone().run(ending.stop.clone()));
        let tidied = Arc::clone(&router);
        let stop = ending.stop.clone();
        tasks.spawn(async move {
            stop.run_until_cancelled(tidied.tidy()).await;
        });
        tasks.spawn(control::serve(listener, Arc::new(control), tasks.clone()));
        if stay == Stay::Service {
            let pages = http::pages(Arc::new(Pages {
                services: Arc::clone(&services),
                router: Arc::clone(&router),
                channels: Arc::clone(&channels),
                began,
            }));
            tasks.spawn(tell_where(door_seen, Arc::clone(&channels)));
            let gateway = services.live.load().config.gateway.clone();
            tasks.spawn(http::serve(gateway, pages, opened, ending.stop.clone()));
        }
        tasks.spawn(probe_walls(
            programs,
            meter,
            paths.state_dir.join("state"),
            audit,
            found,
        ));
        tasks.spawn(go_on(
            services.store.clone(),
            paths.state_dir.clone(),
            Arc::clone(&router),
            // A gateway that stays for one command is nobody's bot.
            (stay == Stay::Service).then(|| Arc::clone(&channels)),
        ));
        let reloading = Reloading {
            services: Arc::clone(&services),
            router: Arc::clone(&router),
            channels: Arc::clone(&channels),
            stay,
            source,
            wanted: Arc::clone(&reload),
            ending: Arc::clone(&ending),
        };
        tasks.spawn(reloading.run());
        Ok(Self {
            services,
            router,
            channels,
            tasks,
            ending,
            reload,
            answering,
        })
    }

    /// Waits until the gateway is told to end; whether it is to begin again with a new
    /// configuration.
    pub async fn ended(&self) -> bool {
        self.ending.stop.cancelled().await;
        self.ending.begin_again.load(Ordering::Relaxed)
    }

    /// Waits until no client waits for an answer.
    pub async fn answered(&self) {
        // When the counter is gone, so are those who counted.
        let _ = self
            .answering
            .clone()
            .wait_for(|clients| *clients == 0)
            .await;
    }

    /// Reads the configuration again.
    pub fn reload(&self) {
        self.reload.notify_one();
    }

    /// Ends every part. Turns that run are on disk.
    pub async fn drain(self) {
        self.ending.stop.cancel();
        self.channels.drain().await;
        self.router.drain().await;
        self.tasks.close();
        self.tasks.wait().await;
        let socket = self.services.live.load().config.paths.control_socket();
        let _ = std::fs::remove_file(socket);
        logs::end(&self.services.audit);
    }
}

/// Takes over what OpenClaw left, once; then what was cut off.
async fn go_on(
    store: Store,
    state_dir: PathBuf,
    router: Arc<Router>,
    channels: Option<Arc<Channels>>,
) {
    match store.import_existing(&state_dir).await {
        Ok(report) if report.sessions > 0 || !report.skipped.is_empty() => {
            tracing::info!(
                "took over {} sessions with {} items",
                report.sessions,
                report.items
            );
            for line in &report.skipped {
                tracing::warn!("not taken over: {line}");
            }
        }
        Ok(_) => {}
        Err(error) => tracing::error!("failed to take over OpenClaw's sessions: {error}"),
    }
    router.open();
    router.resume().await;
    // Last: who watches what goes on finds it going.
    if let Some(channels) = channels {
        channels.renew().await;
    }
}

/// Tells the desk of pairing where its page is, as long as there are pages.
async fn tell_where(mut door: watch::Receiver<Door>, channels: Arc<Channels>) {
    while door.changed().await.is_ok() {
        if let Door::Open(address) = &*door.borrow_and_update() {
            channels.pairing().pages_at(*address);
        }
    }
}

/// What is built from a configuration.
fn live(config: Arc<Config>) -> Live {
    let loaded = ExecApprovals::load(&config.paths.exec_approvals());
    let (approvals, approvals_complaint) = match loaded {
        Ok(approvals) => (approvals, None),
        // Fails closed: a file that can not be read allows nothing.
        Err(error) => {
            let text = format!(
                "failed to {error}; exec is denied until it is mended and openclaw gateway reload is run"
            );
            tracing::error!("{text}");
            (ExecApprovals::deny_all(), Some(text))
        }
    };
    let path = std::env::var("PATH").unwrap_or_default();
    let host = HostPaths::from_path_var(&path, &config.paths.home, &|path: &Path| path.exists());
    Live {
        models: ModelStack::new(&config),
        config,
        approvals: ArcSwap::from_pointee(approvals),
        approvals_complaint,
        host,
    }
}

fn env_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os(name).filter(|path| !path.is_empty());
    path.map(PathBuf::from)
}

async fn probe_walls(
    programs: Arc<Programs>,
    meter: Meter,
    folder: PathBuf,
    audit: Audit,
    found: watch::Sender<Option<Report>>,
) {
    let probe = move || {
        // What a gateway left that was killed while it probed; no other one is here.
        sweep(&folder);
        // Where the state directory has no room, or is too far away for a socket.
        let elsewhere = |_| jail::probe::probe(&programs.jail, &std::env::temp_dir());
        let report = jail::probe::probe(&programs.jail, &folder).or_else(elsewhere);
        report.map(|report| report.with_cgroups(meter.cgroups()))
    };
    let probed = tokio::task::spawn_blocking(probe).await;
    let report = match probed.unwrap_or_else(|error| Err(io::Error::other(error))) {
        Ok(report) => report,
        Err(error) => {
            tracing::error!("failed to probe the walls: {error}");
            // What was not proven does not hold: no tool is run.
            Report::of_nothing(&error)
        }
    };
    tracing::info!("the walls around tools are of level {}", report.level);
    audit.record(Event::Walls {
        level: report.level,
        missing: report.missing.clone(),
    });
    let _ = found.send(Some(report));
}

fn sweep(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name().as_encoded_bytes().starts_with(b"probe-") {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

fn look_for(programs: &Programs) -> Result<(), AppError> {
    let Programs {
        agent,
        toolbox,
        jail,
    } = programs;
    match [agent, toolbox, jail]
        .into_iter()
        .find(|program| !program.is_file())
    {
        Some(missing) => Err(AppError::Program(missing.display().to_string())),
        None => Ok(()),
    }
}

fn make_private_dir(path: &Path) -> Result<(), AppError> {
    let made = std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path);
    made.map_err(|cause| AppError::State {
        path: path.display().to_string(),
        cause,
    })
}
