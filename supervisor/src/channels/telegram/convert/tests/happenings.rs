//! What happens that is no message.

use super::words::reaction;
use super::*;

#[test]
fn a_group_that_moves_says_where_to_and_the_rest_is_nothing_to_us() {
    assert_eq!(
        happening(group(json!({ "migrate_to_chat_id": -1_001_234 }))),
        Happening::Migrated {
            from: -1009,
            to: -1_001_234
        }
    );
    for fields in [
        json!({ "new_chat_members": [alice()] }),
        json!({ "new_chat_title": "x" }),
        json!({ "pinned_message": {} }),
        json!({ "text": "   " }),
    ] {
        assert_eq!(happening(group(fields)), Happening::Other);
    }
    for key in ["channel_post", "my_chat_member", "poll", "something_new"] {
        let post = group(json!({ "text": "x" }));
        assert_eq!(read(&US, &update(key, post)).unwrap(), Happening::Other);
    }
}

#[test]
fn a_tap_is_known_by_its_message() {
    let query = json!({ "id": "55", "from": alice(), "chat_instance": "1", "data": "/stop",
        "message": group(json!({ "message_thread_id": 5, "is_topic_message": true })) });
    let Happening::Tap(tap) = read(&US, &update("callback_query", query)).unwrap() else {
        panic!("a tap");
    };
    assert_eq!(
        (tap.id.as_str(), tap.message, tap.data.as_str()),
        ("55", 17, "/stop")
    );
    assert_eq!((tap.place.chat, tap.place.thread), (-1009, Some(5)));
    // Every tap is to be answered, whatever it lacks.
    let bare =
        json!({ "id": "56", "from": alice(), "chat_instance": "1", "inline_message_id": "z" });
    let Happening::Tap(tap) = read(&US, &update("callback_query", bare)).unwrap() else {
        panic!("a tap");
    };
    assert_eq!((tap.place.chat, tap.message, tap.data.as_str()), (7, 0, ""));
}

#[test]
fn a_reaction_says_what_changed() {
    let emoji = |one: &str| json!({ "type": "emoji", "emoji": one });
    let reacted = |old: Value, new: Value| {
        let body = json!({ "chat": { "id": 7, "type": "private" }, "message_id": 12, "date": 5,
            "user": alice(), "old_reaction": old, "new_reaction": new });
        let happening = read(&US, &update("message_reaction", body)).unwrap();
        let Happening::Reaction(found) = happening else {
            panic!("{happening:?}");
        };
        reaction(&found, Some("I am\ndone"))
    };
    for (old, new, expected) in [
        (
            json!([]),
            json!([emoji("👍")]),
            Some("Alice (@alice) reacted 👍 to"),
        ),
        (
            json!([emoji("👍")]),
            json!([emoji("👍"), emoji("🔥")]),
            Some("Alice (@alice) reacted 🔥 to"),
        ),
        (
            json!([emoji("👍")]),
            json!([]),
            Some("Alice (@alice) took back 👍 from"),
        ),
        (
            json!([]),
            json!([{ "type": "custom_emoji", "custom_emoji_id": "1" }]),
            Some("Alice (@alice) reacted a special emoji to"),
        ),
        (json!([]), json!([]), None),
    ] {
        let expected =
            expected.map(|what| format!("[telegram: {what} your message \"I am done\"]"));
        assert_eq!(reacted(old, new), expected);
    }
    // The library's own type panics at this one.
    let nobody = json!({ "chat": { "id": 7, "type": "private" }, "message_id": 12, "date": 5, "old_reaction": [], "new_reaction": [] });
    assert_eq!(
        read(&US, &update("message_reaction", nobody)).unwrap(),
        Happening::Other
    );
}
