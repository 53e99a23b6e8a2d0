//! Control groups (v2): one for each session, where the machine lets us have them.
//!
//! ```text
//! where the gateway was started      delegated to us, or we are root
//! └── openclaw-PID
//!     ├── gateway                    the supervisor itself: who has children has no processes
//!     └── sessions
//!         └── 7                      counted together
//!             ├── agent              its agent process
//!             └── tools              its tools: memory, processes and CPU limited, killed as one
//! ```
//! A machine that has its controllers on v1 is left as it is: there is [`Unusable`], and limits are
//! kept by looking instead.

mod place;
mod stats;

pub use stats::{Events, GroupUse};

use place::Place;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// What begins the name of each gateway's own group.
const PREFIX: &str = "openclaw-";
/// The leaf a gateway sits in.
const GATEWAY: &str = "gateway";
/// Without these there is nothing to enforce; the others are taken where they are to be had.
const NEEDED: [&str; 2] = ["memory", "pids"];
const WANTED: [&str; 2] = ["cpu", "io"];
/// The period of `cpu.max`, in microseconds.
const PERIOD: u64 = 100_000;

/// Why there are no control groups for us, and what would change that.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unusable(String);

/// What the tools of a session may use; `None` is no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GroupLimits {
    /// Bytes of memory, shared memory and tmpfs included. Who takes more is killed, with all others.
    pub memory: Option<u64>,
    /// Processes and threads. More can not be started.
    pub processes: Option<u64>,
    /// CPU in thousandths of a core. Who wants more waits.
    pub cpu: Option<u32>,
}

/// Which part of a session a process belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaf {
    /// Its agent process.
    Agent,
    /// Its tools.
    Tools,
}

/// The gateway's groups. Clones are the same ones.
#[derive(Debug, Clone)]
pub struct Hierarchy {
    sessions: PathBuf,
    next: Arc<AtomicU64>,
    /// Groups whose processes were not gone yet when they were to be removed.
    dying: Arc<Mutex<Vec<PathBuf>>>,
}

/// The groups of one session. Dropping it kills what is left in them.
#[derive(Debug)]
pub struct Group {
    path: PathBuf,
    dying: Arc<Mutex<Vec<PathBuf>>>,
}

impl Hierarchy {
    /// Makes this process's groups and moves it into its leaf; removes those of gateways that were
    /// killed. To be called before any child is started.
    ///
    /// # Errors
    /// [`Unusable`] says what is in the way; nothing was changed then that matters.
    pub fn set_up() -> Result<Self, Unusable> {
        let mut objection = None;
        for place in Place::candidates()? {
            match Self::set_up_in(&place.folder) {
                Ok(hierarchy) => return Ok(hierarchy),
                Err(why) => objection = objection.or(Some(why)),
            }
        }
        Err(objection.unwrap_or_else(|| Unusable("there is no cgroup v2 mount".into())))
    }

    /// The same at a group of the caller's choice: its directory.
    ///
    /// # Errors
    /// As [`Self::set_up`].
    pub fn set_up_in(folder: &Path) -> Result<Self, Unusable> {
        let has = place::controllers_of(folder)?;
        sweep(folder);
        let own = folder.join(format!("{PREFIX}{}", std::process::id()));
        match build(folder, &own, &has) {
            Ok(sessions) => Ok(Self {
                sessions,
                next: Arc::default(),
                dying: Arc::default(),
            }),
            Err(error) => {
                remove(&own);
                Err(Unusable(format!(
                    "failed to use {}: {error}; {}",
                    folder.display(),
                    place::REMEDY
                )))
            }
        }
    }

    /// A group for one more session.
    ///
    /// # Errors
    /// What the kernel says, with the file it was said of.
    pub fn group(&self, limits: GroupLimits) -> io::Result<Group> {
        self.tidy();
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let group = Group {
            path: self.sessions.join(number.to_string()),
            dying: Arc::clone(&self.dying),
        };
        make(&group.path)?;
        enable(&group.path, &controllers(&group.path))?;
        make(&group.path.join("agent"))?;
        let tools = group.path.join("tools");
        make(&tools)?;
        write(&tools.join("memory.oom.group"), "1")?;
        // With swap, a limit on memory would only be the point where everything becomes slow.
        let _ = write(&tools.join("memory.swap.max"), "0");
        group.limit(limits)?;
        Ok(group)
    }

    /// Makes a group with limits and removes it; says where.
    ///
    /// # Errors
    /// What the kernel says, with the file it was said of.
    pub fn prove(&self) -> io::Result<String> {
        let limits = GroupLimits {
            memory: Some(1 << 26),
            processes: Some(16),
            cpu: None,
        };
        let path = self.group(limits)?.path().to_owned();
        let controllers = controllers(&self.sessions).join(", ");
        match path.exists() {
            true => Err(io::Error::other(format!("{} stays", path.display()))),
            false => Ok(format!(
                "{} was made with {controllers}, and removed",
                path.display()
            )),
        }
    }

    /// Removes groups whose last processes are gone by now.
    pub fn tidy(&self) {
        if let Ok(mut dying) = self.dying.lock() {
            dying.retain(|path| !remove(path));
        }
    }
}

impl Group {
    /// Puts a process into the group, with what it will start. To be done before it is spoken to:
    /// what it had started before stays where it was.
    ///
    /// # Errors
    /// What the kernel says, with the file it was said of.
    pub fn add(&self, pid: i32, leaf: Leaf) -> io::Result<()> {
        let leaf = match leaf {
            Leaf::Agent => "agent",
            Leaf::Tools => "tools",
        };
        write(&self.path.join(leaf).join("cgroup.procs"), &pid.to_string())
    }

