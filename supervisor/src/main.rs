//! The program `openclaw`: the gateway and its command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    supervisor::cli::main()
}
