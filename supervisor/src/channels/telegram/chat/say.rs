//! One message, said exactly once: at the server's pace, again for as long as it takes, and never
//! twice where the server can tell that it arrived.

use super::CHANNEL;
use super::desk::Desk;
use super::doubt::{Search, Whose};
use super::letter::{Form, Letter};
use super::pacer::Pass;
use crate::channels::telegram::api::{ApiError, Kind};
use crate::channels::telegram::rates::Urgency;
use crate::channels::telegram::{Place, rates};
use crate::config::Retry;
use crate::store::{NewPost, Post};
use serde_json::Value;
use std::time::Duration;
use teloxide_core::payloads::{
    DeleteMessage, EditMessageReplyMarkup, EditMessageReplyMarkupSetters, SendMessage,
};
use teloxide_core::types::{ChatId, InlineKeyboardMarkup, MessageId};

/// Longest pause between two tries, whatever is configured: a person waits.
const LONGEST: Duration = Duration::from_secs(10);

/// How long is waited when the server does not know us any more, or somebody else takes our place:
/// whoever looks after the account ends us before.
const DOWN: Duration = Duration::from_secs(10);

/// Why something is not said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unsaid {
    /// The desk closes; the next one says it.
    Closing,
    /// It never can be, for this reason.
    Never(String),
    /// The message it was to be put into is not there, or may not be changed.
    Gone,
    /// It has to be said in several messages.
    TooLong,
}

/// How to go on after a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing was done, and the server says when to come back.
    Wait(Duration),
    /// Nothing was done; soon again.
    Again,
    /// It may have been done.
    Doubt,
    /// It is as it should be.
    Done,
    /// Without markup.
    Plain,
    /// Without a quote.
    Unquoted,
    /// The chat is another one now.
    Moved(i64),
    /// What was to be edited is not there, or not ours.
    Gone,
    /// It is too long for one message.
    TooLong,
    /// Never.
    Never(String),
    /// The account does not work.
    Down,
}

/// What a failure means for a message in this form.
pub(super) fn next(error: &ApiError, form: Form) -> Next {
    let refused = match error {
        ApiError::TooMany { after } => return Next::Wait(*after),
        ApiError::Conflict { .. } | ApiError::Unauthorized => return Next::Down,
        ApiError::Server { .. } | ApiError::Network { sent: true, .. } => return Next::Doubt,
        ApiError::Network { sent: false, .. } => return Next::Again,
        ApiError::Refused(refused) => refused,
    };
    let never = || Next::Never(refused.description.clone());
    match &refused.kind {
        Kind::NotModified => Next::Done,
        // An unknown word of refusal may be about the markup as well.
        Kind::CantParse | Kind::Other if form == Form::Html => Next::Plain,
        Kind::NoMessage | Kind::CantEdit => Next::Gone,
        Kind::NoReply => Next::Unquoted,
        Kind::TooLong => Next::TooLong,
        Kind::Migrated(chat) => Next::Moved(*chat),
        Kind::CantParse
        | Kind::Other
        | Kind::NoThread
        | Kind::Blocked
        | Kind::Empty
        | Kind::QueryTooOld
        | Kind::NoMethod => never(),
    }
}

/// The pause before try `n`, counted from 0.
pub(super) fn pause(retry: &Retry, n: u32, dice: f64) -> Duration {
    let doubled = retry.min.saturating_mul(1_u32 << n.min(16));
    let pause = doubled.min(retry.max).min(LONGEST);
    pause.mul_f64((1.0 + retry.jitter * (2.0 * dice - 1.0)).clamp(0.1, 2.0))
}

/// Tries of one message.
#[derive(Debug, Default)]
pub(super) struct Tries(u32);

impl Tries {
    /// How many there were.
    pub(super) fn count(&self) -> u32 {
        self.0
    }
}

