//! Changing `openclaw.json` for somebody, with every remark and habit of theirs left in place.

mod splice;
mod value;

use super::Config;
use super::error::{ConfigError, ConfigErrors};
use super::key_path::KeyPath;
use super::load::Source;
use super::private_file::replace_private_file;
use super::scan;
use serde_json::Value;
use std::io;
use std::path::PathBuf;

/// A changed text of the main file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edited {
    /// The whole new text.
    pub text: String,
    /// Whether all but the change is as it was; otherwise the text was written anew, and remarks
    /// in it are gone.
    pub kept: bool,
}

/// Why a configuration was not changed.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// The file is no JSON5; it has to be mended by hand first.
    #[error("the file cannot be read as it is: {0}")]
    Syntax(String),
    /// The key cannot be there.
    #[error("{key}: {reason}")]
    Key {
        /// Which key.
        key: KeyPath,
        /// What is in its way.
        reason: String,
    },
    /// The change would make the configuration wrong.
    #[error("{0}")]
    Wrong(ConfigErrors),
    /// The file cannot be read or written.
    #[error("{}: {error}", file.display())]
    File {
        /// Which file.
        file: PathBuf,
        /// What the disk says.
        error: io::Error,
    },
}

/// What stands at a key; the whole for the empty path.
#[must_use]
pub fn get<'a>(value: &'a Value, key: &KeyPath) -> Option<&'a Value> {
    let mut at = value;
    for step in &key.0 {
        at = match at {
            Value::Object(map) => map.get(&step.as_key())?,
            Value::Array(items) => items.get(step.as_index()?)?,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return None,
        };
    }
    Some(at)
}

/// A value as typed on a command line: JSON5 where it is that, else the text itself.
#[must_use]
pub fn parse_value(typed: &str) -> Value {
    json5::from_str(typed).unwrap_or_else(|_| Value::from(typed))
}

/// The text with a value at a key; objects and lists on the way are made. A place in a list may be
/// the one after its last.
///
/// # Errors
/// [`EditError::Syntax`], or [`EditError::Key`] where something else is in the way.
pub fn set(text: &str, key: &KeyPath, to: &Value) -> Result<Edited, EditError> {
    let text = if text.trim().is_empty() { "{}\n" } else { text };
    let root = parse(text)?;
    let mut expected = root.to_value();
    value::set(&mut expected, key, to)?;
    settle(splice::set(text, &root, key, to), &expected)
}

/// The text without a key.
///
/// # Errors
/// [`EditError::Syntax`], or [`EditError::Key`] where nothing stands there.
pub fn unset(text: &str, key: &KeyPath) -> Result<Edited, EditError> {
    let root = parse(text)?;
    let mut expected = root.to_value();
    value::unset(&mut expected, key)?;
    settle(splice::unset(text, &root, key), &expected)
}

impl Source {
    /// The main file's text; empty where there is none.
    ///
    /// # Errors
    /// [`EditError::File`].
    pub fn text(&self) -> Result<String, EditError> {
        match std::fs::read_to_string(&self.paths().config_file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
            other => other.map_err(|error| self.file_error(error)),
        }
    }

    /// Writes a new text of the main file, unless that would bring in a mistake. Mistakes that
    /// were there before are no reason to refuse; they come back as the second value.
    ///
    /// # Errors
    /// [`EditError::Wrong`] with the new mistakes, or [`EditError::File`].
    pub fn save(&self, edited: &Edited) -> Result<Result<Config, ConfigErrors>, EditError> {
        let before = self.load().err().map_or_else(Vec::new, |errors| errors.0);
        let result = self.load_text(&edited.text);
        if let Err(errors) = &result {
            let new = |error: &&ConfigError| {
                let same = |old: &ConfigError| old.key == error.key && old.message == error.message;
                !before.iter().any(same)
            };
            let new: Vec<_> = errors.0.iter().filter(new).cloned().collect();
            if !new.is_empty() {
                return Err(EditError::Wrong(ConfigErrors(new)));
            }
        }
        replace_private_file(&self.paths().config_file, edited.text.as_bytes())
            .map_err(|error| self.file_error(error))?;
        Ok(result)
    }

    fn file_error(&self, error: io::Error) -> EditError {
        let file = self.paths().config_file.clone();
        EditError::File { file, error }
    }
}

fn parse(text: &str) -> Result<super::node::Node, EditError> {
    let parsed = scan::parse(text, 0).map_err(|syntax| {
        let line = text[..syntax.at].matches('\n').count() + 1;
        EditError::Syntax(format!("line {line}: {}", syntax.message))
    })?;
    Ok(parsed.root)
}

/// The spliced text where it means what it should, else the meaning written anew.
fn settle(spliced: Option<String>, expected: &Value) -> Result<Edited, EditError> {
    let means = |text: &String| scan::parse(text, 0).is_ok_and(|p| p.root.to_value() == *expected);
    if let Some(text) = spliced.filter(means) {
        return Ok(Edited { text, kept: true });
    }
    Ok(Edited {
        text: format!("{expected:#}\n"),
        kept: false,
    })
}

#[cfg(test)]
mod tests;
