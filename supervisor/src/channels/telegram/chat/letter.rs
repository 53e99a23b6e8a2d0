//! One message as the server is told of it.

use crate::channels::telegram::Place;
use crate::channels::telegram::format::Rendered;
use crate::config::InlineButtons;
use crate::message::Button;
use teloxide_core::payloads::{
    EditMessageText, EditMessageTextSetters, SendMessage, SendMessageSetters,
};
use teloxide_core::types::{
    ChatId, InlineKeyboardButton, InlineKeyboardMarkup, LinkPreviewOptions, MessageId, ParseMode,
    ReplyParameters, ThreadId,
};

/// What the server takes on a button, in bytes.
const MAX_DATA: usize = 64;

/// A message of words.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Letter {
    /// The words.
    pub(super) words: Rendered,
    /// The message it quotes.
    pub(super) quote: Option<i32>,
    /// What may be tapped below it.
    pub(super) buttons: Vec<Vec<Button>>,
    /// Whether links show what they lead to.
    pub(super) previews: bool,
}

/// How the words are said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// With their markup.
    Html,
    /// Without: the server did not take it.
    Plain,
}

impl Letter {
    /// As a new message.
    pub(super) fn send(&self, place: &Place, form: Form) -> SendMessage {
        let mut message = SendMessage::new(ChatId(place.chat), self.text(form));
        message.parse_mode = form.mode();
        message.message_thread_id = thread(place);
        message.link_preview_options = self.link_previews();
        message.reply_parameters = self.quote.map(quote);
        match self.keyboard() {
            Some(keyboard) => message.reply_markup(keyboard),
            None => message,
        }
    }

    /// In place of what a message of ours says.
    pub(super) fn edit(&self, chat: i64, message: i32, form: Form) -> EditMessageText {
        let text = self.text(form);
        let mut edit = EditMessageText::new(ChatId(chat), MessageId(message), text);
        edit.parse_mode = form.mode();
        edit.link_preview_options = self.link_previews();
        match self.keyboard() {
            Some(keyboard) => edit.reply_markup(keyboard),
            None => edit,
        }
    }

    /// Its buttons.
    pub(super) fn keyboard(&self) -> Option<InlineKeyboardMarkup> {
        keyboard(&self.buttons)
    }

    fn text(&self, form: Form) -> String {
        match form {
            Form::Html => self.words.html.clone(),
            Form::Plain => self.words.plain.clone(),
        }
    }

    fn link_previews(&self) -> Option<LinkPreviewOptions> {
        (!self.previews).then_some(LinkPreviewOptions {
            is_disabled: true,
            url: None,
            prefer_small_media: false,
            prefer_large_media: false,
            show_above_text: false,
        })
    }
}

impl Form {
    fn mode(self) -> Option<ParseMode> {
        match self {
            Self::Html => Some(ParseMode::Html),
            Self::Plain => None,
        }
    }
}

/// The topic, as requests name it.
pub(super) fn thread(place: &Place) -> Option<ThreadId> {
    place.thread.map(|thread| ThreadId(MessageId(thread)))
}

/// A quote that is left out where its message is gone.
pub(super) fn quote(message: i32) -> ReplyParameters {
    ReplyParameters::new(MessageId(message)).allow_sending_without_reply()
}

/// Whether buttons are offered in this chat.
pub(super) fn may_tap(rule: InlineButtons, chat: i64) -> bool {
    match rule {
        InlineButtons::Off => false,
        InlineButtons::Dm => chat > 0,
        InlineButtons::Group => chat < 0,
        InlineButtons::All | InlineButtons::Allowlist => true,
    }
}

/// Each button says its command; one that is too long for the server is left out, for the words
/// name the command as well.
fn keyboard(buttons: &[Vec<Button>]) -> Option<InlineKeyboardMarkup> {
    let row = |row: &Vec<Button>| -> Vec<InlineKeyboardButton> {
        let short = row.iter().filter(|button| button.command.len() <= MAX_DATA);
        short
            .map(|button| InlineKeyboardButton::callback(&button.label, &button.command))
            .collect()
    };
    let rows = buttons.iter().map(row).filter(|row| !row.is_empty());
    let rows: Vec<_> = rows.collect();
    (!rows.is_empty()).then(|| InlineKeyboardMarkup::new(rows))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn letter() -> Letter {
        Letter {
            words: Rendered {
                html: "<b>hi</b>".to_owned(),
                plain: "hi".to_owned(),
            },
            ..Letter::default()
        }
    }

    fn place(thread: Option<i32>) -> Place {
        Place {
            account: "default".to_owned(),
            chat: 7,
            thread,
        }
    }

    #[test]
    fn words_are_said_with_their_markup_and_without() {
        let said = |form| serde_json::to_value(letter().send(&place(None), form)).unwrap();
        let html = json!({
            "chat_id": 7, "text": "<b>hi</b>", "parse_mode": "HTML",
            "link_preview_options": { "is_disabled": true },
        });
        assert_eq!(said(Form::Html), html);
        assert_eq!(said(Form::Plain)["text"], "hi");
        assert_eq!(said(Form::Plain).get("parse_mode"), None);
    }

    #[test]
    fn a_topic_a_quote_and_buttons_are_named() {
        let button = |command: &str| Button {
            label: "Stop".to_owned(),
            command: command.to_owned(),
        };
        let letter = Letter {
            quote: Some(3),
            buttons: vec![vec![button("/stop"), button(&"x".repeat(65))]],
            previews: true,
            ..letter()
        };
        let said = serde_json::to_value(letter.send(&place(Some(9)), Form::Html)).unwrap();
        assert_eq!(said["message_thread_id"], 9);
        assert_eq!(said["reply_parameters"]["message_id"], 3);
        assert_eq!(
            said["reply_parameters"]["allow_sending_without_reply"],
            true
        );
        let buttons = json!([[{ "text": "Stop", "callback_data": "/stop" }]]);
        assert_eq!(said["reply_markup"]["inline_keyboard"], buttons);
        assert_eq!(said.get("link_preview_options"), None);
    }
}
