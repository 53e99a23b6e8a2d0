//! Questions with buttons: who may answer, what the message says in the end, and that none seems to
//! work that does not.

use super::commands::Stage;
use serde_json::json;
use tests::telegram::Person;
use tests::{Shown, turn};

const COMMAND: &str = "touch was-here && echo `date`";

async fn asking() -> Stage {
    Stage::set(|config| {
        config["tools"] = json!({ "exec": { "security": "allowlist", "ask": "on-miss" } });
    })
    .await
}

fn scripts(stage: &Stage) {
    let call = turn().calls("exec", json!({ "command": COMMAND }));
    stage.gateway.model.script([call, turn().says("Seen.")]);
}

/// The question, as soon as it is there.
async fn question(person: &Person) -> Shown {
    let is_one = |shown: &Shown| shown.text.contains(COMMAND) && !shown.buttons.is_empty();
    person
        .sees_where("a question", |chat| chat.iter().any(is_one))
        .await;
    person.chat().into_iter().find(is_one).unwrap()
}

/// Waits until the question has become this, without buttons.
async fn becomes(person: &Person, question: &Shown, words: &str) {
    person
        .sees_where(words, |chat| {
            let shown = chat.iter().find(|shown| shown.id == question.id);
            shown.is_some_and(|shown| {
                shown.text.starts_with(words)
                    && shown.text.contains(COMMAND)
                    && shown.buttons.is_empty()
            })
        })
        .await;
}

#[tokio::test]
async fn a_command_runs_when_its_owner_taps_and_the_message_says_who() {
    let stage = asking().await;
    scripts(&stage);
    let alice = &stage.alice;
    alice.says("touch it").await;
    let asked = question(alice).await;
    assert_eq!(asked.marks(COMMAND), ["pre"]);
    assert!(!stage.gateway.workspace().join("was-here").exists());
    let answered = alice.taps(asked.id, "Allow once").await;
    assert!(
        !answered.alert && answered.text.starts_with("allowed once"),
        "{answered:?}"
    );
    becomes(alice, &asked, "Allowed once by Alice (telegram:").await;
    alice.sees("Seen.").await;
    assert!(stage.gateway.workspace().join("was-here").exists());
    // A screen that is old says the same again: it is told how it ended.
    let again = alice
        .taps_data(asked.id, asked.data_of("Deny").unwrap())
        .await;
    assert!(
        again.alert && again.text.contains("waits no more"),
        "{again:?}"
    );
}

#[tokio::test]
async fn a_denied_command_does_not_run() {
    let stage = asking().await;
    scripts(&stage);
    let alice = &stage.alice;
    alice.says("touch it").await;
    let asked = question(alice).await;
    alice.taps(asked.id, "Deny").await;
    becomes(alice, &asked, "Denied by Alice").await;
    alice.sees("Seen.").await;
    assert!(!stage.gateway.workspace().join("was-here").exists());
    let told = stage.gateway.model.last().tool_output("exec");
    assert!(told.contains("a person said no"), "{told}");
}

#[tokio::test]
async fn somebody_elses_tap_is_refused_and_the_question_stays() {
    let stage = asking().await;
    scripts(&stage);
    let devs = &stage.devs;
    let (alice, bob) = (stage.alice.at(devs), stage.bob.at(devs));
    bob.says("@our_bot touch it").await;
    let asked = question(&bob).await;
    let refused = bob.taps(asked.id, "Allow once").await;
    assert!(
        refused.alert && refused.text.contains("Only the owner"),
        "{refused:?}"
    );
    // Nor does typing it help.
    let data = asked.data_of("Allow once").unwrap();
    bob.asks(data, |shown| shown.text.contains("Only the owner"))
        .await;
    assert!(!stage.gateway.workspace().join("was-here").exists());
    assert_eq!(question(&bob).await.id, asked.id);
    alice.taps(asked.id, "Allow once").await;
    becomes(&bob, &asked, "Allowed once by Alice").await;
    devs.sees("Seen.").await;
}

#[tokio::test]
async fn a_question_whose_turn_is_stopped_is_void() {
    let stage = asking().await;
    scripts(&stage);
    let alice = &stage.alice;
    alice.says("touch it").await;
    let asked = question(alice).await;
    alice.says("/stop").await;
    becomes(alice, &asked, "It did not run").await;
    let late = alice
        .taps_data(asked.id, asked.data_of("Allow once").unwrap())
        .await;
    assert!(late.alert, "{late:?}");
    assert!(!stage.gateway.workspace().join("was-here").exists());
}

#[tokio::test]
async fn a_gateway_that_died_leaves_no_button_that_seems_to_work() {
    let mut stage = asking().await;
    scripts(&stage);
    stage.alice.says("touch it").await;
    let asked = question(&stage.alice).await;
    stage.gateway.kill9_and_start_again().await;
    let alice = &stage.alice;
    becomes(alice, &asked, "This can not be answered any more").await;
    let late = alice
        .taps_data(asked.id, asked.data_of("Allow once").unwrap())
        .await;
    assert!(late.alert, "{late:?}");
    assert!(!stage.gateway.workspace().join("was-here").exists());
    // It is asked again, with buttons that work.
    let again = question(alice).await;
    assert_ne!(again.id, asked.id);
    alice.taps(again.id, "Allow once").await;
    becomes(alice, &again, "Allowed once by Alice").await;
    alice.sees("Seen.").await;
}
