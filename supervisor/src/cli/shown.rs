//! What a person sees while an answer is made.

use super::out::{self, Unheard};
use indicatif::ProgressBar;
use ipc::approval::ApprovalRequest;
use ipc::control::{Activity, FinalReply};
use std::io::IsTerminal as _;
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
    /// The last line beside it: what is true for long is said once.
    noted: String,
    /// Turns while nothing is being said; on a terminal only.
    spinner: Option<ProgressBar>,
    /// The person is being asked something: nothing turns meanwhile.
    asks: bool,
}

impl Progress {
    /// Nothing has been shown yet.
    pub(super) fn new(level: Shown) -> Self {
        let terminal = std::io::stdout().is_terminal() && std::io::stderr().is_terminal();
        let mut progress = Self {
            level,
            shown: String::new(),
            terminal,
            noted: String::new(),
            spinner: None,
            asks: false,
        };
        progress.wait("thinking");
        progress
    }

    /// More of the answer.
    ///
    /// # Errors
    /// As all below, when nobody hears any more.
    pub(super) fn grow(&mut self, text: &str) -> Result<(), Unheard> {
        self.shown.push_str(text);
        if self.level != Shown::Everything {
            return Ok(());
        }
        self.spinner = None;
        out::print(text)
    }

    /// What was shown of the answer is void.
    pub(super) fn void(&mut self) -> Result<(), Unheard> {
        let shown = std::mem::take(&mut self.shown);
        if self.level == Shown::Everything && !shown.is_empty() {
            out::line(" […]")?;
        }
        Ok(())
    }

    /// Something besides talking.
    pub(super) fn tell(&mut self, activity: &Activity) -> Result<(), Unheard> {
        let everything = self.level == Shown::Everything;
        let line = match activity {
            Activity::Notice { text } if self.noted == format!("({text})") => return Ok(()),
            Activity::Notice { text } if self.level != Shown::Nothing => format!("({text})"),
            Activity::ToolBegan { tool, detail } if everything => format!("[{tool}] {detail}"),
            Activity::ToolEnded { tool, verdict } if everything && verdict != "ok" => {
                format!("[{tool}] {verdict}")
            }
            Activity::ApprovalAsked(asked) => waits(asked),
            Activity::Notice { .. }
            | Activity::ToolBegan { .. }
            | Activity::ToolEnded { .. }
            | Activity::ApprovalEnded(_) => return Ok(()),
        };
        self.note(&line)?;
        let doing = if let Activity::ToolBegan { tool, .. } = activity {
            tool
        } else {
            "thinking"
        };
        self.wait(doing);
        Ok(())
    }

    /// A line beside the answer.
    pub(super) fn note(&mut self, line: &str) -> Result<(), Unheard> {
        if self.level == Shown::Nothing {
            return Ok(());
        }
        self.spinner = None;
        let open = !self.shown.is_empty() && !self.shown.ends_with('\n');
        if self.level == Shown::Everything && open {
            out::line("")?;
            self.shown.push('\n');
        }
        out::tell(line);
        line.clone_into(&mut self.noted);
        Ok(())
    }

    /// Prints what of the reply was not shown while it grew.
    pub(super) fn finish(&mut self, reply: &FinalReply) -> Result<(), Unheard> {
        self.spinner = None;
        if self.level != Shown::Everything {
            return Ok(());
        }
        if self.shown.trim_end().ends_with(reply.text.trim_end()) {
            return out::line("");
        }
        // One that broke off goes on where it was.
        if let Some(rest) = reply.text.strip_prefix(self.shown.trim_end()) {
            return out::line(rest);
        }
        if !self.shown.is_empty() {
            out::line("")?;
        }
        out::line(&reply.text)
    }

    /// Whether the person is being asked something.
    pub(super) fn asks(&mut self, asks: bool) {
        self.asks = asks;
        match asks {
            true => self.spinner = None,
            false if self.spinner.is_none() => self.wait("thinking"),
            false => {}
        }
    }

    fn wait(&mut self, doing: &str) {
        if !self.asks && self.terminal && self.level == Shown::Everything {
            let spinner = ProgressBar::new_spinner().with_message(doing.to_owned());
            spinner.enable_steady_tick(Duration::from_millis(100));
            self.spinner = Some(spinner);
        }
    }
}

/// How to answer a request from elsewhere. It is gone soon, so that is said as well.
fn waits(request: &ApprovalRequest) -> String {
    let ApprovalRequest { id, .. } = request;
    let always = match request.program {
        Some(_) => " [--always]",
        None => "",
    };
    let seconds = request.expires_at.saturating_sub(request.asked_at) / 1000;
    format!(
        "(waits for approval, {seconds} s at most; to answer, elsewhere:\n{}\n  openclaw approvals \
         approve {id}{always}\n  openclaw approvals deny {id})",
        super::request::what(request)
    )
}
