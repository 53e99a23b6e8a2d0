//! `channels.telegram`: each account's own settings over the channel's.

mod people;
mod server;
mod token;
pub(super) mod words;

pub(super) use people::bare;

use super::super::agent::Agent;
use super::super::messages::Messages;
use super::super::session::Commands;
use super::super::telegram::{
    CustomCommand, DEFAULT_ACCOUNT, DmPolicy, GroupPolicy, Retry, TelegramAccount,
};
use super::super::view::{View, put};
use super::{Builder, agent_id};
use reqwest::Url;
use secrecy::ExposeSecret as _;
use server::SERVER;
use std::time::Duration;

/// What an account is made of besides its own settings.
pub(super) struct Around<'a> {
    pub(super) agents: &'a [Agent],
    pub(super) messages: &'a Messages,
    pub(super) commands: &'a Commands,
}

/// One account's settings: its own, over the channel's.
struct Both<'a> {
    own: Option<View<'a>>,
    channel: View<'a>,
}

impl<'a> Both<'a> {
    fn get(&self, path: &str) -> View<'a> {
        let own = self.own.as_ref().map(|own| own.get(path));
        own.filter(View::is_said)
            .unwrap_or_else(|| self.channel.get(path))
    }

    /// Where the account itself is said.
    fn whole(&self) -> &View<'a> {
        self.own.as_ref().unwrap_or(&self.channel)
    }

    /// Where its token may be said: the channel's is the default account's.
    fn with_token(&self, id: &str) -> impl Iterator<Item = &View<'a>> {
        let channel = (id == DEFAULT_ACCOUNT).then_some(&self.channel);
        self.own.iter().chain(channel)
    }
}

