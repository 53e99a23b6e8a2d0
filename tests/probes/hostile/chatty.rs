//! Says far too much, all of it well-formed and at the right time.

use ipc::agent::{Ask, FromAgent, ToAgent};
use ipc::id::{CallId, ItemId};
use ipc::model::{ModelRequest, Purpose};
use tests::actor::Actor;

pub(crate) fn play(mut actor: Actor, what: &str) {
    let turn = actor.begins_a_turn().turn;
    let delta = |text: String| FromAgent::Delta { turn, text };
    match what {
        // A flood without end of what may be said.
        "deltas" => loop {
            actor.says(&delta("bla ".repeat(1000)));
        },
        // In words as long as a frame.
        "shouts" => loop {
            actor.says(&delta("bla ".repeat(3_900_000)));
        },
        // And of what may be taken back.
        "undeltas" => loop {
            actor.says(&FromAgent::Undelta { turn });
        },
        // Notes without end, each with its reply.
        "notes" => asks_for_ever(actor, || note("remember this")),
        // One that is a book.
        "book" => asks_for_ever(actor, || note(&"remember this ".repeat(100_000))),
        // The model, again and again, whatever it says.
        "asks" => asks_for_ever(actor, || model("You are a chatterbox.")),
        // With a prompt that is a library.
        "prompt" => asks_for_ever(actor, || model(&"You talk. ".repeat(1_000_000))),
        other => panic!("nobody talks like {other}"),
    }
}

fn note(text: &str) -> Ask {
    Ask::Note { text: text.into() }
}

fn model(instructions: &str) -> Ask {
    Ask::Model(ModelRequest {
        instructions: Some(instructions.into()),
        last: ItemId(1),
        purpose: Purpose::Answer,
    })
}

fn asks_for_ever(mut actor: Actor, ask: impl Fn() -> Ask) {
    for call in (1..).map(CallId) {
        actor.says(&FromAgent::Ask { call, ask: ask() });
        actor.waits_for(|heard| matches!(heard, ToAgent::Reply { .. }).then_some(()));
    }
}
