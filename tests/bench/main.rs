//! `make bench`: the bars of the README, measured on a release build against a model on loopback
//! that answers at once. Prints a table and writes `target/bench.json`. Quote medians; the machine's
//! other work is in the spread.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::wildcard_enum_match_arm,
    reason = "a program that measures other programs"
)]

mod egress;
mod gateway;
mod mock;
mod procfs;
mod telegram;
mod walls;

use anyhow::{Context as _, Result};
use gateway::Gateway;
use mock::Mock;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// One row of the table.
struct Row {
    what: &'static str,
    bar: f64,
    unit: &'static str,
    runs: Vec<f64>,
}

impl Row {
    fn new(what: &'static str, bar: f64, unit: &'static str, mut runs: Vec<f64>) -> Self {
        runs.sort_by(f64::total_cmp);
        Self {
            what,
            bar,
            unit,
            runs,
        }
    }

    fn at(&self, part: f64) -> f64 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "an index into a short list"
        )]
        let index = ((self.runs.len().saturating_sub(1)) as f64 * part).round() as usize;
        self.runs.get(index).copied().unwrap_or(f64::NAN)
    }
}

fn main() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let rows = runtime.block_on(measure())?;
    print(&rows);
    write_json(&rows)
}

fn programs() -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    own.parent()
        .map(Path::to_owned)
        .context("the benchmark is in no folder")
}

