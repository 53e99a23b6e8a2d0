//! How answers become messages of Telegram, as it is. Included, not linked, as in `egress`.

#[path = "../../supervisor/src/channels/telegram/format/mod.rs"]
pub mod format;
#[path = "../../supervisor/src/channels/telegram/outgoing/mod.rs"]
pub mod outgoing;
#[path = "../../supervisor/src/channels/telegram/format/tests/telegram.rs"]
mod reader;

pub(crate) use reader::read;
