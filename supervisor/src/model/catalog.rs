//! What is known of providers and models without being told, and what the configuration says on top.

use super::error::ModelError;
use crate::config::{Api, Cost, ModelRef, Provider, Thinking};
use ipc::usage::Usage;
use secrecy::SecretString;
use std::collections::BTreeMap;

/// The provider of the built-in responder.
pub(crate) const OFFLINE: &str = "offline";
/// Codex through ChatGPT's sign-in.
pub(super) const CODEX: &str = "openai-codex";
/// OpenAI's own API.
pub(super) const OPENAI: &str = "openai";

/// Context windows where nothing better is known, in tokens.
const REMOTE_WINDOW: u32 = 128_000;
const LOCAL_WINDOW: u32 = 32_768;
/// The built-in responder reads only what is new, so its context may be long.
const OFFLINE_WINDOW: u32 = 1_000_000;

/// A provider that works without configuration.
#[derive(Debug)]
pub(super) struct Known {
    /// Provider id.
    pub(super) id: &'static str,
    /// Where it is.
    pub(super) base_url: &'static str,
    api: Api,
    /// Environment variables its key may be in, the first one that is set.
    pub(super) env: &'static [&'static str],
    /// Runs on this machine.
    pub(super) local: bool,
}

const fn remote(
    id: &'static str,
    base_url: &'static str,
    api: Api,
    env: &'static [&'static str],
) -> Known {
    let local = false;
    Known {
        id,
        base_url,
        api,
        env,
        local,
    }
}

const fn local(id: &'static str, base_url: &'static str, env: &'static [&'static str]) -> Known {
    let (api, local) = (Api::OpenAiCompletions, true);
    Known {
        id,
        base_url,
        api,
        env,
        local,
    }
}

const CHAT: Api = Api::OpenAiCompletions;
const MESSAGES: Api = Api::AnthropicMessages;

/// Providers known by name.
#[rustfmt::skip]
const KNOWN: [Known; 24] = [
    remote(OPENAI, "https://api.openai.com/v1", Api::OpenAiResponses, &["OPENAI_API_KEY"]),
    remote(CODEX, "https://chatgpt.com/backend-api", Api::Codex, &[]),
    remote("anthropic", "https://api.anthropic.com", MESSAGES, &["ANTHROPIC_API_KEY", "ANTHROPIC_OAUTH_TOKEN"]),
    remote("openrouter", "https://openrouter.ai/api/v1", CHAT, &["OPENROUTER_API_KEY"]),
    remote("google", "https://generativelanguage.googleapis.com/v1beta/openai", CHAT, &["GEMINI_API_KEY", "GOOGLE_API_KEY"]),
    remote("groq", "https://api.groq.com/openai/v1", CHAT, &["GROQ_API_KEY"]),
    remote("mistral", "https://api.mistral.ai/v1", CHAT, &["MISTRAL_API_KEY"]),
    remote("xai", "https://api.x.ai/v1", CHAT, &["XAI_API_KEY"]),
    remote("deepseek", "https://api.deepseek.com/v1", CHAT, &["DEEPSEEK_API_KEY"]),
    remote("cerebras", "https://api.cerebras.ai/v1", CHAT, &["CEREBRAS_API_KEY"]),
    remote("together", "https://api.together.xyz/v1", CHAT, &["TOGETHER_API_KEY"]),
    remote("fireworks", "https://api.fireworks.ai/inference/v1", CHAT, &["FIREWORKS_API_KEY"]),
    remote("moonshot", "https://api.moonshot.ai/v1", CHAT, &["MOONSHOT_API_KEY"]),
    remote("kimi-coding", "https://api.kimi.com/coding", MESSAGES, &["KIMI_API_KEY", "KIMICODE_API_KEY"]),
    remote("zai", "https://api.z.ai/api/paas/v4", CHAT, &["ZAI_API_KEY", "Z_AI_API_KEY"]),
    remote("minimax", "https://api.minimax.io/anthropic", MESSAGES, &["MINIMAX_API_KEY"]),
    remote("nvidia", "https://integrate.api.nvidia.com/v1", CHAT, &["NVIDIA_API_KEY"]),
    remote("huggingface", "https://router.huggingface.co/v1", CHAT, &["HUGGINGFACE_HUB_TOKEN", "HF_TOKEN"]),
    remote("vercel-ai-gateway", "https://ai-gateway.vercel.sh/v1", CHAT, &["AI_GATEWAY_API_KEY"]),
    remote("opencode", "https://opencode.ai/zen/v1", CHAT, &["OPENCODE_API_KEY", "OPENCODE_ZEN_API_KEY"]),
    local("ollama", "http://127.0.0.1:11434/v1", &["OLLAMA_API_KEY"]),
    local("lmstudio", "http://127.0.0.1:1234/v1", &["LMSTUDIO_API_KEY"]),
    local("llamacpp", "http://127.0.0.1:8080/v1", &[]),
    local("vllm", "http://127.0.0.1:8000/v1", &["VLLM_API_KEY"]),
];