impl Desk {
    /// Sends a new message that `key` names, unless it is there already; its number. `before` is
    /// what an earlier gateway wrote of it; `text` is kept for the next one.
    pub(super) async fn post(
        &self,
        key: &str,
        place: &Place,
        letter: Letter,
        before: Option<&Post>,
        text: Option<String>,
    ) -> Result<i32, Unsaid> {
        if let Some(message) = before.and_then(|post| post.message) {
            return Ok(number(message));
        }
        let mut doubt = before.map(|post| post.after);
        let (mut letter, mut form, mut tries) = (letter, Form::Html, Tries::default());
        loop {
            if let Some(after) = doubt.take() {
                let found = self.look_for(place, after, letter.keyboard()).await?;
                if let Some(message) = found {
                    self.arrived(key, place, message).await?;
                    return Ok(message);
                }
            }
            let place = self.now_at(place);
            let pass = self.may_say(place.chat).await?;
            let after = self.begin(key, &place, text.clone()).await?;
            let asked: SendMessage = letter.send(&place, form);
            let sent = self.bot.api.call(&asked).await;
            drop(pass);
            let failed = match sent.map(|sent| message_of(&sent)) {
                Ok(Some(message)) => {
                    self.arrived(key, &place, message).await?;
                    return Ok(message);
                }
                // Sent, and nobody knows as which.
                Ok(None) => Next::Doubt,
                Err(error) => self.failed(&place, &error, form),
            };
            match failed {
                Next::Doubt => {
                    self.wait(&mut tries).await?;
                    doubt = Some(after);
                }
                Next::Plain => form = Form::Plain,
                Next::Unquoted => letter.quote = None,
                next @ (Next::Wait(_)
                | Next::Again
                | Next::Done
                | Next::Moved(_)
                | Next::Gone
                | Next::TooLong
                | Next::Never(_)
                | Next::Down) => self.go_on(next, key, &mut tries).await?,
            }
        }
    }

    /// Puts a letter into a message of ours. Said again it changes nothing, so nothing is in doubt.
    pub(super) async fn edit(
        &self,
        place: &Place,
        message: i32,
        letter: &Letter,
    ) -> Result<(), Unsaid> {
        let (mut form, mut tries) = (Form::Html, Tries::default());
        loop {
            let place = self.now_at(place);
            let pass = self.may_say(place.chat).await?;
            let asked = letter.edit(place.chat, message, form);
            let edited = self.bot.api.call(&asked).await;
            drop(pass);
            let failed = match edited {
                Ok(_) => return Ok(()),
                Err(error) => self.failed(&place, &error, form),
            };
            match failed {
                Next::Done => return Ok(()),
                Next::Plain => form = Form::Plain,
                Next::Gone => return Err(Unsaid::Gone),
                Next::Doubt => self.wait(&mut tries).await?,
                // The new chat has none of the old one's messages.
                Next::Moved(chat) => {
                    self.moved(place.chat, chat);
                    return Err(Unsaid::Gone);
                }
                next @ (Next::Wait(_)
                | Next::Again
                | Next::Unquoted
                | Next::TooLong
                | Next::Never(_)
                | Next::Down) => self.go_on(next, "", &mut tries).await?,
            }
        }
    }

    /// Takes a message of ours away. One that is gone already, or stays for ever, is as good.
    pub(super) async fn delete(&self, place: &Place, message: i32) -> Result<(), Unsaid> {
        let mut tries = Tries::default();
        loop {
            let place = self.now_at(place);
            let asked = DeleteMessage::new(ChatId(place.chat), MessageId(message));
            let Err(error) = self.unless_closing(self.bot.api.call(&asked)).await? else {
                return Ok(());
            };
            match self.failed(&place, &error, Form::Plain) {
                Next::Wait(after) => self.sleep(after).await?,
                Next::Again | Next::Doubt | Next::Down => self.wait(&mut tries).await?,
                Next::Done
                | Next::Plain
                | Next::Unquoted
                | Next::Moved(_)
                | Next::Gone
                | Next::TooLong
                | Next::Never(_) => return Ok(()),
            }
        }
    }

