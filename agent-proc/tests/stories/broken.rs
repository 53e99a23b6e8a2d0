//! A supervisor that misspeaks, and how the agent takes it: it ends, and says why.

use crate::supervisor::{ROOMY, Supervisor, calls, start};
use ipc::agent::ToAgent;
use ipc::id::{CallId, TurnId};
use ipc::refusal::RefusalKind;
use std::os::unix::net::UnixStream;
use tokio::io::AsyncWriteExt;

/// An agent that was sent `bytes` and then no more.
async fn code_after(bytes: &[u8]) -> u8 {
    let (ours, theirs) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    let link = ipc::link::Link::from_fd(theirs.into()).unwrap();
    let mut ours = tokio::net::UnixStream::from_std(ours).unwrap();
    ours.write_all(bytes).await.unwrap();
    ours.shutdown().await.unwrap();
    agent_proc::serve(link)
        .await
        .map_or_else(|fault| fault.code(), |()| 0)
}

#[tokio::test]
async fn bytes_that_are_no_frame_end_it_with_a_code_of_their_own() {
    assert_eq!(code_after(b"").await, 0);
    assert_eq!(code_after(b"\x05\0\0\0junk!").await, 65);
    assert_eq!(code_after(&[0xff; 64]).await, 65);
    assert_eq!(code_after(b"\x05\0\0\0ju").await, 66);
}

#[tokio::test]
async fn a_frame_out_of_place_ends_it() {
    let mut early = Supervisor::with_agent().await;
    early.send(ToAgent::Shutdown).await;
    assert_eq!(early.sees_exit().await.unwrap_err().code(), 65);

    let mut twice = Supervisor::started(0, ROOMY).await;
    twice.send(ToAgent::Start(start(Vec::new(), ROOMY))).await;
    assert_eq!(twice.sees_exit().await.unwrap_err().code(), 65);

    let mut second = Supervisor::started(0, ROOMY).await;
    second.begins(1).await;
    second.begins(2).await;
    assert_eq!(second.sees_exit().await.unwrap_err().code(), 65);
}

#[tokio::test]
async fn a_reply_to_what_was_never_asked_ends_it_and_a_second_reply_does_not() {
    let mut it = Supervisor::started(0, ROOMY).await;
    it.begins(1).await;
    let (ask, _) = it.hears_model_ask().await;
    it.answers(ask, calls(&[("exec", r#"{"command":"true"}"#)]))
        .await;
    let (tool, ..) = it.hears_tool_ask().await;
    it.ends_tool(tool).await;
    it.ends_tool(tool).await;
    it.hears_model_ask().await;
    it.refuses(CallId(99), RefusalKind::Denied).await;
    assert_eq!(it.sees_exit().await.unwrap_err().code(), 65);
}

#[tokio::test]
async fn a_reply_to_another_kind_of_ask_ends_it() {
    let mut it = Supervisor::started(0, ROOMY).await;
    it.begins(1).await;
    let (ask, _) = it.hears_model_ask().await;
    it.ends_tool(ask).await;
    assert_eq!(it.sees_exit().await.unwrap_err().code(), 65);
}

#[tokio::test]
async fn words_for_nobody_are_ignored() {
    let mut it = Supervisor::started(0, ROOMY).await;
    it.streams(CallId(4), "hello?").await;
    it.send(ToAgent::Steer { turn: TurnId(9) }).await;
    it.send(ToAgent::Cancel { turn: TurnId(9) }).await;
    it.send(ToAgent::Shutdown).await;
    it.sees_exit().await.unwrap();
}