/// The providers known by name.
pub(super) fn known() -> &'static [Known] {
    &KNOWN
}

/// The variables a provider's key may be in.
pub(super) fn env_names(provider: &str) -> &'static [&'static str] {
    find(provider).map_or(&[], |known| known.env)
}

fn find(provider: &str) -> Option<&'static Known> {
    KNOWN.iter().find(|known| known.id == provider)
}

/// How to call one model.
#[derive(Debug, Clone)]
pub(super) struct Model {
    /// Whom the person means.
    pub(super) name: ModelRef,
    /// The language it speaks.
    pub(super) api: Api,
    /// Where, without a trailing slash.
    pub(super) base_url: String,
    /// Whether that is the provider's own address.
    pub(super) is_usual: bool,
    /// Extra headers.
    pub(super) headers: Vec<(String, SecretString)>,
    /// Needs no key, and writes its tool calls as text sometimes.
    pub(super) local: bool,
    /// Tokens it takes in.
    pub(super) window: u32,
    /// Tokens it may give out, where the configuration says.
    pub(super) max_tokens: Option<u32>,
    /// Tokens it may give out, as far as is known.
    pub(super) most_tokens: u32,
    /// Whether it thinks before it answers.
    pub(super) thinks: bool,
    /// Whether it sees pictures.
    pub(super) sees: bool,
}

impl Model {
    /// What provider state of its answers is marked with, and rendered bytes are kept under.
    pub(super) fn tag(&self) -> String {
        format!("{} {}", api_name(self.api), self.name)
    }

    /// The same model name at another known provider.
    pub(super) fn through(&self, provider: &str) -> Option<Self> {
        let known = find(provider)?;
        Some(Self {
            api: known.api,
            base_url: known.base_url.to_owned(),
            is_usual: true,
            headers: Vec::new(),
            local: known.local,
            ..self.clone()
        })
    }
}

/// An API's name in the configuration.
pub(super) fn api_name(api: Api) -> &'static str {
    match api {
        Api::OpenAiCompletions => "openai-completions",
        Api::OpenAiResponses => "openai-responses",
        Api::AnthropicMessages => "anthropic-messages",
        Api::Codex => "openai-codex-responses",
    }
}

/// How to call `name`, by what is known and what `providers` says on top.
///
/// # Errors
/// [`ModelError::NoCredential`] where nobody knows the provider.
pub(super) fn model(
    providers: &BTreeMap<String, Provider>,
    name: &ModelRef,
) -> Result<Model, ModelError> {
    let (said, known) = (providers.get(&name.provider), find(&name.provider));
    let base_url = said
        .and_then(|p| p.base_url.as_deref())
        .or(known.map(|k| k.base_url));
    let Some(base_url) = base_url else {
        return Err(ModelError::NoCredential {
            message: format!(
                "there is no provider named {0}; add models.providers.{0}.baseUrl, or use one of: {1}",
                name.provider,
                KNOWN.map(|k| k.id).join(", "),
            ),
        });
    };
    let entry = said.and_then(|p| p.models.iter().find(|m| m.id == name.model));
    let local = said.map_or_else(
        || known.is_some_and(|k| k.local),
        |p| p.local || (p.base_url.is_none() && known.is_some_and(|k| k.local)),
    );
    let facts = facts(&name.model);
    let usual_window = if local { LOCAL_WINDOW } else { facts.window };
    Ok(Model {
        name: name.clone(),
        api: said
            .and_then(|p| p.api)
            .or(known.map(|k| k.api))
            .unwrap_or(Api::OpenAiCompletions),
        base_url: base_url.trim_end_matches('/').to_owned(),
        is_usual: known.is_some_and(|k| k.base_url == base_url),
        headers: said.map_or_else(Vec::new, |p| p.headers.clone().into_iter().collect()),
        local,
        window: entry.and_then(|e| e.context_window).unwrap_or(usual_window),
        max_tokens: entry.and_then(|e| e.max_tokens),
        most_tokens: entry
            .and_then(|e| e.max_tokens)
            .unwrap_or(facts.most_tokens),
        thinks: facts.thinks || entry.is_some_and(|e| e.reasoning),
        sees: entry
            .and_then(|e| e.images)
            .unwrap_or_else(|| sees(&name.model, local)),
    })
}

