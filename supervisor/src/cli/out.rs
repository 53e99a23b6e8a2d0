//! Printing. What models, files or people have said goes to a terminal without its control
//! characters: they could move the cursor, set the title or fill the clipboard. A reader that has
//! heard enough (`| head`) ends a command without a word.

use std::borrow::Cow;
use std::io::{self, IsTerminal as _, Write as _};

/// What is printed is not heard.
#[derive(Debug, thiserror::Error)]
#[error("failed to print: {0}")]
pub struct Unheard(io::Error);

impl Unheard {
    /// Whether the reader has had enough; else what it should have is lost.
    pub(super) fn is_wanted(&self) -> bool {
        self.0.kind() == io::ErrorKind::BrokenPipe
    }
}

/// Prints text on standard output, at once.
///
/// # Errors
/// When nobody hears it.
pub(super) fn print(text: &str) -> Result<(), Unheard> {
    let mut out = io::stdout().lock();
    let shown = shown(text, out.is_terminal());
    let printed = out.write_all(shown.as_bytes()).and_then(|()| out.flush());
    printed.map_err(Unheard)
}

/// Prints a line on standard output, at once.
///
/// # Errors
/// When nobody hears it.
pub(super) fn line(text: &str) -> Result<(), Unheard> {
    print(&format!("{text}\n"))
}

/// Tells the person something besides, on standard error. Where nobody hears that, nothing can be
/// said of it either.
pub(super) fn tell(text: &str) {
    let mut err = io::stderr().lock();
    let shown = shown(text, err.is_terminal());
    let _ = writeln!(err, "{shown}");
}

fn shown(text: &str, terminal: bool) -> Cow<'_, str> {
    if terminal {
        without_controls(text)
    } else {
        Cow::Borrowed(text)
    }
}

/// The text without what steers a terminal; line ends and tabs stay.
fn without_controls(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_harmless) {
        return Cow::Borrowed(text);
    }
    let plain = |c| if is_harmless(c) { c } else { '\u{fffd}' };
    Cow::Owned(text.replace("\r\n", "\n").chars().map(plain).collect())
}

/// The text as one line, without what steers a terminal: for tables, where a line end or a tab
/// would do harm as well.
pub(super) fn one_line(text: &str) -> Cow<'_, str> {
    let stays = |c| is_harmless(c) && c != '\n' && c != '\t';
    if text.chars().all(stays) {
        return Cow::Borrowed(text);
    }
    let plain = |c| match c {
        '\n' | '\t' => ' ',
        c if stays(c) => c,
        _ => '\u{fffd}',
    };
    Cow::Owned(text.replace("\r\n", " ").chars().map(plain).collect())
}

fn is_harmless(c: char) -> bool {
    // These turn the direction of what follows: a command could read as another one.
    let turns = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c == '\n' || c == '\t' || !(c.is_control() || turns)
}

#[cfg(test)]
mod tests {
    use super::{one_line, without_controls};

    #[test]
    fn one_line_is_one_line() {
        assert_eq!(one_line("a\tb\r\nc\n"), "a b c ");
        assert_eq!(one_line("\u{1b}[2J\u{202e}é"), "\u{fffd}[2J\u{fffd}é");
    }

    #[test]
    fn nothing_that_steers_a_terminal_passes() {
        assert_eq!(
            without_controls("a\tb\né✓👩\u{200d}👧"),
            "a\tb\né✓👩\u{200d}👧"
        );
        assert_eq!(without_controls("\u{1b}]0;x\u{7}"), "\u{fffd}]0;x\u{fffd}");
        assert_eq!(without_controls("\r\u{9b}31m"), "\u{fffd}\u{fffd}31m");
        assert_eq!(without_controls("a\u{202e}b"), "a\u{fffd}b");
    }

    #[test]
    fn line_ends_of_any_kind_are_line_ends() {
        assert_eq!(without_controls("a\r\nb"), "a\nb");
    }
}
