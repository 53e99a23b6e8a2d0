//! Does not do what it is told, and above all does not go.

use ipc::agent::FromAgent;
use ipc::hello::Hello;
use nix::sys::signal::{SigSet, Signal};
use tests::actor::Actor;

pub(crate) fn play(mut actor: Actor, what: &str) {
    // Blocked, they are ignored for as long as it lives; only SIGKILL is left.
    let signals: SigSet = [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP]
        .into_iter()
        .collect();
    signals.thread_block().expect("signals can be blocked");
    match what {
        // Is never ready.
        "mute" => actor.sulks(),
        // Is ready, and ignores Shutdown.
        "idle" => {
            actor.says(&FromAgent::Hello(Hello::ours()));
            loop {
                let _ = actor.hears();
            }
        }
        // Takes a turn, and ignores Cancel.
        "turn" => {
            let _ = actor.begins_a_turn();
            loop {
                let _ = actor.hears();
            }
        }
        // Takes a turn, and does not even read any more.
        "deaf" => {
            let _ = actor.begins_a_turn();
            actor.sulks();
        }
        // Takes a turn, hangs up, and does not go.
        "gone" => {
            let _ = actor.begins_a_turn();
            actor.hangs_up();
            actor.sulks();
        }
        // Falls over its own feet.
        "panic" => panic!("this mind has lost its thread"),
        // Dies at once, every time.
        "dead" => {}
        // Dies with every turn.
        "frail" => {
            let _ = actor.begins_a_turn();
        }
        other => panic!("nobody sulks like {other}"),
    }
}
