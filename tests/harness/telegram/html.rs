//! Telegram's HTML, read as strictly as the server reads it: text and entities, or what is wrong.

use super::entity::Entity;

const TAGS: [&str; 17] = [
    "a",
    "b",
    "blockquote",
    "code",
    "del",
    "em",
    "i",
    "ins",
    "pre",
    "s",
    "span",
    "strike",
    "strong",
    "tg-emoji",
    "tg-spoiler",
    "tg-time",
    "u",
];

/// A tag that was opened and not closed yet.
struct Open {
    tag: String,
    argument: Option<String>,
    /// Where its text begins, in UTF-16 units.
    begins: usize,
}

/// Text without markup, its entities (outer before inner), and what a good formatter would not write
/// though the server takes it.
#[derive(Debug, Default)]
pub(super) struct Parsed {
    pub(super) text: String,
    pub(super) entities: Vec<Entity>,
    pub(super) untidy: Vec<String>,
}

/// Reads HTML.
///
/// # Errors
/// What the server says after `can't parse entities: `.
pub(super) fn parse(html: &str) -> Result<Parsed, String> {
    let mut reader = Reader {
        rest: html,
        whole: html,
        done: Parsed::default(),
        units: 0,
        open: Vec::new(),
    };
    while let Some(next) = reader.rest.chars().next() {
        match next {
            '<' if reader.rest.starts_with("</") => reader.end_tag()?,
            '<' => reader.start_tag()?,
            '&' => {
                let meant = reference(&mut reader.rest).unwrap_or('&');
                reader.push(meant);
            }
            plain => {
                reader.rest = &reader.rest[plain.len_utf8()..];
                reader.push(plain);
            }
        }
    }
    if let Some(open) = reader.open.last() {
        return Err(format!(
            "Can't find end tag corresponding to start tag \"{}\"",
            open.tag
        ));
    }
    let mut done = reader.done;
    done.entities
        .sort_by_key(|entity| (entity.offset, std::cmp::Reverse(entity.length)));
    Ok(done)
}

struct Reader<'a> {
    whole: &'a str,
    rest: &'a str,
    done: Parsed,
    units: usize,
    open: Vec<Open>,
}

