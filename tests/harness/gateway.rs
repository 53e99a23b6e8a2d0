//! A real gateway: the real programs, a state directory of its own, a configuration to be shaped.

use crate::chat::{Chat, Control};
use crate::eventually;
use crate::model::{KEY, Model, Wire};
use crate::procfs::{self, Process};
use crate::telegram::{Bot, TOKEN, Telegram};
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, lchown};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use tempfile::TempDir;

/// The session everything goes to that names none.
pub const MAIN: &str = "agent:main:main";

/// A gateway, its folders, and the models it talks to. Dropped, it is killed, and the test fails if
/// that leaves a process behind.
#[derive(Debug)]
pub struct Gateway {
    /// The models.
    pub model: Model,
    telegram: Option<Telegram>,
    running: Option<Child>,
    home: TempDir,
    programs: TempDir,
    env: BTreeMap<String, String>,
    user: Option<u32>,
    keys: AtomicU64,
}

/// A gateway that is being set up.
#[derive(Debug)]
pub struct Setup {
    /// What becomes `openclaw.json`; no file at all when null.
    pub config: Value,
    env: BTreeMap<String, String>,
    files: Vec<(String, String)>,
    instead: BTreeMap<&'static str, &'static str>,
    user: Option<u32>,
    model: Model,
    telegram: Option<Telegram>,
}

impl Setup {
    /// Changes the configuration.
    #[must_use]
    pub fn config(mut self, change: impl FnOnce(&mut Value)) -> Self {
        change(&mut self.config);
        self
    }

    /// No configuration at all, and so no model.
    #[must_use]
    pub fn bare(mut self) -> Self {
        self.config = Value::Null;
        self
    }

    /// Models of another language: `one`, then `two`.
    #[must_use]
    pub fn speaking(self, wire: Wire) -> Self {
        let provider = wire.provider();
        self.config(|config| {
            config["agents"]["defaults"]["model"] = json!({
                "primary": format!("{provider}/one"), "fallbacks": [format!("{provider}/two")],
            });
        })
    }

    /// A bot on a Telegram of its own, whom everybody may write to in private; then `change` shapes
    /// `channels.telegram`.
    #[must_use]
    pub fn telegram(mut self, change: impl FnOnce(&mut Value)) -> Self {
        let server = Telegram::start();
        let mut telegram = json!({
            "enabled": true, "botToken": TOKEN, "apiRoot": server.root(),
            "dmPolicy": "open", "allowFrom": ["*"],
        });
        change(&mut telegram);
        self.config["channels"]["telegram"] = telegram;
        self.telegram = Some(server);
        self
    }

    /// A variable of the gateway's environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.insert(name.to_owned(), value.to_owned());
        self
    }

    /// A file of the state directory.
    #[must_use]
    pub fn file(mut self, path: &str, text: &str) -> Self {
        self.files.push((path.to_owned(), text.to_owned()));
        self
    }

    /// Another program in the place of one of ours: `openclaw-agent`, say.
    #[must_use]
    pub fn instead(mut self, of: &'static str, probe: &'static str) -> Self {
        self.instead.insert(of, probe);
        self
    }

    /// Runs as this user and group: for whoever is root here.
    #[must_use]
    pub fn run_by(mut self, user: u32) -> Self {
        self.user = Some(user);
        self
    }

    /// Everything laid out, and nothing running.
    #[must_use]
    pub fn laid_out(self) -> Gateway {
        let home = TempDir::with_prefix("oc-").unwrap();
        let programs = TempDir::with_prefix_in("programs-", built()).unwrap();
        let mut gateway = Gateway {
            model: self.model,
            telegram: self.telegram,
            running: None,
            env: self.env,
            user: self.user,
            home,
            programs,
            keys: AtomicU64::new(0),
        };
        for (name, program) in PROGRAMS {
            gateway.put_program(name, self.instead.get(name).unwrap_or(&program));
        }
        fs::create_dir(gateway.state_dir()).unwrap();
        for (path, text) in self.files {
            let path = gateway.state_dir().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        if !self.config.is_null() {
            gateway.write_config(&self.config);
        }
        gateway.hand_over();
        gateway
    }

    /// A running gateway.
    pub async fn start(self) -> Gateway {
        let mut gateway = self.laid_out();
        gateway.start_again().await;
        gateway
    }
}

