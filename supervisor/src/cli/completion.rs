//! `openclaw completion`.

use super::{Cli, CliError, ExitCode};
use clap::CommandFactory as _;
use clap_complete::Shell;

/// Print a shell's completion script.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Which shell.
    #[arg(value_enum)]
    shell: Shell,
}

pub(super) fn run(args: &Args) -> Result<ExitCode, CliError> {
    clap_complete::generate(
        args.shell,
        &mut Cli::command(),
        "openclaw",
        &mut std::io::stdout(),
    );
    Ok(ExitCode::SUCCESS)
}
