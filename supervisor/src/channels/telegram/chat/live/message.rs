//! The message that grows: it is sent once, and edited from then on. When nobody knows whether it
//! arrived, or an earlier gateway sent it, it is looked for first.

use super::super::deliver::{BLOCK, LIST, TEXT};
use super::super::desk::Desk;
use super::super::follow::Line;
use super::super::letter::Letter;
use super::super::pacer::Pass;
use super::super::preview::Way;
use super::super::say::{Next, Unsaid, message_of};
use super::Live;
use crate::channels::telegram::{Origin, Place};
use crate::store::Post;
use ipc::id::SessionKey;

impl Desk {
    /// Finds what an earlier gateway showed of this turn.
    pub(super) async fn take_over(
        &self,
        live: &mut Live,
        (session, prefix): (&SessionKey, &str),
        origin: &Origin,
    ) -> Result<(), Unsaid> {
        let posts = self.posts(prefix).await?;
        let is_grown = |post: &&Post| post.key.ends_with(TEXT) || post.key.ends_with(LIST);
        if let Some(post) = posts.iter().find(is_grown) {
            live.message = self.find(&origin.place, post).await?;
            match live.message {
                Some(message) => self.arrived(&post.key, &origin.place, message).await?,
                None => self.forget(&post.key).await?,
            }
        }
        if posts.iter().any(|post| post.key.contains(BLOCK)) {
            live.blocks = self
                .finish_blocks(&posts, (session, prefix), origin)
                .await?;
        }
        Ok(())
    }

    /// Finds the message that was sent, and of which nobody heard whether it arrived.
    pub(super) async fn settle(
        &self,
        live: &mut Live,
        (line, way): (&Line, Way),
        place: &Place,
        key: &str,
    ) -> Result<(), Unsaid> {
        let Some(after) = live.doubt else {
            return Ok(());
        };
        let Some((letter, _)) = self.look(live, line, way) else {
            return Ok(());
        };
        live.doubt = None;
        live.message = self.look_for(place, after, letter.keyboard()).await?;
        match live.message {
            Some(message) => self.arrived(key, &self.now_at(place), message).await,
            None => self.forget(key).await,
        }
    }

    /// The message that will grow.
    pub(super) async fn first(
        &self,
        live: &mut Live,
        place: &Place,
        key: &str,
        letter: &Letter,
        pass: Option<Pass>,
    ) -> Result<Next, Unsaid> {
        let after = self.begin(key, place, None).await?;
        let form = live.form();
        let sent = self.bot.api.call(&letter.send(place, form)).await;
        drop(pass);
        let next = match sent {
            Ok(sent) => match message_of(&sent) {
                Some(message) => {
                    live.message = Some(message);
                    self.arrived(key, place, message).await?;
                    return Ok(Next::Done);
                }
                None => Next::Doubt,
            },
            Err(error) => self.failed(place, &error, form),
        };
        if next == Next::Doubt {
            live.doubt = Some(after);
        } else {
            // It is not there: nobody need look for it.
            self.forget(key).await?;
        }
        Ok(next)
    }

    pub(super) async fn grow(
        &self,
        live: &Live,
        place: &Place,
        message: i32,
        letter: &Letter,
        pass: Option<Pass>,
    ) -> Next {
        let form = live.form();
        let asked = letter.edit(place.chat, message, form);
        let edited = self.bot.api.call(&asked).await;
        drop(pass);
        match edited {
            Ok(_) => Next::Done,
            Err(error) => self.failed(place, &error, form),
        }
    }
}
