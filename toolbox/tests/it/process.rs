//! `process`: a command in the background is looked at, written to and ended.

use crate::harness::{JOB, Toolbox, failed, process, runs, said};
use ipc::tool::{Capture, FromTool, ToolOutcome};
use ipc::tool_args::{ExecArgs, ProcessAction as Do, ToolArgs};

async fn in_terminal(command: &str) -> Toolbox {
    let mut toolbox = Toolbox::exec().await;
    let args = ExecArgs {
        command: command.to_owned(),
        background: true,
        pty: true,
        ..ExecArgs::default()
    };
    let outcome = toolbox.call(ToolArgs::Exec(args)).await;
    assert!(
        matches!(outcome, ToolOutcome::Running { .. }),
        "{outcome:?}"
    );
    toolbox
}

#[tokio::test]
async fn a_slow_command_yields_with_what_it_printed_so_far() {
    let mut toolbox = Toolbox::exec().await;
    let args = ExecArgs {
        command: "echo one; until test -e go; do sleep 0.01; done; echo two".to_owned(),
        yield_ms: Some(300),
        ..ExecArgs::default()
    };
    match toolbox.call(ToolArgs::Exec(args)).await {
        ToolOutcome::Running { job, output } => {
            assert_eq!((job.as_str(), output.head.as_str()), (JOB, "one\n"));
        }
        other => panic!("{other:?}"),
    }
    let poll = said(toolbox.process(Do::Poll, |_| {}).await);
    assert!(poll.starts_with("[no new output; running for"), "{poll}");
    toolbox.has("go", "");
    let ended = toolbox.hear_job_end().await;
    let output = Capture::default();
    assert_eq!(ended, ToolOutcome::Exited { code: 0, output });
    let poll = said(toolbox.process(Do::Poll, |_| {}).await);
    assert!(poll.starts_with("two\n[ended after"), "{poll}");
    let log = said(toolbox.process(Do::Log, |_| {}).await);
    assert!(
        log.starts_with("one\ntwo\n[lines 0 to 1 of 2; ended"),
        "{log}"
    );
    assert_eq!(toolbox.hang_up().await.code(), Some(0));
}

#[tokio::test]
async fn a_poll_waits_for_news() {
    let mut toolbox = Toolbox::exec().await;
    toolbox
        .background("until test -e go; do sleep 0.01; done; echo news; sleep 1000")
        .await;
    let poll = toolbox
        .ask(process(Do::Poll, |args| args.timeout = Some(100_000)))
        .await;
    toolbox.has("go", "");
    let text = said(toolbox.outcome(poll).await);
    assert!(text.starts_with("news\n[running for"), "{text}");
}

#[tokio::test]
async fn a_poll_that_waits_is_given_up_by_a_cancel_and_the_command_goes_on() {
    let mut toolbox = Toolbox::exec().await;
    toolbox.background("sleep 1000").await;
    let poll = toolbox
        .ask(process(Do::Poll, |args| args.timeout = Some(100_000)))
        .await;
    toolbox.cancel(poll).await;
    let outcome = toolbox.outcome(poll).await;
    assert!(
        matches!(outcome, ToolOutcome::Cancelled { .. }),
        "{outcome:?}"
    );
    let list = said(
        toolbox
            .process(Do::List, |args| args.session_id = None)
            .await,
    );
    assert!(list.starts_with("sleep 1000: running"), "{list}");
}

#[tokio::test]
async fn a_poll_tells_no_more_than_its_bound() {
    let mut toolbox = Toolbox::exec().await;
    toolbox.background("seq 100000; echo finished").await;
    toolbox.hear_job_end().await;
    let poll = said(toolbox.process(Do::Poll, |_| {}).await);
    assert!(
        poll.len() < 31_000 && poll.contains("bytes dropped"),
        "{}",
        poll.len()
    );
    assert!(poll.contains("finished\n[ended after"), "{poll}");
}

#[tokio::test]
async fn a_background_command_is_written_to_until_its_input_is_closed() {
    let mut toolbox = Toolbox::exec().await;
    toolbox
        .background("while read line; do echo \"got $line\"; done; echo closed")
        .await;
    let wrote = said(
        toolbox
            .process(Do::Write, |args| args.data = Some("a\nb".into()))
            .await,
    );
    assert_eq!(wrote, "wrote 3 bytes");
    toolbox.poll_until("got a\n").await;
    said(toolbox.process(Do::Submit, |_| {}).await);
    toolbox.poll_until("got b\n").await;
    said(
        toolbox
            .process(Do::Paste, |args| args.text = Some("c\n".into()))
            .await,
    );
    toolbox.poll_until("got c\n").await;
    said(toolbox.process(Do::Write, |args| args.eof = true).await);
    toolbox.poll_until("closed\n").await;
    let reason = failed(
        toolbox
            .process(Do::Write, |args| args.data = Some("d".into()))
            .await,
    );
    assert!(
        reason.contains("closed") || reason.contains("ended"),
        "{reason}"
    );
}

