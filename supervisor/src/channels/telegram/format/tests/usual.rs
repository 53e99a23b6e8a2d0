//! What models write every day.

use super::{Page, Reading, bare, html, parts, read};
use crate::config::Chunk;

#[test]
fn words_look_as_they_were_marked() {
    let cases = [
        (
            "**bold** and *slanted*, __both__ _ways_",
            "<b>bold</b> and <i>slanted</i>, <b>both</b> <i>ways</i>",
        ),
        ("***all*** ~~gone~~", "<b><i>all</i></b> <s>gone</s>"),
        ("`a < b && c`", "<code>a &lt; b &amp;&amp; c</code>"),
        (
            "**bold `code` bold**",
            "<b>bold </b><code>code</code><b> bold</b>",
        ),
        ("||the **end**||", "<tg-spoiler>the <b>end</b></tg-spoiler>"),
        ("||`secret`||", "<tg-spoiler>secret</tg-spoiler>"),
        (
            "a || b and `x || y` ||",
            "a || b and <code>x || y</code> ||",
        ),
        ("~5 to ~10, 5~10, 6~8", "~5 to ~10, 5~10, 6~8"),
        (
            "snake_case_name and 2*3*4 * 5",
            "snake_case_name and 2<i>3</i>4 * 5",
        ),
        (
            "<u>under</u> x<sup>2</sup> H<sub>2</sub>O a<br>b",
            "<u>under</u> x² H₂O a\nb",
        ),
        (
            "<b>raw</b> Vec<String> <script>",
            "&lt;b&gt;raw&lt;/b&gt; Vec&lt;String&gt; &lt;script&gt;",
        ),
        (
            "x<sup>abc</sup> <u>open",
            "x&lt;sup&gt;abc&lt;/sup&gt; &lt;u&gt;open",
        ),
        (
            "\\(a_1 * b_1\\) and $x_i * y_i$, $5 or $6",
            "\\(a_1 * b_1\\) and $x_i * y_i$, $5 or $6",
        ),
        (
            "5 &lt; 6 &amp; \"quoted\"",
            "5 &lt; 6 &amp; &quot;quoted&quot;",
        ),
        ("one\ntwo  \nthree", "one\ntwo\nthree"),
    ];
    for (text, expected) in cases {
        assert_eq!(html(text), expected, "{text}");
    }
}

#[test]
fn links_lead_out_or_are_said() {
    let cases = [
        (
            "[a](https://e.org/x_y?a=1&b=2)",
            "<a href=\"https://e.org/x_y?a=1&amp;b=2\">a</a>",
        ),
        (
            "[**b** c](tg://user?id=1)",
            "<a href=\"tg://user?id=1\"><b>b</b> c</a>",
        ),
        (
            "![a cat](https://e.org/c.png)",
            "<a href=\"https://e.org/c.png\">a cat</a>",
        ),
        (
            "[![badge](https://e.org/b.png)](https://e.org)",
            "<a href=\"https://e.org\">badge</a>",
        ),
        (
            "[main](src/main.rs), [here](#here)",
            "main (src/main.rs), here (#here)",
        ),
        (
            "[the app](http://localhost:3000/)",
            "the app (http://localhost:3000/)",
        ),
        ("[x](javascript:alert(1))", "x (javascript:alert(1))"),
        (
            "[write](mailto:a@e.org) <b@e.org>",
            "write (a@e.org) b@e.org",
        ),
        (
            "<https://e.org>",
            "<a href=\"https://e.org\">https://e.org</a>",
        ),
        (
            "see [1]\n\n[1]: https://e.org",
            "see <a href=\"https://e.org\">[1]</a>",
        ),
        ("[1]: https://e.org", "[1]: https://e.org"),
        (
            "[`code`](https://e.org)",
            "<a href=\"https://e.org\">code</a>",
        ),
        ("![](data:image/png;base64,AAAA)", "image"),
    ];
    for (text, expected) in cases {
        assert_eq!(html(text), expected, "{text}");
    }
}

#[test]
fn blocks_stand_as_they_were_written() {
    let cases = [
        (
            "# One\n\ntext\n\n## Two `x`\ntext",
            "<b>One</b>\ntext\n\n<b>Two </b><code>x</code>\ntext",
        ),
        (
            "- a\n- b\n  - c\n    1. d\n    2. e\n- f",
            "• a\n• b\n    ◦ c\n        1. d\n        2. e\n• f",
        ),
        ("3. a\n4. b\n\n- [ ] c\n- [x] d", "3. a\n4. b\n\n☐ c\n☑ d"),
        ("- a\n\n  more\n\n- b", "• a\n\n    more\n\n• b"),
        (
            "> a\n> b\n>\n> > c",
            "<blockquote>a\nb\n\n&gt; c</blockquote>",
        ),
        ("> [!TIP]\n> x", "<blockquote><b>💡 Tip</b>\nx</blockquote>"),
        ("a\n\n---\n\nb", "a\n\n──────────\n\nb"),
        ("Title\n---\nx", "<b>Title</b>\nx"),
        ("one\ntwo\n---\nx", "one\ntwo\n──────────\nx"),
        (
            "```rust\nfn a() {}\n\n// b\n```\nafter",
            "<pre><code class=\"language-rust\">fn a() {}\n\n// b</code></pre>\nafter",
        ),
        (
            "```\n</pre><b>&\n```",
            "<pre>&lt;/pre&gt;&lt;b&gt;&amp;</pre>",
        ),
        (
            "- x\n  ```c++\n  y\n  ```",
            "• x\n<pre><code class=\"language-c++\">y</code></pre>",
        ),
        ("> ```\n> y\n> ```", "<blockquote><pre>y</pre></blockquote>"),
        ("a[^1]\n\n[^1]: note", "a[1]\n\n[1] note"),
    ];
    for (text, expected) in cases {
        assert_eq!(html(text), expected, "{text}");
    }
}

