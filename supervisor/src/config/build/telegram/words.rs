//! The words of `channels.telegram`, and what they stand for.

use super::super::super::telegram::{
    Chunk, DmPolicy, GroupPolicy, InlineButtons, ReactionLevel, ReactionNotifications, ReplyMode,
    Streaming,
};
use super::super::super::view::View;

pub(super) const DM_POLICY: &[(&str, DmPolicy)] = &[
    ("pairing", DmPolicy::Pairing),
    ("allowlist", DmPolicy::Allowlist),
    ("open", DmPolicy::Open),
    ("disabled", DmPolicy::Disabled),
];

pub(super) const GROUP_POLICY: &[(&str, GroupPolicy)] = &[
    ("open", GroupPolicy::Open),
    ("allowlist", GroupPolicy::Allowlist),
    ("disabled", GroupPolicy::Disabled),
];

pub(super) const CHUNK: &[(&str, Chunk)] =
    &[("length", Chunk::Length), ("newline", Chunk::Newline)];

pub(super) const REPLY: &[(&str, ReplyMode)] = &[
    ("off", ReplyMode::Off),
    ("first", ReplyMode::First),
    ("all", ReplyMode::All),
];

pub(super) const NOTIFICATIONS: &[(&str, ReactionNotifications)] = &[
    ("off", ReactionNotifications::Off),
    ("own", ReactionNotifications::Own),
    ("all", ReactionNotifications::All),
];

pub(super) const LEVEL: &[(&str, ReactionLevel)] = &[
    ("off", ReactionLevel::Off),
    ("ack", ReactionLevel::Ack),
    ("minimal", ReactionLevel::Minimal),
    ("extensive", ReactionLevel::Extensive),
];

const BUTTONS: &[(&str, InlineButtons)] = &[
    ("off", InlineButtons::Off),
    ("dm", InlineButtons::Dm),
    ("group", InlineButtons::Group),
    ("all", InlineButtons::All),
    ("allowlist", InlineButtons::Allowlist),
];

const STREAMING: &[(&str, Streaming)] = &[
    ("off", Streaming::Off),
    ("partial", Streaming::Partial),
    ("block", Streaming::Block),
    ("progress", Streaming::Progress),
];

/// `streaming`, as a word, a flag or an object, else by its older name.
pub(super) fn streaming(view: &View<'_>, older: &View<'_>) -> Streaming {
    let flag = |on| {
        if on {
            Streaming::Partial
        } else {
            Streaming::Off
        }
    };
    let said = view.one_of(STREAMING).or(view.flag().map(flag));
    said.or(view.get("mode").one_of(STREAMING))
        .or(older.one_of(STREAMING))
        .unwrap_or_default()
}

/// `capabilities`: an object, or the list it was.
pub(super) fn inline_buttons(view: &View<'_>) -> InlineButtons {
    let listed = view.texts().unwrap_or_default();
    let all = listed
        .iter()
        .any(|name| name.eq_ignore_ascii_case("inlineButtons"));
    let own = view.get("inlineButtons").one_of(BUTTONS);
    own.unwrap_or(if all {
        InlineButtons::All
    } else {
        InlineButtons::default()
    })
}

/// `commands.native`; `auto` is where the channel has a menu, and Telegram has one.
pub(in super::super) fn native(view: &View<'_>) -> Option<bool> {
    view.flag().or(view.one_of(&[("auto", true)]))
}
