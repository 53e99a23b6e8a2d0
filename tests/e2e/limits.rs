//! Programs that take all they can get: each ends, the person reads why, and the gateway and another
//! session do not notice.

use serde_json::{Value, json};
use std::fs;
use std::time::Instant;
use tests::{Gateway, eventually};

/// The other session, and a command of it that must outlive everything.
const OTHER: &str = "agent:main:other";
const BYSTANDER: &str = "sleep 86399";

/// A gateway with these limits, a hog in its workspace, and another session that runs something.
async fn with_limits(limits: Value) -> Gateway {
    let setup = Gateway::setup().await.config(|config| {
        config["sandbox"] = json!({ "limits": limits });
        config["tools"] = json!({ "exec": { "backgroundMs": 30_000 } });
    });
    let gateway = setup.start().await;
    let hog = std::env::var("OPENCLAW_HOG").unwrap_or(env!("CARGO_BIN_EXE_hog").into());
    fs::copy(hog, gateway.workspace().join("hog")).unwrap();
    let arguments = json!({ "command": BYSTANDER, "background": true });
    let begun = gateway.chat_in(OTHER).calls("exec", arguments).await;
    assert!(begun.contains("still running in the background"), "{begun}");
    gateway
}

/// The gateway answers, the other session's command still runs, and both sessions can run more.
async fn check_others(gateway: &Gateway) {
    assert!(gateway.health().await.ok, "{:?}", gateway.health().await);
    assert_eq!(
        gateway.titled(BYSTANDER).len(),
        1,
        "the other session was hit"
    );
    let other = gateway
        .chat_in(OTHER)
        .calls("exec", json!({ "command": "echo here" }))
        .await;
    assert_eq!(other, "here\n");
    assert_eq!(gateway.chat().runs("echo again").await, "again\n");
}

/// A command that is over a limit is stopped, with what it had started.
async fn check_stopped(limits: Value, command: &str, why: &str) {
    let gateway = with_limits(limits).await;
    let outcome = gateway.chat().runs(command).await;
    assert!(
        outcome.contains(&format!("[stopped: {why}")) && outcome.ends_with(']'),
        "{outcome:?}\n{}",
        gateway.log()
    );
    eventually!(gateway.titled("./hog").is_empty());
    check_others(&gateway).await;
    let audited = fs::read_to_string(gateway.state_dir().join("logs/audit.jsonl")).unwrap();
    let line = audited.lines().find(|line| line.contains("\"limit\""));
    assert!(line.is_some_and(|line| line.contains(why)), "{audited}");
}

#[tokio::test]
async fn memory_of_its_own() {
    let limits = json!({ "memory": "96mb" });
    check_stopped(
        limits,
        "echo begun; ./hog malloc 400",
        "96.0 MiB memory limit",
    )
    .await;
}

#[tokio::test]
async fn memory_of_many() {
    let limits = json!({ "memory": "96mb" });
    let command = "for n in 1 2 3 4 5 6; do ./hog malloc 30 & done; wait";
    check_stopped(limits, command, "96.0 MiB memory limit").await;
}

#[tokio::test]
async fn memory_in_a_memfd() {
    let limits = json!({ "memory": "96mb" });
    check_stopped(limits, "./hog memfd 400", "96.0 MiB memory limit").await;
}

#[tokio::test]
async fn memory_in_shared_maps() {
    let limits = json!({ "memory": "96mb" });
    let command = "exec python3 -c 'import mmap, time; m = mmap.mmap(-1, 400 << 20)\n\
        for _ in range(400): m.write(b\"x\" * (1 << 20))\ntime.sleep(86400)'";
    check_stopped(limits, command, "96.0 MiB memory limit").await;
}

#[tokio::test]
async fn memory_in_tmp() {
    let limits = json!({ "memory": "96mb", "tmp": "1gb" });
    check_stopped(limits, "./hog file 400 /tmp/large", "96.0 MiB memory limit").await;
}