#[tokio::test]
async fn one_that_does_not_read_is_told_so() {
    let mut toolbox = Toolbox::exec().await;
    toolbox.background("sleep 1000").await;
    let much = "x".repeat(900_000);
    let wrote = said(
        toolbox
            .process(Do::Write, |args| args.data = Some(much.clone()))
            .await,
    );
    assert!(wrote.contains("bytes wait until it reads"), "{wrote}");
    let reason = failed(
        toolbox
            .process(Do::Write, |args| args.data = Some(much))
            .await,
    );
    assert!(reason.contains("does not read"), "{reason}");
}

#[tokio::test]
async fn what_waited_is_written_when_it_is_read() {
    let mut toolbox = Toolbox::exec().await;
    toolbox
        .background("until test -e go; do sleep 0.01; done; wc -c")
        .await;
    let much = "x".repeat(900_000);
    said(
        toolbox
            .process(Do::Write, |args| args.data = Some(much))
            .await,
    );
    said(toolbox.process(Do::Write, |args| args.eof = true).await);
    toolbox.has("go", "");
    toolbox.poll_until("900000").await;
}

#[tokio::test]
async fn a_foreground_command_that_yielded_says_how_to_be_written_to() {
    let mut toolbox = Toolbox::exec().await;
    let args = ExecArgs {
        command: "sleep 1000".to_owned(),
        yield_ms: Some(10),
        ..ExecArgs::default()
    };
    toolbox.call(ToolArgs::Exec(args)).await;
    let reason = failed(
        toolbox
            .process(Do::Write, |args| args.data = Some("x".into()))
            .await,
    );
    assert!(reason.contains("background: true"), "{reason}");
}

#[tokio::test]
async fn keys_reach_a_terminal() {
    let mut toolbox = in_terminal("python3 -q || bash -i").await;
    toolbox.poll_until(">>> ").await;
    said(
        toolbox
            .process(Do::SendKeys, |args| {
                args.literal = Some("print(6 * 7)".into());
                args.keys = vec!["Enter".into()];
            })
            .await,
    );
    toolbox.poll_until("\n42").await;
    said(
        toolbox
            .process(Do::SendKeys, |args| args.keys = vec!["C-c".into()])
            .await,
    );
    toolbox.poll_until("KeyboardInterrupt").await;
    said(
        toolbox
            .process(Do::SendKeys, |args| args.hex = vec!["04".into()])
            .await,
    );
    let output = Capture::default();
    assert_eq!(
        toolbox.hear_job_end().await,
        ToolOutcome::Exited { code: 0, output }
    );
}

#[tokio::test]
async fn the_end_of_input_reaches_a_terminal() {
    let mut toolbox = in_terminal("cat; echo over").await;
    said(
        toolbox
            .process(Do::Write, |args| {
                args.data = Some("line\n".into());
                args.eof = true;
            })
            .await,
    );
    toolbox.poll_until("over\r\n").await;
}

#[tokio::test]
async fn bad_keys_are_named_and_signals_need_a_terminal() {
    let mut toolbox = Toolbox::exec().await;
    toolbox.background("sleep 1000").await;
    for (keys, why) in [
        (vec!["Entr"], "no key \"Entr\""),
        (vec!["C-c"], "no terminal"),
        (vec![], "needs keys"),
    ] {
        let keys: Vec<String> = keys.into_iter().map(str::to_owned).collect();
        let reason = failed(toolbox.process(Do::SendKeys, |args| args.keys = keys).await);
        assert!(reason.contains(why), "{reason}");
    }
    let reason = failed(toolbox.process(Do::Write, |_| {}).await);
    assert!(reason.contains("data"), "{reason}");
    let reason = failed(toolbox.process(Do::Paste, |_| {}).await);
    assert!(reason.contains("text"), "{reason}");
}

#[tokio::test]
async fn a_kill_ends_all_of_it_and_is_no_end_by_itself() {
    let mut toolbox = Toolbox::exec().await;
    toolbox
        .background("setsid sleep 1000 & echo $! >pid; echo begun; wait")
        .await;
    toolbox.poll_until("begun").await;
    let pid = toolbox.content("pid");
    let text = said(toolbox.process(Do::Kill, |_| {}).await);
    assert!(text.starts_with("killed after"), "{text}");
    assert!(!runs(&pid) && toolbox.job_ended.is_empty());
    let text = said(toolbox.process(Do::Kill, |_| {}).await);
    assert!(
        text.starts_with("killed after"),
        "killing twice is killing once: {text}"
    );
    let log = said(toolbox.process(Do::Log, |_| {}).await);
    assert!(log.starts_with("begun\n"), "its output stays: {log}");
}

