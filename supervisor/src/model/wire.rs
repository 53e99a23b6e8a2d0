//! Writing requests as bytes, and reading what tools are called with.

use super::sight::Pictures;
use serde::Serialize;
use serde_json::Value;
use serde_json::ser::{Formatter, Serializer};
use serde_json::value::RawValue;
use std::io;

/// What marks the place of a picture in rendered messages: JSON has no such byte, since it writes
/// control characters as escapes.
const HOLE: u8 = 0;

/// A growing list of JSON values, without its brackets. Pictures are left out of it: it has a hole
/// with the name of each, which [`body`] fills. So what is kept of a session is small.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct List(Vec<u8>);

impl List {
    /// Appends a value.
    pub(super) fn push(&mut self, value: &impl Serialize) {
        if !self.0.is_empty() {
            self.0.push(b',');
        }
        // Writing our own plain types into memory does not fail.
        let written = value.serialize(&mut Serializer::with_formatter(&mut self.0, Holes));
        debug_assert!(written.is_ok(), "{written:?}");
    }

    /// The values, separated by commas.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// The place of a picture in a message: a text of `lead` and the picture's bytes in base64.
pub(super) fn picture(lead: &str, blob: &str) -> Box<RawValue> {
    // A text is always JSON.
    serde_json::value::to_raw_value(&format!("{lead}|{blob}"))
        .unwrap_or_else(|_| RawValue::NULL.to_owned())
}

/// Writes as usual, but for [`picture`]: no other raw value is ever rendered.
struct Holes;

impl Formatter for Holes {
    fn write_raw_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let Some((lead, blob)) = fragment.split_once('|') else {
            return writer.write_all(fragment.as_bytes());
        };
        writer.write_all(lead.as_bytes())?;
        writer.write_all(&[HOLE])?;
        writer.write_all(blob.trim_end_matches('"').as_bytes())?;
        writer.write_all(&[HOLE, b'"'])
    }
}

/// Copies rendered messages with their holes filled.
fn fill(out: &mut Vec<u8>, part: &[u8], pictures: &Pictures) {
    if pictures.is_empty() {
        out.extend_from_slice(part);
        return;
    }
    for (at, piece) in part.split(|byte| *byte == HOLE).enumerate() {
        if at % 2 == 0 {
            out.extend_from_slice(piece);
        } else {
            let blob = std::str::from_utf8(piece).unwrap_or_default();
            out.extend_from_slice(pictures.base64(blob).as_bytes());
        }
    }
}

/// `{"KEY":[parts…],…rest}`: the one way requests are put together, so that what was rendered before
/// is copied and never parsed. `rest` must be a struct with at least one field.
pub(super) fn body(
    key: &str,
    parts: &[&[u8]],
    pictures: &Pictures,
    rest: &impl Serialize,
) -> Vec<u8> {
    let len: usize = parts.iter().map(|part| part.len() + 1).sum();
    let mut out = Vec::with_capacity(len + pictures.len() + 64 * 1024);
    out.extend_from_slice(format!("{{\"{key}\":[").as_bytes());
    let mut first = true;
    for part in parts.iter().filter(|part| !part.is_empty()) {
        if !first {
            out.push(b',');
        }
        first = false;
        fill(&mut out, part, pictures);
    }
    out.extend_from_slice(b"],");
    let at = out.len();
    let written = serde_json::to_writer(&mut out, rest);
    debug_assert!(written.is_ok(), "{written:?}");
    // The opening brace of `rest` is where ours goes on.
    out.remove(at);
    out
}

/// A call's arguments as an object: what is no JSON object is wrapped, so that no provider refuses a
/// history in which a model once wrote nonsense.
pub(super) fn arguments_object(arguments: &str) -> Value {
    if arguments.trim().is_empty() {
        return Value::Object(serde_json::Map::new());
    }
    match serde_json::from_str(arguments) {
        Ok(value @ Value::Object(_)) => value,
        Ok(_) | Err(_) => serde_json::json!({ "unreadable": arguments }),
    }
}

/// The same as text: left as it was where it is an object.
pub(super) fn arguments_text(arguments: &str) -> std::borrow::Cow<'_, str> {
    let is_object = serde_json::from_str::<serde_json::Map<String, Value>>(arguments).is_ok();
    if is_object {
        arguments.into()
    } else {
        arguments_object(arguments).to_string().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_body_is_its_parts_and_the_rest() {
        let mut list = List::default();
        list.push(&1);
        list.push(&"a");
        let bytes = body(
            "m",
            &[b"", list.as_bytes(), b"", b"2"],
            &Pictures::default(),
            &json!({"k": true}),
        );
        assert_eq!(bytes, br#"{"m":[1,"a",2],"k":true}"#);
    }

    #[test]
    fn a_picture_is_filled_in_where_it_stands_and_nowhere_else() {
        let mut list = List::default();
        list.push(&json!({"text": "\u{0}a.png\u{0} | b"}));
        list.push(&picture("data:x,", "a.png"));
        let pictures = Pictures::of([("a.png", "AAAA")]);
        let bytes = body("m", &[list.as_bytes()], &pictures, &json!({"k": true}));
        let read: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(
            read["m"],
            json!([{"text": "\u{0}a.png\u{0} | b"}, "data:x,AAAA"])
        );
    }

    #[test]
    fn nonsense_arguments_become_an_object_that_holds_them() {
        assert_eq!(arguments_object(" "), json!({}));
        assert_eq!(arguments_object(r#"{"a":1}"#), json!({"a": 1}));
        assert_eq!(arguments_object("[1"), json!({"unreadable": "[1"}));
        assert_eq!(arguments_text(r#"{"b":1,  "a":2}"#), r#"{"b":1,  "a":2}"#);
        assert_eq!(arguments_text("7"), r#"{"unreadable":"7"}"#);
    }
}
