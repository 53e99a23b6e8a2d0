//! What is open in a line that still grows: emphasis, code, links, tags.

/// Longest label of a link that is waited for, in bytes.
const MAX_WAIT: usize = 400;
/// Longest address.
const MAX_ADDRESS: usize = 2048;
/// Longest HTML tag that is waited for.
const MAX_TAG: usize = 16;
/// Most marks that are open at once; what comes after them is taken as it is.
const MAX_OPEN: usize = 32;

/// What is open at the end of a block.
#[derive(Debug, Default)]
pub(super) struct Marks {
    open: Vec<Mark>,
}

/// An opening mark: `**` is two of `*`.
#[derive(Debug)]
struct Mark {
    char: char,
    count: usize,
    at: usize,
    end: usize,
}

// === impl Marks ===

impl Marks {
    /// Where the block is to end for now, and what is to be written behind it.
    pub(super) fn read(block: &str) -> (usize, String) {
        let mut marks = Self::default();
        let mut at = 0;
        while let Some(next) = block[at..].find(['\\', '`', '*', '_', '~', '|', '[', '!', '<']) {
            at += next;
            let rest = &block[at..];
            let char = rest.chars().next().unwrap_or_default();
            match char {
                '\\' if rest.len() == 1 => return marks.close(block, at),
                '\\' => at = block.ceil_char_boundary((at + 2).min(block.len())),
                '`' => match code(rest) {
                    Code::Closed(end) => at += end,
                    Code::Open { end, close } => {
                        let (_, closing) = marks.close(block, at + end);
                        return (at + end, close + &closing);
                    }
                    Code::Bare => return marks.close(block, at),
                },
                '[' => match link(rest) {
                    Link::Ends(end) => at += end,
                    // `xs[` is no link, but then its `]` comes soon.
                    Link::Grows => {
                        let image = usize::from(block[..at].ends_with('!'));
                        return marks.close(block, at - image);
                    }
                },
                '!' if rest.len() == 1 && !block[..at].ends_with(char::is_alphanumeric) => {
                    return marks.close(block, at);
                }
                '!' => at += 1,
                '<' if is_half_tag(rest) => return marks.close(block, at),
                '<' => at += 1,
                char => at = marks.run(block, at, char),
            }
        }
        marks.close(block, block.len())
    }

    /// Reads a run of one character, and says where it ends.
    fn run(&mut self, block: &str, at: usize, char: char) -> usize {
        let rest = &block[at..];
        let count = rest.len() - rest.trim_start_matches(char).len();
        let end = at + count;
        let before = block[..at].chars().next_back().unwrap_or(' ');
        let after = block[end..].chars().next().unwrap_or(' ');
        let inside = before.is_alphanumeric() && after.is_alphanumeric();
        let is_word = char == '_' && inside;
        let can_close = !before.is_whitespace() && !is_word;
        let can_open = (!after.is_whitespace() || end == block.len()) && !is_word;
        let pairs = matches!(char, '~' | '|');
        if pairs && count != 2 && end < block.len() {
            return end;
        }
        let mut left = count;
        while can_close && left > 0 {
            let Some(index) = self.open.iter().rposition(|mark| mark.char == char) else {
                break;
            };
            self.open.truncate(index + 1);
            let Some(mark) = self.open.last_mut() else {
                break;
            };
            let taken = left.min(mark.count);
            (mark.count, left) = (mark.count - taken, left - taken);
            if mark.count == 0 {
                self.open.pop();
            }
        }
        if can_open && left > 0 && self.open.len() < MAX_OPEN {
            self.open.push(Mark {
                char,
                count: left,
                at: end - left,
                end,
            });
        }
        end
    }

    /// Ends the block at `end` at the latest: before marks that have nothing behind them, and
    /// with what closes the others.
    fn close(mut self, block: &str, end: usize) -> (usize, String) {
        let mut end = end;
        while let Some(mark) = self.open.last() {
            if !block[mark.end.min(end)..end].trim().is_empty() {
                break;
            }
            // A half-written close has its mark in `open` still, with something behind it.
            end = mark.at.min(end);
            self.open.pop();
        }
        let marks = self.open.iter().rev();
        let close = marks.flat_map(|mark| std::iter::repeat_n(mark.char, mark.count));
        (end, close.collect())
    }
}

/// What a run of backticks begins.
enum Code {
    /// Code that ends here.
    Closed(usize),
    /// Code that goes on: where what is known of it ends, and what closes it.
    Open { end: usize, close: String },
    /// Nothing yet.
    Bare,
}

fn code(rest: &str) -> Code {
    let fence = rest.len() - rest.trim_start_matches('`').len();
    let mut at = fence;
    while let Some(next) = rest[at..].find('`') {
        let from = at + next;
        let run = rest[from..].len() - rest[from..].trim_start_matches('`').len();
        at = from + run;
        if run == fence {
            return Code::Closed(at);
        }
    }
    let end = rest.trim_end_matches('`').trim_end().len();
    if end <= fence {
        return Code::Bare;
    }
    Code::Open {
        end,
        close: "`".repeat(fence),
    }
}

/// What a bracket begins.
enum Link {
    /// Nothing that has to be waited for, up to here.
    Ends(usize),
    /// Something that may become a link.
    Grows,
}

fn link(rest: &str) -> Link {
    let near = &rest[..rest.floor_char_boundary(MAX_WAIT)];
    let Some(label) = near.find(']') else {
        return if near.len() == rest.len() {
            Link::Grows
        } else {
            Link::Ends(1)
        };
    };
    let behind = &rest[label + 1..];
    if behind.is_empty() {
        return Link::Grows;
    }
    let Some(address) = behind.strip_prefix('(') else {
        return Link::Ends(1);
    };
    let near = &address[..address.floor_char_boundary(MAX_ADDRESS)];
    match near.find([')', ' ', '\n']) {
        Some(end) => Link::Ends(label + 2 + end + 1),
        None if near.len() == address.len() => Link::Grows,
        None => Link::Ends(1),
    }
}

/// Whether this may become a tag: `<u`.
fn is_half_tag(rest: &str) -> bool {
    let inner = &rest[1..];
    rest.len() <= MAX_TAG
        && !inner.contains(|char: char| char == '>' || char.is_whitespace())
        && inner
            .chars()
            .next()
            .is_none_or(|char| char.is_ascii_alphabetic() || char == '/')
}
