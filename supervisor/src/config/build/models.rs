//! `models` and `auth`.

use super::super::findings::Findings;
use super::super::provider::{
    Api, Auth, AuthMode, AuthProfile, BadModelRef, Cooldowns, Cost, ModelEntry, ModelRef, Provider,
};
use super::super::view::{View, put};
use super::Builder;
use secrecy::SecretString;
use std::collections::BTreeMap;

/// The models a person named.
pub(super) struct Models {
    pub(super) aliases: BTreeMap<String, ModelRef>,
    pub(super) choices: Vec<ModelRef>,
}

impl Models {
    /// `agents.defaults.models`.
    pub(super) fn read(root: &View<'_>, findings: &mut Findings) -> Self {
        let mut models = Self {
            aliases: BTreeMap::new(),
            choices: Vec::new(),
        };
        for (name, view) in root.get("agents.defaults.models").entries() {
            let model: ModelRef = match name.parse() {
                Ok(model) => model,
                Err(bad) => {
                    findings.error(view.at(), &view.key, bad.to_string());
                    continue;
                }
            };
            if let Some(alias) = view.get("alias").text() {
                models
                    .aliases
                    .insert(alias.trim().to_ascii_lowercase(), model.clone());
            }
            models.choices.push(model);
        }
        models
    }

    /// A model by reference or alias; `None` where nothing stands, or nothing right.
    pub(super) fn model(&self, view: &View<'_>, findings: &mut Findings) -> Option<ModelRef> {
        let text = view.text()?;
        if let Some(model) = self.aliases.get(&text.trim().to_ascii_lowercase()) {
            return Some(model.clone());
        }
        text.parse()
            .map_err(|bad: BadModelRef| {
                let message =
                    format!("{bad}, and no alias of agents.defaults.models is called that");
                findings.error(view.at(), &view.key, message);
            })
            .ok()
    }
}

impl Builder<'_> {
    /// `models.providers`, without those whose language we don't speak.
    pub(super) fn providers(&self, root: &View<'_>) -> BTreeMap<String, Provider> {
        let entries = root.get("models.providers").entries().into_iter();
        entries
            .filter_map(|(name, view)| {
                Some((name.trim().to_ascii_lowercase(), self.provider(&view)?))
            })
            .collect()
    }

    fn provider(&self, view: &View<'_>) -> Option<Provider> {
        let api_view = view.get("api");
        let api = api_view.one_of(&[
            ("openai-completions", Api::OpenAiCompletions),
            ("openai-responses", Api::OpenAiResponses),
            ("anthropic-messages", Api::AnthropicMessages),
            ("openai-codex-responses", Api::Codex),
        ]);
        if api_view.is_said() && api.is_none() {
            return None;
        }
        let base_url = view
            .get("baseUrl")
            .text()
            .map(|url| url.trim_end_matches('/').to_owned());
        let local = view.get("local").flag();
        Some(Provider {
            local: local.unwrap_or_else(|| base_url.as_deref().is_some_and(is_near)),
            base_url,
            api_key: view.get("apiKey").text().and_then(|key| self.api_key(key)),
            api,
            headers: headers(&view.get("headers")),
            models: view
                .get("models")
                .items()
                .iter()
                .filter_map(model_entry)
                .collect(),
        })
    }

    /// A key as written, or the variable of that name: `OPENAI_API_KEY`.
    fn api_key(&self, written: &str) -> Option<SecretString> {
        let written = written.trim();
        let is_name = written
            .chars()
            .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
        let variable = is_name.then(|| self.given.env.secret(written)).flatten();
        variable.or_else(|| (!written.is_empty()).then(|| SecretString::from(written)))
    }

    /// `auth`.
    pub(super) fn auth(&mut self, root: &View<'_>) -> Auth {
        let view = root.get("auth");
        let mut auth = Auth {
            order: view.get("order").texts_by_key().unwrap_or_default(),
            ..Auth::default()
        };
        for (id, profile) in view.get("profiles").entries() {
            if let Some(profile) = self.auth_profile(&profile) {
                auth.profiles.insert(id.to_owned(), profile);
            }
        }
        lay_cooldowns(&mut auth.cooldowns, &view.get("cooldowns"));
        auth
    }

    fn auth_profile(&mut self, view: &View<'_>) -> Option<AuthProfile> {
        let mode = view.get("mode").one_of(&[
            ("api_key", AuthMode::ApiKey),
            ("oauth", AuthMode::Oauth),
            ("token", AuthMode::Token),
        ]);
        let provider = view.get("provider").text();
        match (provider, mode) {
            (Some(provider), Some(mode)) => Some(AuthProfile {
                provider: provider.to_ascii_lowercase(),
                mode,
            }),
            (None, _) | (_, None) => {
                self.findings
                    .error(view.at(), &view.key, "expected provider and mode");
                None
            }
        }
    }
}

