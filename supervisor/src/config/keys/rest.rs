//! `session`, `messages`, `gateway`, `commands`, and what is ours: `sandbox`, `budget`.

use super::{Group, Key, Shape, key};

pub(super) const GROUPS: &[Group] = &[
    Group {
        under: &["session"],
        keys: SESSION,
        later: &[
            "resetByType",
            "resetByChannel",
            "store",
            "sendPolicy",
            "maintenance",
            "threadBindings",
            "agentToAgent",
            "typingMode",
            "typingIntervalSeconds",
            "parentForkMaxTokens",
        ],
    },
    Group {
        under: &["messages"],
        keys: MESSAGES,
        later: &[
            "messagePrefix",
            "groupChat.visibleReplies",
            "groupChat.unmentionedInbound",
            "inbound.byChannel",
            "statusReactions",
            "suppressToolErrors",
            "tts",
            "queue.debounceMsByChannel",
        ],
    },
    Group {
        under: &["gateway"],
        keys: GATEWAY,
        later: &[
            "mode",
            "customBindHost",
            "controlUi",
            "auth.allowTailscale",
            "auth.rateLimit",
            "auth.trustedProxy",
            "trustedProxies",
            "allowRealIpFallback",
            "tools",
            "webchat",
            "channelHealthCheckMinutes",
            "channelStaleEventThresholdMinutes",
            "channelMaxRestartsPerHour",
            "tailscale",
            "remote",
            "reload.deferralTimeoutMs",
            "tls",
            "http",
            "push",
            "nodes",
        ],
    },
    Group {
        under: &["commands"],
        keys: COMMANDS,
        later: &[
            "nativeSkills",
            "mcp",
            "plugins",
            "useAccessGroups",
            "ownerDisplay",
            "ownerDisplaySecret",
        ],
    },
    Group {
        under: &["sandbox"],
        keys: SANDBOX,
        later: &[],
    },
    Group {
        under: &[""],
        keys: ROOT,
        later: &[
            "acp",
            "approvals",
            "audio",
            "browser",
            "canvasHost",
            "cli",
            "cron",
            "diagnostics",
            "discovery",
            "env.shellEnv",
            "hooks",
            "logging.consoleLevel",
            "logging.consoleStyle",
            "logging.redactPatterns",
            "mcp",
            "media",
            "memory",
            "nodeHost",
            "plugins",
            "proxy",
            "skills",
            "surfaces",
            "talk",
            "ui",
            "update",
            "web",
        ],
    },
];

