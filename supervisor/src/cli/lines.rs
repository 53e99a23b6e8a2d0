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
    wanted: mpsc::Sender<()>,
    asked: bool,
    _terminal: Option<Terminal>,
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
            asked: false,
            _terminal: interactive.then(Terminal::remembered).flatten(),
        })
    }

    /// The next line; `None` when there is none. May be dropped and called again.
    ///
    /// # Errors
    /// What was written is no message.
    pub(super) async fn next(&mut self) -> Result<Option<String>, InputError> {
        if !self.asked {
            // The reader that has gone has said all there was.
            let _ = self.wanted.send(()).await;
            self.asked = true;
        }
        let line = self.read.recv().await;
        self.asked = false;
        line.unwrap_or(Ok(None))
    }
}

/// One that can be asked for lines.
trait Reader: Send + 'static {
    fn read(&mut self) -> Result<Option<String>, InputError>;
}

fn serve(
    mut asked: mpsc::Receiver<()>,
    to: mpsc::Sender<Result<Option<String>, InputError>>,
    mut reader: impl Reader,
) {
    // Not waited for: nobody can call it back from a read.
    std::thread::spawn(move || {
        while asked.blocking_recv().is_some() && to.blocking_send(reader.read()).is_ok() {}
    });
}

struct Piped;

impl Reader for Piped {
    fn read(&mut self) -> Result<Option<String>, InputError> {
        read_line(&mut io::stdin().lock())
    }
}

struct Typed {
    editor: DefaultEditor,
    history: PathBuf,
}

impl Reader for Typed {
    fn read(&mut self) -> Result<Option<String>, InputError> {
        loop {
            match self.editor.readline("you> ") {
                Ok(line) => {
                    self.remember(&line);
                    return Ok(Some(line));
                }
                Err(ReadlineError::Interrupted) => out::tell("(Ctrl-D or /quit leaves)"),
                Err(ReadlineError::Eof) => return Ok(None),
                Err(ReadlineError::Io(error)) => return Err(error.into()),
                Err(error) => return Err(io::Error::other(error).into()),
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
