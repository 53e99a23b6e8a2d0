//! What a person sees while an answer is made. What a model says goes to a terminal without its
//! control characters: they could move the cursor, set the title or fill the clipboard.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "printing is what it is for"
)]

use indicatif::ProgressBar;
use ipc::control::{Activity, FinalReply};
use std::borrow::Cow;
use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

/// How much is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// Nothing.
    Nothing,
    /// What the person should know, on standard error.
    Notices,
    /// Everything, as it happens.
    Everything,
}

/// How far an answer has been shown.
pub(super) struct Progress {
    level: Shown,
    shown: String,
    terminal: bool,
    /// Turns while nothing is being said; on a terminal only.
    spinner: Option<ProgressBar>,
}

impl Progress {
    /// Nothing has been shown yet.
    pub(super) fn new(level: Shown) -> Self {
        let terminal = std::io::stdout().is_terminal() && std::io::stderr().is_terminal();
        let mut progress = Self {
            level,
            shown: String::new(),
            terminal,
            spinner: None,
        };
        progress.wait("thinking");
        progress
    }

    /// More of the answer.
    pub(super) fn grow(&mut self, text: &str) {
        self.shown.push_str(text);
        if self.level == Shown::Everything {
            self.spinner = None;
            print!("{}", self.plain(text));
            // A closed pipe is noticed by the next print.
            let _ = std::io::stdout().flush();
        }
    }

    /// What was shown of the answer is void.
    pub(super) fn void(&mut self) {
        if self.level == Shown::Everything && !self.shown.is_empty() {
            println!(" […]");
        }
        self.shown.clear();
    }

    /// Something besides talking.
    pub(super) fn tell(&mut self, activity: &Activity) {
        let everything = self.level == Shown::Everything;
        let line = match activity {
            Activity::Notice { text } if self.level != Shown::Nothing => format!("({text})"),
            Activity::ToolBegan { tool, detail } if everything => format!("[{tool}] {detail}"),
            Activity::ToolEnded { tool, verdict } if everything && verdict != "ok" => {
                format!("[{tool}] {verdict}")
            }
            Activity::Notice { .. } | Activity::ToolBegan { .. } | Activity::ToolEnded { .. } => {
                return;
            }
        };
        self.spinner = None;
        if everything && !self.shown.is_empty() && !self.shown.ends_with('\n') {
            println!();
            self.shown.push('\n');
        }
        eprintln!("{}", self.plain(&line));
        let doing = if let Activity::ToolBegan { tool, .. } = activity {
            tool
        } else {
            "thinking"
        };
        self.wait(doing);
    }

    /// Prints what of the reply was not shown while it grew.
    pub(super) fn finish(&mut self, reply: &FinalReply) {
        self.spinner = None;
        if self.level != Shown::Everything {
            return;
        }
        if self.shown.trim_end().ends_with(reply.text.trim_end()) {
            println!();
            return;
        }
        if !self.shown.is_empty() {
            println!();
        }
        println!("{}", self.plain(&reply.text));
    }

    fn wait(&mut self, doing: &str) {
        if self.terminal && self.level == Shown::Everything {
            let spinner = ProgressBar::new_spinner().with_message(doing.to_owned());
            spinner.enable_steady_tick(Duration::from_millis(100));
            self.spinner = Some(spinner);
        }
    }

    fn plain<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.terminal {
            without_controls(text)
        } else {
            Cow::Borrowed(text)
        }
    }
}

/// The text without control characters; line ends and tabs stay.
pub(super) fn without_controls(text: &str) -> Cow<'_, str> {
    let harmless = |c: char| c == '\n' || c == '\t' || !c.is_control();
    if text.chars().all(harmless) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(
        text.chars()
            .map(|c| if harmless(c) { c } else { '\u{fffd}' })
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::without_controls;

    #[test]
    fn nothing_that_steers_a_terminal_passes() {
        assert_eq!(without_controls("a\tb\né✓"), "a\tb\né✓");
        assert_eq!(without_controls("\u{1b}]0;x\u{7}"), "\u{fffd}]0;x\u{fffd}");
        assert_eq!(without_controls("\r\u{9b}31m"), "\u{fffd}\u{fffd}31m");
    }
}
