//! Turns, from input to end.

use crate::supervisor::{ROOMY, Says, Supervisor, calls, says, tool_request};
use ipc::agent::{FromAgent, OpenCall, ToAgent, TurnOutcome};
use ipc::id::{CallRef, ItemId, TurnId};
use ipc::model::ModelEvent;
use ipc::refusal::RefusalKind;
use ipc::transcript::ItemKind;

#[tokio::test]
async fn two_tools_run_side_by_side_and_the_answer_is_shown_as_it_grows() {
    let mut it = Supervisor::started(0, ROOMY).await;
    it.begins(1).await;

    let (ask, request) = it.hears_model_ask().await;
    assert!(request.instructions.unwrap().contains("OpenClaw"));
    assert_eq!(request.last, ItemId(1));
    it.streams(ask, "Let me look.").await;
    it.hears_text("Let me look.").await;
    let two = [
        ("exec", r#"{"command":"date"}"#),
        ("read", r#"{"path":"a"}"#),
    ];
    let with_text = Says {
        text: "Let me look.",
        ..calls(&two)
    };
    it.answers(ask, with_text).await;

    let (first, one, args) = it.hears_tool_ask().await;
    assert_eq!((one.index, args.name()), (0, "exec"));
    let (second, two, args) = it.hears_tool_ask().await;
    assert_eq!((two.index, args.name()), (1, "read"));
    it.ends_tool(second).await;
    it.ends_tool(first).await;

    let (ask, request) = it.hears_model_ask().await;
    assert_eq!(request.instructions, None, "sent once a process");
    assert_eq!(request.last, ItemId(4));
    it.streams(ask, "It is").await;
    it.hears_text("\n\nIt is").await;
    it.answers(ask, says("It is noon.")).await;
    it.hears_text(" noon.").await;
    assert_eq!(it.hears_end(1).await, TurnOutcome::Answered);
}

#[tokio::test]
async fn silence_is_not_shown_and_a_restart_takes_back_what_was() {
    let mut it = Supervisor::started(0, ROOMY).await;
    it.begins(1).await;
    let (ask, _) = it.hears_model_ask().await;
    it.streams(ask, "Well,").await;
    it.hears_text("Well,").await;
    let event = ModelEvent::Restart {
        reason: "cut stream".into(),
    };
    it.send(ToAgent::Model { call: ask, event }).await;
    assert_eq!(it.hears().await, FromAgent::Undelta { turn: TurnId(1) });
    it.streams(ask, "NO_").await;
    it.streams(ask, "REPLY").await;
    it.answers(ask, says("NO_REPLY")).await;
    assert_eq!(it.hears_end(1).await, TurnOutcome::Silent);
}

#[tokio::test]
async fn a_message_that_comes_late_in_a_turn_is_answered_in_it() {
    let mut it = Supervisor::started(0, ROOMY).await;
    it.begins(1).await;
    let (ask, _) = it.hears_model_ask().await;
    it.send(ToAgent::Steer { turn: TurnId(1) }).await;
    it.answers(ask, says("One.")).await;
    it.hears_text("One.").await;

    let (ask, _) = it.hears_model_ask().await;
    let taken = vec![it.stores(ItemKind::User)];
    let two = Says {
        taken,
        ..says("Two.")
    };
    it.answers(ask, two).await;
    it.hears_text("\n\nTwo.").await;
    assert_eq!(it.hears_end(1).await, TurnOutcome::Answered);
}

#[tokio::test]
async fn a_cancelled_turn_ends_at_once_and_the_next_is_untouched_by_its_replies() {
    let mut it = Supervisor::started(0, ROOMY).await;
    it.begins(1).await;
    let (ask, _) = it.hears_model_ask().await;
    it.answers(ask, calls(&[("exec", r#"{"command":"sleep 9"}"#)]))
        .await;
    let (tool, ..) = it.hears_tool_ask().await;
    it.send(ToAgent::Cancel { turn: TurnId(7) }).await;
    it.send(ToAgent::Cancel { turn: TurnId(1) }).await;
    assert_eq!(it.hears_end(1).await, TurnOutcome::Cancelled);

    it.send(ToAgent::Cancel { turn: TurnId(1) }).await;
    it.begins(2).await;
    let (ask, _) = it.hears_model_ask().await;
    it.ends_tool(tool).await;
    it.answers(ask, says("Here.")).await;
    it.hears_text("Here.").await;
    assert_eq!(it.hears_end(2).await, TurnOutcome::Answered);
}

#[tokio::test]
async fn a_refusal_that_says_cancelled_ends_the_turn_as_cancelled() {
    let mut it = Supervisor::started(0, ROOMY).await;
    it.begins(1).await;
    let (ask, _) = it.hears_model_ask().await;
    it.refuses(ask, RefusalKind::Cancelled).await;
    assert_eq!(it.hears_end(1).await, TurnOutcome::Cancelled);
}

#[tokio::test]
async fn a_turn_that_was_cut_off_runs_its_open_calls_first() {
    let mut it = Supervisor::started(2, ROOMY).await;
    let open = |index, name: &str, arguments: &str| OpenCall {
        request: CallRef {
            item: ItemId(2),
            index,
        },
        call: tool_request(name, arguments),
    };
    let calls = vec![open(1, "read", r#"{"path":"a"}"#), open(2, "read", "{")];
    it.takes_up(5, Vec::new(), calls).await;
    let (tool, request, _) = it.hears_tool_ask().await;
    assert_eq!(request.index, 1);
    let rejected = it.hears().await;
    assert!(matches!(rejected, FromAgent::Reject { request, .. } if request.index == 2));
    it.ends_tool(tool).await;
    let (ask, _) = it.hears_model_ask().await;
    it.answers(ask, says("Done.")).await;
    it.hears_text("Done.").await;
    assert_eq!(it.hears_end(5).await, TurnOutcome::Answered);
}

#[tokio::test]
async fn a_bad_call_is_rejected_in_words_and_the_model_asked_again() {
    let mut it = Supervisor::started(0, ROOMY).await;
    it.begins(1).await;
    let (ask, _) = it.hears_model_ask().await;
    let answer = it
        .answers(ask, calls(&[("exec", r#"{"cmd":1}"#), ("reed", "{}")]))
        .await;
    for expected in ["`command`", "did you mean \"read\"?"] {
        let FromAgent::Reject { request, reason } = it.hears().await else {
            panic!("not a rejection");
        };
        assert_eq!(request.item, answer);
        assert!(reason.contains(expected), "{reason}");
    }
    let (ask, request) = it.hears_model_ask().await;
    assert_eq!(
        request.last, answer,
        "a lower bound: the outcomes are unheard of"
    );
    let taken = vec![it.stores(ItemKind::Outcome), it.stores(ItemKind::Outcome)];
    let mended = Says {
        taken,
        ..says("Sorry.")
    };
    let last = it.answers(ask, mended).await;
    it.hears_text("Sorry.").await;
    assert_eq!(it.hears_end(1).await, TurnOutcome::Answered);

    it.begins(2).await;
    let (_, request) = it.hears_model_ask().await;
    assert_eq!(request.last, last.next());
}

#[tokio::test]
async fn told_to_go_it_ends_its_turn_first() {
    let mut it = Supervisor::started(0, ROOMY).await;
    it.begins(1).await;
    let (ask, _) = it.hears_model_ask().await;
    it.send(ToAgent::Shutdown).await;
    it.answers(ask, says("Bye.")).await;
    it.hears_text("Bye.").await;
    assert_eq!(it.hears_end(1).await, TurnOutcome::Answered);
    it.sees_exit().await.unwrap();
}

#[tokio::test]
async fn half_an_answer_is_taken_back_when_the_model_fails() {
    let mut it = Supervisor::started(0, ROOMY).await;
    it.begins(1).await;
    let (ask, _) = it.hears_model_ask().await;
    it.streams(ask, "As to").await;
    it.hears_text("As to").await;
    it.refuses(ask, RefusalKind::Unavailable).await;
    assert_eq!(it.hears().await, FromAgent::Undelta { turn: TurnId(1) });
    let end = it.hears_end(1).await;
    assert!(matches!(end, TurnOutcome::Failed { .. }), "{end:?}");
}
