//! `exec`: every way a command can be started and every way it can end.

use crate::harness::{Toolbox, eventually, exec, failed, runs};
use ipc::tool::{Capture, ToolOutcome};
use ipc::tool_args::{ExecArgs, ToolArgs};
use std::time::{Duration, Instant};

fn printed(output: &str) -> ToolOutcome {
    ToolOutcome::Exited {
        code: 0,
        output: Capture::whole(output),
    }
}

async fn run_with(change: impl FnOnce(&mut ExecArgs)) -> ToolOutcome {
    let mut args = ExecArgs::default();
    change(&mut args);
    Toolbox::exec().await.call(ToolArgs::Exec(args)).await
}

#[tokio::test]
async fn a_command_says_hi_and_the_toolbox_ends() {
    let mut toolbox = Toolbox::exec().await;
    assert_eq!(toolbox.run("echo hi").await, printed("hi\n"));
    assert_eq!(toolbox.exit().await.code(), Some(0));
}

#[tokio::test]
async fn both_outputs_come_in_the_order_they_were_printed() {
    let outcome = Toolbox::exec()
        .await
        .run("echo 1; echo 2 >&2; echo 3; echo 4 >&2")
        .await;
    assert_eq!(outcome, printed("1\n2\n3\n4\n"));
}

#[tokio::test]
async fn exit_codes_and_signals_are_told() {
    let outcome = Toolbox::exec().await.run("echo x; exit 7").await;
    let output = Capture::whole("x\n");
    assert_eq!(outcome, ToolOutcome::Exited { code: 7, output });
    for signal in [9, 15, 40] {
        let outcome = Toolbox::exec()
            .await
            .run(&format!("kill -{signal} $$"))
            .await;
        let output = Capture::default();
        assert_eq!(outcome, ToolOutcome::Signaled { signal, output });
    }
}

#[tokio::test]
async fn it_starts_in_the_workspace_or_in_a_folder_of_it() {
    let mut toolbox = Toolbox::exec().await;
    let here = toolbox.workspace.display().to_string();
    assert_eq!(toolbox.run("pwd").await, printed(&format!("{here}\n")));
    for workdir in ["deep/er", "./deep/../deep/er"] {
        let mut toolbox = Toolbox::exec().await;
        std::fs::create_dir_all(toolbox.path("deep/er")).unwrap();
        let there = format!("{}/deep/er\n", toolbox.workspace.display());
        let args = ExecArgs {
            command: "pwd".to_owned(),
            workdir: Some(workdir.to_owned()),
            ..ExecArgs::default()
        };
        assert_eq!(toolbox.call(ToolArgs::Exec(args)).await, printed(&there));
    }
}

#[tokio::test]
async fn a_workdir_outside_or_missing_is_refused_by_name() {
    for (workdir, why) in [
        ("/etc", "outside the workspace"),
        ("..", "leads out of the workspace"),
        ("nowhere", "does not exist"),
    ] {
        let outcome = run_with(|args| {
            args.command = "pwd".to_owned();
            args.workdir = Some(workdir.to_owned());
        });
        let reason = failed(outcome.await);
        assert!(reason.contains(workdir) && reason.contains(why), "{reason}");
    }
}

#[tokio::test]
async fn files_anywhere_lets_it_start_anywhere() {
    let mut toolbox = Toolbox::start("exec", |start| start.files_anywhere = true).await;
    let args = ExecArgs {
        command: "pwd".to_owned(),
        workdir: Some("/etc".to_owned()),
        ..ExecArgs::default()
    };
    assert_eq!(toolbox.call(ToolArgs::Exec(args)).await, printed("/etc\n"));
}

#[tokio::test]
async fn the_environment_is_what_the_start_and_the_call_say() {
    let outcome = run_with(|args| {
        args.command = "env | grep -c . ; echo $GREETING".to_owned();
        args.env
            .insert("GREETING".to_owned(), "hello there".to_owned());
    });
    // HOME, PATH and GREETING, and what the shell sets by itself: PWD, SHLVL and _.
    assert_eq!(outcome.await, printed("6\nhello there\n"));
}

#[tokio::test]
async fn variables_that_choose_programs_are_refused() {
    for name in ["PATH", "LD_PRELOAD"] {
        let outcome = run_with(|args| {
            args.command = "true".to_owned();
            args.env.insert(name.to_owned(), "x".to_owned());
        });
        assert!(failed(outcome.await).contains(name));
    }
}

