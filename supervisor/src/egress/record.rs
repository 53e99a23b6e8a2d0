//! Denials, as they are counted, put on record and told.

use super::counts::{Counts, hold};
use super::policy::Denial;
use crate::audit::{Audit, Event};
use ipc::id::SessionKey;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A destination that is tried again and again is put on record once in this time.
const ONCE_IN: Duration = Duration::from_secs(60);
/// Different destinations put on record in that time; the rest is only counted.
const MAX_RECENT: usize = 64;

/// Where a session's denials go.
#[derive(Debug)]
pub(super) struct Record {
    counts: Arc<Counts>,
    audit: Audit,
    session: SessionKey,
    recent: Mutex<Recent>,
}

#[derive(Debug)]
struct Recent {
    since: Instant,
    seen: BTreeSet<(String, u16)>,
}

impl Record {
    pub(super) fn new(counts: Arc<Counts>, audit: Audit, session: SessionKey) -> Self {
        let recent = Recent {
            since: Instant::now(),
            seen: BTreeSet::new(),
        };
        Self {
            counts,
            audit,
            session,
            recent: Mutex::new(recent),
        }
    }

    /// Counts a denial, and puts it on record unless it was a moment ago.
    pub(super) fn deny(&self, denial: &Denial) {
        self.counts.deny(denial);
        if !hold(&self.recent).is_news(denial) {
            return;
        }
        tracing::info!(session = %self.session, port = denial.port, "{denial}");
        self.audit.record(Event::Egress {
            session: self.session.clone(),
            host: denial.host.clone(),
            port: denial.port,
            reason: denial.reason.clone(),
        });
    }
}

impl Recent {
    fn is_news(&mut self, denial: &Denial) -> bool {
        if self.since.elapsed() > ONCE_IN {
            self.since = Instant::now();
            self.seen.clear();
        }
        self.seen.len() < MAX_RECENT && self.seen.insert((denial.host.clone(), denial.port))
    }
}
