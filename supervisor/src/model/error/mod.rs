//! What can go wrong with a call, by what is to be done about it.

mod meaning;
mod complaint;
mod wording;
mod tidy;

pub(super) use complaint::Complaint;
pub(super) use meaning::{of_answer, of_event};
pub(super) use tidy::tidy;

use std::time::Duration;

/// Why a model did not answer. The message is the provider's own, without secrets, cut short.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// Too many requests; it asks to wait.
    #[error("rate limited: {message}{}", wait(.retry_after))]
    RateLimited {
        /// How long, where it says.
        retry_after: Option<Duration>,
        /// Its words.
        message: String,
    },
    /// The purse is empty: waiting seconds does not help.
    #[error("out of credit: {message}; add credit with the provider, or another key")]
    Billing {
        /// Its words.
        message: String,
    },
    /// The plan's share for now is used up.
    #[error("usage limit reached: {message}{}", until(.resets_at))]
    UsageLimit {
        /// When it is there again, in seconds since 1970, where it says.
        resets_at: Option<i64>,
        /// Its words.
        message: String,
    },
    /// It does not take the credential.
    #[error("credential refused: {message}")]
    Auth {
        /// Its words, and the mend.
        message: String,
    },
    /// There is no credential to call it with, or none that may be used now.
    #[error("{message}")]
    NoCredential {
        /// What is missing, and the mend.
        message: String,
    },
    /// The context is longer than it takes.
    #[error("context too long: {message}")]
    ContextFull {
        /// Its words.
        message: String,
    },
    /// It is there, and can not answer now.
    #[error("overloaded: {message}")]
    Overloaded {
        /// Its words.
        message: String,
    },
    /// It could not be reached, or the connection was lost.
    #[error("not reachable: {message}")]
    Network {
        /// What happened.
        message: String,
    },
    /// The answer was cut short or is not in the form it should have.
    #[error("broken answer: {message}")]
    Broken {
        /// What is wrong with it.
        message: String,
    },
    /// It said nothing for too long.
    #[error("no answer for {} s", .after.as_secs_f32().ceil())]
    Silent {
        /// How long.
        after: Duration,
    },
    /// It does not take the request as it is.
    #[error("refused the request{}: {message}", of(*.status))]
    Rejected {
        /// HTTP status; 0 inside a stream.
        status: u16,
        /// Its words.
        message: String,
    },
    /// It does not know the model.
    #[error("no such model, or no such address: {message}")]
    NotFound {
        /// Its words.
        message: String,
    },
}

fn of(status: u16) -> String {
    if status == 0 {
        String::new()
    } else {
        format!(" ({status})")
    }
}

fn wait(after: &Option<Duration>) -> String {
    after.map_or_else(String::new, |after| {
        format!(" (try again in {} s)", after.as_secs_f32().ceil())
    })
}

fn until(resets_at: &Option<i64>) -> String {
    let at = resets_at.and_then(|at| jiff::Timestamp::from_second(at).ok());
    at.map_or_else(String::new, |at| format!(" (until {at})"))
}
