//! The bare hands of a probe: speaks the agent's language over stdin, and whatever else it likes.
//!
//! A probe stands where `openclaw-agent` should. What it is to do is in its title, which ends with
//! the session's key; in every other session it is the real agent, so that one gateway can have
//! good and bad ones side by side.

use ipc::agent::{FromAgent, ToAgent};
use ipc::hello::Hello;
use std::io::{self, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;

/// What the session's name says after the last dash: `agent:main:bad-flood` is `flood`.
#[must_use]
pub fn part() -> Option<String> {
    let title = std::env::args().next()?;
    let session = title.strip_suffix(']')?;
    Some(session.rsplit_once("bad-")?.1.to_owned())
}

/// A probe's end of the link.
#[derive(Debug)]
pub struct Actor {
    link: UnixStream,
}

impl Actor {
    /// The link on stdin.
    ///
    /// # Panics
    /// When stdin is no socket; so for all below when the link has ended: a probe that is not heard
    /// has nothing left to do.
    #[must_use]
    pub fn on_stage() -> Self {
        // As every sealed process does; a mind that turns bad later can not undo it. One that is
        // sealed already is tied already, and may not ask.
        let _ = nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL);
        let link = io::stdin()
            .as_fd()
            .try_clone_to_owned()
            .expect("stdin is open");
        Self { link: link.into() }
    }

    /// Says hello and hears everything up to and including the first turn.
    pub fn begins_a_turn(&mut self) -> ipc::agent::TurnStart {
        self.says(&FromAgent::Hello(Hello::ours()));
        loop {
            if let ToAgent::Turn(turn) = self.hears() {
                return turn;
            }
        }
    }

    /// Says a message.
    pub fn says(&mut self, message: &FromAgent) {
        let mut bytes = Vec::new();
        ipc::frame::encode(message, &mut bytes).expect("it is short");
        self.sends(&bytes);
    }

    /// Sends a frame of any bytes.
    pub fn frames(&mut self, body: &[u8]) {
        let length = u32::try_from(body.len()).expect("it is short");
        self.sends(&[&length.to_le_bytes()[..], body].concat());
    }

    /// Sends bytes as they are.
    pub fn sends(&mut self, bytes: &[u8]) {
        self.link.write_all(bytes).expect("the supervisor listens");
    }

    /// Hears a message.
    pub fn hears(&mut self) -> ToAgent {
        let mut header = [0; 4];
        self.link
            .read_exact(&mut header)
            .expect("the supervisor speaks");
        let mut body = vec![0; u32::from_le_bytes(header) as usize];
        self.link
            .read_exact(&mut body)
            .expect("the supervisor speaks");
        serde_json::from_slice(&body).expect("the supervisor speaks our language")
    }

    /// Hears messages until one is of interest.
    pub fn waits_for<T>(&mut self, mut wanted: impl FnMut(ToAgent) -> Option<T>) -> T {
        loop {
            if let Some(found) = wanted(self.hears()) {
                return found;
            }
        }
    }

    /// Closes the link, both ways.
    pub fn hangs_up(&self) {
        let both = std::net::Shutdown::Both;
        self.link.shutdown(both).expect("it was open");
    }

    /// Does nothing more, for good, whatever is said.
    pub fn sulks(&self) -> ! {
        loop {
            std::thread::park();
        }
    }
}
