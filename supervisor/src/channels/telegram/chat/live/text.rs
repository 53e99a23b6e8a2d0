//! Shows the text of an answer, or the list of what is done, as far as there is more of it than was
//! shown.

use super::super::deliver::{LIST, TEXT, live_prefix};
use super::super::desk::{Desk, lock};
use super::super::follow::Line;
use super::super::pacer::Pass;
use super::super::preview::Way;
use super::super::say::{Next, Unsaid};
use super::super::task::Chat;
use super::Live;
use crate::channels::telegram::Place;
use crate::channels::telegram::rates::Urgency;
use crate::config::Streaming;
use std::time::Duration;
use tokio::time::Instant;

/// The pause after something could not be shown.
const PAUSE: Duration = Duration::from_secs(2);

impl Desk {
    pub(super) async fn show_text(
        &self,
        live: &mut Live,
        line: &Line,
        chat: &Chat,
    ) -> Result<(), Unsaid> {
        let now = Instant::now();
        let Some((origin, turn, way)) = ({
            let preview = lock(&line.preview);
            let running = preview.running();
            let running = running.filter(|running| running.nth == live.nth && !live.done);
            let due = running.filter(|running| {
                self.grows_at(live, running, now)
                    .is_some_and(|due| due <= now)
            });
            due.map(|running| (running.origin.clone(), running.turn, self.way(running)))
        }) else {
            return Ok(());
        };
        let prefix = live_prefix(&line.session, turn);
        if !live.looked {
            self.all_is_read(chat).await?;
            if chat.has_mail() {
                return Ok(());
            }
            self.take_over(live, (&line.session, &prefix), &origin)
                .await?;
            live.looked = true;
            return Ok(());
        }
        if self.bot.account.streaming == Streaming::Block {
            return self.show_block(live, line, &prefix, &origin).await;
        }
        if !self.has_news(live, line, way) {
            return Ok(());
        }
        let key = format!(
            "{prefix}{}",
            if matches!(way, Way::List { .. }) {
                LIST
            } else {
                TEXT
            }
        );
        self.settle(live, (line, way), &origin.place, &key).await?;
        let pass = match way {
            // No message: nobody counts it.
            Way::Draft => None,
            Way::Message { .. } | Way::List { .. } => {
                let pass = self.may_show(&origin.place, chat).await?;
                if pass.is_none() {
                    return Ok(());
                }
                pass
            }
        };
        // What was said meanwhile is shown as well.
        let Some((letter, shown)) = self.look(live, line, way) else {
            return Ok(());
        };
        let place = self.now_at(&origin.place);
        let said = match (way, live.message) {
            (Way::Draft, _) => match self.draft(live, &place, turn, &letter).await {
                Some(next) => next,
                None => return Ok(()),
            },
            (_, Some(message)) => self.grow(live, &place, message, &letter, pass).await,
            (_, None) => self.first(live, &place, &key, &letter, pass).await?,
        };
        match said {
            Next::Done => {
                live.shown = Some(shown);
                live.letter = Some(letter);
            }
            Next::Plain if !live.plain => live.plain = true,
            Next::Gone | Next::Never(_) | Next::TooLong => live.done = true,
            Next::Again
            | Next::Doubt
            | Next::Down
            | Next::Wait(_)
            | Next::Moved(_)
            | Next::Plain
            | Next::Unquoted => live.not_before = Some(Instant::now() + PAUSE),
        }
        Ok(())
    }

    /// Waits for its time; not any more once there is mail.
    async fn may_show(&self, place: &Place, chat: &Chat) -> Result<Option<Pass>, Unsaid> {
        let permit = self.pacer.permit(self.now_at(place).chat, Urgency::Live);
        let granted = async {
            tokio::select! {
                biased;
                () = chat.mail_comes() => None,
                pass = permit => Some(pass),
            }
        };
        self.unless_closing(granted).await
    }
}
