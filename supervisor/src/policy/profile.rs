//! Which tools an agent has: profile, then allow, alsoAllow and deny of every layer.
//!
//! ```text
//!   profile (+ alsoAllow) ─ byProvider.profile ─ tools ─ tools.byProvider ─ the agent's own ─
//!   its byProvider ─ sub-agent
//! ```
//! A tool is there when every layer lets it through; a `deny` anywhere is the end of it.

use super::groups::{FOR_SUBAGENTS, covers, is_known, of_profile};
use crate::config::{Agent, ModelRef, Profile, ToolRules};
use ipc::id::SessionKey;
use ipc::tool_args::NAMES;
use std::collections::{BTreeMap, BTreeSet};

/// Which tools an agent has, and why not the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Offer {
    left_out: BTreeMap<&'static str, String>,
    /// What of the settings does nothing.
    pub(super) warnings: Vec<String>,
}

impl Offer {
    /// What `agent` has in `session`. `model` is the one that answers first; `byProvider` goes by
    /// it.
    pub(super) fn new(agent: &Agent, model: Option<&ModelRef>, session: &SessionKey) -> Self {
        let mut warnings = BTreeSet::new();
        let layers = layers(agent, model, session, &mut warnings);
        let why_not = |tool| layers.iter().find_map(|layer| layer.objection(tool));
        let mut left_out: BTreeMap<_, _> = NAMES
            .iter()
            .filter_map(|tool| Some((*tool, why_not(*tool)?)))
            .collect();
        if !agent.tools.exec.apply_patch {
            let switched_off = || "`tools.exec.applyPatch.enabled` is false".to_owned();
            left_out.entry("apply_patch").or_insert_with(switched_off);
        }
        Self {
            left_out,
            warnings: warnings.into_iter().collect(),
        }
    }

    /// Whether the agent has the tool, or why not, in words for the model.
    pub(super) fn check(&self, tool: &str) -> Result<(), String> {
        let Some(reason) = self.left_out.get(tool) else {
            return Ok(());
        };
        let there = |name: &&&str| !self.left_out.contains_key(**name);
        let others: Vec<&str> = NAMES.iter().filter(there).copied().collect();
        Err(format!(
            "{tool} is not among this agent's tools: {reason}. It has: {}",
            others.join(", ")
        ))
    }
}

struct Layer<'a> {
    /// Only these, where it says so.
    only: Option<Only<'a>>,
    /// None of these.
    deny: &'a [String],
    /// Who says `deny`, for the reason.
    denier: String,
}

struct Only<'a> {
    entries: Vec<&'a str>,
    /// What to say of a tool that is not among them.
    otherwise: String,
}

impl Layer<'_> {
    fn objection(&self, tool: &str) -> Option<String> {
        if let Some(entry) = self.deny.iter().find(|entry| covers(entry, tool)) {
            return Some(format!("{} names {entry}", self.denier));
        }
        let only = self.only.as_ref()?;
        let named = only.entries.iter().any(|entry| covers(entry, tool));
        (!named).then(|| only.otherwise.clone())
    }
}

fn layers<'a>(
    agent: &'a Agent,
    model: Option<&ModelRef>,
    session: &SessionKey,
    warnings: &mut BTreeSet<String>,
) -> Vec<Layer<'a>> {
    let own_key = format!("agents.list[{}].tools", agent.id);
    let global = ("tools".to_owned(), &agent.tools.global);
    let own = (own_key, &agent.tools.agent);
    let global_by = by_provider(&global, model);
    let own_by = by_provider(&own, model);

    let also = [&global.1.also_allow, &own.1.also_allow];
    let mut layers = Vec::new();
    layers.extend(profile([&own, &global], &also));
    let by = [own_by.as_ref(), global_by.as_ref()];
    let by = by
        .into_iter()
        .flatten()
        .find(|(_, rules)| rules.profile.is_some());
    layers.extend(by.and_then(|by| profile([by], &[&by.1.also_allow])));
    for (key, rules) in [Some(global), global_by, Some(own), own_by]
        .into_iter()
        .flatten()
    {
        layers.push(lists(&key, rules, warnings));
    }
    if session.as_str().contains(":subagent:") {
        layers.push(subagent());
    }
    layers
}

/// The layer of the first of `rules` that names a profile; none where every tool is meant.
fn profile<'a, 'r>(
    rules: impl IntoIterator<Item = &'r (String, &'a ToolRules)>,
    also: &[&'a Vec<String>],
) -> Option<Layer<'a>>
where
    'a: 'r,
{
    let mut named = rules.into_iter();
    let (key, profile) = named.find_map(|(key, rules)| Some((key, rules.profile?)))?;
    let tools = of_profile(profile)?;
    let also = also.iter().flat_map(|more| more.iter().map(String::as_str));
    Some(Layer {
        only: Some(Only {
            entries: tools.iter().copied().chain(also).collect(),
            otherwise: format!(
                "the profile {} (`{key}.profile`) does not have it; `{key}.alsoAllow` would add it",
                profile_name(profile)
            ),
        }),
        deny: &[],
        denier: String::new(),
    })
}

fn lists<'a>(key: &str, rules: &'a ToolRules, warnings: &mut BTreeSet<String>) -> Layer<'a> {
    let allow = rules.allow.as_deref().unwrap_or_default();
    let also = &rules.also_allow;
    for (list, entries) in [("allow", allow), ("alsoAllow", also), ("deny", &rules.deny)] {
        let unknown = entries.iter().filter(|entry| !is_known(entry));
        warnings.extend(
            unknown.map(|entry| format!("`{key}.{list}` names {entry:?}, which is no tool")),
        );
    }
    // A list of misspelt names would leave an agent with nothing at all.
    let means_something = allow.iter().any(|entry| is_known(entry));
    if !allow.is_empty() && !means_something {
        warnings.insert(format!(
            "`{key}.allow` names no tool there is, so it is ignored"
        ));
    }
    Layer {
        only: means_something.then(|| Only {
            entries: allow.iter().chain(also).map(String::as_str).collect(),
            otherwise: format!("`{key}.allow` does not name it"),
        }),
        deny: &rules.deny,
        denier: format!("`{key}.deny`"),
    }
}

fn subagent() -> Layer<'static> {
    Layer {
        only: Some(Only {
            entries: FOR_SUBAGENTS.to_vec(),
            otherwise: "a sub-agent does without it; its parent has it".to_owned(),
        }),
        deny: &[],
        denier: String::new(),
    }
}

/// The rules for the model (`openai/gpt-4o`), else those for its provider (`openai`).
fn by_provider<'a>(
    (key, rules): &(String, &'a ToolRules),
    model: Option<&ModelRef>,
) -> Option<(String, &'a ToolRules)> {
    let model = model?;
    let named = |wanted: &str| {
        let mut all = rules.by_provider.iter();
        all.find(|(name, _)| name.trim().eq_ignore_ascii_case(wanted))
    };
    let (name, rules) = named(&model.to_string()).or_else(|| named(&model.provider))?;
    Some((format!("{key}.byProvider[{name}]"), rules))
}

fn profile_name(profile: Profile) -> &'static str {
    match profile {
        Profile::Minimal => "minimal",
        Profile::Coding => "coding",
        Profile::Messaging => "messaging",
        Profile::Full => "full",
    }
}

#[cfg(test)]
mod tests;
