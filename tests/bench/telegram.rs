//! Telegram: how soon an update is a question to the model, how soon the model's last word is in the
//! chat, how a thousand chats at once are answered, and how fast a long queue is taken in.

use crate::gateway::{self, Gateway};
use crate::mock::Mock;
use crate::{Row, mib, ms, procfs};
use anyhow::{Result, ensure};
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};
use tests::telegram::{Person, Rates, TOKEN, Telegram};

const CHATS: usize = 1000;
const QUEUED: usize = 10_000;

pub(crate) async fn rows(programs: &Path, mock: &Mock) -> Result<Vec<Row>> {
    let mut rows = one_chat(programs, mock).await?;
    rows.extend(burst(programs, mock).await?);
    rows.push(queued(programs, mock).await?);
    Ok(rows)
}

fn config(mock: &Mock, telegram: &Telegram) -> Value {
    let mut config = gateway::config(&mock.base_url);
    config["channels"]["telegram"] = json!({
        "enabled": true, "botToken": TOKEN, "apiRoot": telegram.root(),
        "dmPolicy": "open", "allowFrom": ["*"],
    });
    config["session"]["dmScope"] = json!("per-channel-peer");
    config["agents"]["defaults"]["process"] = json!({ "idleSeconds": 2 });
    config
}

/// One person, who waits for each answer.
async fn one_chat(programs: &Path, mock: &Mock) -> Result<Vec<Row>> {
    let telegram = Telegram::start();
    // What is rude is told by its row.
    telegram.excuse("");
    telegram.set_rates(Rates::none());
    // The last word is an edit.
    telegram.forget_drafts();
    let mut config = config(mock, &telegram);
    config["agents"]["defaults"]["process"] = json!({ "idleSeconds": 600 });
    let _gateway = Gateway::start_with(programs, &config).await?;
    let alice = telegram.person("Alice");
    let mut heard = Vec::new();
    for run in 0..65 {
        telegram.is_polled().await;
        mock.take();
        let began = Instant::now();
        alice
            .asks("say something", |shown| shown.text == "All done.")
            .await;
        let seen = mock.take();
        ensure!(seen.len() == 1, "{} requests for one message", seen.len());
        // The first ones start the agent.
        if run >= 5 {
            heard.push(ms(seen[0].asked.saturating_duration_since(began)));
        }
    }
    let mut told = Vec::new();
    for _ in 0..15 {
        mock.take();
        let began = Instant::now();
        alice
            .asks("bench-told", |shown| shown.text.ends_with("The end."))
            .await;
        let answered = mock.take().into_iter().map(|seen| seen.answered).max();
        // An answer of which nothing was shown before it was whole comes as a message of its own.
        let edits = telegram.calls_of("editMessageText").into_iter();
        let said = edits.chain(telegram.calls_of("sendMessage"));
        let last = said.map(|call| call.at).filter(|at| *at > began).max();
        if let Some((at, answered)) = last.zip(answered) {
            told.push(ms(at.saturating_duration_since(answered)));
        }
    }
    Ok(vec![
        Row::new("Telegram: update → model request, warm", 5.0, "ms", heard),
        Row::new(
            "Telegram: model's last token → final edit or message",
            10.0,
            "ms",
            told,
        ),
    ])
}

/// A thousand people at once, twice; the second time, memory is what it was.
async fn burst(programs: &Path, mock: &Mock) -> Result<Vec<Row>> {
    let telegram = Telegram::start();
    // What is rude is told by its row.
    telegram.excuse("");
    let gateway = Gateway::start_with(programs, &config(mock, &telegram)).await?;
    let people: Vec<Person> = (0..CHATS)
        .map(|n| telegram.person(&format!("P{n}")))
        .collect();
    let first = all_answered(&people).await;
    let before = settled(&gateway).await;
    let second = all_answered(&people).await;
    let after = settled(&gateway).await;
    let refused = telegram
        .calls()
        .iter()
        .filter(|call| call.status == 429)
        .count();
    #[expect(clippy::cast_precision_loss, reason = "a thousand")]
    let bar = CHATS as f64 / 30.0 + 1.0;
    let grown = mib(after) - mib(before);
    Ok(vec![
        Row::new(
            "Telegram: 1,000 chats in one burst, all answered",
            bar,
            "s",
            vec![first, second],
        ),
        #[expect(clippy::cast_precision_loss, reason = "a few")]
        Row::new(
            "the same, refused for their pace",
            0.0,
            "",
            vec![refused as f64],
        ),
        Row::new(
            "the same, the gateway's PSS after",
            40.0,
            "MiB",
            vec![mib(after)],
        ),
        Row::new(
            "the same, more after the second burst",
            2.0,
            "MiB",
            vec![grown],
        ),
    ])
}

async fn all_answered(people: &[Person]) -> f64 {
    let answers: Vec<usize> = people.iter().map(|person| person.heard().len()).collect();
    let began = Instant::now();
    for person in people {
        person.says("say something").await;
    }
    for (person, answers) in people.iter().zip(answers) {
        person.sees_more_than(answers).await;
    }
    began.elapsed().as_secs_f64()
}

/// The gateway's own memory when no agent is left, and nobody waits for the next message: the least
/// that it comes down to.
async fn settled(gateway: &Gateway) -> u64 {
    let root = gateway.child.id();
    let deadline = Instant::now() + Duration::from_secs(95);
    let mut least = u64::MAX;
    while Instant::now() < deadline {
        if procfs::tree(root).len() == 1 {
            least = least.min(procfs::pss(root));
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    least
}

/// From the start of a gateway until ten thousand waiting updates are stored and confirmed.
async fn queued(programs: &Path, mock: &Mock) -> Result<Row> {
    let mut runs = Vec::new();
    for _ in 0..3 {
        let telegram = Telegram::start();
        // What is rude is told by its row.
        telegram.excuse("");
        let people: Vec<Person> = (0..100)
            .map(|n| telegram.person(&format!("P{n}")))
            .collect();
        for n in 0..QUEUED {
            people[n % people.len()].says(&format!("message {n}")).await;
        }
        let began = Instant::now();
        let _gateway = Gateway::start_with(programs, &config(mock, &telegram)).await?;
        telegram.all_confirmed().await;
        runs.push(began.elapsed().as_secs_f64());
    }
    let what = "Telegram: 10,000 waiting updates, stored and confirmed";
    Ok(Row::new(what, 3.0, "s", runs))
}
