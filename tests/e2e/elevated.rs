//! Wider walls for a command: only where they are configured, only for whom, only when switched on;
//! on record, and never wide enough for a key.

use ipc::approval::{ApprovalDecision, ApprovalRequest};
use ipc::control::{Activity, FromSupervisor, ToSupervisor};
use ipc::transcript::TranscriptItem;
use serde_json::{Value, json};
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt as _;
use tests::model::KEY;
use tests::{Exchange, Gateway, MAIN, eventually, turn};

/// A gateway whose operator may have commands elevated; `change` may say otherwise. In the home lie a
/// folder that only elevated commands see, and a key.
async fn gateway(change: impl FnOnce(&mut Value)) -> Gateway {
    let mut gateway = Gateway::setup().await.laid_out();
    let home = gateway.home().to_owned();
    for (folder, file, text) in [
        ("wide", "note", "a note\n"),
        (".ssh", "id", "a secret key\n"),
    ] {
        std::fs::create_dir(home.join(folder)).unwrap();
        std::fs::write(home.join(folder).join(file), text).unwrap();
    }
    gateway.change_config(|config| {
        config["tools"] = json!({ "elevated": {
            "enabled": true,
            "allowFrom": { "cli": ["*"] },
            "walls": { "readPaths": [home.join("wide"), home.join(".ssh"), gateway.state_dir()] },
        } });
        change(config);
    });
    gateway.start_again().await;
    gateway
}

/// One command of the model's, elevated or not, and what it reads of the outcome.
async fn runs(gateway: &Gateway, command: &str, elevated: bool) -> String {
    let mut exchange = begins(gateway, command, elevated, command).await;
    exchange.reply().await;
    gateway.model.last().tool_output("exec")
}

/// A message that makes the model run a command.
async fn begins(gateway: &Gateway, command: &str, elevated: bool, message: &str) -> Exchange {
    let arguments = json!({ "command": command, "elevated": elevated });
    gateway
        .model
        .script([turn().calls("exec", arguments), turn().says("Read.")]);
    gateway.chat().says(message).await
}

async fn says(gateway: &Gateway, directive: &str) -> String {
    gateway.chat().asks(directive).await.text
}

fn note(gateway: &Gateway) -> String {
    format!("cat {}", gateway.home().join("wide/note").display())
}

/// The walls that the session's calls ran behind.
async fn behind(gateway: &Gateway) -> Vec<String> {
    let items = gateway.transcript(MAIN).await;
    let walls = |item| match item {
        TranscriptItem::Outcome { behind, .. } => {
            Some(behind.map(|behind| behind.walls).unwrap_or_default())
        }
        _ => None,
    };
    items.into_iter().filter_map(walls).collect()
}

#[tokio::test]
async fn an_elevated_command_sees_more_and_still_no_key() {
    let gateway = gateway(|_| {}).await;
    let note = note(&gateway);
    let off = runs(&gateway, &note, true).await;
    assert!(off.contains("/elevated on"), "{off}");
    let said = says(&gateway, "/elevated full").await;
    assert!(
        said.contains("full") && said.contains("out of reach"),
        "{said}"
    );
    let seen = runs(&gateway, &note, true).await;
    assert_eq!(seen, "a note\n");
    let narrow = runs(&gateway, &note, false).await;
    assert!(narrow.contains("No such file"), "{narrow}");

    let (home, state) = (gateway.home().display(), gateway.state_dir());
    let state = state.display();
    let command = format!(
        "cat {home}/.ssh/id {state}/openclaw.json; ls -A {home}/.ssh {state} {state}/state; \
         env; cat /proc/[0-9]*/environ; cat {state}/state/*; echo done"
    );
    let all = runs(&gateway, &command, true).await;
    assert!(all.contains("done"), "{all}");
    for secret in ["a secret key", KEY, "openclaw.sqlite", "control.sock"] {
        assert!(!all.contains(secret), "{secret} in {all}");
    }
    assert_eq!(behind(&gateway).await, ["", "elevated", "exec", "elevated"]);
    let log = || std::fs::read_to_string(gateway.state_dir().join("logs/audit.jsonl"));
    let has = |part: &str| {
        let log = log().unwrap_or_default();
        let mut elevated = log.lines().filter(|line| line.contains("\"elevated\""));
        elevated.any(|line| line.contains(part) && line.contains("cli:local"))
    };
    eventually!(has("full") && has("wide/note"), "{:?}", log());
}

