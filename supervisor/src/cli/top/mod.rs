//! `openclaw top`: what every session uses, live or once.
//!
//! ```text
//! terminal ──keys──▶ state ──draws──▶ view ──▶ screen
//! gateway ◀──feed──▶  │ a pure function of what happened
//! ```

mod live;
mod once;
mod feed;
mod screen;
mod view;
mod look;
mod keys;
mod state;
mod event;
mod detail;
mod summary;
mod order;
mod columns;
#[cfg(test)]
mod samples;

use super::{CliError, ExitCode, on_one_thread};
use columns::Column;
use order::Order;
use std::io::{self, IsTerminal as _};

/// Watch what sessions use, live.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Print it once and leave, for scripts.
    #[arg(long)]
    once: bool,
    /// Print JSON (with --once).
    #[arg(long, requires = "once")]
    json: bool,
    /// Sort by this column: numbers from the greatest, text from A.
    #[arg(long, value_enum, value_name = "COLUMN", default_value = "cpu")]
    sort: Column,
    /// Sort the other way round.
    #[arg(short, long)]
    reverse: bool,
    /// Only sessions with this in their key, state or tool.
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    filter: String,
}

pub(super) fn run(args: &Args) -> Result<ExitCode, CliError> {
    let order = Order {
        column: args.sort,
        reversed: args.reverse,
    };
    if args.once {
        once::print(order, &args.filter, args.json)?;
        return Ok(ExitCode::SUCCESS);
    }
    if !(io::stdin().is_terminal() && io::stdout().is_terminal()) {
        return Err(anyhow::anyhow!("there is no terminal to draw on; say top --once").into());
    }
    on_one_thread(live::show(order, args.filter.clone()))?;
    Ok(ExitCode::SUCCESS)
}
