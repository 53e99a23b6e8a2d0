//! Who may speak to an account, and where.

use super::super::super::agent::Agent;
use super::super::super::telegram::{GroupRules, TopicRules};
use super::super::super::view::View;
use super::super::Builder;
use super::words;
use std::collections::BTreeMap;

impl Builder<'_> {
    pub(super) fn groups(
        &mut self,
        view: &View<'_>,
        agents: &[Agent],
    ) -> BTreeMap<String, GroupRules> {
        let mut groups = BTreeMap::new();
        for (name, entry) in view.entries() {
            let id = bare(name);
            if id != "*" && !is_number(id) {
                let message = "expected a chat's numeric id, such as -1001234567890, or * as its key; it matches nothing";
                self.findings.warn(entry.at(), &entry.key, message);
            }
            let here = self.place(&entry, agents);
            let topics = entry.get("topics");
            let topics = topics.entries().into_iter();
            let rules = GroupRules {
                topics: topics
                    .map(|(topic, entry)| (topic.trim().to_owned(), self.place(&entry, agents)))
                    .collect(),
                enabled: here.enabled,
                require_mention: here.require_mention,
                allow_from: here.allow_from,
                group_policy: here.group_policy,
                system_prompt: here.system_prompt,
                agent: here.agent,
            };
            groups.insert(id.to_owned(), rules);
        }
        groups
    }

    fn place(&mut self, view: &View<'_>, agents: &[Agent]) -> TopicRules {
        let prompt = view.get("systemPrompt").text().map(str::to_owned);
        TopicRules {
            enabled: view.get("enabled").flag().unwrap_or(true),
            require_mention: view.get("requireMention").flag(),
            allow_from: self.users(&view.get("allowFrom")),
            group_policy: view.get("groupPolicy").one_of(words::GROUP_POLICY),
            system_prompt: prompt.filter(|prompt| !prompt.trim().is_empty()),
            agent: self.known_agent(&view.get("agentId"), agents),
        }
    }

    /// User ids as Telegram has them; what can not be one is told and left out.
    pub(super) fn users(&mut self, view: &View<'_>) -> Option<Vec<String>> {
        let mut ids = Vec::new();
        for item in view.items() {
            let Some(text) = item.as_text() else { continue };
            let id = bare(&text);
            if id == "*" || is_user(id) {
                ids.push(id.to_owned());
                continue;
            }
            let why = if is_number(id) {
                "a group's id, where people are listed; groups are listed in groups"
            } else {
                "no numeric user id, which is what Telegram knows people by; /whoami tells one's own"
            };
            let message = format!("{text:?} is {why}; it is left out");
            self.findings.warn(item.at(), &item.key, message);
        }
        view.is_said().then_some(ids)
    }

    /// What `commands.ownerAllowFrom` says of Telegram.
    pub(super) fn owners(&mut self, view: &View<'_>) -> Vec<String> {
        let texts = view.items().into_iter().filter_map(|item| item.as_text());
        let ids: Vec<_> = texts.map(|text| bare(&text).to_owned()).collect();
        if ids.iter().any(|id| id == "*") {
            let message = "an owner is named by id; \"*\" is left out";
            self.findings.warn(view.at(), &view.key, message);
        }
        ids.into_iter().filter(|id| is_user(id)).collect()
    }
}

/// An id without `telegram:` or `tg:` in front.
pub(in super::super) fn bare(text: &str) -> &str {
    let text = text.trim();
    let prefix = ["telegram:", "tg:"].into_iter().find(|prefix| {
        text.get(..prefix.len())
            .is_some_and(|front| front.eq_ignore_ascii_case(prefix))
    });
    prefix.map_or(text, |prefix| text[prefix.len()..].trim())
}

pub(super) fn is_user(id: &str) -> bool {
    (1..=19).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_number(id: &str) -> bool {
    is_user(id.strip_prefix('-').unwrap_or(id))
}
