//! What `openclaw models` tells.

use super::auth::{Kind, Profile};
use super::clock::{now_ms, span};
use super::stack::ModelStack;
use super::{catalog, offline};
use crate::config::ModelRef;
use ipc::control::{ModelStatus, ModelsReport, ProfileStatus};
use ipc::id::AgentId;
use std::collections::BTreeSet;

/// All of it.
pub(super) async fn report(stack: &ModelStack) -> ModelsReport {
    let main = &stack.default;
    let used = stack.chain(main, None).await;
    let wished: Vec<&ModelRef> = stack.wish(main).chain.iter().collect();
    let also = used.iter().filter(|name| !wished.contains(name));
    let chain = wished.iter().copied().chain(also);
    ModelsReport {
        chain: chain.map(|name| model_status(stack, main, name)).collect(),
        agents: other_chains(stack),
        profiles: profiles(stack),
    }
}

fn other_chains(stack: &ModelStack) -> Vec<(AgentId, Vec<String>)> {
    let usual = &stack.wish(&stack.default).chain;
    let differing = stack.agents.iter().filter(|(_, wish)| wish.chain != *usual);
    differing
        .map(|(id, wish)| {
            (
                id.clone(),
                wish.chain.iter().map(ToString::to_string).collect(),
            )
        })
        .collect()
}

fn model_status(stack: &ModelStack, agent: &AgentId, name: &ModelRef) -> ModelStatus {
    let (usable, detail) = if *name == offline::name() {
        let detail = "built in; understands a few commands, is no language model";
        (true, detail.to_owned())
    } else {
        usability(stack, agent, name)
    };
    ModelStatus {
        model: name.to_string(),
        usable,
        detail,
        context_window: stack.context_window(name),
    }
}

fn usability(stack: &ModelStack, agent: &AgentId, name: &ModelRef) -> (bool, String) {
    let auth = &stack.means.auth;
    let routes = match auth.routes(agent, name, 0) {
        Ok(routes) => routes,
        Err(error) => return (false, error.to_string()),
    };
    let now = now_ms();
    let mut why_not = String::new();
    for route in routes {
        let (usable, status) = status(&route.profile, auth.fare(&route.profile).resting(now), now);
        if usable {
            let with = match route.profile.kind {
                Kind::Nothing => "no credential needed".to_owned(),
                Kind::Oauth | Kind::Token | Kind::ApiKey => {
                    format!("{}: {status}", route.profile.id)
                }
            };
            return (
                true,
                format!("{} through {with}", catalog::api_name(route.model.api)),
            );
        }
        why_not = format!("{}: {status}", route.profile.id);
    }
    (false, why_not)
}

/// Every profile of every provider anybody might mean, once.
fn profiles(stack: &ModelStack) -> Vec<ProfileStatus> {
    let auth = &stack.means.auth;
    let known = catalog::known().iter().map(|known| known.id);
    let configured = auth.providers().keys().map(String::as_str);
    let providers: BTreeSet<&str> = known.chain(configured).collect();
    let now = now_ms();
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for agent in stack.agents.keys() {
        for provider in &providers {
            for profile in auth.profiles(agent, provider) {
                if seen.insert((profile.id.clone(), profile.source.clone())) {
                    found.push(profile_status(
                        &profile,
                        auth.fare(&profile).resting(now),
                        now,
                    ));
                }
            }
        }
    }
    found
}

fn profile_status(profile: &Profile, resting: Option<i64>, now: i64) -> ProfileStatus {
    let (usable, status) = status(profile, resting, now);
    ProfileStatus {
        id: profile.id.clone(),
        provider: profile.provider.clone(),
        kind: kind(profile.kind).to_owned(),
        source: profile.source_text(),
        status,
        usable,
    }
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Oauth => "oauth",
        Kind::Token => "token",
        Kind::ApiKey => "api_key",
        Kind::Nothing => "none",
    }
}

/// Whether a profile could be used now, and how it is.
fn status(profile: &Profile, resting: Option<i64>, now: i64) -> (bool, String) {
    if let Some(error) = profile.unusable(now) {
        return (false, error.to_string());
    }
    if let Some(until) = resting {
        return (false, format!("cooling down for {}", span(until - now)));
    }
    let text = match profile.expires {
        Some(at) if at <= now => "ok, will be renewed at the next call".to_owned(),
        Some(at) => format!("ok, expires in {}", span(at - now)),
        None => "ok".to_owned(),
    };
    (true, text)
}
