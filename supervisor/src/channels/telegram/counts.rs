//! What a bot counts since the gateway started. Numbers only: whose messages they were is nobody's
//! business here.

use super::api::{ApiError, Kind};
use std::array;
use std::sync::atomic::{AtomicU64, Ordering};

/// Why a request had no result, as figures name it.
const FAILURES: [&str; 6] = [
    "too_many",
    "conflict",
    "unauthorized",
    "server",
    "network",
    "refused",
];

/// What one bot counts.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    updates: AtomicU64,
    unreadable: AtomicU64,
    sent: AtomicU64,
    edits: AtomicU64,
    failures: [AtomicU64; FAILURES.len()],
}

/// Those counts at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// Updates that were taken in; one that comes twice is counted once.
    pub(crate) updates: u64,
    /// Of those, what could not be read.
    pub(crate) unreadable: u64,
    /// Messages sent, files and albums too.
    pub(crate) sent: u64,
    /// Messages edited.
    pub(crate) edits: u64,
    /// Requests without a result, in the order of their kinds.
    failures: [u64; FAILURES.len()],
}

impl Counts {
    /// Updates were taken in: how many that were not known, and how many of those are unreadable.
    pub(crate) fn taken(&self, new: u64, unreadable: u64) {
        self.updates.fetch_add(new, Ordering::Relaxed);
        self.unreadable.fetch_add(unreadable, Ordering::Relaxed);
    }

    /// A request was answered, or was not.
    pub(crate) fn answered<T>(&self, method: &str, answer: &Result<T, ApiError>) {
        let Err(error) = answer else {
            if let Some(count) = self.of_method(method) {
                count.fetch_add(1, Ordering::Relaxed);
            }
            return;
        };
        let failure = failure(error).and_then(|failure| self.failures.get(failure));
        if let Some(count) = failure {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn of_method(&self, method: &str) -> Option<&AtomicU64> {
        let method = method.to_ascii_lowercase();
        // Neither is a message: one says "typing", one shows an answer that is sent later.
        let passing = ["sendchataction", "sendmessagedraft"].contains(&method.as_str());
        if method.starts_with("send") && !passing {
            return Some(&self.sent);
        }
        method.starts_with("editmessage").then_some(&self.edits)
    }

    /// All of them.
    pub(crate) fn told(&self) -> Told {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Told {
            updates: of(&self.updates),
            unreadable: of(&self.unreadable),
            sent: of(&self.sent),
            edits: of(&self.edits),
            failures: array::from_fn(|i| of(&self.failures[i])),
        }
    }
}

impl Told {
    /// Requests without a result, by why.
    pub(crate) fn failures(&self) -> impl Iterator<Item = (&'static str, u64)> {
        FAILURES.into_iter().zip(self.failures)
    }
}

/// Which of [`FAILURES`] it is; an edit that changes nothing is none.
fn failure(error: &ApiError) -> Option<usize> {
    Some(match error {
        ApiError::TooMany { .. } => 0,
        ApiError::Conflict { .. } => 1,
        ApiError::Unauthorized => 2,
        ApiError::Server { .. } => 3,
        ApiError::Network { .. } => 4,
        ApiError::Refused(refused) if refused.kind == Kind::NotModified => return None,
        ApiError::Refused(_) => 5,
    })
}

#[cfg(test)]
mod tests {
    use super::super::api::Refused;
    use super::*;
    use std::time::Duration;

    fn refused(kind: Kind) -> ApiError {
        ApiError::Refused(Refused {
            code: 400,
            description: String::new(),
            kind,
        })
    }

    #[test]
    fn what_is_said_and_what_is_refused_is_counted_by_kind() {
        let counts = Counts::default();
        counts.taken(3, 1);
        for method in [
            "sendMessage",
            "SendPhoto",
            "sendMediaGroup",
            "sendChatAction",
            "sendMessageDraft",
            "editMessageText",
            "editMessageReplyMarkup",
            "getMe",
        ] {
            counts.answered(method, &Ok(()));
        }
        for error in [
            ApiError::TooMany {
                after: Duration::ZERO,
            },
            ApiError::Server { status: 502 },
            refused(Kind::Blocked),
            refused(Kind::NotModified),
        ] {
            counts.answered("sendMessage", &Err::<(), _>(error));
        }
        let told = counts.told();
        assert_eq!((told.updates, told.unreadable), (3, 1));
        assert_eq!((told.sent, told.edits), (3, 2));
        let failed: Vec<_> = told.failures().filter(|(_, count)| *count > 0).collect();
        assert_eq!(failed, [("too_many", 1), ("server", 1), ("refused", 1)]);
    }
}
