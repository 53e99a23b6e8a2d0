//! The program `openclaw-toolbox ROLE`, with its link on stdin.

use std::process::ExitCode;

fn main() -> ExitCode {
    toolbox::run()
}
