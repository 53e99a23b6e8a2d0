use super::*;

#[test]
fn includes_are_merged_below_what_stands_beside_them() {
    let home = Home::new(&[
        (
            "openclaw.json",
            r#"{$include: ["a.json5", "parts/b.json5"], tools: {deny: ["c"]}, budget: {$include: "budget.json"}}"#,
        ),
        (
            "a.json5",
            "{session: {mainKey: 'a', scope: 'global'}, tools: {deny: ['a']}}",
        ),
        (
            "parts/b.json5",
            "{session: {$include: './session.json5'}, tools: {deny: ['b']}}",
        ),
        ("parts/session.json5", "{mainKey: 'b'} // found from here"),
        ("budget.json", r#"{"modelCallsPerTurn": 7}"#),
    ]);
    let config = home.load();
    assert_eq!(config.session.main_key, "b");
    assert_eq!(config.session.scope, crate::config::Scope::Global);
    assert_eq!(config.agents[0].tools.global.deny, ["a", "b", "c"]);
    assert_eq!(config.budget.model_calls, 7);
    assert_eq!(
        config.raw["session"],
        json!({"mainKey": "b", "scope": "global"})
    );
    assert_eq!(home.source().attempt().files.len(), 6);
}

#[test]
fn includes_that_cannot_be_followed_are_told_where_they_stand() {
    let home = Home::new(&[
        (
            "openclaw.json",
            r#"{
  session: {$include: "circle.json"},
  tools: {$include: "missing.json"},
  messages: {$include: "/etc/hostname"},
  commands: {$include: 5},
  budget: {$include: "list.json", tokensPerTurn: 5},
  sandbox: {$include: "bad.json"},
  logging: {$include: "broken.json"},
}"#,
        ),
        ("circle.json", r#"{$include: "circle2.json"}"#),
        ("circle2.json", r#"{$include: "circle.json"}"#),
        ("list.json", "[1]"),
        ("bad.json", "{\n  network: 'moon'\n}"),
        ("broken.json", "{\n  level\n}"),
    ]);
    insta::assert_snapshot!(home.errors(), @r#"
    bad.json:2:12: sandbox.network: expected one of none, proxy, host, found the text "moon"
    broken.json:3:1: expected : after the key level, found }
    circle2.json:1:12: session.$include: these files include each other: openclaw.json → circle.json → circle2.json → circle.json
    openclaw.json:3:21: tools.$include: cannot read missing.json: No such file or directory (os error 2)
    openclaw.json:4:24: messages.$include: /etc/hostname is outside STATE; move it below
    openclaw.json:5:24: commands.$include: expected a file name or a list of them, found 5
    openclaw.json:6:22: budget.$include: beside other keys the included file must hold an object, found a list
    "#);
}

#[test]
fn a_link_out_of_the_folder_is_not_followed() {
    let outside = Home::new(&[("secret.json", "{}")]);
    let home = Home::with(r#"{$include: "link.json"}"#);
    let link = home.dir.path().join("link.json");
    std::os::unix::fs::symlink(outside.dir.path().join("secret.json"), link).unwrap();
    assert!(
        home.errors().contains("link.json is outside"),
        "{}",
        home.errors()
    );
}

#[test]
fn includes_end_at_a_depth_of_ten() {
    let deep = |levels: usize| {
        let home = Home::with(r#"{$include: "1.json"}"#);
        for i in 1..=levels {
            let text = if i < levels {
                format!("{{$include: '{}.json'}}", i + 1)
            } else {
                "{}".into()
            };
            home.write(&format!("{i}.json"), &text);
        }
        home
    };
    deep(10).load();
    assert!(deep(11).errors().contains("nested deeper than 10"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_the_file_holds_there_is_an_answer(text in r#"\{(agents|tools|gateway|models|session|"\$include"): [\[\]{}a-z0-9:,"' ]*\}"#) {
        let _ = Home::with(&text).source().load();
    }
}
