//! Says an answer block by block: each as soon as it is finished, and never to be changed.

use super::super::blocks;
use super::super::desk::{Desk, lock};
use super::super::follow::Line;
use super::super::preview::Running;
use super::super::say::Unsaid;
use super::Live;
use crate::channels::telegram::Origin;
use std::time::Duration;
use tokio::time::Instant;

/// How often it is looked for a finished block.
const LOOK: Duration = Duration::from_millis(200);

impl Desk {
    /// When a block is to be said, or looked for: not with every word.
    pub(super) fn block_at(
        &self,
        live: &mut Live,
        running: &Running,
        now: Instant,
    ) -> Option<Instant> {
        let state = running.shown(None, now);
        if let Some((at, before)) = &live.looked_at {
            if before.is_same(&state) {
                return None;
            }
            if now < *at + LOOK {
                return Some(*at + LOOK);
            }
        }
        let found = self.block(live, running).map(|_| now);
        if found.is_none() {
            live.looked_at = Some((now, state));
        }
        found
    }

    /// The block that is finished, if one is.
    fn block(&self, live: &Live, running: &Running) -> Option<String> {
        if blocks::may_be_said(&running.text, &live.blocks) {
            return None;
        }
        let rest = blocks::rest(&running.text, &live.blocks);
        let end = blocks::finished(rest, running.works())?;
        Some(rest[..end].trim().to_owned()).filter(|block| !block.is_empty())
    }

    pub(super) async fn show_block(
        &self,
        live: &mut Live,
        line: &Line,
        prefix: &str,
        origin: &Origin,
    ) -> Result<(), Unsaid> {
        let block = {
            let preview = lock(&line.preview);
            let running = preview.running();
            running.and_then(|running| self.block(live, running))
        };
        let Some(block) = block else { return Ok(()) };
        let n = live.blocks.len();
        match self
            .say_block((&line.session, prefix), n, &block, origin)
            .await
        {
            Ok(()) => live.blocks.push(block),
            Err(Unsaid::Closing) => return Err(Unsaid::Closing),
            Err(Unsaid::Never(_) | Unsaid::Gone | Unsaid::TooLong) => live.done = true,
        }
        Ok(())
    }
}
