//! Histories that grow too long.

use crate::supervisor::{ROOMY, Supervisor, calls, says};
use ipc::agent::{ContextLimits, ToAgent, TurnOutcome};
use ipc::id::{ItemId, TurnId};
use ipc::refusal::RefusalKind;

#[tokio::test]
async fn a_full_context_is_folded_and_asked_once_more() {
    let mut it = Supervisor::started(8, ROOMY).await;
    it.begins(1).await;
    let (ask, _) = it.hears_model_ask().await;
    it.refuses(ask, RefusalKind::ContextFull).await;
    let (ask, through) = it.hears_summary_ask().await;
    assert!(through < ItemId(9), "the user's words are kept");
    it.summarizes(ask).await;
    let (ask, request) = it.hears_model_ask().await;
    assert_eq!(request.last, ItemId(10));
    it.answers(ask, says("Now it fits.")).await;
    it.hears_text("Now it fits.").await;
    assert_eq!(it.hears_end(1).await, TurnOutcome::Answered);
}

#[tokio::test]
async fn memory_is_written_unseen_before_history_is_folded() {
    let tight = ContextLimits {
        window: 4000,
        reserve: 1000,
        flush_margin: 500,
        memory_flush: true,
    };
    let mut it = Supervisor::started(12, tight).await;
    it.begins(1).await;
    let (ask, note) = it.hears_note().await;
    assert!(note.contains("MEMORY.md"), "{note}");
    it.stores_note(ask).await;

    let (ask, _) = it.hears_model_ask().await;
    it.streams(ask, "I shall write").await;
    it.answers(
        ask,
        calls(&[("write", r#"{"path":"MEMORY.md","content":""}"#)]),
    )
    .await;
    let (tool, ..) = it.hears_tool_ask().await;
    it.ends_tool(tool).await;
    let (ask, _) = it.hears_model_ask().await;
    it.answers(ask, says("NO_REPLY")).await;
    let (ask, note) = it.hears_note().await;
    assert!(note.contains("Go on"), "{note}");
    it.stores_note(ask).await;

    let (ask, _) = it.hears_summary_ask().await;
    it.streams(ask, "The user").await;
    it.summarizes(ask).await;
    let (ask, _) = it.hears_model_ask().await;
    it.answers(ask, says("As I said.")).await;
    it.hears_text("As I said.").await;
    assert_eq!(it.hears_end(1).await, TurnOutcome::Answered);
}

#[tokio::test]
async fn asked_to_fold_while_idle_it_folds_and_a_turn_waits_for_it() {
    let mut it = Supervisor::started(6, ROOMY).await;
    let compact = ToAgent::Compact {
        instructions: "keep the names".into(),
    };
    it.send(compact).await;
    let (fold, through) = it.hears_summary_ask().await;
    assert!(through > ItemId(0));
    it.begins(1).await;
    it.summarizes(fold).await;
    assert_eq!(it.hears_folded().await, Ok(true));
    let (ask, request) = it.hears_model_ask().await;
    assert_eq!(request.last, ItemId(8));
    it.answers(ask, says("Hi.")).await;
    it.hears_text("Hi.").await;
    assert_eq!(it.hears_end(1).await, TurnOutcome::Answered);
}

#[tokio::test]
async fn asked_to_fold_during_a_turn_it_folds_after_it() {
    let mut it = Supervisor::started(6, ROOMY).await;
    it.begins(1).await;
    let (ask, _) = it.hears_model_ask().await;
    let instructions = String::new();
    it.send(ToAgent::Compact { instructions }).await;
    it.answers(ask, says("Hi.")).await;
    it.hears_text("Hi.").await;
    assert_eq!(it.hears_end(1).await, TurnOutcome::Answered);
    let (fold, _) = it.hears_summary_ask().await;
    it.refuses(fold, RefusalKind::Unavailable).await;
    let refusal = it.hears_folded().await.unwrap_err();
    assert_eq!(refusal.kind, RefusalKind::Unavailable);
    it.begins(2).await;
    it.hears_model_ask().await;
}

#[tokio::test]
async fn a_turn_cancelled_while_it_waits_for_a_fold_never_begins() {
    let mut it = Supervisor::started(6, ROOMY).await;
    let instructions = String::new();
    it.send(ToAgent::Compact { instructions }).await;
    let (fold, _) = it.hears_summary_ask().await;
    it.begins(1).await;
    it.send(ToAgent::Cancel { turn: TurnId(1) }).await;
    assert_eq!(it.hears_end(1).await, TurnOutcome::Cancelled);
    it.summarizes(fold).await;
    assert_eq!(it.hears_folded().await, Ok(true));
    it.begins(2).await;
    it.hears_model_ask().await;
}

#[tokio::test]
async fn a_summary_that_was_too_long_itself_is_asked_for_in_smaller_pieces() {
    let mut it = Supervisor::started(8, ROOMY).await;
    let instructions = String::new();
    it.send(ToAgent::Compact { instructions }).await;
    let (fold, far) = it.hears_summary_ask().await;
    it.refuses(fold, RefusalKind::ContextFull).await;
    let (fold, near) = it.hears_summary_ask().await;
    assert!(near < far);
    it.summarizes(fold).await;
    assert_eq!(it.hears_folded().await, Ok(true));
    it.begins(1).await;
    it.hears_model_ask().await;
}

#[tokio::test]
async fn where_nothing_can_be_folded_it_says_so() {
    let mut it = Supervisor::started(0, ROOMY).await;
    let instructions = String::new();
    it.send(ToAgent::Compact { instructions }).await;
    assert_eq!(it.hears_folded().await, Ok(false));
    it.begins(1).await;
    it.hears_model_ask().await;
}
