//! Messages that begin with a word for the session itself rather than for its model. Pure.

use super::chosen;
use crate::config::{ElevatedMode, QueueMode, Thinking};
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
    /// `/status`.
    Status,
    /// `/context`.
    Context,
    /// `/usage`.
    Usage,
    /// `/subagents`.
    Subagents,
    /// `/help`.
    Help,
    /// `/stop`; with `all`, what waits is dropped as well.
    Stop {
        /// What waits, too.
        all: bool,
    },
    /// `stop` or `abort`, and not a word more: for a turn that runs, if one does.
    Abort,
    /// `/model`.
    Model(Choice<&'a str>),
    /// `/models`, of all providers or of one.
    Models(Option<&'a str>),
    /// `/think`.
    Think(Choice<Thinking>),
    /// `/queue`.
    Queue(Choice<QueueMode>),
    /// `/compact`, and what is wished of the summary; may be empty.
    Compact(&'a str),
    /// `/kill`, which shows what runs, and `/kill JOB` or `/kill all`.
    Kill(Option<&'a str>),
}

/// What is said of something that can be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Choice<T> {
    /// Nothing: how does it stand?
    Show,
    /// This, from now on.
    Set(T),
    /// As configured, from now on.
    Default,
    /// Something that can not be chosen.
    How,
}

/// Reads a message; `None` where it is one for the model.
pub(super) fn read(text: &str) -> Option<Directive<'_>> {
    let text = text.trim();
    let (command, rest) = split(text);
    match command.to_ascii_lowercase().as_str() {
        "/approve" => Some(approve(rest)),
        "/elevated" | "/elev" => Some(elevate(rest)),
        "/stop" | "/abort" => Some(Directive::Stop {
            all: rest.eq_ignore_ascii_case("all"),
        }),
        "/model" => Some(Directive::Model(choice(rest, Some))),
        "/models" => one(rest).map(Directive::Models),
        "/think" | "/thinking" => Some(Directive::Think(named(rest, chosen::thinking_level))),
        "/queue" => Some(Directive::Queue(named(rest, chosen::queue_mode))),
        "/compact" => Some(Directive::Compact(rest)),
        "/kill" => one(rest).map(Directive::Kill),
        "stop" | "abort" | "stop." | "stop!" if rest.is_empty() => Some(Directive::Abort),
        // With more words it is a sentence, not a command.
        "/status" if rest.is_empty() => Some(Directive::Status),
        "/context" if rest.is_empty() => Some(Directive::Context),
        "/usage" if rest.is_empty() => Some(Directive::Usage),
        "/subagents" if rest.is_empty() => Some(Directive::Subagents),
        "/help" | "/commands" if rest.is_empty() => Some(Directive::Help),
        _ => None,
    }
}

/// Nothing or one word; `None` for a sentence.
fn one(rest: &str) -> Option<Option<&str>> {
    let (word, more) = split(rest);
    more.is_empty()
        .then_some(Some(word).filter(|w| !w.is_empty()))
}

fn choice<'a, T>(rest: &'a str, read: impl FnOnce(&'a str) -> Option<T>) -> Choice<T> {
    let (word, more) = split(rest);
    match word {
        "" => Choice::Show,
        _ if !more.is_empty() => Choice::How,
        word if word.eq_ignore_ascii_case("default") => Choice::Default,
        word => read(word).map_or(Choice::How, Choice::Set),
    }
}

fn named<T>(rest: &str, read: impl FnOnce(&str) -> Option<T>) -> Choice<T> {
    choice(rest, |word| read(&word.to_ascii_lowercase()))
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

    #[test]
    fn what_can_be_chosen_is_shown_set_and_given_back() {
        for (text, expected) in [
            ("/think", Directive::Think(Choice::Show)),
            ("/think HIGH", Directive::Think(Choice::Set(Thinking::High))),
            ("/think default", Directive::Think(Choice::Default)),
            ("/think hard", Directive::Think(Choice::How)),
            ("/think high about it", Directive::Think(Choice::How)),
            (
                "/queue steer",
                Directive::Queue(Choice::Set(QueueMode::Steer)),
            ),
            ("/queue often", Directive::Queue(Choice::How)),
            ("/model", Directive::Model(Choice::Show)),
            (
                "/model Open/GPT-4",
                Directive::Model(Choice::Set("Open/GPT-4")),
            ),
            ("/model default", Directive::Model(Choice::Default)),
            ("/models", Directive::Models(None)),
            ("/models openai", Directive::Models(Some("openai"))),
        ] {
            assert_eq!(read(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn a_word_that_stops_is_a_word_alone() {
        for (text, expected) in [
            ("/stop", Some(Directive::Stop { all: false })),
            ("/STOP all", Some(Directive::Stop { all: true })),
            ("/stop it", Some(Directive::Stop { all: false })),
            (" Stop ", Some(Directive::Abort)),
            ("abort", Some(Directive::Abort)),
            ("stop it", None),
            ("nonstop", None),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn a_sentence_is_no_command() {
        for text in [
            "/status of my order?",
            "/help me",
            "/usage of this word",
            "/kill two birds",
            "/models in my closet",
            "/etc/passwd",
            "/new",
            "/whatever",
            "/",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(
            read("/compact keep names"),
            Some(Directive::Compact("keep names"))
        );
        assert_eq!(read("/kill job-3"), Some(Directive::Kill(Some("job-3"))));
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
                prop_assert!(matches!(read(&text), None | Some(Directive::Abort)));
            }
        }
    }
}
