//! Keys of a configuration, as a person writes them: `agents.list[0].tools.profile`.

use std::fmt;
use std::str::FromStr;

/// Where in a configuration: keys and places in lists, outermost first. Empty is the whole of it.
///
/// Written with dots and brackets; a key that has a dot or a bracket in it stands in brackets and
/// quotes: `agents.defaults.models["openai/gpt-4.1"].alias`.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyPath(pub Vec<Step>);

/// One step of a [`KeyPath`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Into an object. In a list, a key of digits counts as a place.
    Key(String),
    /// Into a list, from 0.
    Index(usize),
}

/// Text that is no key path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a key such as agents.list[0].model, found {text:?}: {reason}")]
pub struct BadKeyPath {
    /// What was given.
    pub text: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl KeyPath {
    /// This path and one step more.
    #[must_use]
    pub fn then(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }

    /// This path and one key more.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        self.then(Step::Key(key.to_owned()))
    }

    /// This path and one place more.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.then(Step::Index(index))
    }
}

impl Step {
    /// The place meant, where the step leads into a list.
    #[must_use]
    pub fn as_index(&self) -> Option<usize> {
        match self {
            Self::Index(index) => Some(*index),
            Self::Key(key) => key.parse().ok(),
        }
    }

    /// The key meant, where the step leads into an object.
    #[must_use]
    pub fn as_key(&self) -> String {
        match self {
            Self::Index(index) => index.to_string(),
            Self::Key(key) => key.clone(),
        }
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, step) in self.0.iter().enumerate() {
            match step {
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Key(key) if key.is_empty() || key.contains(['.', '[', ']', '"', '\\']) => {
                    write!(f, "[{}]", serde_json::Value::from(key.as_str()))?;
                }
                Step::Key(key) if i == 0 => f.write_str(key)?,
                Step::Key(key) => write!(f, ".{key}")?,
            }
        }
        Ok(())
    }
}

impl FromStr for KeyPath {
    type Err = BadKeyPath;

    fn from_str(text: &str) -> Result<Self, BadKeyPath> {
        let bad = |reason| BadKeyPath {
            text: text.to_owned(),
            reason,
        };
        let mut steps = Vec::new();
        let mut rest = text.trim();
        while !rest.is_empty() {
            let (step, after) = if let Some(inside) = rest.strip_prefix('[') {
                bracketed(inside).map_err(bad)?
            } else {
                let plain = if steps.is_empty() {
                    rest
                } else {
                    rest.strip_prefix('.')
                        .ok_or_else(|| bad("a dot is missing after ]"))?
                };
                let end = plain.find(['.', '[']).unwrap_or(plain.len());
                (Step::Key(plain[..end].to_owned()), &plain[end..])
            };
            if step == Step::Key(String::new()) && !rest.starts_with('[') {
                return Err(bad("a key is empty"));
            }
            steps.push(step);
            rest = after;
        }
        Ok(Self(steps))
    }
}

/// What stands in brackets, and what comes after them.
fn bracketed(inside: &str) -> Result<(Step, &str), &'static str> {
    if inside.starts_with('"') {
        let mut texts = serde_json::Deserializer::from_str(inside).into_iter::<String>();
        let key = texts
            .next()
            .and_then(Result::ok)
            .ok_or("the quotes are not closed")?;
        let after = inside[texts.byte_offset()..]
            .strip_prefix(']')
            .ok_or("a ] is missing")?;
        return Ok((Step::Key(key), after));
    }
    let (number, after) = inside.split_once(']').ok_or("a ] is missing")?;
    let index = number
        .trim()
        .parse()
        .map_err(|_| "only a number or quoted text may stand in [ ]")?;
    Ok((Step::Index(index), after))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            any::<String>().prop_map(Step::Key),
            "[a-z\\.\"\\[\\]]{0,5}".prop_map(Step::Key),
            (0..1000usize).prop_map(Step::Index),
        ]
    }

    proptest! {
        #[test]
        fn a_path_reads_back_as_it_was_written(steps in prop::collection::vec(step(), 0..6)) {
            let path = KeyPath(steps);
            prop_assume!(path.to_string().trim() == path.to_string());
            prop_assert_eq!(path.to_string().parse::<KeyPath>().unwrap(), path);
        }

        #[test]
        fn any_text_is_read_or_refused(text in any::<String>()) {
            let _ = text.parse::<KeyPath>();
        }
    }

    #[test]
    fn dots_in_keys_stand_in_quotes() {
        let path: KeyPath = r#"agents.defaults.models["openai/gpt-4.1"].alias"#.parse().unwrap();
        assert_eq!(path.0[3], Step::Key("openai/gpt-4.1".into()));
        let path: KeyPath = "agents.list[0].id".parse().unwrap();
        assert_eq!(path.0[2], Step::Index(0));
    }

    #[test]
    fn half_a_path_is_refused_with_its_reason() {
        for text in ["a..b", "a[0", "a[x]", "a[\"b]", ".a", "a[0]b", "a."] {
            assert!(text.parse::<KeyPath>().is_err(), "{text}");
        }
    }
}