    /// Waits until something whole may be said in a chat.
    pub(super) async fn may_say(&self, chat: i64) -> Result<Pass, Unsaid> {
        self.unless_closing(self.pacer.permit(chat, Urgency::Whole))
            .await
    }

    /// What every message does alike after a failure.
    pub(super) async fn go_on(
        &self,
        next: Next,
        key: &str,
        tries: &mut Tries,
    ) -> Result<(), Unsaid> {
        match next {
            Next::Wait(after) => {
                // Nothing was sent: the next gateway, if it comes before, need not look for it.
                self.forget(key).await?;
                self.sleep(after).await
            }
            Next::Down => self.sleep(DOWN).await,
            Next::Never(reason) => Err(Unsaid::Never(reason)),
            Next::Gone => Err(Unsaid::Gone),
            Next::TooLong => Err(Unsaid::TooLong),
            Next::Moved(_) | Next::Done | Next::Plain | Next::Unquoted => Ok(()),
            Next::Again | Next::Doubt => self.wait(tries).await,
        }
    }

    /// What a failure means; what it says about the chat is taken to heart.
    pub(super) fn failed(&self, place: &Place, error: &ApiError, form: Form) -> Next {
        if error.kind().is_none() {
            self.bot.board.missed(&error.to_string());
        }
        let next = next(error, form);
        match &next {
            Next::Wait(after) => self.pacer.hold(place.chat, *after),
            Next::Moved(chat) => self.moved(place.chat, *chat),
            Next::Again
            | Next::Doubt
            | Next::Done
            | Next::Plain
            | Next::Unquoted
            | Next::Gone
            | Next::TooLong
            | Next::Never(_)
            | Next::Down => {}
        }
        next
    }

    /// Looks for a message whose sending was cut off; its number, if it is there.
    pub(super) async fn look_for(
        &self,
        place: &Place,
        after: i64,
        keyboard: Option<InlineKeyboardMarkup>,
    ) -> Result<Option<i32>, Unsaid> {
        let place = self.now_at(place);
        let known = self
            .stored(|store| {
                let (account, chat) = (place.account.clone(), place.chat);
                async move { store.known_messages(CHANNEL, &account, chat, after).await }
            })
            .await?;
        let mut search = Search::new(after, known);
        while let Some(candidate) = search.candidate() {
            let message = number(candidate);
            let whose = self.whose(&place, message, keyboard.as_ref()).await?;
            if search.heard(whose) {
                tracing::info!(chat = place.chat, message, "what was cut off had arrived");
                return Ok(Some(message));
            }
        }
        Ok(None)
    }

    async fn whose(
        &self,
        place: &Place,
        message: i32,
        keyboard: Option<&InlineKeyboardMarkup>,
    ) -> Result<Whose, Unsaid> {
        let mut asked = EditMessageReplyMarkup::new(ChatId(place.chat), MessageId(message));
        if let Some(keyboard) = keyboard {
            asked = asked.reply_markup(keyboard.clone());
        }
        let mut tries = Tries::default();
        loop {
            let pass = self.may_say(rates::NOWHERE).await?;
            let answered = self.unless_closing(self.bot.api.call(&asked)).await?;
            drop(pass);
            let Err(error) = answered else {
                return Ok(Whose::Ours);
            };
            match (self.failed(place, &error, Form::Plain), error.kind()) {
                (Next::Done, _) => return Ok(Whose::Ours),
                (Next::Gone, Some(Kind::NoMessage)) => return Ok(Whose::Nobodys),
                (Next::Wait(after), _) => self.sleep(after).await?,
                (Next::Again | Next::Doubt, _) => self.wait(&mut tries).await?,
                (Next::Down, _) => self.sleep(DOWN).await?,
                // Where we may not look any more, nothing of ours can be found, nor sent.
                (Next::Never(_) | Next::Moved(_), _) => return Ok(Whose::Nobodys),
                (Next::Gone | Next::Plain | Next::Unquoted | Next::TooLong, _) => {
                    return Ok(Whose::Theirs);
                }
            }
        }
    }

