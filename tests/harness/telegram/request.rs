//! A request, however its parameters came: query, JSON, urlencoded, multipart.

use super::refusal::Refusal;
use axum::http::Uri;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Parameters by name. Forms have texts where JSON has numbers and objects; both are read.
#[derive(Debug, Clone, Default)]
pub(super) struct Params {
    pub(super) values: Map<String, Value>,
    pub(super) uploads: BTreeMap<String, Upload>,
}

/// A file that came with a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Upload {
    pub(super) name: String,
    pub(super) mime: String,
    pub(super) bytes: Vec<u8>,
}

impl Params {
    /// Reads the query and the body.
    pub(super) fn read(uri: &Uri, content_type: &str, body: &[u8]) -> Result<Self, Refusal> {
        let mut params = Self::default();
        params.form(uri.query().unwrap_or_default());
        if body.is_empty() {
            return Ok(params);
        }
        let kind = content_type.split(';').next().unwrap_or_default().trim();
        match kind.to_ascii_lowercase().as_str() {
            "application/json" => {
                let object = serde_json::from_slice::<Map<String, Value>>(body)
                    .map_err(|_| Refusal::rude("can't parse request body JSON object"))?;
                params.values.extend(object);
            }
            "application/x-www-form-urlencoded" => params.form(&String::from_utf8_lossy(body)),
            "multipart/form-data" => {
                let boundary = attribute(content_type, "boundary")
                    .ok_or_else(|| Refusal::rude("boundary is not found"))?;
                params.multipart(body, &boundary)?;
            }
            _ => {}
        }
        Ok(params)
    }

    fn form(&mut self, form: &str) {
        for pair in form.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            self.values.insert(decoded(name), json!(decoded(value)));
        }
    }

    fn multipart(&mut self, body: &[u8], boundary: &str) -> Result<(), Refusal> {
        let wrong = || Refusal::rude("can't parse multipart form data");
        let delimiter = format!("--{boundary}");
        let begin = find(body, delimiter.as_bytes()).ok_or_else(wrong)?;
        let mut rest = &body[begin + delimiter.len()..];
        let delimiter = format!("\r\n{delimiter}");
        while !rest.starts_with(b"--") {
            let head_end = find(rest, b"\r\n\r\n").ok_or_else(wrong)?;
            let head = String::from_utf8_lossy(&rest[..head_end]).into_owned();
            let content = &rest[head_end + 4..];
            let end = find(content, delimiter.as_bytes()).ok_or_else(wrong)?;
            self.part(&head, &content[..end]);
            rest = &content[end + delimiter.len()..];
        }
        Ok(())
    }

    fn part(&mut self, head: &str, content: &[u8]) {
        let line = |start: &str| {
            head.lines()
                .find(|line| line.to_ascii_lowercase().starts_with(start))
        };
        let disposition = line("content-disposition:").unwrap_or_default();
        let name = attribute(disposition, "name").unwrap_or_default();
        let Some(file) = attribute(disposition, "filename") else {
            let text = String::from_utf8_lossy(content).into_owned();
            self.values.insert(name, json!(text));
            return;
        };
        let mime = line("content-type:").and_then(|line| line.split_once(':'));
        let upload = Upload {
            name: file,
            mime: mime.map_or_else(String::new, |(_, mime)| mime.trim().to_owned()),
            bytes: content.to_vec(),
        };
        self.uploads.insert(name, upload);
    }

    /// A text; numbers and the like as they are written.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        match self.values.get(name)? {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        }
    }

    /// A whole number; 0 when it is none, as the server has it.
    pub(super) fn int(&self, name: &str) -> Option<i64> {
        match self.values.get(name)? {
            Value::Null => None,
            Value::Number(number) => Some(number.as_i64().unwrap_or(0)),
            Value::String(text) => Some(text.trim().parse().unwrap_or(0)),
            _ => Some(0),
        }
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        match self.values.get(name) {
            Some(Value::Bool(flag)) => *flag,
            Some(Value::Number(number)) => number.as_i64() != Some(0),
            Some(Value::String(text)) => {
                ["true", "yes", "1"].contains(&text.to_ascii_lowercase().as_str())
            }
            _ => false,
        }
    }

    /// An object or a list, as itself or as JSON in a text.
    pub(super) fn json(&self, name: &str) -> Result<Option<Value>, Refusal> {
        match self.values.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.trim().is_empty() => Ok(None),
            Some(Value::String(text)) => serde_json::from_str(text)
                .map(Some)
                .map_err(|_| Refusal::rude(&format!("can't parse {name} JSON object"))),
            Some(other) => Ok(Some(other.clone())),
        }
    }
}

/// `name="value"` or `name=value` of a header.
fn attribute(header: &str, name: &str) -> Option<String> {
    let found = header.split(';').skip(1).find_map(|part| {
        let (known, value) = part.trim().split_once('=')?;
        known.eq_ignore_ascii_case(name).then_some(value)
    })?;
    Some(found.trim_matches('"').replace("%22", "\""))
}

fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = (bytes[at] == b'%')
            .then(|| text.get(at + 1..at + 3))
            .flatten()
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        decoded.push(match (hex, bytes[at]) {
            (Some(byte), _) => {
                at += 2;
                byte
            }
            (None, b'+') => b' ',
            (None, byte) => byte,
        });
        at += 1;
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

fn find(hay: &[u8], needle: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += hay[at..].iter().position(|byte| *byte == needle[0])?;
        if hay[at..].starts_with(needle) {
            return Some(at);
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_the_same_however_they_come() {
        let uri: Uri = "/botX/getUpdates?limit=3&offset=-1".parse().unwrap();
        let query = Params::read(&uri, "", b"").unwrap();
        assert_eq!(
            (query.int("limit"), query.int("offset")),
            (Some(3), Some(-1))
        );

        let uri: Uri = "/".parse().unwrap();
        let form = Params::read(
            &uri,
            "application/x-www-form-urlencoded",
            b"text=a+%26%20b&flag=true&list=%5B1%5D",
        );
        let form = form.unwrap();
        assert_eq!(form.text("text").as_deref(), Some("a & b"));
        assert!(form.flag("flag"));
        assert_eq!(form.json("list").unwrap(), Some(json!([1])));

        let body = b"--X\r\nContent-Disposition: form-data; name=\"chat_id\"\r\n\r\n7\r\n\
            --X\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"a.png\"\r\n\
            Content-Type: image/png\r\n\r\n\x89PNG\r\n--\r\n--X--\r\n";
        let form = Params::read(&uri, "multipart/form-data; boundary=X", body).unwrap();
        assert_eq!(form.int("chat_id"), Some(7));
        let photo = &form.uploads["photo"];
        assert_eq!(
            (photo.name.as_str(), photo.mime.as_str()),
            ("a.png", "image/png")
        );
        assert_eq!(photo.bytes, b"\x89PNG\r\n--");
    }
}
