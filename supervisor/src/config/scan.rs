//! Reads JSON5 into a tree that knows where each part was written. Numbers, text and unusual keys
//! are read by the `json5` crate; only the structure around them is read here.

use super::node::{Entry, Kind, Node, Span};
use serde_json::Value;

/// Deeper than any configuration; keeps the reader off the end of its stack.
const MAX_DEPTH: usize = 100;

/// A file's content.
pub(super) struct Parsed {
    pub(super) root: Node,
    /// Keys that are said again later in the same object; the last one counts.
    pub(super) repeated: Vec<(String, Span)>,
}

/// What keeps a text from being JSON5.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Syntax {
    /// Byte it is noticed at.
    pub(super) at: usize,
    pub(super) message: String,
}

/// Reads a whole text; `file` goes into every [`Span`].
pub(super) fn parse(text: &str, file: usize) -> Result<Parsed, Syntax> {
    let mut scanner = Scanner {
        text,
        at: 0,
        file,
        depth: 0,
        repeated: Vec::new(),
    };
    scanner.skip()?;
    if scanner.peek().is_none() {
        return scanner.fail(0, "the file is empty; write {} for all defaults");
    }
    let root = scanner.value()?;
    scanner.skip()?;
    if scanner.peek().is_some() {
        let found = scanner.found();
        return scanner.fail(
            scanner.at,
            format!("expected the end of the file, found {found}"),
        );
    }
    Ok(Parsed {
        root,
        repeated: scanner.repeated,
    })
}

/// The end of white space and comments that begin at `at`.
pub(super) fn skip_trivia(text: &str, at: usize) -> Result<usize, Syntax> {
    let mut scanner = Scanner {
        text,
        at,
        file: 0,
        depth: 0,
        repeated: Vec::new(),
    };
    scanner.skip()?;
    Ok(scanner.at)
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    file: usize,
    depth: usize,
    repeated: Vec<(String, Span)>,
}

