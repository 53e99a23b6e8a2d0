//! Webhooks: where updates are sent to by a server that is not polled.

use super::refusal::Refusal;
use super::request::Params;
use super::updates::Update;
use super::world::{World, now};
use super::{Bot, http};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::task::JoinSet;

const PORTS: [u16; 4] = [443, 80, 88, 8443];
/// Between two tries of an update; longer with each. The real server waits much longer.
const RETRY: Duration = Duration::from_millis(40);

/// Where updates are sent to.
#[derive(Debug, Clone)]
pub(super) struct Webhook {
    pub(super) url: String,
    pub(super) secret: String,
    connections: usize,
    last_error: Option<(i64, String)>,
}

/// Sets it, or takes it away when the URL is empty.
pub(super) fn set(world: &mut World, params: &Params) -> Result<Value, Refusal> {
    let url = params.text("url").unwrap_or_default();
    if url.is_empty() {
        return delete(world, params);
    }
    check_url(&url)?;
    let secret = params.text("secret_token").unwrap_or_default();
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if secret.len() > 256 || !secret.chars().all(fits) {
        return Err(Refusal::rude("secret token contains unallowed characters"));
    }
    let connections = params.int("max_connections").unwrap_or(40);
    let connections = usize::try_from(connections.clamp(1, 100)).unwrap();
    if let Some(allowed) = params.json("allowed_updates")? {
        let name = |name: &Value| name.as_str().map(str::to_owned);
        let allowed = allowed.as_array().into_iter().flatten();
        world.updates.allowed = Some(allowed.filter_map(name).collect());
    }
    world.updates.end_poll("setWebhook request");
    drop_pending(world, params);
    world.updates.webhook = Some(Webhook {
        url,
        secret,
        connections,
        last_error: None,
    });
    Ok(json!(true))
}

/// As somebody else would.
pub(super) fn set_by_somebody(world: &mut World, url: &str) {
    world.updates.end_poll("setWebhook request");
    world.updates.webhook = Some(Webhook {
        url: url.to_owned(),
        secret: String::new(),
        connections: 1,
        last_error: None,
    });
}

/// TLS and its ports; a server of one's own takes any address of the machine it is on.
fn check_url(url: &str) -> Result<(), Refusal> {
    let bad = |why: &str| Refusal::rude(&format!("bad webhook: {why}"));
    if own_address(url).is_some_and(|address| address.ip().is_loopback()) {
        return Ok(());
    }
    let rest = url
        .strip_prefix("https://")
        .ok_or_else(|| bad("An HTTPS URL must be provided for webhook"))?;
    let host = rest.split('/').next().unwrap_or_default();
    let port = match host.rsplit_once(':') {
        Some((_, port)) => port.parse().unwrap_or(0),
        None => 443,
    };
    if PORTS.contains(&port) {
        return Ok(());
    }
    Err(bad(
        "Webhook can be set up only on ports 80, 88, 443 or 8443",
    ))
}

fn own_address(url: &str) -> Option<SocketAddr> {
    let rest = url.strip_prefix("http://")?;
    rest.split('/').next()?.parse().ok()
}

pub(super) fn delete(world: &mut World, params: &Params) -> Result<Value, Refusal> {
    drop_pending(world, params);
    world.updates.webhook = None;
    Ok(json!(true))
}

fn drop_pending(world: &mut World, params: &Params) {
    if params.flag("drop_pending_updates") {
        world
            .manners
            .complain("it throws away what people have said".to_owned());
        world.updates.queue.clear();
    }
}

pub(super) fn info(world: &World) -> Value {
    let mut info = json!({ "url": "", "has_custom_certificate": false,
        "pending_update_count": world.updates.queue.len() });
    if let Some(allowed) = &world.updates.allowed {
        info["allowed_updates"] = json!(allowed);
    }
    if let Some(webhook) = &world.updates.webhook {
        info["url"] = json!(webhook.url);
        info["max_connections"] = json!(webhook.connections);
        if let Some((at, why)) = &webhook.last_error {
            info["last_error_date"] = json!(at);
            info["last_error_message"] = json!(why);
        }
    }
    info
}

/// Delivers while there is somewhere to deliver to: the updates of a chat one after the other, those
/// of several chats at once.
pub(super) async fn deliver(bot: Bot) {
    let mut changes = bot.changes();
    let mut flying: JoinSet<(i64, bool)> = JoinSet::new();
    let mut tries: BTreeMap<i64, u32> = BTreeMap::new();
    let mut in_air: BTreeMap<i64, i64> = BTreeMap::new();
    loop {
        for (webhook, address, update) in ready(&bot.lock(), &in_air) {
            in_air.insert(update.id, chat_of(&update.value));
            let tried = *tries.entry(update.id).and_modify(|n| *n += 1).or_insert(0);
            flying.spawn(send(bot.clone(), webhook, address, update, tried));
        }
        tokio::select! {
            _ = changes.changed() => {}
            Some(Ok((id, took))) = flying.join_next() => {
                in_air.remove(&id);
                if took {
                    tries.remove(&id);
                    bot.with(|world| world.updates.queue.retain(|update| update.id != id));
                }
            }
        }
    }
}

fn ready(world: &World, in_air: &BTreeMap<i64, i64>) -> Vec<(Webhook, SocketAddr, Update)> {
    let Some(webhook) = &world.updates.webhook else {
        return Vec::new();
    };
    let Some(address) = world.updates.leads_to.or_else(|| own_address(&webhook.url)) else {
        return Vec::new();
    };
    let mut busy: BTreeSet<i64> = in_air.values().copied().collect();
    let mut ready = Vec::new();
    for update in &world.updates.queue {
        if in_air.len() + ready.len() >= webhook.connections {
            break;
        }
        if busy.insert(chat_of(&update.value)) {
            ready.push((webhook.clone(), address, update.clone()));
        }
    }
    ready
}

/// The chat something happened in; 0 for what happens in none.
fn chat_of(update: &Value) -> i64 {
    let whats = update.as_object().into_iter().flatten();
    let chat = |what: &Value| {
        what["chat"]["id"]
            .as_i64()
            .or_else(|| what["message"]["chat"]["id"].as_i64())
    };
    whats.filter_map(|(_, what)| chat(what)).next().unwrap_or(0)
}

async fn send(
    bot: Bot,
    webhook: Webhook,
    address: SocketAddr,
    update: Update,
    tried: u32,
) -> (i64, bool) {
    let after_scheme = webhook.url.split_once("://").map_or("", |(_, rest)| rest);
    let path = after_scheme.find('/').map_or("/", |at| &after_scheme[at..]);
    let line = format!("POST {path}");
    let mut headers = vec![("Content-Type", "application/json")];
    if !webhook.secret.is_empty() {
        headers.push(("X-Telegram-Bot-Api-Secret-Token", &webhook.secret));
    }
    let body = update.value.to_string();
    let sent = http::ask(address, &line, &headers, body.as_bytes()).await;
    let wrong = match sent {
        Ok((200..300, _)) => return (update.id, true),
        Ok((status, _)) => format!("Wrong response from the webhook: {status}"),
        Err(error) => format!("Connection failed: {error}"),
    };
    bot.with(|world| {
        if let Some(webhook) = &mut world.updates.webhook {
            webhook.last_error = Some((now(), wrong));
        }
    });
    tokio::time::sleep(RETRY * 2_u32.pow(tried.min(5))).await;
    (update.id, false)
}
