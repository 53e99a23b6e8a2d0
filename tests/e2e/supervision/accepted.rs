//! Killed when a message is accepted and its turn has not begun, or is about to go on.

use super::stage::{DONE, End, Stage};
use super::victim::{Victim, kill_at, lost};
use serde_json::json;
use tests::{Gate, Gateway, eventually, turn};

/// The session whose agents stop in their tracks before they say hello, as long as the probe is in
/// the place of `openclaw-agent`.
const LATE: &str = "agent:main:bad-late";

/// Waits until the session's agent has stopped before its hello.
async fn is_late(stage: &Stage) {
    let agent = stage.agent().await;
    eventually!(agent.status("State").starts_with('T'));
    stage.is("starting").await;
}

#[tokio::test]
async fn killed_before_the_agent_is_ready() {
    for killed in Victim::once_and_twice() {
        let mut stage = Stage::set_in(LATE, Gateway::setup().await, &killed).await;
        stage.gateway.put_program("openclaw-agent", "hostile");
        stage.script([turn().says(DONE)]);
        stage.submits().await;
        for (left, victim) in (0..killed.len()).rev().zip(&killed) {
            is_late(&stage).await;
            if left == 0 {
                stage.gateway.put_own("openclaw-agent");
            }
            victim.is_killed_in(&mut stage).await;
        }
        stage.ends(End::new(1)).await;
    }
}

#[tokio::test]
async fn killed_while_a_turn_is_being_taken_up_again() {
    for victim in Victim::ALWAYS {
        let killed = [Victim::Supervisor, victim];
        let mut stage = Stage::set_in(LATE, Gateway::setup().await, &killed).await;
        let gate = Gate::new();
        stage.script([turn().says(DONE).waits_for(&gate), turn().says(DONE)]);
        stage.submits().await;
        gate.reached().await;
        stage.gateway.put_program("openclaw-agent", "hostile");
        stage.kill_supervisor().await;
        is_late(&stage).await;
        stage.gateway.put_own("openclaw-agent");
        victim.is_killed_in(&mut stage).await;
        stage.ends(End::new(2)).await;
    }
}

#[tokio::test]
async fn killed_while_the_message_waits_behind_another_turn() {
    for killed in Victim::once_and_twice() {
        let setup = Gateway::setup().await;
        let setup = setup.config(|config| config["messages"]["queue"]["mode"] = json!("followup"));
        let mut stage = Stage::set(setup, &killed).await;
        stage.script([turn().says(DONE)]);
        let gate = Gate::new();
        let first = turn().says("First things first.").waits_for(&gate);
        let again = vec![first; lost(&killed) + 1];
        stage.gateway.model.script_for("something else", again);
        drop(
            stage
                .gateway
                .chat_in(stage.session())
                .says("something else")
                .await,
        );
        gate.reached().await;
        stage.submits().await;
        kill_at(&gate, &mut stage, &killed).await;
        stage.ends(End::new(1)).await;
    }
}

#[tokio::test]
async fn killed_while_the_agent_is_asked_to_hibernate() {
    for victim in Victim::ALWAYS {
        let setup = Gateway::setup().await;
        let setup = setup.config(|config| {
            config["agents"]["defaults"]["process"]["idleSeconds"] = json!(1);
        });
        let mut stage = Stage::set(setup, &[victim]).await;
        stage
            .gateway
            .model
            .script_for("hello", [turn().says("Hello.")]);
        stage.gateway.chat_in(stage.session()).asks("hello").await;
        stage.agent().await.freeze();
        stage.is("stopping").await;
        stage.script([turn().says(DONE)]);
        stage.submits().await;
        victim.is_killed_in(&mut stage).await;
        stage.ends(End::new(1)).await;
    }
}
