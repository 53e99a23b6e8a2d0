//! Killed while the model is at it, or just after its last word.

use super::stage::{DONE, End, Stage, let_go, lingers};
use super::victim::{Victim, kill_at, lost};
use serde_json::json;
use tests::gateway::Setup;
use tests::model::Turn;
use tests::{Gate, Gateway, turn};

/// A turn as often as it is lost, and once more to be heard.
fn once_more(turn: &Turn, killed: &[Victim]) -> Vec<Turn> {
    vec![turn.clone(); lost(killed) + 1]
}

#[tokio::test]
async fn killed_while_the_model_thinks() {
    for killed in Victim::once_and_twice() {
        let mut stage = Stage::set(Gateway::setup().await, &killed).await;
        let gate = Gate::new();
        let first = turn().calls("exec", lingers("a")).waits_for(&gate);
        stage.script(once_more(&first, &killed));
        stage.script([turn().says(DONE)]);
        stage.submits().await;
        kill_at(&gate, &mut stage, &killed).await;
        let_go(&stage.gateway, "a");
        stage
            .ends(End::new(2 + lost(&killed)).ran("a", "went a"))
            .await;
    }
}

#[tokio::test]
async fn killed_while_the_model_speaks() {
    for victim in Victim::ALWAYS {
        let mut stage = Stage::set(Gateway::setup().await, &[victim]).await;
        let gate = Gate::new();
        let speaks = turn().says(DONE).held_after(2, &gate);
        stage.script(once_more(&speaks, &[victim]));
        stage.submits().await;
        stage.shows("It is ").await;
        victim.is_killed_in(&mut stage).await;
        // Half an answer is taken back, or asked for and shown anew.
        let half = if victim.ends_gateway() { "It is " } else { "" };
        stage.shows(half).await;
        gate.open();
        stage.ends(End::new(1 + lost(&[victim]))).await;
    }
}

#[tokio::test]
async fn killed_while_the_model_thinks_about_what_a_tool_brought() {
    for killed in Victim::once_and_twice() {
        let mut stage = Stage::set(Gateway::setup().await, &killed).await;
        let gate = Gate::new();
        let_go(&stage.gateway, "a");
        stage.script([turn().calls("exec", lingers("a"))]);
        stage.script(once_more(&turn().says(DONE).waits_for(&gate), &killed));
        stage.submits().await;
        kill_at(&gate, &mut stage, &killed).await;
        stage
            .ends(End::new(2 + lost(&killed)).ran("a", "went a"))
            .await;
    }
}

#[tokio::test]
async fn killed_when_the_last_word_is_stored_and_the_turn_has_not_ended() {
    for victim in Victim::ALWAYS {
        let mut stage = Stage::set(Gateway::setup().await, &[victim]).await;
        let gate = Gate::new();
        stage.script([turn().says(DONE).waits_for(&gate)]);
        stage.submits().await;
        stage.stops_at_answer(&gate).await;
        victim.is_killed_in(&mut stage).await;
        // The model is not asked for what it has said.
        stage.ends(End::new(1)).await;
    }
}

/// A window of 50,000 tokens. Memory is written when 37,000 of them are taken, and history folded at
/// 40,000.
async fn small_window(memory_flush: bool) -> Setup {
    let setup = Gateway::setup().await;
    setup.config(|config| {
        config["agents"]["defaults"]["contextTokens"] = json!(50_000);
        config["agents"]["defaults"]["compaction"] = json!({
            "reserveTokensFloor": 10_000,
            "memoryFlush": { "enabled": memory_flush, "softThresholdTokens": 3000 },
        });
    })
}

/// Fills the window up to `tokens`, the last quarter with an answer, so that it is the next message
/// that meets a full window; `later` is what the model says as long as it hears of the story. By the
/// model's count and by an agent's own: a new one knows no other.
async fn tell_a_story(stage: &Stage, tokens: usize, later: impl IntoIterator<Item = Turn>) {
    let chat = stage.gateway.chat_in(stage.session());
    let model = &stage.gateway.model;
    model.script([turn().says("Good morning.")]);
    chat.asks("good morning").await;
    let first = model.last();
    let taken = first.system.len() / 4 + first.tools.len() * 250;

    let used = u64::try_from(tokens).unwrap();
    let long = |tokens: usize| "abc_".repeat(tokens);
    model.script_for("a story", [turn().says(&long(tokens / 4)).used(used, 10)]);
    let later = later.into_iter().map(|turn| turn.used(used, 10));
    model.script_for("a story", later);
    let story = long(tokens * 3 / 4 - taken);
    chat.asks(&format!("a story: {story}")).await;
}

#[tokio::test]
async fn killed_while_history_is_folded() {
    for victim in Victim::ALWAYS {
        let mut stage = Stage::set(small_window(false).await, &[victim]).await;
        let gate = Gate::new();
        // A summary is of use to the agent alone that asked for it: the next one asks for its own.
        let summary = turn().says("It was about nothing.").waits_for(&gate);
        tell_a_story(&stage, 42_000, [summary.clone(), summary]).await;
        stage.script([turn().says(DONE)]);
        stage.submits().await;
        gate.reached().await;
        victim.is_killed_in(&mut stage).await;
        gate.reached_by(2).await;
        gate.open();
        stage.ends(End::new(1)).await;
    }
}

#[tokio::test]
async fn killed_while_memory_is_written() {
    for victim in Victim::ALWAYS {
        let mut stage = Stage::set(small_window(true).await, &[victim]).await;
        let gate = Gate::new();
        // Which model call was the memory's is known to the agent alone: the next one begins anew.
        let flush = turn().says("NO_REPLY").waits_for(&gate);
        let summary = turn().says("It was about nothing.");
        tell_a_story(&stage, 38_000, [flush.clone(), flush, summary]).await;
        stage.script([turn().says(DONE)]);
        stage.submits().await;
        gate.reached().await;
        victim.is_killed_in(&mut stage).await;
        gate.open();
        stage.ends(End::new(3)).await;
    }
}