    /// Sets the limits anew.
    ///
    /// # Errors
    /// What the kernel says, with the file it was said of.
    pub fn limit(&self, limits: GroupLimits) -> io::Result<()> {
        let tools = self.path.join("tools");
        let or_max = |limit: Option<u64>| limit.map_or("max".to_owned(), |n| n.to_string());
        write(&tools.join("memory.max"), &or_max(limits.memory))?;
        write(&tools.join("pids.max"), &or_max(limits.processes))?;
        let quota = limits.cpu.map(|milli| u64::from(milli) * PERIOD / 1000);
        // The kernel takes no less than a thousandth of a second.
        let quota = or_max(quota.map(|quota| quota.max(1000)));
        match write(&tools.join("cpu.max"), &format!("{quota} {PERIOD}")) {
            // Without the controller there is no file; one that is not asked for is not missed.
            Err(error) if limits.cpu.is_some() => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Kills the tools, whatever they have become.
    ///
    /// # Errors
    /// What the kernel says, with the file it was said of.
    pub fn kill_tools(&self) -> io::Result<()> {
        write(&self.path.join("tools/cgroup.kill"), "1")
    }

    /// What the session uses, agent and tools together.
    ///
    /// # Errors
    /// What the kernel says: the group is gone.
    pub fn usage(&self) -> io::Result<GroupUse> {
        GroupUse::of(&self.path)
    }

    /// CPU time in all, in microseconds: the cheapest way to see whether anything happened.
    ///
    /// # Errors
    /// What the kernel says: the group is gone.
    pub fn cpu_us(&self) -> io::Result<u64> {
        stats::cpu_us(&self.path)
    }

    /// How often its tools ran into their limits.
    #[must_use]
    pub fn events(&self) -> Events {
        Events::of(&self.path.join("tools"))
    }

    /// Its directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = write(&self.path.join("cgroup.kill"), "1");
        if !remove(&self.path)
            && let Ok(mut dying) = self.dying.lock()
        {
            dying.push(std::mem::take(&mut self.path));
        }
    }
}

/// Whether a gateway started from here could have control groups; where, or what is in the way.
/// Changes nothing.
///
/// # Errors
/// Not an error of this program: why limits would only be sampled.
pub fn check() -> Result<String, String> {
    let mut objection = None;
    for place in Place::candidates().map_err(|why| why.to_string())? {
        match place.check() {
            Ok(()) => return Ok(format!("groups can be made in {}", place.folder.display())),
            Err(why) => objection = objection.or(Some(why)),
        }
    }
    Err(objection.map_or_else(|| place::REMEDY.to_owned(), |why| why.to_string()))
}

/// A gateway's own groups; the directory of its sessions.
fn build(folder: &Path, own: &Path, has: &[String]) -> io::Result<PathBuf> {
    make(own)?;
    let leaf = own.join(GATEWAY);
    make(&leaf)?;
    write(&leaf.join("cgroup.procs"), &std::process::id().to_string())?;
    let sessions = own.join("sessions");
    let built = enable(folder, has)
        .and_then(|()| enable(own, has))
        .and_then(|()| make(&sessions))
        .and_then(|()| enable(&sessions, has));
    if let Err(error) = built {
        // Back to where we came from, or nobody could remove what was made.
        let _ = write(
            &folder.join("cgroup.procs"),
            &std::process::id().to_string(),
        );
        return Err(error);
    }
    // When all want the CPU, who answers people comes first.
    let _ = write(&leaf.join("cpu.weight"), "400");
    Ok(sessions)
}

/// Lets the groups beneath `folder` have these controllers.
fn enable(folder: &Path, has: &[String]) -> io::Result<()> {
    let file = folder.join("cgroup.subtree_control");
    for name in NEEDED {
        write(&file, &format!("+{name}"))?;
    }
    for name in WANTED {
        if has.iter().any(|had| had == name) {
            let _ = write(&file, &format!("+{name}"));
        }
    }
    Ok(())
}

fn controllers(folder: &Path) -> Vec<String> {
    let text = read(&folder.join("cgroup.controllers")).unwrap_or_default();
    text.split_ascii_whitespace().map(str::to_owned).collect()
}

/// Removes what gateways left that are gone: nobody is in their leaf any more.
fn sweep(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let is_ours = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
        if is_ours.is_none_or(|pid| pid.parse::<u32>().is_err()) {
            continue;
        }
        let events = read(&entry.path().join(GATEWAY).join("cgroup.events"));
        if events.is_ok_and(|events| events.contains("populated 0")) {
            let _ = write(&entry.path().join("cgroup.kill"), "1");
            remove(&entry.path());
        }
    }
}

/// Removes a group and those beneath it; whether it is gone. Processes that are being killed hold
/// on to theirs for a moment.
fn remove(path: &Path) -> bool {
    for entry in fs::read_dir(path).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove(&entry.path());
        }
    }
    fs::remove_dir(path).is_ok() || !path.exists()
}

fn make(path: &Path) -> io::Result<()> {
    fs::create_dir(path).map_err(|error| at(path, &error))
}

fn read(path: &Path) -> io::Result<String> {
    fs::read_to_string(path)
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    // Not created where it is missing: then the kernel does not have it.
    let mut file = fs::OpenOptions::new().write(true).open(path);
    file.as_mut()
        .map_err(|error| at(path, error))
        .and_then(|file| io::Write::write_all(file, text.as_bytes()).map_err(|e| at(path, &e)))
}

fn at(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