async fn measure() -> Result<Vec<Row>> {
    let programs = programs()?;
    let mock = Mock::start().await?;
    // `bench telegram`: those rows alone.
    if std::env::args().nth(1).as_deref() == Some("telegram") {
        return telegram::rows(&programs, &mock).await;
    }
    let mut rows = Vec::new();
    rows.push(starts(&programs, &mock).await?);
    let gateway = Gateway::start(&programs, &mock.base_url).await?;
    std::fs::write(gateway.workspace().join("small.txt"), "a small file\n")?;
    rows.push(commands(
        &programs,
        &gateway,
        "openclaw --version",
        3.0,
        &["--version"],
    )?);
    rows.push(commands(
        &programs,
        &gateway,
        "openclaw health",
        8.0,
        &["health"],
    )?);
    rows.push(idle(&gateway).await);
    rows.push(spawn(&programs)?);
    rows.push(stream().await?);
    rows.extend(walls::rows(&programs)?);
    rows.extend(turns(&gateway, &mock).await?);
    rows.push(long_transcript(&gateway, &mock).await?);
    rows.push(more_sessions(&gateway).await?);
    drop(gateway);
    rows.push(resume(&programs, &mock).await?);
    rows.extend(many(&programs, &mock).await?);
    rows.push(accounting(&programs, &mock).await?);
    rows.extend(telegram::rows(&programs, &mock).await?);
    Ok(rows)
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

#[expect(clippy::cast_precision_loss, reason = "memory sizes")]
fn mib(bytes: u64) -> f64 {
    bytes as f64 / 1024.0 / 1024.0
}

async fn stream() -> Result<Row> {
    let parts = egress::throughput().await?;
    let times = parts.iter().map(|part| part.recip()).collect();
    let what = "a stream through the proxy, over a direct one";
    Ok(Row::new(what, 2.0, "×", times))
}

async fn starts(programs: &Path, mock: &Mock) -> Result<Row> {
    let mut runs = Vec::new();
    // Restarts on a state that exists, as a person's would.
    let mut gateway = Gateway::start(programs, &mock.base_url).await?;
    for _ in 0..15 {
        gateway.kill_and_restart().await?;
        runs.push(ms(gateway.ready_after));
    }
    Ok(Row::new(
        "gateway start → control socket answers",
        20.0,
        "ms",
        runs,
    ))
}

fn commands(
    programs: &Path,
    gateway: &Gateway,
    what: &'static str,
    bar: f64,
    args: &[&str],
) -> Result<Row> {
    let mut runs = Vec::new();
    for _ in 0..40 {
        let began = Instant::now();
        let status = Command::new(programs.join("openclaw"))
            .args(args)
            .env("OPENCLAW_STATE_DIR", gateway.state.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()?;
        anyhow::ensure!(status.success(), "{what} failed");
        runs.push(ms(began.elapsed()));
    }
    Ok(Row::new(what, bar, "ms", runs))
}

/// When its start is over, and what only that needed is given back.
async fn idle(gateway: &Gateway) -> Row {
    tokio::time::sleep(Duration::from_secs(10)).await;
    let pss = mib(procfs::tree_pss(gateway.child.id()));
    Row::new("idle gateway, whole tree, PSS", 12.0, "MiB", vec![pss])
}

/// From spawn to the sealed agent's hello, over and over.
fn spawn(programs: &Path) -> Result<Row> {
    use std::io::Read as _;
    use std::os::fd::OwnedFd;
    let mut runs = Vec::new();
    for _ in 0..60 {
        let (mut ours, theirs) = std::os::unix::net::UnixStream::pair()?;
        let began = Instant::now();
        let mut child = Command::new(programs.join("openclaw-agent"))
            .env_clear()
            .stdin(OwnedFd::from(theirs))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        ours.read_exact(&mut [0; 4])?;
        runs.push(ms(began.elapsed()));
        drop(ours);
        child.wait()?;
    }
    Ok(Row::new("spawn → sealed agent ready", 3.0, "ms", runs))
}

async fn turns(gateway: &Gateway, mock: &Mock) -> Result<Vec<Row>> {
    let plain = kind(gateway, mock, "agent:main:plain", "say something").await?;
    let exec = kind(gateway, mock, "agent:main:exec", "bench-exec").await?;
    let read = kind(gateway, mock, "agent:main:read", "bench-read").await?;
    Ok(vec![
        Row::new(
            "turn without tools, overhead, warm",
            3.0,
            "ms",
            plain.overhead,
        ),
        Row::new("turn without tools, CPU", 3.0, "ms", vec![plain.cpu]),
        Row::new(
            "turn with one exec echo hi, overhead",
            12.0,
            "ms",
            exec.overhead,
        ),
        Row::new(
            "turn with one exec echo hi, CPU",
            10.0,
            "ms",
            vec![exec.cpu],
        ),
        Row::new(
            "read of a small file, answer → next request",
            2.0,
            "ms",
            read.between,
        ),
    ])
}

/// One kind of turn, many times.
struct Kind {
    overhead: Vec<f64>,
    between: Vec<f64>,
    cpu: f64,
}

async fn kind(gateway: &Gateway, mock: &Mock, session: &str, text: &str) -> Result<Kind> {
    const RUNS: u32 = 60;
    let mut client = gateway.client().await?;
    for _ in 0..3 {
        client.say(session, text).await?;
    }
    let before = procfs::tree_cpu(gateway.child.id());
    let (mut overhead, mut between) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        mock.take();
        let began = Instant::now();
        let reply = client.say(session, text).await?;
        let took = began.elapsed();
        anyhow::ensure!(reply.text == "All done.", "{text}: {}", reply.text);
        let seen = mock.take();
        let model: Duration = seen.iter().map(|seen| seen.answered - seen.asked).sum();
        overhead.push(ms(took.saturating_sub(model)));
        for two in seen.windows(2) {
            between.push(ms(two[1].asked.saturating_duration_since(two[0].answered)));
        }
    }
    let cpu = procfs::tree_cpu(gateway.child.id()).saturating_sub(before) / RUNS;
    Ok(Kind {
        overhead,
        between,
        cpu: ms(cpu),
    })
}

/// The same turn on a transcript of about 150,000 tokens.
async fn long_transcript(gateway: &Gateway, mock: &Mock) -> Result<Row> {
    let mut client = gateway.client().await?;
    let session = "agent:main:long";
    let paragraph = "All work and no play makes a long transcript. ".repeat(400);
    for _ in 0..33 {
        client.say(session, &paragraph).await?;
    }
    let kind = kind(gateway, mock, session, "say something").await?;
    Ok(Row::new(
        "turn without tools on 150,000 tokens",
        10.0,
        "ms",
        kind.overhead,
    ))
}

async fn more_sessions(gateway: &Gateway) -> Result<Row> {
    let before = procfs::tree_pss(gateway.child.id());
    let mut client = gateway.client().await?;
    for i in 0..50 {
        client
            .say(&format!("agent:main:idle-{i}"), "say something")
            .await?;
    }
    let after = procfs::tree_pss(gateway.child.id());
    Ok(Row::new(
        "one more live idle session, PSS (of 50)",
        1.0,
        "MiB",
        vec![mib(after - before) / 50.0],
    ))
}

/// `kill -9` of the gateway while the model thinks; the new one asks the model again.
async fn resume(programs: &Path, mock: &Mock) -> Result<Row> {
    let mut runs = Vec::new();
    for i in 0..10 {
        let mut gateway = Gateway::start(programs, &mock.base_url).await?;
        let mut client = gateway.client().await?;
        let session = format!("agent:main:resume-{i}");
        client.say(&session, "say something").await?;
        client.submit(&session, "bench-slow").await?;
        // Noted when answered: the request is out when the agent's process has been told, so give
        // the accepted message a moment to become a turn.
        tokio::time::sleep(Duration::from_millis(100)).await;
        mock.take();
        let began = gateway.kill_and_restart().await?;
        while mock.count() == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
            anyhow::ensure!(
                began.elapsed() < Duration::from_secs(10),
                "the turn was not resumed"
            );
        }
        // The killed gateway's own request is answered as well; the resumed one is the later.
        let deadline = Instant::now() + Duration::from_millis(1200);
        while mock.count() < 2 && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let last = mock.take().into_iter().map(|seen| seen.asked).max();
        runs.push(last.map_or(f64::NAN, |asked| ms(asked.saturating_duration_since(began))));
    }
    Ok(Row::new(
        "kill -9 in mid-turn → resumed after start",
        100.0,
        "ms",
        runs,
    ))
}

