use super::*;

#[test]
fn every_mistake_is_told_at_once_with_its_place_and_mend() {
    let home = Home::with(
        r#"{
  agents: {
    defaults: {timeoutSeconds: "600", model: "gpt-4o", thinkingDefault: "hgih", models: {"gpt": {}}},
    list: [
      {id: "a b"}, {id: "x"}, {id: "X"}, {name: "nobody"},
      {id: "y", tools: {allow: ["read"], alsoAllow: ["write"], exec: {backgroundMs: 5}, loopDetection: {warningThreshold: 40}}},
    ],
  },
  tools: {profile: ["coding"], deny: "exec"},
  models: {providers: {p: {baseUrl: "localhost:8080", models: {}}}},
  auth: {profiles: {"p:default": {mode: "api_key"}}},
  sandbox: {network: "bridge", minimum: 7, limits: {memory: "lots"}},
  gateway: 18789,
  session: {mainKey: "${NOT_SET}"},
}"#,
    )
    .set("OPENCLAW_GATEWAY_PORT", "http");
    insta::assert_snapshot!(home.errors(), @r#"
    openclaw.json:3:32: agents.defaults.timeoutSeconds: expected a whole number from 1 to 604800, found the text "600"; write it without quotes
    openclaw.json:3:46: agents.defaults.model: expected provider/model such as openai/gpt-4o, found "gpt-4o", and no alias of agents.defaults.models is called that
    openclaw.json:3:73: agents.defaults.thinkingDefault: expected one of off, minimal, low, medium, high, xhigh, found the text "hgih"; did you mean high?
    openclaw.json:3:97: agents.defaults.models.gpt: expected provider/model such as openai/gpt-4o, found "gpt"
    openclaw.json:5:12: agents.list[0].id: expected an id of up to 64 letters, digits, - and _, found "a b"
    openclaw.json:5:31: agents.list[2].id: there are two agents of the id x
    openclaw.json:5:42: agents.list[3].id: expected an id of up to 64 letters, digits, - and _, found none
    openclaw.json:6:53: agents.list[4].tools.alsoAllow: cannot stand beside allow; put its tools into allow, or use profile instead of allow
    openclaw.json:6:85: agents.list[4].tools.exec.backgroundMs: expected a whole number from 10 to 120000, found 5
    openclaw.json:6:104: agents.list[4].tools.loopDetection: expected warningThreshold < criticalThreshold < globalCircuitBreakerThreshold, found 40, 20, 30
    openclaw.json:9:20: tools.profile: expected one of minimal, coding, messaging, full, found a list
    openclaw.json:9:38: tools.deny: expected a list of texts, found the text "exec"; put it in [ ]
    openclaw.json:10:37: models.providers.p.baseUrl: expected an http:// or https:// address, found the text "localhost:8080"
    openclaw.json:10:63: models.providers.p.models: expected a list, found an object
    openclaw.json:11:34: auth.profiles.p:default: expected provider and mode
    openclaw.json:12:22: sandbox.network: expected one of none, proxy, host, found the text "bridge"
    openclaw.json:12:41: sandbox.minimum: expected a whole number from 0 to 4, found 7
    openclaw.json:12:61: sandbox.limits.memory: expected bytes, or text such as "512mb", found the text "lots"
    openclaw.json:13:12: gateway: expected an object, found 18789
    openclaw.json:14:22: session.mainKey: the variable NOT_SET is not set; set it, or write $${NOT_SET} for the text itself
    environment: OPENCLAW_GATEWAY_PORT: expected a port, found "http"
    "#);
}

#[test]
fn unknown_keys_are_kept_and_the_nearest_known_one_is_named() {
    let text = r#"{
  agent: {},
  agents: {defaults: {timeoutSecond: 5, idleSeconds: 3, colour: "red"}},
  tools: {exec: {security: "full", host: "gateway"}},
  channels: {telegram: {actions: {}}, discord: {token: "x"}},
  cron: 5,
  logging: {level: "info", level: "warn"},
}"#;
    let home = Home::with(text);
    insta::assert_snapshot!(home.warnings(), @r#"
    openclaw.json:2:3: agent: unknown key, it does nothing; did you mean agents?
    openclaw.json:3:23: agents.defaults.timeoutSecond: unknown key, it does nothing; did you mean timeoutSeconds?
    openclaw.json:3:41: agents.defaults.idleSeconds: unknown key, it does nothing here; did you mean agents.defaults.process.idleSeconds?
    openclaw.json:3:57: agents.defaults.colour: unknown key, it does nothing
    openclaw.json:4:42: tools.exec.host: known to OpenClaw, does nothing here yet
    openclaw.json:5:34: channels.telegram.actions: known to OpenClaw, does nothing here yet
    openclaw.json:5:48: channels.discord: known to OpenClaw, does nothing here yet
    openclaw.json:6:9: cron: known to OpenClaw, does nothing here yet
    openclaw.json:7:13: level is said again below; only the last one counts
    "#);
    assert_eq!(home.load().raw["agents"]["defaults"]["colour"], "red");
}

#[test]
fn broken_syntax_is_told_with_its_place() {
    assert_eq!(
        Home::with("{\n  agents: {\n    list: [}\n").errors(),
        "openclaw.json:3:12: expected a value, found }; text stands in quotes"
    );
    assert_eq!(
        Home::with("").errors(),
        "openclaw.json: the file is empty; write {} for all defaults"
    );
    assert_eq!(
        Home::with("[]").errors(),
        "openclaw.json:1:1: expected an object, found a list"
    );
    let folder = Home::new(&[("openclaw.json/x", "")]);
    assert!(
        folder
            .errors()
            .starts_with("openclaw.json: cannot be read: "),
        "{}",
        folder.errors()
    );
}
