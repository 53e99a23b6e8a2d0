//! The lines a person types or pipes in. They are read on a thread of their own, so that Ctrl-C and
//! a gateway that answers are heard meanwhile.

use super::input::{InputError, read_line};
use super::{CliError, out};
use anyhow::Context as _;
use nix::sys::termios::{SetArg, Termios, tcgetattr, tcsetattr};
use rustyline::DefaultEditor;
use rustyline::error::ReadlineError;
use std::io;
use std::path::{Path, PathBuf};
use tokio::sync::mpsc;

/// Where lines come from.
pub(super) struct Lines {
    read: mpsc::Receiver<Result<Option<String>, InputError>>,
    /// Said for each line that is wanted: an editor draws its prompt only then.
    wanted: mpsc::Sender<Wanted>,
    asked: Option<Wanted>,
    _terminal: Option<Terminal>,
}

/// What a line is wanted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Something to say to the agent.
    Message,
    /// A word on a command that waits for it.
    Word,
}

/// The terminal's settings, given back when the reader is left in the middle of a line.
struct Terminal(Termios);

impl Terminal {
    fn remembered() -> Option<Self> {
        tcgetattr(io::stdin()).ok().map(Self)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = tcsetattr(io::stdin(), SetArg::TCSANOW, &self.0);
    }
}

impl Lines {
    /// Lines of the terminal, with the history kept in a file, or of a pipe.
    ///
    /// # Errors
    /// When the terminal can not be used.
    pub(super) fn open(interactive: bool, history: &Path) -> Result<Self, CliError> {
        let (to, read) = mpsc::channel(1);
        let (wanted, asked) = mpsc::channel(1);
        if interactive {
            let mut editor = DefaultEditor::new().context("failed to open the terminal")?;
            // No history yet is no mistake.
            let _ = editor.load_history(history);
            let typed = Typed {
                editor,
                history: history.to_owned(),
            };
            serve(asked, to, typed);
        } else {
            serve(asked, to, Piped);
        }
        Ok(Self {
            read,
            wanted,
            asked: None,
            _terminal: interactive.then(Terminal::remembered).flatten(),
        })
    }

    /// The next line; `None` when there is none. May be dropped and called again: what was begun to
    /// be typed then is still waited for. A word on a question that nobody asks any more is no
    /// message.
    ///
    /// # Errors
    /// What was written is no message.
    pub(super) async fn next(&mut self, wanted: Wanted) -> Result<Option<String>, InputError> {
        loop {
            if self.asked.is_none() {
                // The reader that has gone has said all there was.
                let _ = self.wanted.send(wanted).await;
                self.asked = Some(wanted);
            }
            let line = self.read.recv().await;
            let asked = self.asked.take();
            let line = line.unwrap_or(Ok(None));
            let late = asked == Some(Wanted::Word) && wanted == Wanted::Message;
            if late
                && line
                    .as_ref()
                    .is_ok_and(|line| line.as_deref().is_none_or(is_word))
            {
                out::tell("(that question waits no more)");
                continue;
            }
            return line;
        }
    }
}

/// Whether a line looks like a word on a question.
fn is_word(line: &str) -> bool {
    let line = line.trim().to_ascii_lowercase();
    ["", "y", "yes", "a", "always", "n", "no"].contains(&line.as_str())
}

/// One that can be asked for lines.
trait Reader: Send + 'static {
    fn read(&mut self, wanted: Wanted) -> Result<Option<String>, InputError>;
}

fn serve(
    mut asked: mpsc::Receiver<Wanted>,
    to: mpsc::Sender<Result<Option<String>, InputError>>,
    mut reader: impl Reader,
) {
    // Not waited for: nobody can call it back from a read.
    std::thread::spawn(move || {
        while let Some(wanted) = asked.blocking_recv()
            && to.blocking_send(reader.read(wanted)).is_ok()
        {}
    });
}

struct Piped;

impl Reader for Piped {
    fn read(&mut self, _: Wanted) -> Result<Option<String>, InputError> {
        read_line(&mut io::stdin().lock())
    }
}

struct Typed {
    editor: DefaultEditor,
    history: PathBuf,
}

impl Reader for Typed {
    fn read(&mut self, wanted: Wanted) -> Result<Option<String>, InputError> {
        let prompt = match wanted {
            Wanted::Message => "you> ",
            Wanted::Word => "y/a/n> ",
        };
        loop {
            match (self.editor.readline(prompt), wanted) {
                (Ok(line), Wanted::Message) => {
                    self.remember(&line);
                    return Ok(Some(line));
                }
                (Ok(line), Wanted::Word) => return Ok(Some(line)),
                (Err(ReadlineError::Interrupted), Wanted::Message) => {
                    out::tell("(Ctrl-D or /quit leaves)");
                }
                // Whoever wants out of the question has not said yes.
                (Err(ReadlineError::Interrupted), Wanted::Word) => return Ok(Some("n".into())),
                (Err(ReadlineError::Eof), _) => return Ok(None),
                (Err(ReadlineError::Io(error)), _) => return Err(error.into()),
                (Err(error), _) => return Err(io::Error::other(error).into()),
            }
        }
    }
}

impl Typed {
    fn remember(&mut self, line: &str) {
        let added = self.editor.add_history_entry(line);
        if let Err(error) = added.and_then(|_| self.editor.save_history(&self.history)) {
            out::tell(&format!("openclaw: the history was not saved: {error}"));
        }
    }
}
