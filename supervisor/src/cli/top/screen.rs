//! The terminal, taken for as long as the table is shown, and given back as it was: at the end, on
//! an error, on a panic.

use super::event::Size;
use super::look::Look;
use super::state::State;
use super::view;
use nix::sys::signal::{Signal, raise};
use ratatui::crossterm::cursor::Show;
use ratatui::crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::{Terminal, backend::CrosstermBackend};
use std::io::{self, Stdout};

/// The terminal, while it is ours.
pub(super) struct Screen {
    terminal: Terminal<CrosstermBackend<Stdout>>,
}

impl Screen {
    /// Takes the terminal.
    ///
    /// # Errors
    /// When it can not be had; then it is as it was.
    pub(super) fn take() -> io::Result<Self> {
        give_back_on_panic();
        let taken = take().and_then(|()| Terminal::new(CrosstermBackend::new(io::stdout())));
        match taken {
            Ok(terminal) => Ok(Self { terminal }),
            Err(error) => {
                give_back();
                Err(error)
            }
        }
    }

    /// Its size.
    ///
    /// # Errors
    /// When the terminal has gone.
    pub(super) fn size(&self) -> io::Result<Size> {
        let size = self.terminal.size()?;
        Ok(Size {
            width: size.width,
            height: size.height,
        })
    }

    /// Draws what has changed.
    ///
    /// # Errors
    /// As [`Self::size`].
    pub(super) fn draw(&mut self, state: &State, look: Look) -> io::Result<()> {
        self.terminal.draw(|frame| view::draw(frame, state, look))?;
        Ok(())
    }

    /// Forgets what has been drawn: something else may have been since.
    ///
    /// # Errors
    /// As [`Self::size`].
    pub(super) fn forget(&mut self) -> io::Result<()> {
        // Terminal::clear asks where the cursor is, and the answer would be read by whoever waits
        // for keys.
        self.terminal.resize(self.terminal.size()?.into())
    }

    /// Gives the terminal back and stops, until a shell lets this process go on.
    ///
    /// # Errors
    /// When the terminal can not be had again.
    pub(super) fn suspend(&mut self) -> io::Result<()> {
        give_back();
        raise(Signal::SIGTSTP)?;
        take()?;
        self.terminal.hide_cursor()?;
        self.forget()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

fn take() -> io::Result<()> {
    enable_raw_mode()?;
    execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste)
}

/// Where the terminal has gone there is nothing to give back.
fn give_back() {
    let _ = execute!(
        io::stdout(),
        DisableBracketedPaste,
        LeaveAlternateScreen,
        Show
    );
    let _ = disable_raw_mode();
}

/// A panic ends the process at once: its words must find a terminal that shows them.
fn give_back_on_panic() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        give_back();
        before(panic);
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::pty::{Winsize, openpty};
    use nix::sys::termios::tcgetattr;
    use nix::unistd::{dup, dup2_stdin, dup2_stdout};
    use std::fs::File;
    use std::io::Read as _;
    use std::mem::ManuallyDrop;
    use std::panic::AssertUnwindSafe;

    /// This process has a terminal for a while; its own standard input and output come back.
    #[test]
    fn a_panic_finds_the_terminal_given_back() {
        let size = Winsize {
            ws_row: 24,
            ws_col: 80,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        let pty = openpty(Some(&size), None).unwrap();
        let before = tcgetattr(&pty.slave).unwrap();
        let (stdin, stdout) = (dup(io::stdin()).unwrap(), dup(io::stdout()).unwrap());
        dup2_stdin(&pty.slave).unwrap();
        dup2_stdout(&pty.slave).unwrap();
        let panicked = std::panic::catch_unwind(AssertUnwindSafe(|| {
            let screen = Screen::take().unwrap();
            assert_ne!(tcgetattr(io::stdin()).unwrap(), before);
            // As in a release, where a panic aborts and nothing is dropped.
            let _kept = ManuallyDrop::new(screen);
            panic!("on purpose");
        }));
        dup2_stdin(&stdin).unwrap();
        dup2_stdout(&stdout).unwrap();
        assert!(panicked.is_err());
        assert_eq!(tcgetattr(&pty.slave).unwrap(), before);
        drop(pty.slave);
        let mut drawn = Vec::new();
        // It ends in an error, as terminals do.
        let _ = File::from(pty.master).read_to_end(&mut drawn);
        let drawn = String::from_utf8_lossy(&drawn);
        let (taken, left) = (drawn.find("\u{1b}[?1049h"), drawn.find("\u{1b}[?1049l"));
        assert!(taken.is_some() && taken < left, "{drawn:?}");
    }
}
