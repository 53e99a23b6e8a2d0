//! A real gateway under measurement, and clients of its control socket.

use anyhow::{Context as _, Result, bail};
use ipc::control::{FinalReply, FromSupervisor, Submit, ToSupervisor};
use ipc::hello::Hello;
use ipc::id::SessionKey;
use ipc::link::Link;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tokio::net::UnixStream;

/// A gateway process and its state directory.
#[derive(Debug)]
pub(crate) struct Gateway {
    pub(crate) programs: PathBuf,
    pub(crate) state: tempfile::TempDir,
    pub(crate) child: Child,
    /// From its start until its control socket said hello.
    pub(crate) ready_after: Duration,
}

impl Gateway {
    pub(crate) async fn start(programs: &Path, base_url: &str) -> Result<Self> {
        Self::start_with(programs, &config(base_url)).await
    }

    /// One with a configuration of its own.
    pub(crate) async fn start_with(programs: &Path, config: &serde_json::Value) -> Result<Self> {
        let state = tempfile::tempdir()?;
        std::fs::write(state.path().join("openclaw.json"), config.to_string())?;
        let (child, ready_after) = launch(programs, state.path()).await?;
        Ok(Self {
            programs: programs.to_owned(),
            state,
            child,
            ready_after,
        })
    }

    /// Kills it without warning and starts another on the same state.
    pub(crate) async fn kill_and_restart(&mut self) -> Result<Instant> {
        self.child.kill()?;
        self.child.wait()?;
        let began = Instant::now();
        (self.child, self.ready_after) = launch(&self.programs, self.state.path()).await?;
        Ok(began)
    }

    pub(crate) async fn client(&self) -> Result<Client> {
        Client::connect(self.state.path()).await
    }

    pub(crate) fn workspace(&self) -> PathBuf {
        self.state.path().join("workspace")
    }
}

/// The instant model, and nothing else.
pub(crate) fn config(base_url: &str) -> serde_json::Value {
    serde_json::json!({
        "models": { "providers": { "mock": {
            "baseUrl": base_url, "apiKey": "bench", "api": "openai-completions",
            "models": [{ "id": "instant", "contextWindow": 1_000_000 }],
        } } },
        "agents": { "defaults": { "model": { "primary": "mock/instant" } } },
    })
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn launch(programs: &Path, state: &Path) -> Result<(Child, Duration)> {
    let began = Instant::now();
    let child = Command::new(programs.join("openclaw"))
        .arg("gateway")
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("OPENCLAW_STATE_DIR", state)
        .env("OPENCLAW_LOG", "error")
        .env("OPENCLAW_GATEWAY_PORT", "0")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("failed to start openclaw gateway")?;
    let deadline = began + Duration::from_secs(10);
    while Instant::now() < deadline {
        if Client::connect(state).await.is_ok() {
            return Ok((child, began.elapsed()));
        }
        tokio::time::sleep(Duration::from_micros(200)).await;
    }
    bail!("the gateway did not answer within 10 s")
}

/// A greeted connection.
pub(crate) struct Client {
    link: Link<ToSupervisor, FromSupervisor>,
}

impl Client {
    async fn connect(state: &Path) -> Result<Self> {
        let stream = UnixStream::connect(state.join("state").join("control.sock")).await?;
        let (reader, writer) = stream.into_split();
        let mut link = Link::new(reader, writer);
        link.sender
            .send(&ToSupervisor::Hello(Hello::ours()))
            .await?;
        link.receiver.recv().await?;
        Ok(Self { link })
    }

    /// Submits without waiting for the answer.
    pub(crate) async fn submit(&mut self, session: &str, text: &str) -> Result<()> {
        let submit = Submit {
            key: unique(),
            agent: None,
            session: Some(SessionKey::from(session)),
            text: text.to_owned(),
        };
        Ok(self.link.sender.send(&ToSupervisor::Submit(submit)).await?)
    }

    /// Waits for the answer of what was submitted.
    pub(crate) async fn answer(&mut self) -> Result<FinalReply> {
        loop {
            match self.link.receiver.recv().await? {
                FromSupervisor::Final(reply) => return Ok(reply),
                FromSupervisor::Refused(refusal) => bail!("refused: {refusal}"),
                _ => {}
            }
        }
    }

    /// One message, one answer.
    pub(crate) async fn say(&mut self, session: &str, text: &str) -> Result<FinalReply> {
        self.submit(session, text).await?;
        self.answer().await
    }
}

fn unique() -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!(
        "bench-{}-{}",
        std::process::id(),
        NEXT.fetch_add(1, Ordering::Relaxed)
    )
}
