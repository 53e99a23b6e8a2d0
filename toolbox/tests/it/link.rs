//! The link's manners: roles, order, and its end.

use crate::harness::{Toolbox, eventually, exec, runs, spawn, start_in};
use ipc::id::CallId;
use ipc::tool::{FromTool, ToTool};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::Read as _;

#[tokio::test]
async fn an_unknown_role_is_named() {
    for role in [&["cook"][..], &[]] {
        let (mut child, _link) = spawn(role);
        assert_eq!(child.wait().unwrap().code(), Some(1));
        let mut said = String::new();
        child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut said)
            .unwrap();
        assert!(said.contains("unknown role"), "{said}");
    }
}

#[tokio::test]
async fn a_link_that_ends_before_the_start_is_an_orderly_end() {
    let (mut child, link) = spawn(&["files"]);
    drop(link);
    assert_eq!(
        eventually(|| child.try_wait().unwrap()).await.code(),
        Some(0)
    );
}

#[tokio::test]
async fn a_call_before_the_start_is_a_broken_supervisor() {
    let (mut child, mut link) = spawn(&["exec"]);
    let run = ToTool::Run {
        call: CallId(1),
        args: exec("true"),
    };
    link.sender.send(&run).await.unwrap();
    assert!(matches!(link.receiver.recv().await, Ok(FromTool::Hello(_))));
    assert_eq!(
        eventually(|| child.try_wait().unwrap()).await.code(),
        Some(1)
    );
}

#[tokio::test]
async fn a_workspace_that_is_not_there_is_named() {
    let (mut child, mut link) = spawn(&["files"]);
    let start = start_in(std::path::Path::new("/no/such/workspace"));
    link.sender.send(&ToTool::Start(start)).await.unwrap();
    assert_eq!(
        eventually(|| child.try_wait().unwrap()).await.code(),
        Some(1)
    );
    let mut said = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    assert!(said.contains("/no/such/workspace"), "{said}");
}

#[tokio::test]
async fn the_end_of_the_link_ends_the_command_and_all_it_started() {
    let mut toolbox = Toolbox::exec().await;
    let script = "trap '' TERM; setsid sleep 1000 & echo $! >inner; echo $$ >outer; wait";
    toolbox.ask(exec(script)).await;
    let outer = toolbox.path("outer");
    let outer = eventually(|| read(&outer)).await;
    let inner = read(&toolbox.path("inner")).unwrap();
    assert_eq!(toolbox.hang_up().await.code(), Some(0));
    assert!(!runs(&outer) && !runs(&inner));
}

#[tokio::test]
async fn a_supervisor_that_talks_nonsense_ends_everything_too() {
    let (mut child, mut link) = spawn(&["exec"]);
    let folder = tempfile::tempdir().unwrap();
    let start = ToTool::Start(start_in(folder.path()));
    link.sender.send(&start).await.unwrap();
    let run = ToTool::Run {
        call: CallId(1),
        args: exec("echo $$ >pid; sleep 1000"),
    };
    link.sender.send(&run).await.unwrap();
    let path = folder.path().join("pid");
    let pid = eventually(|| read(&path)).await;
    link.sender.send(&start).await.unwrap();
    assert_eq!(
        eventually(|| child.try_wait().unwrap()).await.code(),
        Some(1)
    );
    assert!(!runs(&pid));
}

#[tokio::test]
async fn a_toolbox_that_is_terminated_ends_its_command_first() {
    let mut toolbox = Toolbox::exec().await;
    toolbox
        .background("setsid sleep 1000 & echo $! >pid; wait")
        .await;
    let path = toolbox.path("pid");
    let pid = eventually(|| read(&path)).await;
    let program = Pid::from_raw(toolbox.child.id().cast_signed());
    kill(program, Signal::SIGTERM).unwrap();
    assert_eq!(toolbox.exit().await.code(), Some(0));
    assert!(!runs(&pid));
}

fn read(path: &std::path::Path) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    text.ends_with('\n').then_some(text)
}
