//! What holds for every text.

use super::super::units::{is_blank, units};
use super::super::{Page, Reading, Rendered, code_ranges, html, preview};
use super::{bare, parts, read};
use crate::config::Chunk;
use proptest::prelude::*;
use unicode_segmentation::UnicodeSegmentation;

/// Bits of Markdown, and of what is around it in chats.
const BITS: &[&str] = &[
    "*",
    "**",
    "_",
    "__",
    "~~",
    "~",
    "`",
    "``",
    "\n```\n",
    "\n```rust\n",
    "||",
    "|",
    "\n| a | b |\n|---|---|\n| ",
    "[",
    "](",
    ")",
    "](https://e.org/a?b=1&c=\"2\")",
    "![",
    "<",
    ">",
    "\n> ",
    "\n> > ",
    "\n>> [!NOTE]\n",
    "&",
    "&amp;",
    "\n",
    "\n\n",
    "\n- ",
    "\n  - ",
    "\n    - ",
    "\n1. ",
    "\n- [x] ",
    "\n# ",
    "\n### ",
    "\n---\n",
    "\n===\n",
    "\\",
    "$",
    "\\(",
    "\\)",
    "\\[",
    "\\]",
    "<br>",
    "<u>",
    "</u>",
    "<sub>2</sub>",
    "<b>",
    "<!--",
    "-->",
    "<div>\n",
    "[^1]",
    "\n[^1]: ",
    "\n[r]: https://e.org\n",
    "[r]",
    " ",
    "  ",
    "\t",
    "    ",
    "    ",
    "👨‍👩‍👧‍👦",
    "🇩🇪🇫🇷",
    "e\u{301}",
    "مرحبا",
    "שלום",
    "漢字",
    "a",
    "word",
    "</pre>",
    "\"",
    "'",
    "\u{200b}",
    "\u{202e}",
    "\r\n",
    "\0",
    "\u{1b}[1m",
    "<tg-spoiler>",
    "</blockquote>",
    "http://x",
    "<https://e.org>",
    ":",
    "!",
    "(",
    "\u{2028}",
];

fn soup() -> impl Strategy<Value = String> {
    let bit =
        prop_oneof![4 => proptest::sample::select(BITS).prop_map(str::to_owned), 1 => ".{0,4}"];
    proptest::collection::vec(bit, 0..120).prop_map(|bits| bits.concat())
}

/// Words with marks between them; none of the marks swallows a word.
fn marked() -> impl Strategy<Value = Vec<&'static str>> {
    let marks = BITS.iter().copied().filter(|bit| {
        !bit.contains(|char: char| char.is_alphanumeric()) && !"[]:&\"'\\".contains(*bit)
    });
    proptest::collection::vec(proptest::sample::select(marks.collect::<Vec<_>>()), 0..80)
}

fn sound(part: &Rendered, limit: usize) {
    assert_eq!(read(&part.html).as_ref(), Ok(&part.plain), "{}", part.html);
    assert!(
        units(&part.plain) <= limit,
        "{} > {limit}",
        units(&part.plain)
    );
    assert!(!is_blank(&part.plain), "{:?}", part.plain);
    assert_eq!(part.plain.trim_end(), part.plain);
    assert!(part.html.len() < 40_000 && part.html.matches("</").count() <= 2 * html::MAX_ENTITIES);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn every_part_is_what_telegram_takes(text in soup(), limit in 16..200_usize, paragraphs: bool) {
        let chunk = if paragraphs { Chunk::Newline } else { Chunk::Length };
        for reading in [Reading::Whole, Reading::Filing, Reading::Draft] {
            let page = Page::read(&text, reading);
            let parts: Vec<_> = page.parts(limit, chunk).collect();
            parts.iter().for_each(|part| sound(part, limit));
            let said: String = parts.iter().map(|part| bare(&part.plain)).collect();
            let seen = |text: &str| text.chars().filter(|c| !is_blank(&c.to_string())).collect::<String>();
            prop_assert_eq!(seen(&said), seen(&bare(page.styled.text())));
        }
    }

    #[test]
    fn no_word_is_lost(marks in marked(), limit in 16..300_usize) {
        let mut text = String::new();
        for (index, mark) in marks.iter().enumerate() {
            text.push_str(&format!("{mark}w{index}x"));
        }
        let said: String = parts(&text, limit, Chunk::Length).iter().map(|part| bare(&part.plain)).collect();
        let mut at = 0;
        for index in 0..marks.len() {
            let word = format!("w{index}x");
            let found = said[at..].find(&word);
            prop_assert!(found.is_some(), "{} of {:?} in {:?}", word, text, said);
            at += found.unwrap_or(0);
        }
    }

    #[test]
    fn what_a_reader_sees_as_one_is_not_cut(text in "(👨‍👩‍👧‍👦|🇩🇪|e\u{301}|a| |漢|👍🏽){0,200}", limit in 32..90_usize) {
        let whole: Vec<&str> = text.graphemes(true).collect();
        for part in parts(&text, limit, Chunk::Length) {
            for grapheme in part.plain.graphemes(true) {
                prop_assert!(whole.contains(&grapheme), "{:?}", grapheme);
            }
        }
    }

    #[test]
    fn a_preview_is_what_telegram_takes(text in soup(), limit in 16..200_usize) {
        let shown = preview(&text, limit);
        if !shown.plain.is_empty() {
            sound(&shown, limit);
        }
    }

    #[test]
    fn escaped_text_is_read_as_it_was(text: String) {
        prop_assert_eq!(read(&html::escape(&text)), Ok(text));
    }

    #[test]
    fn code_is_where_it_is(text in soup()) {
        let mut end = 0;
        for range in code_ranges(&text) {
            prop_assert!(range.start >= end && range.end >= range.start);
            prop_assert!(text.get(range.clone()).is_some());
            end = range.end;
        }
    }
}
