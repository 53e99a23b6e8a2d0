//! Notices that the configuration has changed on disk, and reads it again.
//!
//! Watched are the folders of the main file, its includes and `.env` (an editor replaces files, it
//! seldom writes into them), and the default workspace, where an agent may come by its manual.

use super::agent::MAIN_MANUAL;
use super::error::ConfigErrors;
use super::load::Source;
use super::{Changes, Config};
use notify::event::{AccessKind, AccessMode, ModifyKind};
use notify::{Event, EventKind, PollWatcher, RecursiveMode, Watcher};
use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

/// A file that never stops changing is read all the same after this long.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often files are looked at where the system does not tell of changes.
const POLL: Duration = Duration::from_millis(400);

/// A watch over one configuration.
pub struct Watch {
    source: Source,
    /// The last configuration that was right.
    current: Arc<Config>,
    /// The last mistakes that were told, until they are mended.
    told: Option<ConfigErrors>,
    watcher: Box<dyn Watcher + Send>,
    folders: BTreeSet<PathBuf>,
    seen: Arc<Mutex<Seen>>,
    /// One poke waits at most: what it leads to reads everything.
    pokes: mpsc::Receiver<()>,
    /// Whether something changed that has not been read yet.
    dirty: bool,
}

/// What a change must be of, to count.
#[derive(Default)]
struct Seen {
    files: BTreeSet<PathBuf>,
    workspace: PathBuf,
}

impl Watch {
    /// Watches for changes against `current`, which was read from `source`. What changed between
    /// that reading and this call is noticed too.
    #[must_use]
    pub fn start(source: Source, current: Arc<Config>) -> Self {
        let (poke, pokes) = mpsc::channel(1);
        let seen = Arc::new(Mutex::new(Seen::default()));
        let mut watch = Self {
            watcher: watcher(&poke, &seen),
            source,
            current,
            told: None,
            folders: BTreeSet::new(),
            seen,
            pokes,
            dirty: true,
        };
        let files = watch.source.attempt().files;
        watch.follow(&files);
        watch
    }

    /// Waits for the next change that counts: a configuration that differs in some key that does
    /// something, or the mistakes of one that is wrong (each told once). May be dropped and called
    /// again without missing anything.
    pub async fn changed(&mut self) -> Result<Arc<Config>, ConfigErrors> {
        loop {
            if !self.dirty && self.pokes.recv().await.is_none() {
                // The watcher is gone, which its owner outlives only at shutdown.
                std::future::pending::<()>().await;
            }
            self.dirty = true;
            self.settle().await;
            let attempt = self.source.attempt();
            self.dirty = false;
            self.follow(&attempt.files);
            if let Some(news) = self.news(attempt.result) {
                return news;
            }
        }
    }

    /// Waits until the files are quiet.
    async fn settle(&mut self) {
        let debounce = self.current.gateway.reload.debounce;
        let deadline = Instant::now() + PATIENCE.max(debounce);
        while Instant::now() < deadline {
            match timeout(debounce, self.pokes.recv()).await {
                Ok(Some(())) => {}
                Ok(None) | Err(_) => return,
            }
        }
    }

    fn news(
        &mut self,
        result: Result<Config, ConfigErrors>,
    ) -> Option<Result<Arc<Config>, ConfigErrors>> {
        match result {
            Ok(config) => {
                let mended = self.told.take().is_some();
                let same = Changes::between(&self.current, &config).is_empty()
                    && self.current.warnings == config.warnings;
                if same && !mended {
                    return None;
                }
                self.current = Arc::new(config);
                Some(Ok(Arc::clone(&self.current)))
            }
            Err(errors) if self.told.as_ref() == Some(&errors) => None,
            Err(errors) => {
                self.told = Some(errors.clone());
                Some(Err(errors))
            }
        }
    }

