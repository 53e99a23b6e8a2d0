//! Commands where no gateway runs: they have one of their own, together.

use tests::cli::{ended, process};
use tests::procfs::Process;
use tests::{Gate, Gateway, MAIN, eventually, turn};

const SAYS_SO: &str = "no gateway is running; this one lasts as long as this command";

/// Everything laid out, models and all, and no gateway.
async fn nobody() -> Gateway {
    let setup = Gateway::setup().await;
    setup.env("OPENCLAW_LOG", "error").laid_out()
}

/// Waits until nothing of the gateway's programs runs.
async fn nothing_is_left(gateway: &Gateway) {
    let home = gateway.home().display().to_string();
    let ours = || {
        let ours = tests::procfs::all().into_iter();
        let ours = ours.filter(|process| process.environment().contains(&home));
        ours.collect::<Vec<Process>>()
    };
    eventually!(ours().is_empty(), "{:#?}", ours());
}

#[tokio::test]
async fn of_many_that_start_at_once_one_serves_all() {
    let gateway = nobody().await;
    let gate = Gate::new();
    gateway.model.always(turn().says("Yes.").waits_for(&gate));
    let many: Vec<_> = (0..20)
        .map(|n| {
            let session = format!("agent:main:guest-{n}");
            gateway.cli_begins(&["agent", "-m", "hi", "--session-key", &session])
        })
        .collect();
    gate.reached_by(20).await;
    gate.open();
    let mut say_so = 0;
    for child in many {
        let ran = ended(child).await;
        assert_eq!((ran.code, ran.out.as_str()), (0, "Yes.\n"), "{ran:?}");
        say_so += ran.err.matches(SAYS_SO).count();
    }
    assert_eq!(say_so, 1);
    assert_eq!(gateway.model.requests().len(), 20);
    nothing_is_left(&gateway).await;
}

#[tokio::test]
async fn whoever_serves_stays_until_the_others_have_their_answers() {
    let gateway = nobody().await;
    let (first, second) = (Gate::new(), Gate::new());
    let slow = turn().says("Slow.").waits_for(&second);
    gateway
        .model
        .script_for("quick", [turn().says("Quick.").waits_for(&first)]);
    gateway.model.script_for("slow", [slow]);
    let quick = gateway.cli_begins(&["agent", "-m", "quick"]);
    first.reached().await;
    let other = ["agent", "-m", "slow", "--session-key", "agent:main:other"];
    let slow = gateway.cli_begins(&other);
    second.reached().await;
    first.open();
    // It has its answer, and stays.
    let mut quick = quick;
    let mut err = tokio::io::BufReader::new(quick.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains("others are being answered") {
        use tokio::io::AsyncBufReadExt as _;
        assert_ne!(err.read_line(&mut said).await.unwrap(), 0, "{said}");
    }
    second.open();
    assert_eq!(ended(slow).await.ok(), "Slow.\n");
    assert_eq!(ended(quick).await.ok(), "Quick.\n");
    assert_eq!(gateway.model.requests().len(), 2);
    nothing_is_left(&gateway).await;
}

#[tokio::test]
async fn when_whoever_serves_is_killed_another_takes_its_place() {
    let gateway = nobody().await;
    let gate = Gate::new();
    gateway.model.always(turn().says("Yes.").waits_for(&gate));
    let first = gateway.cli_begins(&["agent", "-m", "hi"]);
    gate.reached().await;
    let others: Vec<_> = (0..3)
        .map(|n| {
            let session = format!("agent:main:guest-{n}");
            gateway.cli_begins(&["agent", "-m", "hi", "--session-key", &session])
        })
        .collect();
    gate.reached_by(4).await;
    process(&first).kill9();
    assert_eq!(ended(first).await.code, -1);
    // All four turns go on with whoever is next.
    gate.reached_by(8).await;
    gate.open();
    let mut say_so = 0;
    for child in others {
        let ran = ended(child).await;
        assert_eq!((ran.code, ran.out.as_str()), (0, "Yes.\n"), "{ran:?}");
        say_so += ran.err.matches(SAYS_SO).count();
    }
    // Who comes late may find that the next one has its answer, and left.
    assert!((1..=3).contains(&say_so), "{say_so}");
    assert_eq!(gateway.model.requests().len(), 8);
    nothing_is_left(&gateway).await;
}

#[tokio::test]
async fn a_gateway_starts_as_soon_as_the_one_before_has_left() {
    let mut gateway = nobody().await;
    let gate = Gate::new();
    gateway.model.always(turn().says("never").waits_for(&gate));
    let person = gateway.cli_begins(&["agent", "-m", "hi"]);
    gate.reached().await;
    let stopped = gateway.cli(&["gateway", "stop"]).await;
    assert_eq!(stopped.code, 0, "{stopped:?}");
    gateway.start_again().await;
    let ran = ended(person).await;
    assert_eq!(ran.code, 69, "{ran:?}");
    assert!(ran.err.contains("the turn goes on"), "{ran:?}");
    // It does.
    gate.reached_by(2).await;
    eventually!(gateway.state_of(MAIN).await == "in turn");
}

#[tokio::test]
async fn a_chat_of_ones_own_leaves_nothing_behind_however_it_ends() {
    let gateway = nobody().await;
    gateway.model.always(turn().says("Yes."));
    let ran = gateway.cli_reading(&["chat"], "hi\nho\n").await;
    assert_eq!((ran.code, ran.out.as_str()), (0, "Yes.\nYes.\n"), "{ran:?}");
    assert_eq!(ran.err.trim(), format!("({SAYS_SO})"));
    nothing_is_left(&gateway).await;
    for signal in [
        nix::sys::signal::Signal::SIGKILL,
        nix::sys::signal::Signal::SIGTERM,
        nix::sys::signal::Signal::SIGHUP,
        nix::sys::signal::Signal::SIGINT,
    ] {
        let gate = Gate::new();
        gateway.model.always(turn().says("Yes.").waits_for(&gate));
        let mut person = gateway.cli_begins(&["chat"]);
        let mut types = person.stdin.take().unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut types, b"hi\n")
            .await
            .unwrap();
        gate.reached().await;
        process(&person).signal(signal);
        gate.open();
        drop(types);
        ended(person).await;
        nothing_is_left(&gateway).await;
    }
}

#[tokio::test]
async fn a_mistake_in_the_names_ends_the_gateway_too() {
    let gateway = nobody().await;
    let ran = gateway
        .cli(&["agent", "-m", "hi", "--agent", "nobody"])
        .await;
    assert_eq!(ran.code, 1, "{ran:?}");
    nothing_is_left(&gateway).await;
}
