//! Real processes, sampled: what is over a limit ends, is told why, and nobody else notices.

#![expect(
    clippy::disallowed_methods,
    reason = "the processes are started by the test, as tool_host would"
)]

use super::{Guard, Kind, MOST_GONE, Meter, SessionMeter};
use crate::audit::Audit;
use crate::config::Limits;
use crate::store::Store;
use ipc::id::{AgentId, JobId, SessionKey};
use ipc::model::Usage;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

const MIB: u64 = 1 << 20;

/// A running meter and where its things are.
struct Stage {
    home: tempfile::TempDir,
    meter: Meter,
    stop: CancellationToken,
}

impl Stage {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let store = Store::open(&home.path().join("state.sqlite")).unwrap();
        let why = "a test".to_owned();
        let meter = Meter::with(store, Audit::nowhere(), None, why);
        let stop = CancellationToken::new();
        std::fs::create_dir(home.path().join("workspace")).unwrap();
        Self { home, meter, stop }
    }

    fn workspace(&self) -> std::path::PathBuf {
        self.home.path().join("workspace")
    }

    fn session(&self, name: &str, limits: &Limits) -> SessionMeter {
        let key = SessionKey(format!("agent:main:{name}"));
        let session = self.meter.session(&key, &AgentId::from("main"));
        session.configure(limits, &self.workspace());
        session
    }
}

fn no_limits() -> Limits {
    Limits {
        memory: None,
        processes: None,
        disk: None,
        wall: None,
        ..Limits::default()
    }
}

fn start(session: &SessionMeter, program: &str, args: &[&str], folder: &Path) -> (Child, Guard) {
    let child = Command::new(program)
        .args(args)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let kind = Kind::Tool {
        name: "exec".into(),
        job: JobId::from("job-1"),
    };
    let guard = session.process_started(child.id().try_into().unwrap(), kind);
    (child, guard)
}

/// Runs a story beside the meter's task.
fn run(stage: &Stage, story: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut tasks = tokio::task::JoinSet::new();
        tasks.spawn(stage.meter.clone().run(stage.stop.clone()));
        story.await;
        stage.stop.cancel();
        tasks.join_all().await;
    });
}

/// Waits for a child on a thread of its own.
async fn left(mut child: Child) {
    tokio::task::spawn_blocking(move || child.wait().unwrap())
        .await
        .unwrap();
}

/// A tool that is over its limit ends for that reason, and a bystander does not.
fn check(limits: Limits, script: &str, why: &str) {
    let stage = Stage::new();
    run(&stage, async {
        let calm = stage.session("calm", &limits);
        let (mut bystander, bystands) = start(&calm, "sleep", &["1000"], stage.home.path());
        let wild = stage.session("wild", &limits);
        let (child, guard) = start(&wild, "python3", &["-c", script], &stage.workspace());
        left(child).await;
        assert_eq!(guard.ended(None).as_deref(), Some(why));
        assert!(
            bystander.try_wait().unwrap().is_none(),
            "the other one was ended too"
        );
        bystander.kill().unwrap();
        left(bystander).await;
        assert_eq!(bystands.ended(None), None);
    });
}

#[test]
fn who_takes_too_much_memory_is_ended() {
    let limits = Limits {
        memory: Some(64 * MIB),
        ..no_limits()
    };
    let script = "import time; x = bytearray(300 << 20); time.sleep(1000)";
    check(limits, script, "64.0 MiB memory limit");
}

#[test]
fn shared_memory_is_memory() {
    let limits = Limits {
        memory: Some(64 * MIB),
        ..no_limits()
    };
    let script = "import mmap, time; x = mmap.mmap(-1, 200 << 20); x.write(b'a' * (200 << 20)); \
        time.sleep(1000)";
    check(limits, script, "64.0 MiB memory limit");
}

#[test]
fn a_memfd_that_nobody_maps_is_memory() {
    let limits = Limits {
        memory: Some(64 * MIB),
        ..no_limits()
    };
    let script = "import os, time\nf = os.memfd_create('x')\n\
        for _ in range(150): os.write(f, bytes(1 << 20))\ntime.sleep(1000)";
    check(limits, script, "64.0 MiB memory limit");
}

#[test]
fn who_fills_the_disk_is_ended() {
    let limits = Limits {
        disk: Some(16 * MIB),
        ..no_limits()
    };
    let script = "import os, time\nf = open('f', 'wb')\n\
        for _ in range(64): f.write(os.urandom(1 << 20))\nf.flush()\ntime.sleep(1000)";
    check(limits, script, "16.0 MiB disk limit");
}

#[test]
fn who_starts_too_many_is_ended() {
    let limits = Limits {
        processes: Some(8),
        ..no_limits()
    };
    let script = "import threading, time\n\
        for _ in range(20): threading.Thread(target=time.sleep, args=(1000,)).start()";
    check(limits, script, "limit of 8 processes");
}

