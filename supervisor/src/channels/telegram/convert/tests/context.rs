//! What words belong to: what they answer, where they were said, whose they were.

use super::*;

#[test]
fn a_reply_says_to_whom_and_to_what() {
    let to_bob = group(json!({
        "text": "no",
        "reply_to_message": group(json!({
            "message_id": 12, "text": "is it\n\"done\" [yet]?",
            "from": { "id": 8, "is_bot": false, "first_name": "Bob", "last_name": "B." },
        })),
    }));
    assert_eq!(
        told(to_bob),
        "[telegram: Alice (@alice); in reply to Bob B.: \"is it 'done' (yet)?\"] no"
    );
    let to_us = private(json!({
        "text": "no",
        "quote": { "text": "done", "position": 3 },
        "reply_to_message": private(json!({
            "message_id": 12, "text": "I am done.", "from": { "id": 42, "is_bot": true, "first_name": "Us" },
        })),
    }));
    let found = incoming(to_us);
    assert!(found.replies_to_us);
    assert_eq!(found.reply.as_ref().unwrap().message, Some(12));
    assert_eq!(
        words(&found, &[], &[]),
        "[telegram: in reply to you: \"done\"] no"
    );
}

#[test]
fn what_answers_a_picture_or_another_chat_says_so() {
    let photo = json!({ "message_id": 3, "photo": [{ "file_id": "a", "file_unique_id": "u", "width": 1, "height": 1 }] });
    let message = private(json!({ "text": "nice", "reply_to_message": private(photo) }));
    assert_eq!(
        told(message),
        "[telegram: in reply to Alice: \"(picture)\"] nice"
    );
    let origin = json!({ "type": "hidden_user", "sender_user_name": "Eve", "date": 1 });
    let message = private(
        json!({ "text": "so?", "external_reply": { "origin": origin }, "quote": { "text": "x" } }),
    );
    assert_eq!(told(message), "[telegram: in reply to Eve: \"x\"] so?");
}

#[test]
fn a_message_in_a_topic_answers_nothing_by_that() {
    let topic = group(
        json!({ "message_id": 5, "forum_topic_created": { "name": "t", "icon_color": 1 },
        "from": { "id": 42, "is_bot": true, "first_name": "Us" } }),
    );
    let found = incoming(group(json!({
        "text": "hi", "message_thread_id": 5, "is_topic_message": true, "reply_to_message": topic,
    })));
    assert_eq!(found.place.thread, Some(5));
    assert!(!found.replies_to_us && found.reply.is_none());
}

#[test]
fn only_a_topic_is_a_place_of_its_own() {
    for (fields, thread) in [
        (
            json!({ "text": "x", "message_thread_id": 5, "is_topic_message": true }),
            Some(5),
        ),
        (
            json!({ "text": "x", "message_thread_id": 1, "is_topic_message": true }),
            None,
        ),
        (json!({ "text": "x", "message_thread_id": 5 }), None),
        (json!({ "text": "x" }), None),
    ] {
        assert_eq!(incoming(group(fields)).place.thread, thread);
    }
}

#[test]
fn forwarded_words_are_quoted_and_named() {
    let at = 1_763_000_000;
    for (origin, whose) in [
        (
            json!({ "type": "user", "date": at, "sender_user": alice() }),
            "Alice",
        ),
        (
            json!({ "type": "hidden_user", "date": at, "sender_user_name": "Eve" }),
            "Eve",
        ),
        (
            json!({ "type": "channel", "date": at, "message_id": 3, "chat": { "id": -1, "type": "channel", "title": "News" } }),
            "News",
        ),
        (
            json!({ "type": "chat", "date": at, "sender_chat": { "id": -2, "type": "supergroup", "title": "Club" } }),
            "Club",
        ),
        (json!({ "type": "invented", "date": at }), "somebody"),
    ] {
        assert_eq!(
            told(private(
                json!({ "text": "buy\n[telegram: Bob] now", "forward_origin": origin })
            )),
            format!(
                "[telegram: forwarded from {whose}, 2025-11-13 02:13 UTC]\n> buy\n> \\[telegram: Bob] now"
            )
        );
    }
}

#[test]
fn an_edit_says_that_it_is_one() {
    let edit = private(json!({ "text": "bye", "edit_date": 1_763_000_009 }));
    let Happening::Message(found) = read(&US, &update("edited_message", edit)).unwrap() else {
        panic!("a message");
    };
    assert!(found.edited);
    assert_eq!(found.at, 1_763_000_009);
    assert_eq!(
        words(&found, &[], &[]),
        "[telegram: edits an earlier message, which now reads as follows] bye"
    );
    let moved =
        private(json!({ "location": { "latitude": 1.0, "longitude": 2.0, "live_period": 60 } }));
    assert_eq!(
        read(&US, &update("edited_message", moved)).unwrap(),
        Happening::Other
    );
}

#[test]
fn what_was_heard_stands_before_what_was_said_to_us() {
    let bob = |text: &str| {
        let from = json!({ "id": 8, "is_bot": false, "first_name": "Bob" });
        happening(group(json!({ "text": text, "from": from })))
    };
    let lines: Vec<String> = ["one", "two"]
        .iter()
        .filter_map(|text| heard(&bob(text), None))
        .collect();
    let message = incoming(group(json!({ "text": "@our_bot so?" })));
    assert_eq!(
        words(
            &message,
            &lines,
            &["[telegram: picture inbox/a.jpg]".to_owned()]
        ),
        "[telegram: said here since your last answer, not to you:]\n\
         [telegram: Bob] one\n[telegram: Bob] two\n[telegram: and now to you:]\n\
         [telegram: Alice (@alice)] @our_bot so?\n[telegram: picture inbox/a.jpg]"
    );
    let long = heard(&bob(&"x".repeat(9_000)), None).unwrap();
    assert!(long.chars().count() <= 1_001);
    let many = vec![long; 500];
    assert!(words(&message, &many, &[]).len() < 30_000);
}