/// What it costs to watch 100 sessions that have processes and do nothing.
async fn accounting(programs: &Path, mock: &Mock) -> Result<Row> {
    let gateway = Gateway::start(programs, &mock.base_url).await?;
    let mut client = gateway.client().await?;
    for i in 0..100 {
        client
            .say(&format!("agent:main:watched-{i}"), "say something")
            .await?;
    }
    let mut runs = Vec::new();
    for _ in 0..3 {
        let before = procfs::cpu(gateway.child.id());
        let began = Instant::now();
        tokio::time::sleep(Duration::from_secs(5)).await;
        let used = procfs::cpu(gateway.child.id()).saturating_sub(before);
        runs.push(100.0 * used.as_secs_f64() / began.elapsed().as_secs_f64());
    }
    let what = "accounting of 100 sessions at 1 Hz, of a core";
    Ok(Row::new(what, 1.0, "%", runs))
}

/// 200 sessions at once with a model that takes a second.
async fn many(programs: &Path, mock: &Mock) -> Result<Vec<Row>> {
    let gateway = Gateway::start(programs, &mock.base_url).await?;
    let mut clients = Vec::new();
    for _ in 0..200 {
        clients.push(gateway.client().await?);
    }
    let began = Instant::now();
    let mut talks = tokio::task::JoinSet::new();
    for (i, mut client) in clients.into_iter().enumerate() {
        talks.spawn(async move {
            client
                .say(&format!("agent:main:many-{i}"), "bench-slow")
                .await
        });
    }
    let mut most = 0;
    let mut look = tokio::time::interval(Duration::from_millis(400));
    loop {
        tokio::select! {
            _ = look.tick() => most = most.max(procfs::tree_pss(gateway.child.id())),
            talk = talks.join_next() => match talk {
                Some(talk) => { talk??; }
                None => break,
            },
        }
    }
    let took = began.elapsed().as_secs_f64();
    most = most.max(procfs::tree_pss(gateway.child.id()));
    Ok(vec![
        Row::new(
            "200 sessions at once, 1 s model, all answered",
            2.5,
            "s",
            vec![took],
        ),
        Row::new("the same, PSS", 300.0, "MiB", vec![mib(most)]),
    ])
}

fn print(rows: &[Row]) {
    println!(
        "{:<48} {:>9} {:>9} {:>9}   {:>7}",
        "what", "median", "p10", "p90", "bar"
    );
    for row in rows {
        let missed = if row.at(0.5) > row.bar {
            "  MISSED"
        } else {
            ""
        };
        println!(
            "{:<48} {:>9.2} {:>9.2} {:>9.2}   {:>7} {}{missed}",
            row.what,
            row.at(0.5),
            row.at(0.1),
            row.at(0.9),
            row.bar,
            row.unit,
        );
    }
}

fn write_json(rows: &[Row]) -> Result<()> {
    let rows: Vec<_> = rows
        .iter()
        .map(|row| {
            serde_json::json!({
                "what": row.what, "unit": row.unit, "bar": row.bar, "median": row.at(0.5),
                "p10": row.at(0.1), "p90": row.at(0.9), "runs": row.runs.len(),
            })
        })
        .collect();
    let target = programs()?
        .parent()
        .map(Path::to_owned)
        .context("no target folder")?;
    std::fs::write(
        target.join("bench.json"),
        serde_json::to_string_pretty(&rows)?,
    )?;
    Ok(())
}
