//! Laws of who may speak.

use super::*;
use crate::config::{Config, Env, Source};
use proptest::prelude::*;
use std::path::Path;

const GROUP: i64 = -100_123;
const ALICE: i64 = 7;
const MALLORY: i64 = 666;
const PAIRED: Standing = Standing {
    paired: true,
    first: false,
};

/// The bot of a channel of these settings.
fn bot(settings: &str) -> TelegramAccount {
    let token = "123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw0";
    config(&format!(
        "{{channels: {{telegram: {{botToken: '{token}', {settings}}}}}}}"
    ))
    .telegram
    .remove(0)
}

fn config(text: &str) -> Config {
    let mut env = Env::default();
    env.fill("HOME", "/nowhere");
    let source = Source::new(env, Path::new("/nowhere"));
    source.load_text(text).unwrap()
}

fn private(account: &TelegramAccount, sender: i64) -> Speaking<'_> {
    Speaking {
        account,
        sender,
        is_bot: false,
        room: Room::Private,
        named: false,
        elsewhere: false,
        standing: Standing::default(),
        activation: None,
    }
}

/// Somebody names the bot in a group.
fn group(account: &TelegramAccount, sender: i64) -> Speaking<'_> {
    Speaking {
        room: room(GROUP, None),
        named: true,
        ..private(account, sender)
    }
}

fn room(chat: i64, thread: Option<i32>) -> Room {
    Room::Group {
        chat,
        formerly: None,
        thread,
    }
}

fn is_admitted(speaking: &Speaking<'_>) -> bool {
    matches!(admit(speaking), Admission::Admit { .. })
}

const GUEST: Admission = Admission::Admit { owner: false };
const OWNER: Admission = Admission::Admit { owner: true };

#[test]
fn a_stranger_may_ask_to_be_let_in_unless_something_else_is_said() {
    let at = |settings: &str| admit(&private(&bot(settings), ALICE));
    assert_eq!(at(""), Admission::Pair);
    assert_eq!(at("allowFrom: ['7']"), OWNER);
    assert_eq!(at("allowFrom: ['*']"), GUEST);
    assert_eq!(at("dmPolicy: 'open', allowFrom: ['*']"), GUEST);
    assert!(matches!(
        at("dmPolicy: 'allowlist', allowFrom: ['8']"),
        Admission::Ignore(_)
    ));
    assert!(matches!(at("dmPolicy: 'disabled'"), Admission::Ignore(_)));
}

#[test]
fn who_was_approved_may_speak_in_private() {
    for (settings, may) in [
        ("", true),
        ("dmPolicy: 'allowlist', allowFrom: ['8']", true),
        ("dmPolicy: 'disabled'", false),
    ] {
        let bot = bot(settings);
        let speaking = Speaking {
            standing: PAIRED,
            ..private(&bot, ALICE)
        };
        assert_eq!(is_admitted(&speaking), may, "{settings}");
    }
}

#[test]
fn a_bot_is_never_answered_but_a_group_that_speaks_itself_may_be() {
    let bot = bot("dmPolicy: 'open', allowFrom: ['*'], groupPolicy: 'open'");
    for speaking in [private(&bot, ALICE), group(&bot, ALICE)] {
        let speaking = Speaking {
            is_bot: true,
            ..speaking
        };
        assert!(matches!(admit(&speaking), Admission::Ignore(_)));
    }
    let anonymous = Speaking {
        is_bot: true,
        ..group(&bot, GROUP)
    };
    assert_eq!(admit(&anonymous), GUEST);
    // Whom nobody can list is let in where anyone is.
    let listed = self::bot("groupAllowFrom: ['7']");
    assert!(!is_admitted(&group(&listed, GROUP)));
}

#[test]
fn being_approved_in_private_opens_no_group() {
    let bot = bot("groups: {'-100123': {}}");
    let first = Standing {
        paired: true,
        first: true,
    };
    for standing in [PAIRED, first] {
        let alice = Speaking {
            standing,
            ..group(&bot, ALICE)
        };
        assert!(matches!(admit(&alice), Admission::Ignore(_)));
    }
}

#[test]
fn a_group_is_spoken_in_where_it_is_listed_and_by_who_is() {
    for (settings, may) in [
        ("groupAllowFrom: ['7']", true),
        ("allowFrom: ['7']", true),
        ("allowFrom: ['7'], groupAllowFrom: ['8']", false),
        ("groupAllowFrom: ['7'], groups: {'-100123': {}}", true),
        ("groupAllowFrom: ['7'], groups: {'-100124': {}}", false),
        ("groupAllowFrom: ['7'], groups: {'*': {}}", true),
        ("groups: {'-100123': {allowFrom: ['7']}}", true),
        (
            "groupAllowFrom: ['7'], groups: {'-100123': {allowFrom: ['8']}}",
            false,
        ),
        (
            "groups: {'*': {allowFrom: ['7']}, '-100123': {allowFrom: ['8']}}",
            false,
        ),
        ("groups: {'*': {allowFrom: ['7']}, '-100123': {}}", true),
        (
            "groupAllowFrom: ['7'], groups: {'-100123': {enabled: false}}",
            false,
        ),
        (
            "groupAllowFrom: ['7'], groups: {'*': {enabled: false}, '-100123': {}}",
            true,
        ),
        ("groupPolicy: 'open'", true),
        ("groupPolicy: 'open', groups: {'-100124': {}}", false),
        (
            "groupPolicy: 'open', groups: {'-100123': {allowFrom: ['8']}}",
            false,
        ),
        ("groupPolicy: 'disabled', groupAllowFrom: ['7']", false),
        (
            "groupPolicy: 'disabled', groups: {'-100123': {groupPolicy: 'open'}}",
            true,
        ),
        (
            "groupPolicy: 'open', groups: {'-100123': {groupPolicy: 'disabled'}}",
            false,
        ),
        (
            "dmPolicy: 'open', allowFrom: ['*'], groupAllowFrom: []",
            false,
        ),
    ] {
        let bot = bot(settings);
        assert_eq!(is_admitted(&group(&bot, ALICE)), may, "{settings}");
        assert!(!is_admitted(&group(&bot, MALLORY)) || settings.contains("open"));
    }
}

