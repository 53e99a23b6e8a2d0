//! A message as a person sees it.

use super::entity::Entity;

/// A message that is there to be seen.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    /// Its number in the chat.
    pub id: i32,
    /// Who wrote it; nobody: the bot.
    pub from: Option<i64>,
    /// The name of who wrote it.
    pub name: String,
    /// Its text or caption, without markup.
    pub text: String,
    /// Its text or caption as it was sent.
    pub html: String,
    /// Its markup.
    pub entities: Vec<Entity>,
    /// Its buttons, row by row: what is on them, and what a tap says (or where it leads).
    pub buttons: Vec<Vec<(String, String)>>,
    /// Which message it replies to.
    pub reply_to: Option<i32>,
    /// How often it was edited.
    pub edits: usize,
    /// `text`, `photo`, `document`, `voice` …
    pub kind: String,
    /// The file in it.
    pub file: Option<Vec<u8>>,
    /// The name of that file.
    pub file_name: Option<String>,
    /// The album it is of.
    pub album: Option<String>,
    /// How the bot reacted to it.
    pub reactions: Vec<String>,
    /// Its topic; none for the General topic and outside of forums.
    pub thread: Option<i32>,
}

impl Shown {
    /// Whether the bot wrote it.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        self.from.is_none()
    }

    /// What the markup of some words is.
    #[must_use]
    pub fn marks(&self, words: &str) -> Vec<&str> {
        let Some(at) = self.text.find(words) else {
            return Vec::new();
        };
        let begin = self.text[..at].encode_utf16().count();
        let end = begin + words.encode_utf16().count();
        let around =
            |entity: &&Entity| entity.offset <= begin && entity.offset + entity.length >= end;
        let around = self.entities.iter().filter(around);
        around.map(|entity| entity.kind.as_str()).collect()
    }

    /// The data of the button with this label.
    #[must_use]
    pub fn data_of(&self, label: &str) -> Option<&str> {
        let mut buttons = self.buttons.iter().flatten();
        buttons
            .find(|(known, _)| known == label)
            .map(|(_, data)| data.as_str())
    }

    /// One line of a transcript: who, what, in answer to which words.
    pub(super) fn line(&self, all: &[Self]) -> String {
        let answered = self.reply_to.and_then(|id| all.iter().find(|m| m.id == id));
        let re = answered.map_or_else(String::new, |message| {
            let words: String = message.text.chars().take(24).collect();
            format!(" (re {words:?})")
        });
        let kind = match self.kind.as_str() {
            "text" => String::new(),
            kind => format!(" [{kind}]"),
        };
        format!("{}{re}{kind}: {}", self.name, self.text)
    }
}