fn headers(view: &View<'_>) -> BTreeMap<String, SecretString> {
    let entries = view.entries().into_iter();
    entries
        .filter_map(|(name, value)| Some((name.to_owned(), SecretString::from(value.text()?))))
        .collect()
}

fn model_entry(view: &View<'_>) -> Option<ModelEntry> {
    let id = view.get("id").text()?.to_owned();
    let cost = view.get("cost");
    let price = |name| cost.get(name).number().unwrap_or_default();
    Some(ModelEntry {
        name: view.get("name").text().unwrap_or(&id).to_owned(),
        id,
        reasoning: view.get("reasoning").flag().unwrap_or_default(),
        images: view
            .get("input")
            .texts()
            .map(|kinds| kinds.iter().any(|kind| kind == "image")),
        context_window: view.get("contextWindow").count(),
        max_tokens: view.get("maxTokens").count(),
        cost: Cost {
            input: price("input"),
            output: price("output"),
            cache_read: price("cacheRead"),
            cache_write: price("cacheWrite"),
        },
    })
}

fn lay_cooldowns(cooldowns: &mut Cooldowns, view: &View<'_>) {
    put(
        &mut cooldowns.billing_backoff,
        view.get("billingBackoffHours").hours(),
    );
    put(
        &mut cooldowns.billing_max,
        view.get("billingMaxHours").hours(),
    );
    put(
        &mut cooldowns.failure_window,
        view.get("failureWindowHours").hours(),
    );
    let by_provider = view
        .get("billingBackoffHoursByProvider")
        .entries()
        .into_iter();
    cooldowns.billing_backoff_by_provider = by_provider
        .filter_map(|(name, hours)| Some((name.to_ascii_lowercase(), hours.hours()?)))
        .collect();
}

/// Whether an address is on this machine or a private network.
fn is_near(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host_port = authority.rsplit('@').next().unwrap_or_default();
    let host = match host_port.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => host_port.split(':').next().unwrap_or_default(),
    };
    match host.parse() {
        Ok(std::net::IpAddr::V4(ip)) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
        Ok(std::net::IpAddr::V6(ip)) => ip.is_loopback() || ip.is_unique_local(),
        Err(_) => {
            let host = host.to_ascii_lowercase();
            host == "localhost"
                || [".localhost", ".local", ".internal", ".lan"]
                    .iter()
                    .any(|end| host.ends_with(end))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_near;

    #[test]
    fn near_is_this_machine_and_private_networks() {
        for near in [
            "http://127.0.0.1:11434/v1",
            "http://localhost:1234",
            "http://[::1]:8080",
            "http://10.0.0.5",
            "http://host.docker.internal:11434",
            "http://user:pass@192.168.1.9/v1",
        ] {
            assert!(is_near(near), "{near}");
        }
        for far in [
            "https://api.openai.com/v1",
            "https://openrouter.ai",
            "http://8.8.8.8",
            "https://localhost.example.com",
        ] {
            assert!(!is_near(far), "{far}");
        }
    }
}
