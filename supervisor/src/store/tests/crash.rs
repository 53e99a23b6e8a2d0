//! A writer killed at any moment: whatever it was told is stored is stored.

use super::{again, agent, answer, finished, message, open, opened, outcome, run, session, user};
use crate::store::{Begun, CallState, Durability, OpenSession, Store, StoreError};
use ipc::id::{CallRef, InputId, ItemId, TurnId};
use ipc::transcript::TranscriptItem;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Stdio};

const DIRECTORY: &str = "OPENCLAW_TEST_STORE_TO_WRITE";

/// What the writer says it was told.
#[derive(Debug, PartialEq)]
enum Told {
    Accepted { key: String, input: InputId },
    Begun { turn: TurnId, call: CallRef },
    Ended { call: CallRef },
    Finished { input: InputId, text: String },
}

#[test]
fn what_was_acknowledged_outlives_a_kill() {
    let home = tempfile::tempdir().unwrap();
    let mut told = Vec::new();
    for round in 0..30_usize {
        // Any number of lines: the kill lands in another place of the loop each time.
        let lines = (round * 7) % 23 + 1;
        let heard = write_and_be_killed(home.path(), lines);
        assert!(
            heard.len() >= lines,
            "the writer ended by itself: {heard:?}"
        );
        told.extend(heard);
        run(check(home.path(), &told));
    }
}

#[test]
fn a_second_gateway_is_told_of_the_first_until_that_dies() {
    let home = tempfile::tempdir().unwrap();
    let mut first = start_writer(home.path());
    let mut stdout = BufReader::new(first.stdout.take().unwrap()).lines();
    while parse(&stdout.next().unwrap().unwrap()).is_none() {}
    let file = home.path().join("state.sqlite");
    let pid = i32::try_from(first.id()).ok();
    let error = Store::open(&file).unwrap_err();
    assert_eq!(error, StoreError::InUse { file, pid });
    assert!(error.to_string().contains("OPENCLAW_STATE_DIR"), "{error}");
    first.kill().unwrap();
    first.wait().unwrap();
    open(home.path());
}

/// The process that is killed. Without its variable, it is no test at all.
#[test]
fn writer() {
    if let Some(directory) = std::env::var_os(DIRECTORY) {
        run(write(Path::new(&directory)));
    }
}

fn write_and_be_killed(directory: &Path, lines: usize) -> Vec<Told> {
    let mut child = start_writer(directory);
    let stdout = BufReader::new(child.stdout.take().unwrap());
    let mut said = stdout.lines().map(Result::unwrap).filter_map(|l| parse(&l));
    let mut heard: Vec<_> = said.by_ref().take(lines).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    heard.extend(said); // what it could still say before it died
    heard
}