#[rustfmt::skip] // a table reads by the line
const SESSION: &[Key] = &[
    key("scope", Shape::OneOf(&["per-sender", "global"], &[]), "\"per-sender\"", "Whether senders share a session."),
    key("dmScope", Shape::OneOf(&["main", "per-peer", "per-channel-peer", "per-account-channel-peer"], &[]), "\"main\"", "Which private chats share a session: all, those with one person, in one channel, by one account."),
    key("identityLinks.*", Shape::Senders, "", "Senders that are one person, such as telegram:123; the key is the name they share."),
    key("mainKey", Shape::Text, "\"main\"", "Last part of the main session's key."),
    key("reset.mode", Shape::OneOf(&["daily", "idle"], &[]), "\"daily\"", "Whether a session begins anew every day or after a pause."),
    key("reset.atHour", Shape::Count(0, 23), "4", "The hour of the day it begins anew."),
    key("reset.idleMinutes", Shape::Count(1, 5_256_000), "", "The pause after which it begins anew."),
    key("idleMinutes", Shape::Count(1, 5_256_000), "", "The same as reset.idleMinutes, by its older name."),
    key("resetTriggers", Shape::Texts, r#"["/new","/reset"]"#, "Messages that begin a session anew."),
];

const MODES: Shape = Shape::OneOf(
    &["collect", "followup", "steer", "interrupt"],
    &["steer-backlog", "steer+backlog", "queue"],
);

#[rustfmt::skip] // a table reads by the line
const MESSAGES: &[Key] = &[
    key("responsePrefix", Shape::Text, "", "What stands in front of answers."),
    key("ackReaction", Shape::Text, "\"👀\"", "The reaction that says a message was read; none where it is empty."),
    key("ackReactionScope", Shape::OneOf(&["group-mentions", "group-all", "direct", "all", "off"], &[]), "\"group-mentions\"", "Which messages get it."),
    key("removeAckAfterReply", Shape::Flag, "false", "Whether it is taken away once the answer is there."),
    key("groupChat.historyLimit", Shape::Count(0, 1_000), "50", "How many messages of a group, said since the last answer, the agent is told of."),
    key("groupChat.mentionPatterns", Shape::Texts, "[]", "Regular expressions that name the agent in a group, besides the bot's @name; in any case."),
    key("inbound.debounceMs", Shape::Count(0, 60_000), "0", "Messages one sender sends within this long are read as one."),
    key("queue.mode", MODES, "\"collect\"", "What becomes of messages that arrive during a turn."),
    key("queue.byChannel.*", MODES, "", "The same for one channel."),
    key("queue.debounceMs", Shape::Count(0, 600_000), "1000", "How long to wait for more before a turn begins on what was collected."),
    key("queue.cap", Shape::Count(1, 10_000), "20", "How many messages wait at most."),
    key("queue.drop", Shape::OneOf(&["summarize", "old", "new"], &[]), "\"summarize\"", "What gives way when more than that arrive."),
];

#[rustfmt::skip] // a table reads by the line
const GATEWAY: &[Key] = &[
    key("port", Shape::Count(0, 65_535), "18789", "TCP port of /health, /ready and /metrics; 0 is any free one."),
    key("bind", Shape::OneOf(&["loopback", "lan"], &["auto", "tailnet", "custom"]), "\"loopback\"", "Where the gateway listens."),
    key("publicUrl", Shape::Url, "", "Where people reach the gateway from elsewhere, for links they are given; loopback without it."),
    key("auth.mode", Shape::OneOf(&["none", "token", "password"], &["trusted-proxy"]), "", "Who may speak to it; by what is given without it."),
    key("auth.token", Shape::Secret, "", "The token; OPENCLAW_GATEWAY_TOKEN goes before it."),
    key("auth.password", Shape::Secret, "", "The password; OPENCLAW_GATEWAY_PASSWORD goes before it."),
    key("reload.mode", Shape::OneOf(&["hybrid", "hot", "restart", "off"], &[]), "\"hybrid\"", "What is done about a changed configuration."),
    key("reload.debounceMs", Shape::Count(0, 60_000), "300", "How long the file must be quiet first."),
];

#[rustfmt::skip] // a table reads by the line
const COMMANDS: &[Key] = &[
    key("text", Shape::Flag, "true", "Whether / in front of a message makes it a command."),
    key("bash", Shape::Flag, "false", "Whether ! in front of a message runs it in the shell."),
    key("bashForegroundMs", Shape::Count(0, 30_000), "2000", "How long such a command stays in the foreground."),
    key("config", Shape::Flag, "false", "Whether /config is there."),
    key("debug", Shape::Flag, "false", "Whether /debug is there."),
    key("restart", Shape::Flag, "true", "Whether /restart is there."),
    key("native", Shape::Switch(&["auto"]), "\"auto\"", "Whether commands are shown in a channel's own menu, where it has one."),
    key("ownerAllowFrom", Shape::Senders, "", "Who owns the gateway: approves commands and restarts it; the first one paired without it."),
    key("allowFrom.*", Shape::Senders, "", "Who may command, by channel; \"*\" is any."),
];

#[rustfmt::skip] // a table reads by the line
const SANDBOX: &[Key] = &[
    key("network", Shape::OneOf(&["none", "proxy", "host"], &[]), "\"proxy\"", "What network tools have: none, one that ends in the gateway's proxy, or the machine's."),
    key("minimum", Shape::Count(0, 4), "", "Refuse to run tools below this level of walls; 3 on a host and 2 in a container without it."),
    key("readPaths", Shape::Paths, "[]", "Paths tools see besides the system's and the workspace."),
    key("writePaths", Shape::Paths, "[]", "Paths tools may write besides the workspace."),
    key("namespaces", Shape::OneOf(&["auto", "require", "off"], &[]), "\"auto\"", "Whether kernel namespaces are used."),
    key("protectPaths", Shape::Texts, r#"[".git/hooks/",".git/config",".gitmodules",".gitconfig",".bashrc",".bash_profile",".bash_login",".bash_logout",".profile",".zshrc",".zprofile",".zshenv",".zlogin",".ripgreprc",".mcp.json",".vscode/",".idea/",".cursor/",".claude/",".codex/",".husky/"]"#, "Names beneath each writable path that tools can not make or change; a slash at the end says folder."),
    key("limits.memory", Shape::Size, "\"4gb\"", "Memory of one session's tools together, and of each; 0 is no limit."),
    key("limits.cpu", Shape::Number(0.0, 4096.0), "0", "Cores that one session's tools may use, such as 1.5; 0 is no limit."),
    key("limits.disk", Shape::Size, "\"20gb\"", "What one session's tools may add to the disk; 0 is no limit."),
    key("limits.fileSize", Shape::Size, "\"4gb\"", "Largest file a tool may write; 0 is no limit."),
    key("limits.openFiles", Shape::Count(0, 1_048_576), "4096", "Files a process may have open; 0 is no limit."),
    key("limits.processes", Shape::Count(0, 4_194_304), "1024", "Processes and threads of one session's tools; 0 is no limit."),
    key("limits.tmp", Shape::Size, "\"1gb\"", "Size of a session's /tmp; 0 is no limit."),
    key("limits.wallSeconds", Shape::Count(0, 31_536_000), "86400", "How long one command may run, in the background too; 0 is no limit."),
];

#[rustfmt::skip] // a table reads by the line
const ROOT: &[Key] = &[
    key("budget.modelCallsPerTurn", Shape::Count(1, 1_000_000), "200", "Model calls of one turn."),
    key("budget.tokensPerTurn", Shape::Count(1, 1_000_000_000_000), "2000000", "Tokens of one turn, in and out."),
    key("budget.secondsPerTurn", Shape::Count(1, 604_800), "", "Seconds of one turn; the agent's timeoutSeconds without it."),
    key("logging.level", Shape::OneOf(&["info", "silent", "error", "warn", "debug", "trace"], &["fatal"]), "\"info\"", "How much is logged; OPENCLAW_LOG_LEVEL goes before it."),
    key("logging.file", Shape::Path, "", "The log file; logs/gateway.log in the state directory without it."),
    key("logging.maxFileBytes", Shape::Size, "\"16mb\"", "Size at which it is rotated; three rotated files are kept."),
    key("logging.redactSensitive", Shape::OneOf(&["tools", "off"], &[]), "\"tools\"", "Whether what looks like a secret is kept out of it; secrets we know of, and the audit log, are not a matter of choice."),
    key("env.vars.*", Shape::Text, "", "A variable, where the environment does not set it."),
    key("env.*", Shape::Text, "", "A variable, where the environment does not set it."),
    key("$schema", Shape::Ignored, "", "For editors."),
    key("meta", Shape::Ignored, "", "What OpenClaw notes about the file."),
    key("wizard", Shape::Ignored, "", "What OpenClaw's set-up notes."),
];
