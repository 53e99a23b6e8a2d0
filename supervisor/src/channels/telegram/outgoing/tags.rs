//! The tags in an answer: `[[…]]` anywhere, `MEDIA:…` in a line of its own; none of them in code.

use super::super::format::code_ranges;
use super::Quote;
use std::borrow::Cow;
use std::iter::Peekable;
use std::ops::Range;

/// What begins a line that is a file.
const MEDIA: &str = "MEDIA:";
/// Most files in one answer; further lines are words.
const MAX_FILES: usize = 50;
/// Most files that Telegram shows together.
const MAX_ALBUM: usize = 10;
/// Longest path, in bytes.
const MAX_PATH: usize = 1024;
/// Longest tag, in bytes, between its brackets.
const MAX_TAG: usize = 64;
/// How tags begin.
const NAMES: [&str; 4] = ["reply_to_current", "reply_to:", "audio_as_voice", "react:"];

/// An answer without its tags, and what they say.
#[derive(Debug, Default)]
pub(super) struct Taken {
    /// What is said and shown, in order.
    pub(super) pieces: Vec<Piece>,
    pub(super) quote: Quote,
    pub(super) reaction: Option<String>,
    pub(super) as_voice: bool,
}

/// What is between two changes from words to files.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Markdown.
    Words(String),
    /// Paths, at most as many as are shown together.
    Files(Vec<String>),
}

/// One tag.
#[derive(Debug, PartialEq, Eq)]
enum Tag {
    Quote(Quote),
    Voice,
    React(String),
    /// One of ours that says nothing sensible: taken out, and no more.
    Void,
}

/// Takes the tags out of an answer.
pub(super) fn take(text: &str) -> Taken {
    let mut taken = Taken::default();
    if !text.contains("[[") && !text.contains(MEDIA) {
        taken.say(text);
        return taken;
    }
    let code = code_ranges(text);
    let mut code = code.iter().peekable();
    let mut files = 0;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let start = at;
        at += line.len();
        let begins = start + line.len() - line.trim_start().len();
        let media = media(line).filter(|_| !is_in(&mut code.clone(), begins));
        match media {
            Some(Media::Path(path)) if files < MAX_FILES => {
                files += 1;
                taken.show(path);
            }
            Some(Media::Address(address)) => {
                taken.say(address);
                taken.say("\n");
            }
            Some(Media::Path(_)) | None => taken.line(line, start, &mut code),
        }
    }
    taken.pieces.retain(|piece| match piece {
        Piece::Words(words) => !words.trim().is_empty(),
        Piece::Files(_) => true,
    });
    taken
}

/// The words of an answer that still grows.
pub(super) fn strip_growing(text: &str) -> Cow<'_, str> {
    let whole = if text.contains("[[") || text.contains(MEDIA) {
        let mut words = String::with_capacity(text.len());
        for piece in take(text).pieces {
            match piece {
                Piece::Words(more) => words.push_str(&more),
                Piece::Files(_) => words.push_str("\n\n"),
            }
        }
        Cow::Owned(words)
    } else {
        Cow::Borrowed(text)
    };
    let Some(half) = half_written(&whole) else {
        return whole;
    };
    match whole {
        Cow::Borrowed(text) => Cow::Borrowed(&text[..half]),
        Cow::Owned(mut text) => {
            text.truncate(half);
            Cow::Owned(text)
        }
    }
}

/// Where something begins that may become a tag.
fn half_written(text: &str) -> Option<usize> {
    let line = text.rfind('\n').map_or(0, |end| end + 1);
    let last = text[line..].trim_start();
    let begun = !last.is_empty() && (MEDIA.starts_with(last) || last.starts_with(MEDIA));
    let bracket = if text.ends_with('[') && !text.ends_with("[[") {
        Some(text.len() - 1)
    } else {
        let open = text[line..].rfind("[[").map(|open| line + open);
        open.filter(|open| is_half_tag(&text[open + 2..]))
    };
    let half = if begun {
        Some(text.len() - last.len())
    } else {
        bracket
    }?;
    let code = code_ranges(text);
    (!is_in(&mut code.iter().peekable(), half)).then_some(half)
}

fn is_half_tag(inner: &str) -> bool {
    let inner = inner.trim_start();
    let inner = inner.strip_suffix(']').unwrap_or(inner);
    if inner.len() > MAX_TAG || inner.contains(']') {
        return false;
    }
    let said = inner.trim_end().to_ascii_lowercase();
    let known =
        |name: &&str| name.starts_with(&said) || (name.ends_with(':') && said.starts_with(*name));
    NAMES.iter().any(known)
}

