//! A fake Bot API as strict as the real one: one loopback port, a world a token. It answers as the
//! server does, refuses what the server refuses, paces as the server paces, and goes wrong as a test
//! wants it to. What no client does that knows the rules fails the test, whatever else it looks at.
//!
//! ```text
//!   request ─▶ server ─▶ request (one form for all) ─▶ faults ─▶ methods ─▶ world ─▶ answer
//!                                                         getUpdates ─▶ updates ◀─┐
//!                                                            webhook ◀─ updates ◀─┤
//!   a test ─▶ Person: says, taps, sends, reacts ─────────────────────▶ world ─────┘
//!          ◀─ sees, chat, transcript ◀───────────────────────────────── world
//! ```

mod server;

pub mod http;

mod methods;

mod updates;
mod webhook;

mod person;

mod group;

mod callbacks;
mod files;
mod keyboard;
mod world;

mod shown;

mod entity;
mod html;

mod faults;
mod manners;
mod pace;

mod request;

mod refusal;

#[cfg(test)]
mod tests;

pub use callbacks::Answered;
pub use entity::Entity;
pub use faults::Fault;
pub use group::Group;
pub use pace::Rates;
pub use person::Person;
pub use shown::Shown;

use serde_json::Value;
use server::Server;
use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;
use tokio::sync::watch;
use world::World;

/// The token of the bot that is there from the beginning.
pub const TOKEN: &str = "123456789:AAtest-token-that-no-child-may-see_12";
/// Its username.
pub const USERNAME: &str = "our_bot";

/// A request, as it came.
#[derive(Debug, Clone)]
pub struct Call {
    /// The method, as the server spells it.
    pub method: String,
    /// Its parameters; forms have texts where JSON has numbers.
    pub params: Value,
    /// When all of it was there.
    pub at: Instant,
    /// What it was answered: 200, or what is wrong. 0 while that is open, and when nothing was.
    pub status: u16,
}

/// Whether the server has texts that grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drafts {
    /// It has them.
    Shown,
    /// It has them, and not for chats like ours.
    Refused,
    /// It knows no such method.
    Unknown,
}

/// The server. Dropped, it fails the test whose gateway was rude. What can be done with its first
/// bot can be done with it.
#[derive(Debug)]
pub struct Telegram {
    server: Arc<Server>,
    address: SocketAddr,
    first: Bot,
    tasks: Mutex<tokio::task::JoinSet<()>>,
}

/// One bot, and the part of Telegram it can see. Clones are the same bot.
#[derive(Debug, Clone)]
pub struct Bot {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    token: String,
    username: String,
    world: Mutex<World>,
    changed: watch::Sender<u64>,
}

impl Deref for Telegram {
    type Target = Bot;

    fn deref(&self) -> &Bot {
        &self.first
    }
}

impl Telegram {
    /// A server with one bot.
    #[must_use]
    pub fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        let address = listener.local_addr().unwrap();
        let server = Arc::new(Server::default());
        let mut tasks = tokio::task::JoinSet::new();
        tasks.spawn(server::listen(listener, Arc::clone(&server)));
        let telegram = Self {
            first: Bot::new(TOKEN, USERNAME),
            server,
            address,
            tasks: Mutex::new(tasks),
        };
        telegram.add(&telegram.first);
        telegram
    }

    /// What goes into `channels.telegram.apiRoot`.
    #[must_use]
    pub fn root(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// One more bot, with a world of its own. The token begins with the bot's id.
    pub fn bot(&self, token: &str, username: &str) -> Bot {
        let bot = Bot::new(token, username);
        self.add(&bot);
        bot
    }

    fn add(&self, bot: &Bot) {
        self.server.add(bot.clone());
        let mut tasks = self.tasks.lock().unwrap();
        tasks.spawn(webhook::deliver(bot.clone()));
    }

    /// What was found wrong with the client so far; forgets it.
    pub fn complaints(&self) -> Vec<String> {
        let bots = self.server.bots();
        bots.iter().flat_map(Bot::complaints).collect()
    }

    /// The client was killed: what it does twice now is no fault of its own.
    pub(crate) fn client_died(&self) {
        for bot in self.server.bots() {
            bot.with(|world| world.manners.is_shaken = true);
        }
    }
}

