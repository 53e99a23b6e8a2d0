//! A terminal with somebody at it: what a program draws is read as a terminal reads it.

use crate::{Gateway, eventually};
use nix::pty::{Winsize, openpty};
use rustix::termios::{Termios, tcgetattr, tcsetwinsize};
use std::fmt;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::num::NonZeroU16;
use std::os::fd::OwnedFd;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use tokio::process::{Child, Command};

/// A terminal.
pub struct Terminal {
    keyboard: File,
    /// Kept open, so that what was drawn last can be read after the program has left.
    line: OwnedFd,
    drawn: Arc<Mutex<vt100::Parser>>,
}

impl Terminal {
    /// One of this many lines and columns.
    #[must_use]
    pub fn open(lines: u16, columns: u16) -> Self {
        let pair = openpty(Some(&size(lines, columns)), None).unwrap();
        let keyboard = File::from(pair.master);
        let mut output = keyboard.try_clone().unwrap();
        let (lines, columns) = positive(lines, columns);
        let drawn = Arc::new(Mutex::new(vt100::Parser::new(lines, columns, 100)));
        let screen = Arc::clone(&drawn);
        // Ends when the terminal is closed and nobody draws on it.
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(read @ 1..) = output.read(&mut bytes) {
                screen.lock().unwrap().process(&bytes[..read]);
            }
        });
        Self {
            keyboard,
            line: pair.slave,
            drawn,
        }
    }

    /// Starts a program of a gateway's world on it, as its session leader.
    #[must_use]
    pub fn run(&self, gateway: &Gateway, env: &[(&str, &str)], command: &[&str]) -> Child {
        let end = || Stdio::from(self.line.try_clone().unwrap());
        Command::new("setsid")
            .args(["--ctty", "--wait"])
            .args(command)
            .env_clear()
            .envs(gateway.environment())
            .env("TERM", "xterm-256color")
            .envs(env.iter().copied())
            .current_dir(gateway.home())
            .stdin(end())
            .stdout(end())
            .stderr(end())
            .kill_on_drop(true)
            .spawn()
            .unwrap()
    }

    /// Runs `openclaw` on it.
    #[must_use]
    pub fn runs(&self, gateway: &Gateway, args: &[&str]) -> Child {
        let program = gateway.program("openclaw").display().to_string();
        self.run(gateway, &[], &[&[program.as_str()], args].concat())
    }

    /// Types keys.
    pub fn types(&self, keys: &str) {
        (&self.keyboard).write_all(keys.as_bytes()).unwrap();
    }

    /// Makes its window larger or smaller.
    pub fn resize(&self, lines: u16, columns: u16) {
        // First where it is read, as what is drawn next is for the new size.
        let (rows, width) = positive(lines, columns);
        self.drawn.lock().unwrap().set_size(rows, width);
        let size = rustix::termios::Winsize {
            ws_row: lines,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&self.line, size).unwrap();
    }

    /// What is on it now.
    #[must_use]
    pub fn shown(&self) -> String {
        self.look(|screen| screen.contents())
    }

    /// Something else of it.
    pub fn look<T>(&self, look: impl FnOnce(&vt100::Screen) -> T) -> T {
        look(self.drawn.lock().unwrap().screen())
    }

    /// Waits until these words are on it.
    pub async fn shows(&self, words: &str) {
        eventually!(
            self.shown().contains(words),
            "{words:?} is not on the screen:\n{}",
            self.shown()
        );
    }

    /// Waits until these words are not on it any more.
    pub async fn hides(&self, words: &str) {
        eventually!(
            !self.shown().contains(words),
            "{words:?} stays on the screen:\n{}",
            self.shown()
        );
    }

    /// Whether a program draws on a screen of its own.
    #[must_use]
    pub fn is_taken(&self) -> bool {
        self.look(vt100::Screen::alternate_screen)
    }

    /// How the terminal treats keys and lines, in words.
    #[must_use]
    pub fn settings(&self) -> String {
        let Termios {
            input_modes,
            output_modes,
            control_modes,
            local_modes,
            ..
        } = tcgetattr(&self.line).unwrap();
        format!("{input_modes:?} {output_modes:?} {control_modes:?} {local_modes:?}")
    }
}

impl fmt::Debug for Terminal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Terminal")
            .field("shown", &self.shown())
            .finish_non_exhaustive()
    }
}

fn size(lines: u16, columns: u16) -> Winsize {
    Winsize {
        ws_row: lines,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    }
}

fn positive(lines: u16, columns: u16) -> (NonZeroU16, NonZeroU16) {
    let positive = |number| NonZeroU16::new(number).expect("a terminal has lines and columns");
    (positive(lines), positive(columns))
}
