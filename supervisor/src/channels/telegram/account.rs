//! One bot's life: who am I, then updates, polled for or pushed, until it is stopped.

use super::api::{Api, ApiError};
use super::backoff::Backoff;
use super::bot::{Bot, Me, Parts};
use super::chat::Desk;
use super::commands::{self, Questions};
use super::glance::glance;
use super::intake::{self, Intake, Poke};
use super::status::now_ms;
use super::{poll, strangers, webhook};
use crate::config::TelegramAccount;
use crate::store::StoreError;
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Updates that wait and are looked at before anything is said: the newest.
const TOLD: u32 = 200;

/// A bot that runs. Dropping it ends its tasks.
#[derive(Debug)]
pub(crate) struct Account {
    bot: Arc<Bot>,
    /// All its tasks: they end with it.
    tasks: JoinSet<()>,
}

impl Account {
    /// Begins a bot.
    ///
    /// # Errors
    /// [`ApiError::Network`] where no HTTP client can be made for it.
    pub(crate) fn start(account: Arc<TelegramAccount>, parts: Parts) -> Result<Self, ApiError> {
        let api = Api::of(&account)?;
        let (intake, poked) = Intake::new();
        let bot = Arc::new(Bot::new(api, account, parts, intake));
        let mut tasks = JoinSet::new();
        tasks.spawn(live(Arc::clone(&bot), poked));
        Ok(Self { bot, tasks })
    }

    /// How it is set up.
    pub(crate) fn settings(&self) -> &TelegramAccount {
        &self.bot.account
    }

    /// The bot.
    pub(crate) fn bot(&self) -> &Arc<Bot> {
        &self.bot
    }

    /// Ends it: what is on its way out arrives, within a few seconds. What else it was doing is on
    /// disk, and done again by the next one.
    pub(crate) async fn stop(mut self) {
        self.tasks.shutdown().await;
        if let Some(desk) = self.bot.desk() {
            self.bot.speaks(None);
            desk.stop().await;
        }
    }
}

/// Whether two settings make the same bot.
pub(crate) fn is_same(one: &TelegramAccount, other: &TelegramAccount) -> bool {
    // All but secrets is in what `Debug` shows.
    let secrets = |account: &TelegramAccount| {
        let webhook = account.webhook.as_ref();
        let secret = webhook.map(|webhook| webhook.secret.expose_secret().to_owned());
        let proxy = account.proxy.as_ref().map(|proxy| proxy.0.clone());
        (account.token.expose_secret().to_owned(), secret, proxy)
    };
    format!("{one:?}") == format!("{other:?}") && secrets(one) == secrets(other)
}

/// Everything a bot does.
async fn live(bot: Arc<Bot>, poked: mpsc::Receiver<Poke>) {
    if !introduce(&bot).await {
        return;
    }
    // Before anything new is asked.
    if let Err(error) = commands::void_stale(&bot).await {
        tracing::error!("questions of before keep their buttons: failed to {error}");
    }
    let told = newest_told(&bot).await;
    let desk = Desk::start(Arc::clone(&bot), Arc::new(Questions::default()));
    for (chat, message) in told {
        desk.saw(chat, message);
    }
    bot.speaks(Some(desk));
    // What waits is handled also while its server can not be reached.
    tokio::join!(
        intake::dispatch(Arc::clone(&bot), poked),
        strangers::keep(Arc::clone(&bot)),
        show_commands(&bot),
        listen(Arc::clone(&bot))
    );
}

/// The newest messages of those that wait, each with its chat.
async fn newest_told(bot: &Bot) -> Vec<(i64, i32)> {
    let waiting = bot.services.store.newest_waiting(bot.id, TOLD).await;
    let waiting = waiting.unwrap_or_else(|error| {
        tracing::error!(account = bot.account.id, "failed to {error}");
        Vec::new()
    });
    let glances = waiting.iter().filter_map(|body| glance(body));
    glances
        .filter_map(|glance| Some((glance.update.chat?, glance.message?)))
        .collect()
}

/// Has the server show our commands, however long that takes.
async fn show_commands(bot: &Bot) {
    let mut backoff = Backoff::new(seed(bot));
    let mut failures = 0_u32;
    while let Err(error) = commands::register(bot).await {
        failures += 1;
        match error {
            ApiError::Refused(_) | ApiError::Unauthorized => {
                tracing::warn!(account = bot.account.id, "no menu of commands: {error}");
                return;
            }
            ApiError::TooMany { .. }
            | ApiError::Conflict { .. }
            | ApiError::Server { .. }
            | ApiError::Network { .. } => pause(&error, failures, &mut backoff).await,
        }
    }
}

/// Asks who we are, however long that takes. Whether the token is good.
async fn introduce(bot: &Bot) -> bool {
    let mut backoff = Backoff::new(seed(bot));
    let mut failures = 0_u32;
    loop {
        match who_am_i(bot).await {
            Ok(me) => {
                tracing::info!(
                    account = bot.account.id,
                    "Telegram: we are @{}",
                    me.username
                );
                bot.is(me);
                return true;
            }
            Err(error @ ApiError::Unauthorized) => {
                bot.board.stops(&bot.account.id, &error);
                return false;
            }
            Err(error) => {
                failures += 1;
                bot.board.fails(&bot.account.id, &error.to_string());
                pause(&error, failures, &mut backoff).await;
            }
        }
    }
}

