//! `models`, `auth` and `secrets`.

use super::{Group, Key, Shape, key};

pub(super) const GROUPS: &[Group] = &[
    Group {
        under: &["models.providers.*"],
        keys: PROVIDER,
        later: &[
            "auth",
            "authHeader",
            "injectNumCtxForOpenAICompat",
            "request",
            "timeoutSeconds",
        ],
    },
    Group {
        under: &["models.providers.*.models[]"],
        keys: MODEL,
        later: &["api", "headers", "compat", "params", "contextTokens"],
    },
    Group {
        under: &["models"],
        keys: &[],
        later: &["mode", "bedrockDiscovery", "proxy", "pricing"],
    },
    Group {
        under: &["auth"],
        keys: AUTH,
        later: &[
            "cooldowns.authPermanentBackoffMinutes",
            "cooldowns.authPermanentMaxMinutes",
            "cooldowns.overloadedProfileRotations",
            "cooldowns.overloadedBackoffMs",
            "cooldowns.rateLimitedProfileRotations",
        ],
    },
    Group {
        under: &["secrets"],
        keys: SECRETS,
        later: &["resolution"],
    },
];

#[rustfmt::skip] // a table reads by the line
const PROVIDER: &[Key] = &[
    key("baseUrl", Shape::Url, "", "Where the provider is; its own well-known address without it."),
    key("apiKey", Shape::Secret, "", "Its key; ${VARIABLE}, a variable's name, or a secret reference too. Auth profiles and the environment are asked without it."),
    key("api", Shape::OneOf(API, LATER_APIS), "", "The language it speaks; the provider's own, or openai-completions, without it."),
    key("headers.*", Shape::Secret, "", "Extra headers of every request."),
    key("local", Shape::Flag, "", "Whether it runs on this machine or its network: it needs no key, and tool calls that small models write as text are read. By its address without it."),
];

const API: &[&str] = &[
    "openai-completions",
    "openai-responses",
    "anthropic-messages",
    "openai-codex-responses",
];
const LATER_APIS: &[&str] = &[
    "google-generative-ai",
    "github-copilot",
    "bedrock-converse-stream",
    "ollama",
];

#[rustfmt::skip] // a table reads by the line
const MODEL: &[Key] = &[
    key("id", Shape::Text, "", "The model as its provider has it."),
    key("name", Shape::Text, "", "The model's name for people."),
    key("reasoning", Shape::Flag, "false", "Whether it thinks before it answers."),
    key("input", Shape::Texts, r#"["text"]"#, "What it takes: text, image."),
    key("contextWindow", Shape::Count(1, 100_000_000), "", "Tokens it takes in."),
    key("maxTokens", Shape::Count(1, 100_000_000), "", "Tokens it gives out at most."),
    key("cost.input", PRICE, "0", "Dollars a million tokens in."),
    key("cost.output", PRICE, "0", "Dollars a million tokens out."),
    key("cost.cacheRead", PRICE, "0", "Dollars a million tokens in from the cache."),
    key("cost.cacheWrite", PRICE, "0", "Dollars a million tokens in to the cache."),
];

const PRICE: Shape = Shape::Number(0.0, 1_000_000.0);
const HOURS: Shape = Shape::Number(0.01, 8_760.0);

#[rustfmt::skip] // a table reads by the line
const AUTH: &[Key] = &[
    key("profiles.*.provider", Shape::Text, "", "Whose credential it is."),
    key("profiles.*.mode", Shape::OneOf(&["api_key", "oauth", "token"], &[]), "", "What kind of credential it is."),
    key("profiles.*.email", Shape::Ignored, "", "Whose account it is."),
    key("profiles.*.displayName", Shape::Ignored, "", "The profile's name for people."),
    key("order.*", Shape::Texts, "", "A provider's credentials in the order they are tried."),
    key("cooldowns.billingBackoffHours", HOURS, "5", "First rest after a billing failure; it doubles."),
    key("cooldowns.billingBackoffHoursByProvider.*", HOURS, "", "The same for one provider."),
    key("cooldowns.billingMaxHours", HOURS, "24", "Longest rest after billing failures."),
    key("cooldowns.failureWindowHours", HOURS, "24", "Failures older than this are forgotten."),
];

#[rustfmt::skip] // a table reads by the line
const SECRETS: &[Key] = &[
    key("providers.*.source", Shape::OneOf(&["env", "file"], &["exec"]), "", "Where this provider's secrets are."),
    key("providers.*.path", Shape::Path, "", "The file they are in."),
    key("providers.*.mode", Shape::OneOf(&["json", "singleValue"], &[]), "\"json\"", "Whether the file is JSON, with secrets by pointer, or the secret itself."),
    key("providers.*.allowlist", Shape::Texts, "", "The only variables that may be read."),
    key("providers.*.timeoutMs", Shape::Ignored, "", "Not needed here."),
    key("providers.*.maxBytes", Shape::Ignored, "", "Not needed here."),
    key("defaults.env", Shape::Text, "\"default\"", "The provider of env references that name none."),
    key("defaults.file", Shape::Text, "\"default\"", "The provider of file references that name none."),
    key("defaults.exec", Shape::Ignored, "", "Not needed here."),
];