#[test]
fn who_takes_too_long_is_ended() {
    let limits = Limits {
        wall: Some(Duration::from_secs(1)),
        ..no_limits()
    };
    let stage = Stage::new();
    run(&stage, async {
        let session = stage.session("slow", &limits);
        let (child, guard) = start(&session, "sleep", &["1000"], stage.home.path());
        left(child).await;
        assert_eq!(guard.ended(None).as_deref(), Some("1 s time limit"));
    });
}

#[test]
fn memory_that_is_shared_by_a_fork_is_counted_once() {
    let limits = Limits {
        memory: Some(160 * MIB),
        ..no_limits()
    };
    // Four processes with the same 80 MiB, which each one's figures show.
    let script = "import os, time\nx = bytearray(80 << 20)\n\
        for _ in range(3):\n  if os.fork() == 0: time.sleep(2); os._exit(0)\n\
        time.sleep(2)\nfor _ in range(3): os.wait()";
    let stage = Stage::new();
    run(&stage, async {
        let session = stage.session("forks", &limits);
        let (child, guard) = start(&session, "python3", &["-c", script], stage.home.path());
        left(child).await;
        assert_eq!(guard.ended(None), None);
        let report = stage.meter.inner.accounts();
        let peak = report.values().next().unwrap().lock().memory_peak;
        assert!(
            peak > 80 * MIB && peak < 160 * MIB,
            "{}",
            super::words(peak)
        );
    });
}

#[test]
fn what_was_used_is_told_and_kept() {
    let stage = Stage::new();
    run(&stage, async {
        let session = stage.session("busy", &no_limits());
        let script = "import time\nend = time.process_time() + 0.3\n\
            while time.process_time() < end: pass\ntime.sleep(1000)";
        let (mut child, guard) = start(&session, "python3", &["-c", script], stage.home.path());
        session.model_called(
            Usage {
                input: 7,
                output: 5,
                cached: 0,
            },
            Some(0.25),
        );
        session.model_called(
            Usage {
                input: 1,
                output: 1,
                cached: 0,
            },
            None,
        );
        let used = loop {
            let report = stage.meter.report();
            let used = &report.sessions[0];
            if used.cpu_ms >= 300 && !used.history.is_empty() {
                break used.clone();
            }
            tokio::task::yield_now().await;
        };
        assert_eq!(used.processes, 1);
        assert_eq!(
            (used.model_calls, used.tokens_in, used.tokens_out),
            (2, 8, 6)
        );
        assert_eq!(used.cost, Some(0.25));
        assert!(used.memory > MIB && used.memory_peak >= used.memory);
        assert_eq!(used.tool.unwrap().job, Some(JobId::from("job-1")));
        let inspected = stage.meter.inspect(&used.session).unwrap();
        assert_eq!(inspected.tree.len(), 1);
        assert!(inspected.tree[0].title.contains("python3"), "{inspected:?}");
        child.kill().unwrap();
        left(child).await;
        assert_eq!(guard.ended(Some(Duration::from_secs(9))), None);
        assert!(stage.meter.report().sessions.is_empty());
    });
    let store = stage.meter.inner.store.clone();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let key = SessionKey("agent:main:busy".into());
    let kept = runtime.block_on(store.history(&key, 0)).unwrap();
    let total: u64 = kept.iter().map(|row| row.cpu_ms).sum();
    assert_eq!(total, 9000, "{kept:?}");
}

#[test]
fn a_hundred_sessions_cost_less_than_a_hundredth_of_a_core() {
    let stage = Stage::new();
    let limits = Limits::default();
    let mut running = Vec::new();
    for n in 0..100 {
        let session = stage.session(&format!("{n}"), &limits);
        running.push(start(&session, "sleep", &["1000"], stage.home.path()));
    }
    let cpu = || {
        let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
        let nanos: u64 = stat.split(' ').next().unwrap().parse().unwrap();
        Duration::from_nanos(nanos)
    };
    // The first rounds read more, and find the disk.
    let mut now = Instant::now();
    for _ in 0..2 {
        now += Duration::from_secs(1);
        stage.meter.inner.round(now);
    }
    let before = cpu();
    for _ in 0..30 {
        now += Duration::from_secs(1);
        stage.meter.inner.round(now);
    }
    let each = (cpu() - before) / 30;
    eprintln!("a round over 100 sessions takes {each:?} of CPU");
    for (mut child, guard) in running {
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(guard.ended(None), None);
    }
    // Unoptimised code may take twice as long.
    assert!(each < Duration::from_millis(20), "{each:?}");
}

#[test]
fn of_those_who_are_gone_the_most_used_are_remembered() {
    let stage = Stage::new();
    let stays = stage.session("stays", &no_limits());
    for n in 0..MOST_GONE + 50 {
        let session = stage.session(&n.to_string(), &no_limits());
        let mut state = session.account.lock();
        state.begin(i32::MAX, Kind::Agent);
        state.end(i32::MAX, Some(Duration::from_millis(n as u64)));
    }
    stage.meter.inner.rows(0);
    let accounts = stage.meter.inner.accounts();
    assert_eq!(accounts.len(), MOST_GONE + 1);
    let knows = |name: &str| accounts.contains_key(&SessionKey(format!("agent:main:{name}")));
    assert!(knows("stays") && knows("50") && !knows("49"));
    drop(stays);
}
