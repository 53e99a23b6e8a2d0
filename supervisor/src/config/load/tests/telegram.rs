use super::*;
use crate::config::{
    BoundAccount, Changes, DmPolicy, DmScope, GroupPolicy, InlineButtons, PeerKind, Streaming,
    TelegramAccount, secrets,
};

const OTHER: &str = "987654321:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw0";

fn bots(config: &str) -> Vec<TelegramAccount> {
    load(&config.replace("TOKEN", TOKEN).replace("OTHER", OTHER)).telegram
}

/// The only account of a channel of these settings and a token.
fn bot(settings: &str) -> TelegramAccount {
    let mut bots = bots(&format!(
        r#"{{channels: {{telegram: {{botToken: "TOKEN", {settings}}}}}}}"#
    ));
    assert_eq!(bots.len(), 1);
    bots.remove(0)
}

/// What is wrong with a channel of these settings and a token.
fn complaint(settings: &str) -> String {
    let text = format!(r#"{{channels: {{telegram: {{botToken: "{TOKEN}", {settings}}}}}}}"#);
    Home::with(&text).errors()
}

#[test]
fn a_token_makes_a_bot_and_nothing_else_does() {
    assert!(bots("{}").is_empty());
    assert!(bots("{channels: {telegram: {enabled: false, botToken: 'TOKEN'}}}").is_empty());
    let none = Home::with("{channels: {telegram: {enabled: true}}}");
    assert!(none.load().telegram.is_empty());
    let warnings = none.warnings();
    assert!(
        warnings.contains("no bot runs without botToken, tokenFile or TELEGRAM_BOT_TOKEN"),
        "{warnings}"
    );

    let bot = bot("");
    assert_eq!((bot.id.as_str(), bot.name.as_str()), ("default", "default"));
    assert!(bot.is_default);
    assert_eq!(bot.api_root.as_str(), "https://api.telegram.org/");
    assert_eq!(bot.dm_policy, DmPolicy::Pairing);
    assert_eq!(bot.group_policy, GroupPolicy::Allowlist);
    assert_eq!(bot.media_max, 5 << 20);
    assert_eq!(bot.ack_reaction.as_deref(), Some("👀"));
}

#[test]
fn the_variable_makes_the_default_bot_unless_telegram_is_off() {
    let with = |text: &str| Home::with(text).set("TELEGRAM_BOT_TOKEN", TOKEN);
    assert_eq!(with("{}").load().telegram[0].token.expose_secret(), TOKEN);
    let dotenv = Home::new(&[(".env", &format!("TELEGRAM_BOT_TOKEN={TOKEN}\n"))]);
    assert_eq!(dotenv.load().telegram.len(), 1);
    let off = with("{channels: {telegram: {enabled: false}}}");
    assert!(off.load().telegram.is_empty());
    // What the file says goes before it, as OpenClaw has it.
    let said = with(&format!(
        "{{channels: {{telegram: {{botToken: '{OTHER}'}}}}}}"
    ));
    assert_eq!(said.load().telegram[0].token.expose_secret(), OTHER);
    // It is no account of its own beside named ones.
    let named = "{channels: {telegram: {accounts: {a: {botToken: '${TELEGRAM_BOT_TOKEN}'}}}}}";
    let accounts = with(named).load().telegram;
    assert_eq!(accounts.len(), 1);
    assert_eq!(accounts[0].id, "a");
}

#[test]
fn a_token_may_be_in_a_file_of_its_own() {
    let text = "{channels: {telegram: {tokenFile: 'bot', botToken: 'nonsense'}}}";
    let home = Home::new(&[("openclaw.json", text), ("bot", &format!("{TOKEN}\n"))]);
    let config = home.load();
    assert_eq!(config.telegram[0].token.expose_secret(), TOKEN);
    assert!(secrets(&config).contains(&TOKEN.to_owned()));
    let file = home.dir.path().join("bot");
    assert!(home.source().attempt().files.contains(&file));
    home.write("bot", OTHER);
    let changes = Changes::between(&config, &home.load());
    assert_eq!(changes.hot[0].to_string(), "channels.telegram");
    std::fs::remove_file(home.dir.path().join("bot")).unwrap();
    assert_eq!(
        home.errors(),
        "openclaw.json:1:35: channels.telegram.tokenFile: cannot read STATE/bot: No such file or directory (os error 2)"
            .replace("STATE/", "")
    );
}

#[test]
fn an_account_s_own_settings_go_before_the_channel_s() {
    let bots = bots(
        r#"{channels: {telegram: {
          botToken: "TOKEN", name: "First", streaming: "off", textChunkLimit: 1000, defaultAccount: "Work",
          groups: {"-1": {}}, retry: {attempts: 5, jitter: 0.5},
          accounts: {Work: {botToken: "OTHER", streaming: "block", groups: {"*": {requireMention: false}}, retry: {attempts: 2}}, gone: {enabled: false, botToken: "what"}},
        }}}"#,
    );
    let ids: Vec<_> = bots.iter().map(|bot| bot.id.as_str()).collect();
    assert_eq!(ids, ["work", "default"]);
    let [work, first] = [&bots[0], &bots[1]];
    assert!(work.is_default && !first.is_default);
    assert_eq!((work.name.as_str(), first.name.as_str()), ("work", "First"));
    assert_eq!(
        (work.streaming, first.streaming),
        (Streaming::Block, Streaming::Off)
    );
    assert_eq!((work.text_limit, first.text_limit), (1000, 1000));
    assert_eq!((work.retry.attempts, first.retry.attempts), (2, 5));
    assert_eq!((work.retry.jitter, first.retry.jitter), (0.5, 0.5));
    assert_eq!(work.groups.keys().collect::<Vec<_>>(), ["*"]);
    assert_eq!(first.groups.keys().collect::<Vec<_>>(), ["-1"]);
    assert_eq!(first.token.expose_secret(), TOKEN);
}