/// Our programs by the names they have, and by those the tests build them under.
const PROGRAMS: [(&str, &str); 4] = [
    ("openclaw", "supervisor-dup"),
    ("openclaw-agent", "agent-proc-dup"),
    ("openclaw-toolbox", "toolbox-dup"),
    ("openclaw-jail", "jail-dup"),
];

/// Where cargo put the programs of this package: beside the folder of the test that runs.
fn built() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let folder = test.parent().unwrap();
    let folder = if folder.ends_with("deps") {
        folder.parent().unwrap()
    } else {
        folder
    };
    folder.to_owned()
}

impl Gateway {
    /// A running gateway with models to talk to.
    pub async fn start() -> Self {
        Self::setup().await.start().await
    }

    /// A gateway to be set up: three providers, one a language, and `fake/one` as the model.
    pub async fn setup() -> Setup {
        let model = Model::start().await;
        let models = || {
            ["one", "two"]
                .map(|id| json!({ "id": id, "contextWindow": 200_000, "maxTokens": 8192 }))
        };
        let providers: serde_json::Map<_, _> = Wire::ALL.into_iter().map(|wire| {
            let provider = json!({
                "baseUrl": model.base_url(wire), "apiKey": KEY, "api": wire.api(), "local": false,
                "models": models(),
            });
            (wire.provider().to_owned(), provider)
        }).collect();
        let config = json!({
            "models": { "providers": providers },
            "agents": { "defaults": { "model": { "primary": "fake/one" } } },
        });
        Setup {
            config,
            env: BTreeMap::new(),
            files: Vec::new(),
            instead: BTreeMap::new(),
            user: None,
            model,
            telegram: None,
        }
    }

    /// The Telegram of [`Setup::telegram`].
    #[must_use]
    pub fn telegram(&self) -> &Telegram {
        self.telegram.as_ref().expect("it was set up with Telegram")
    }

    /// The first bot of that Telegram, to be kept while the gateway is stopped and started.
    #[must_use]
    pub fn bot(&self) -> Bot {
        (**self.telegram()).clone()
    }

    // === where things are ===

    /// The folder that is `HOME`, with the state directory in it.
    #[must_use]
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// The state directory.
    #[must_use]
    pub fn state_dir(&self) -> PathBuf {
        self.home.path().join("s")
    }

    /// The main agent's workspace.
    #[must_use]
    pub fn workspace(&self) -> PathBuf {
        self.state_dir().join("workspace")
    }

