//! What can go wrong on the command line, and the exit code of each.

use super::out::{self, Unheard};
use crate::app::AppError;
use crate::config::ConfigErrors;
use std::process::ExitCode;

/// A command that was not done.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The configuration is wrong.
    #[error("{0}")]
    Config(#[from] ConfigErrors),
    /// No gateway answers.
    #[error("{0}")]
    NoGateway(String),
    /// The gateway said no.
    #[error("{0}")]
    Refused(#[from] ipc::refusal::Refusal),
    /// The gateway can not start.
    #[error("{0}")]
    App(#[from] AppError),
    /// The person would not wait.
    #[error("interrupted before the answer; what was accepted goes on where a gateway runs")]
    Interrupted,
    /// What is printed is not heard.
    #[error("{0}")]
    Unheard(#[from] Unheard),
    /// Anything else, with its causes.
    #[error("{0:#}")]
    Other(#[from] anyhow::Error),
}

impl CliError {
    /// The gateway said something that is no answer.
    pub(super) fn unexpected(answer: &ipc::control::FromSupervisor) -> Self {
        Self::Other(anyhow::anyhow!(
            "the gateway answered with something else: {answer:?}"
        ))
    }

    /// Tells the person, and gives the exit code.
    #[must_use]
    pub fn report(&self) -> ExitCode {
        if let Self::Unheard(unheard) = self
            && unheard.is_wanted()
        {
            return ExitCode::SUCCESS;
        }
        out::tell(&format!("openclaw: {self}"));
        match self {
            Self::Config(_) => ExitCode::from(78),
            Self::NoGateway(_) => ExitCode::from(69),
            Self::Interrupted => ExitCode::from(130),
            Self::Refused(_) | Self::App(_) | Self::Unheard(_) | Self::Other(_) => {
                ExitCode::from(1)
            }
        }
    }
}