#[test]
fn streaming_is_said_in_many_ways() {
    for (said, meant) in [
        ("", Streaming::Partial),
        ("streaming: true", Streaming::Partial),
        ("streaming: false", Streaming::Off),
        ("streaming: 'block'", Streaming::Block),
        (
            "streaming: {mode: 'progress', preview: {}}",
            Streaming::Progress,
        ),
        ("streamMode: 'block'", Streaming::Block),
        ("streamMode: 'block', streaming: 'off'", Streaming::Off),
    ] {
        assert_eq!(bot(said).streaming, meant, "{said}");
    }
    let listed = bot("capabilities: ['inlineButtons']");
    assert_eq!(listed.inline_buttons, InlineButtons::All);
    let wrong = complaint("streaming: 'partail'");
    assert!(wrong.contains("expected one of off, partial, block, progress, or true or false, found the text \"partail\"; did you mean partial?"), "{wrong}");
}

#[test]
fn ids_are_numbers_or_text_with_the_channel_in_front() {
    let text = r#"{channels: {telegram: {botToken: "TOKEN", dmPolicy: "allowlist",
      allowFrom: [42, "43", "tg:44", " Telegram:45 ", "*", "@ada", -100123],
      groupAllowFrom: [],
      groups: {"tg:-100123": {allowFrom: ["tg:7"], topics: {"3": {enabled: false}}}, "@devs": {}},
      execApprovals: {approvers: [42]},
    }}, commands: {ownerAllowFrom: ["telegram:42", 43, "discord:99", "*"]}}"#;
    let home = Home::with(&text.replace("TOKEN", TOKEN));
    let bot = home.load().telegram.remove(0);
    assert_eq!(bot.allow_from, ["42", "43", "44", "45", "*"]);
    assert_eq!(bot.group_allow_from, Some(vec![]));
    assert_eq!(bot.approvers, ["42"]);
    assert_eq!(bot.owners, ["42", "43"]);
    let group = &bot.groups["-100123"];
    assert_eq!(group.allow_from.as_deref(), Some(&["7".to_owned()][..]));
    assert!(group.enabled && !group.topics["3"].enabled);
    insta::assert_snapshot!(home.warnings(), @r#"
    openclaw.json:2:60: channels.telegram.allowFrom[5]: "@ada" is no numeric user id, which is what Telegram knows people by; /whoami tells one's own; it is left out
    openclaw.json:2:68: channels.telegram.allowFrom[6]: "-100123" is a group's id, where people are listed; groups are listed in groups; it is left out
    openclaw.json:4:95: channels.telegram.groups.@devs: expected a chat's numeric id, such as -1001234567890, or * as its key; it matches nothing
    openclaw.json:6:36: commands.ownerAllowFrom: an owner is named by id; "*" is left out
    "#);
}