#[tokio::test]
async fn a_command_that_reads_input_it_does_not_have_ends_at_once() {
    assert_eq!(
        Toolbox::exec().await.run("cat; echo end").await,
        printed("end\n")
    );
}

#[tokio::test]
async fn no_shell_is_a_failure_that_says_so() {
    let mut toolbox = Toolbox::exec().await;
    let reason = failed(toolbox.run("").await);
    assert!(reason.contains("empty"), "{reason}");
    let reason = failed(Toolbox::exec().await.run(&"x".repeat(200_000)).await);
    assert!(reason.contains("write it to a file"), "{reason}");
}

#[tokio::test]
async fn a_timeout_ends_the_whole_group() {
    let mut toolbox = Toolbox::exec().await;
    let args = ExecArgs {
        command: "sleep 1000 & echo $! >pid; echo begun; wait".to_owned(),
        timeout: Some(1),
        ..ExecArgs::default()
    };
    let outcome = toolbox.call(ToolArgs::Exec(args)).await;
    let output = Capture::whole("begun\n");
    let after_ms = 1_000;
    assert_eq!(outcome, ToolOutcome::TimedOut { after_ms, output });
    assert!(!runs(&toolbox.content("pid")));
}

#[tokio::test]
async fn one_that_ignores_the_timeout_is_killed() {
    let outcome = run_with(|args| {
        args.command = "trap 'echo no' TERM; while :; do sleep 0.05; done".to_owned();
        args.timeout = Some(1);
    });
    let began = Instant::now();
    match outcome.await {
        ToolOutcome::TimedOut { output, .. } => assert!(output.head.contains("no\n")),
        other => panic!("{other:?}"),
    }
    assert!(
        began.elapsed() >= Duration::from_secs(3),
        "there is a grace of two seconds"
    );
}

#[tokio::test]
async fn a_cancel_leaves_no_process_within_a_tenth_of_a_second() {
    let mut toolbox = Toolbox::exec().await;
    // Three that stay: one that ignores SIGTERM, one in a session of its own, a double fork.
    let script = "trap '' TERM; echo so far
        setsid sleep 1000 & echo $! >one
        (setsid bash -c 'trap \"\" TERM; echo $$ >two; sleep 1000; sleep 1000' &)
        sleep 1000 & echo $! >three; wait";
    let call = toolbox.ask(exec(script)).await;
    let files = ["one", "two", "three"].map(|name| toolbox.path(name));
    let pids = eventually(|| {
        let text = files.iter().map(|path| std::fs::read_to_string(path).ok());
        text.collect::<Option<Vec<_>>>()
            .filter(|pids| pids.iter().all(|p| p.ends_with('\n')))
    });
    let pids = pids.await;
    let began = Instant::now();
    toolbox.cancel(call).await;
    match toolbox.outcome(call).await {
        ToolOutcome::Cancelled { output } => assert_eq!(output.head, "so far\n"),
        other => panic!("{other:?}"),
    }
    let took = began.elapsed();
    for pid in &pids {
        assert!(!runs(pid));
    }
    assert!(took < Duration::from_millis(100) * SLACK, "{took:?}");
    assert_eq!(toolbox.exit().await.code(), Some(0));
}

/// How much slower than a quiet machine one that runs many tests at once may be.
const SLACK: u32 = 5;

#[tokio::test]
async fn one_left_behind_with_the_output_open_does_not_hold_the_call() {
    let mut toolbox = Toolbox::exec().await;
    let began = Instant::now();
    let outcome = toolbox
        .run("(setsid sleep 1000 & echo $! >pid); echo done")
        .await;
    assert!(began.elapsed() < Duration::from_secs(20));
    match outcome {
        ToolOutcome::Exited { code: 0, output } => {
            assert!(
                output
                    .head
                    .starts_with("done\n\n[1 process it left running was ended")
            );
        }
        other => panic!("{other:?}"),
    }
    let pid = toolbox.content("pid");
    assert_eq!(toolbox.exit().await.code(), Some(0));
    assert!(!runs(&pid));
}

