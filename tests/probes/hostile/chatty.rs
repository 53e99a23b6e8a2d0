//! Says far too much.

use ipc::agent::FromAgent;
use tests::actor::Actor;

pub(crate) fn play(mut actor: Actor, what: &str) {
    let turn = actor.begins_a_turn().turn;
    match what {
        // A flood without end of what may be said.
        "deltas" => loop {
            actor.says(&FromAgent::Delta {
                turn,
                text: "bla ".repeat(1000),
            });
        },
        // And of what may be taken back.
        "undeltas" => loop {
            actor.says(&FromAgent::Undelta { turn });
        },
        other => panic!("nobody talks like {other}"),
    }
}
