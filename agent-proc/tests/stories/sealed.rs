//! The real program, sealed, as a process.

use crate::supervisor::{ROOMY, start};
use ipc::agent::{FromAgent, ToAgent};
use ipc::link::Link;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::Stdio;
use tokio::process::{Child, Command};

fn spawn(stdin: Stdio) -> Child {
    Command::new(env!("CARGO_BIN_EXE_openclaw-agent"))
        .env_clear()
        .stdin(stdin)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn with_link() -> (Child, Link<ToAgent, FromAgent>) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let child = spawn(OwnedFd::from(theirs).into());
    (child, Link::from_fd(ours.into()).unwrap())
}

#[tokio::test]
async fn it_is_sealed_before_it_says_hello_and_serves_until_told_to_go() {
    let (mut child, mut link) = with_link();
    let hello = link.receiver.recv().await.unwrap();
    assert!(matches!(hello, FromAgent::Hello(_)));
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id().unwrap())).unwrap();
    for line in ["Seccomp:\t2", "NoNewPrivs:\t1", "CapEff:\t0000000000000000"] {
        assert!(status.contains(line), "{line} not in\n{status}");
    }
    let begin = ToAgent::Start(start(Vec::new(), ROOMY));
    link.sender.send(&begin).await.unwrap();
    let instructions = String::new();
    link.sender
        .send(&ToAgent::Compact { instructions })
        .await
        .unwrap();
    link.sender.send(&ToAgent::Shutdown).await.unwrap();
    assert_eq!(child.wait().await.unwrap().code(), Some(0));
}

#[tokio::test]
async fn a_closed_link_ends_it() {
    let (mut child, link) = with_link();
    drop(link);
    let code = child.wait().await.unwrap().code();
    // Cleanly, unless it was just about to say hello.
    assert!(matches!(code, Some(0 | 66)), "{code:?}");
}

#[tokio::test]
async fn started_by_hand_it_says_what_it_is() {
    let output = spawn(Stdio::null()).wait_with_output().await.unwrap();
    assert_eq!(output.status.code(), Some(64));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("started by the gateway"), "{said}");
}
