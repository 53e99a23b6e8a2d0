//! The laws of answers: tags, files, what is too long for a chat.

use super::super::format::{Page, Reading};
use super::{Composed, Limits, Part, Quote, compose, draft, preview};
use crate::config::Chunk;
use proptest::prelude::*;

const LIMITS: Limits = Limits {
    text: 4000,
    chunk: Chunk::Length,
};

fn composed(text: &str) -> Composed {
    compose(text, &LIMITS)
}

/// An answer in short: its texts, `name: …` for what is attached, `[paths]` for files.
fn told(composed: &Composed) -> Vec<String> {
    let part = |part: &Part| match part {
        Part::Text(words) => words.plain.clone(),
        Part::Attached { name, body, .. } => format!("{name}: {} bytes", body.len()),
        Part::Files { paths, caption } => match caption {
            None => format!("{paths:?}"),
            Some(caption) => format!("{paths:?} {}", caption.plain),
        },
    };
    composed.parts.iter().map(part).collect()
}

#[test]
fn tags_are_understood_and_not_shown() {
    let cases = [
        ("[[reply_to_current]] hi", "hi", Quote::Current),
        ("hi [[ Reply_To_Current ]]", "hi", Quote::Current),
        ("[[reply_to: 17]]\nhi", "hi", Quote::Message(17)),
        ("[[reply_to:none]]hi", "hi", Quote::None),
        ("a [[reply_to:x]] b", "a b", Quote::Default),
        ("a [[wiki]] b", "a [[wiki]] b", Quote::Default),
        (
            "`[[reply_to_current]]`",
            "[[reply_to_current]]",
            Quote::Default,
        ),
        (
            "```\n[[reply_to_current]]\n```",
            "[[reply_to_current]]",
            Quote::Default,
        ),
        ("- a\n[[reply_to_current]]\n- b", "• a\n• b", Quote::Current),
    ];
    for (text, said, quote) in cases {
        let composed = composed(text);
        assert_eq!(told(&composed), [said], "{text}");
        assert_eq!(composed.quote, quote, "{text}");
    }
    let composed = composed("[[react:👍]] [[audio_as_voice]]");
    assert_eq!(composed.reaction.as_deref(), Some("👍"));
    assert!(composed.as_voice && composed.parts.is_empty());
    assert_eq!(super::compose("[[react:x]]", &LIMITS).reaction, None);
}

#[test]
fn lines_that_name_files_are_files() {
    let cases: [(&str, &[&str]); 9] = [
        ("See:\nMEDIA:a.png\nBye", &["See:", "[\"a.png\"]", "Bye"]),
        (
            "MEDIA: ./out/a b.png\n\nMEDIA:`c.png`",
            &["[\"./out/a b.png\", \"c.png\"]"],
        ),
        ("MEDIA:a\nwords\nMEDIA:b", &["[\"a\"]", "words", "[\"b\"]"]),
        ("say MEDIA:a", &["say MEDIA:a"]),
        ("```\nMEDIA:a\n```", &["MEDIA:a"]),
        ("`MEDIA:a`", &["MEDIA:a"]),
        ("MEDIA:https://e.org/a.png", &["https://e.org/a.png"]),
        ("MEDIA:file:///etc/passwd", &["MEDIA:file:///etc/passwd"]),
        ("MEDIA:", &["MEDIA:"]),
    ];
    for (text, expected) in cases {
        assert_eq!(told(&composed(text)), expected, "{text}");
    }
    let many: String = (0..60).map(|n| format!("MEDIA:{n}.png\n")).collect();
    let albums = composed(&many).parts;
    let sizes: Vec<usize> = albums
        .iter()
        .filter_map(|part| match part {
            Part::Files { paths, .. } => Some(paths.len()),
            Part::Text(_) | Part::Attached { .. } => None,
        })
        .collect();
    assert_eq!(sizes, [10; 5]);
}

#[test]
fn a_caption_is_said_with_its_files() {
    let captioned = |text: &str| told(&composed(text).captioned());
    assert_eq!(
        captioned("See:\nMEDIA:a.png\nBye"),
        ["[\"a.png\"] See:", "Bye"]
    );
    let long = "word ".repeat(300);
    assert_eq!(captioned(&format!("{long}\nMEDIA:a"))[1], "[\"a\"]");
}

