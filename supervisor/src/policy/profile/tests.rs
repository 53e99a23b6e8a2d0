use super::*;
use crate::config::Paths;
use proptest::prelude::*;

fn agent(global: ToolRules, own: ToolRules) -> Agent {
    let mut agent = Agent::main(&Paths::under("/s"));
    agent.tools.global = global;
    agent.tools.agent = own;
    agent
}

fn names(list: &[&str]) -> Vec<String> {
    list.iter().map(|name| (*name).to_owned()).collect()
}

fn offer(agent: &Agent, model: &str, session: &str) -> Offer {
    Offer::new(agent, model.parse().ok().as_ref(), &session.into())
}

fn offered(global: ToolRules, own: ToolRules) -> Vec<&'static str> {
    let offer = offer(&agent(global, own), "openai/gpt-4o", "agent:main:main");
    let has = |tool: &&'static str| offer.check(tool).is_ok();
    NAMES.iter().copied().filter(has).collect()
}

fn allow(list: &[&str]) -> ToolRules {
    ToolRules {
        allow: Some(names(list)),
        ..ToolRules::default()
    }
}

fn deny(list: &[&str]) -> ToolRules {
    ToolRules {
        deny: names(list),
        ..ToolRules::default()
    }
}

fn of(profile: Profile) -> ToolRules {
    ToolRules {
        profile: Some(profile),
        ..ToolRules::default()
    }
}

fn none() -> ToolRules {
    ToolRules::default()
}

#[test]
fn a_profile_is_where_it_begins() {
    assert_eq!(offered(none(), none()), NAMES);
    assert_eq!(offered(of(Profile::Minimal), none()), ["session_status"]);
    assert_eq!(offered(of(Profile::Messaging), none()), ["session_status"]);
    assert_eq!(offered(of(Profile::Minimal), of(Profile::Full)), NAMES);
    let coding = offered(none(), of(Profile::Coding));
    assert_eq!(
        coding,
        NAMES
            .iter()
            .copied()
            .filter(|n| *n != "agents_list")
            .collect::<Vec<_>>()
    );
}

#[test]
fn also_allow_adds_to_a_profile_and_to_the_list_beside_it() {
    let also = |rules: ToolRules| ToolRules {
        also_allow: names(&["EXEC"]),
        ..rules
    };
    assert_eq!(
        offered(also(of(Profile::Minimal)), none()),
        ["exec", "session_status"]
    );
    assert_eq!(
        offered(of(Profile::Minimal), also(none())),
        ["exec", "session_status"]
    );
    assert_eq!(offered(also(allow(&["read"])), none()), ["exec", "read"]);
    assert_eq!(offered(allow(&["read"]), also(none())), ["read"]);
}

#[test]
fn layers_narrow_each_other_and_deny_wins() {
    assert_eq!(
        offered(allow(&["group:fs"]), allow(&["read", "exec"])),
        ["read"]
    );
    let both = ToolRules {
        deny: names(&["group:runtime"]),
        ..allow(&["*"])
    };
    assert!(!offered(both, none()).contains(&"exec"));
    assert!(!offered(none(), deny(&["Ex*"])).contains(&"exec"));
    assert!(offered(deny(&["*"]), allow(&["*"])).is_empty());
}

#[test]
fn a_provider_may_have_rules_of_its_own() {
    let with = |name: &str, rules: ToolRules| ToolRules {
        by_provider: [(name.to_owned(), rules)].into(),
        ..none()
    };
    assert_eq!(
        offered(with("openai", of(Profile::Minimal)), none()),
        ["session_status"]
    );
    assert_eq!(
        offered(with("OpenAI/GPT-4o", allow(&["ls"])), none()),
        ["ls"]
    );
    assert_eq!(offered(none(), with("openai", allow(&["ls"]))), ["ls"]);
    assert_eq!(offered(with("anthropic", allow(&["ls"])), none()), NAMES);
    let mut both = with("openai", allow(&["ls"]));
    both.by_provider
        .insert("openai/gpt-4o".into(), allow(&["read"]));
    assert_eq!(
        offered(both, none()),
        ["read"],
        "the model's own come first"
    );
}

#[test]
fn a_list_of_unknown_names_is_ignored_and_told() {
    let main = agent(allow(&["exce", "raed"]), deny(&["bsah"]));
    let offer = offer(&main, "a/b", "agent:main:main");
    assert!(offer.left_out.is_empty());
    assert_eq!(offer.warnings.len(), 4, "{:?}", offer.warnings);
    assert!(
        offered(allow(&["browser"]), none()).is_empty(),
        "OpenClaw has it"
    );
    assert_eq!(
        offered(allow(&[]), none()),
        NAMES,
        "an empty list says nothing"
    );
}

#[test]
fn a_refusal_names_the_key_and_what_there_is() {
    let main = agent(of(Profile::Minimal), none());
    let refusal = offer(&main, "a/b", "agent:main:main")
        .check("exec")
        .unwrap_err();
    for part in [
        "minimal",
        "tools.profile",
        "tools.alsoAllow",
        "It has: session_status",
    ] {
        assert!(refusal.contains(part), "{refusal}");
    }
    let main = agent(none(), deny(&["group:runtime"]));
    let refusal = offer(&main, "a/b", "agent:main:main")
        .check("exec")
        .unwrap_err();
    assert!(
        refusal.contains("`agents.list[main].tools.deny` names group:runtime"),
        "{refusal}"
    );
}

#[test]
fn a_sub_agent_works_and_leaves_sessions_to_its_parent() {
    let main = agent(none(), none());
    let offer = offer(&main, "a/b", "agent:main:subagent:1");
    assert!(offer.check("exec").is_ok() && offer.check("read").is_ok());
    assert!(offer.check("session_status").is_err() && offer.check("agents_list").is_err());
}

#[test]
fn apply_patch_can_be_switched_off_by_itself() {
    let mut main = agent(none(), none());
    main.tools.exec.apply_patch = false;
    let offer = offer(&main, "a/b", "agent:main:main");
    assert!(
        offer
            .check("apply_patch")
            .unwrap_err()
            .contains("applyPatch")
    );
}

fn entry() -> impl Strategy<Value = String> {
    prop_oneof![
        proptest::sample::select(&NAMES[..]).prop_map(str::to_owned),
        "group:(fs|runtime|sessions)",
        Just("*".to_owned()),
        Just("nothing".to_owned()),
    ]
}

fn rules() -> impl Strategy<Value = ToolRules> {
    let list = || proptest::collection::vec(entry(), 0..3);
    (proptest::option::of(list()), list(), list()).prop_map(|(allow, also_allow, deny)| ToolRules {
        allow,
        also_allow,
        deny,
        ..ToolRules::default()
    })
}

proptest! {
    #[test]
    fn what_is_denied_is_never_offered(global in rules(), own in rules()) {
        let denied: Vec<String> = global.deny.iter().chain(&own.deny).cloned().collect();
        for tool in offered(global, own) {
            prop_assert!(!denied.iter().any(|entry| covers(entry, tool)));
        }
    }

    #[test]
    fn one_more_denied_name_never_adds_a_tool(global in rules(), own in rules(), more in entry()) {
        let before = offered(global.clone(), own.clone());
        let mut narrower = own;
        narrower.deny.push(more);
        for tool in offered(global, narrower) {
            prop_assert!(before.contains(&tool));
        }
    }
}