#[test]
fn what_can_not_be_is_told_with_its_mend() {
    let text = r#"{
  channels: {telegram: {
    botToken: "my secret token",
    accounts: {
      a: {botToken: "TOKEN", dmPolicy: "open", allowFrom: [1]},
      b: {botToken: "TOKEN", webhookUrl: "https://example.com/x"},
      c: {botToken: "OTHER", webhookUrl: "http://example.com:8080", webhookSecret: "s p", proxy: "ftp://u:pw@x"},
      d: {botToken: 5, groups: {"*": {agentId: "nobody"}}},
      "e f": {},
    },
    defaultAccount: "z",
    textChunkLimit: 5000,
    customCommands: [{command: "Über", description: "x"}],
    apiRoot: "http://api.example.com/?x",
  }},
  bindings: [{agentId: "ghost", match: {channel: "telegram"}}, {match: {peer: {kind: "group"}}}],
  messages: {groupChat: {mentionPatterns: ["(?=x)"]}},
  gateway: {publicUrl: "https://u:p@example.com"},
}"#;
    let home = Home::with(&text.replace("TOKEN", TOKEN).replace("OTHER", OTHER));
    let errors = home.errors();
    for secret in [TOKEN, OTHER, "my secret", "s p", "pw"] {
        assert!(!errors.contains(secret), "{errors}");
    }
    insta::assert_snapshot!(errors, @r#"
    openclaw.json:3:15: channels.telegram.botToken: expected a bot's token, digits:letters as @BotFather gave it, found something else
    openclaw.json:5:80: channels.telegram.accounts.a.dmPolicy: open lets anybody in, and needs allowFrom to say so: ["*"]
    openclaw.json:6:21: channels.telegram.accounts.b.botToken: it has the token of the account a, and a bot can be polled by one alone; ask @BotFather for another bot
    openclaw.json:6:82: channels.telegram.accounts.b.webhookUrl: needs webhookSecret beside it: 1 to 256 letters, digits, _ and -, by which we know that it is Telegram who calls
    openclaw.json:7:10: channels.telegram.webhookPort: the account b listens there as well; give each a webhookPort of its own
    openclaw.json:7:82: channels.telegram.accounts.c.webhookUrl: expected an https:// address with port 443, 80, 88 or 8443, found http://example.com:8080; Telegram pushes to no other
    openclaw.json:7:124: channels.telegram.accounts.c.webhookSecret: expected 1 to 256 letters, digits, _ and -, found something else
    openclaw.json:7:138: channels.telegram.accounts.c.proxy: expected an http://, https://, socks5:// or socks5h:// address
    openclaw.json:8:21: channels.telegram.accounts.d.botToken: expected text, or a reference {source, provider, id}, found something else
    openclaw.json:9:14: channels.telegram.accounts.e f: expected an id of up to 64 letters, digits, - and _ as its key
    openclaw.json:11:21: channels.telegram.defaultAccount: there is no account z; there are: default, a, b, c, d
    openclaw.json:12:21: channels.telegram.textChunkLimit: expected a whole number from 20 to 4096, found 5000
    openclaw.json:13:22: channels.telegram.customCommands[0]: expected command, 1 to 32 of a-z, 0-9 and _, and description, 1 to 256 characters
    openclaw.json:14:14: channels.telegram.apiRoot: expected an address without ? and #, found "http://api.example.com/?x"
    openclaw.json:16:24: bindings[0].agentId: expected an agent, one of main, found "ghost"
    openclaw.json:16:64: bindings[1]: needs agentId
    openclaw.json:16:64: bindings[1]: needs match.channel
    openclaw.json:16:79: bindings[1].match.peer: expected kind and id
    openclaw.json:17:44: messages.groupChat.mentionPatterns[0]: expected a regular expression, found "(?=x)": look-around, including look-ahead and look-behind, is not supported
    openclaw.json:18:24: gateway.publicUrl: expected an address without a name and a password in it
    "#);
}

#[test]
fn a_webhook_needs_a_secret_and_a_port_telegram_calls() {
    let missing = complaint("webhookUrl: 'https://example.com/x'");
    assert!(
        missing.contains("needs webhookSecret beside it: 1 to 256 letters, digits, _ and -"),
        "{missing}"
    );
    let settings = "webhookUrl: 'http://example.com:81/x/', webhookSecret: 'Ab-_9'";
    let wrong = complaint(settings);
    assert!(wrong.contains("port 443, 80, 88 or 8443"), "{wrong}");
    let own = bot(&format!(
        "{settings}, apiRoot: 'http://127.0.0.1:8081/base/'"
    ));
    assert_eq!(own.api_root.as_str(), "http://127.0.0.1:8081/base");
    let hook = own.webhook.unwrap();
    assert_eq!(hook.url.as_str(), "http://example.com:81/x");
    assert_eq!(
        (hook.path.as_str(), hook.host.as_str(), hook.port),
        ("/telegram-webhook", "127.0.0.1", 8787)
    );
    assert_eq!(hook.secret.expose_secret(), "Ab-_9");
}

