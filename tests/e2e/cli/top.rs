//! `openclaw top`, on a terminal and for scripts, and `openclaw sessions stats`.

use ipc::control::ReplyStatus;
use ipc::meter::{DayUsage, UsageReport};
use nix::sys::signal::Signal;
use serde_json::json;
use tests::cli::{ended, process};
use tests::terminal::Terminal;
use tests::{Gateway, MAIN, eventually, turn};
use tokio::process::Child;

/// A terminal that shows the table.
async fn table(gateway: &Gateway) -> (Terminal, Child) {
    let terminal = Terminal::open(40, 120);
    let top = terminal.runs(gateway, &["top"]);
    terminal.shows("machine").await;
    assert!(terminal.is_taken());
    (terminal, top)
}

/// The main session waits for a command, until a file `go` is made.
async fn wait_for_go(gateway: &Gateway) -> tests::Exchange {
    let command = "until [ -e go ]; do sleep 0.05; done";
    gateway.model.script([
        turn()
            .calls("exec", json!({ "command": command, "yieldMs": 120_000 }))
            .used(1000, 10),
        turn().says("It went."),
    ]);
    let exchange = gateway.chat().says("wait").await;
    eventually!(!gateway.titled("until").is_empty(), "{}", gateway.log());
    exchange
}

async fn once(gateway: &Gateway, args: &[&str]) -> UsageReport {
    let args = [&["top", "--once", "--json"], args].concat();
    gateway.cli(&args).await.json()
}

#[tokio::test]
async fn what_a_session_uses_is_printed_once() {
    let gateway = Gateway::start().await;
    let _exchange = wait_for_go(&gateway).await;
    eventually!(
        once(&gateway, &[])
            .await
            .sessions
            .iter()
            .any(|s| s.processes > 1 && s.memory > 0)
    );
    let report = once(&gateway, &[]).await;
    let main = &report.sessions[0];
    assert_eq!((main.session.as_str(), main.agent.as_str()), (MAIN, "main"));
    assert_eq!(main.tool.as_ref().unwrap().name, "exec");
    assert!(
        main.memory > 0 && main.memory_peak >= main.memory,
        "{main:#?}"
    );
    assert!(main.model_calls == 1 && main.tokens_in == 1000, "{main:#?}");
    assert_eq!(report.gateway.pid, gateway.process().pid.cast_signed());
    assert!(report.cores > 0 && report.memory_total > report.memory_available);
    let text = gateway.cli(&["top", "--once"]).await.ok();
    for words in ["SESSION", MAIN, "exec", "machine", "gateway   pid"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let none = once(&gateway, &["--filter", "nobody"]).await;
    assert_eq!(none.sessions, []);
    let some = once(&gateway, &["--filter", "EXEC", "--sort", "memory"]).await;
    assert_eq!(some.sessions.len(), 1);
}

#[tokio::test]
async fn what_can_not_be_shown_is_said() {
    let mut gateway = Gateway::start().await;
    let ran = gateway.cli(&["top"]).await;
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.err.contains("top --once"), "{ran:?}");
    for wrong in [
        &["top", "--json"][..],
        &["top", "--once", "--sort", "nothing"],
        &["sessions", "stats", "--days", "0"],
    ] {
        assert_eq!(gateway.cli(wrong).await.code, 2, "{wrong:?}");
    }
    gateway.terminate().await;
    let ran = gateway.cli(&["top", "--once"]).await;
    assert_eq!(ran.code, 69, "{ran:?}");
    let terminal = Terminal::open(24, 80);
    let before = terminal.settings();
    let left = ended(terminal.runs(&gateway, &["top"])).await;
    assert_eq!(left.code, 69);
    terminal.shows("no gateway answers").await;
    assert_eq!((terminal.settings(), terminal.is_taken()), (before, false));
}

