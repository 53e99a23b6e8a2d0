//! Text torture: what a model writes, as a person reads it in Telegram.

use super::texts;
use serde_json::{Value, json};
use tests::{Fault, Gateway, Shown, turn};

/// A gateway whose answers appear whole, unless `shape` says otherwise.
async fn gateway(shape: impl FnOnce(&mut Value)) -> Gateway {
    let whole = |telegram: &mut Value| {
        telegram["streaming"] = json!("off");
        shape(telegram);
    };
    super::gateway(whole).await
}

/// What the bot wrote.
fn ours(chat: &[Shown]) -> Vec<&Shown> {
    chat.iter().filter(|shown| shown.is_ours()).collect()
}

/// Text without what separates words.
fn bare(text: &str) -> String {
    text.chars().filter(|char| !char.is_whitespace()).collect()
}

const TORTURE: &str = "## Überschrift with `code` & <b>tags</b>

Family 👨‍👩‍👧‍👦, flag 🇩🇪, שלום **עולם** and ||the end||.

- one
  - two
    1. three with [a link](https://example.org/a_b?c=1&d=\"2\")
- [x] done

> a quote
> > in a quote

| Name | n |
|:-----|--:|
| a & b | 1 |
| 漢字 | 22 |

```html
<pre>x</pre> && `</pre>`
```

\\(a_1 * b_1\\), 2 * 3 * 4, snake_case, ~5 to ~10, `<br>`";

const READ: &str = "Überschrift with code & <b>tags</b>
Family 👨‍👩‍👧‍👦, flag 🇩🇪, שלום עולם and the end.

• one
    ◦ two
        1. three with a link
☑ done

a quote
> in a quote

Name  |  n
------+---
a & b |  1
漢字  | 22

<pre>x</pre> && `</pre>`

\\(a_1 * b_1\\), 2 * 3 * 4, snake_case, ~5 to ~10, <br>";

#[tokio::test]
async fn whatever_a_model_writes_is_read_as_it_was_meant() {
    let gateway = gateway(|_| {}).await;
    gateway.model.script([turn().says(TORTURE)]);
    let alice = gateway.telegram().person("Alice");
    alice.says("torture me").await;
    let shown = alice.sees(READ).await;
    let marks = [
        ("Überschrift", "bold"),
        ("עולם", "bold"),
        ("the end", "spoiler"),
        ("a link", "text_link"),
        ("a quote", "blockquote"),
        ("Name  |  n", "pre"),
        ("<pre>x</pre>", "pre"),
        ("<br>", "code"),
    ];
    for (words, mark) in marks {
        assert_eq!(shown.marks(words), [mark], "{words}");
    }
    assert_eq!(alice.heard().len(), 1);
}

#[tokio::test]
async fn a_text_grows_without_half_of_any_mark() {
    let gateway = gateway(|telegram| telegram["streaming"] = json!("partial")).await;
    let bot = gateway.telegram();
    bot.forget_drafts();
    let gate = tests::Gate::new();
    let begin = "A long enough beginning, then **bold words and";
    let text = format!("{begin} more** of [it](https://example.org).");
    let pieces = begin.split_whitespace().count();
    gateway
        .model
        .script([turn().says(&text).held_after(pieces, &gate)]);
    let alice = bot.person("Alice");
    alice.says("go on").await;
    gate.reached().await;
    let half = "A long enough beginning, then bold words and";
    alice
        .sees_where("the beginning, closed", |chat| {
            ours(chat)
                .first()
                .is_some_and(|shown| shown.text.starts_with(half) && !shown.text.contains("**"))
        })
        .await;
    gate.open();
    let whole = format!("{half} more of it.");
    let shown = alice.sees(&whole).await;
    assert_eq!(shown.marks("bold words and more"), ["bold"]);
}

#[tokio::test]
async fn nine_thousand_letters_are_three_messages() {
    let gateway = gateway(|_| {}).await;
    let text = "wörd👍 ".repeat(1290) + "end";
    gateway.model.script([turn().says(&text)]);
    let alice = gateway.telegram().person("Alice");
    alice.says("a lot").await;
    alice
        .sees_where("the end of it", |chat| {
            texts(chat).last().is_some_and(|text| text.ends_with("end"))
        })
        .await;
    let chat = alice.heard();
    assert_eq!(chat.len(), 3);
    let said: String = texts(&chat).iter().map(|text| bare(text)).collect();
    assert_eq!(said, bare(&text));
}

#[tokio::test]
async fn code_over_two_messages_is_code_in_both() {
    let gateway = gateway(|telegram| telegram["textChunkLimit"] = json!(500)).await;
    let line = "let tag = \"</pre>\";\n";
    let text = format!("Here:\n\n```rust\n{}```\n\nThat was it.", line.repeat(40));
    gateway.model.script([turn().says(&text)]);
    let alice = gateway.telegram().person("Alice");
    alice.says("some code").await;
    alice
        .sees_where("the end of it", |chat| {
            texts(chat)
                .last()
                .is_some_and(|text| text.ends_with("That was it."))
        })
        .await;
    let chat = alice.heard();
    assert!(chat.len() > 1);
    for shown in &chat {
        assert_eq!(shown.marks("let tag"), ["pre"], "{shown:?}");
        assert!(shown.html.contains("language-rust"));
    }
    let lines: usize = texts(&chat)
        .iter()
        .map(|text| text.matches("</pre>").count())
        .sum();
    assert_eq!(lines, 40);
}

#[tokio::test]
async fn words_arrive_where_the_server_refuses_their_markup() {
    let gateway = gateway(|_| {}).await;
    let bot = gateway.telegram();
    let refusal = "Bad Request: can't parse entities: Unsupported start tag \"b\" at byte offset 0";
    bot.fail_next("sendMessage", Fault::Refused(400, refusal.into()));
    gateway
        .model
        .script([turn().says("**Bold** & `code` < [link](https://example.org)")]);
    let alice = bot.person("Alice");
    alice.says("hi").await;
    let shown = alice.sees("Bold & code < link").await;
    assert!(shown.entities.is_empty());
    assert_eq!(alice.heard().len(), 1);
}

#[tokio::test]
async fn code_too_long_for_a_chat_is_a_file() {
    let gateway = gateway(|_| {}).await;
    let code = "print('<&>')\n".repeat(300);
    let text = format!("The script:\n\n```python\n{code}```\n\nRun **it**.");
    gateway.model.script([turn().says(&text)]);
    let alice = gateway.telegram().person("Alice");
    alice.says("a long script").await;
    alice
        .sees("The script:\n\n📎 code.py (300 lines)\n\nRun it.")
        .await;
    alice
        .sees_where("the file", |chat| {
            let file = ours(chat)
                .into_iter()
                .find(|shown| shown.kind == "document");
            file.is_some_and(|shown| {
                shown.file_name.as_deref() == Some("code.py")
                    && shown.file.as_deref() == Some(code.as_bytes())
            })
        })
        .await;
    assert_eq!(alice.heard().len(), 2);
}

#[tokio::test]
async fn an_answer_too_long_for_a_chat_is_its_beginning_and_a_file() {
    let gateway = gateway(|_| {}).await;
    let text = "A **word** of many. ".repeat(2000);
    gateway.model.script([turn().says(&text)]);
    let alice = gateway.telegram().person("Alice");
    alice.says("everything").await;
    alice
        .sees_where("the file", |chat| {
            let file = ours(chat)
                .into_iter()
                .find(|shown| shown.kind == "document");
            file.is_some_and(|shown| {
                let whole = shown.file.as_deref().unwrap_or_default();
                shown.file_name.as_deref() == Some("answer.md")
                    && String::from_utf8_lossy(whole).trim() == text.trim()
            })
        })
        .await;
    let chat = alice.heard();
    assert_eq!(chat.len(), 2);
    assert!(chat[0].text.starts_with("A word of many. A word of many."));
}

#[tokio::test]
async fn tags_say_what_to_quote_and_how_to_react() {
    let gateway = gateway(|telegram| telegram["replyToMode"] = json!("off")).await;
    gateway.model.script([
        turn().says("[[reply_to_current]] [[react:👍]] Quoted."),
        turn().says("Not quoted, `[[reply_to_current]]` in code."),
    ]);
    let alice = gateway.telegram().person("Alice");
    let asked = alice.says("one").await;
    let quoted = alice.sees("Quoted.").await;
    assert_eq!(quoted.reply_to, Some(asked));
    alice
        .sees_where("the reaction", |chat| {
            let mine = chat.iter().find(|shown| shown.id == asked);
            mine.is_some_and(|shown| shown.reactions == ["👍"])
        })
        .await;
    alice.says("two").await;
    let plain = alice
        .sees("Not quoted, [[reply_to_current]] in code.")
        .await;
    assert_eq!(plain.reply_to, None);
}
