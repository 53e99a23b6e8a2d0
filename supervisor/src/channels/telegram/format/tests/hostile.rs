//! Texts that nobody would write, and the bounds they meet.

use super::super::{Page, Reading, preview};
use super::{parts, read};
use crate::config::Chunk;

/// Far above what it takes in a build for debugging, far below what a quadratic path would take.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(20);

#[test]
fn no_text_takes_more_than_its_length() {
    let bits = [
        "[",
        "]",
        "*",
        "_",
        "`",
        "``a`",
        "<",
        "![",
        "[](",
        "[a](",
        "> ",
        ">",
        "- ",
        "* a *",
        "**a *b",
        "[a][b]",
        "&",
        "\\",
        "|",
        "||",
        "||a ",
        "|| ||a",
        "~",
        "~~",
        "$",
        "$a_",
        "$$",
        "\\(",
        "\\[ ",
        "<u>",
        "<sup>2",
        "<br>",
        "<!--",
        "[^a]",
        "[a]: b\n",
        "1. ",
        "# a\n",
        "|a",
        "\n> ",
        "(",
        "*_*_~",
        "- a\n\n",
        "    a\n",
        "```\n",
        "\u{301}",
        "🇩",
        "👨\u{200d}",
        "\n",
        " ",
        "\u{200b}",
        "a\n---\n",
        "\"",
        "```a\n",
        "[[",
        "|a|b|\n|-|-|\n",
        "<a ",
        "- a\n  ",
        "a",
        "漢",
        "!",
        "[a]\n",
        "[^a]: b\n\n",
        "<kbd>",
        "\t",
    ];
    for bit in bits {
        let text = bit.repeat(100_000 / bit.len());
        let begun = std::time::Instant::now();
        for part in parts(&text, 4000, Chunk::Newline).iter().take(3) {
            assert_eq!(read(&part.html).as_ref(), Ok(&part.plain), "{bit}");
        }
        preview(&text, 4000);
        assert!(
            begun.elapsed() < PATIENCE,
            "{bit:?} took {:?}",
            begun.elapsed()
        );
    }
}

#[test]
fn depth_has_a_bound() {
    let quotes = ">".repeat(1000) + " deep";
    let [part] = &parts(&quotes, 4000, Chunk::Length)[..] else {
        panic!("one message");
    };
    assert_eq!(
        part.html,
        "<blockquote>&gt; &gt; &gt; &gt; &gt; &gt; deep</blockquote>"
    );
    let lists: String = (0..60).map(|depth| "  ".repeat(depth) + "- a\n").collect();
    let indent = |line: &str| line.len() - line.trim_start().len();
    for part in parts(&lists, 4000, Chunk::Length) {
        assert!(part.plain.lines().all(|line| indent(line) <= 24));
    }
}

#[test]
fn a_few_letters_do_not_become_megabytes() {
    let address = format!("https://e.org/{}", "x".repeat(1900));
    let texts = [
        format!("[a]: {address}\n\n{}", "[a] ".repeat(20_000)),
        format!("[a]: x{}\n\n{}", "y".repeat(2000), "[a] ".repeat(20_000)),
        format!("| {} |\n|--|\n{}", "h".repeat(1000), "| a |\n".repeat(5000)),
        format!(
            "{}\n{}\n{}",
            "|a".repeat(1000),
            "|-".repeat(1000),
            "|\n".repeat(5000)
        ),
    ];
    for text in texts {
        let page = Page::read(&text, Reading::Whole);
        assert!(page.styled.text().len() < 20 * text.len());
        for part in page.parts(4000, Chunk::Length).take(10) {
            assert!(part.html.len() < 40_000);
            assert_eq!(read(&part.html), Ok(part.plain));
        }
    }
}

#[test]
fn nothing_is_no_message() {
    for text in [
        "",
        " \n\t",
        "\u{200b}\u{2060}",
        "&nbsp;",
        "```\n\n```",
        "\n\n\n",
        "\u{2800}",
        "****",
        "[r]: <>",
    ] {
        let parts = parts(text, 4000, Chunk::Length);
        assert!(
            parts.iter().all(|part| !part.plain.trim().is_empty()),
            "{text:?}"
        );
    }
    assert!(parts(&"\u{200b}".repeat(9000), 4000, Chunk::Length).is_empty());
}

#[test]
fn a_letter_with_many_marks_is_cut_somewhere() {
    let text = format!("a{}", "\u{301}".repeat(20_000));
    let parts = parts(&text, 4000, Chunk::Length);
    assert_eq!(
        parts
            .iter()
            .map(|part| part.plain.as_str())
            .collect::<String>(),
        text
    );
}
