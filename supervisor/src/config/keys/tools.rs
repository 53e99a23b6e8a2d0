//! `tools`, for all agents and for one.

use super::{Group, Key, Shape, key};

pub(super) const GROUPS: &[Group] = &[
    Group {
        under: &["tools", "agents.list[].tools"],
        keys: POLICY,
        later: &["toolsBySender", "message", "sandbox", "codeMode", "swarm"],
    },
    Group {
        under: &[
            "tools",
            "agents.list[].tools",
            "tools.byProvider.*",
            "agents.list[].tools.byProvider.*",
        ],
        keys: RULES,
        later: &[],
    },
    Group {
        under: &["tools.exec", "agents.list[].tools.exec"],
        keys: EXEC,
        later: &[
            "host",
            "mode",
            "node",
            "strictInlineEval",
            "commandHighlighting",
            "safeBinTrustedDirs",
            "safeBinProfiles",
            "reviewer",
            "notifyOnExitEmptySuccess",
            "approvalRunningNoticeMs",
            "applyPatch.allowModels",
        ],
    },
    Group {
        under: &["tools.loopDetection", "agents.list[].tools.loopDetection"],
        keys: LOOPS,
        later: &[],
    },
    Group {
        under: &["tools"],
        keys: MEDIA,
        later: &[
            "web",
            "media.models",
            "media.concurrency",
            "media.asyncCompletion",
            "media.image",
            "media.video",
            "media.audio.attachments",
            "media.audio.baseUrl",
            "media.audio.deepgram",
            "media.audio.echoFormat",
            "media.audio.echoTranscript",
            "media.audio.headers",
            "media.audio.maxChars",
            "media.audio.prompt",
            "media.audio.providerOptions",
            "media.audio.request",
            "media.audio.scope",
            "links",
            "sessions",
            "sessions_spawn",
            "agentToAgent",
            "subagents",
            "toolSearch",
        ],
    },
];

#[rustfmt::skip] // a table reads by the line
const RULES: &[Key] = &[
    key("profile", Shape::OneOf(&["minimal", "coding", "messaging", "full"], &[]), "", "The set of tools to begin with; full without it."),
    key("allow", Shape::Texts, "", "Only these tools; groups such as group:fs and patterns with * too."),
    key("alsoAllow", Shape::Texts, "[]", "These tools as well as the profile's."),
    key("deny", Shape::Texts, "[]", "None of these tools, whatever else is said."),
];

#[rustfmt::skip] // a table reads by the line
const POLICY: &[Key] = &[
    key("elevated.enabled", Shape::Flag, "false", "Whether anyone may give a session's exec wider walls."),
    key("elevated.allowFrom.*", Shape::Senders, "", "Who may, by channel; \"*\" is any."),
    key("elevated.walls.network", Shape::OneOf(&["none", "proxy", "host"], &[]), "\"host\"", "What network an elevated command has."),
    key("elevated.walls.readPaths", Shape::Paths, "[]", "Paths an elevated command sees besides what all see."),
    key("elevated.walls.writePaths", Shape::Paths, "[]", "Paths an elevated command may write besides what all may."),
    key("elevated.walls.timeoutSec", Shape::Count(1, 604_800), "7200", "How long an elevated command may run."),
    key("egress.mode", Shape::OneOf(&["open", "allowlist", "off"], &[]), "\"open\"", "Whom tools may reach through the proxy: the public internet, what is listed, nobody."),
    key("egress.allow", Shape::Texts, "[]", "allowlist: these hosts; *.x is every host beneath x."),
    key("egress.presets", Shape::Texts, r#"["packages","code"]"#, "allowlist: these sets of hosts as well."),
    key("egress.deny", Shape::Texts, "[]", "Never these hosts, whatever else is said."),
    key("egress.ports", Shape::Senders, "[80,443]", "Ports that may be reached where an entry names none."),
    key("egress.private", Shape::Texts, "[]", "Private hosts, addresses or blocks that may be reached all the same."),
    key("egress.maxConnections", Shape::Count(1, 65_536), "256", "Connections of one session at once."),
    key("egress.maxBytes", Shape::Size, "0", "Bytes of one session, both ways; 0 is no limit."),
    key("fs.workspaceOnly", Shape::Flag, "false", "File tools keep to the workspace."),
];

#[rustfmt::skip] // a table reads by the line
const EXEC: &[Key] = &[
    key("security", Shape::OneOf(&["full", "allowlist", "deny"], &[]), "\"full\"", "What exec may run, inside its jail."),
    key("ask", Shape::OneOf(&["off", "on-miss", "always"], &[]), "\"off\"", "When a person must approve a command."),
    key("askFallback", Shape::OneOf(&["deny", "allowlist", "full"], &[]), "\"deny\"", "What holds when nobody is there to ask."),
    key("backgroundMs", Shape::Count(10, 120_000), "10000", "How long a command stays in the foreground."),
    key("timeoutSec", Shape::Count(1, 604_800), "1800", "How long a command may run."),
    key("timeoutSeconds", Shape::Count(1, 604_800), "", "The same as timeoutSec, by its newer name."),
    key("cleanupMs", Shape::Count(1_000, 10_800_000), "1800000", "How long a finished background command stays listed."),
    key("notifyOnExit", Shape::Flag, "true", "Whether the session hears of a background command's end by itself."),
    key("pathPrepend", Shape::Paths, "[]", "Folders in front of PATH."),
    key("safeBins", Shape::Texts, r#"["jq","cut","uniq","head","tail","tr","wc"]"#, "Programs allowed without an entry in the allow-list, as filters of their standard input."),
    key("applyPatch.enabled", Shape::Flag, "true", "Whether apply_patch is offered."),
    key("applyPatch.workspaceOnly", Shape::Flag, "true", "Whether apply_patch keeps to the workspace."),
];

#[rustfmt::skip] // a table reads by the line
const MEDIA: &[Key] = &[
    key("media.audio.enabled", Shape::Flag, "true", "Whether speech becomes text, where there is a provider for it."),
    key("media.audio.maxBytes", Shape::Size, "\"20mb\"", "Largest recording."),
    key("media.audio.language", Shape::Text, "", "The language spoken, such as de; found out without it."),
    key("media.audio.timeoutSeconds", Shape::Count(1, 3_600), "60", "How long it may take."),
    key("media.audio.models[].provider", Shape::Text, "", "A provider to ask, in order; whichever has a key without any."),
    key("media.audio.models[].model", Shape::Text, "", "Its model; the provider's usual one without it."),
    key("media.audio.models[].type", Shape::OneOf(&["provider"], &["cli"]), "", "What it is."),
];

#[rustfmt::skip] // a table reads by the line
const LOOPS: &[Key] = &[
    key("enabled", Shape::Flag, "true", "Whether an agent that goes in circles is stopped."),
    key("historySize", Shape::Count(2, 1_000), "30", "How many calls are looked back on."),
    key("warningThreshold", Shape::Count(1, 1_000), "10", "Repeats that warn."),
    key("criticalThreshold", Shape::Count(1, 1_000), "20", "Repeats that block."),
    key("globalCircuitBreakerThreshold", Shape::Count(1, 1_000), "30", "The same call with the same result, this often, blocks whatever the call."),
    key("detectors.genericRepeat", Shape::Flag, "true", "Warn of the same call over and over."),
    key("detectors.knownPollNoProgress", Shape::Flag, "true", "Notice polling that brings nothing new."),
    key("detectors.pingPong", Shape::Flag, "true", "Notice two calls in turns with unchanging results."),
];
