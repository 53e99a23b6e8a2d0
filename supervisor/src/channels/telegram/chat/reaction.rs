//! Reactions: that a message was read, and what an answer says with one.

use super::desk::Desk;
use crate::channels::telegram::{Origin, Place};
use crate::config::{AckScope, ReactionLevel};
use std::sync::Arc;
use teloxide_core::payloads::SetMessageReaction;
use teloxide_core::types::{ChatId, MessageId, ReactionType};

impl Desk {
    /// Shows that a message was read, if that is wanted of such a one. Nobody waits for it, and
    /// setting it again changes nothing.
    pub(crate) fn acknowledge(
        self: &Arc<Self>,
        place: &Place,
        message: i32,
        group: bool,
        named: bool,
    ) {
        let Some(emoji) = self.bot.account.ack_reaction.clone() else {
            return;
        };
        let scope = self.bot.services.live.load().config.messages.ack_scope;
        if !is_wanted(scope, group, named) || self.bot.account.reaction_level == ReactionLevel::Off
        {
            return;
        }
        let (desk, place) = (Arc::clone(self), place.clone());
        self.spawn_until_closing(async move {
            desk.react(&place, message, Some(&emoji)).await;
        });
    }

    /// What an answer says besides words; and that it was read says nothing any more.
    pub(super) async fn reacts(&self, origin: &Origin, reaction: Option<&str>) {
        let removes = self.bot.services.live.load().config.messages.remove_ack
            && self.bot.account.ack_reaction.is_some();
        if origin.message > 0 && (reaction.is_some() || removes) {
            self.react(&origin.place, origin.message, reaction).await;
        }
    }

    /// Sets our reaction on a message, or with `None` takes it away. It is said once: what does not
    /// arrive is not worth another try.
    async fn react(&self, place: &Place, message: i32, emoji: Option<&str>) {
        let place = self.now_at(place);
        let mut asked = SetMessageReaction::new(ChatId(place.chat), MessageId(message));
        let reaction = emoji.map(|emoji| ReactionType::Emoji {
            emoji: emoji.to_owned(),
        });
        asked.reaction = Some(reaction.into_iter().collect());
        if let Ok(Err(error)) = self.unless_closing(self.bot.api.call(&asked)).await {
            tracing::debug!(chat = place.chat, message, "no reaction: {error}");
        }
    }
}

fn is_wanted(scope: AckScope, group: bool, named: bool) -> bool {
    match scope {
        AckScope::GroupMentions => group && named,
        AckScope::GroupAll => group,
        AckScope::Direct => !group,
        AckScope::All => true,
        AckScope::Off => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_say_which_messages_are_acknowledged() {
        let wanted = |scope| {
            [(false, true), (true, true), (true, false)]
                .map(|(group, named)| is_wanted(scope, group, named))
        };
        assert_eq!(wanted(AckScope::GroupMentions), [false, true, false]);
        assert_eq!(wanted(AckScope::GroupAll), [false, true, true]);
        assert_eq!(wanted(AckScope::Direct), [true, false, false]);
        assert_eq!(wanted(AckScope::All), [true; 3]);
        assert_eq!(wanted(AckScope::Off), [false; 3]);
    }
}