/// How hard the model is to think, in OpenAI's words, where it thinks and something is configured.
pub(super) fn effort(model: &Model, thinking: Option<Thinking>) -> Option<&'static str> {
    let name = model.name.model.as_str();
    let knows_minimal = name.starts_with("gpt-5") && !name.contains('.') && !name.contains("codex");
    let knows_xhigh =
        name.contains("codex-max") || (name.starts_with("gpt-5.") && name >= "gpt-5.2");
    match thinking.filter(|_| model.thinks)? {
        Thinking::Off => None,
        Thinking::Minimal if knows_minimal => Some("minimal"),
        Thinking::Minimal | Thinking::Low => Some("low"),
        Thinking::Medium => Some("medium"),
        Thinking::Xhigh if knows_xhigh => Some("xhigh"),
        Thinking::High | Thinking::Xhigh => Some("high"),
    }
}

/// The model's context window in tokens.
pub(super) fn window(providers: &BTreeMap<String, Provider>, name: &ModelRef) -> u32 {
    if name.provider == OFFLINE {
        return OFFLINE_WINDOW;
    }
    model(providers, name).map_or(REMOTE_WINDOW, |model| model.window)
}

/// What a call cost in US dollars, where the configuration says what the model costs
/// (`models.providers.*.models[].cost`).
#[must_use]
pub fn price(providers: &BTreeMap<String, Provider>, name: &ModelRef, usage: Usage) -> Option<f64> {
    let entries = &providers.get(&name.provider)?.models;
    let cost = entries.iter().find(|entry| entry.id == name.model)?.cost;
    if cost == Cost::default() {
        return None;
    }
    #[expect(
        clippy::cast_precision_loss,
        reason = "no call takes as many tokens as a float can not count"
    )]
    let millions = |tokens: u64| tokens as f64 / 1e6;
    // What was written to a cache is not told apart by every provider; it counts as read.
    let fresh = usage.input.saturating_sub(usage.cached);
    let cached = match cost.cache_read {
        read if read > 0.0 => read,
        _ => cost.input,
    };
    Some(
        millions(fresh) * cost.input
            + millions(usage.cached) * cached
            + millions(usage.output) * cost.output,
    )
}

struct Facts {
    window: u32,
    most_tokens: u32,
    thinks: bool,
}

/// Well-known models by how their name begins: window and longest answer in tokens, whether they
/// think. The first row that fits holds. Where a provider counts both in one window, it is what may
/// go in.
#[rustfmt::skip]
const MODELS: [(&str, u32, u32, bool); 33] = [
    ("gpt-5", 272_000, 128_000, true),
    ("gpt-4.1", 1_047_576, 32_768, false),
    ("gpt-4o", 128_000, 16_384, false),
    ("gpt-4-turbo", 128_000, 4_096, false),
    ("gpt-4", 8_192, 4_096, false),
    ("gpt-3.5", 16_385, 4_096, false),
    ("gpt-oss", 131_072, 32_768, true),
    ("codex-mini", 200_000, 100_000, true),
    ("o1", 200_000, 100_000, true),
    ("o3", 200_000, 100_000, true),
    ("o4", 200_000, 100_000, true),
    ("claude-3-7", 200_000, 32_000, true),
    ("claude-3-5", 200_000, 8_192, false),
    ("claude-3", 200_000, 4_096, false),
    ("claude", 200_000, 32_000, true),
    ("gemini", 1_048_576, 65_536, true),
    ("deepseek-reasoner", 128_000, 32_768, true),
    ("deepseek", 128_000, 8_192, false),
    ("grok-4", 256_000, 32_768, true),
    ("grok", 131_072, 16_384, false),
    ("kimi-k2", 262_144, 32_768, false),
    ("kimi", 131_072, 16_384, false),
    ("mistral", 128_000, 16_384, false),
    ("codestral", 256_000, 16_384, false),
    ("devstral", 128_000, 16_384, false),
    ("ministral", 128_000, 16_384, false),
    ("magistral", 128_000, 32_768, false),
    ("llama-3", 131_072, 8_192, false),
    ("llama-4", 131_072, 8_192, false),
    ("qwen3", 131_072, 16_384, false),
    ("qwen", 32_768, 8_192, false),
    ("glm", 128_000, 32_768, false),
    ("minimax-m", 196_608, 32_768, false),
];