impl Scanner<'_> {
    fn value(&mut self) -> Result<Node, Syntax> {
        match self.peek() {
            Some('{') => self.nested(Self::object),
            Some('[') => self.nested(Self::list),
            Some(_) => self.scalar(),
            None => self.fail(self.at, "the file ends where a value should be"),
        }
    }

    fn nested(&mut self, read: fn(&mut Self) -> Result<Node, Syntax>) -> Result<Node, Syntax> {
        if self.depth == MAX_DEPTH {
            return self.fail(self.at, "nested deeper than any configuration");
        }
        self.depth += 1;
        let node = read(self)?;
        self.depth -= 1;
        Ok(node)
    }

    fn object(&mut self) -> Result<Node, Syntax> {
        let start = self.at;
        self.at += 1;
        let mut entries: Vec<Entry> = Vec::new();
        loop {
            self.skip()?;
            match self.peek() {
                Some('}') => break,
                Some(_) => self.entry(&mut entries)?,
                None => return self.fail(start, "this { is never closed"),
            }
            if !self.comma('}', start)? {
                break;
            }
        }
        self.at += 1;
        Ok(self.node(start, Kind::Object(entries)))
    }

    fn list(&mut self) -> Result<Node, Syntax> {
        let start = self.at;
        self.at += 1;
        let mut items = Vec::new();
        loop {
            self.skip()?;
            match self.peek() {
                Some(']') => break,
                Some(_) => items.push(self.value()?),
                None => return self.fail(start, "this [ is never closed"),
            }
            if !self.comma(']', start)? {
                break;
            }
        }
        self.at += 1;
        Ok(self.node(start, Kind::List(items)))
    }

    /// After a value: takes a comma and says whether there was one.
    fn comma(&mut self, close: char, open_at: usize) -> Result<bool, Syntax> {
        self.skip()?;
        match self.peek() {
            Some(',') => {
                self.at += 1;
                Ok(true)
            }
            Some(c) if c == close => Ok(false),
            Some(_) => {
                let found = self.found();
                self.fail(
                    self.at,
                    format!("expected a comma or {close}, found {found}"),
                )
            }
            None => {
                let open = if close == '}' { '{' } else { '[' };
                self.fail(open_at, format!("this {open} is never closed"))
            }
        }
    }

    fn entry(&mut self, entries: &mut Vec<Entry>) -> Result<(), Syntax> {
        let start = self.at;
        let key = self.key()?;
        let key_at = self.span(start);
        self.skip()?;
        if self.peek() != Some(':') {
            let found = self.found();
            return self.fail(
                self.at,
                format!("expected : after the key {key}, found {found}"),
            );
        }
        self.at += 1;
        self.skip()?;
        let value = self.value()?;
        if let Some(i) = entries.iter().position(|e| e.key == key) {
            let before = entries.remove(i);
            self.repeated.push((key.clone(), before.key_at));
        }
        entries.push(Entry { key, key_at, value });
        Ok(())
    }

    fn key(&mut self) -> Result<String, Syntax> {
        let start = self.at;
        let token = self.token()?;
        if token.starts_with(['"', '\'']) {
            return json5::from_str(token).map_err(|e| Syntax {
                at: start,
                message: format!("this text cannot be read: {}", reason(&e)),
            });
        }
        if plain_key(token) {
            return Ok(token.to_owned());
        }
        // Names with letters beyond ASCII, or escapes: let json5 say.
        let object = format!("{{{token}:0}}");
        let keys: Option<serde_json::Map<String, Value>> = json5::from_str(&object).ok();
        match keys.map(|keys| keys.into_iter().next()) {
            Some(Some((key, _))) if !token.is_empty() => Ok(key),
            Some(_) | None => {
                let found = self.found_from(start);
                self.fail(start, format!("expected a key, found {found}"))
            }
        }
    }

    fn scalar(&mut self) -> Result<Node, Syntax> {
        let start = self.at;
        let token = self.token()?;
        match json5::from_str::<Value>(token) {
            Ok(value) if !token.is_empty() => Ok(self.node(start, Kind::Scalar(value))),
            Err(e) if token.starts_with(['"', '\'']) => {
                self.fail(start, format!("this text cannot be read: {}", reason(&e)))
            }
            Ok(_) | Err(_) => {
                let found = self.found_from(start);
                self.fail(
                    start,
                    format!("expected a value, found {found}; text stands in quotes"),
                )
            }
        }
    }

    /// Takes quoted text with its quotes, or all up to the next mark or white space.
    fn token(&mut self) -> Result<&str, Syntax> {
        let start = self.at;
        let rest = &self.text[start..];
        let length = match rest.chars().next() {
            Some(quote @ ('"' | '\'')) => match quoted_length(rest, quote) {
                Some(length) => length,
                None => return self.fail(start, format!("this text misses its closing {quote}")),
            },
            Some(_) | None => rest
                .find(|c| is_white(c) || "{}[]:,/\"'".contains(c))
                .unwrap_or(rest.len()),
        };
        self.at += length;
        Ok(&self.text[start..self.at])
    }

    /// Skips white space and comments.
    fn skip(&mut self) -> Result<(), Syntax> {
        loop {
            let rest = &self.text[self.at..];
            if rest.starts_with("//") {
                self.at += rest.find(is_line_end).unwrap_or(rest.len());
            } else if let Some(inside) = rest.strip_prefix("/*") {
                match inside.find("*/") {
                    Some(length) => self.at += length + 4,
                    None => return self.fail(self.at, "this comment is never closed"),
                }
            } else {
                match rest.chars().next() {
                    Some(c) if is_white(c) => self.at += c.len_utf8(),
                    Some(_) | None => return Ok(()),
                }
            }
        }
    }

    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn found(&self) -> String {
        self.found_from(self.at)
    }

    /// A word of what stands there, for an error.
    fn found_from(&self, at: usize) -> String {
        let rest = &self.text[at..];
        let first = rest.chars().next();
        let end = rest
            .char_indices()
            .skip(1)
            .find(|(i, c)| is_white(*c) || "{}[]:,\"'".contains(*c) || *i > 30);
        match first {
            None => "the end of the file".into(),
            Some(c) if "{}[]:,".contains(c) => c.to_string(),
            Some(_) => rest[..end.map_or(rest.len(), |(i, _)| i)].to_owned(),
        }
    }

    fn span(&self, start: usize) -> Span {
        Span {
            file: self.file,
            start,
            end: self.at,
        }
    }

    fn node(&self, start: usize, kind: Kind) -> Node {
        Node {
            at: self.span(start),
            kind,
        }
    }

    #[expect(clippy::unused_self, reason = "reads as the scanner's own complaint")]
    fn fail<T>(&self, at: usize, message: impl Into<String>) -> Result<T, Syntax> {
        let message = message.into();
        Err(Syntax { at, message })
    }
}

/// Whether a key needs no quotes, in the narrow sense that everyone agrees on.
pub(super) fn plain_key(key: &str) -> bool {
    !key.starts_with(|c: char| c.is_ascii_digit())
        && !key.is_empty()
        && key
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '$')
}

/// Bytes of a quoted text, its quotes included; `None` where it does not end on its line.
fn quoted_length(text: &str, quote: char) -> Option<usize> {
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((i, c)) = chars.next() {
        match c {
            '\\' => {
                let escaped = chars.next()?.1;
                if escaped == '\r' {
                    chars.next_if(|(_, next)| *next == '\n');
                }
            }
            '\n' | '\r' => return None,
            c if c == quote => return Some(i + c.len_utf8()),
            _ => {}
        }
    }
    None
}

/// What JSON5 counts as white space.
fn is_white(c: char) -> bool {
    matches!(
        c,
        '\t'..='\r' | ' ' | '\u{a0}' | '\u{feff}' | '\u{2028}' | '\u{2029}'
    ) || matches!(
        c,
        '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}'
    )
}

fn is_line_end(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{2028}' | '\u{2029}')
}

fn reason(error: &json5::Error) -> String {
    error
        .code()
        .map_or_else(|| error.to_string(), |code| code.to_string())
}

#[cfg(test)]
pub(super) mod tests;