#[tokio::test]
async fn a_fork_bomb() {
    let limits = json!({ "processes": 64 });
    check_stopped(limits, "./hog forks", "limit of 64 processes").await;
}

#[tokio::test]
async fn a_full_disk() {
    let limits = json!({ "disk": "32mb" });
    check_stopped(limits, "./hog file 200", "32.0 MiB disk limit").await;
}

#[tokio::test]
async fn too_much_time() {
    let limits = json!({ "wallSeconds": 1 });
    let gateway = with_limits(json!({})).await;
    gateway.change_config(|config| config["sandbox"]["limits"] = limits);
    eventually!(gateway.log().contains("wallSeconds"));
    let outcome = gateway.chat().runs("./hog wait").await;
    assert!(
        outcome.ends_with("[stopped: 1 s time limit]"),
        "{outcome:?}"
    );
    eventually!(gateway.titled("./hog").is_empty());
}

#[tokio::test]
async fn open_files() {
    let gateway = with_limits(json!({ "openFiles": 128 })).await;
    let outcome = gateway.chat().runs("./hog files").await;
    let opened = outcome
        .lines()
        .find_map(|line| line.strip_prefix("hog: opened "));
    let opened: u32 = opened.unwrap().parse().unwrap();
    assert!((100..128).contains(&opened), "{outcome}");
    check_others(&gateway).await;
}

#[tokio::test]
async fn all_the_cpu() {
    let gateway = with_limits(json!({})).await;
    let hogs = json!({ "command": "for n in 1 2 3 4; do ./hog spin 600 & done; wait", "background": true });
    let begun = gateway.chat_in(tests::MAIN).calls("exec", hogs).await;
    assert!(begun.contains("still running in the background"), "{begun}");
    eventually!(gateway.titled("./hog spin").len() >= 4);
    let began = Instant::now();
    check_others(&gateway).await;
    assert!(began.elapsed() < tests::PATIENCE);
    gateway.chat().resets().await;
    eventually!(gateway.titled("./hog").is_empty());
}

#[tokio::test]
async fn a_daemon_that_forks_twice() {
    let gateway = with_limits(json!({})).await;
    let outcome = gateway.chat().runs("./hog daemon; echo left").await;
    assert!(outcome.contains("left"), "{outcome}");
    eventually!(gateway.titled("./hog").is_empty());
    eventually!(tests::procfs::titled("hog daemon twice").is_empty());
    check_others(&gateway).await;
}

#[tokio::test]
async fn two_hundred_megabytes_of_output() {
    let gateway = with_limits(json!({})).await;
    let before = gateway.process().pss();
    let outcome = gateway.chat().runs("./hog print 200").await;
    assert!(outcome.contains("bytes dropped"), "{}", outcome.len());
    assert!(outcome.len() < 300_000, "{}", outcome.len());
    assert!(outcome.ends_with("hog: done\n"), "its end is kept");
    let grown = gateway.process().pss().saturating_sub(before);
    assert!(grown < 64 << 20, "the gateway grew by {grown}");
    check_others(&gateway).await;
}

#[tokio::test]
async fn who_hears_no_word_to_end() {
    let gateway = with_limits(json!({})).await;
    let arguments = json!({ "command": "./hog deaf", "timeout": 1 });
    let outcome = gateway.chat_in(tests::MAIN).calls("exec", arguments).await;
    assert!(outcome.contains("ran longer than its timeout"), "{outcome}");
    eventually!(gateway.titled("./hog").is_empty());
    check_others(&gateway).await;
}

#[tokio::test]
async fn who_is_limited_is_told_how() {
    let gateway = with_limits(json!({ "memory": "96mb" })).await;
    let limits = gateway.health().await.walls.limits;
    let enforced = limits.starts_with("enforced");
    assert!(enforced || limits.starts_with("sampled"), "{limits}");
    let must_be = std::env::var_os("OPENCLAW_NEEDS_CGROUP").is_some();
    assert!(enforced || !must_be, "{limits}");
}
