//! The table on the screen, until the person has seen enough.

use super::event::{Effect, Event};
use super::feed::{self, Feed};
use super::keys;
use super::look::Look;
use super::order::Order;
use super::screen::Screen;
use super::state::State;
use crate::cli::client::Client;
use crate::cli::{CliError, paths};
use anyhow::Context as _;
use ipc::meter::UsageReport;
use ratatui::crossterm::event as terminal;
use std::io;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

/// Keys that have not been heard.
const UNHEARD: usize = 64;
/// How often the screen is looked over, whatever happens.
const EVERY: Duration = Duration::from_secs(1);

/// Shows what sessions use until the person leaves, or somebody ends this process.
///
/// # Errors
/// When there is no gateway to begin with, or no terminal.
pub(super) async fn show(order: Order, filter: String) -> Result<(), CliError> {
    let paths = paths();
    let mut client = Client::connect(&paths).await?;
    let report = feed::report(&mut client).await?;
    let feed = Feed::begin(paths, client);
    let ends = Ends::heard().context("failed to listen for signals")?;
    let shown = Live::begin(feed, *report, order, filter);
    let shown = match shown {
        Ok(mut live) => live.run(ends).await,
        Err(error) => Err(error),
    };
    Ok(shown.context("failed to use the terminal")?)
}

/// Signals that end it.
struct Ends {
    asked: Signal,
    hung_up: Signal,
    interrupted: Signal,
}

impl Ends {
    fn heard() -> io::Result<Self> {
        Ok(Self {
            asked: signal(SignalKind::terminate())?,
            hung_up: signal(SignalKind::hangup())?,
            interrupted: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.asked.recv() => {}
            _ = self.hung_up.recv() => {}
            _ = self.interrupted.recv() => {}
        }
    }
}

struct Live {
    screen: Screen,
    state: State,
    feed: Feed,
    keys: mpsc::Receiver<terminal::Event>,
    look: Look,
    began: Instant,
}

impl Live {
    fn begin(feed: Feed, report: UsageReport, order: Order, filter: String) -> io::Result<Self> {
        let screen = Screen::take()?;
        let state = State::new(screen.size()?, report, order, filter);
        Ok(Self {
            screen,
            state,
            feed,
            keys: listen(),
            look: Look::of_environment(),
            began: Instant::now(),
        })
    }

    async fn run(&mut self, mut ends: Ends) -> io::Result<()> {
        let mut beat = tokio::time::interval(EVERY);
        loop {
            self.screen.draw(&self.state, self.look)?;
            let event = tokio::select! {
                () = ends.next() => return Ok(()),
                said = self.keys.recv() => match said {
                    Some(said) => keys::read(said),
                    // The terminal has gone.
                    None => return Ok(()),
                },
                heard = self.feed.next() => Some(Event::Heard(heard)),
                _ = beat.tick() => Some(Event::Tick),
            };
            let Some(event) = event else { continue };
            for effect in self.state.update(self.began.elapsed(), event) {
                if self.act(effect)?.is_break() {
                    return Ok(());
                }
            }
        }
    }

    fn act(&mut self, effect: Effect) -> io::Result<ControlFlow<()>> {
        match effect {
            Effect::Watch(session) => self.feed.watch(session),
            Effect::Do(deed) => {
                if !self.feed.wants(deed) {
                    self.state.too_much();
                }
            }
            Effect::Redraw => self.screen.forget()?,
            Effect::Suspend => self.screen.suspend()?,
            Effect::Leave => return Ok(ControlFlow::Break(())),
        }
        Ok(ControlFlow::Continue(()))
    }
}

/// Listens to the terminal, on a thread of its own: nobody can be called back from a read.
fn listen() -> mpsc::Receiver<terminal::Event> {
    let (to, keys) = mpsc::channel(UNHEARD);
    std::thread::spawn(move || {
        while let Ok(said) = terminal::read() {
            if to.blocking_send(said).is_err() {
                return;
            }
        }
    });
    keys
}
