//! What a model is told of a message: the one place that decides its form.
//!
//! ```text
//! [telegram: said here since your last answer, not to you:]
//! [telegram: Bob] shall we ask the bot?
//! [telegram: and now to you:]
//! [telegram: Alice (@alice); in reply to Bob: "shall we ask the bot?"] yes, what do you think?
//! [telegram: picture inbox/photo-17-AgADBQ.jpg]
//! ```
//!
//! In a private chat there is no head unless there is something to say in it. Words that were
//! passed on are quoted line by line. Law: whatever people write, only we write `[telegram:`.

use super::clean;
use super::{ChatKind, Happening, Incoming, MediaKind, Person, Reaction};

/// How each line of ours begins.
const OPEN: &str = "[telegram:";
/// Lines of the transcript's own that nobody may write either, besides [`OPEN`].
const RESERVED: [&str; 3] = ["telegram:", "note from the system", "summary by the system"];
/// Characters of what a message answers.
const QUOTED: usize = 500;
/// Characters of a message that was not for us.
const HEARD: usize = 1_000;
/// Characters of everything that was not for us; older lines go first.
const HEARD_IN_ALL: usize = 20_000;

/// A line of ours. `what` is ours too, or passed through [`clean::line`].
pub(crate) fn frame(what: &str) -> String {
    format!("{OPEN} {what}]")
}

/// What the model is told of a message. `heard`: lines of [`heard`], oldest first. `files`: lines
/// on what came with it.
pub(crate) fn words(message: &Incoming, heard: &[String], files: &[String]) -> String {
    let mut lines: Vec<String> = Vec::new();
    let heard = newest(heard);
    let is_group = matches!(message.chat, ChatKind::Group { .. });
    if is_group && !heard.is_empty() {
        lines.push(frame("said here since your last answer, not to you:"));
        lines.extend_from_slice(heard);
        lines.push(frame("and now to you:"));
    } else {
        lines.extend_from_slice(heard);
    }
    lines.extend(said(message));
    lines.extend_from_slice(files);
    lines.join("\n")
}

/// The line that tells of something that was not for us; `None` where there is nothing to tell.
/// `ours`: what the message says that it is about, where that is one of ours.
pub(crate) fn heard(happening: &Happening, ours: Option<&str>) -> Option<String> {
    match happening {
        Happening::Message(message) => {
            let mut lines = said(message);
            lines.extend(
                message
                    .media
                    .iter()
                    .filter(|media| media.kind != MediaKind::Sticker)
                    .map(|media| frame(&format!("{}, not kept", media.kind.name()))),
            );
            let whole = lines.join("\n");
            (!whole.is_empty()).then(|| cut(&whole, HEARD))
        }
        Happening::Reaction(found) => reaction(found, ours),
        Happening::Tap(_) | Happening::Migrated { .. } | Happening::Other => None,
    }
}

/// The line on a reaction; `None` where nothing changed. `ours`: what the message said that it is
/// about, where that is one of ours.
pub(super) fn reaction(found: &Reaction, ours: Option<&str>) -> Option<String> {
    let only = |these: &[String], those: &[String]| -> Vec<String> {
        let new = |one: &&String| !those.contains(one);
        these.iter().filter(new).cloned().collect()
    };
    let (added, gone) = (only(&found.new, &found.old), only(&found.old, &found.new));
    let what = match (added.is_empty(), gone.is_empty()) {
        (true, true) => return None,
        (false, _) => format!("reacted {} to", added.join(" ")),
        (true, false) => format!("took back {} from", gone.join(" ")),
    };
    let which = match ours {
        Some(text) => format!("your message \"{}\"", clean::line(text, 120)),
        None => format!("message {}", found.message),
    };
    Some(frame(&format!("{} {what} {which}", who(&found.from))))
}

fn said(message: &Incoming) -> Vec<String> {
    let mut head = Vec::new();
    if matches!(message.chat, ChatKind::Group { .. }) {
        head.push(who(&message.from));
    }
    if message.edited {
        head.push("edits an earlier message, which now reads as follows".to_owned());
    }
    if let Some(quoted) = &message.reply {
        let whom = if quoted.ours { "you" } else { &quoted.name };
        let text = clean::line(&quoted.text, QUOTED);
        head.push(if text.is_empty() {
            format!("in reply to {whom}")
        } else {
            format!("in reply to {whom}: \"{text}\"")
        });
    }
    if let Some(whose) = &message.forward {
        head.push(format!("forwarded from {}", clean::line(whose, 160)));
    }
    let text = unframed(&message.text);
    let body = match &message.forward {
        Some(_) => quote(&text),
        None => text,
    };
    let mut lines = Vec::new();
    if head.is_empty() {
        lines.extend((!body.is_empty()).then_some(body));
    } else {
        let head = frame(&head.join("; "));
        let gap = if message.forward.is_some() { '\n' } else { ' ' };
        lines.push(if body.is_empty() {
            head
        } else {
            format!("{head}{gap}{body}")
        });
    }
    lines.extend_from_slice(&message.folded);
    lines
}

fn who(person: &Person) -> String {
    match &person.username {
        Some(username) => format!("{} (@{username})", person.name),
        None => person.name.clone(),
    }
}

fn quote(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(|line| format!("> {line}")).collect();
    lines.join("\n")
}

/// Puts a backslash into what could be taken for a line of ours, wherever it stands.
pub(crate) fn unframed(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        if is_bracket(c)
            && RESERVED
                .iter()
                .any(|word| begins(&text[at + c.len_utf8()..], word))
        {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

fn is_bracket(c: char) -> bool {
    matches!(c, '[' | '［' | '【' | '〔' | '〚' | '⟦' | '⁅')
}

/// Whether a text begins with these words for somebody who reads it: what can not be seen, spaces
/// and case do not count.
fn begins(text: &str, words: &str) -> bool {
    let counts = |c: &char| !c.is_whitespace() && !clean::is_unseen(*c) && *c != '\u{200d}';
    let plain = |c: char| match c {
        '：' | '﹕' | '︓' | '꞉' => ':',
        c => c.to_ascii_lowercase(),
    };
    let mut left = text.chars().filter(counts).map(plain);
    words
        .chars()
        .filter(counts)
        .all(|word| left.next() == Some(word))
}

fn newest(heard: &[String]) -> &[String] {
    let mut left = HEARD_IN_ALL;
    let fits = |line: &&String| {
        let len = line.chars().count();
        let fits = len <= left;
        left = left.saturating_sub(len);
        fits
    };
    let kept = heard.iter().rev().take_while(fits).count();
    &heard[heard.len() - kept..]
}

fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

impl MediaKind {
    /// For people and models.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Photo => "picture",
            Self::Document => "file",
            Self::Voice => "voice message",
            Self::Audio => "recording",
            Self::Video => "video",
            Self::VideoNote => "video message",
            Self::Animation => "animation",
            Self::Sticker => "sticker",
        }
    }
}