impl Builder<'_> {
    /// The accounts that are to run, the default one first.
    pub(super) fn telegram(
        &mut self,
        root: &View<'_>,
        around: &Around<'_>,
    ) -> Vec<TelegramAccount> {
        let channel = root.get("channels.telegram");
        let listed = self.listed_accounts(&channel);
        let default = self.default_account(&channel, &listed);
        if channel.get("enabled").flag() == Some(false) {
            return Vec::new();
        }
        let mut accounts: Vec<TelegramAccount> = Vec::new();
        for (id, both) in listed {
            let Some(account) = self.account(id, &both, root, around) else {
                continue;
            };
            self.apart(&account, &accounts, &both);
            accounts.push(account);
        }
        accounts.sort_by_key(|account| account.id != default);
        if let Some(first) = accounts.first_mut() {
            first.is_default = true;
        }
        accounts
    }

    /// Every account, by id, whether it runs or not.
    fn listed_accounts<'v>(&mut self, channel: &View<'v>) -> Vec<(String, Both<'v>)> {
        let mut found: Vec<(String, Both<'v>)> = Vec::new();
        for (name, own) in channel.get("accounts").entries() {
            match agent_id(name) {
                Some(id) if found.iter().all(|(other, _)| *other != id.0) => {
                    let both = Both {
                        own: Some(own),
                        channel: channel.clone(),
                    };
                    found.push((id.0, both));
                }
                Some(id) => {
                    let message = format!("there are two accounts of the id {id}");
                    self.findings.error(own.at(), &own.key, message);
                }
                None => {
                    let message = "expected an id of up to 64 letters, digits, - and _ as its key";
                    self.findings.error(own.at(), &own.key, message);
                }
            }
        }
        let has_token = ["botToken", "tokenFile"]
            .iter()
            .any(|key| channel.get(key).is_said());
        let has_default = found.iter().any(|(id, _)| id == DEFAULT_ACCOUNT);
        if !has_default && (has_token || found.is_empty()) {
            let both = Both {
                own: None,
                channel: channel.clone(),
            };
            found.insert(0, (DEFAULT_ACCOUNT.to_owned(), both));
        }
        found
    }

    fn default_account(&mut self, channel: &View<'_>, listed: &[(String, Both<'_>)]) -> String {
        let view = channel.get("defaultAccount");
        let Some(said) = view.text().map(|text| text.trim().to_ascii_lowercase()) else {
            return DEFAULT_ACCOUNT.to_owned();
        };
        if listed.iter().all(|(id, _)| *id != said) {
            let ids: Vec<_> = listed.iter().map(|(id, _)| id.as_str()).collect();
            let message = format!("there is no account {said}; there are: {}", ids.join(", "));
            self.findings.error(view.at(), &view.key, message);
        }
        said
    }

    /// One account; `None` where it is off or has no token.
    fn account(
        &mut self,
        id: String,
        both: &Both<'_>,
        root: &View<'_>,
        around: &Around<'_>,
    ) -> Option<TelegramAccount> {
        if both.own.as_ref().and_then(|own| own.get("enabled").flag()) == Some(false) {
            return None;
        }
        let token = self.token(&id, both)?;
        let get = |path: &str| both.get(path);
        let server = get("apiRoot");
        let said = self.address(&server, server.text().unwrap_or(SERVER));
        // What is wrong is told; the rest is looked at all the same.
        let api_root = said.or_else(|| Url::parse(SERVER).ok())?;
        let account = TelegramAccount {
            name: get_own_text(both, "name").unwrap_or_else(|| id.clone()),
            is_default: false,
            token,
            proxy: self.proxy(&get("proxy")),
            dm_policy: get("dmPolicy").one_of(words::DM_POLICY).unwrap_or_default(),
            allow_from: self.users(&get("allowFrom")).unwrap_or_default(),
            group_policy: group_policy(both, root),
            group_allow_from: self.users(&get("groupAllowFrom")),
            groups: self.groups(&get("groups"), around.agents),
            streaming: words::streaming(&get("streaming"), &get("streamMode")),
            drafts: get("nativeDrafts").flag().unwrap_or(true),
            text_limit: get("textChunkLimit").count().unwrap_or(4_000),
            chunk: get("chunkMode").one_of(words::CHUNK).unwrap_or_default(),
            link_preview: get("linkPreview").flag().unwrap_or(true),
            reply_mode: get("replyToMode").one_of(words::REPLY),
            reaction_notifications: get("reactionNotifications")
                .one_of(words::NOTIFICATIONS)
                .unwrap_or_default(),
            reaction_level: get("reactionLevel")
                .one_of(words::LEVEL)
                .unwrap_or_default(),
            media_max: megabytes(get("mediaMaxMb").number().unwrap_or(5.0)),
            retry: retry(both),
            webhook: self.webhook(both, &api_root),
            inline_buttons: words::inline_buttons(&get("capabilities")),
            commands_native: words::native(&get("commands.native"))
                .unwrap_or(around.commands.native),
            custom_commands: self.custom_commands(&get("customCommands")),
            approvers: self
                .users(&get("execApprovals.approvers"))
                .unwrap_or_default(),
            owners: self.owners(&root.get("commands.ownerAllowFrom")),
            history_limit: get("historyLimit")
                .count()
                .unwrap_or(around.messages.history_limit),
            ack_reaction: text_or(&get("ackReaction"), around.messages.ack_reaction.as_ref()),
            response_prefix: text_or(
                &get("responsePrefix"),
                around.messages.response_prefix.as_ref(),
            ),
            poll_timeout: get("pollTimeoutSeconds")
                .seconds()
                .unwrap_or(Duration::from_secs(30)),
            stall_after: get("pollingStallThresholdMs")
                .millis()
                .unwrap_or(Duration::from_secs(120)),
            api_root,
            id,
        };
        self.weigh(&account, both);
        Some(account)
    }

    /// What would run and not do what one thinks.
    fn weigh(&mut self, account: &TelegramAccount, both: &Both<'_>) {
        let any = account.allow_from.iter().any(|id| id == "*");
        let policy = both.get("dmPolicy");
        if account.dm_policy == DmPolicy::Open && !any {
            let message = "open lets anybody in, and needs allowFrom to say so: [\"*\"]";
            self.findings.error(policy.at(), &policy.key, message);
        }
        if account.dm_policy == DmPolicy::Allowlist && account.allow_from.is_empty() {
            let message = "nobody may speak to the bot in private without allowFrom";
            self.findings.warn(policy.at(), &policy.key, message);
        }
    }

    /// What two accounts can not share.
    fn apart(&mut self, account: &TelegramAccount, others: &[TelegramAccount], both: &Both<'_>) {
        for other in others {
            if other.token.expose_secret() == account.token.expose_secret() {
                let said = both
                    .with_token(&account.id)
                    .map(|view| view.get("botToken"));
                let view = said.into_iter().find(View::is_said);
                let view = view.as_ref().unwrap_or_else(|| both.whole());
                let message = format!(
                    "it has the token of the account {}, and a bot can be polled by one alone; ask @BotFather for another bot",
                    other.id
                );
                self.findings.error(view.at(), &view.key, message);
            }
            let door = |account: &TelegramAccount| {
                let hook = account.webhook.as_ref()?;
                (hook.port > 0).then(|| (hook.host.clone(), hook.port))
            };
            if door(account).is_some() && door(account) == door(other) {
                let view = both.get("webhookPort");
                let message = format!(
                    "the account {} listens there as well; give each a webhookPort of its own",
                    other.id
                );
                let at = if view.is_said() {
                    view.at()
                } else {
                    both.whole().at()
                };
                self.findings.error(at, &view.key, message);
            }
        }
    }

    fn custom_commands(&mut self, view: &View<'_>) -> Vec<CustomCommand> {
        let mut found: Vec<CustomCommand> = Vec::new();
        for entry in view.items() {
            let text = |key| entry.get(key).text().unwrap_or_default().trim();
            let command = text("command")
                .trim_start_matches('/')
                .to_lowercase()
                .replace('-', "_");
            let description = text("description").to_owned();
            let name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            let fits = (1..=32).contains(&command.len())
                && command.chars().all(name)
                && (1..=256).contains(&description.chars().count());
            if !fits {
                let message = "expected command, 1 to 32 of a-z, 0-9 and _, and description, 1 to 256 characters";
                self.findings.error(entry.at(), &entry.key, message);
            } else if found.iter().any(|other| other.command == command) {
                let message = format!("/{command} is said again; only the first one counts");
                self.findings.warn(entry.at(), &entry.key, message);
            } else {
                found.push(CustomCommand {
                    command,
                    description,
                });
            }
        }
        found
    }
}