#[tokio::test]
async fn an_elevated_command_writes_where_it_may_and_owns_nothing() {
    let gateway = gateway(|config| {
        let wide = config["tools"]["elevated"]["walls"]["readPaths"][0].clone();
        config["tools"]["elevated"]["walls"]["writePaths"] = json!([wide, "/etc", "/"]);
    })
    .await;
    let made = gateway.home().join("wide/made");
    let command = format!(
        "echo made > {}; touch /etc/x /x .git/config .bashrc",
        made.display()
    );
    says(&gateway, "/elevated on").await;
    let narrow = runs(&gateway, &command, false).await;
    assert!(!made.exists(), "{narrow}");
    let wide = runs(&gateway, &command, true).await;
    assert_eq!(std::fs::read_to_string(&made).unwrap(), "made\n", "{wide}");
    let owner = |path: &std::path::Path| std::fs::metadata(path).unwrap().uid();
    assert_eq!(owner(&made), owner(gateway.home()));
    for kept in ["/etc/x", "/x"] {
        assert!(!std::path::Path::new(kept).exists(), "{kept}: {wide}");
    }
    // What is protected in a workspace is so behind all walls.
    assert_eq!(gateway.read(".bashrc"), "");
}

#[tokio::test]
async fn an_elevated_command_has_the_network_that_is_configured() {
    let gateway = gateway(|_| {}).await;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let command = format!("exec 3<>/dev/tcp/127.0.0.1/{port} && echo reached");
    says(&gateway, "/elevated on").await;
    let narrow = runs(&gateway, &command, false).await;
    assert!(!narrow.contains("reached"), "{narrow}");
    let wide = runs(&gateway, &command, true).await;
    assert!(wide.contains("reached"), "{wide}");
}

#[tokio::test]
async fn it_stays_on_over_restarts_and_ends_with_the_session() {
    let mut gateway = gateway(|_| {}).await;
    let note = note(&gateway);
    says(&gateway, "/elevated on").await;
    gateway.restart().await;
    assert!(says(&gateway, "/elevated").await.contains("on"));
    assert_eq!(runs(&gateway, &note, true).await, "a note\n");
    gateway.kill9_and_start_again().await;
    assert_eq!(runs(&gateway, &note, true).await, "a note\n");
    gateway.chat().resets().await;
    let after = runs(&gateway, &note, true).await;
    assert!(after.contains("elevated commands are off"), "{after}");
    says(&gateway, "/elevated on").await;
    let off = says(&gateway, "/elevated off").await;
    assert!(off.contains("off"), "{off}");
    assert!(runs(&gateway, &note, true).await.contains("are off"));
}

#[tokio::test]
async fn what_is_said_for_one_message_holds_for_that_one() {
    let gateway = gateway(|_| {}).await;
    let note = note(&gateway);
    let mut exchange = begins(&gateway, &note, true, "/elevated on read the note").await;
    exchange.reply().await;
    assert_eq!(gateway.model.last().tool_output("exec"), "a note\n");
    assert!(runs(&gateway, &note, true).await.contains("are off"));
}

#[tokio::test]
async fn asking_asks_each_time_and_full_never() {
    let gateway = gateway(|config| config["tools"]["exec"] = json!({ "ask": "always" })).await;
    let note = note(&gateway);
    let is_asked = |seen: &Exchange| {
        let asked = |activity: &Activity| matches!(activity, Activity::ApprovalAsked(_));
        seen.activities.iter().any(asked)
    };
    for mode in ["ask", "on"] {
        says(&gateway, &format!("/elevated {mode}")).await;
        let mut exchange = begins(&gateway, &note, true, "read").await;
        exchange.sees("a question", is_asked).await;
        let request = exchange
            .activities
            .iter()
            .find_map(|activity| match activity {
                Activity::ApprovalAsked(request) => Some(request.clone()),
                _ => None,
            });
        let request = request.unwrap();
        assert!(request.elevated);
        let approve = ToSupervisor::Approve {
            id: request.id,
            decision: ApprovalDecision::AllowOnce,
        };
        let done = gateway.control().await.ask(&approve).await;
        assert!(matches!(done, FromSupervisor::Done { .. }), "{done:?}");
        exchange.reply().await;
        assert_eq!(gateway.model.last().tool_output("exec"), "a note\n");
    }
    says(&gateway, "/elevated full").await;
    let mut exchange = begins(&gateway, &note, true, "read").await;
    exchange.reply().await;
    assert!(!is_asked(&exchange));
    assert_eq!(gateway.model.last().tool_output("exec"), "a note\n");
}