impl Drop for Telegram {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let complaints = self.complaints();
            assert!(
                complaints.is_empty(),
                "bad manners towards Telegram: {complaints:#?}"
            );
        }
    }
}

impl Bot {
    fn new(token: &str, username: &str) -> Self {
        let id = token.split(':').next().and_then(|id| id.parse().ok());
        let world = World::new(id.expect("a token begins with the bot's id"), username);
        let inner = Inner {
            token: token.to_owned(),
            username: username.to_owned(),
            world: Mutex::new(world),
            changed: watch::Sender::new(0),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    fn lock(&self) -> MutexGuard<'_, World> {
        self.inner
            .world
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Changes the world, and lets everybody look who waits for something.
    fn with<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        let result = change(&mut self.lock());
        self.inner.changed.send_modify(|changes| *changes += 1);
        result
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.inner.changed.subscribe()
    }

    /// Waits until the world is as it should be; fails with `what` and what there was to see.
    async fn wait<T>(
        &self,
        look: impl Fn(&World) -> Option<T>,
        what: impl FnOnce(&World) -> String,
    ) -> T {
        let mut changes = self.changes();
        let waiting = async {
            loop {
                if let Some(found) = look(&self.lock()) {
                    return found;
                }
                // The sender lives as long as this bot.
                let _ = changes.changed().await;
            }
        };
        let waited = tokio::time::timeout(crate::PATIENCE, waiting).await;
        waited.unwrap_or_else(|_| panic!("{}", what(&self.lock())))
    }

    /// Its token.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.inner.token
    }

    /// Its username, without `@`.
    #[must_use]
    pub fn username(&self) -> &str {
        &self.inner.username
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> i64 {
        self.lock().bot.id
    }

    // === what goes wrong ===

    /// Something goes wrong with the next request for a method (`*`: for any).
    pub fn fail_next(&self, method: &str, fault: Fault) {
        self.fail(method, 1, fault);
    }

    /// Something goes wrong so many times; `usize::MAX` for ever.
    pub fn fail(&self, method: &str, times: usize, fault: Fault) {
        self.with(|world| world.faults.add(method, times, fault));
    }

    /// Nothing goes wrong any more.
    pub fn recover(&self) {
        self.with(|world| world.faults.clear());
    }

    /// Another pace.
    pub fn set_rates(&self, rates: Rates) {
        self.with(|world| world.pace.rates = rates);
    }

    /// Whether there are texts that grow.
    pub fn set_drafts(&self, drafts: Drafts) {
        self.with(|world| world.drafts = drafts);
    }

    /// A server without `sendMessageDraft`.
    pub fn forget_drafts(&self) {
        self.set_drafts(Drafts::Unknown);
    }

    /// What was tapped before can not be answered any more.
    pub fn forget_queries(&self) {
        self.with(|world| world.queries.clear());
    }

    // === updates ===

    /// Something happens that this fake has no word for; its update id.
    pub fn push_raw(&self, update: Value) -> i64 {
        self.with(|world| world.updates.push_raw(update))
    }

    /// Tells the last `count` updates again, with the ids they had.
    pub fn repeat_updates(&self, count: usize) {
        self.with(|world| world.updates.repeat(count));
    }

    /// Gives the next batch of updates in the wrong order.
    pub fn reorder_updates(&self) {
        self.with(|world| world.updates.reverse());
    }

    /// Updates that were not confirmed yet.
    #[must_use]
    pub fn unconfirmed(&self) -> usize {
        self.lock().updates.queue.len()
    }

    /// Waits until every update was confirmed and somebody waits for more.
    pub async fn all_confirmed(&self) {
        let done = |world: &World| {
            let updates = &world.updates;
            let waits = updates.is_awaited() || updates.webhook.is_some();
            (updates.queue.is_empty() && waits).then_some(())
        };
        self.wait(done, |world| {
            format!("{} updates are unconfirmed", world.updates.queue.len())
        })
        .await;
    }

    /// Waits until somebody waits for updates.
    pub async fn is_polled(&self) {
        let polled = |world: &World| world.updates.is_awaited().then_some(());
        self.wait(polled, |_| "nobody polls".to_owned()).await;
    }

    /// When updates were last asked for.
    #[must_use]
    pub fn last_poll(&self) -> Option<Instant> {
        self.lock().updates.last_poll
    }

    /// What `allowed_updates` were last asked for.
    #[must_use]
    pub fn allowed_updates(&self) -> Vec<String> {
        self.lock().updates.allowed.clone().unwrap_or_default()
    }

    /// The address that the webhook's name leads to; without it, its URL has to hold one.
    pub fn webhook_leads_to(&self, address: SocketAddr) {
        self.with(|world| world.updates.leads_to = Some(address));
    }

    /// The webhook's URL and secret token, if one is set.
    #[must_use]
    pub fn webhook(&self) -> Option<(String, String)> {
        let world = self.lock();
        let webhook = world.updates.webhook.as_ref()?;
        Some((webhook.url.clone(), webhook.secret.clone()))
    }

    /// Somebody else sets a webhook, and polling ends.
    pub fn sets_webhook(&self, url: &str) {
        self.with(|world| webhook::set_by_somebody(world, url));
    }

    /// Somebody else polls with this token, once and without waiting. What that takes is confirmed by
    /// nobody.
    pub fn is_polled_by_another(&self) {
        self.with(|world| {
            let why = "other getUpdates request; make sure that only one bot instance is running";
            world.updates.end_poll(why);
        });
    }

    // === what was asked ===

    /// Every request so far.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.lock().calls.clone()
    }