fn start_writer(directory: &Path) -> Child {
    again("store::tests::crash::writer")
        .env(DIRECTORY, directory)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Turn after turn, taking up the one that was cut off first, as a driver would.
async fn write(directory: &Path) {
    let store = open(directory);
    let key = session("main");
    loop {
        let open = opened(&store, &key).await;
        let (turn, input) = match open.unfinished.clone() {
            Some(cut_off) => (cut_off.turn, cut_off.inputs[0]),
            None => begin(&store, &open).await,
        };
        let text = format!("reply of turn {turn}");
        let context = store.load_context(&open.id).await.unwrap();
        let asked = context.iter().rev().find_map(|(id, item)| match item {
            TranscriptItem::Answer { .. } => Some(Some(*id)),
            TranscriptItem::User { .. } => Some(None),
            TranscriptItem::Outcome { .. }
            | TranscriptItem::Note { .. }
            | TranscriptItem::Summary { .. } => None,
        });
        let asked = match asked.flatten() {
            Some(asked) => asked,
            None => {
                let id = ItemId(context.len() as u64).next();
                let items = vec![(id, answer("", 2))];
                store
                    .append(&open.id, turn, items, vec![], None)
                    .await
                    .unwrap();
                id
            }
        };
        for index in 0..2 {
            let call = CallRef { item: asked, index };
            run_call(&store, &open, turn, call).await;
        }
        let end = finished(input, &key, &text);
        store.finish_turn(&open.id, turn, end).await.unwrap();
        tell(&format!("finished {input} {text}"));
    }
}

async fn begin(store: &Store, open: &OpenSession) -> (TurnId, InputId) {
    let key = session("main");
    let input = match open.waiting.first() {
        Some(waiting) => waiting.id,
        None => {
            let name = format!("key-{}", open.next_turn);
            let input = store.accept(message(&name, &key)).await.unwrap().input;
            tell(&format!("accepted {input} {name}"));
            input
        }
    };
    let items = vec![(open.next_item, user(input, "words"))];
    let turn = open.next_turn;
    store
        .begin_turn(&open.id, turn, vec![input], items)
        .await
        .unwrap();
    (turn, input)
}

async fn run_call(store: &Store, open: &OpenSession, turn: TurnId, call: CallRef) {
    let state = store.calls_of(&open.id, call.item).await.unwrap();
    if state.contains(&(call.index, CallState::Ended)) {
        return;
    }
    let synced = Durability::Synced;
    let begun = store.begin_call(&open.id, turn, call, "exec", synced).await;
    let text = match begun.unwrap() {
        Begun::Fresh => {
            tell(&format!("begun {turn} {} {}", call.item, call.index));
            "done"
        }
        Begun::Again => "interrupted",
    };
    let id = ItemId(store.load_context(&open.id).await.unwrap().len() as u64).next();
    store
        .end_call(&open.id, turn, call, (id, outcome(call, text)))
        .await
        .unwrap();
    tell(&format!("ended {} {}", call.item, call.index));
}

fn tell(line: &str) {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "told: {line}").unwrap();
    stdout.flush().unwrap();
}

/// A line that was cut in the middle says nothing.
fn parse(line: &str) -> Option<Told> {
    let mut words = line.split_once("told: ")?.1.splitn(3, ' ');
    let what = words.next()?;
    let mut number = || words.next()?.parse::<u64>().ok();
    match what {
        "accepted" => Some(Told::Accepted {
            input: InputId(number()?),
            key: words.next()?.to_owned(),
        }),
        "begun" => {
            let turn = TurnId(number()?);
            let (item, index) = words.next()?.split_once(' ')?;
            let call = call_ref(item, index)?;
            Some(Told::Begun { turn, call })
        }
        "ended" => {
            let item = number()?.to_string();
            let call = call_ref(&item, words.next()?)?;
            Some(Told::Ended { call })
        }
        "finished" => Some(Told::Finished {
            input: InputId(number()?),
            text: words.next()?.to_owned(),
        }),
        _ => None,
    }
}

fn call_ref(item: &str, index: &str) -> Option<CallRef> {
    Some(CallRef {
        item: ItemId(item.parse().ok()?),
        index: index.parse().ok()?,
    })
}

async fn check(directory: &Path, told: &[Told]) {
    let store = open(directory);
    let key = session("main");
    let open = store.open_session(&key, &agent()).await.unwrap();
    let items = store.load_context(&open.id).await.unwrap();
    let numbers: Vec<u64> = items.iter().map(|(id, _)| id.0).collect();
    let gapless: Vec<u64> = (1..open.next_item.0).collect();
    assert_eq!(numbers, gapless);
    for told in told {
        check_one(&store, &open, told).await;
    }
}

async fn check_one(store: &Store, open: &OpenSession, told: &Told) {
    match told {
        Told::Accepted { key, input } => {
            let again = store.accept(message(key, &session("main"))).await.unwrap();
            assert!(again.again, "{told:?} was lost");
            assert_eq!(again.input, *input);
        }
        Told::Begun { turn, call } => {
            let begun = store
                .begin_call(&open.id, *turn, *call, "exec", Durability::Relaxed)
                .await;
            let refused = matches!(begun, Ok(Begun::Again) | Err(StoreError::WrongTurn { .. }));
            assert!(refused, "{told:?} would run again: {begun:?}");
        }
        Told::Ended { call } => {
            let states = store.calls_of(&open.id, call.item).await.unwrap();
            assert!(
                states.contains(&(call.index, CallState::Ended)),
                "{told:?} was lost"
            );
        }
        Told::Finished { input, text } => {
            let reply = store.reply_to(*input).await.unwrap();
            assert_eq!(reply.unwrap().text, *text);
        }
    }
}