#[tokio::test]
async fn two_hundred_megabytes_are_read_in_bounded_memory() {
    let mut toolbox = Toolbox::exec().await;
    let pid = toolbox.child.id();
    let outcome =
        toolbox.run("head -c 200000000 /dev/zero | tr '\\0' x; touch done; cat /proc/$PPID/status");
    match outcome.await {
        ToolOutcome::Exited { code: 0, output } => {
            assert_eq!(output.head.len(), 100_000);
            assert!(output.dropped > 199_000_000);
            let peak = output
                .tail
                .lines()
                .find_map(|line| line.strip_prefix("VmHWM:"));
            let peak = peak.unwrap().trim().trim_end_matches(" kB");
            assert!(peak.parse::<u64>().unwrap() < 40_000, "{pid}: {peak} kB");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn output_is_shown_while_it_comes() {
    let mut toolbox = Toolbox::exec().await;
    let call = toolbox
        .ask(exec(
            "printf 'h\\303'; until test -e go; do sleep 0.01; done; printf '\\251'",
        ))
        .await;
    let shown = match toolbox.hear().await {
        ipc::tool::FromTool::Output { call: of, text } if of == call => text,
        other => panic!("{other:?}"),
    };
    assert_eq!(shown, "h", "half a character waits for its other half");
    toolbox.has("go", "");
    assert_eq!(toolbox.outcome(call).await, printed("hé"));
}

#[tokio::test]
async fn all_output_is_shown_where_that_is_asked_for() {
    let mut toolbox = Toolbox::start("exec", |start| start.exec.shows_all = true).await;
    let outcome = toolbox.run("seq 1 300000; printf end").await;
    assert!(matches!(outcome, ToolOutcome::Exited { code: 0, .. }));
    let mut wanted: String = (1..=300_000).map(|n| format!("{n}\n")).collect();
    wanted += "end";
    assert!(toolbox.shown == wanted, "{} bytes", toolbox.shown.len());
}

#[tokio::test]
async fn a_terminal_is_one() {
    let outcome = run_with(|args| {
        args.command = "test -t 0 && test -t 1 && echo $TERM; stty size".to_owned();
        args.pty = true;
    });
    assert_eq!(outcome.await, printed("xterm-256color\r\n40 120\r\n"));
}

#[tokio::test]
async fn a_second_command_and_other_tools_are_refused() {
    let mut toolbox = Toolbox::exec().await;
    toolbox.background("sleep 1000").await;
    let reason = failed(toolbox.run("echo hi").await);
    assert!(reason.contains("exec is not for this toolbox"), "{reason}");
    let reason = failed(toolbox.call(ToolArgs::Ls(Default::default())).await);
    assert!(reason.contains("ls is not for this toolbox"), "{reason}");
}

#[tokio::test]
async fn python_gets_its_environment_the_first_time_it_is_named() {
    let change = |start: &mut ipc::tool::ToolStart| {
        let venv = start.workspace.join("my env");
        let path = format!("{}/bin:{}", venv.display(), start.env["PATH"]);
        start
            .env
            .insert("VIRTUAL_ENV".to_owned(), venv.display().to_string());
        start.env.insert("PATH".to_owned(), path);
    };
    let mut toolbox = Toolbox::start("exec", change).await;
    let command = "python3 -c 'import sys; print(sys.prefix)'; pip --version; echo end";
    match toolbox.run(command).await {
        ToolOutcome::Exited { code: 0, output } => {
            let venv = toolbox.path("my env");
            assert!(
                output.head.starts_with(&format!("{}\n", venv.display())),
                "{output:?}"
            );
            assert!(output.head.contains("\npip "), "{output:?}");
        }
        other => panic!("{other:?}"),
    }
    let mut toolbox = Toolbox::start("exec", change).await;
    assert_eq!(toolbox.run("echo no snake").await, printed("no snake\n"));
    assert!(!toolbox.path("my env").exists());
}

#[tokio::test]
async fn a_python_environment_that_can_not_be_made_is_told_and_the_command_runs() {
    let toolbox = Toolbox::start("exec", |start| {
        start
            .env
            .insert("VIRTUAL_ENV".to_owned(), "/proc/no/venv".to_owned());
    });
    match toolbox.await.run("echo python").await {
        ToolOutcome::Exited { code: 0, output } => {
            assert!(
                output
                    .head
                    .contains("[no Python environment in /proc/no/venv"),
                "{output:?}"
            );
            assert!(output.head.ends_with("python\n"), "{output:?}");
        }
        other => panic!("{other:?}"),
    }
}