#[test]
fn a_topic_goes_over_its_group_and_that_over_every_group() {
    let bot = bot("groupAllowFrom: ['7'], groups: {
        '*': {requireMention: false},
        '-100123': {requireMention: true, topics: {
            '5': {requireMention: false},
            '6': {enabled: false},
            '8': {allowFrom: ['666'], groupPolicy: 'allowlist'},
            '1': {requireMention: false},
            '*': {allowFrom: ['7', '9']},
        }},
    }");
    let at = |thread, sender| {
        admit(&Speaking {
            room: room(GROUP, thread),
            named: false,
            ..group(&bot, sender)
        })
    };
    let is_ignored = |admission| matches!(admission, Admission::Ignore(_));
    assert_eq!(at(Some(5), ALICE), GUEST);
    assert_eq!(at(Some(4), ALICE), Admission::Hear);
    assert!(is_ignored(at(Some(6), ALICE)));
    assert!(is_ignored(at(Some(8), ALICE)));
    assert_eq!(at(Some(8), MALLORY), Admission::Hear);
    assert_eq!(at(None, ALICE), GUEST);
    assert_eq!(at(Some(4), 9), Admission::Hear);
    let elsewhere = Speaking {
        room: room(-100_999, None),
        named: false,
        ..group(&bot, ALICE)
    };
    assert_eq!(admit(&elsewhere), GUEST);
}

#[test]
fn a_group_that_became_a_supergroup_keeps_its_rules() {
    let bot = bot("groupAllowFrom: ['7'], groups: {'-55': {requireMention: false}}");
    let moved = |formerly| {
        admit(&Speaking {
            room: Room::Group {
                chat: GROUP,
                formerly,
                thread: None,
            },
            named: false,
            ..group(&bot, ALICE)
        })
    };
    assert_eq!(moved(Some(-55)), GUEST);
    assert!(matches!(moved(None), Admission::Ignore(_)));
}

#[test]
fn the_bot_answers_who_names_it_unless_it_is_told_to_answer_always() {
    let bot = bot("groupAllowFrom: ['7']");
    let said = |named, activation, elsewhere| {
        admit(&Speaking {
            named,
            activation,
            elsewhere,
            ..group(&bot, ALICE)
        })
    };
    assert_eq!(said(false, None, false), Admission::Hear);
    assert_eq!(said(true, None, false), GUEST);
    assert_eq!(said(false, Some(Activation::Always), false), GUEST);
    let always = self::bot("groupAllowFrom: ['7'], groups: {'*': {requireMention: false}}");
    let mention = Speaking {
        named: false,
        activation: Some(Activation::Mention),
        ..group(&always, ALICE)
    };
    assert_eq!(admit(&mention), Admission::Hear);
    for activation in [None, Some(Activation::Always)] {
        assert!(matches!(said(true, activation, true), Admission::Ignore(_)));
    }
}

#[test]
fn the_owner_is_who_is_configured_then_who_is_listed_then_who_was_first() {
    let first = Standing {
        paired: true,
        first: true,
    };
    let at = |text: &str, standing| {
        let token = "123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw0";
        let text = text.replace("TG", &format!("telegram: {{botToken: '{token}'"));
        is_owner(&config(&text).telegram[0], "7", standing)
    };
    assert!(at("{channels: {TG}}}", first));
    assert!(!at("{channels: {TG}}}", PAIRED));
    assert!(at(
        "{channels: {TG, allowFrom: ['7']}}}",
        Standing::default()
    ));
    assert!(!at("{channels: {TG, allowFrom: ['8']}}}", first));
    assert!(at("{channels: {TG, allowFrom: ['*']}}}", first));
    let owned = "{commands: {ownerAllowFrom: ['tg:8']}, channels: {TG, allowFrom: ['7']}}}";
    assert!(!at(owned, first));
    let owned = "{commands: {ownerAllowFrom: ['telegram:7']}, channels: {TG}}}";
    assert!(at(owned, Standing::default()));
    let approver = "{channels: {TG, execApprovals: {approvers: ['7']}}}}";
    assert!(at(approver, Standing::default()));
}

#[test]
fn what_is_no_activation_is_none() {
    assert_eq!(Activation::parse(" always\n"), Some(Activation::Always));
    assert_eq!(Activation::parse("mention"), Some(Activation::Mention));
    assert_eq!(Activation::parse("never"), None);
}

proptest! {
    #[test]
    fn nobody_unlisted_is_admitted_under_the_defaults(
        sender: i64,
        is_bot: bool,
        named: bool,
        in_group: bool,
        chat: i64,
        thread: Option<i32>,
        always: bool,
    ) {
        let bot = bot("");
        let speaking = Speaking {
            is_bot,
            named,
            room: if in_group { room(chat, thread) } else { Room::Private },
            activation: always.then_some(Activation::Always),
            ..private(&bot, sender)
        };
        prop_assert!(!is_admitted(&speaking));
        if in_group {
            prop_assert!(matches!(admit(&speaking), Admission::Ignore(_)));
        }
    }
}
