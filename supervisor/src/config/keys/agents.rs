//! `agents`.

use super::{Group, Key, Shape, key};

pub(super) const GROUPS: &[Group] = &[
    Group {
        under: &["agents.defaults", "agents.list[]"],
        keys: BOTH,
        later: &[
            "params",
            "identity",
            "groupChat.historyLimit",
            "groupChat.visibleReplies",
            "heartbeat",
            "humanDelay",
            "memorySearch",
            "sandbox",
            "skills",
            "skillsLimits",
            "contextLimits",
            "contextInjection",
            "typingMode",
            "typingIntervalSeconds",
            "tts",
            "verboseDefault",
            "reasoningDefault",
            "fastModeDefault",
            "runtime",
            "modelPolicy",
            "utilityModel",
            "embeddedPi",
            "experimental",
        ],
    },
    Group {
        under: &["agents.defaults"],
        keys: DEFAULTS,
        later: &[
            "repoRoot",
            "skipBootstrap",
            "bootstrapPromptTruncationWarning",
            "timeFormat",
            "envelopeTimezone",
            "envelopeTimestamp",
            "envelopeElapsed",
            "imageModel",
            "imageGenerationModel",
            "pdfModel",
            "pdfMaxBytesMb",
            "pdfMaxPages",
            "imageMaxDimensionPx",
            "mediaMaxMb",
            "contextPruning",
            "blockStreamingDefault",
            "blockStreamingBreak",
            "blockStreamingChunk",
            "blockStreamingCoalesce",
            "cliBackends",
            "models.*.params",
            "models.*.streaming",
            "models.*.agentRuntime",
            "subagents.announceTimeoutMs",
        ],
    },
    Group {
        under: &["agents.list[]"],
        keys: LIST,
        later: &[
            "agentDir",
            "models",
            "subagents.delegationMode",
            "subagents.requireAgentId",
        ],
    },
    Group {
        under: &["agents.defaults.compaction", "agents.list[].compaction"],
        keys: COMPACTION,
        later: &[
            "mode",
            "reserveTokens",
            "keepRecentTokens",
            "maxHistoryShare",
            "customInstructions",
            "identifierPolicy",
            "identifierInstructions",
            "recentTurnsPreserve",
            "qualityGuard",
            "postIndexSync",
            "postCompactionSections",
            "model",
            "timeoutSeconds",
            "memoryFlush.forceFlushTranscriptBytes",
            "memoryFlush.systemPrompt",
        ],
    },
    Group {
        under: &["agents"],
        keys: &[],
        later: &["entries"],
    },
    Group {
        under: &[""],
        keys: &[],
        later: &["broadcast"],
    },
];

const THINKING: Shape = Shape::OneOf(
    &["off", "minimal", "low", "medium", "high", "xhigh"],
    &["adaptive", "max", "ultra"],
);

#[rustfmt::skip] // a table reads by the line
const BOTH: &[Key] = &[
    key("workspace", Shape::Path, "", "The folder tools work in and manuals are read from; <state>/workspace without it."),
    key("model", Shape::Model, "", "The model to use; what is found on the machine without it."),
    key("model.primary", Shape::Model, "", "The model to try first."),
    key("model.fallbacks[]", Shape::Model, "", "The models to try next, in order."),
    key("thinkingDefault", THINKING, "", "How long models think before they answer; the provider's own default without it."),
    key("timeoutSeconds", Shape::Count(1, 604_800), "600", "How long one turn may take."),
    key("bootstrapMaxChars", Shape::Count(1, 10_000_000), "20000", "How much of one manual is read."),
    key("bootstrapTotalMaxChars", Shape::Count(1, 10_000_000), "150000", "How much of all manuals together is read."),
    key("contextTokens", Shape::Count(1_000, 100_000_000), "", "Use less context than the model has."),
    key("userTimezone", Shape::Text, "", "The person's time zone, such as Europe/Berlin; the machine's without it."),
    key("groupChat.mentionPatterns", Shape::Texts, "", "Regular expressions that name the agent in a group; those of messages.groupChat without it."),
    key("subagents.model", Shape::Model, "", "The model specialists use; the agent's own without it."),
    key("subagents.model.primary", Shape::Model, "", "The model specialists try first."),
    key("subagents.model.fallbacks[]", Shape::Model, "", "The models specialists try next, in order."),
    key("subagents.thinking", THINKING, "", "How long specialists think; as the agent does without it."),
    key("subagents.allowAgents", Shape::Texts, "[]", "Agents that may be spawned besides the agent itself; \"*\" is any."),
];

#[rustfmt::skip] // a table reads by the line
const DEFAULTS: &[Key] = &[
    key("elevatedDefault", Shape::OneOf(&["off", "ask", "on", "full"], &[]), "\"off\"", "How a session's /elevated stands at first."),
    key("models.*.alias", Shape::Text, "", "A short name for this model. The models listed here are those a session may choose."),
    key("maxConcurrent", Shape::Count(1, 100_000), "256", "Turns at once, over all sessions."),
    key("subagents.maxConcurrent", Shape::Count(1, 1_000), "8", "Specialists at work at once."),
    key("subagents.maxSpawnDepth", Shape::Count(1, 5), "1", "How deep specialists may spawn specialists."),
    key("subagents.maxChildrenPerAgent", Shape::Count(1, 20), "5", "Specialists of one session at once."),
    key("subagents.archiveAfterMinutes", Shape::Count(0, 525_600), "60", "When a finished specialist's session is put away."),
    key("subagents.runTimeoutSeconds", Shape::Count(0, 604_800), "0", "How long a specialist may run; 0 is as long as it takes."),
    key("process.idleSeconds", Shape::Count(1, 604_800), "300", "An agent process that idles this long exits; it comes back with the next message."),
    key("process.programs", Shape::Path, "", "The folder of openclaw-agent, openclaw-toolbox and openclaw-jail; beside the running program without it."),
    key("process.programs.agent", Shape::Path, "", "The program of agent processes."),
    key("process.programs.toolbox", Shape::Path, "", "The program of tool processes."),
    key("process.programs.jail", Shape::Path, "", "The program that builds the walls around tools."),
];

#[rustfmt::skip] // a table reads by the line
const LIST: &[Key] = &[
    key("id", Shape::Text, "", "The agent's id: letters, digits, - and _."),
    key("default", Shape::Flag, "false", "Whether this agent is meant when none is named."),
    key("name", Shape::Text, "", "The agent's name for people."),
    key("description", Shape::Ignored, "", "What the agent is for."),
];

#[rustfmt::skip] // a table reads by the line
const COMPACTION: &[Key] = &[
    key("reserveTokensFloor", Shape::Count(0, 10_000_000), "20000", "Tokens kept free for the answer."),
    key("memoryFlush.enabled", Shape::Flag, "true", "Whether the agent writes its memory before history is folded."),
    key("memoryFlush.softThresholdTokens", Shape::Count(0, 10_000_000), "4000", "How many tokens before the reserve that happens."),
    key("memoryFlush.prompt", Shape::Text, "", "Other words for it than the built-in ones."),
];
