//! Lets the tasks of an account speak as fast as [`Rates`] has it.

use crate::channels::telegram::rates::{Rates, Urgency};
use std::convert::Infallible;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep_until};

/// The pace of one account.
#[derive(Debug)]
pub(super) struct Pacer {
    rates: Mutex<Rates<oneshot::Sender<()>>>,
    changed: Notify,
}

impl Pacer {
    pub(super) fn new() -> Self {
        Self {
            rates: Mutex::new(Rates::new()),
            changed: Notify::new(),
        }
    }

    /// Waits until one message may be sent, or edited, in `chat`. Who stops waiting has used
    /// nothing up.
    pub(super) async fn permit(&self, chat: i64, urgency: Urgency) {
        let (tell, told) = oneshot::channel();
        let waits = {
            let mut rates = self.rates();
            rates.ask(chat, urgency, tell);
            let before = rates.waiting();
            grant(&mut rates);
            rates.waiting() == before
        };
        if waits {
            self.changed.notify_one();
        }
        // Never an error: nobody drops what waits but who stops waiting.
        let _ = told.await;
    }

    /// The server asks this chat to wait.
    pub(super) fn hold(&self, chat: i64, after: Duration) {
        self.rates().hold(chat, Instant::now(), after);
        self.changed.notify_one();
    }

    /// How many messages wait for their time.
    pub(super) fn waiting(&self) -> usize {
        self.rates().waiting()
    }

    /// Calls up what waits, for as long as this is polled.
    pub(super) async fn run(&self) -> Infallible {
        loop {
            let next = {
                let mut rates = self.rates();
                grant(&mut rates);
                rates.wake_at(Instant::now())
            };
            match next {
                Some(at) => {
                    tokio::select! {
                        () = sleep_until(at) => {}
                        () = self.changed.notified() => {}
                    }
                }
                None => self.changed.notified().await,
            }
        }
    }

    fn rates(&self) -> MutexGuard<'_, Rates<oneshot::Sender<()>>> {
        self.rates.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn grant(rates: &mut Rates<oneshot::Sender<()>>) {
    for who in rates.grant(Instant::now(), oneshot::Sender::is_closed) {
        let _ = who.send(());
    }
}