async fn pause(error: &ApiError, failures: u32, backoff: &mut Backoff) {
    match error {
        ApiError::TooMany { after } => tokio::time::sleep(*after).await,
        // A connection ends, a server begins anew: that is nothing, if it is once.
        ApiError::Network { .. } | ApiError::Server { .. } if failures == 1 => {}
        ApiError::Network { .. }
        | ApiError::Server { .. }
        | ApiError::Conflict { .. }
        | ApiError::Unauthorized
        | ApiError::Refused(_) => tokio::time::sleep(backoff.pause()).await,
    }
}

/// Asks the server.
///
/// # Errors
/// What it says instead.
pub(super) async fn who_am_i(bot: &Bot) -> Result<Me, ApiError> {
    let me = bot.api.call_named("getMe", &json!({})).await?;
    Me::deserialize(me)
        .map_err(|error| ApiError::in_doubt(format!("getMe: the answer can not be read: {error}")))
}

/// Takes updates in, as the account says, until the token is refused.
async fn listen(bot: Arc<Bot>) {
    match &bot.account.webhook {
        Some(webhook) => webhook::serve(&bot, webhook).await,
        None => listen_by_polling(bot).await,
    }
}

async fn listen_by_polling(bot: Arc<Bot>) {
    // A webhook of before would keep us from it; where this fails, polling says why.
    let kept = json!({ "drop_pending_updates": false });
    let _ = bot.api.call_named("deleteWebhook", &kept).await;
    loop {
        let newest = match newest(&bot).await {
            Ok(newest) => newest,
            Err(error) => {
                bot.board
                    .fails(&bot.account.id, &format!("failed to {error}"));
                tokio::time::sleep(Duration::from_secs(2)).await;
                continue;
            }
        };
        let (beat, beats) = watch::channel(Instant::now());
        tokio::select! {
            () = poll::run(Arc::clone(&bot), beat, newest) => return,
            () = silence(beats, bot.account.stall_after) => {
                let seconds = bot.account.stall_after.as_secs();
                let what = format!("getUpdates was silent for {seconds} s; it is begun anew");
                bot.board.fails(&bot.account.id, &what);
                // New connections, too: what hangs may hang in one.
                if let Err(error) = bot.api.reconnect(&bot.account) {
                    bot.board.fails(&bot.account.id, &error.to_string());
                }
                // What was stored while we gave up may not have been said to anybody.
                bot.intake.poke_all().await;
            }
        }
    }
}

/// Ends when nothing moved for so long.
async fn silence(mut beats: watch::Receiver<Instant>, stall_after: Duration) {
    loop {
        let last = *beats.borrow_and_update();
        tokio::select! {
            () = tokio::time::sleep_until(last + stall_after) => return,
            changed = beats.changed() => if changed.is_err() {
                // Who polls is gone, and says so itself.
                return std::future::pending().await;
            },
        }
    }
}

/// The last update that is stored; of a bot that we know nothing of, what OpenClaw left.
async fn newest(bot: &Bot) -> Result<Option<i64>, StoreError> {
    let store = &bot.services.store;
    if store.has_updates(bot.id).await? {
        return store.newest_update(bot.id).await;
    }
    let state = bot.services.live.load().config.paths.state_dir.clone();
    let name = format!("update-offset-{}.json", bot.account.id);
    Ok(left(&state.join("telegram").join(name), bot.id))
}

/// What OpenClaw wrote down of a bot's updates.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Left {
    last_update_id: i64,
    bot_id: Value,
}

/// The last update OpenClaw had of this bot, where that is no older than numbers hold.
fn left(file: &Path, bot: i64) -> Option<i64> {
    let modified = std::fs::metadata(file).ok()?.modified().ok()?;
    let age = SystemTime::now()
        .duration_since(modified)
        .unwrap_or_default();
    let text = std::fs::read_to_string(file).ok()?;
    let left: Left = serde_json::from_str(&text).ok()?;
    let is_ours = match &left.bot_id {
        Value::String(id) => id.parse() == Ok(bot),
        Value::Number(id) => id.as_i64() == Some(bot),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => false,
    };
    (is_ours && age < poll::NUMBERS_HOLD).then_some(left.last_update_id)
}

fn seed(bot: &Bot) -> u64 {
    bot.id.unsigned_abs() ^ now_ms().unsigned_abs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_that_openclaw_left_holds_for_its_own_bot() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("update-offset-default.json");
        assert_eq!(left(&file, 42), None);
        for (text, is) in [
            (r#"{"version":2,"lastUpdateId":77,"botId":"42"}"#, Some(77)),
            (r#"{"version":2,"lastUpdateId":77,"botId":42}"#, Some(77)),
            (r#"{"version":2,"lastUpdateId":77,"botId":"43"}"#, None),
            (r#"{"version":2,"lastUpdateId":77,"botId":null}"#, None),
            (r#"{"version":2,"lastUpdateId":null,"botId":"42"}"#, None),
            ("{", None),
        ] {
            std::fs::write(&file, text).unwrap();
            assert_eq!(left(&file, 42), is, "{text}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_moves_is_not_silent() {
        let (beat, beats) = watch::channel(Instant::now());
        let stall = Duration::from_secs(120);
        let mut watching = tokio::task::JoinSet::new();
        watching.spawn(silence(beats, stall));
        for _ in 0..10 {
            tokio::time::sleep(stall - Duration::from_secs(1)).await;
            beat.send_replace(Instant::now());
        }
        assert!(watching.try_join_next().is_none());
        let last = Instant::now();
        watching.join_next().await.unwrap().unwrap();
        assert_eq!(last.elapsed(), stall);
    }
}