#[tokio::test]
async fn the_table_follows_what_happens() {
    let gateway = Gateway::start().await;
    let (terminal, top) = table(&gateway).await;
    terminal.shows("no session has a process now").await;
    let mut exchange = wait_for_go(&gateway).await;
    terminal.shows(MAIN).await;
    terminal.shows("exec ").await;
    terminal.types("\r");
    terminal.shows("PROCESSES").await;
    terminal.shows("-c until [ -e go ]").await;
    terminal.types("/nobody\r");
    terminal.shows("no session matches the filter").await;
    terminal.types("\u{1b}");
    terminal.hides("no session matches").await;
    gateway.write("go", "");
    assert_eq!(exchange.reply().await.text, "It went.");
    terminal.hides("exec ").await;
    terminal.types("?");
    terminal.shows("any key closes it").await;
    terminal.types("x");
    terminal.hides("any key closes it").await;
    terminal.types("q");
    assert_eq!(ended(top).await.code, 0);
}

#[tokio::test]
async fn a_turn_is_stopped_after_a_yes() {
    let gateway = Gateway::start().await;
    let mut exchange = wait_for_go(&gateway).await;
    let (terminal, _top) = table(&gateway).await;
    terminal.shows("exec ").await;
    terminal.types("s");
    terminal.shows(&format!("Stop the turn of {MAIN}?")).await;
    terminal.types("n");
    terminal.hides("Stop the turn").await;
    assert!(!gateway.titled("until").is_empty());
    terminal.types("s");
    terminal.shows("Stop the turn").await;
    terminal.types("y");
    terminal.shows("stopping").await;
    assert_eq!(exchange.reply().await.status, ReplyStatus::Cancelled);
    assert!(gateway.titled("until").is_empty());
}

#[tokio::test]
async fn a_tool_is_killed_and_its_turn_goes_on() {
    let gateway = Gateway::start().await;
    let mut exchange = wait_for_go(&gateway).await;
    let (terminal, _top) = table(&gateway).await;
    terminal.shows("exec ").await;
    terminal.types("t");
    terminal.shows(&format!("of {MAIN}?")).await;
    terminal.types("y");
    assert_eq!(exchange.reply().await.text, "It went.");
    assert!(gateway.titled("until").is_empty());
}

#[tokio::test]
async fn a_session_is_killed_with_its_turn_and_its_agent() {
    let gateway = Gateway::start().await;
    let mut exchange = wait_for_go(&gateway).await;
    let agent = gateway.agent(MAIN).await;
    let (terminal, _top) = table(&gateway).await;
    terminal.shows("exec ").await;
    terminal.types("K");
    terminal.shows("and its agent process?").await;
    terminal.types("y");
    terminal
        .shows("was stopped; 1 running tools were ended")
        .await;
    assert_eq!(exchange.reply().await.status, ReplyStatus::Cancelled);
    eventually!(!agent.is_alive(), "{}", terminal.shown());
    terminal.shows("no session has a process now").await;
    assert!(gateway.titled("until").is_empty());
    // The next message starts another agent.
    assert_eq!(gateway.chat().asks("hi").await.text, "It went.");
}

#[tokio::test]
async fn a_window_of_any_size_is_drawn_on() {
    let gateway = Gateway::start().await;
    let _exchange = wait_for_go(&gateway).await;
    let (terminal, _top) = table(&gateway).await;
    terminal.shows("exec ").await;
    terminal.shows(" PROC ").await;
    terminal.resize(24, 70);
    terminal.hides(" PROC ").await;
    terminal.resize(6, 30);
    terminal.shows("too small").await;
    terminal.resize(40, 200);
    terminal.shows("CPU HISTORY").await;
    terminal.shows(" LVL ").await;
}

#[tokio::test]
async fn a_gateway_that_goes_is_waited_for() {
    let mut gateway = Gateway::start().await;
    let (terminal, top) = table(&gateway).await;
    gateway.kill9();
    terminal.shows("gateway away: no gateway answers").await;
    gateway.start_again().await;
    terminal.hides("gateway away").await;
    gateway.process().signal(Signal::SIGSTOP);
    terminal.shows("gateway away: it says nothing").await;
    gateway.process().signal(Signal::SIGCONT);
    terminal.hides("gateway away").await;
    terminal.types("q");
    assert_eq!(ended(top).await.code, 0);
}

