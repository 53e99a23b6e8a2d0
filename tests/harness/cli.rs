//! The program `openclaw`, run as a person or a script runs it.

use crate::gateway::Gateway;
use crate::procfs::Process;
use serde::de::DeserializeOwned;
use std::process::Stdio;
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, Command};

/// What a command printed, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// Its exit code; -1 when a signal ended it.
    pub code: i32,
    /// Its standard output.
    pub out: String,
    /// Its standard error.
    pub err: String,
}

impl Ran {
    /// Its output, of a command that must have succeeded.
    ///
    /// # Panics
    /// When it failed; says what it said.
    #[must_use]
    pub fn ok(self) -> String {
        assert_eq!(self.code, 0, "it failed: {self:#?}");
        self.out
    }

    /// Its output, read as JSON, of a command that must have succeeded.
    ///
    /// # Panics
    /// When it failed, or printed something else.
    #[must_use]
    pub fn json<T: DeserializeOwned>(self) -> T {
        let text = self.ok();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {text}"))
    }
}

impl Gateway {
    /// Runs a command on this gateway's state directory, with nothing to read.
    pub async fn cli(&self, args: &[&str]) -> Ran {
        self.cli_reading(args, "").await
    }

    /// Runs a command that is given `input` to read; it need not be text.
    pub async fn cli_reading(&self, args: &[&str], input: impl AsRef<[u8]>) -> Ran {
        let mut child = self.cli_begins(args);
        let mut stdin = child.stdin.take().unwrap();
        // One that does not read its input closes it.
        let _ = stdin.write_all(input.as_ref()).await;
        drop(stdin);
        ended(child).await
    }

    /// Starts a command and leaves it running; its standard input is open.
    #[must_use]
    pub fn cli_begins(&self, args: &[&str]) -> Child {
        self.command(args).spawn().unwrap()
    }

    /// A command to be started, with pipes to speak and hear through.
    #[must_use]
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(self.program("openclaw"));
        command
            .args(args)
            .env_clear()
            .envs(self.environment())
            .current_dir(self.home())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }
}

/// A command that runs, as the kernel knows it.
#[must_use]
pub fn process(child: &Child) -> Process {
    let pid = child.id().expect("it was not waited for");
    Process::find(pid).expect("it runs")
}

/// Waits for a command that was left running.
pub async fn ended(child: Child) -> Ran {
    let output = tokio::time::timeout(crate::PATIENCE * 2, child.wait_with_output()).await;
    let output = output.expect("the command ends").unwrap();
    Ran {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}
