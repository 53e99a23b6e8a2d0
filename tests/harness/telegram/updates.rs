//! The queue of updates: what is kept, what was asked for, what is confirmed.

use super::Bot;
use super::refusal::Refusal;
use super::request::Params;
use super::webhook::Webhook;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// What one request gets at most.
const BATCH: usize = 100;
const LONGEST: i64 = 50;
/// What is sent only to who asks for it.
const UNASKED: [&str; 3] = ["message_reaction", "message_reaction_count", "chat_member"];

/// What has happened and was not confirmed.
#[derive(Debug)]
pub(super) struct Updates {
    pub(super) queue: VecDeque<Update>,
    /// The last id that was given.
    last: i64,
    /// The highest id that was ever handed out.
    handed: i64,
    /// Everything that happened, for telling it again.
    told: Vec<Update>,
    /// Given once more before all others, whatever was confirmed.
    again: VecDeque<Update>,
    is_reversed: bool,
    pub(super) allowed: Option<Vec<String>>,
    pub(super) webhook: Option<Webhook>,
    /// Where the name in the webhook's URL leads.
    pub(super) leads_to: Option<SocketAddr>,
    /// Who waits: the newest request of all, and why the one before it was ended.
    turn: u64,
    waits: Option<u64>,
    ended_by: &'static str,
    pub(super) last_poll: Option<Instant>,
}

/// Something that happened.
#[derive(Debug, Clone)]
pub(super) struct Update {
    pub(super) id: i64,
    pub(super) value: Value,
}

impl Default for Updates {
    fn default() -> Self {
        Self {
            queue: VecDeque::new(),
            last: 700_000_000,
            handed: 0,
            told: Vec::new(),
            again: VecDeque::new(),
            is_reversed: false,
            allowed: None,
            webhook: None,
            leads_to: None,
            turn: 0,
            waits: None,
            ended_by: "",
            last_poll: None,
        }
    }
}

impl Updates {
    /// Something happens; `None` when nobody asked for such things.
    pub(super) fn push(&mut self, kind: &str, what: Value) -> Option<i64> {
        let is_asked_for = match &self.allowed {
            Some(allowed) if !allowed.is_empty() => allowed.iter().any(|known| known == kind),
            _ => !UNASKED.contains(&kind),
        };
        is_asked_for.then(|| {
            let mut value = json!({});
            value[kind] = what;
            self.push_raw(value)
        })
    }

    /// Something happens, whatever it is.
    pub(super) fn push_raw(&mut self, mut value: Value) -> i64 {
        self.last += 1;
        value["update_id"] = json!(self.last);
        let update = Update {
            id: self.last,
            value,
        };
        self.told.push(update.clone());
        self.queue.push_back(update);
        self.last
    }

    /// Tells the last `count` things again, with the ids they had.
    pub(super) fn repeat(&mut self, count: usize) {
        let from = self.told.len().saturating_sub(count);
        self.again.extend(self.told[from..].iter().cloned());
    }

    /// Gives the next batch in the wrong order.
    pub(super) fn reverse(&mut self) {
        self.is_reversed = true;
    }

    pub(super) fn is_awaited(&self) -> bool {
        self.waits.is_some()
    }

    /// Ends who waits.
    pub(super) fn end_poll(&mut self, ended_by: &'static str) {
        self.turn += 1;
        self.waits = None;
        self.ended_by = ended_by;
    }

    /// Takes the offset of a request: what lies before it is not needed any more. Says what is wrong
    /// with it.
    fn confirm(&mut self, offset: i64) -> Option<String> {
        if offset < 0 {
            let keep = usize::try_from(-offset).unwrap_or(usize::MAX);
            let cut = self.queue.len().saturating_sub(keep);
            self.queue.drain(..cut);
            return (cut > 0).then(|| "it throws updates away unseen".to_owned());
        }
        let unseen = self
            .queue
            .iter()
            .find(|update| update.id < offset && update.id > self.handed);
        let wrong = unseen.map(|unseen| format!("it confirms update {} unseen", unseen.id));
        self.queue.retain(|update| update.id >= offset);
        wrong
    }

    fn batch(&mut self, limit: usize) -> Vec<Value> {
        let again = self.again.drain(..limit.min(self.again.len()));
        let mut batch: Vec<Update> = again.collect();
        let rest = limit - batch.len();
        batch.extend(self.queue.iter().take(rest).cloned());
        if self.is_reversed && batch.len() > 1 {
            self.is_reversed = false;
            batch.reverse();
        }
        let newest = batch.iter().map(|update| update.id).max();
        self.handed = self.handed.max(newest.unwrap_or(0));
        batch.into_iter().map(|update| update.value).collect()
    }
}

/// Leaves the queue to others when the client hangs up.
struct Waiting<'a> {
    bot: &'a Bot,
    turn: u64,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.bot.with(|world| {
            if world.updates.waits == Some(self.turn) {
                world.updates.waits = None;
            }
        });
    }
}

/// Hands out what has happened, and waits for something if nothing has.
pub(super) async fn get_updates(bot: &Bot, params: &Params) -> Result<Value, Refusal> {
    let number = |name: &str| params.int(name).unwrap_or(0);
    let limit = usize::try_from(number("limit")).unwrap_or(0);
    let limit = if (1..=BATCH).contains(&limit) {
        limit
    } else {
        BATCH
    };
    let wait = Duration::from_secs(number("timeout").clamp(0, LONGEST).unsigned_abs());
    let until = tokio::time::Instant::now() + wait;
    let turn = begin(bot, params)?;
    let waiting = Waiting { bot, turn };
    let mut changed = bot.changes();
    loop {
        let is_late = tokio::time::Instant::now() >= until;
        // Looking changes nothing that others wait for.
        let looked = look(&mut bot.lock().updates, turn, limit, is_late);
        if let Some(result) = looked {
            drop(waiting);
            return result;
        }
        let _ = tokio::time::timeout_at(until, changed.changed()).await;
    }
}

fn begin(bot: &Bot, params: &Params) -> Result<u64, Refusal> {
    let allowed = params.json("allowed_updates")?;
    bot.with(|world| {
        let updates = &mut world.updates;
        if updates.webhook.is_some() {
            let why = "Conflict: can't use getUpdates method while webhook is active; \
                       use deleteWebhook to delete the webhook first";
            return Err(Refusal::new(409, why));
        }
        updates
            .end_poll("other getUpdates request; make sure that only one bot instance is running");
        updates.waits = Some(updates.turn);
        updates.last_poll = Some(Instant::now());
        if let Some(allowed) = allowed.as_ref().and_then(Value::as_array) {
            let name = |name: &Value| name.as_str().map(str::to_owned);
            updates.allowed = Some(allowed.iter().filter_map(name).collect());
        }
        if let Some(wrong) = updates.confirm(params.int("offset").unwrap_or(0)) {
            world.manners.complain(wrong);
        }
        Ok(world.updates.turn)
    })
}

fn look(
    updates: &mut Updates,
    turn: u64,
    limit: usize,
    is_late: bool,
) -> Option<Result<Value, Refusal>> {
    if updates.turn != turn {
        let why = format!("Conflict: terminated by {}", updates.ended_by);
        return Some(Err(Refusal::new(409, &why)));
    }
    let batch = updates.batch(limit);
    (is_late || !batch.is_empty()).then_some(Ok(Value::Array(batch)))
}