impl Reader<'_> {
    fn at(&self) -> usize {
        self.whole.len() - self.rest.len()
    }

    fn push(&mut self, meant: char) {
        self.done.text.push(meant);
        self.units += meant.len_utf16();
    }

    /// Takes characters while they satisfy a condition.
    fn take(&mut self, fits: impl Fn(char) -> bool) -> String {
        let end = self.rest.find(|c| !fits(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken.to_owned()
    }

    fn start_tag(&mut self) -> Result<(), String> {
        let begins = self.at();
        let unclosed = || format!("Unclosed start tag at byte offset {begins}");
        self.rest = &self.rest[1..];
        let tag = self
            .take(|c| !c.is_ascii_whitespace() && c != '>')
            .to_ascii_lowercase();
        if self.rest.is_empty() {
            return Err(unclosed());
        }
        if !TAGS.contains(&tag.as_str()) {
            return Err(format!(
                "Unsupported start tag \"{tag}\" at byte offset {begins}"
            ));
        }
        let mut argument = None;
        loop {
            self.take(|c| c.is_ascii_whitespace());
            if self.rest.is_empty() {
                return Err(unclosed());
            }
            if let Some(rest) = self.rest.strip_prefix('>') {
                self.rest = rest;
                break;
            }
            let name = self
                .take(|c| !c.is_ascii_whitespace() && c != '=' && c != '>')
                .to_ascii_lowercase();
            if name.is_empty() {
                return Err(format!(
                    "Empty attribute name in the tag \"{tag}\" at byte offset {begins}"
                ));
            }
            self.take(|c| c.is_ascii_whitespace());
            let Some(rest) = self.rest.strip_prefix('=') else {
                if tag == "blockquote" && name == "expandable" {
                    argument = Some("expandable".to_owned());
                }
                continue;
            };
            self.rest = rest;
            let value = self.value(&unclosed)?;
            match (tag.as_str(), name.as_str()) {
                ("a", "href") | ("tg-emoji", "emoji-id") | ("tg-time", "unix") => {
                    argument = Some(value)
                }
                ("code", "class") => argument = value.strip_prefix("language-").map(str::to_owned),
                ("span", "class") => argument = value.strip_prefix("tg-").map(str::to_owned),
                ("blockquote", "expandable") => argument = Some("expandable".to_owned()),
                _ => {}
            }
        }
        if tag == "span" && argument.as_deref() != Some("spoiler") {
            return Err(format!(
                "Tag \"span\" must have class \"tg-spoiler\" at byte offset {begins}"
            ));
        }
        self.nested(&tag);
        self.open.push(Open {
            tag,
            argument,
            begins: self.units,
        });
        Ok(())
    }

    /// Nothing but a language belongs into code.
    fn nested(&mut self, tag: &str) {
        let within = |outer: &str| self.open.iter().any(|open| open.tag == outer);
        let language = tag == "code"
            && self.open.last().is_some_and(|open| open.tag == "pre")
            && !within("code");
        if (within("code") || within("pre")) && !language {
            self.done.untidy.push(format!("<{tag}> in code"));
        }
        if tag == "blockquote" && within("blockquote") {
            self.done.untidy.push("a quote in a quote".to_owned());
        }
    }

    fn value(&mut self, unclosed: &impl Fn() -> String) -> Result<String, String> {
        self.take(|c| c.is_ascii_whitespace());
        let Some(quote) = self.rest.chars().next() else {
            return Err(unclosed());
        };
        if quote != '"' && quote != '\'' {
            let at = self.at();
            let token = self.take(|c| c.is_ascii_alphanumeric() || c == '.' || c == '-');
            let ends = self.rest.chars().next();
            let is_end = ends.is_some_and(|c| c.is_ascii_whitespace() || c == '>');
            return match ends {
                None => Err(unclosed()),
                Some(_) if is_end => Ok(token.to_ascii_lowercase()),
                Some(_) => Err(format!("Unexpected end of name token at byte offset {at}")),
            };
        }
        self.rest = &self.rest[1..];
        let mut value = String::new();
        loop {
            match self.rest.chars().next() {
                None => return Err(unclosed()),
                Some(end) if end == quote => {
                    self.rest = &self.rest[1..];
                    return Ok(value);
                }
                Some('&') => value.push(reference(&mut self.rest).unwrap_or('&')),
                Some(other) => {
                    self.rest = &self.rest[other.len_utf8()..];
                    value.push(other);
                }
            }
        }
    }

    fn end_tag(&mut self) -> Result<(), String> {
        let begins = self.at();
        self.rest = &self.rest[2..];
        let name = self
            .take(|c| !c.is_ascii_whitespace() && c != '>')
            .to_ascii_lowercase();
        self.take(|c| c.is_ascii_whitespace());
        let Some(rest) = self.rest.strip_prefix('>') else {
            return Err(format!("Unclosed end tag at byte offset {begins}"));
        };
        self.rest = rest;
        let Some(open) = self.open.pop() else {
            return Err(format!("Unexpected end tag at byte offset {begins}"));
        };
        if !name.is_empty() && name != open.tag {
            return Err(format!(
                "Unmatched end tag at byte offset {begins}, expected \"</{}>\", found \"</{name}>\"",
                open.tag
            ));
        }
        self.close(open);
        Ok(())
    }

    fn close(&mut self, open: Open) {
        let length = self.units - open.begins;
        if length == 0 {
            return;
        }
        let kind = match open.tag.as_str() {
            "b" | "strong" => "bold",
            "i" | "em" => "italic",
            "u" | "ins" => "underline",
            "s" | "strike" | "del" => "strikethrough",
            "span" | "tg-spoiler" => "spoiler",
            "a" => "text_link",
            "tg-emoji" => "custom_emoji",
            "tg-time" => "date_time",
            "blockquote" if open.argument.is_some() => "expandable_blockquote",
            "blockquote" => "blockquote",
            "pre" => "pre",
            _ => "code",
        };
        let mut entity = Entity::new(kind, open.begins, length);
        match kind {
            "text_link" => {
                // A link without an address, or with none that leads anywhere, is plain text.
                let Some(url) = open.argument.filter(|url| leads_somewhere(url)) else {
                    return;
                };
                entity.url = Some(url);
            }
            "custom_emoji" => entity.custom_emoji_id = open.argument,
            "pre" => entity.language = self.language_within(open.begins, length),
            "code" => entity.language = open.argument,
            _ => {}
        }
        self.done.entities.push(entity);
    }

    /// `<pre><code class="language-x">` is one block with a language, `<pre><code>` one without.
    fn language_within(&mut self, begins: usize, length: usize) -> Option<String> {
        let same = |entity: &Entity| {
            entity.kind == "code" && (entity.offset, entity.length) == (begins, length)
        };
        let at = self.done.entities.iter().position(same)?;
        self.done.entities.remove(at).language
    }
}

fn leads_somewhere(url: &str) -> bool {
    let scheme = url.split_once(':').map(|(scheme, _)| scheme);
    match scheme {
        Some("http" | "https" | "tg" | "mailto" | "tel") => !url.contains(char::is_whitespace),
        Some(_) => false,
        None => url.contains('.') && !url.contains(char::is_whitespace),
    }
}

/// The character a reference stands for; the ampersand alone is taken when it is none.
fn reference(rest: &mut &str) -> Option<char> {
    let after = &rest[1..];
    let (meant, length) = numeric(after).or_else(|| named(after)).unzip();
    let taken = length.unwrap_or(0);
    let end = usize::from(taken > 0 && after[taken..].starts_with(';'));
    *rest = &after[taken + end..];
    meant
}

fn numeric(after: &str) -> Option<(char, usize)> {
    let digits = after.strip_prefix('#')?;
    let (digits, radix, prefix) = match digits.strip_prefix('x') {
        Some(hex) => (hex, 16, 2),
        None => (digits, 10, 1),
    };
    let end = digits
        .find(|c: char| !c.is_digit(radix))
        .unwrap_or(digits.len());
    let code = u32::from_str_radix(&digits[..end], radix).ok()?;
    let meant = char::from_u32(code).filter(|c| *c != '\0')?;
    Some((meant, prefix + end))
}

fn named(after: &str) -> Option<(char, usize)> {
    let end = after
        .find(|c: char| !c.is_ascii_alphabetic())
        .unwrap_or(after.len());
    let meant = match &after[..end] {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "quot" => '"',
        _ => return None,
    };
    Some((meant, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(html: &str) -> String {
        parse(html).expect_err(html)
    }

    #[test]
    fn markup_becomes_entities_in_utf16() {
        let parsed = parse("🦀 <b>a<i>b</i></b> <a href='https://x.y/?a=1&amp;b'>l</a>").unwrap();
        assert_eq!(parsed.text, "🦀 ab l");
        let found: Vec<_> = parsed
            .entities
            .iter()
            .map(|e| (e.kind.as_str(), e.offset, e.length))
            .collect();
        assert_eq!(
            found,
            [("bold", 3, 2), ("italic", 4, 1), ("text_link", 6, 1)]
        );
        assert_eq!(
            parsed.entities[2].url.as_deref(),
            Some("https://x.y/?a=1&b")
        );
    }

    #[test]
    fn a_block_of_code_has_its_language_and_nothing_else_in_it() {
        let parsed = parse("<pre><code class=\"language-rust\">a &lt; b</code></pre>").unwrap();
        assert_eq!(parsed.text, "a < b");
        assert_eq!(parsed.entities.len(), 1);
        assert_eq!(parsed.entities[0].language.as_deref(), Some("rust"));
        assert!(parsed.untidy.is_empty());
        assert_eq!(
            parse("<code><b>x</b></code>").unwrap().untidy,
            ["<b> in code"]
        );
    }

    #[test]
    fn what_the_server_refuses_is_refused_in_its_words() {
        assert_eq!(
            wrong("a <p>"),
            "Unsupported start tag \"p\" at byte offset 2"
        );
        assert_eq!(
            wrong("1 < 2"),
            "Unsupported start tag \"\" at byte offset 2"
        );
        assert_eq!(wrong("1 <b"), "Unclosed start tag at byte offset 2");
        assert_eq!(
            wrong("<b>x"),
            "Can't find end tag corresponding to start tag \"b\""
        );
        assert_eq!(wrong("x</b>"), "Unexpected end tag at byte offset 1");
        assert_eq!(
            wrong("<b><i>x</b></i>"),
            "Unmatched end tag at byte offset 7, expected \"</i>\", found \"</b>\""
        );
        assert!(wrong("<span>x</span>").contains("tg-spoiler"));
        assert!(wrong("<a href=\"x>y</a>").contains("Unclosed start tag"));
    }

    #[test]
    fn references_it_does_not_know_are_plain_text() {
        assert_eq!(
            parse("&nbsp;&copy &amp;&#65;&#x42; &").unwrap().text,
            "&nbsp;&copy &AB &"
        );
    }
}
