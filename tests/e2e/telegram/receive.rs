//! Updates come in, whatever goes wrong on their way: none is lost, none is answered twice.

use super::greets;
use ipc::control::ChannelStatus;
use serde_json::{Value, json};
use std::net::SocketAddr;
use tests::telegram::{Person, http};
use tests::{Fault, Gate, Gateway, eventually, turn};

/// How the one bot is, as the command line tells.
async fn status(gateway: &Gateway) -> ChannelStatus {
    let ran = gateway.cli(&["channels", "status", "--json"]).await;
    // Its exit code tells whether all is well, which is what some of these stories are about.
    let told: Vec<ChannelStatus> = serde_json::from_str(&ran.out).unwrap();
    told.into_iter().next().unwrap()
}

/// Waits until the channel is as it should be.
async fn is_told(gateway: &Gateway, what: &str, holds: impl Fn(&ChannelStatus) -> bool) {
    let mut last = status(gateway).await;
    let end = std::time::Instant::now() + tests::PATIENCE;
    while !holds(&last) {
        assert!(std::time::Instant::now() < end, "{what}: {last:#?}");
        last = status(gateway).await;
    }
}

fn answers(person: &Person) -> usize {
    let chat = person.chat();
    chat.iter().filter(|message| message.is_ours()).count()
}

async fn has_answers(person: &Person, count: usize) {
    person
        .sees_where(&format!("{count} answers"), |chat| {
            chat.iter().filter(|shown| shown.text == "Hello.").count() == count
        })
        .await;
}

#[tokio::test]
async fn what_is_said_twice_or_in_the_wrong_order_is_answered_once() {
    let gateway = greets(|_| {}).await;
    let bot = gateway.telegram();
    let alice = bot.person("Alice");
    alice.says("one").await;
    has_answers(&alice, 1).await;
    bot.all_confirmed().await;
    bot.repeat_updates(1);
    bot.reorder_updates();
    alice.says("two").await;
    has_answers(&alice, 2).await;
    bot.all_confirmed().await;
    bot.repeat_updates(2);
    alice.says("three").await;
    has_answers(&alice, 3).await;
    bot.all_confirmed().await;
    bot.is_idle().await;
    assert_eq!(answers(&alice), 3);
    assert_eq!(gateway.model.requests().len(), 3);
}

#[tokio::test]
async fn what_can_not_be_read_is_counted_and_skipped() {
    let gateway = greets(|_| {}).await;
    let bot = gateway.telegram();
    bot.push_raw(json!({ "message": { "chat": "nowhere" } }));
    bot.push_raw(json!({ "message": { "chat": { "id": 5, "type": "private" } } }));
    bot.push_raw(json!({ "of_the_future": { "with": ["anything"] } }));
    let alice = bot.person("Alice");
    alice.says("hi").await;
    has_answers(&alice, 1).await;
    bot.all_confirmed().await;
    is_told(&gateway, "two are unreadable", |told| {
        told.unreadable == 2 && told.waiting == 0 && told.ok
    })
    .await;
}

#[tokio::test]
async fn another_program_that_polls_is_named_and_nothing_is_lost() {
    let gateway = greets(|_| {}).await;
    let bot = gateway.telegram();
    let alice = bot.person("Alice");
    bot.is_polled().await;
    bot.fail("getUpdates", 1, Fault::Conflict);
    bot.is_polled_by_another();
    is_told(&gateway, "a conflict", |told| {
        !told.ok && told.detail.contains("another program polls this token")
    })
    .await;
    alice.says("hi").await;
    has_answers(&alice, 1).await;
    is_told(&gateway, "well again", |told| {
        told.ok && told.last_error.is_some()
    })
    .await;
}

#[tokio::test]
async fn a_webhook_that_somebody_set_is_removed() {
    let gateway = greets(|_| {}).await;
    let bot = gateway.telegram();
    bot.is_polled().await;
    bot.sets_webhook("https://elsewhere.example/hook");
    let alice = bot.person("Alice");
    alice.says("hi").await;
    has_answers(&alice, 1).await;
    assert_eq!(bot.webhook(), None);
    for call in bot.calls_of("deleteWebhook") {
        assert_ne!(call.params["drop_pending_updates"], true);
    }
}

#[tokio::test]
async fn a_token_that_is_refused_stops_the_channel_and_nothing_else() {
    let gateway = greets(|_| {}).await;
    let bot = gateway.telegram();
    bot.is_polled().await;
    bot.fail_next("getUpdates", Fault::Unauthorized);
    // Ends the look that waits.
    bot.person("Alice").says("hi").await;
    is_told(&gateway, "stopped", |told| {
        !told.ok && told.detail.contains("@BotFather") && told.detail.contains("botToken")
    })
    .await;
    let asked = bot.calls_of("getUpdates").len();
    assert_eq!(gateway.chat().asks("still there?").await.text, "Hello.");
    assert_eq!(bot.calls_of("getUpdates").len(), asked);
}

