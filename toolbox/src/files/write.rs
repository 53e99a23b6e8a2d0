//! `write`: a whole file in one step.

use super::{Answer, regular};
use crate::place::Grounds;
use ipc::tool_args::WriteArgs;

/// Writes the file and says how much.
pub(super) fn write(grounds: &Grounds, args: &WriteArgs) -> Answer {
    let place = grounds.find(&args.path)?;
    let existed = regular::replace(&place, args.content.as_bytes(), None)?;
    let verb = if existed { "replaced" } else { "created" };
    let (bytes, lines) = (args.content.len(), args.content.lines().count());
    let s = if lines == 1 { "" } else { "s" };
    Ok(format!(
        "{verb} {}: {bytes} bytes, {lines} line{s}",
        place.shown
    ))
}
