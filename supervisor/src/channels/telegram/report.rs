//! How a bot is, as `openclaw channels status` and `health` tell it.

use super::account::who_am_i;
use super::api::ApiError;
use super::bot::Bot;
use super::status::{State, now_ms};
use crate::config::TelegramAccount;
use ipc::control::ChannelStatus;
use serde::Deserialize;
use serde_json::json;

/// What the server says of a webhook.
#[derive(Debug, Default, Deserialize)]
struct WebhookInfo {
    #[serde(default)]
    url: String,
    #[serde(default)]
    pending_update_count: u64,
    #[serde(default)]
    last_error_message: Option<String>,
}

/// How a bot is that could not even begin.
pub(crate) fn failed(account: &TelegramAccount, why: &ApiError) -> ChannelStatus {
    ChannelStatus {
        channel: "telegram".to_owned(),
        account: account.id.clone(),
        ok: false,
        name: String::new(),
        mode: mode(account),
        detail: why.to_string(),
        polled_at: None,
        lag_ms: 0,
        waiting: 0,
        held: 0,
        unreadable: 0,
        unsent: 0,
        last_error: Some((now_ms(), why.to_string())),
        undelivered: 0,
        last_undelivered: None,
    }
}

/// How a bot is; with `probe`, after asking its server now.
pub(crate) async fn status(bot: &Bot, probe: bool) -> ChannelStatus {
    let probed = match probe {
        true => Some(ask(bot).await),
        false => None,
    };
    let status = bot.board.now();
    // Where the disk fails, everything says so; here it is only numbers.
    let counts = bot.services.store.update_counts(bot.id).await;
    let counts = counts.unwrap_or_default();
    let (ok, detail) = match (&status.state, probed) {
        (_, Some(Err(error))) => (false, error.to_string()),
        (State::Ok, Some(Ok(told))) => (true, told),
        (State::Ok, None) => (true, "ok".to_owned()),
        (State::Connecting, _) => (false, "connecting".to_owned()),
        (State::Failing(why), _) => (false, why.clone()),
        (State::Stopped(why), _) => (false, format!("stopped: {why}")),
    };
    let lag = counts.oldest_at.map_or(0, |at| now_ms().saturating_sub(at));
    ChannelStatus {
        channel: "telegram".to_owned(),
        account: bot.account.id.clone(),
        ok,
        name: match bot.me().username.as_str() {
            "" => String::new(),
            name => format!("@{name}"),
        },
        mode: mode(&bot.account),
        detail,
        polled_at: status.polled_at,
        lag_ms: u64::try_from(lag).unwrap_or(0),
        waiting: counts.waiting,
        held: counts.held,
        unreadable: status.unreadable,
        unsent: bot.desk().map_or(0, |desk| desk.waiting() as u64),
        last_error: status.last_error,
        undelivered: status.undelivered,
        last_undelivered: status.last_undelivered,
    }
}

/// Asks the server who we are and how updates come.
async fn ask(bot: &Bot) -> Result<String, ApiError> {
    let me = who_am_i(bot).await?;
    let info = bot.api.call_named("getWebhookInfo", &json!({})).await?;
    // A server that tells less than that is no reason to be worried.
    let info = WebhookInfo::deserialize(info).unwrap_or_default();
    Ok(answer(&bot.account, &me.username, &info))
}

/// What the server said, in a few words.
fn answer(account: &TelegramAccount, name: &str, info: &WebhookInfo) -> String {
    let mut told = format!("ok, the server knows us as @{name}");
    if account.webhook.is_some() {
        if let Some(error) = &info.last_error_message {
            told += &format!("; it last failed to call us: {error}");
        }
    } else if !info.url.is_empty() {
        told += "; a webhook is set that is not ours, and is removed";
    }
    if info.pending_update_count > 0 {
        told += &format!("; {} updates wait there", info.pending_update_count);
    }
    told
}

fn mode(account: &TelegramAccount) -> String {
    match account.webhook {
        Some(_) => "webhook".to_owned(),
        None => "polling".to_owned(),
    }
}