#[tokio::test]
async fn a_server_out_of_order_is_asked_again() {
    let gateway = greets(|_| {}).await;
    let bot = gateway.telegram();
    let alice = bot.person("Alice");
    bot.is_polled().await;
    for (n, fault) in [
        Fault::BadGateway,
        Fault::Drop,
        Fault::DropAfter,
        Fault::TooMany(1),
        Fault::Refused(500, "Internal Server Error".to_owned()),
    ]
    .into_iter()
    .enumerate()
    {
        bot.fail_next("getUpdates", fault);
        alice.says("hi").await;
        has_answers(&alice, n + 1).await;
    }
    bot.all_confirmed().await;
    is_told(&gateway, "well again", |told| told.ok).await;
    assert_eq!(gateway.model.requests().len(), 5);
}

#[tokio::test]
async fn the_gateway_waits_for_a_server_that_is_not_there_yet() {
    let setup = Gateway::setup().await.telegram(|_| {});
    let mut gateway = setup.laid_out();
    gateway.model.always(turn().says("Hello."));
    gateway.telegram().fail("getMe", 2, Fault::BadGateway);
    let alice = gateway.telegram().person("Alice");
    alice.says("hi").await;
    gateway.start_again().await;
    has_answers(&alice, 1).await;
}

#[tokio::test]
async fn a_look_that_hangs_is_given_up() {
    let gateway = greets(|telegram| telegram["pollingStallThresholdMs"] = json!(2000)).await;
    let bot = gateway.telegram();
    bot.is_polled().await;
    let gate = Gate::new();
    bot.fail_next("getUpdates", Fault::Slow(gate.clone()));
    let alice = bot.person("Alice");
    alice.says("one").await;
    gate.reached().await;
    alice.says("two").await;
    has_answers(&alice, 2).await;
    is_told(&gateway, "it was silent", |told| {
        let said = told.last_error.as_ref().map(|(_, said)| said.as_str());
        told.ok && said.is_some_and(|said| said.contains("silent for 2 s"))
    })
    .await;
    gate.open();
}

/// Where the gateway listens for pushed updates.
async fn webhook_address(gateway: &Gateway) -> SocketAddr {
    let found = || {
        let log = gateway.log();
        let (_, rest) = log.split_once("is listened for on ")?;
        rest.split_whitespace().next()?.parse().ok()
    };
    eventually!(found().is_some());
    found().unwrap()
}

#[tokio::test]
async fn updates_are_pushed_to_who_shows_the_secret_and_nobody_else() {
    let gateway = greets(|telegram| {
        telegram["webhookUrl"] = json!("https://bot.example/telegram-webhook");
        telegram["webhookSecret"] = json!("s3cret_word");
        telegram["webhookPort"] = json!(0);
    })
    .await;
    let bot = gateway.telegram();
    let address = webhook_address(&gateway).await;
    bot.webhook_leads_to(address);
    let alice = bot.person("Alice");
    alice.says("hi").await;
    has_answers(&alice, 1).await;
    assert!(bot.calls_of("getUpdates").is_empty());
    let (url, secret) = bot.webhook().unwrap();
    assert_eq!(url, "https://bot.example/telegram-webhook");
    assert_eq!(secret, "s3cret_word");

    let forged = json!({ "update_id": 999_999, "message": {
        "message_id": 999, "date": 1_700_000_000, "text": "forged",
        "chat": { "id": alice.id(), "type": "private", "first_name": "Alice" },
        "from": { "id": alice.id(), "is_bot": false, "first_name": "Alice" },
    }});
    let forged = forged.to_string();
    let post = "POST /telegram-webhook";
    let secret = "X-Telegram-Bot-Api-Secret-Token";
    for (line, headers, body, status) in [
        (post, vec![], forged.as_bytes(), 401),
        (post, vec![(secret, "s3cret_wor")], forged.as_bytes(), 401),
        (
            post,
            vec![(secret, "s3cret_word")],
            b"no json".as_slice(),
            400,
        ),
        (
            "POST /",
            vec![(secret, "s3cret_word")],
            forged.as_bytes(),
            404,
        ),
        ("GET /telegram-webhook", vec![], b"".as_slice(), 405),
    ] {
        let answer = http::ask(address, line, &headers, body).await.unwrap();
        assert_eq!(answer.0, status, "{line} {headers:?}");
    }
    let long = vec![b' '; 1024 * 1024 + 1];
    let shown = [(secret, "s3cret_word")];
    let answer = http::ask(address, post, &shown, &long).await;
    // It may hang up before all of it is said.
    assert!(answer.is_err() || answer.unwrap().0 == 413);
    alice.says("again").await;
    has_answers(&alice, 2).await;
    let requests = gateway.model.requests();
    assert!(
        !requests
            .iter()
            .any(|seen| seen.last_user().contains("forged"))
    );
}

