//! What a configuration means, told with real files.

mod defaults;
mod environment;
mod include;
mod said;
mod telegram;
mod wrong;

use super::*;
use crate::config::keys::Field;
use crate::config::{Agent, Api, GatewayAuth, LogLevel, QueueMode, Thinking};
use ipc::id::AgentId;
use ipc::tool_args::{ExecAsk, ExecSecurity};
use proptest::prelude::*;
use secrecy::ExposeSecret;
use serde_json::json;
use std::fs;
use std::time::Duration;
use tempfile::TempDir;

/// A token of the shape bots have.
const TOKEN: &str = "123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw0";

/// A state directory with files in it.
struct Home {
    dir: TempDir,
    vars: Vec<(String, String)>,
}

impl Home {
    fn new(files: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let home = Self { dir, vars: vec![] };
        for (name, text) in files {
            home.write(name, text);
        }
        home
    }

    fn with(config: &str) -> Self {
        Self::new(&[("openclaw.json", config)])
    }

    fn set(mut self, name: &str, value: &str) -> Self {
        self.vars.push((name.into(), value.into()));
        self
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn source(&self) -> Source {
        let state = (
            "OPENCLAW_STATE_DIR".into(),
            self.dir.path().display().to_string(),
        );
        let env: Env = self.vars.iter().cloned().chain([state]).collect();
        Source::new(env, Path::new("/"))
    }

    fn load(&self) -> Config {
        self.source().load().unwrap()
    }

    /// The complaints, without the folder in front.
    fn errors(&self) -> String {
        self.told(&self.source().load().unwrap_err().to_string())
    }

    fn warnings(&self) -> String {
        let lines: Vec<_> = self
            .load()
            .warnings
            .iter()
            .map(ToString::to_string)
            .collect();
        self.told(&lines.join("\n"))
    }

    fn told(&self, text: &str) -> String {
        let dir = self.dir.path().display().to_string();
        text.replace(&format!("{dir}/"), "").replace(&dir, "STATE")
    }
}

fn load(config: &str) -> Config {
    Home::with(config).load()
}

fn agent<'a>(config: &'a Config, id: &str) -> &'a Agent {
    config.agent(&AgentId::from(id)).unwrap()
}
