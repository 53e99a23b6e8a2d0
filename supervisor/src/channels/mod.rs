//! The outside speaking: who writes to the gateway from where, and how they are answered.
//!
//! A channel keeps three promises. What its server told us is on disk before the server hears that
//! we have it; what is to be said is on disk before it is said, and marked once it was; and whoever
//! may not speak reaches no session. Never opens a session's workspace by path, and runs nothing.

pub(crate) mod telegram;

use crate::broker::Services;
use crate::router::Router;
use ipc::control::ChannelStatus;
use std::fmt;
use std::sync::Arc;

/// All channels of the gateway.
pub struct Channels {
    services: Arc<Services>,
    router: Arc<Router>,
    /// Ends this gateway, so that a new one begins.
    again: Box<dyn Fn() + Send + Sync>,
}

impl Channels {
    /// None runs until [`Self::renew`]. `again` is what `/restart` does.
    #[must_use]
    pub fn new(
        services: Arc<Services>,
        router: Arc<Router>,
        again: Box<dyn Fn() + Send + Sync>,
    ) -> Self {
        Self {
            services,
            router,
            again,
        }
    }

    /// Makes what runs agree with the configuration in force: accounts that are new begin, those
    /// that are gone end, those that changed do both.
    pub async fn renew(&self) {}

    /// How each account is; with `probe`, after asking its server now.
    pub async fn status(&self, _probe: bool) -> Vec<ChannelStatus> {
        Vec::new()
    }

    /// Ends all of them. What was not sent is on disk.
    pub async fn drain(&self) {}
}

impl fmt::Debug for Channels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channels").finish_non_exhaustive()
    }
}