/// What a line names.
enum Media<'a> {
    Path(&'a str),
    Address(&'a str),
}

fn media(line: &str) -> Option<Media<'_>> {
    let named = line.trim().strip_prefix(MEDIA)?.trim();
    let quotes = |quote: char| named.strip_prefix(quote)?.strip_suffix(quote);
    let named = ['`', '"', '\'']
        .into_iter()
        .find_map(quotes)
        .unwrap_or(named)
        .trim();
    if named.starts_with("http://") || named.starts_with("https://") {
        return Some(Media::Address(named));
    }
    let is_path = !named.is_empty()
        && named.len() <= MAX_PATH
        && !named.contains(char::is_control)
        && !has_scheme(named);
    is_path.then_some(Media::Path(named))
}

/// Whether it is an address: `ftp://…`, `data:…`. A colon in a name is none.
fn has_scheme(named: &str) -> bool {
    let Some((scheme, rest)) = named.split_once(':') else {
        return false;
    };
    let known = ["data", "file", "blob", "javascript", "mailto", "tg"];
    rest.starts_with("//") || known.iter().any(|known| scheme.eq_ignore_ascii_case(known))
}

/// Whether this byte is in one of the ranges, all of which that end before it are left behind.
fn is_in<'a>(ranges: &mut Peekable<impl Iterator<Item = &'a Range<usize>>>, at: usize) -> bool {
    while ranges.next_if(|range| range.end <= at).is_some() {}
    ranges.peek().is_some_and(|range| range.start <= at)
}

/// What a tag says, given what is between its brackets.
fn read(inner: &str) -> Option<Tag> {
    let inner = inner.trim();
    let (name, argument) = match inner.split_once(':') {
        Some((name, argument)) => (name.trim_end(), Some(argument.trim())),
        None => (inner, None),
    };
    let is = |other: &str| name.eq_ignore_ascii_case(other);
    match argument {
        None if is("reply_to_current") => Some(Tag::Quote(Quote::Current)),
        None if is("audio_as_voice") => Some(Tag::Voice),
        Some(id) if is("reply_to") => Some(quoted(id)),
        Some(emoji) if is("react") => Some(reaction(emoji)),
        Some(_) | None => None,
    }
}

fn quoted(id: &str) -> Tag {
    if id.eq_ignore_ascii_case("none") {
        return Tag::Quote(Quote::None);
    }
    match id.parse::<i32>() {
        Ok(id) if id > 0 => Tag::Quote(Quote::Message(id)),
        Ok(_) | Err(_) => Tag::Void,
    }
}

fn reaction(emoji: &str) -> Tag {
    let is_emoji = !emoji.is_empty() && !emoji.contains(|char: char| char.is_ascii());
    if is_emoji {
        Tag::React(emoji.to_owned())
    } else {
        Tag::Void
    }
}

// === impl Taken ===

impl Taken {
    fn say(&mut self, text: &str) {
        match self.pieces.last_mut() {
            Some(Piece::Words(words)) => words.push_str(text),
            // Between two files of one album there may be empty lines.
            Some(Piece::Files(_)) if text.trim().is_empty() => {}
            Some(Piece::Files(_)) | None => self.pieces.push(Piece::Words(text.to_owned())),
        }
    }

    fn show(&mut self, path: &str) {
        match self.pieces.last_mut() {
            Some(Piece::Files(paths)) if paths.len() < MAX_ALBUM => paths.push(path.to_owned()),
            Some(_) | None => self.pieces.push(Piece::Files(vec![path.to_owned()])),
        }
    }

    /// Says a line without its tags; one that was nothing else leaves no empty line.
    fn line<'a>(
        &mut self,
        line: &str,
        start: usize,
        code: &mut Peekable<impl Iterator<Item = &'a Range<usize>>>,
    ) {
        let mut said = String::new();
        let mut done = 0;
        let mut at = 0;
        let mut any = false;
        while let Some(open) = line[at..].find("[[").map(|open| at + open) {
            at = open + 2;
            let near = &line[at..line.floor_char_boundary((at + MAX_TAG + 2).min(line.len()))];
            let Some(length) = near.find("]]") else {
                continue;
            };
            if is_in(code, start + open) {
                continue;
            }
            let Some(tag) = read(&near[..length]) else {
                continue;
            };
            any = true;
            self.heed(tag);
            said.push_str(&line[done..open]);
            done = at + length + 2;
            at = done;
            if said.is_empty() || said.ends_with(char::is_whitespace) {
                done += line[done..].len() - line[done..].trim_start_matches([' ', '\t']).len();
                at = done;
            }
        }
        if !any {
            return self.say(line);
        }
        said.push_str(&line[done..]);
        if !said.trim().is_empty() {
            self.say(&said);
        }
    }

    fn heed(&mut self, tag: Tag) {
        match tag {
            Tag::Quote(quote) => self.quote = quote,
            Tag::Voice => self.as_voice = true,
            Tag::React(emoji) => self.reaction = Some(emoji),
            Tag::Void => {}
        }
    }
}