#[tokio::test]
async fn whoever_is_not_named_says_mere_words() {
    type Change = fn(&mut Value);
    let cases: [(&str, Change); 3] = [
        ("tools.elevated.enabled", |config| {
            config["tools"]["elevated"]["enabled"] = json!(false);
        }),
        ("tools.elevated.allowFrom", |config| {
            config["tools"]["elevated"]["allowFrom"] = json!({ "cli": ["somebody"] });
        }),
        ("agents.list[].tools.elevated.allowFrom", |config| {
            config["agents"]["list"] = json!([
                { "id": "main", "tools": { "elevated": { "allowFrom": { "telegram": ["7"] } } } },
            ]);
        }),
    ];
    for (key, change) in cases {
        let gateway = gateway(change).await;
        gateway.model.script([turn().says("What do you mean?")]);
        let mut exchange = gateway.chat().says("/elevated on").await;
        assert_eq!(exchange.reply().await.text, "What do you mean?");
        let told = exchange.notices();
        assert!(
            told.iter().any(|notice| notice.contains(key)),
            "{key}: {told:?}"
        );
        assert_eq!(gateway.model.last().last_user(), "/elevated on");
        let denied = runs(&gateway, &note(&gateway), true).await;
        assert!(denied.contains(key), "{key}: {denied}");
    }
}

#[tokio::test]
async fn a_session_can_begin_elevated() {
    let gateway = gateway(|config| {
        config["agents"]["defaults"]["elevatedDefault"] = json!("on");
    })
    .await;
    let note = note(&gateway);
    assert_eq!(runs(&gateway, &note, true).await, "a note\n");
    says(&gateway, "/elevated off").await;
    assert!(runs(&gateway, &note, true).await.contains("are off"));
}

#[tokio::test]
async fn a_shell_left_in_the_wider_walls_obeys_only_while_they_are_on() {
    let gateway = gateway(|_| {}).await;
    says(&gateway, "/elevated on").await;
    let start = json!({ "command": "cat; echo left", "background": true, "elevated": true });
    let began = gateway.chat().calls("exec", start).await;
    let (_, rest) = began.split_once("sessionId ").unwrap();
    let job = rest.split([';', ' ']).next().unwrap().to_owned();
    let write = || json!({ "action": "write", "sessionId": job, "data": "words\n" });
    let poll = || json!({ "action": "poll", "sessionId": job, "timeout": 5000 });
    gateway.chat().calls("process", write()).await;
    let seen = gateway.chat().calls("process", poll()).await;
    assert!(seen.contains("words"), "{seen}");
    assert_eq!(behind(&gateway).await, ["elevated"; 3]);
    says(&gateway, "/elevated off").await;
    let denied = gateway.chat().calls("process", write()).await;
    assert!(denied.contains("elevated commands are off"), "{denied}");
    let list = || json!({ "action": "list" });
    let ended = gateway.chat().calls("process", list()).await;
    assert!(
        ended.contains("stopped: elevated commands were switched off"),
        "{ended}"
    );
}

#[tokio::test]
async fn a_turn_that_was_cut_off_is_elevated_as_it_was() {
    let mut gateway = gateway(|_| {}).await;
    let note = note(&gateway);
    let arguments = json!({ "command": note, "elevated": true });
    gateway
        .model
        .script([turn().calls("exec", arguments), turn().says("Read.")]);
    let words = "/elevated ask read the note";
    gateway.chat().says_keyed(words, "the-key").await;
    eventually!(waits(&gateway).await.is_some());
    gateway.kill9_and_start_again().await;
    eventually!(waits(&gateway).await.is_some(), "{}", gateway.log());
    let request = waits(&gateway).await.unwrap();
    assert!(request.elevated);
    let approve = ["approvals", "approve", &request.id];
    assert_eq!(gateway.cli(&approve).await.code, 0);
    let mut exchange = gateway.chat().says_keyed(words, "the-key").await;
    assert_eq!(exchange.reply().await.text, "Read.");
    assert_eq!(gateway.model.last().tool_output("exec"), "a note\n");
}

async fn waits(gateway: &Gateway) -> Option<ApprovalRequest> {
    match gateway.control().await.ask(&ToSupervisor::Approvals).await {
        FromSupervisor::Approvals { pending } => pending.into_iter().next(),
        other => panic!("no list: {other:?}"),
    }
}
