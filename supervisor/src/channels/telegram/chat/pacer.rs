//! Lets the tasks of an account speak as fast as [`Rates`] has it.

use crate::channels::telegram::rates::{Call, Rates, Urgency};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep_until};

/// The pace of one account.
#[derive(Debug)]
pub(super) struct Pacer {
    rates: Mutex<Rates<oneshot::Sender<Pass>>>,
    /// Whoever waits may have to be looked at sooner.
    changed: Notify,
}

/// One message may be sent, or edited. Dropped when the server answered: the pace goes on from
/// there, and until then a place is taken. So nobody waits for anything else with one in hand.
#[derive(Debug)]
#[must_use]
pub(super) struct Pass {
    pacer: Arc<Pacer>,
    call: Call,
}

impl Pacer {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            rates: Mutex::new(Rates::new()),
            changed: Notify::new(),
        })
    }

    /// Waits until one message may be sent, or edited, in `chat`. Who stops waiting uses nothing
    /// up; only who was called up in that very moment counts as having spoken.
    pub(super) async fn permit(self: &Arc<Self>, chat: i64, urgency: Urgency) -> Pass {
        loop {
            let (tell, told) = oneshot::channel();
            self.rates().ask(chat, urgency, tell);
            if self.call_up() > 0 {
                self.changed.notify_one();
            }
            // Never an error: nobody drops what waits but who stops waiting.
            if let Ok(pass) = told.await {
                return pass;
            }
        }
    }

    /// The server asks this chat to wait.
    pub(super) fn hold(&self, chat: i64, after: Duration) {
        self.rates().hold(chat, Instant::now(), after);
        self.changed.notify_one();
    }

    /// How many messages wait for their time.
    #[cfg(test)]
    fn waiting(&self) -> usize {
        self.rates().waiting()
    }

    /// Calls up what waits, for as long as this is polled.
    pub(super) async fn run(self: &Arc<Self>) -> Infallible {
        loop {
            self.call_up();
            let next = self.rates().wake_at(Instant::now());
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

    /// Lets those speak that may now; how many still wait.
    fn call_up(self: &Arc<Self>) -> usize {
        let (granted, waiting) = {
            let mut rates = self.rates();
            let granted = rates.grant(Instant::now(), oneshot::Sender::is_closed);
            (granted, rates.waiting())
        };
        // Not under the lock: a pass that nobody takes any more is dropped here, and locks.
        for (who, call) in granted {
            let pacer = Arc::clone(self);
            let _ = who.send(Pass { pacer, call });
        }
        waiting
    }

    fn rates(&self) -> MutexGuard<'_, Rates<oneshot::Sender<Pass>>> {
        self.rates.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let waiting = {
            let mut rates = self.pacer.rates();
            rates.answered(self.call, Instant::now());
            rates.waiting()
        };
        if waiting > 0 {
            self.pacer.changed.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::task::JoinSet;
    use tokio::time::{sleep, timeout};

    /// Some more than the second that the server counts.
    const ROUND: Duration = Duration::from_millis(1_100);

    /// A pacer, all passes that it gives at once, and what runs it.
    async fn busy() -> (Arc<Pacer>, Vec<Pass>, JoinSet<Infallible>) {
        let pacer = Pacer::new();
        let runs = Arc::clone(&pacer);
        let mut task = JoinSet::new();
        task.spawn(async move { runs.run().await });
        let mut passes = Vec::new();
        for chat in 1..=30 {
            passes.push(pacer.permit(chat, Urgency::Whole).await);
        }
        (pacer, passes, task)
    }

    #[tokio::test(start_paused = true)]
    async fn the_pace_goes_on_from_the_answers() {
        let (pacer, passes, _task) = busy().await;
        sleep(ROUND).await;
        drop(passes);
        let answered = Instant::now();
        let _pass = pacer.permit(100, Urgency::Whole).await;
        let waited = answered.elapsed();
        assert!(
            waited > Duration::from_secs(1) && waited < ROUND,
            "{waited:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn who_goes_while_called_up_keeps_no_place() {
        let (pacer, passes, _task) = busy().await;
        let mut goes = Box::pin(pacer.permit(100, Urgency::Whole));
        assert!(timeout(Duration::ZERO, &mut goes).await.is_err());
        drop(passes);
        sleep(ROUND).await;
        assert_eq!(pacer.waiting(), 0, "called up");
        drop(goes);
        let gone = Instant::now();
        let mut passes = Vec::new();
        for chat in 1..=30 {
            passes.push(pacer.permit(200 + chat, Urgency::Whole).await);
        }
        assert!(gone.elapsed() < ROUND, "{:?}", gone.elapsed());
    }
}
