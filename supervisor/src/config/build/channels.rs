//! `messages` less its queue, `bindings`, and `tools.media.audio`.

use super::super::agent::Agent;
use super::super::mention::MentionPattern;
use super::super::messages::{
    AckScope, Audio, AudioModel, Binding, BoundAccount, BoundPeer, Messages, PeerKind,
};
use super::super::view::{View, put};
use super::{Builder, agent_id};
use ipc::id::AgentId;

impl Builder<'_> {
    /// `messages`.
    pub(super) fn messages(&mut self, root: &View<'_>) -> Messages {
        let view = root.get("messages");
        let mut messages = Messages::default();
        put(
            &mut messages.response_prefix,
            text(&view.get("responsePrefix")),
        );
        put(&mut messages.ack_reaction, text(&view.get("ackReaction")));
        let scope = view.get("ackReactionScope").one_of(&[
            ("group-mentions", AckScope::GroupMentions),
            ("group-all", AckScope::GroupAll),
            ("direct", AckScope::Direct),
            ("all", AckScope::All),
            ("off", AckScope::Off),
        ]);
        put(&mut messages.ack_scope, scope);
        put(
            &mut messages.remove_ack,
            view.get("removeAckAfterReply").flag(),
        );
        let group = view.get("groupChat");
        put(
            &mut messages.history_limit,
            group.get("historyLimit").count(),
        );
        put(&mut messages.mention_patterns, self.patterns(&group));
        put(
            &mut messages.debounce,
            view.get("inbound.debounceMs").millis(),
        );
        messages
    }

    /// `mentionPatterns` of a section `groupChat`; `None` where nothing is said.
    pub(super) fn patterns(&mut self, group: &View<'_>) -> Option<Vec<MentionPattern>> {
        let list = group.get("mentionPatterns");
        let mut found = Vec::new();
        for item in list.items() {
            let Some(written) = item.text() else { continue };
            match MentionPattern::new(written) {
                Ok(pattern) => found.push(pattern),
                Err(reason) => {
                    let message =
                        format!("expected a regular expression, found {written:?}: {reason}");
                    self.findings.error(item.at(), &item.key, message);
                }
            }
        }
        list.is_said().then_some(found)
    }

    /// `bindings`.
    pub(super) fn bindings(&mut self, root: &View<'_>, agents: &[Agent]) -> Vec<Binding> {
        let mut found = Vec::new();
        for entry in root.get("bindings").items() {
            if entry.get("type").text() == Some("acp") {
                continue;
            }
            let agent = entry.get("agentId");
            let channel = entry.get("match.channel");
            for (view, name) in [(&agent, "agentId"), (&channel, "match.channel")] {
                if !view.is_said() {
                    self.findings
                        .error(entry.at(), &entry.key, format!("needs {name}"));
                }
            }
            let (agent, peer) = (self.known_agent(&agent, agents), self.peer(&entry));
            if let (Some(agent), Some(channel), Ok(peer)) = (agent, channel.text(), peer) {
                found.push(Binding {
                    agent,
                    channel: channel.trim().to_ascii_lowercase(),
                    account: account(&entry.get("match.accountId")),
                    peer,
                });
            }
        }
        found
    }

    /// The agent of an id; one that is not there is told.
    pub(super) fn known_agent(&mut self, view: &View<'_>, agents: &[Agent]) -> Option<AgentId> {
        let written = view.text()?;
        let id = agent_id(written).filter(|id| agents.iter().any(|agent| agent.id == *id));
        if id.is_none() {
            let ids: Vec<_> = agents.iter().map(|agent| agent.id.as_str()).collect();
            let message = format!(
                "expected an agent, one of {}, found {written:?}",
                ids.join(", ")
            );
            self.findings.error(view.at(), &view.key, message);
        }
        id
    }

    /// `match.peer`, told where it is half said.
    fn peer(&mut self, entry: &View<'_>) -> Result<Option<BoundPeer>, ()> {
        let view = entry.get("match.peer");
        if !view.is_said() {
            return Ok(None);
        }
        let kind = view.get("kind").one_of(&[
            ("direct", PeerKind::Direct),
            ("dm", PeerKind::Direct),
            ("group", PeerKind::Group),
            ("channel", PeerKind::Channel),
        ]);
        let id = view.get("id").as_text();
        let id = id
            .map(|id| super::telegram::bare(&id).to_owned())
            .filter(|id| !id.is_empty());
        match (kind, id) {
            (Some(kind), Some(id)) => Ok(Some(BoundPeer { kind, id })),
            (None, _) | (_, None) => {
                self.findings
                    .error(view.at(), &view.key, "expected kind and id");
                Err(())
            }
        }
    }

    /// `tools.media.audio`.
    pub(super) fn audio(&mut self, root: &View<'_>) -> Audio {
        let view = root.get("tools.media.audio");
        let mut audio = Audio::default();
        put(&mut audio.enabled, view.get("enabled").flag());
        put(&mut audio.max_bytes, view.get("maxBytes").bytes());
        put(&mut audio.language, text(&view.get("language")));
        put(&mut audio.timeout, view.get("timeoutSeconds").seconds());
        for entry in view.get("models").items() {
            if entry.get("type").text() == Some("cli") {
                continue;
            }
            let provider = entry.get("provider").text().map(str::trim);
            match provider.filter(|provider| !provider.is_empty()) {
                Some(provider) => audio.models.push(AudioModel {
                    provider: provider.to_ascii_lowercase(),
                    model: text(&entry.get("model")).flatten(),
                }),
                None => self
                    .findings
                    .error(entry.at(), &entry.key, "needs provider"),
            }
        }
        audio
    }
}

/// A text that is said; an empty one says there is none.
fn text(view: &View<'_>) -> Option<Option<String>> {
    let text = view.text()?;
    Some((!text.trim().is_empty()).then(|| text.to_owned()))
}

fn account(view: &View<'_>) -> BoundAccount {
    match view.text().map(str::trim) {
        None | Some("") => BoundAccount::Default,
        Some("*") => BoundAccount::Any,
        Some(id) => BoundAccount::Named(id.to_ascii_lowercase()),
    }
}
