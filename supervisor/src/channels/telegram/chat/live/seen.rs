//! What is to be seen of an answer now, and whether it is anything new.

use super::super::desk::{Desk, lock};
use super::super::follow::Line;
use super::super::letter::{Letter, may_tap};
use super::super::preview::{Running, Shown, Way};
use super::super::quote::quoted;
use super::super::words;
use super::Live;
use crate::channels::telegram::outgoing::{self, Quote};
use crate::message::Button;
use tokio::time::Instant;

impl Desk {
    /// Whether what is to be seen now differs from what is. A look that does not costs nothing.
    pub(super) fn has_news(&self, live: &mut Live, line: &Line, way: Way) -> bool {
        let Some((letter, shown)) = self.look(live, line, way) else {
            return false;
        };
        // A draft fades, so it is shown again although nothing changed.
        let fades = live.drafting
            && live
                .shown
                .as_ref()
                .is_some_and(|before| before.is_same(&shown));
        let same = live.letter.as_ref() == Some(&letter) && !fades;
        if same {
            live.shown = Some(shown);
        }
        !same
    }

    /// What is to be seen now.
    pub(super) fn look(&self, live: &Live, line: &Line, way: Way) -> Option<(Letter, Shown)> {
        let now = Instant::now();
        let preview = lock(&line.preview);
        let running = preview.running()?;
        let running = Some(running).filter(|running| running.nth == live.nth)?;
        let mut seen = match way {
            Way::List { .. } => words::list(running),
            Way::Message { .. } | Way::Draft => {
                let prefix = self.prefix().unwrap_or_default();
                words::so_far(running, &prefix, self.bot.account.text_limit, now)
            }
        };
        if seen.plain.is_empty() && way != Way::Draft {
            live.shown.as_ref()?;
            seen = words::nothing_yet();
        }
        // What is there quotes what it quotes.
        let quote = match live.message {
            None if way != Way::Draft => self.quotes(running),
            None | Some(_) => None,
        };
        let mut letter = self.letter(seen, quote);
        if may_tap(self.bot.account.inline_buttons, running.origin.place.chat) && way != Way::Draft
        {
            letter.buttons = vec![vec![Button {
                label: "⏹ Stop".to_owned(),
                command: "/stop".to_owned(),
            }]];
        }
        Some((letter, running.shown(live.shown.as_ref(), now)))
    }

    /// What an answer quotes, as far as it says so yet.
    fn quotes(&self, running: &Running) -> Option<i32> {
        let said = match running.text.contains("[[reply_to") {
            true => outgoing::compose(&running.text, &self.limits()).quote,
            false => Quote::Default,
        };
        quoted(self.bot.account.reply_mode, said, &running.origin, 0)
    }
}