/// Words in the names of models that see pictures.
const SEEING: [&str; 8] = [
    "vision", "-vl", "vl-", "llava", "pixtral", "gemma3", "gemma-3", "llama-4",
];
/// How the names of models begin that do not.
const BLIND: [&str; 22] = [
    "gpt-3.5",
    "gpt-4-0",
    "gpt-oss",
    "o1-mini",
    "o1-preview",
    "o3-mini",
    "claude-2",
    "deepseek",
    "codestral",
    "devstral",
    "mistral-7b",
    "mistral-nemo",
    "mixtral",
    "ministral",
    "magistral",
    "llama-3",
    "llama3",
    "qwen",
    "glm-4.5",
    "glm-4.6",
    "kimi-k2-",
    "minimax-m",
];

/// Whether a model sees pictures, by its name. Where nothing is known: one of the world does, one on
/// this machine does not.
fn sees(model: &str, local: bool) -> bool {
    let bare = bare(model);
    if SEEING.iter().any(|word| bare.contains(word)) {
        return true;
    }
    !local && bare != "gpt-4" && !BLIND.iter().any(|lead| bare.starts_with(lead))
}

/// A model's name without its maker's.
fn bare(model: &str) -> String {
    let bare = model.rsplit('/').next().unwrap_or(model);
    bare.to_ascii_lowercase()
}

fn facts(model: &str) -> Facts {
    let bare = bare(model);
    let row = MODELS.iter().find(|(lead, ..)| bare.starts_with(lead));
    let (window, most_tokens, thinks) =
        row.map_or((REMOTE_WINDOW, 8_192, false), |&(_, w, m, t)| (w, m, t));
    Facts {
        window,
        most_tokens,
        thinks,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Model {
        model(&BTreeMap::new(), &text.parse().unwrap()).unwrap()
    }

    #[test]
    fn well_known_models_have_their_window() {
        for (text, window) in [
            ("openai-codex/gpt-5.3-codex", 272_000),
            ("openai/o3-mini", 200_000),
            ("openai/gpt-4o", 128_000),
            ("openrouter/anthropic/claude-sonnet-4", 200_000),
            ("openrouter/who/knows", REMOTE_WINDOW),
            ("ollama/gpt-4o", LOCAL_WINDOW),
        ] {
            assert_eq!(of(text).window, window, "{text}");
        }
        let offline = window(&BTreeMap::new(), &"offline/responder".parse().unwrap());
        assert_eq!(offline, OFFLINE_WINDOW);
    }

    #[test]
    fn the_configuration_has_the_last_word() {
        let provider = Provider {
            base_url: Some("http://10.0.0.2/v1".into()),
            api_key: None,
            api: Some(Api::OpenAiCompletions),
            headers: BTreeMap::new(),
            models: vec![crate::config::ModelEntry {
                id: "gpt-4o".into(),
                name: "mine".into(),
                reasoning: false,
                context_window: Some(1_000),
                max_tokens: Some(100),
                cost: crate::config::Cost::default(),
                images: Some(false),
            }],
            local: true,
        };
        let providers = BTreeMap::from([(OPENAI.to_owned(), provider)]);
        let model = model(&providers, &"openai/gpt-4o".parse().unwrap()).unwrap();
        assert_eq!(model.base_url, "http://10.0.0.2/v1");
        assert_eq!((model.window, model.max_tokens), (1_000, Some(100)));
        assert!(model.local && !model.is_usual && !model.sees);
    }

    #[test]
    fn who_sees_is_known_by_name() {
        for (text, sees) in [
            ("openai/gpt-4o", true),
            ("openai-codex/gpt-5.3-codex", true),
            ("openai/gpt-4", false),
            ("openai/o3-mini", false),
            ("openrouter/anthropic/claude-sonnet-4", true),
            ("openrouter/qwen/qwen3-vl-8b", true),
            ("deepseek/deepseek-chat", false),
            ("ollama/llava", true),
            ("ollama/qwen3", false),
            ("openrouter/who/knows", true),
            ("ollama/knows", false),
        ] {
            assert_eq!(of(text).sees, sees, "{text}");
        }
    }

    #[test]
    fn an_unknown_provider_is_named_with_the_mend() {
        let error = model(&BTreeMap::new(), &"nobody/x".parse().unwrap()).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("models.providers.nobody.baseUrl"), "{text}");
    }
}
