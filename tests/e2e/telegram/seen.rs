//! Telegram as whoever runs the gateway sees it.

use ipc::control::PartHealth;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tests::telegram::http;
use tests::{Fault, Gateway, eventually, turn};

const WORK: &str = "987654321:AAanother-token-that-no-child-may-see_12";

/// The lines of `health` about Telegram, by name.
async fn lines(gateway: &Gateway) -> BTreeMap<String, PartHealth> {
    let parts = gateway.health().await.channels.into_iter();
    let ours = parts.filter(|part| part.name.starts_with("Telegram"));
    ours.map(|part| (part.name.clone(), part)).collect()
}

/// What `health` says of the default account.
async fn line(gateway: &Gateway) -> String {
    let lines = lines(gateway).await;
    lines
        .get("Telegram")
        .map_or_else(String::new, |part| part.detail.clone())
}

async fn status(gateway: &Gateway, args: &[&str]) -> (i32, Vec<Value>) {
    let ran = gateway
        .cli(&[&["channels", "status", "--json"], args].concat())
        .await;
    let channels = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{ran:?}"));
    (ran.code, channels)
}

/// The figures of channels, by name and labels.
async fn figures(gateway: &Gateway) -> BTreeMap<String, f64> {
    let at = gateway.address().await;
    let (status, page) = http::ask(at, "GET /metrics", &[], b"").await.unwrap();
    assert_eq!(status, 200);
    let page = String::from_utf8(page).unwrap();
    let ours = page
        .lines()
        .filter_map(|line| line.strip_prefix("openclaw_channel_"));
    let figure = |line: &str| {
        let (name, value) = line.rsplit_once(' ').unwrap();
        (name.to_owned(), value.parse().unwrap())
    };
    ours.map(figure).collect()
}

#[tokio::test]
async fn a_bot_that_works_says_so_everywhere() {
    let gateway = Gateway::setup().await.telegram(|_| {}).start().await;
    gateway.telegram().is_polled().await;
    eventually!(
        line(&gateway).await == "ok (@our_bot)",
        "{}",
        line(&gateway).await
    );
    let health = gateway.cli(&["health"]).await.ok();
    assert!(health.contains("Telegram: ok (@our_bot)\n"), "{health}");

    eventually!(
        gateway
            .cli(&["channels"])
            .await
            .out
            .contains("polling, last heard "),
        "{:?}",
        gateway.cli(&["channels"]).await
    );
    let said = gateway.cli(&["channels", "status"]).await.ok();
    assert!(said.starts_with("Telegram: ok (@our_bot)\n"), "{said}");
    assert!(said.contains("0 waiting, 0 held"), "{said}");

    let (code, channels) = status(&gateway, &["--probe"]).await;
    assert_eq!((code, channels.len()), (0, 1));
    let channel = &channels[0];
    assert_eq!(channel["channel"], "telegram");
    assert_eq!(channel["account"], "default");
    assert_eq!(
        (&channel["ok"], &channel["mode"]),
        (&json!(true), &json!("polling"))
    );
    assert_eq!(channel["last_error"], Value::Null);

    let listed = gateway
        .cli(&["channels", "list", "--json"])
        .await
        .json::<Value>();
    assert_eq!(listed[0]["dm_policy"], "open");
    let at = gateway.address().await;
    let (_, ready) = http::ask(at, "GET /ready", &[], b"").await.unwrap();
    let ready: Value = serde_json::from_slice(&ready).unwrap();
    let parts = ready["parts"].as_array().unwrap();
    assert!(
        parts
            .iter()
            .any(|part| part["name"] == "Telegram" && part["ok"] == true),
        "{ready}"
    );
    assert!(
        !gateway.log().contains("that-no-child-may-see"),
        "{}",
        gateway.log()
    );
}

#[tokio::test]
async fn another_program_that_polls_is_named_and_forgiven() {
    let gateway = Gateway::setup().await.telegram(|_| {}).start().await;
    let bot = gateway.telegram();
    bot.is_polled().await;
    bot.fail("getUpdates", usize::MAX, Fault::Conflict);
    bot.is_polled_by_another();
    const WORDS: &str = "another program polls this token";
    eventually!(
        line(&gateway).await.contains(WORDS),
        "{}",
        line(&gateway).await
    );
    assert!(line(&gateway).await.starts_with("failing ("));
    let ran = gateway.cli(&["health"]).await;
    assert_eq!(ran.code, 1, "{ran:?}");
    let ran = gateway.cli(&["channels", "status"]).await;
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(
        ran.out.contains("Telegram: failing (") && ran.out.contains(WORDS),
        "{ran:?}"
    );

    gateway.model.script([turn().says("Here.")]);
    bot.recover();
    bot.person("Alice")
        .asks("hi", |shown| shown.text == "Here.")
        .await;
    eventually!(
        line(&gateway).await == "ok (@our_bot)",
        "{}",
        line(&gateway).await
    );
    let (_, channels) = status(&gateway, &[]).await;
    let last = channels[0]["last_error"][1].as_str().unwrap().to_owned();
    assert!(last.contains(WORDS), "{last}");
}

