//! Sends what is no frame, or no message.

use ipc::agent::FromAgent;
use ipc::frame::MAX_FRAME;
use ipc::hello::Hello;
use tests::actor::Actor;

pub(crate) fn play(mut actor: Actor, what: &str) {
    match what {
        // Before a hello: bytes that mean nothing.
        "noise" => actor.sends(&[0xff; 64 * 1024]),
        // A frame that is too long, announced and never sent.
        "oversize" => {
            let _ = actor.begins_a_turn();
            let length = u32::try_from(MAX_FRAME + 1).expect("it fits");
            actor.sends(&length.to_le_bytes());
        }
        // The longest frame there may be, announced, and a byte of it.
        "promise" => {
            let _ = actor.begins_a_turn();
            let length = u32::try_from(MAX_FRAME).expect("it fits");
            actor.sends(&length.to_le_bytes());
            actor.sends(b"{");
        }
        "half" => {
            let _ = actor.begins_a_turn();
            actor.sends(&[40, 0, 0, 0]);
            actor.sends(b"{\"type\":\"tu");
            return;
        }
        "text" => {
            let _ = actor.begins_a_turn();
            actor.frames(b"I would like to speak to the manager");
        }
        "unknown" => {
            let _ = actor.begins_a_turn();
            actor.frames(br#"{"type":"root_shell","command":"id"}"#);
        }
        "deep" => {
            let _ = actor.begins_a_turn();
            actor.frames("[".repeat(1_000_000).as_bytes());
        }
        "version" => actor.says(&FromAgent::Hello(Hello {
            protocol: 999,
            version: "9.9.9".into(),
        })),
        "version-shape" => actor.frames(br#"{"type":"hello","protocol":"one"}"#),
        other => panic!("nobody garbles like {other}"),
    }
    actor.sulks();
}
