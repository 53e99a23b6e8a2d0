//! Killed when all is done, and the person may not have heard of it.

use super::stage::{DONE, End, Stage};
use super::victim::Victim;
use tests::{Gate, Gateway, turn};

#[tokio::test]
async fn killed_when_the_reply_is_in_the_outbox() {
    for victim in Victim::ALWAYS {
        let mut stage = Stage::set(Gateway::setup().await, &[victim]).await;
        let gate = Gate::new();
        stage.script([turn().says(DONE).waits_for(&gate)]);
        stage.submits().await;
        gate.reached().await;
        stage.leaves();
        gate.open();
        stage.is("idle").await;
        victim.is_killed_in(&mut stage).await;
        stage.ends(End::new(1)).await;
    }
}

#[tokio::test]
async fn killed_when_the_reply_is_delivered() {
    for victim in Victim::ALWAYS {
        let mut stage = Stage::set(Gateway::setup().await, &[victim]).await;
        stage.script([turn().says(DONE)]);
        stage.submits().await;
        stage.is_answered().await;
        stage.leaves();
        victim.is_killed_in(&mut stage).await;
        stage.ends(End::new(1)).await;
    }
}