#[test]
fn two_accounts_share_neither_a_token_nor_a_door() {
    let text = r#"{channels: {telegram: {webhookUrl: "https://example.com", webhookSecret: "s", accounts: {
      a: {botToken: "TOKEN"}, b: {botToken: "OTHER"}}}}}"#;
    let home = Home::with(&text.replace("TOKEN", TOKEN).replace("OTHER", OTHER));
    assert!(
        home.errors()
            .contains("the account a listens there as well; give each a webhookPort of its own"),
        "{}",
        home.errors()
    );
}

#[test]
fn nothing_shows_a_token_or_a_proxy_s_password() {
    let text = r#"{channels: {telegram: {botToken: "TOKEN", proxy: "socks5://ada:hush@localhost:1080",
      webhookUrl: "https://example.com", webhookSecret: "quiet", accounts: {a: {botToken: "OTHER"}, default: {webhookPort: 1}}}}}"#;
    let config = load(&text.replace("TOKEN", TOKEN).replace("OTHER", OTHER));
    assert_eq!(config.telegram.len(), 2);
    let shown = format!("{config:?} {}", crate::config::redact(&config.raw));
    for secret in [TOKEN, OTHER, "hush", "quiet"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    let known = secrets(&config);
    for secret in [TOKEN, OTHER, "quiet"] {
        assert!(known.iter().any(|known| known == secret));
    }
}

#[test]
fn bindings_sessions_and_mentions_are_understood() {
    let config = load(
        r#"{
          agents: {list: [{id: "main"}, {id: "dev", groupChat: {mentionPatterns: ["@dev"]}}]},
          messages: {groupChat: {mentionPatterns: ["@?clawd"], historyLimit: 7}, ackReaction: "", inbound: {debounceMs: 300}},
          session: {dmScope: "per-channel-peer", identityLinks: {ada: ["telegram:42", 43]}},
          bindings: [
            {agentId: "dev", match: {channel: "Telegram", accountId: "*", peer: {kind: "group", id: -100123}}},
            {agentId: "dev", match: {channel: "telegram", accountId: "Work", peer: {kind: "dm", id: "tg:42"}}},
            {agentId: "main", match: {channel: "telegram"}, comment: "the rest"},
          ],
          tools: {media: {audio: {language: "de", models: [{provider: "OpenAI", model: "whisper-1"}, {type: "cli", command: "whisper"}]}}},
          gateway: {publicUrl: "https://example.com/claw/"},
        }"#,
    );
    assert!(agent(&config, "main").mention_patterns[0].is_in("hey Clawd"));
    assert!(agent(&config, "dev").mention_patterns[0].is_in("@DEV do"));
    assert_eq!(config.messages.history_limit, 7);
    assert_eq!(config.messages.ack_reaction, None);
    assert_eq!(config.session.dm_scope, DmScope::PerChannelPeer);
    assert_eq!(config.session.identity_links["ada"], ["telegram:42", "43"]);
    let [group, direct, rest] = &config.bindings[..] else {
        panic!("{:?}", config.bindings);
    };
    let peer = group.peer.as_ref().unwrap();
    assert_eq!(
        (group.channel.as_str(), &group.account),
        ("telegram", &BoundAccount::Any)
    );
    assert_eq!((peer.kind, peer.id.as_str()), (PeerKind::Group, "-100123"));
    let peer = direct.peer.as_ref().unwrap();
    assert_eq!(direct.account, BoundAccount::Named("work".into()));
    assert_eq!((peer.kind, peer.id.as_str()), (PeerKind::Direct, "42"));
    assert_eq!(
        (rest.account.clone(), rest.peer.is_none()),
        (BoundAccount::Default, true)
    );
    assert_eq!(config.audio.models.len(), 1);
    assert_eq!(config.audio.models[0].provider, "openai");
    assert_eq!(
        config.gateway.public_url.unwrap().as_str(),
        "https://example.com/claw"
    );
}