#[tokio::test]
async fn each_bot_has_its_own_people() {
    let other_token = "987654321:AAanother-token-that-no-child-may-see";
    let setup = Gateway::setup().await.telegram(|telegram| {
        telegram["accounts"] = json!({ "other": { "botToken": other_token } });
    });
    let mut gateway = setup.laid_out();
    gateway.model.always(turn().says("Hello."));
    // The server knows it before anybody asks in its name.
    let other = gateway.telegram().bot(other_token, "other_bot");
    gateway.start_again().await;
    let alice = gateway.telegram().person("Alice");
    let bob = other.person("Bob");
    alice.says("hi").await;
    bob.says("hi").await;
    has_answers(&alice, 1).await;
    has_answers(&bob, 1).await;
    let told: Value = gateway
        .cli(&["channels", "status", "--probe", "--json"])
        .await
        .json();
    let names: Vec<_> = told
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["name"])
        .collect();
    assert_eq!(names, ["@our_bot", "@other_bot"]);
}

#[tokio::test]
async fn a_kill_between_storing_and_confirming_loses_and_repeats_nothing() {
    let mut gateway = greets(|_| {}).await;
    let bot = gateway.telegram();
    let alice = bot.person("Alice");
    bot.is_polled().await;
    // What is handed out now is stored, and never confirmed.
    bot.fail("getUpdates", 1, Fault::BadGateway);
    let gate = Gate::new();
    bot.fail("getUpdates", 1, Fault::Slow(gate.clone()));
    alice.says("one").await;
    gate.reached().await;
    gateway.kill9();
    let bot = gateway.telegram();
    gate.open();
    bot.recover();
    alice.says("two").await;
    gateway.start_again().await;
    has_answers(&alice, 2).await;
    let bot = gateway.telegram();
    bot.all_confirmed().await;
    bot.is_idle().await;
    assert_eq!(answers(&alice), 2);
}

#[tokio::test]
async fn what_was_handled_is_not_handled_again_by_the_next_gateway() {
    let mut gateway = greets(|_| {}).await;
    let alice = gateway.telegram().person("Alice");
    for n in 1..=3 {
        alice.says("hi").await;
        has_answers(&alice, n).await;
        gateway.telegram().repeat_updates(n);
        gateway.kill9_and_start_again().await;
    }
    gateway.telegram().all_confirmed().await;
    gateway.telegram().is_idle().await;
    assert_eq!(answers(&alice), 3);
    assert_eq!(gateway.model.requests().len(), 3);
}

#[tokio::test]
async fn an_album_and_a_long_text_are_one_message() {
    let gateway = greets(|_| {}).await;
    let alice = gateway.telegram().person("Alice");
    let long = "word ".repeat(819);
    alice.says(long.trim_end()).await;
    alice.says("and the end").await;
    has_answers(&alice, 1).await;
    assert!(
        gateway
            .model
            .request(0)
            .last_user()
            .ends_with("word\nand the end")
    );
    alice.sends_album(&[b"one", b"two"], "both").await;
    has_answers(&alice, 2).await;
    gateway.telegram().is_idle().await;
    assert_eq!(gateway.model.requests().len(), 2);
}

#[tokio::test]
async fn what_waited_at_the_server_is_stored_and_confirmed_before_it_is_handled() {
    let setup = Gateway::setup().await;
    let mut gateway = setup
        .telegram(|t| t["dmPolicy"] = json!("disabled"))
        .laid_out();
    let bot = gateway.telegram();
    for n in 0..2000 {
        let who = json!({ "id": 1000 + n % 200, "is_bot": false, "first_name": "Somebody" });
        bot.push_raw(json!({ "message": {
            "message_id": n, "date": 1_700_000_000, "text": "hi", "from": who,
            "chat": { "id": who["id"], "type": "private", "first_name": "Somebody" },
        }}));
    }
    gateway.start_again().await;
    gateway.telegram().all_confirmed().await;
    is_told(&gateway, "all handled", |told| told.waiting == 0 && told.ok).await;
    let asked = gateway.telegram().calls_of("getUpdates").len();
    assert!(asked < 30, "{asked} looks");
}

#[tokio::test]
async fn what_a_session_can_not_take_waits_until_it_can() {
    let setup = Gateway::setup().await.telegram(|_| {});
    let queue = json!({ "queue": { "mode": "followup", "cap": 1 } });
    let gateway = setup
        .config(|config| config["messages"] = queue)
        .start()
        .await;
    let gate = Gate::new();
    gateway
        .model
        .script([turn().says("Hello.").waits_for(&gate)]);
    gateway.model.always(turn().says("Hello."));
    let bot = gateway.telegram();
    let alice = bot.person("Alice");
    for n in 1..=5 {
        alice.says(&format!("number {n}")).await;
    }
    gate.reached().await;
    is_told(&gateway, "three wait", |told| told.waiting == 3).await;
    assert_eq!(bot.unconfirmed(), 0, "they wait here, not at the server");
    gate.open();
    has_answers(&alice, 5).await;
    for n in 1..=5 {
        let words = gateway.model.request(n - 1).last_user().to_owned();
        assert!(words.contains(&format!("number {n}")), "{words}");
    }
    is_told(&gateway, "none waits", |told| told.waiting == 0).await;
}
