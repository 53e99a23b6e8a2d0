//! Tool calls that small local models write as text.
//!
//! Exactly three forms are read: a bare JSON object that is the whole answer, a ```` ```json ```` fence
//! at its end, and `<tool_call>` tags. Each must name a tool that is on offer. Text that may turn out
//! to be one is held back until that is clear; text that is none is never lost. What a model thinks
//! aloud first, in `<think>` tags, is left out.

use super::reader::Parsed;
use ipc::model::StopReason;
use ipc::tool_args::ToolSpec;
use ipc::transcript::ToolRequest;
use serde_json::{Map, Value};

const TAG: &str = "<tool_call>";
const TAG_END: &str = "</tool_call>";
const FENCE: &str = "```";
const THINK: &str = "<think>";
const THINK_END: &str = "</think>";

/// Lets words through, and holds back what may be a call.
#[derive(Debug)]
pub(super) struct Gate {
    names: Vec<String>,
    all: String,
    /// Bytes of `all` that were shown or left out.
    passed: usize,
    /// Everything before this is words for sure, and outside any fence.
    settled: usize,
    thinking: Thinking,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Thinking {
    /// It may still begin.
    Unknown,
    Inside,
    Over,
}

/// An answer's words and the calls found among them.
#[derive(Debug, PartialEq, Eq)]
struct Found {
    words: String,
    calls: Vec<ToolRequest>,
}

impl Gate {
    /// For an answer to a request that offered `tools`.
    pub(super) fn new(tools: &[ToolSpec]) -> Self {
        Self {
            names: tools.iter().map(|tool| tool.name.clone()).collect(),
            all: String::new(),
            passed: 0,
            settled: 0,
            thinking: Thinking::Unknown,
        }
    }

    /// Takes the next words; gives those that may be shown.
    pub(super) fn push(&mut self, words: &str) -> String {
        self.all.push_str(words);
        self.skip_thoughts();
        if self.thinking != Thinking::Over {
            return String::new();
        }
        let end = self.safe_end().max(self.passed);
        let shown = self.all[self.passed..end].to_owned();
        self.passed = end;
        shown
    }

    /// The stream has ended: puts what was found into the answer, and gives the words that were held
    /// back without need.
    pub(super) fn settle(mut self, parsed: &mut Parsed) -> String {
        self.skip_thoughts();
        let from = self.start();
        let shown = self.passed.max(from) - from;
        let found = read(&self.all[from..], &self.names);
        // A server that understood the calls by itself has the last word.
        if !found.calls.is_empty() && parsed.calls.is_empty() {
            parsed.calls = found.calls;
            parsed.text = found.words;
            parsed.stop = StopReason::ToolCalls;
        } else if parsed.text == self.all {
            self.all[from..].clone_into(&mut parsed.text);
        }
        parsed.text.get(shown..).unwrap_or_default().to_owned()
    }

    /// Where the words after the thoughts begin.
    fn start(&self) -> usize {
        let rest = self.all.trim_start().strip_prefix(THINK);
        let Some((_, after)) = rest.and_then(|rest| rest.split_once(THINK_END)) else {
            return 0;
        };
        self.all.len() - after.trim_start().len()
    }

    fn skip_thoughts(&mut self) {
        if self.thinking == Thinking::Unknown {
            let lead = self.all.trim_start();
            self.thinking = if lead.starts_with(THINK) {
                Thinking::Inside
            } else if THINK.starts_with(lead) {
                return;
            } else {
                Thinking::Over
            };
        }
        if self.thinking == Thinking::Inside && self.all.contains(THINK_END) {
            self.passed = self.start();
            self.settled = self.passed;
            // White space after the thoughts may go on.
            if self.passed < self.all.len() {
                self.thinking = Thinking::Over;
            }
        }
    }

