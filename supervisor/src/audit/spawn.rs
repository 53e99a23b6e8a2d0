//! Putting children on record.

use super::{Audit, Event};
use ipc::id::SessionKey;

/// Puts children on record: whoever starts one must have this.
#[derive(Debug, Clone)]
pub struct SpawnRecord {
    pub(super) audit: Audit,
    pub(super) session: Option<SessionKey>,
    pub(super) profile: String,
    pub(super) level: Option<u8>,
}

impl SpawnRecord {
    /// The same with the walls' level as it is now.
    #[must_use]
    pub fn at_level(mut self, level: Option<u8>) -> Self {
        self.level = level;
        self
    }

    /// A child came to be.
    pub fn spawned(&self, role: &str, title: &str, pid: i32) {
        self.audit.record(Event::Spawn {
            session: self.session.clone(),
            role: role.to_owned(),
            title: title.to_owned(),
            pid,
            level: self.level,
            profile: self.profile.clone(),
        });
    }

    /// A child could not be made.
    pub fn failed(&self, role: &str, reason: &str) {
        self.audit.record(Event::NotSpawned {
            session: self.session.clone(),
            role: role.to_owned(),
            reason: reason.to_owned(),
        });
    }
}