    /// Every request for a method.
    #[must_use]
    pub fn calls_of(&self, method: &str) -> Vec<Call> {
        let of = |call: &&Call| call.method.eq_ignore_ascii_case(method);
        self.lock().calls.iter().filter(of).cloned().collect()
    }

    /// Waits until a method was asked for so many times.
    pub async fn was_called(&self, method: &str, times: usize) {
        let count = |world: &World| {
            let of = |call: &&Call| call.method.eq_ignore_ascii_case(method);
            world.calls.iter().filter(of).count()
        };
        self.wait(
            |world| (count(world) >= times).then_some(()),
            |world| format!("{} of {times} calls of {method}", count(world)),
        )
        .await;
    }

    /// Waits until nothing is being asked but for updates.
    pub async fn is_idle(&self) {
        let idle = |world: &World| (world.busy == 0).then_some(());
        self.wait(idle, |world| format!("{} requests are open", world.busy))
            .await;
    }

    /// The commands that were set for a scope: `default`, `all_private_chats`, `chat:ID` …
    #[must_use]
    pub fn commands(&self, scope: &str) -> Vec<(String, String)> {
        let world = self.lock();
        let list = world.commands.get(scope).and_then(Value::as_array);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let command = |command: &Value| (text(&command["command"]), text(&command["description"]));
        list.into_iter().flatten().map(command).collect()
    }

    // === manners ===

    /// What was found wrong with the client so far; forgets it.
    pub fn complaints(&self) -> Vec<String> {
        self.with(|world| {
            callbacks::complain_of_unanswered(world);
            world.manners.take()
        })
    }

    /// Bears whatever has these words in it: a test that provokes.
    pub fn excuse(&self, words: &str) {
        self.with(|world| world.manners.excuse(words));
    }

    // === people ===

    /// A new person, with a private chat nobody has written in yet.
    #[must_use]
    pub fn person(&self, name: &str) -> Person {
        Person::new(self, name)
    }

    /// A new supergroup with the bot in it.
    #[must_use]
    pub fn group(&self, title: &str) -> Group {
        Group::new(self, title, world::Kind::Super)
    }

    /// A new basic group with the bot in it.
    #[must_use]
    pub fn basic_group(&self, title: &str) -> Group {
        Group::new(self, title, world::Kind::Basic)
    }
}