    /// Watches just the folders of these files from now on.
    fn follow(&mut self, files: &[PathBuf]) {
        // A link and the file it leads to can each be replaced.
        let real = files.iter().filter_map(|file| file.canonicalize().ok());
        let files: BTreeSet<_> = files.iter().cloned().chain(real).collect();
        let workspace = self.current.workspace.clone();
        let mut folders: BTreeSet<_> = files
            .iter()
            .filter_map(|f| f.parent())
            .map(Path::to_owned)
            .collect();
        folders.insert(workspace.clone());
        *lock(&self.seen) = Seen { files, workspace };
        for gone in self.folders.difference(&folders) {
            // Fails for a folder that was removed, which is then no longer watched anyway.
            let _ = self.watcher.unwatch(gone);
        }
        // A folder that is not there yet is tried again with the next change.
        let watcher = &mut self.watcher;
        let earlier = std::mem::take(&mut self.folders);
        self.folders = folders
            .into_iter()
            .filter(|folder| {
                earlier.contains(folder)
                    || watcher.watch(folder, RecursiveMode::NonRecursive).is_ok()
            })
            .collect();
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch")
            .field("folders", &self.folders)
            .field("told", &self.told)
            .finish_non_exhaustive()
    }
}

/// The system's own watcher, or one that looks every so often where there is none to be had.
fn watcher(poke: &mpsc::Sender<()>, seen: &Arc<Mutex<Seen>>) -> Box<dyn Watcher + Send> {
    match notify::recommended_watcher(handler(poke, seen)) {
        Ok(watcher) => Box::new(watcher),
        Err(error) => {
            tracing::warn!(%error, "the system does not tell of changed files; looking every {POLL:?}");
            let config = notify::Config::default().with_poll_interval(POLL);
            match PollWatcher::new(handler(poke, seen), config) {
                Ok(watcher) => Box::new(watcher),
                Err(error) => {
                    tracing::warn!(%error, "configuration changes are not noticed");
                    Box::new(notify::NullWatcher)
                }
            }
        }
    }
}

fn handler(
    poke: &mpsc::Sender<()>,
    seen: &Arc<Mutex<Seen>>,
) -> impl Fn(notify::Result<Event>) + Send + 'static {
    let (poke, seen) = (poke.clone(), Arc::clone(seen));
    move |event| {
        // After an error events may have been lost: better one reading too many.
        if event.is_err() || event.is_ok_and(|event| lock(&seen).counts(&event)) {
            // Full is fine: a poke waits already.
            let _ = poke.try_send(());
        }
    }
}

impl Seen {
    fn counts(&self, event: &Event) -> bool {
        if event.need_rescan() {
            return true;
        }
        event.paths.iter().any(|path| {
            self.files.contains(path) && writes(event.kind)
                || self.is_manual(path) && comes_or_goes(event.kind)
        })
    }

    fn is_manual(&self, path: &Path) -> bool {
        let name = path.file_name().and_then(|name| name.to_str());
        path.parent() == Some(&self.workspace)
            && name.is_some_and(|name| name.ends_with(MAIN_MANUAL))
    }
}

fn writes(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(access) => access == AccessKind::Close(AccessMode::Write),
        EventKind::Any
        | EventKind::Create(_)
        | EventKind::Modify(_)
        | EventKind::Remove(_)
        | EventKind::Other => true,
    }
}

fn comes_or_goes(kind: EventKind) -> bool {
    match kind {
        EventKind::Create(_) | EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(_)) => {
            true
        }
        EventKind::Any | EventKind::Access(_) | EventKind::Modify(_) | EventKind::Other => false,
    }
}

