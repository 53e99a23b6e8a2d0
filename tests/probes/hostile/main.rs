//! A hostile mind in the place of `openclaw-agent`: what it is told by nobody, it does. Which part it
//! plays is the end of its session's name (see `tests::actor`); in any other session it is the real
//! agent.
#![expect(
    clippy::expect_used,
    clippy::wildcard_enum_match_arm,
    reason = "an actor that can not go on has failed"
)]

mod chatty;
mod forger;
mod garbled;
mod stubborn;

use std::process::ExitCode;
use tests::actor::{Actor, part};

fn main() -> ExitCode {
    let Some(part) = part() else {
        return agent_proc::run();
    };
    if part == "late" {
        // Not hostile, but stopped before it says a word, until somebody lets it go on.
        nix::sys::signal::raise(nix::sys::signal::Signal::SIGSTOP).expect("it stops");
        return agent_proc::run();
    }
    let actor = Actor::on_stage();
    match part.split_once('-') {
        Some(("chatty", what)) => chatty::play(actor, what),
        Some(("forger", what)) => forger::play(actor, what),
        Some(("garbled", what)) => garbled::play(actor, what),
        Some(("stubborn", what)) => stubborn::play(actor, what),
        _ => panic!("no part is called {part}"),
    }
    ExitCode::SUCCESS
}