    /// Where what may be the beginning of a call begins.
    fn safe_end(&mut self) -> usize {
        if self.settled == self.start() && may_be_json(&self.all[self.settled..]) {
            return self.settled;
        }
        loop {
            let text = &self.all[self.settled..];
            let Some((at, mark)) = first_mark(text) else {
                return self.all.len() - partial_mark(text);
            };
            if mark == TAG {
                return self.settled + at;
            }
            let starts_line =
                self.all[..self.settled + at].ends_with('\n') || self.settled + at == 0;
            match fence(&text[at..]) {
                Some(_) | None if !starts_line => self.settled += at + FENCE.len(),
                Some(Fence::Words { len }) => self.settled += at + len,
                Some(Fence::OpenWords) => return self.all.len() - partial_mark(text),
                Some(Fence::Maybe) | None => return self.settled + at,
            }
        }
    }
}

/// What a text that begins with a fence is.
enum Fence {
    /// Closed, and no call: this many bytes.
    Words { len: usize },
    /// Not closed yet, and no call.
    OpenWords,
    /// It may be a call.
    Maybe,
}

/// `None` while its first line is not whole.
fn fence(text: &str) -> Option<Fence> {
    let (language, body) = text[FENCE.len()..].split_once('\n')?;
    let may_be = is_call_language(language) && may_be_json(body);
    let body_at = text.len() - body.len();
    let close = body
        .find("\n```")
        .map(|at| at + 1)
        .or(body.starts_with(FENCE).then_some(0));
    let Some(close) = close else {
        return Some(if may_be {
            Fence::Maybe
        } else {
            Fence::OpenWords
        });
    };
    let len = body_at + close + FENCE.len();
    let after = text[len..].trim_start();
    // Calls stand at the end, one after the other.
    let is_last = after.is_empty() || FENCE.starts_with(after) || after.starts_with(FENCE);
    Some(if may_be && is_last {
        Fence::Maybe
    } else {
        Fence::Words { len }
    })
}

fn is_call_language(language: &str) -> bool {
    matches!(language.trim(), "json" | "tool_call" | "")
}

/// Whether this may be the beginning of an object, or of a list of objects.
fn may_be_json(text: &str) -> bool {
    let text = text.trim_start();
    let after = match text.as_bytes().first() {
        None => return true,
        Some(b'{') => b'"',
        Some(b'[') => b'{',
        Some(_) => return false,
    };
    let rest = text[1..].trim_start().as_bytes();
    rest.first().is_none_or(|first| *first == after)
}

fn first_mark(text: &str) -> Option<(usize, &'static str)> {
    let marks = [TAG, FENCE].into_iter();
    marks
        .filter_map(|mark| Some((text.find(mark)?, mark)))
        .min()
}

/// How many bytes at the end may be the beginning of a mark.
fn partial_mark(text: &str) -> usize {
    [TAG, FENCE]
        .iter()
        .flat_map(|mark| (1..mark.len()).map(move |len| &mark[..len]))
        .filter(|lead| text.ends_with(lead))
        .map(str::len)
        .max()
        .unwrap_or(0)
}

/// Parts a whole answer into words and calls.
fn read(text: &str, names: &[String]) -> Found {
    let trimmed = text.trim();
    if let Some(calls) = of_json(trimmed, names) {
        return found("", calls);
    }
    if let Some(found) = tagged(text, names) {
        return found;
    }
    fenced(trimmed, names).unwrap_or_else(|| Found {
        words: text.to_owned(),
        calls: Vec::new(),
    })
}

fn found(words: &str, mut calls: Vec<ToolRequest>) -> Found {
    for (at, call) in calls.iter_mut().enumerate() {
        call.id = format!("text_{at}");
    }
    let words = words.trim_end().to_owned();
    Found { words, calls }
}

/// Tags anywhere; the last one may lack its end. One that is no call makes all of it words.
fn tagged(text: &str, names: &[String]) -> Option<Found> {
    let (mut words, mut rest) = text.split_once(TAG)?;
    let mut calls = Vec::new();
    let mut more = String::new();
    loop {
        let (inside, after) = rest.split_once(TAG_END).unwrap_or((rest, ""));
        calls.extend(of_json(inside.trim(), names)?);
        let (between, next) = match after.split_once(TAG) {
            Some((between, next)) => (between, Some(next)),
            None => (after, None),
        };
        if !between.trim().is_empty() {
            more.push_str(between);
        }
        match next {
            Some(next) => rest = next,
            None => break,
        }
    }
    let joined = format!("{words}{more}");
    if !more.is_empty() {
        words = &joined;
    }
    Some(found(words, calls))
}

/// Fences at the end, each with a call, after any words.
fn fenced(trimmed: &str, names: &[String]) -> Option<Found> {
    let mut words = trimmed;
    let mut calls = Vec::new();
    while let Some((before, calls_here)) = last_fence(words, names) {
        calls.splice(0..0, calls_here);
        words = before.trim_end();
    }
    (!calls.is_empty()).then(|| found(words, calls))
}

fn last_fence<'t>(text: &'t str, names: &[String]) -> Option<(&'t str, Vec<ToolRequest>)> {
    let body = text.strip_suffix(FENCE)?;
    let at = body.rfind(FENCE)?;
    let starts_line = at == 0 || body[..at].ends_with('\n');
    let inside = &body[at + FENCE.len()..];
    let (language, json) = inside.split_once('\n')?;
    if !starts_line || !is_call_language(language) {
        return None;
    }
    Some((&body[..at], of_json(json.trim(), names)?))
}

