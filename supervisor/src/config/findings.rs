//! What was found wrong or odd so far, so that a person hears of all of it at once.

use super::error::{ConfigError, ConfigErrors, Warning};
use super::key_path::KeyPath;
use super::node::{Sources, Span};

/// Everything found, in the order it was found.
#[derive(Default)]
pub(super) struct Findings {
    errors: Vec<Finding>,
    warnings: Vec<Finding>,
}

struct Finding {
    at: Span,
    key: KeyPath,
    message: String,
}

impl Findings {
    /// Something that is wrong: nothing may run on it.
    pub(super) fn error(&mut self, at: Span, key: &KeyPath, message: impl Into<String>) {
        self.errors.push(Finding {
            at,
            key: key.clone(),
            message: message.into(),
        });
    }

    /// Something that does nothing, or not what it seems to.
    pub(super) fn warn(&mut self, at: Span, key: &KeyPath, message: impl Into<String>) {
        self.warnings.push(Finding {
            at,
            key: key.clone(),
            message: message.into(),
        });
    }

    /// The warnings, unless anything is wrong; both in the order of their places.
    pub(super) fn settle(self, sources: &Sources) -> Result<Vec<Warning>, ConfigErrors> {
        if !self.errors.is_empty() {
            let mut errors: Vec<_> = self.errors.into_iter().map(|f| f.error(sources)).collect();
            errors.sort();
            errors.dedup();
            return Err(ConfigErrors(errors));
        }
        let mut warnings: Vec<_> = self
            .warnings
            .into_iter()
            .map(|f| f.warning(sources))
            .collect();
        warnings.sort();
        warnings.dedup();
        Ok(warnings)
    }
}

impl Finding {
    fn error(self, sources: &Sources) -> ConfigError {
        ConfigError {
            place: sources.place(self.at),
            key: self.key.to_string(),
            message: self.message,
        }
    }

    fn warning(self, sources: &Sources) -> Warning {
        Warning {
            place: sources.place(self.at),
            key: self.key.to_string(),
            message: self.message,
        }
    }
}
