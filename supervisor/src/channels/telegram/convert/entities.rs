//! What parts of a text are, by offsets in UTF-16 units that a stranger's client chose.

use super::Us;
use super::shape::Entity;
use std::ops::Range;

/// Marks put into one text; a bound on what a client can make us write.
const MOST_MARKS: usize = 200;

/// A text as it was typed, and whom it addresses.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Typed {
    /// With code and hidden links as Markdown; `/new@us` is `/new`.
    pub(super) text: String,
    /// Whether it names us.
    pub(super) mentions_us: bool,
    /// Whether it begins with a command for another bot.
    pub(super) elsewhere: bool,
}

/// Reads a text by its entities.
pub(super) fn typed(us: &Us<'_>, text: &str, entities: &[Entity]) -> Typed {
    let found: Vec<(Range<usize>, &Entity)> = entities
        .iter()
        .filter_map(|entity| Some((bytes(text, entity.offset, entity.length)?, entity)))
        .collect();
    let mut typed = Typed::default();
    let mut marks = Vec::new();
    for (range, entity) in &found {
        let part = &text[range.clone()];
        match entity.kind.as_str() {
            "mention" => typed.mentions_us |= is_us(us, part.strip_prefix('@')),
            "text_mention" => {
                typed.mentions_us |= entity.user.as_ref().is_some_and(|user| user.id == us.id);
            }
            "bot_command" => {
                let named = part.split_once('@').map(|(_, bot)| bot);
                typed.mentions_us |= is_us(us, named);
                if range.start == 0 && named.is_some() {
                    if is_us(us, named) {
                        let bot = range.start + part.find('@').unwrap_or(part.len());
                        marks.push((bot..range.end, Mark::Gone));
                    } else {
                        typed.elsewhere = true;
                    }
                }
            }
            "code" => marks.push((range.clone(), Mark::Code)),
            "pre" => marks.push((range.clone(), Mark::Pre(entity.language.as_deref()))),
            "text_link" => {
                if let Some(url) = &entity.url {
                    marks.push((range.clone(), Mark::Link(url)));
                }
            }
            // Bold, hashtags and what is yet to be invented: the words say enough.
            _ => {}
        }
    }
    typed.text = marked(text, marks);
    typed
}

fn is_us(us: &Us<'_>, named: Option<&str>) -> bool {
    named.is_some_and(|named| !named.is_empty() && named.eq_ignore_ascii_case(us.username))
}

enum Mark<'a> {
    Gone,
    Code,
    Pre(Option<&'a str>),
    Link(&'a str),
}

/// The text with its marks; of marks that overlap the first one counts.
fn marked(text: &str, mut marks: Vec<(Range<usize>, Mark<'_>)>) -> String {
    marks.sort_by_key(|(range, _)| range.start);
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for (range, mark) in marks.into_iter().take(MOST_MARKS) {
        if range.start < done || range.is_empty() {
            continue;
        }
        out.push_str(&text[done..range.start]);
        done = range.end;
        write(&mut out, &text[range], &mark);
    }
    out.push_str(&text[done..]);
    out
}

fn write(out: &mut String, part: &str, mark: &Mark<'_>) {
    match mark {
        Mark::Gone => {}
        Mark::Code => {
            let ticks = "`".repeat(longest_ticks(part) + 1);
            out.extend([&ticks, part, &ticks]);
        }
        Mark::Pre(language) => {
            let fence = "`".repeat(longest_ticks(part).max(2) + 1);
            let language = language.unwrap_or_default();
            let language: String = language
                .chars()
                .filter(|c| c.is_ascii_alphanumeric() || "+-_#.".contains(*c))
                .take(20)
                .collect();
            if !out.is_empty() && !out.ends_with('\n') {
                out.push('\n');
            }
            let end = if part.ends_with('\n') { "" } else { "\n" };
            out.extend([&fence, &language, "\n", part, end, &fence, "\n"]);
        }
        Mark::Link(url) => out.extend(["[", part, "](", url, ")"]),
    }
}

fn longest_ticks(part: &str) -> usize {
    part.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// The bytes of a range in UTF-16 units; `None` where it does not lie between whole characters.
pub(super) fn bytes(text: &str, offset: usize, length: usize) -> Option<Range<usize>> {
    let end = offset.checked_add(length)?;
    let mut units = 0;
    let mut from = None;
    for (at, c) in text.char_indices().chain([(text.len(), '\0')]) {
        if units == offset {
            from.get_or_insert(at);
        }
        if units >= end {
            return (units == end).then_some(from?..at);
        }
        units += c.len_utf16();
    }
    None
}
