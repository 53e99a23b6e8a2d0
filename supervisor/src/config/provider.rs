//! Models, those who provide them, and how their credentials are chosen.

use secrecy::SecretString;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A model by its provider: `openrouter/meta/llama-3`. Only the first slash parts the two.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModelRef {
    /// Provider id, in lower case.
    pub provider: String,
    /// The model's name as its provider has it; may contain slashes.
    pub model: String,
}

/// Text that is no model reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected provider/model such as openai/gpt-4o, found {0:?}")]
pub struct BadModelRef(pub String);

impl FromStr for ModelRef {
    type Err = BadModelRef;

    fn from_str(text: &str) -> Result<Self, BadModelRef> {
        match text.trim().split_once('/') {
            Some((provider, model)) if !provider.is_empty() && !model.is_empty() => Ok(Self {
                provider: provider.to_ascii_lowercase(),
                model: model.to_owned(),
            }),
            Some(_) | None => Err(BadModelRef(text.to_owned())),
        }
    }
}

impl fmt::Display for ModelRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.provider, self.model)
    }
}

/// The language a provider speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Api {
    /// `openai-completions`: Chat Completions; most others speak it too.
    OpenAiCompletions,
    /// `openai-responses`.
    OpenAiResponses,
    /// `anthropic-messages`.
    AnthropicMessages,
    /// `openai-codex-responses`: Responses through ChatGPT's sign-in.
    Codex,
}

/// One entry of `models.providers`.
#[derive(Debug, Clone)]
pub struct Provider {
    /// `baseUrl`, without a trailing slash; the provider's own when absent.
    pub base_url: Option<String>,
    /// `apiKey`, resolved; auth profiles and the environment are asked when absent.
    pub api_key: Option<SecretString>,
    /// `api`; the provider's own, or Chat Completions, when absent.
    pub api: Option<Api>,
    /// Extra headers of every request, in the order of their names. Values may be secret.
    pub headers: BTreeMap<String, SecretString>,
    /// The models it is known to have; others may be asked for all the same.
    pub models: Vec<ModelEntry>,
    /// Whether it runs on this machine or its network: it needs no key, and its small models' tool
    /// calls are read leniently. From `local`, else by the host of `base_url`.
    pub local: bool,
}

/// One entry of a provider's `models`.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelEntry {
    /// As the provider has it.
    pub id: String,
    /// For people.
    pub name: String,
    /// Whether it thinks before it answers.
    pub reasoning: bool,
    /// Whether it sees images, where `input` says.
    pub images: Option<bool>,
    /// Tokens it takes in; `None` where not said.
    pub context_window: Option<u32>,
    /// Tokens it gives out at most; `None` where not said.
    pub max_tokens: Option<u32>,
    /// What it costs.
    pub cost: Cost,
}

/// Prices in dollars a million tokens; zero where not said.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Cost {
    /// In.
    pub input: f64,
    /// Out.
    pub output: f64,
    /// In, from the provider's cache.
    pub cache_read: f64,
    /// In, to the provider's cache.
    pub cache_write: f64,
}

/// `auth`: which credentials there are, in which order they are tried, how long failures rest them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Auth {
    /// `auth.profiles`, by profile id.
    pub profiles: BTreeMap<String, AuthProfile>,
    /// `auth.order`: profile ids by provider.
    pub order: BTreeMap<String, Vec<String>>,
    /// `auth.cooldowns`.
    pub cooldowns: Cooldowns,
}

/// One entry of `auth.profiles`; its secret is in `auth-profiles.json`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthProfile {
    /// Provider id.
    pub provider: String,
    /// What kind of credential.
    pub mode: AuthMode,
}

/// What kind of credential a profile is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthMode {
    /// `api_key`.
    ApiKey,
    /// `oauth`.
    Oauth,
    /// `token`.
    Token,
}

/// How long a failed credential rests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cooldowns {
    /// First rest after a billing failure; it doubles.
    pub billing_backoff: Duration,
    /// First rest after a billing failure, where a provider has its own.
    pub billing_backoff_by_provider: BTreeMap<String, Duration>,
    /// Longest rest after billing failures.
    pub billing_max: Duration,
    /// Failures older than this are forgotten.
    pub failure_window: Duration,
}

const HOUR: Duration = Duration::from_secs(3600);

impl Default for Cooldowns {
    fn default() -> Self {
        Self {
            billing_backoff: 5 * HOUR,
            billing_backoff_by_provider: BTreeMap::new(),
            billing_max: 24 * HOUR,
            failure_window: 24 * HOUR,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_slash_parts_provider_and_model() {
        let model: ModelRef = "OpenRouter/meta/Llama-3:free".parse().unwrap();
        assert_eq!(model.provider, "openrouter");
        assert_eq!(model.model, "meta/Llama-3:free");
        assert_eq!(model.to_string(), "openrouter/meta/Llama-3:free");
    }

    #[test]
    fn half_a_reference_is_none() {
        for text in ["", "gpt-4o", "/gpt-4o", "openai/"] {
            assert!(text.parse::<ModelRef>().is_err(), "{text:?}");
        }
    }
}