#[tokio::test]
async fn a_refused_token_stops_the_bot_and_says_what_to_do() {
    let mut gateway = Gateway::setup().await.telegram(|_| {}).laid_out();
    gateway
        .telegram()
        .fail("*", usize::MAX, Fault::Unauthorized);
    gateway.start_again().await;
    eventually!(
        line(&gateway).await.starts_with("failing ("),
        "{}",
        line(&gateway).await
    );
    let said = line(&gateway).await;
    assert!(
        said.contains("@BotFather") && said.contains("botToken"),
        "{said}"
    );
    let (code, channels) = status(&gateway, &["--probe"]).await;
    assert_eq!((code, &channels[0]["ok"]), (1, &json!(false)));
    let ready = || async {
        let at = gateway.address().await;
        let (code, page) = http::ask(at, "GET /ready", &[], b"").await.unwrap();
        let page: Value = serde_json::from_slice(&page).unwrap();
        (code, page["failing"].clone())
    };
    eventually!(
        ready().await == (503, json!(["Telegram"])),
        "{:?}",
        ready().await
    );

    // A token that is good mends it, without a restart.
    let pid = gateway.process().pid;
    gateway.telegram().recover();
    let work = gateway.telegram().bot(WORK, "work_bot");
    gateway.change_config(|config| config["channels"]["telegram"]["botToken"] = json!(WORK));
    work.is_polled().await;
    eventually!(
        line(&gateway).await == "ok (@work_bot)",
        "{}",
        line(&gateway).await
    );
    assert_eq!(gateway.process().pid, pid);
}

#[tokio::test]
async fn a_probe_asks_the_server_now() {
    let gateway = Gateway::setup().await.telegram(|_| {}).start().await;
    let bot = gateway.telegram();
    eventually!(
        line(&gateway).await == "ok (@our_bot)",
        "{}",
        line(&gateway).await
    );
    let asked = bot.calls_of("getMe").len();
    let (code, _) = status(&gateway, &[]).await;
    assert_eq!((code, bot.calls_of("getMe").len()), (0, asked));
    bot.fail("getMe", usize::MAX, Fault::BadGateway);
    let (code, channels) = status(&gateway, &["--probe"]).await;
    assert_eq!(
        (code, &channels[0]["ok"]),
        (1, &json!(false)),
        "{channels:?}"
    );
    assert!(
        channels[0]["detail"].as_str().unwrap().contains("502"),
        "{channels:?}"
    );
    bot.recover();
    let (code, _) = status(&gateway, &["--probe"]).await;
    assert_eq!(code, 0);
}

#[tokio::test]
async fn what_a_bot_does_is_counted() {
    let gateway = Gateway::setup()
        .await
        .telegram(|telegram| telegram["streaming"] = json!("off"));
    let gateway = gateway.start().await;
    let bot = gateway.telegram();
    bot.is_polled().await;
    let of = |name: &str| format!("{name}{{channel=\"telegram\",account=\"default\"}}");
    let before = figures(&gateway).await;
    for name in [
        "updates_total",
        "unreadable_total",
        "sent_total",
        "edits_total",
    ] {
        assert_eq!(before[&of(name)], 0.0, "{name} in {before:?}");
    }
    gateway
        .model
        .script([turn().says("One."), turn().says("Two.")]);
    bot.fail_next("sendMessage", Fault::TooMany(1));
    let alice = bot.person("Alice");
    alice.asks("one", |shown| shown.text == "One.").await;
    alice.asks("two", |shown| shown.text == "Two.").await;
    bot.push_raw(json!({ "nonsense": [] }));
    bot.all_confirmed().await;
    let failed = "failures_total{channel=\"telegram\",account=\"default\",kind=\"too_many\"}";
    let counted = |figures: &BTreeMap<String, f64>| {
        (
            figures[&of("sent_total")] >= 2.0,
            figures[&of("updates_total")],
            figures[failed],
            figures[&of("waiting")],
            figures[&of("unsent")],
        )
    };
    eventually!(
        counted(&figures(&gateway).await) == (true, 3.0, 1.0, 0.0, 0.0),
        "{:#?}",
        figures(&gateway).await
    );
    let after = figures(&gateway).await;
    assert_eq!(after[&of("up")], 1.0);
    assert!(after[&of("poll_age_seconds")] < 60.0, "{after:?}");
    assert_eq!(after[&of("lag_seconds")], 0.0);
}

