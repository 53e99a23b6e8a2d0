//! A text on its way.

use super::super::preview;
use super::read;

const ANSWER: &str = "Sure! Here is **how it works**, with `code` and [a link](https://e.org/x_y) in it.\n\n\
## The steps\n\n1. Take *one* thing\n2. Take ~~two~~ three\n   - nested **item**\n   - ||hidden|| `more`\n\n\
```python\ndef f(x):\n    return x[0] * 2  # **not bold**\n```\n\nThen \\(a_1 * b_1\\) holds.\n\n> quoted\n> text\n\n\
---\n\n- [ ] todo\n- [x] done\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\nDone, see ![image](https://e.org/i.png) & <u>that</u>.";

fn shown(text: &str) -> String {
    let shown = preview(text, 4000);
    assert_eq!(read(&shown.html).as_ref(), Ok(&shown.plain), "{text}");
    shown.plain
}

/// Every beginning of a text.
fn beginnings(text: &str) -> impl Iterator<Item = &str> {
    text.char_indices().map(|(at, _)| &text[..at]).chain([text])
}

#[test]
fn what_is_shown_stays_where_it_is() {
    let mut last = String::new();
    for text in beginnings(ANSWER) {
        let now = shown(text);
        // A table is laid out anew with each of its rows, everything else only grows.
        let grid = |line: &&str| !line.contains('|') && !line.contains("--");
        let fixed: String = last.lines().filter(grid).collect::<Vec<_>>().join("\n");
        let grown: String = now.lines().filter(grid).collect::<Vec<_>>().join("\n");
        assert!(
            grown.starts_with(fixed.trim_end()),
            "{text:?}\nfrom {fixed:?}\nto   {grown:?}"
        );
        last = now;
    }
}

#[test]
fn markup_that_is_half_there_is_not_seen() {
    let cases = [
        ("**bo", "<b>bo</b>"),
        ("a **", "a"),
        ("**bold*", "<b>bold</b>"),
        ("*a **b", "<i>a <b>b</b></i>"),
        ("`co", "<code>co</code>"),
        ("a `", "a"),
        ("``a`", "<code>a</code>"),
        ("see [lab", "see"),
        ("see [label](htt", "see"),
        ("see ![alt](htt", "see"),
        ("~~go", "<s>go</s>"),
        ("||hid", "<tg-spoiler>hid</tg-spoiler>"),
        ("||hid|", "<tg-spoiler>hid</tg-spoiler>"),
        ("a\n```", "a"),
        ("a\n``", "a"),
        (
            "a\n```rust\nfn",
            "a\n<pre><code class=\"language-rust\">fn</code></pre>",
        ),
        ("```\nx\n``", "<pre>x</pre>"),
        ("text\n-", "text"),
        ("text\n---", "text"),
        ("text\n\n#", "text"),
        ("text\n\n2.", "text"),
        ("- a\n- [", "• a"),
        ("| a | b", ""),
        ("| a | b |\n|--", ""),
        ("a <u", "a"),
        ("a \\", "a"),
        ("5 * 3 and a_b", "5 * 3 and a_b"),
        ("\\(a_1", "\\(a_1"),
    ];
    for (text, expected) in cases {
        assert_eq!(preview(text, 4000).html, expected, "{text}");
    }
}

#[test]
fn the_beginning_is_shown_and_then_nothing_moves() {
    let text = "word ".repeat(3000);
    let full = shown(&text[..5000]);
    assert!(full.ends_with("word…"));
    assert!(full.chars().count() <= 4000);
    for length in [5001, 6000, 15_000] {
        assert_eq!(shown(&text[..length]), full);
    }
}

#[test]
fn a_preview_begins_as_the_answer_does() {
    let first = super::parts(ANSWER, 4000, crate::config::Chunk::Length);
    assert_eq!(shown(ANSWER), first[0].plain);
}