    /// A file of the workspace; empty when there is none.
    #[must_use]
    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.workspace().join(path)).unwrap_or_default()
    }

    /// Writes a file of the workspace.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.workspace().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// The control socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.state_dir().join("state/control.sock")
    }

    /// One of the programs.
    #[must_use]
    pub fn program(&self, name: &str) -> PathBuf {
        self.programs.path().join(name)
    }

    /// The whole environment of the gateway and of commands.
    #[must_use]
    pub fn environment(&self) -> BTreeMap<String, String> {
        let mut env = self.env.clone();
        env.insert("HOME".into(), self.home().display().to_string());
        env.insert(
            "OPENCLAW_STATE_DIR".into(),
            self.state_dir().display().to_string(),
        );
        env.entry("PATH".into())
            .or_insert_with(|| std::env::var("PATH").unwrap_or_default());
        env.entry("OPENCLAW_LOG".into())
            .or_insert_with(|| "debug".into());
        // Any free one: many gateways run at a time.
        env.entry("OPENCLAW_GATEWAY_PORT".into())
            .or_insert_with(|| "0".into());
        env
    }

    /// Where its pages are, as soon as they are anywhere.
    pub async fn address(&self) -> std::net::SocketAddr {
        let began = std::time::Instant::now();
        loop {
            let health = self.health().await;
            let http = health.channels.iter().find(|part| part.name == "HTTP");
            let at = http.and_then(|part| {
                let (_, at) = part.detail.split_once("http://")?;
                at.strip_suffix(')')?.parse().ok()
            });
            if let Some(at) = at {
                return at;
            }
            assert!(
                began.elapsed() < crate::PATIENCE,
                "no pages:\n{}",
                self.log()
            );
            tokio::time::sleep(crate::eventually::LOOK_EVERY).await;
        }
    }

    /// Everything the gateway and its children have logged.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    fn log_file(&self) -> PathBuf {
        self.home().join("gateway.log")
    }

    /// Writes the configuration, at once and whole.
    pub fn write_config(&self, config: &Value) {
        self.write_config_text(&config.to_string());
    }

    /// Writes a configuration that need not be one.
    pub fn write_config_text(&self, text: &str) {
        let file = self.state_dir().join("openclaw.json");
        let new = file.with_extension("new");
        fs::write(&new, text).unwrap();
        fs::rename(new, file).unwrap();
    }

    /// The configuration file as it is now.
    #[must_use]
    pub fn config(&self) -> Value {
        serde_json::from_slice(&fs::read(self.state_dir().join("openclaw.json")).unwrap()).unwrap()
    }

    /// Changes the configuration file.
    pub fn change_config(&self, change: impl FnOnce(&mut Value)) {
        let mut config = self.config();
        change(&mut config);
        self.write_config(&config);
    }

    /// Puts a program of the tests in the place of one of ours, from the next start of it on.
    pub fn put_program(&mut self, name: &str, built_as: &str) {
        let (program, place) = (built().join(built_as), self.program(name));
        let _ = fs::remove_file(&place);
        if fs::hard_link(&program, &place).is_err() {
            fs::copy(&program, &place)
                .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        }
    }

    /// Puts our own program back.
    pub fn put_own(&mut self, name: &str) {
        let own = PROGRAMS
            .iter()
            .find(|(known, _)| *known == name)
            .expect("a program of ours");
        self.put_program(name, own.1);
    }

    /// Gives everything laid out so far to whoever runs the gateway.
    pub fn hand_over(&self) {
        if let Some(user) = self.user {
            fs::set_permissions(self.programs.path(), Permissions::from_mode(0o755)).unwrap();
            give(self.home(), user);
        }
    }

    // === starting and stopping ===

    /// Starts it, after it was stopped or killed; it answers when this returns.
    pub async fn start_again(&mut self) {
        self.spawn();
        eventually!(
            Control::connect(&self.socket()).await.is_ok() || self.has_left(),
            "the log:\n{}",
            self.log()
        );
        assert!(
            !self.has_left(),
            "the gateway left at once:\n{}",
            self.log()
        );
    }

    /// Starts it and does not wait.
    pub fn spawn(&mut self) {
        assert!(self.running.is_none(), "it runs");
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.log_file())
            .unwrap();
        let mut command = Command::new(self.program("openclaw"));
        command
            .arg("gateway")
            .env_clear()
            .envs(self.environment())
            .current_dir(self.home());
        command
            .stdin(Stdio::null())
            .stdout(Stdio::from(File::try_clone(&log).unwrap()))
            .stderr(log);
        if let Some(user) = self.user {
            command.uid(user).gid(user);
        }
        self.running = Some(command.spawn().unwrap());
    }

    /// Whether it ended by itself.
    pub fn has_left(&mut self) -> bool {
        self.running
            .as_mut()
            .is_none_or(|child| child.try_wait().unwrap().is_some())
    }

    /// Kills it, as power loss or the kernel would: nothing is told. Returns what it had started,
    /// all of which must be gone soon.
    pub fn kill9(&mut self) -> Vec<Process> {
        let family = self.tree();
        let mut child = self.running.take().expect("it runs");
        child.kill().unwrap();
        child.wait().unwrap();
        if let Some(telegram) = &self.telegram {
            telegram.client_died();
        }
        family
    }

    /// Kills it, sees that it leaves no process behind, and starts it again.
    pub async fn kill9_and_start_again(&mut self) {
        let family = self.kill9();
        eventually!(
            family.iter().all(|process| !process.is_alive()),
            "left behind: {:#?}",
            alive(&family)
        );
        self.start_again().await;
    }

    /// Asks it to stop with a signal, and waits until it has.
    pub async fn terminate(&mut self) -> ExitStatus {
        self.process().signal(Signal::SIGTERM);
        self.wait().await
    }

    /// Waits until it has left.
    pub async fn wait(&mut self) -> ExitStatus {
        eventually!(self.has_left(), "it goes on:\n{}", self.log());
        let mut child = self.running.take().expect("it ran");
        child.wait().unwrap()
    }

    /// Stops it in an orderly way and starts it again.
    pub async fn restart(&mut self) {
        let status = self.terminate().await;
        assert_eq!(
            (status.code(), status.signal()),
            (Some(0), None),
            "{}",
            self.log()
        );
        self.start_again().await;
    }

    // === its processes ===

    /// The supervisor.
    #[must_use]
    pub fn process(&self) -> Process {
        let child = self.running.as_ref().expect("it runs");
        Process::find(child.id()).expect("it is alive")
    }

    /// Everything it has started.
    #[must_use]
    pub fn tree(&self) -> Vec<Process> {
        self.running
            .as_ref()
            .and_then(|child| Process::find(child.id()))
            .map_or_else(Vec::new, |p| p.descendants())
    }

    /// The agent processes of a session; one at most, if all is well.
    #[must_use]
    pub fn agents(&self, session: &str) -> Vec<Process> {
        self.titled(&format!("openclaw-agent [{session}]"))
    }

    /// The agent process of a session, as soon as there is one.
    pub async fn agent(&self, session: &str) -> Process {
        eventually!(
            !self.agents(session).is_empty(),
            "no agent of {session}:\n{}",
            self.log()
        );
        self.agents(session).remove(0)
    }

    /// Its descendants with these words in their title.
    #[must_use]
    pub fn titled(&self, words: &str) -> Vec<Process> {
        self.tree()
            .into_iter()
            .filter(|process| process.title.contains(words))
            .collect()
    }

    // === people ===

    /// A connection to the control socket.
    pub async fn control(&self) -> Control {
        Control::connect(&self.socket())
            .await
            .unwrap_or_else(|error| panic!("{error}:\n{}", self.log()))
    }

    /// A person in the main session.
    #[must_use]
    pub fn chat(&self) -> Chat<'_> {
        self.chat_in(MAIN)
    }

    /// A person in another session.
    #[must_use]
    pub fn chat_in(&self, session: &str) -> Chat<'_> {
        Chat::new(self, session)
    }

    /// An idempotency key nobody has used.
    pub(crate) fn next_key(&self) -> String {
        format!("key-{}", self.keys.fetch_add(1, Ordering::Relaxed))
    }
}

/// Gives a folder and all in it to a user and group.
fn give(folder: &Path, user: u32) {
    lchown(folder, Some(user), Some(user)).unwrap();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            give(&entry.path(), user);
        } else {
            lchown(entry.path(), Some(user), Some(user)).unwrap();
        }
    }
}

fn alive(family: &[Process]) -> Vec<&Process> {
    family.iter().filter(|process| process.is_alive()).collect()
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let family = self.tree();
        if let Some(mut child) = self.running.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            family.iter().for_each(Process::kill9);
            let _ = writeln!(
                std::io::stderr(),
                "=== the gateway's log ===\n{}",
                self.log()
            );
            return;
        }
        let began = std::time::Instant::now();
        while !alive(&family).is_empty() && began.elapsed() < crate::PATIENCE {
            std::thread::sleep(crate::eventually::LOOK_EVERY);
        }
        let left = format!("{:#?}", alive(&family));
        family.iter().for_each(Process::kill9);
        assert_eq!(left, "[]", "a killed gateway left processes behind");
    }
}

/// Whether no process anywhere has these words in its title.
#[must_use]
pub fn nobody_is_called(words: &str) -> bool {
    procfs::titled(words).is_empty()
}