/// One call, or a list of calls, or several objects in a row; `None` if any of it is no call.
fn of_json(text: &str, names: &[String]) -> Option<Vec<ToolRequest>> {
    if !text.starts_with(['{', '[']) {
        return None;
    }
    let mut calls = Vec::new();
    for value in serde_json::Deserializer::from_str(text).into_iter::<Value>() {
        let value = value.ok()?;
        let list = value
            .as_array()
            .map_or(std::slice::from_ref(&value), Vec::as_slice);
        for value in list {
            calls.push(call(value, names)?);
        }
    }
    (!calls.is_empty()).then_some(calls)
}

/// `{"name":…,"arguments":{…}}`, with `parameters` in its place, or all of it under `function`.
fn call(value: &Value, names: &[String]) -> Option<ToolRequest> {
    let object = value.as_object()?;
    let object = object
        .get("function")
        .and_then(Value::as_object)
        .unwrap_or(object);
    let name = object.get("name")?.as_str()?;
    if !names.iter().any(|offered| offered == name) {
        return None;
    }
    let arguments = match object.get("arguments").or(object.get("parameters"))? {
        Value::Object(arguments) => Value::Object(arguments.clone()).to_string(),
        Value::String(text) => {
            serde_json::from_str::<Map<String, Value>>(text).ok()?;
            text.clone()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => return None,
    };
    Some(ToolRequest {
        id: String::new(),
        name: name.to_owned(),
        arguments,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ipc::model::Usage;
    use proptest::prelude::*;

    fn tools() -> Vec<ToolSpec> {
        ipc::tool_args::catalogue()
    }

    /// What was shown, and the answer.
    fn run(pieces: &[&str]) -> (String, Parsed) {
        let mut gate = Gate::new(&tools());
        let mut shown: String = pieces.iter().map(|piece| gate.push(piece)).collect();
        let mut parsed = Parsed {
            text: pieces.concat(),
            calls: Vec::new(),
            stop: StopReason::End,
            usage: Usage::default(),
            carried: Vec::new(),
        };
        shown.push_str(&gate.settle(&mut parsed));
        (shown, parsed)
    }

    fn calls(text: &str) -> Vec<(String, String)> {
        let pieces: Vec<String> = text.chars().map(String::from).collect();
        let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
        let (shown, parsed) = run(&pieces);
        assert_eq!(shown.trim_end(), parsed.text.trim_end(), "{text}");
        parsed
            .calls
            .into_iter()
            .map(|c| (c.name, c.arguments))
            .collect()
    }

    #[test]
    fn the_three_forms_are_calls() {
        let ls = || vec![("ls".to_owned(), r#"{"path":"a"}"#.to_owned())];
        for text in [
            r#"{"name":"ls","arguments":{"path":"a"}}"#,
            r#" [{"name":"ls","parameters":{"path":"a"}}] "#,
            r#"{"type":"function","function":{"name":"ls","arguments":"{\"path\":\"a\"}"}}"#,
            "```json\n{\"name\":\"ls\",\"arguments\":{\"path\":\"a\"}}\n```",
            "I will look.\n\n```json\n{\"name\":\"ls\",\"arguments\":{\"path\":\"a\"}}\n```\n",
            "<tool_call>\n{\"name\":\"ls\",\"arguments\":{\"path\":\"a\"}}\n</tool_call>",
            "Well: <tool_call>{\"name\":\"ls\",\"arguments\":{\"path\":\"a\"}}",
            "<think>hm {\"name\":\"exec\"}</think>\n\n{\"name\":\"ls\",\"arguments\":{\"path\":\"a\"}}",
        ] {
            assert_eq!(calls(text), ls(), "{text}");
        }
    }

    #[test]
    fn several_calls_keep_their_order_and_have_ids_of_their_own() {
        let text = "<tool_call>{\"name\":\"ls\",\"arguments\":{}}</tool_call>\n<tool_call>{\"name\":\"exec\",\"arguments\":{\"command\":\"true\"}}</tool_call>";
        let (_, parsed) = run(&[text]);
        let names: Vec<_> = parsed
            .calls
            .iter()
            .map(|c| (c.name.as_str(), c.id.as_str()))
            .collect();
        assert_eq!(names, [("ls", "text_0"), ("exec", "text_1")]);
        assert_eq!(parsed.stop, StopReason::ToolCalls);
    }

    #[test]
    fn everything_else_is_words() {
        for text in [
            "{\"name\":\"rm\",\"arguments\":{}}",
            "{\"name\":\"ls\"}",
            "{\"a\":1}",
            "{ not json",
            "Use\n```json\n{\"name\":\"ls\",\"arguments\":{}}\n```\nlike this.",
            "```rust\nfn main() {}\n```",
            "a < b, `x`, <tool_call>what?</tool_call>",
            "``` ends here",
        ] {
            assert_eq!(calls(text), [], "{text}");
            let (shown, parsed) = run(&[text]);
            assert_eq!((shown.as_str(), parsed.text.as_str()), (text, text));
        }
    }

    #[test]
    fn words_before_a_call_are_shown_at_once_and_the_call_never() {
        let mut gate = Gate::new(&tools());
        assert_eq!(gate.push("Let me see.\n<tool"), "Let me see.\n");
        assert_eq!(gate.push("_call>{\"name\":"), "");
        assert_eq!(gate.push("x"), "");
    }

    #[test]
    fn a_fence_that_is_no_call_is_shown_as_it_grows() {
        let mut gate = Gate::new(&tools());
        assert_eq!(gate.push("So:\n```rust\nfn a"), "So:\n```rust\nfn a");
        assert_eq!(gate.push("() {}\n```\nand `b`"), "() {}\n```\nand `b");
        assert_eq!(gate.push("\n```json\n{\"a\""), "`\n");
        assert_eq!(
            gate.push(": 1}\n```\nthen"),
            "```json\n{\"a\": 1}\n```\nthen"
        );
    }

    #[test]
    fn thoughts_are_neither_shown_nor_kept() {
        let (shown, parsed) = run(&["<thi", "nk>secret", "</think>", "\n", "Hi", "!"]);
        assert_eq!((shown.as_str(), parsed.text.as_str()), ("Hi!", "Hi!"));
    }

    proptest! {
        #[test]
        fn without_a_call_every_word_is_shown_once(
            pieces in proptest::collection::vec("[a`<>{}\"\n ]|<tool_call>|```json\n|</think>|<think|ls", 0..20)
        ) {
            let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
            prop_assume!(!pieces.concat().trim_start().starts_with(THINK));
            let (shown, parsed) = run(&pieces);
            prop_assert!(parsed.calls.is_empty());
            prop_assert_eq!(&shown, &pieces.concat());
            prop_assert_eq!(&parsed.text, &pieces.concat());
        }
    }
}