    /// Writes down that a message is about to be sent; the newest number known before it.
    pub(super) async fn begin(
        &self,
        key: &str,
        place: &Place,
        text: Option<String>,
    ) -> Result<i64, Unsaid> {
        let after = self.newest(place.chat).await?;
        let post = NewPost {
            key: key.to_owned(),
            channel: CHANNEL.to_owned(),
            target: serde_json::to_value(place).unwrap_or_default(),
            after,
            text,
        };
        self.stored(|store| {
            let post = post.clone();
            async move { store.begin_post(post).await }
        })
        .await?;
        Ok(after)
    }

    /// Writes down that a message arrived.
    pub(super) async fn arrived(
        &self,
        key: &str,
        place: &Place,
        message: i32,
    ) -> Result<(), Unsaid> {
        self.saw(place.chat, message);
        self.stored(|store| {
            let key = key.to_owned();
            async move { store.post_arrived(&key, i64::from(message)).await }
        })
        .await
    }

    /// A post is not there any more.
    pub(super) async fn forget(&self, key: &str) -> Result<(), Unsaid> {
        if key.is_empty() {
            return Ok(());
        }
        self.stored(|store| {
            let key = key.to_owned();
            async move { store.forget_posts(&key).await }
        })
        .await
    }

    /// Waits before the next try.
    pub(super) async fn wait(&self, tries: &mut Tries) -> Result<(), Unsaid> {
        let pause = pause(&self.bot.account.retry, tries.0, dice());
        tries.0 += 1;
        self.sleep(pause).await
    }

    /// Waits, unless the desk closes.
    pub(super) async fn sleep(&self, time: Duration) -> Result<(), Unsaid> {
        self.unless_closing(tokio::time::sleep(time)).await
    }
}

/// Something between 0 and 1 that is another each time.
fn dice() -> f64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    f64::from(now.map_or(0, |now| now.subsec_nanos()) % 1_000) / 1_000.0
}

/// The number of a sent message.
pub(super) fn message_of(sent: &Value) -> Option<i32> {
    sent.get("message_id").and_then(Value::as_i64).map(number)
}

/// Telegram counts messages with 31 bits.
pub(super) fn number(message: i64) -> i32 {
    i32::try_from(message).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channels::telegram::api::Refused;

    fn refused(kind: Kind) -> ApiError {
        ApiError::Refused(Refused {
            code: 400,
            description: "Bad Request: no".to_owned(),
            kind,
        })
    }

    #[test]
    fn every_failure_has_a_way_on() {
        let html = |error: &ApiError| next(error, Form::Html);
        let never = Next::Never("Bad Request: no".to_owned());
        let after = Duration::from_secs(3);
        assert_eq!(html(&ApiError::TooMany { after }), Next::Wait(after));
        assert_eq!(html(&ApiError::Server { status: 502 }), Next::Doubt);
        assert_eq!(html(&ApiError::in_doubt(String::new())), Next::Doubt);
        assert_eq!(html(&ApiError::unsent(String::new())), Next::Again);
        assert_eq!(html(&ApiError::Unauthorized), Next::Down);
        assert_eq!(html(&refused(Kind::NotModified)), Next::Done);
        assert_eq!(html(&refused(Kind::CantParse)), Next::Plain);
        assert_eq!(html(&refused(Kind::Migrated(-100))), Next::Moved(-100));
        assert_eq!(html(&refused(Kind::Blocked)), never);
        assert_eq!(next(&refused(Kind::CantParse), Form::Plain), never);
    }

    #[test]
    fn pauses_grow_to_an_end() {
        let retry = Retry::default();
        let pauses: Vec<_> = (0..40).map(|n| pause(&retry, n, 0.5)).collect();
        assert_eq!(pauses[0], Duration::from_millis(400));
        assert!(pauses.windows(2).all(|two| two[0] <= two[1]));
        assert_eq!(pauses[39], LONGEST);
    }
}
