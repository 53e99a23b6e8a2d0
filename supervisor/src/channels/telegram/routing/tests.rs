//! Laws of who answers, and where.

use super::*;
use crate::config::{Env, Source};
use std::path::Path;

const GROUP: i64 = -100_123;

fn config(text: &str) -> Config {
    let mut env = Env::default();
    env.fill("HOME", "/nowhere");
    let agents = "agents: {list: [{id: 'main'}, {id: 'a'}, {id: 'b'}, {id: 'c'}]}";
    let text = text
        .replace("AGENTS", agents)
        .replace("TOKEN", "'123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw0'")
        .replace("OTHER", "'987654321:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw0'");
    let source = Source::new(env, Path::new("/nowhere"));
    source.load_text(&text).unwrap()
}

fn bot(rest: &str) -> Config {
    config(&format!(
        "{{AGENTS, channels: {{telegram: {{botToken: TOKEN}}}}, {rest}}}"
    ))
}

const ALICE: Spot = Spot {
    chat: 7,
    formerly: None,
    thread: None,
    group: false,
    sender: 7,
};

const DEVS: Spot = Spot {
    chat: GROUP,
    formerly: None,
    thread: None,
    group: true,
    sender: 7,
};

fn key(config: &Config, spot: &Spot) -> String {
    route(config, &config.telegram[0], spot).session.0
}

fn answers(config: &Config, spot: &Spot) -> String {
    route(config, &config.telegram[0], spot).agent.0
}

#[test]
fn private_chats_share_what_they_are_told_to() {
    let at = |scope: &str| key(&bot(&format!("session: {{dmScope: '{scope}'}}")), &ALICE);
    assert_eq!(key(&bot(""), &ALICE), "agent:main:main");
    assert_eq!(at("main"), "agent:main:main");
    assert_eq!(at("per-peer"), "agent:main:dm:7");
    assert_eq!(at("per-channel-peer"), "agent:main:telegram:dm:7");
    assert_eq!(
        at("per-account-channel-peer"),
        "agent:main:telegram:default:dm:7"
    );
    let linked = bot("session: {dmScope: 'per-peer', identityLinks: {Ann: ['telegram:7', 'x:8']}}");
    assert_eq!(key(&linked, &ALICE), "agent:main:dm:ann");
    let other = Spot {
        chat: 8,
        sender: 8,
        ..ALICE
    };
    assert_eq!(key(&linked, &other), "agent:main:dm:8");
}

#[test]
fn a_group_is_a_session_and_so_is_each_of_its_topics_and_of_a_private_chats() {
    let config = bot("");
    assert_eq!(key(&config, &DEVS), "agent:main:telegram:group:-100123");
    let topic = Spot {
        thread: Some(5),
        ..DEVS
    };
    assert_eq!(
        key(&config, &topic),
        "agent:main:telegram:group:-100123:topic:5"
    );
    let private = Spot {
        thread: Some(5),
        ..ALICE
    };
    assert_eq!(key(&config, &private), "agent:main:main:thread:7:5");
}

#[test]
fn a_group_that_became_a_supergroup_keeps_its_session_and_its_agent() {
    let config = bot("bindings: [
        {agentId: 'a', match: {channel: 'telegram', peer: {kind: 'group', id: '-55'}}}]");
    let moved = Spot {
        formerly: Some(-55),
        ..DEVS
    };
    let route = route(&config, &config.telegram[0], &moved);
    assert_eq!(route.session.0, "agent:a:telegram:group:-55");
}

#[test]
fn the_binding_that_says_most_counts() {
    let config = bot("bindings: [
        {agentId: 'a', match: {channel: 'telegram', accountId: '*'}},
        {agentId: 'b', match: {channel: 'telegram'}},
        {agentId: 'c', match: {channel: 'telegram', accountId: '*', peer: {kind: 'direct', id: '7'}}},
        {agentId: 'a', match: {channel: 'telegram', peer: {kind: 'direct', id: '7'}}},
        {agentId: 'main', match: {channel: 'telegram', peer: {kind: 'group', id: '-100123:topic:5'}}},
        {agentId: 'c', match: {channel: 'telegram', peer: {kind: 'group', id: '-100123'}}},
        {agentId: 'c', match: {channel: 'elsewhere', peer: {kind: 'direct', id: '8'}}}]");
    assert_eq!(answers(&config, &ALICE), "c");
    let other = Spot {
        chat: 8,
        sender: 8,
        ..ALICE
    };
    assert_eq!(answers(&config, &other), "b");
    assert_eq!(answers(&config, &DEVS), "c");
    let topic = Spot {
        thread: Some(5),
        ..DEVS
    };
    assert_eq!(answers(&config, &topic), "main");
    assert_eq!(answers(&bot(""), &ALICE), "main");
}

#[test]
fn an_account_that_is_not_the_default_one_has_bindings_of_its_own() {
    let config = config(
        "{AGENTS, channels: {telegram: {botToken: TOKEN, accounts: {work: {botToken: OTHER}}}},
        bindings: [
            {agentId: 'a', match: {channel: 'telegram'}},
            {agentId: 'b', match: {channel: 'telegram', accountId: 'Work'}},
            {agentId: 'c', match: {channel: 'telegram', accountId: '*'}}]}",
    );
    let of = |id: &str| {
        let account = config.telegram.iter().find(|account| account.id == id);
        route(&config, account.unwrap(), &ALICE).agent.0
    };
    assert_eq!((of("default").as_str(), of("work").as_str()), ("a", "b"));
}

#[test]
fn a_group_names_its_own_agent() {
    let with = |groups: &str| {
        config(&format!(
            "{{AGENTS, channels: {{telegram: {{botToken: TOKEN, groups: {groups}}}}},
              bindings: [{{agentId: 'c', match: {{channel: 'telegram', peer: {{kind: 'group', id: '-100123'}}}}}},
                         {{agentId: 'a', match: {{channel: 'telegram'}}}}]}}"
        ))
    };
    let topic = Spot {
        thread: Some(5),
        ..DEVS
    };
    let own = with("{'-100123': {agentId: 'a', topics: {'5': {agentId: 'b'}}}}");
    assert_eq!(answers(&own, &DEVS), "a");
    assert_eq!(answers(&own, &topic), "b");
    let every = with("{'*': {agentId: 'b'}, '-100123': {}}");
    assert_eq!(answers(&every, &DEVS), "c");
    let other = Spot { chat: -9, ..DEVS };
    assert_eq!(answers(&every, &other), "b");
    assert_eq!(answers(&with("{}"), &other), "a");
}
