//! `openclaw completion`.

use super::{Cli, CliError, ExitCode, out};
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
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "openclaw", &mut script);
    out::print(&String::from_utf8_lossy(&script))?;
    Ok(ExitCode::SUCCESS)
}