#[test]
fn code_too_long_for_a_chat_is_a_file() {
    let code = "x = 1\n".repeat(200);
    let text = format!(
        "Here:\n\n```python\n{code}```\n\nand\n\n```py title=\"src/app.py\"\n{code}```\n\nand\n\n```python\n{code}```"
    );
    assert_eq!(
        told(&composed(&text)),
        [
            "Here:\n\n📎 code.py (200 lines)\n\nand\n\n📎 app.py (200 lines)\n\nand\n\n📎 code-2.py (200 lines)",
            "code.py: 1200 bytes",
            "app.py: 1200 bytes",
            "code-2.py: 1200 bytes",
        ]
    );
    let names = [
        ("rust", "code.rs"),
        ("", "code.txt"),
        ("dockerfile", "Dockerfile"),
        ("js:../../etc/x.js", "x.js"),
        ("c++", "code.cpp"),
        ("sh .bashrc", "code.sh"),
    ];
    for (info, name) in names {
        let parts = composed(&format!("```{info}\n{code}```")).parts;
        assert!(
            matches!(&parts[1], Part::Attached { name: found, .. } if found == name),
            "{info}: {parts:?}"
        );
    }
    let short = "x = 1\n".repeat(100);
    assert_eq!(composed(&format!("```\n{short}```")).parts.len(), 1);
}

#[test]
fn an_answer_too_long_for_a_chat_is_its_beginning_and_a_file() {
    let text = format!("[[reply_to_current]]{}\nMEDIA:a.png", "word ".repeat(6000));
    let composed = composed(&text);
    let told = told(&composed);
    assert_eq!(told.len(), 3);
    assert!(told[0].starts_with("word word"));
    assert_eq!(told[1], "answer.md: 30001 bytes");
    assert_eq!(told[2], "[\"a.png\"]");
    assert_eq!(composed.quote, Quote::Current);
    assert_eq!(
        super::compose(&"word ".repeat(4000), &LIMITS).parts.len(),
        5
    );
    let huge = "word ".repeat(300_000);
    let parts = super::compose(&huge, &LIMITS).parts;
    assert!(matches!(&parts[1], Part::Attached { body, .. } if *body == huge));
}

#[test]
fn half_a_tag_is_not_seen() {
    let whole =
        "[[reply_to_current]] Hi [[react:👍]] there\nMEDIA:chart.png\nBye [[audio_as_voice]]";
    let mut last = String::new();
    for (at, char) in whole.char_indices() {
        let text = &whole[..at + char.len_utf8()];
        let shown = preview(text, 4000).plain;
        assert!(
            !shown.contains(['[', ']', ':', '_', 'M']),
            "{text:?} shows {shown:?}"
        );
        assert!(
            shown.starts_with(last.trim_end()),
            "{text:?}: {last:?} became {shown:?}"
        );
        last = shown;
    }
    assert_eq!(last, "Hi there\n\nBye");
    let kept = [
        "`[[`",
        "a [[b",
        "[[reply_to_cat",
        "xs[",
        "`[[reply_to`",
        "MEDIUM",
    ];
    for text in kept {
        assert_eq!(draft(text), if text == "xs[" { "xs" } else { text });
    }
}

proptest! {
    #[test]
    fn a_preview_begins_as_the_answer_will(words in "[a-z ]{0,60}", tag in 0..4_usize, cut: usize) {
        let tags = ["[[reply_to_current]]", "[[reply_to:5]] ", "[[react:👍]]", "\nMEDIA:x.png\n"];
        let text = format!("{words}{}{words}", tags[tag]);
        let cut = text.floor_char_boundary(cut % (text.len() + 1));
        let shown: String = preview(&text[..cut], 4000).plain.split_whitespace().collect();
        let all = draft(&text);
        let page = Page::read(&all, Reading::Whole);
        let said: String = page.parts(4000, Chunk::Length).map(|part| part.plain).collect();
        let said: String = said.split_whitespace().collect();
        prop_assert!(said.starts_with(&shown), "{:?} {:?}", said, shown);
    }

    #[test]
    fn any_text_is_composed(text in "(\\[\\[|\\]\\]|reply_to_current|reply_to:|MEDIA:|react:|👍|`|```|\n|a| |:|x.png){0,60}") {
        let composed = composed(&text);
        prop_assert!(composed.parts.len() <= 60);
        preview(&text, 100);
    }
}