#[test]
fn tables_are_aligned_where_there_is_room() {
    let table = "| Name | n |\n|:--|--:|\n| a & b | 1 |\n| 漢字 | `22` |";
    assert_eq!(
        html(table),
        "<pre>Name  |  n\n------+---\na &amp; b |  1\n漢字  | 22</pre>"
    );
    let wide = "| Name | What it does |\n|--|--|\n| **one** | it does something that takes a lot of room |\n| two | |";
    assert_eq!(
        html(wide),
        "• <b>Name</b>: <b>one</b>\n    <b>What it does</b>: it does something that takes a lot of room\n• <b>Name</b>: two"
    );
    assert_eq!(
        html("| a |\n|--|\n| [x](https://e.org) |"),
        "• <b>a</b>: <a href=\"https://e.org\">x</a>"
    );
    assert_eq!(
        html("| a | b |\n|--|--|\n| 1 | 2 | 3 |"),
        "<pre>a | b\n--+------\n1 | 2 | 3</pre>"
    );
}

#[test]
fn a_long_quote_is_folded() {
    let quote = "> line\n".repeat(20);
    assert!(html(&quote).starts_with("<blockquote expandable>line\n"));
    assert!(
        Page::read(&quote, Reading::Draft)
            .parts(4096, Chunk::Length)
            .all(|part| part.html.starts_with("<blockquote>"))
    );
}

#[test]
fn nine_thousand_letters_are_three_messages() {
    let text = "word ".repeat(1800);
    let parts = parts(&text, 4000, Chunk::Length);
    assert_eq!(
        parts
            .iter()
            .map(|part| part.plain.len())
            .collect::<Vec<_>>(),
        [3999, 3999, 999]
    );
    assert_eq!(
        parts
            .iter()
            .map(|part| bare(&part.plain))
            .collect::<String>(),
        bare(&text)
    );
}

#[test]
fn code_is_closed_and_opened_again() {
    let line = "    let x = \"<tag>\";\n";
    let text = format!("Here:\n\n```rust\n{}```\n\n**done**", line.repeat(300));
    let parts = parts(&text, 4000, Chunk::Length);
    assert!(parts.len() > 1);
    for part in &parts {
        assert_eq!(read(&part.html).as_ref(), Ok(&part.plain));
        assert!(
            part.html
                .contains("<pre><code class=\"language-rust\">    let x")
        );
    }
}

#[test]
fn paragraphs_are_messages_where_that_was_asked_for() {
    let text = "one\n\ntwo\nthree\n\n```\na\n\nb\n```\n\n> c\n>\n> d";
    let plain = |chunk| {
        parts(text, 4000, chunk)
            .into_iter()
            .map(|part| part.plain)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        plain(Chunk::Newline),
        ["one", "two\nthree", "a\n\nb", "c\n\nd"]
    );
    assert_eq!(plain(Chunk::Length).len(), 1);
    // No flood of them.
    assert_eq!(parts(&"one\n\n".repeat(30), 4000, Chunk::Newline).len(), 1);
}

#[test]
fn what_is_written_from_right_to_left_stays_whole() {
    let text = "**שלום** עולם، مرحبا `code` بالعالم\n- אחת\n- שתיים";
    assert_eq!(
        html(text),
        "<b>שלום</b> עולם، مرحبا <code>code</code> بالعالم\n• אחת\n• שתיים"
    );
}

#[test]
fn bold_words_need_no_spaces_around_them() {
    let cases = [
        ("**重要：**内容", "<b>重要：</b>内容"),
        ("これは**「重要」**です。", "これは<b>「重要」</b>です。"),
        (
            "中文**\"x\"**中文`**「a」**b`",
            "中文<b>&quot;x&quot;</b>中文<code>**「a」**b</code>",
        ),
        ("2**(3) é", "2**(3) é"),
        ("a\u{205f}b", "a b"),
    ];
    for (text, expected) in cases {
        assert_eq!(html(text), expected, "{text}");
    }
}

#[test]
fn no_link_is_dropped_for_being_one_of_many() {
    let text = "[a](https://e.org) ".repeat(250);
    let parts = parts(&text, 4000, Chunk::Length);
    let links: Vec<usize> = parts
        .iter()
        .map(|part| part.html.matches("<a ").count())
        .collect();
    assert_eq!(links, [100, 100, 50]);
}