#[tokio::test]
async fn one_bot_that_fails_is_none_of_the_others_business() {
    let setup = Gateway::setup().await.telegram(|telegram| {
        telegram["accounts"] = json!({ "work": { "botToken": WORK } });
    });
    let mut gateway = setup.laid_out();
    let work = gateway.telegram().bot(WORK, "work_bot");
    work.fail("getUpdates", usize::MAX, Fault::BadGateway);
    gateway.start_again().await;
    eventually!(
        line(&gateway).await == "ok (@our_bot)"
            && lines(&gateway).await["Telegram work"]
                .detail
                .starts_with("failing ("),
        "{:#?}",
        lines(&gateway).await
    );
    gateway.model.script([turn().says("Here.")]);
    let alice = gateway.telegram().person("Alice");
    alice.asks("hi", |shown| shown.text == "Here.").await;
    let (code, channels) = status(&gateway, &[]).await;
    let accounts: Vec<_> = channels
        .iter()
        .map(|channel| channel["account"].clone())
        .collect();
    assert_eq!((code, accounts), (1, vec![json!("default"), json!("work")]));
    let ups = figures(&gateway).await;
    let up = |account: &str| ups[&format!("up{{channel=\"telegram\",account=\"{account}\"}}")];
    assert_eq!((up("default"), up("work")), (1.0, 0.0));

    work.recover();
    work.is_polled().await;
    eventually!(
        lines(&gateway).await["Telegram work"].detail == "ok (@work_bot)",
        "{:#?}",
        lines(&gateway).await
    );
}

#[tokio::test]
async fn a_bot_comes_and_goes_with_the_configuration() {
    let gateway = Gateway::setup()
        .await
        .telegram(|telegram| telegram["enabled"] = json!(false));
    let gateway = gateway.start().await;
    let pid = gateway.process().pid;
    assert!(lines(&gateway).await.is_empty());
    let none = gateway.cli(&["channels", "status"]).await.ok();
    assert!(none.contains("TELEGRAM_BOT_TOKEN"), "{none}");

    let enabled = |on: bool| {
        gateway.change_config(|config| config["channels"]["telegram"]["enabled"] = json!(on));
    };
    enabled(true);
    gateway.telegram().is_polled().await;
    eventually!(
        line(&gateway).await == "ok (@our_bot)",
        "{}",
        line(&gateway).await
    );
    enabled(false);
    eventually!(
        lines(&gateway).await.is_empty(),
        "{:?}",
        lines(&gateway).await
    );
    assert_eq!(gateway.process().pid, pid);
}

#[tokio::test]
async fn the_variable_alone_makes_a_bot() {
    let gateway = Gateway::setup().await.telegram(|telegram| {
        telegram.as_object_mut().unwrap().remove("botToken");
    });
    let gateway = gateway.file(
        ".env",
        &format!("TELEGRAM_BOT_TOKEN={}\n", tests::telegram::TOKEN),
    );
    let gateway = gateway.start().await;
    gateway.telegram().is_polled().await;
    eventually!(
        line(&gateway).await == "ok (@our_bot)",
        "{}",
        line(&gateway).await
    );
    let shown = gateway.cli(&["config", "get"]).await.out + &gateway.log();
    assert!(!shown.contains("that-no-child-may-see"), "{shown}");
}

#[tokio::test]
async fn the_doctor_sees_open_doors_and_open_files() {
    let gateway = Gateway::setup().await.telegram(|_| {});
    let gateway = gateway.file("credentials/telegram-allowFrom.json", r#"{"version": 1}"#);
    let gateway = gateway.laid_out();
    let ran = gateway.cli(&["doctor"]).await;
    assert!(
        ran.out
            .contains("BAD Telegram: default: anybody may write to it in private"),
        "{ran:?}"
    );
    assert!(
        ran.out
            .contains("telegram-allowFrom.json is open to others"),
        "{ran:?}"
    );
    gateway.change_config(|config| config["channels"]["telegram"]["dmPolicy"] = json!("pairing"));
    gateway.change_config(|config| config["channels"]["telegram"]["allowFrom"] = json!([42]));
    let ran = gateway.cli(&["doctor", "--fix"]).await;
    assert!(ran.out.contains("ok  Telegram: default: set up"), "{ran:?}");
    let ran = gateway.cli(&["doctor"]).await;
    assert!(!ran.out.contains("telegram-allowFrom.json"), "{ran:?}");

    gateway.change_config(|config| config["channels"]["telegram"]["botToken"] = json!("123:short"));
    let ran = gateway.cli(&["doctor"]).await;
    assert!(
        ran.out
            .contains("channels.telegram.botToken: expected a bot's token"),
        "{ran:?}"
    );
    assert!(!ran.out.contains("123:short"), "{ran:?}");
}

#[tokio::test]
async fn a_file_of_pairings_that_can_not_be_read_is_named() {
    let setup = Gateway::setup().await.telegram(|_| {});
    let gateway = setup.file("credentials/telegram-pairing.json", "{ half");
    let gateway = gateway.start().await;
    let ran = gateway.cli(&["health"]).await;
    assert!(
        ran.code == 1 && ran.out.contains("telegram-pairing.json"),
        "{ran:?}"
    );
    let ran = gateway.cli(&["pairing"]).await;
    assert!(
        ran.code == 1 && ran.err.contains("telegram-pairing.json"),
        "{ran:?}"
    );
}
