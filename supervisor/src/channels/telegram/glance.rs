//! What must be known of an update before it is stored: its number, whose turn it is, and whether it
//! can wait. Pure; the whole of it is read later, by [`super::convert`].

use crate::store::NewUpdate;
use serde::Deserialize;
use serde_json::value::RawValue;

/// An update, looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Glance {
    /// As it is stored.
    pub(super) update: NewUpdate,
    /// The message it is about: ours, from now on, have greater numbers.
    pub(super) message: Option<i32>,
    /// Whether it must not wait behind others of its chat: who stops something means now.
    pub(super) urgent: bool,
}

#[derive(Deserialize)]
struct Numbered {
    update_id: i64,
}

#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(borrow)]
    message: Option<&'a RawValue>,
    #[serde(borrow)]
    edited_message: Option<&'a RawValue>,
    #[serde(borrow)]
    message_reaction: Option<&'a RawValue>,
    #[serde(borrow)]
    my_chat_member: Option<&'a RawValue>,
    #[serde(borrow)]
    callback_query: Option<&'a RawValue>,
}

/// What a message, a reaction and a change of membership have in common.
#[derive(Deserialize)]
struct Said {
    chat: Numbers,
    message_id: Option<i32>,
    #[serde(alias = "user")]
    from: Option<Numbers>,
    text: Option<String>,
}

#[derive(Deserialize)]
struct Tapped {
    from: Numbers,
    message: Option<Said>,
}

#[derive(Deserialize)]
struct Numbers {
    id: i64,
}

/// What was seen of an update.
#[derive(Default)]
struct Seen {
    chat: Option<i64>,
    sender: Option<i64>,
    message: Option<i32>,
    urgent: bool,
}

/// Looks at an update's JSON. `None` where it has no number: such a one can not be told from others.
pub(super) fn glance(body: &str) -> Option<Glance> {
    let Numbered { update_id: id } = serde_json::from_str(body).ok()?;
    let seen = serde_json::from_str(body)
        .ok()
        .and_then(|frame| seen(&frame));
    let readable = seen.is_some();
    let Seen {
        chat,
        sender,
        message,
        urgent,
    } = seen.unwrap_or_default();
    let body = body.to_owned();
    let update = NewUpdate {
        id,
        chat,
        sender,
        body,
        readable,
    };
    Some(Glance {
        update,
        message,
        urgent,
    })
}

/// `None` where a part that we know has not the shape we know.
fn seen(frame: &Frame<'_>) -> Option<Seen> {
    let said = [
        frame.message,
        frame.edited_message,
        frame.message_reaction,
        frame.my_chat_member,
    ];
    if let Some(said) = said.into_iter().flatten().next() {
        let said: Said = serde_json::from_str(said.get()).ok()?;
        let urgent = frame.message.is_some() && said.text.as_deref().is_some_and(is_urgent);
        return Some(Seen {
            chat: Some(said.chat.id),
            sender: said.from.map(|from| from.id),
            message: said.message_id,
            urgent,
        });
    }
    if let Some(tapped) = frame.callback_query {
        let tapped: Tapped = serde_json::from_str(tapped.get()).ok()?;
        let from = tapped.from.id;
        let message = tapped.message.as_ref();
        return Some(Seen {
            chat: Some(message.map_or(from, |message| message.chat.id)),
            sender: Some(from),
            message: message.and_then(|message| message.message_id),
            urgent: true,
        });
    }
    Some(Seen::default())
}

/// Whether these words stop something.
fn is_urgent(text: &str) -> bool {
    let text = text.trim();
    // Nobody writes more to stop something.
    if text.len() > 64 {
        return false;
    }
    let text = text.to_ascii_lowercase();
    let word = text.split('@').next().unwrap_or_default();
    matches!(word, "/stop" | "/abort") || matches!(text.as_str(), "stop" | "abort")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_and_where_is_seen_in_every_kind() {
        for (body, wanted) in [
            (
                r#"{"update_id":1,"message":{"chat":{"id":5,"type":"private"},"from":{"id":6},"text":"hi"}}"#,
                (Some(5), Some(6), false),
            ),
            (
                r#"{"update_id":1,"message":{"chat":{"id":5},"from":{"id":6},"text":" /STOP@our_bot "}}"#,
                (Some(5), Some(6), true),
            ),
            (
                r#"{"update_id":1,"message":{"chat":{"id":5},"text":"abort"}}"#,
                (Some(5), None, true),
            ),
            (
                r#"{"update_id":1,"edited_message":{"chat":{"id":5},"text":"stop"}}"#,
                (Some(5), None, false),
            ),
            (
                r#"{"update_id":1,"message_reaction":{"chat":{"id":5},"user":{"id":7}}}"#,
                (Some(5), Some(7), false),
            ),
            (
                r#"{"update_id":1,"callback_query":{"id":"1","from":{"id":6},"message":{"chat":{"id":-5}}}}"#,
                (Some(-5), Some(6), true),
            ),
            (
                r#"{"update_id":1,"callback_query":{"id":"1","from":{"id":6}}}"#,
                (Some(6), Some(6), true),
            ),
            (
                r#"{"update_id":1,"from_the_future":{"chat":{"id":6}}}"#,
                (None, None, false),
            ),
        ] {
            let Glance { update, urgent, .. } = glance(body).unwrap();
            assert_eq!((update.chat, update.sender, urgent), wanted, "{body}");
            assert!(update.readable && update.id == 1 && update.body == body);
        }
    }

    #[test]
    fn the_message_is_seen_where_there_is_one() {
        for (body, wanted) in [
            (
                r#"{"update_id":1,"message":{"message_id":44,"chat":{"id":5}}}"#,
                Some(44),
            ),
            (
                r#"{"update_id":1,"callback_query":{"from":{"id":6},"message":{"message_id":45,"chat":{"id":5}}}}"#,
                Some(45),
            ),
            (
                r#"{"update_id":1,"my_chat_member":{"chat":{"id":5}}}"#,
                None,
            ),
        ] {
            assert_eq!(glance(body).unwrap().message, wanted, "{body}");
        }
    }

    #[test]
    fn what_is_of_another_shape_is_kept_by_its_number() {
        for body in [
            r#"{"update_id":9,"message":{"chat":"nowhere"}}"#,
            r#"{"update_id":9,"message":7}"#,
            r#"{"update_id":9,"callback_query":{}}"#,
        ] {
            let Glance { update, urgent, .. } = glance(body).unwrap();
            assert_eq!(
                (update.id, update.readable, urgent),
                (9, false, false),
                "{body}"
            );
        }
        assert_eq!(glance(r#"{"message":{}}"#), None);
        assert_eq!(glance("[]"), None);
    }

    proptest::proptest! {
        #[test]
        fn nothing_is_too_strange_to_be_looked_at(body: String) {
            let _ = glance(&body);
        }
    }
}
