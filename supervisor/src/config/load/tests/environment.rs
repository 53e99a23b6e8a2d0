use super::*;

#[test]
fn the_environment_goes_before_the_file_and_the_file_before_its_env_section() {
    let home = Home::new(&[
        (".env", "FROM_DOTENV=dot\nSHARED=dot\nREAL=dot\n"),
        (
            "openclaw.json",
            r#"{
              env: {vars: {SHARED: "vars", OWN: "own"}, ALSO: "also"},
              gateway: {port: 1, auth: {mode: "token", token: "file"}},
              logging: {level: "debug"},
              messages: {queue: {mode: "steer"}},
            }"#,
        ),
    ])
    .set("REAL", "real")
    .set("OPENCLAW_GATEWAY_TOKEN", "var")
    .set("OPENCLAW_GATEWAY_PORT", "2")
    .set("OPENCLAW_LOG_LEVEL", "trace");
    let config = home.load();
    let seen =
        ["REAL", "SHARED", "OWN", "ALSO", "FROM_DOTENV"].map(|name| config.env.get(name).unwrap());
    assert_eq!(seen, ["real", "dot", "own", "also", "dot"]);
    assert_eq!(config.gateway.port, 2);
    assert_eq!(config.logging.level, LogLevel::Trace);
    assert_eq!(config.queue.mode, QueueMode::Steer);
    let GatewayAuth::Token(token) = &config.gateway.auth else {
        panic!("{:?}", config.gateway.auth);
    };
    assert_eq!(token.expose_secret(), "var");
}

#[test]
fn secrets_are_fetched_from_where_a_reference_leads() {
    let text = r#"{
      secrets: {providers: {
        vault: {source: "file", path: "secrets.json"},
        one: {source: "file", path: "one", mode: "singleValue"},
      }},
      models: {providers: {
        a: {apiKey: {source: "env", provider: "default", id: "A_KEY"}},
        b: {apiKey: {source: "file", provider: "vault", id: "/b/key"}},
        c: {apiKey: {source: "file", provider: "one", id: "value"}},
        d: {apiKey: {source: "exec", provider: "op", id: "d"}},
      }},
    }"#;
    let home = Home::new(&[
        ("openclaw.json", text),
        ("secrets.json", r#"{"b": {"key": "sk-b"}}"#),
        ("one", "sk-c\n"),
    ])
    .set("A_KEY", "sk-a");
    let config = home.load();
    let key = |id: &str| {
        config.providers[id]
            .api_key
            .as_ref()
            .map(|key| key.expose_secret().to_owned())
    };
    assert_eq!(
        [key("a"), key("b"), key("c"), key("d")].map(Option::unwrap_or_default),
        ["sk-a", "sk-b", "sk-c", ""]
    );
    assert!(
        home.warnings()
            .contains("secrets from a command are not supported here yet")
    );
}

#[test]
fn a_secret_that_is_not_there_is_named() {
    let home = Home::with(
        r#"{models: {providers: {
  a: {apiKey: {source: "env", id: "A_KEY"}},
  b: {apiKey: {source: "file", id: "/b"}},
  c: {apiKey: {key: "x"}},
  d: {apiKey: 5},
}}}"#,
    );
    insta::assert_snapshot!(home.errors(), @r"
    openclaw.json:2:15: models.providers.a.apiKey: the variable A_KEY is not set
    openclaw.json:3:15: models.providers.b.apiKey: secrets.providers.default.path does not say which file
    openclaw.json:4:15: models.providers.c.apiKey: expected text, or a reference {source, provider, id}, found an object without source
    openclaw.json:5:15: models.providers.d.apiKey: expected text, or a reference {source, provider, id}, found something else
    ");
}

#[test]
fn env_lines_take_quotes_export_and_remarks() {
    assert_eq!(assignment("A=1"), Some(("A", "1")));
    assert_eq!(assignment(" export A = 'x y' # z"), Some(("A", "x y")));
    assert_eq!(assignment("A=\"x # y\""), Some(("A", "x # y")));
    assert_eq!(assignment("A=x # y"), Some(("A", "x")));
    assert_eq!(assignment("# A=1"), None);
    assert_eq!(assignment("A"), None);
    assert_eq!(assignment("A="), Some(("A", "")));
}

#[test]
fn what_does_nothing_needs_no_variable() {
    let home = Home::with(r#"{channels: {discord: {token: "${BOT}"}}, odd: "${ODD}"}"#);
    assert_eq!(
        home.load().resolved["channels"]["discord"]["token"],
        "${BOT}"
    );
}

#[test]
fn a_variable_stands_for_a_number_where_one_is_due() {
    let home = Home::with(r#"{gateway: {port: "${PORT}"}, session: {mainKey: "${PORT}"}}"#);
    let home = home.set("PORT", "1234");
    assert_eq!(home.load().gateway.port, 1234);
    assert_eq!(home.load().session.main_key, "1234");
    let errors = home.set("PORT", "http").errors();
    assert!(
        errors.contains("gateway.port: expected a whole number"),
        "{errors}"
    );
}