/// The channel's own name is its default account's alone.
fn get_own_text(both: &Both<'_>, key: &str) -> Option<String> {
    let text = both.whole().get(key).text()?.trim().to_owned();
    (!text.is_empty()).then_some(text)
}

fn group_policy(both: &Both<'_>, root: &View<'_>) -> GroupPolicy {
    let own = both.get("groupPolicy").one_of(words::GROUP_POLICY);
    let all = root.get("channels.defaults.groupPolicy");
    own.or(all.one_of(words::GROUP_POLICY)).unwrap_or_default()
}

fn retry(both: &Both<'_>) -> Retry {
    let mut retry = Retry::default();
    put(&mut retry.attempts, both.get("retry.attempts").count());
    put(&mut retry.min, both.get("retry.minDelayMs").millis());
    put(&mut retry.max, both.get("retry.maxDelayMs").millis());
    put(&mut retry.jitter, both.get("retry.jitter").number());
    retry.max = retry.max.max(retry.min);
    retry
}

/// A text of its own over what holds elsewhere; an empty one says none.
fn text_or(view: &View<'_>, other: Option<&String>) -> Option<String> {
    let text = view.text().map(str::to_owned).or_else(|| other.cloned());
    text.filter(|text| !text.is_empty())
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the table's bounds keep it within"
)]
fn megabytes(number: f64) -> u64 {
    (number * f64::from(1 << 20)) as u64
}

/// Whether it is what Telegram takes as a secret of ours.
fn is_secret(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    (1..=256).contains(&text.len()) && text.bytes().all(allowed)
}
