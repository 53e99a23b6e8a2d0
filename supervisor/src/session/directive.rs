//! Messages that begin with a word for the session itself rather than for its model. Pure.

use crate::config::ElevatedMode;
use ipc::approval::ApprovalDecision;

/// What such a message wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Directive<'a> {
    /// `/approve ID WORD`.
    Approve {
        /// Which question.
        id: &'a str,
        /// The word on it.
        decision: ApprovalDecision,
    },
    /// `/approve`, and something that is no word on a question.
    ApproveHow,
    /// `/elevated MODE`: from now on.
    Elevate(ElevatedMode),
    /// `/elevated MODE …`: for this one message, the rest of which is for the model.
    ElevateHere(ElevatedMode),
    /// `/elevated`: how does it stand?
    Elevated,
    /// `/elevated`, and something that is no mode.
    ElevateHow,
}

/// Reads a message; `None` where it is one for the model.
pub(super) fn read(text: &str) -> Option<Directive<'_>> {
    let (command, rest) = split(text.trim());
    match command.to_ascii_lowercase().as_str() {
        "/approve" => Some(approve(rest)),
        "/elevated" | "/elev" => Some(elevate(rest)),
        _ => None,
    }
}

/// How `/elevated` is told.
pub(super) const ELEVATE_HOW: &str =
    "say /elevated on, ask, full or off; with words after it, it holds for that message alone";

/// How `/approve` is told.
pub(super) const APPROVE_HOW: &str =
    "say /approve ID allow-once, /approve ID allow-always or /approve ID deny";

fn approve(rest: &str) -> Directive<'_> {
    let mut words = rest.split_whitespace();
    let (id, word, more) = (words.next(), words.next(), words.next());
    let decision = match word.map(str::to_ascii_lowercase).as_deref() {
        Some("allow-once" | "allow" | "once" | "yes") => Some(ApprovalDecision::AllowOnce),
        Some("allow-always" | "always") => Some(ApprovalDecision::AllowAlways),
        Some("deny" | "no" | "reject") => Some(ApprovalDecision::Deny),
        Some(_) | None => None,
    };
    match (id, decision, more) {
        (Some(id), Some(decision), None) => Directive::Approve { id, decision },
        (_, _, _) => Directive::ApproveHow,
    }
}

fn elevate(rest: &str) -> Directive<'_> {
    let (word, more) = split(rest);
    if word.is_empty() {
        return Directive::Elevated;
    }
    match (mode(&word.to_ascii_lowercase()), more.is_empty()) {
        (Some(mode), true) => Directive::Elevate(mode),
        (Some(mode), false) => Directive::ElevateHere(mode),
        (None, _) => Directive::ElevateHow,
    }
}

/// The mode of that name.
pub(super) fn mode(name: &str) -> Option<ElevatedMode> {
    match name {
        "off" => Some(ElevatedMode::Off),
        "ask" => Some(ElevatedMode::Ask),
        "on" => Some(ElevatedMode::On),
        "full" => Some(ElevatedMode::Full),
        _ => None,
    }
}

/// The name of a mode.
pub(super) fn name(mode: ElevatedMode) -> &'static str {
    match mode {
        ElevatedMode::Off => "off",
        ElevatedMode::Ask => "ask",
        ElevatedMode::On => "on",
        ElevatedMode::Full => "full",
    }
}

/// The first word, and what follows it.
fn split(text: &str) -> (&str, &str) {
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    (word, rest.trim())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_word_on_a_question_is_read() {
        let approve = |id, decision| Some(Directive::Approve { id, decision });
        for (text, expected) in [
            (
                "/approve a1 allow-once",
                approve("a1", ApprovalDecision::AllowOnce),
            ),
            (
                " /Approve\n a1  ALWAYS ",
                approve("a1", ApprovalDecision::AllowAlways),
            ),
            ("/approve a1 deny", approve("a1", ApprovalDecision::Deny)),
            ("/approve", Some(Directive::ApproveHow)),
            ("/approve a1", Some(Directive::ApproveHow)),
            ("/approve a1 perhaps", Some(Directive::ApproveHow)),
            ("/approve a1 deny it", Some(Directive::ApproveHow)),
            ("/approved a1 deny", None),
            ("please /approve a1 deny", None),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn a_mode_holds_from_now_on_or_for_one_message() {
        use ElevatedMode::{Ask, Full, Off, On};
        for (text, expected) in [
            ("/elevated", Some(Directive::Elevated)),
            ("/elevated on", Some(Directive::Elevate(On))),
            ("/elev OFF", Some(Directive::Elevate(Off))),
            ("/elevated ask", Some(Directive::Elevate(Ask))),
            (
                "/elevated full install it",
                Some(Directive::ElevateHere(Full)),
            ),
            ("/elevated dance", Some(Directive::ElevateHow)),
            ("/elevatedon", None),
            ("elevated on", None),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_mode_is_read_by_its_name(index in 0_usize..4) {
            let all = [ElevatedMode::Off, ElevatedMode::Ask, ElevatedMode::On, ElevatedMode::Full];
            prop_assert_eq!(mode(name(all[index])), Some(all[index]));
        }

        #[test]
        fn any_text_is_read_or_left_alone(text in "\\PC{0,40}") {
            if !text.trim_start().starts_with('/') {
                prop_assert_eq!(read(&text), None);
            }
        }
    }
}
