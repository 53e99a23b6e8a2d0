//! The program `openclaw-agent`: one session's mind, started by the supervisor with one end of a
//! socketpair as its stdin. Exit codes: [`agent_proc::fault::Fault`].

use std::process::ExitCode;

fn main() -> ExitCode {
    agent_proc::run()
}
