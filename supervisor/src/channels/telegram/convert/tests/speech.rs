//! Who speaks, to whom, and in what words.

use super::*;

#[test]
fn what_a_person_alone_with_us_types_is_told_as_it_is() {
    let found = incoming(private(json!({ "text": "héllo 👋\nthere" })));
    assert_eq!(found.text, "héllo 👋\nthere");
    assert_eq!(
        (found.update, found.message, found.at),
        (900, 17, 1_763_000_000)
    );
    assert_eq!((found.place.chat, found.place.thread), (7, None));
    assert_eq!(found.from.username.as_deref(), Some("alice"));
    assert_eq!(words(&found, &[], &[]), "héllo 👋\nthere");
}

#[test]
fn in_a_group_the_speaker_stands_in_front() {
    assert_eq!(
        told(group(json!({ "text": "hi" }))),
        "[telegram: Alice (@alice)] hi"
    );
    let nameless =
        json!({ "text": "hi", "from": { "id": 8, "is_bot": false, "first_name": "\u{200b}" } });
    assert_eq!(told(group(nameless)), "[telegram: somebody] hi");
}

#[test]
fn who_speaks_for_a_chat_is_that_chat() {
    let anonymous = group(json!({
        "text": "hi", "author_signature": "boss",
        "from": { "id": 1_087_968_824_i64, "is_bot": true, "first_name": "Group", "username": "GroupAnonymousBot" },
        "sender_chat": { "id": -1009, "type": "supergroup", "title": "devs" },
    }));
    let from = incoming(anonymous).from;
    assert_eq!(
        (from.id, from.name.as_str(), from.is_bot),
        (-1009, "devs boss", false)
    );
}

#[test]
fn we_are_mentioned_by_name_by_user_and_by_command() {
    let entity =
        |kind: &str, offset, length| json!({ "type": kind, "offset": offset, "length": length });
    for (text, entity, expected) in [
        ("hi @Our_Bot", entity("mention", 3, 8), true),
        // Two units of UTF-16 are one emoji.
        ("👋 @our_bot", entity("mention", 3, 8), true),
        ("hi @our_bots", entity("mention", 3, 9), false),
        ("hi @our_bot", entity("bold", 3, 8), false),
        ("hi @our_bot", entity("mention", 3, 99), false),
        ("👋👋", entity("mention", 1, 2), false),
        ("/new@our_bot now", entity("bot_command", 0, 12), true),
        ("/new@other_bot", entity("bot_command", 0, 14), false),
        ("/new", entity("bot_command", 0, 4), false),
        (
            "you",
            json!({ "type": "text_mention", "offset": 0, "length": 3, "user": { "id": 42, "is_bot": true, "first_name": "x" } }),
            true,
        ),
        (
            "you",
            json!({ "type": "text_mention", "offset": 0, "length": 3, "user": 42 }),
            false,
        ),
    ] {
        let found = incoming(group(json!({ "text": text, "entities": [entity] })));
        assert_eq!(found.mentions_us, expected, "{text}");
    }
}

#[test]
fn a_command_for_us_loses_our_name_and_one_for_another_bot_is_known() {
    let command = |text: &str, length| {
        let entities = json!([{ "type": "bot_command", "offset": 0, "length": length }]);
        incoming(group(json!({ "text": text, "entities": entities })))
    };
    let ours = command("/model@OUR_bot gpt", 14);
    assert_eq!((ours.text.as_str(), ours.elsewhere), ("/model gpt", false));
    let theirs = command("/model@their_bot gpt", 16);
    assert!(theirs.elsewhere && !theirs.mentions_us);
}

#[test]
fn our_name_in_front_is_not_spoken() {
    for (text, spoken) in [
        ("@our_bot stop", "stop"),
        ("@Our_Bot, stop", "stop"),
        ("  @our_bot\nstop ", "stop"),
        ("@our_bots stop", "@our_bots stop"),
        ("stop @our_bot", "stop @our_bot"),
        ("@our", "@our"),
        ("@äöü_bot", "@äöü_bot"),
    ] {
        let found = incoming(group(json!({ "text": text })));
        assert_eq!(found.spoken(US.username), spoken);
    }
}

#[test]
fn code_and_hidden_links_become_markdown() {
    let text = "run ls -l at here\nfn main() {}";
    let entities = json!([
        { "type": "code", "offset": 4, "length": 5 },
        { "type": "text_link", "offset": 13, "length": 4, "url": "https://x.org/" },
        { "type": "pre", "offset": 18, "length": 12, "language": "rust" },
        { "type": "something_new", "offset": 0, "length": 3 },
        "nonsense",
    ]);
    assert_eq!(
        told(private(json!({ "text": text, "entities": entities }))),
        "run `ls -l` at [here](https://x.org/)\n```rust\nfn main() {}\n```\n"
    );
    let ticks = json!([{ "type": "code", "offset": 0, "length": 3 }]);
    assert_eq!(
        told(private(json!({ "text": "a`b", "entities": ticks }))),
        "``a`b``"
    );
}
