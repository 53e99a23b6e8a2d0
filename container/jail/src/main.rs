//! `openclaw-jail`: reads a spec from stdin, builds the walls it describes, runs its program in
//! them, and ends as that ends. Started by the gateway, not by hand.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(jail::enter::enter())
}
