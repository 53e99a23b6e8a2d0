//! Killed while tools run, and on both sides of that.

use super::stage::{DONE, End, Stage, let_go, lingers};
use super::victim::{Victim, lost};
use ipc::control::ReplyStatus;
use ipc::transcript::TranscriptItem;
use serde_json::json;
use std::collections::BTreeSet;
use tests::{Exchange, Gate, Gateway, eventually, turn};

/// What the model reads of a call nobody knows the end of.
const INTERRUPTED: &str = "[interrupted: the process that ran this call died";

impl Victim {
    /// What the model is told of a call that ran when this was killed.
    fn leaves_of(self, went: &'static str) -> &'static str {
        match self {
            // The mind is not the hand: the call goes on, and is waited for.
            Self::Agent => went,
            Self::Command => "[ended by signal 9]",
            Self::Jail | Self::Keeper | Self::Toolbox => INTERRUPTED,
            Self::Supervisor | Self::AgentAndSupervisor | Self::Nobody => INTERRUPTED,
        }
    }
}

#[tokio::test]
async fn killed_when_calls_are_stored_and_none_is_begun() {
    for victim in Victim::ALWAYS {
        let mut stage = Stage::set(Gateway::setup().await, &[victim]).await;
        let gate = Gate::new();
        stage.script([
            turn().calls("exec", lingers("a")).waits_for(&gate),
            turn().says(DONE),
        ]);
        stage.submits().await;
        stage.stops_at_answer(&gate).await;
        victim.is_killed_in(&mut stage).await;
        let_go(&stage.gateway, "a");
        stage.ends(End::new(2).ran("a", "went a")).await;
    }
}

#[tokio::test]
async fn killed_while_a_tool_runs() {
    for victim in Victim::WITH_TOOL {
        let mut stage = Stage::set(Gateway::setup().await, &[victim]).await;
        stage.script([turn().calls("exec", lingers("a")), turn().says(DONE)]);
        stage.submits().await;
        stage.ran("a").await;
        victim.is_killed_in(&mut stage).await;
        let_go(&stage.gateway, "a");
        stage
            .ends(End::new(2).ran("a", victim.leaves_of("went a")))
            .await;
    }
}

#[tokio::test]
async fn killed_while_tools_run_side_by_side() {
    for victim in Victim::WITH_TOOL {
        let mut stage = Stage::set(Gateway::setup().await, &[victim]).await;
        let all = ["a", "b", "c"];
        let calls = all
            .into_iter()
            .fold(turn(), |turn, line| turn.calls("exec", lingers(line)));
        stage.script([calls, turn().says(DONE)]);
        stage.submits().await;
        for line in all {
            stage.ran(line).await;
        }
        // The first one's processes are killed; the supervisor takes all with it.
        victim.is_killed_in(&mut stage).await;
        for line in all {
            let_go(&stage.gateway, line);
        }
        let of_others = |went| match victim.ends_gateway() {
            true => INTERRUPTED,
            false => went,
        };
        let end = End::new(2).ran("a", victim.leaves_of("went a"));
        let end = end
            .ran("b", of_others("went b"))
            .ran("c", of_others("went c"));
        stage.ends(end).await;
    }
}

#[tokio::test]
async fn killed_when_one_tool_has_ended_and_one_runs() {
    for victim in Victim::WITH_TOOL {
        let mut stage = Stage::set(Gateway::setup().await, &[victim]).await;
        let calls = turn()
            .calls("exec", lingers("a"))
            .calls("exec", lingers("b"));
        stage.script([calls, turn().says(DONE)]);
        stage.submits().await;
        stage.ran("a").await;
        stage.ran("b").await;
        let_go(&stage.gateway, "b");
        stage
            .has("outcome", |item| {
                matches!(item, TranscriptItem::Outcome { .. })
            })
            .await;
        victim.is_killed_in(&mut stage).await;
        let_go(&stage.gateway, "a");
        let end = End::new(2).ran("a", victim.leaves_of("went a"));
        stage.ends(end.ran("b", "went b")).await;
    }
}

#[tokio::test]
async fn killed_when_an_outcome_is_stored_and_the_agent_has_not_heard_of_it() {
    for victim in Victim::ALWAYS {
        let mut stage = Stage::set(Gateway::setup().await, &[victim]).await;
        stage.script([turn().calls("exec", lingers("a")), turn().says(DONE)]);
        stage.submits().await;
        stage.ran("a").await;
        stage.agent().await.freeze();
        let_go(&stage.gateway, "a");
        stage
            .has("outcome", |item| {
                matches!(item, TranscriptItem::Outcome { .. })
            })
            .await;
        victim.is_killed_in(&mut stage).await;
        stage.ends(End::new(2).ran("a", "went a")).await;
    }
}

#[tokio::test]
async fn killed_between_files() {
    let gateway = Gateway::start().await;
    let chat = gateway.chat();
    gateway.write("a.txt", "words of a");
    let read = || turn().calls("read", json!({ "path": "a.txt" }));
    // Idle, again and again. A call that meets a worker just as it dies is interrupted; the next one
    // has a worker of its own.
    for _ in 0..3 {
        gateway.model.script([read(), read(), turn().says("Read.")]);
        assert_eq!(chat.asks("read a").await.text, "Read.");
        assert_eq!(gateway.model.last().tool_output("read"), "words of a");
        for process in gateway.titled("files]") {
            process.kill9();
        }
        eventually!(gateway.titled("files]").is_empty());
    }
}

#[tokio::test]
async fn killed_while_a_file_is_written() {
    let gateway = Gateway::start().await;
    let chat = gateway.chat();
    let read = turn().calls("read", json!({ "path": "a.txt" }));
    gateway.write("a.txt", "words of a");
    gateway.model.script([read.clone(), turn().says("Read.")]);
    chat.asks("read a").await;
    // A worker that does nothing more, and then is dead.
    let worker = gateway.titled("openclaw-toolbox").remove(0);
    worker.freeze();
    let write = turn().calls("write", json!({ "path": "b.txt", "content": "words of b" }));
    gateway.model.script([write, read, turn().says("Well.")]);
    let mut exchange = chat.says("write b").await;
    let began = |seen: &Exchange| !seen.activities.is_empty();
    exchange.sees("the call", began).await;
    worker.kill9();
    assert_eq!(exchange.reply().await.text, "Well.");
    let last = gateway.model.last();
    let told = last.tool_output("write");
    assert!(told.contains(INTERRUPTED), "{told}");
    assert_eq!(last.tool_output("read"), "words of a");
    assert_eq!(gateway.read("b.txt"), "", "it is not run again");
}

#[tokio::test]
async fn stopped_though_the_toolbox_does_not_hear() {
    let gateway = Gateway::start().await;
    let session = "agent:main:deaf";
    gateway.model.script([turn().calls("exec", lingers("a"))]);
    let chat = gateway.chat_in(session);
    let mut exchange = chat.says("run it").await;
    eventually!(gateway.read("ran") == "a\n");
    let toolbox = gateway.titled("openclaw-toolbox").remove(0);
    toolbox.freeze();
    assert_eq!(chat.stops().await, "stopping");
    assert_eq!(exchange.reply().await.status, ReplyStatus::Cancelled);
    eventually!(gateway.titled(" job-").is_empty());
}

#[tokio::test]
async fn a_hundred_calls_of_one_answer_all_run_a_few_at_a_time() {
    let gateway = Gateway::start().await;
    let all = (0..100).fold(turn(), |turn, n| {
        turn.calls(
            "exec",
            json!({ "command": format!("echo {n} >> ran; echo ran {n}") }),
        )
    });
    gateway.model.script([all, turn().says(DONE)]);
    assert_eq!(gateway.chat().asks("do them all").await.text, DONE);
    let ran: BTreeSet<String> = gateway.read("ran").lines().map(str::to_owned).collect();
    assert_eq!(ran.len(), 100);
    let told = gateway.model.last().tool_outputs("exec");
    assert_eq!(told.len(), 100);
    assert!(told.iter().all(|told| told.starts_with("ran ")), "{told:?}");
}

#[tokio::test]
async fn killed_while_a_command_runs_in_the_background() {
    for victim in Victim::WITH_TOOL {
        let mut stage = Stage::set(Gateway::setup().await, &[victim]).await;
        let gate = Gate::new();
        let mut background = lingers("a");
        background["background"] = json!(true);
        stage.script([turn().calls("exec", background)]);
        // A toolbox that has not heard of its command's end yet is waited for.
        let patience = if victim == Victim::Command { 20_000 } else { 1 };
        let poll = json!({ "action": "poll", "sessionId": "job-1", "timeout": patience });
        let poll = turn().calls("process", poll);
        let times = 1 + lost(&[victim]);
        stage.script(vec![poll.waits_for(&gate); times]);
        let remove = json!({ "action": "remove", "sessionId": "job-1" });
        stage.script([turn().calls("process", remove), turn().says(DONE)]);
        stage.submits().await;
        gate.reached().await;
        stage.ran("a").await;
        victim.is_killed_in(&mut stage).await;
        gate.open();
        let end =
            End::new(3 + times).ran("a", "still running in the background as sessionId job-1");
        let polled = match victim {
            Victim::Agent => "running",
            Victim::Command => "signal 9",
            Victim::Jail | Victim::Keeper | Victim::Toolbox => "interrupted",
            Victim::Supervisor | Victim::AgentAndSupervisor | Victim::Nobody => {
                "there is no background command job-1"
            }
        };
        stage.ends(end.polled(polled)).await;
    }
}
