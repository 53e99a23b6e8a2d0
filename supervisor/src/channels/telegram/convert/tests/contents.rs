//! What a message carries that is no words.

use super::*;

#[test]
fn what_is_neither_words_nor_a_file_is_told() {
    for (fields, expected) in [
        (
            json!({ "location": { "latitude": 52.52, "longitude": 13.405, "horizontal_accuracy": 65.4 } }),
            "[telegram: location 52.520000, 13.405000 (within 65 m)]",
        ),
        (
            json!({ "location": { "latitude": 1e300, "longitude": -1e300, "live_period": 900 } }),
            "[telegram: live location 90.000000, -180.000000]",
        ),
        (
            json!({ "location": { "latitude": 1.0, "longitude": 2.0 }, "venue": { "location": { "latitude": 1.0, "longitude": 2.0 }, "title": "Café \"X\"", "address": "1 Road\nTown" } }),
            "[telegram: place \"Café 'X'\", 1 Road Town, at 1.000000, 2.000000]",
        ),
        (
            json!({ "contact": { "phone_number": "+49 1", "first_name": "Bob", "last_name": "B" } }),
            "[telegram: contact Bob B, phone +49 1]",
        ),
        (
            json!({ "dice": { "emoji": "🎲", "value": 4 } }),
            "[telegram: threw 🎲: 4]",
        ),
        (
            json!({ "poll": { "id": "1", "question": "Tea?", "options": [{ "text": "yes", "voter_count": 0 }, { "text": "no" }, 3] } }),
            "[telegram: poll \"Tea?\": \"yes\", \"no\"]",
        ),
        (
            json!({ "sticker": { "file_id": "f", "file_unique_id": "u", "type": "regular", "width": 1, "height": 1, "is_animated": true, "is_video": false, "emoji": "👍", "set_name": "cats" } }),
            "[telegram: sticker 👍 of the set cats]",
        ),
        (
            json!({ "story": { "chat": {}, "id": 1 } }),
            "[telegram: a story, which bots can not see]",
        ),
    ] {
        assert_eq!(told(private(fields)), expected);
    }
}

#[test]
fn files_are_known_by_their_kind() {
    let file = json!({ "file_id": "f", "file_unique_id": "u", "file_size": 9, "duration": 3 });
    for (key, kind) in [
        ("document", MediaKind::Document),
        ("voice", MediaKind::Voice),
        ("audio", MediaKind::Audio),
        ("video", MediaKind::Video),
        ("video_note", MediaKind::VideoNote),
        ("sticker", MediaKind::Sticker),
    ] {
        let found = incoming(private(json!({ key: file, "caption": "look" })));
        assert_eq!(found.media.len(), 1, "{key}");
        assert_eq!((found.media[0].kind, found.media[0].size), (kind, Some(9)));
        assert_eq!(found.text, "look");
    }
    let both = incoming(private(json!({ "animation": file, "document": file })));
    assert_eq!(both.media.len(), 1);
    assert_eq!(both.media[0].kind, MediaKind::Animation);
}

#[test]
fn of_a_photo_the_largest_that_may_be_taken_is() {
    let size = |id: &str, width: u64, bytes: u64| json!({ "file_id": id, "file_unique_id": id, "width": width, "height": width, "file_size": bytes });
    for (sizes, expected) in [
        (
            json!([
                size("s", 90, 100),
                size("m", 320, 3000),
                size("l", 1280, 90_000)
            ]),
            "l",
        ),
        (json!([size("s", 90, 100), size("l", 1280, 9 << 20)]), "s"),
        (
            json!([size("s", 90, 6 << 20), size("l", 1280, 9 << 20)]),
            "s",
        ),
        (json!([size("s", 90, 100), { "file_id": "l" }]), "s"),
    ] {
        assert_eq!(
            incoming(private(json!({ "photo": sizes }))).media[0].file_id,
            expected
        );
    }
}

#[test]
fn an_album_is_one_message() {
    let one = |id: i32, caption: &str| {
        incoming(group(json!({
            "message_id": id, "media_group_id": "a", "caption": caption,
            "photo": [{ "file_id": format!("f{id}"), "file_unique_id": "u", "width": 1, "height": 1 }],
            "caption_entities": if caption.is_empty() { json!([]) } else { json!([{ "type": "mention", "offset": 0, "length": 8 }]) },
        })))
    };
    let whole = join(vec![one(17, ""), one(18, "@our_bot look")]).unwrap();
    assert_eq!(
        (whole.message, whole.media.len(), whole.mentions_us),
        (17, 2, true)
    );
    assert_eq!(whole.text, "@our_bot look");
    assert_eq!(join(Vec::new()), None);
}