#[tokio::test]
async fn a_job_that_ended_keeps_what_it_left_running_until_it_is_killed() {
    let mut toolbox = Toolbox::exec().await;
    toolbox.background("setsid sleep 1000 & echo $! >pid").await;
    toolbox.hear_job_end().await;
    let pid = toolbox.content("pid");
    assert!(runs(&pid));
    let text = said(toolbox.process(Do::Kill, |_| {}).await);
    assert!(text.starts_with("ended after"), "{text}");
    crate::harness::eventually(|| (!runs(&pid)).then_some(())).await;
}

#[tokio::test]
async fn a_removed_job_is_the_end_of_its_toolbox() {
    let mut toolbox = Toolbox::exec().await;
    toolbox.background("sleep 1000").await;
    let text = said(toolbox.process(Do::Remove, |_| {}).await);
    assert!(text.contains("forgotten"), "{text}");
    assert_eq!(toolbox.exit().await.code(), Some(0));
}

#[tokio::test]
async fn a_timeout_in_the_background_is_an_end_that_is_told() {
    let mut toolbox = Toolbox::exec().await;
    let args = ExecArgs {
        command: "sleep 1000".to_owned(),
        background: true,
        timeout: Some(1),
        ..ExecArgs::default()
    };
    toolbox.call(ToolArgs::Exec(args)).await;
    let ended = toolbox.hear_job_end().await;
    assert!(
        matches!(
            ended,
            ToolOutcome::TimedOut {
                after_ms: 1_000,
                ..
            }
        ),
        "{ended:?}"
    );
}

#[tokio::test]
async fn log_shows_the_lines_that_are_asked_for() {
    let mut toolbox = Toolbox::exec().await;
    toolbox.background("seq 1000").await;
    toolbox.hear_job_end().await;
    let last = said(toolbox.process(Do::Log, |_| {}).await);
    assert!(
        last.starts_with("801\n") && last.contains("[lines 800 to 999 of 1000;"),
        "{last}"
    );
    let some = said(
        toolbox
            .process(Do::Log, |args| {
                (args.offset, args.limit) = (Some(4), Some(2))
            })
            .await,
    );
    assert!(some.starts_with("5\n6\n[lines 4 to 5 of 1000;"), "{some}");
    let reason = failed(
        toolbox
            .process(Do::Log, |args| args.offset = Some(1000))
            .await,
    );
    assert!(reason.contains("1000 lines"), "{reason}");
    said(toolbox.process(Do::Clear, |_| {}).await);
    let none = said(toolbox.process(Do::Log, |_| {}).await);
    assert!(none.starts_with("[no output;"), "{none}");
}

#[tokio::test]
async fn a_job_is_known_by_its_name_only() {
    let mut toolbox = Toolbox::exec().await;
    let reason = failed(toolbox.process(Do::Poll, |_| {}).await);
    assert!(reason.contains("no command was started"), "{reason}");
    toolbox.background("sleep 1000").await;
    let reason = failed(
        toolbox
            .process(Do::Poll, |args| args.session_id = Some("x".into()))
            .await,
    );
    assert!(reason.contains("no command x"), "{reason}");
    let reason = failed(
        toolbox
            .process(Do::Poll, |args| args.session_id = None)
            .await,
    );
    assert!(reason.contains("sessionId is missing"), "{reason}");
}

#[tokio::test]
async fn a_cancel_of_an_answered_call_changes_nothing() {
    let mut toolbox = Toolbox::exec().await;
    let args = ExecArgs {
        command: "echo begun; sleep 1000".to_owned(),
        background: true,
        ..ExecArgs::default()
    };
    let call = toolbox.ask(ToolArgs::Exec(args)).await;
    toolbox.outcome(call).await;
    toolbox.cancel(call).await;
    toolbox.poll_until("running for").await;
}

#[tokio::test]
async fn many_polls_are_each_answered_once() {
    let mut toolbox = Toolbox::exec().await;
    toolbox.background("sleep 1000").await;
    let mut asked = Vec::new();
    for _ in 0..20 {
        asked.push(
            toolbox
                .ask(process(Do::Poll, |args| args.timeout = Some(100_000)))
                .await,
        );
    }
    let kill = toolbox.ask(process(Do::Kill, |_| {})).await;
    asked.push(kill);
    while !asked.is_empty() {
        match toolbox.hear().await {
            FromTool::Done { call, .. } => asked.retain(|waiting| *waiting != call),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_kill_of_a_command_in_the_foreground_answers_both_calls() {
    let mut toolbox = Toolbox::exec().await;
    let run = toolbox.ask(crate::harness::exec("sleep 1000")).await;
    let kill = toolbox.ask(process(Do::Kill, |_| {})).await;
    let outcome = toolbox.outcome(run).await;
    assert!(
        matches!(outcome, ToolOutcome::Signaled { .. }),
        "{outcome:?}"
    );
    said(toolbox.outcome(kill).await);
    assert_eq!(toolbox.exit().await.code(), Some(0));
}
