//! The control socket: whose it is, and where.

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use tests::cli::ended;
use tests::{Gateway, eventually, turn};

#[tokio::test]
async fn the_socket_is_its_owner_s_alone() {
    let gateway = Gateway::start().await;
    for (path, mode) in [("", 0o700), ("state", 0o700), ("state/control.sock", 0o600)] {
        let path = gateway.state_dir().join(path);
        // The harness made the first; the gateway, what is in it.
        if path != gateway.state_dir().join("") {
            let found = std::fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(found & 0o777, mode, "{}", path.display());
        }
    }
}

/// As another user, with the way there made free: only the socket's own walls are left.
#[tokio::test]
async fn another_user_is_not_heard() {
    if !nix::unistd::geteuid().is_root() {
        // Only root can be somebody else.
        return;
    }
    let gateway = Gateway::start().await;
    let open = |mode| std::fs::Permissions::from_mode(mode);
    for folder in [
        gateway.home().to_owned(),
        gateway.state_dir(),
        gateway.state_dir().join("state"),
    ] {
        std::fs::set_permissions(folder, open(0o755)).unwrap();
    }
    let program = gateway.home().join("openclaw");
    std::fs::copy(gateway.program("openclaw"), &program).unwrap();
    std::fs::set_permissions(&program, open(0o755)).unwrap();
    for (mode, words) in [(0o600, "another user's"), (0o666, "no gateway answers")] {
        std::fs::set_permissions(gateway.socket(), open(mode)).unwrap();
        let mut command = std::process::Command::new(&program);
        command
            .arg("health")
            .env_clear()
            .envs(gateway.environment())
            .uid(65534)
            .gid(65534)
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped());
        let mut command = tokio::process::Command::from(command);
        let ran = ended(command.spawn().unwrap()).await;
        assert_ne!(ran.code, 0, "{ran:?}");
        assert!(ran.err.contains(words), "{mode:o}: {ran:?}");
        assert_eq!(ran.out, "");
    }
    assert!(gateway.log().contains("refused another user's process"));
}

#[tokio::test]
async fn a_state_directory_may_be_far_away() {
    let far = format!("{}/é {}", "d".repeat(120), "e".repeat(60));
    let gateway = Gateway::setup().await.laid_out();
    let state = gateway.home().join(&far);
    std::fs::create_dir_all(&state).unwrap();
    std::fs::copy(
        gateway.state_dir().join("openclaw.json"),
        state.join("openclaw.json"),
    )
    .unwrap();
    gateway.model.always(turn().says("Yes."));
    let mut served = gateway.command(&["gateway"]);
    served.env("OPENCLAW_STATE_DIR", &state);
    let mut served = served.spawn().unwrap();
    let mut said = String::new();
    let mut err = tokio::io::BufReader::new(served.stderr.take().unwrap());
    while !said.contains("is listening on") {
        use tokio::io::AsyncBufReadExt as _;
        assert_ne!(err.read_line(&mut said).await.unwrap(), 0, "{said}");
    }
    let mut asked = gateway.command(&["agent", "-m", "hi"]);
    asked.env("OPENCLAW_STATE_DIR", &state);
    let ran = ended(asked.spawn().unwrap()).await;
    assert_eq!((ran.out.as_str(), ran.err.as_str()), ("Yes.\n", ""));
}

fn is_frozen(pid: u32) -> bool {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    threads.flatten().all(|thread| {
        let status = std::fs::read_to_string(thread.path().join("status")).unwrap_or_default();
        status.contains("\nState:\tT")
    })
}

#[tokio::test]
async fn a_gateway_that_hangs_is_told_from_none() {
    let gateway = Gateway::start().await;
    let process = gateway.process();
    process.freeze();
    // Thread by thread, as each is heard of by the scheduler.
    eventually!(is_frozen(process.pid));
    let ran = gateway.cli(&["health"]).await;
    gateway.process().thaw();
    assert_eq!(ran.code, 69, "{ran:?}");
    assert!(ran.err.contains("it says nothing"), "{ran:?}");
}
