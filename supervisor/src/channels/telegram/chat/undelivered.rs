//! What can never be said: whoever runs the gateway is told that it was not, and why, and none of its
//! words.

use super::CHANNEL;
use super::desk::Desk;
use super::say::Unsaid;
use super::task::Mail;
use crate::audit::Event;

/// Why it never can be said, where that is so.
pub(super) fn never(said: Result<(), Unsaid>) -> Result<Option<String>, Unsaid> {
    match said {
        Ok(()) => Ok(None),
        Err(Unsaid::Closing) => Err(Unsaid::Closing),
        Err(Unsaid::Never(reason)) => Ok(Some(reason)),
        Err(Unsaid::Gone) => Ok(Some("the message it belongs to is gone".to_owned())),
        Err(Unsaid::TooLong) => Ok(Some("the server finds it too long".to_owned())),
    }
}

/// What is on disk has not the shape we know. What exactly is wrong with it is for the log alone: it
/// may quote what was to be said.
pub(super) fn unreadable(error: &serde_json::Error) -> Unsaid {
    tracing::warn!("what is to be said can not be read: {error}");
    Unsaid::Never("what was kept of it can not be read".to_owned())
}

impl Desk {
    /// Puts on record what can never be said. Its row is marked already, so nobody comes to this a
    /// second time.
    pub(super) fn can_not_deliver(&self, mail: &Mail, chat: Option<i64>, reason: &str) {
        let account = &self.bot.account.id;
        tracing::warn!(%account, chat, "this can not be said: {reason}");
        self.bot.board.undelivered(reason);
        self.bot.services.audit.record(Event::Undelivered {
            channel: CHANNEL.to_owned(),
            account: account.clone(),
            chat: chat.map_or_else(String::new, |chat| chat.to_string()),
            session: mail.session().cloned(),
            reason: reason.to_owned(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_next_gateway_says_is_not_given_up() {
        let why = |unsaid| never(Err(unsaid)).map(|reason| reason.is_some_and(|r| !r.is_empty()));
        assert_eq!(why(Unsaid::Closing), Err(Unsaid::Closing));
        for unsaid in [Unsaid::Never("no".into()), Unsaid::Gone, Unsaid::TooLong] {
            assert_eq!(why(unsaid), Ok(true));
        }
        assert_eq!(never(Ok(())), Ok(None));
    }

    #[test]
    fn what_can_not_be_read_is_not_quoted() {
        let error = serde_json::from_str::<u8>("\"the words\"").unwrap_err();
        assert!(error.to_string().contains("the words"));
        let Ok(Some(reason)) = never(Err(unreadable(&error))) else {
            panic!("given up");
        };
        assert!(!reason.contains("the words"), "{reason}");
    }
}