#[tokio::test]
async fn the_terminal_is_given_back_as_it_was() {
    let gateway = Gateway::start().await;
    let terminal = Terminal::open(40, 120);
    let before = terminal.settings();
    let ways: [(&str, Option<Signal>); 5] = [
        ("q", None),
        ("\u{3}", None),
        ("", Some(Signal::SIGTERM)),
        ("", Some(Signal::SIGINT)),
        ("?", Some(Signal::SIGHUP)),
    ];
    for (keys, signal) in ways {
        let top = terminal.runs(&gateway, &["top"]);
        terminal.shows("machine").await;
        assert!(terminal.is_taken() && terminal.settings() != before);
        terminal.types(keys);
        if let Some(signal) = signal {
            process(&top).signal(signal);
        }
        assert_eq!(ended(top).await.code, 0, "{keys:?} {signal:?}");
        eventually!(!terminal.is_taken(), "{keys:?} {signal:?}");
        assert_eq!(terminal.settings(), before, "{keys:?} {signal:?}");
        terminal.look(|screen| {
            assert!(
                !screen.hide_cursor() && !screen.bracketed_paste(),
                "{keys:?} {signal:?}"
            );
        });
    }
}

#[tokio::test]
async fn control_z_is_back_to_the_shell() {
    let gateway = Gateway::start().await;
    let terminal = Terminal::open(40, 120);
    let shell = ["bash", "--norc", "--noprofile", "-i"];
    let mut shell = terminal.run(&gateway, &[("PS1", "shell$ ")], &shell);
    terminal.shows("shell$").await;
    let program = gateway.program("openclaw").display().to_string();
    terminal.types(&format!("{program} top\r"));
    terminal.shows("machine").await;
    terminal.types("\u{1a}");
    eventually!(!terminal.is_taken(), "{}", terminal.shown());
    terminal.shows("Stopped").await;
    terminal.types("fg\r");
    eventually!(terminal.is_taken(), "{}", terminal.shown());
    terminal.shows("machine").await;
    terminal.types("q");
    eventually!(!terminal.is_taken(), "{}", terminal.shown());
    terminal.types("exit\r");
    assert!(shell.wait().await.unwrap().success());
}

#[tokio::test]
async fn who_wants_no_colours_sees_none() {
    let gateway = Gateway::start().await;
    let _exchange = wait_for_go(&gateway).await;
    let program = gateway.program("openclaw").display().to_string();
    for (wish, is_coloured) in [("1", false), ("", true)] {
        let terminal = Terminal::open(20, 120);
        let _top = terminal.run(&gateway, &[("NO_COLOR", wish)], &[&program, "top"]);
        terminal.shows(MAIN).await;
        let coloured = terminal.look(|screen| {
            let cells =
                (0..20).flat_map(|row| (0..120).filter_map(move |column| screen.cell(row, column)));
            cells
                .into_iter()
                .any(|cell| cell.fgcolor() != vt100::Color::Default)
        });
        assert_eq!(coloured, is_coloured, "NO_COLOR={wish:?}");
    }
}

#[tokio::test]
async fn a_day_is_summed_up_with_a_gateway_and_without() {
    let mut gateway = Gateway::start().await;
    gateway.model.script([
        turn()
            .calls("exec", json!({ "command": "echo hi" }))
            .used(1000, 10),
        turn().says("Hi.").used(1100, 20),
    ]);
    assert_eq!(gateway.chat().asks("hi").await.text, "Hi.");
    let stats = ["sessions", "stats", "--days", "1", "--json"];
    let days: Vec<DayUsage> = gateway.cli(&stats).await.json();
    let [day] = days.as_slice() else {
        panic!("{days:#?}")
    };
    assert_eq!((day.agent.as_str(), day.sessions), ("main", 1));
    assert_eq!(day.model_calls, 2, "{day:#?}");
    assert_eq!((day.tokens_in, day.tokens_out), (2100, 30));
    let text = gateway.cli(&["sessions", "stats"]).await.ok();
    assert!(text.starts_with("DAY ") && text.contains("main"), "{text}");
    assert!(gateway.terminate().await.success());
    let after: Vec<DayUsage> = gateway.cli(&stats).await.json();
    assert_eq!((after.len(), after[0].tokens_in), (1, 2100), "{after:#?}");
}