fn lock(seen: &Mutex<Seen>) -> std::sync::MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Env;
    use std::fs;
    use tempfile::TempDir;

    struct Watched {
        dir: TempDir,
        watch: Watch,
    }

    impl Watched {
        fn new(files: &[(&str, &str)]) -> Self {
            let dir = tempfile::tempdir().unwrap();
            fs::create_dir(dir.path().join("workspace")).unwrap();
            for (name, text) in files {
                fs::write(dir.path().join(name), text).unwrap();
            }
            let state = dir.path().to_str().unwrap();
            let env: Env = [("OPENCLAW_STATE_DIR", state)].into_iter().collect();
            let source = Source::new(env, Path::new("/"));
            let current = Arc::new(source.load().unwrap());
            let watch = Watch::start(source, current);
            Self { dir, watch }
        }

        fn write(&self, name: &str, text: &str) {
            fs::write(self.dir.path().join(name), text).unwrap();
        }

        /// The next change; the issue asks for less than a second.
        async fn next(&mut self) -> Result<Arc<Config>, ConfigErrors> {
            timeout(Duration::from_secs(1), self.watch.changed())
                .await
                .unwrap()
        }
    }

    const SLOW: &str = "{agents: {defaults: {timeoutSeconds: 5}}}";

    #[tokio::test]
    async fn a_change_is_there_within_a_second() {
        let mut watched = Watched::new(&[]);
        watched.write("openclaw.json", SLOW);
        assert_eq!(
            watched
                .next()
                .await
                .unwrap()
                .default_agent()
                .timeout
                .as_secs(),
            5
        );

        let draft = watched.dir.path().join("draft");
        fs::write(&draft, SLOW.replace('5', "6")).unwrap();
        fs::rename(draft, watched.dir.path().join("openclaw.json")).unwrap();
        assert_eq!(
            watched
                .next()
                .await
                .unwrap()
                .default_agent()
                .timeout
                .as_secs(),
            6
        );
    }

    #[tokio::test]
    async fn a_mistake_is_told_with_its_place_and_so_is_its_mending() {
        let mut watched = Watched::new(&[("openclaw.json", SLOW)]);
        watched.write("openclaw.json", "{agents: 5}");
        let errors = watched.next().await.unwrap_err();
        assert!(
            errors.to_string().contains("agents: expected an object"),
            "{errors}"
        );
        watched.write("openclaw.json", SLOW);
        watched.next().await.unwrap();
    }

    #[test]
    fn nothing_is_news_twice() {
        let Watched {
            dir: _dir,
            mut watch,
        } = Watched::new(&[("openclaw.json", SLOW)]);
        let reading = |text: &str| watch.source.load_text(text);
        let (same, wrong, other) = (reading(SLOW), reading("{agents: 5}"), reading("{}"));
        assert!(watch.news(same.clone()).is_none());
        assert!(watch.news(wrong.clone()).is_some());
        assert!(watch.news(wrong).is_none());
        assert!(watch.news(same.clone()).is_some());
        assert!(watch.news(same).is_none());
        assert!(watch.news(other.clone()).is_some());
        assert!(watch.news(other).is_none());
    }

    #[tokio::test]
    async fn included_files_and_variables_are_watched_too() {
        let mut watched = Watched::new(&[
            ("openclaw.json", "{session: {$include: 'part.json'}}"),
            ("part.json", "{mainKey: 'a'}"),
        ]);
        watched.write("part.json", "{mainKey: 'b'}");
        assert_eq!(watched.next().await.unwrap().session.main_key, "b");
        watched.write(".env", "OPENCLAW_GATEWAY_PORT=7");
        assert_eq!(watched.next().await.unwrap().gateway.port, 7);
    }

    #[tokio::test]
    async fn an_agent_comes_by_its_manual() {
        let mut watched = Watched::new(&[]);
        watched.write("workspace/qa-AGENTS.md", "# QA");
        assert_eq!(watched.next().await.unwrap().agents.len(), 2);
    }

    #[test]
    fn only_the_files_that_matter_count() {
        let Watched { dir, watch } = Watched::new(&[("openclaw.json", SLOW)]);
        let counts = |name: &str, kind| {
            let event = Event::new(kind).add_path(dir.path().join(name));
            lock(&watch.seen).counts(&event)
        };
        let modify = EventKind::Modify(ModifyKind::Any);
        let create = EventKind::Create(notify::event::CreateKind::File);
        let open = EventKind::Access(AccessKind::Open(AccessMode::Read));
        assert!(counts("openclaw.json", modify) && counts("openclaw.json", create));
        assert!(counts(".env", create) && counts("workspace/qa-AGENTS.md", create));
        assert!(!counts("openclaw.json", open), "our own reading");
        assert!(
            !counts("workspace/qa-AGENTS.md", modify),
            "manuals are read fresh anyway"
        );
        assert!(!counts("other.json", modify) && !counts("workspace/notes.md", create));
    }
}
