//! Laws of the desk.

use super::*;
use crate::audit::Audit;
use crate::config::{Config, Env, Source as ConfigSource};
use serde_json::{Value, json};
use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

struct Place {
    folder: tempfile::TempDir,
    config: Arc<Config>,
}

impl Place {
    fn new(settings: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut env = Env::default();
        env.fill("HOME", folder.path().to_str().unwrap());
        let text = format!(
            "{{channels: {{telegram: {{botToken: '123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw0', \
             accounts: {{work: {{botToken: '987654321:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw0'}}}}, \
             {settings}}}}}}}"
        );
        let source = ConfigSource::new(env, Path::new("/"));
        let config = Arc::new(source.load_text(&text).unwrap());
        Self { folder, config }
    }

    /// A desk, as a gateway that has just started has it.
    fn desk(&self) -> Desk {
        let config = Arc::clone(&self.config);
        Desk::new(Audit::nowhere(), move || Arc::clone(&config))
    }

    fn file(&self, name: &str) -> PathBuf {
        let _ = self.folder.path();
        self.config.paths.credentials().join(name)
    }

    fn said(&self, name: &str) -> Value {
        serde_json::from_str(&fs::read_to_string(self.file(name)).unwrap()).unwrap()
    }
}

fn who<'a>(account: &'a str, sender: &'a str) -> Who<'a> {
    Who {
        account,
        sender,
        name: "Ann",
        username: None,
    }
}

fn asks(desk: &Desk, account: &str, sender: &str) -> Request {
    match desk.ask(who(account, sender)).unwrap() {
        Asked::Has(request) => request,
        other @ (Asked::Full { .. } | Asked::Away | Asked::In) => panic!("{other:?}"),
    }
}

const PAGE: Source = Source::Page(IpAddr::V4(Ipv4Addr::LOCALHOST));

#[test]
fn a_stranger_has_one_code_however_often_they_ask_also_after_a_restart() {
    let place = Place::new("");
    let request = asks(&place.desk(), "default", "5");
    let desk = place.desk();
    for _ in 0..50 {
        assert_eq!(
            asks(&desk, "default", "5").code.as_str(),
            request.code.as_str()
        );
    }
    let said = place.said("telegram-pairing.json");
    assert_eq!(said["version"], 1);
    assert_eq!(said["requests"].as_array().unwrap().len(), 1);
    assert_eq!(said["requests"][0]["code"], request.code.as_str());
}

#[test]
fn three_may_ask_at_a_time_by_each_account() {
    let place = Place::new("");
    let desk = place.desk();
    for sender in ["1", "2", "3"] {
        asks(&desk, "default", sender);
    }
    for n in 0..50 {
        let asked = desk.ask(who("default", "4")).unwrap();
        let told = matches!(asked, Asked::Full { tell: Some(_) });
        assert!(matches!(asked, Asked::Full { .. }));
        // (The hour may end meanwhile.)
        assert!(told || n >= 20);
    }
    asks(&desk, "work", "4");
    asks(&desk, "default", "1");
    let first = asks(&desk, "default", "2");
    desk.approve(&first, "cli").unwrap();
    asks(&desk, "default", "4");
}

#[test]
fn a_code_is_good_once_and_for_an_hour() {
    let place = Place::new("");
    let desk = place.desk();
    let request = asks(&desk, "default", "5");
    let typed = request.code.as_str().to_lowercase();
    assert_eq!(desk.named(Source::Cli, &typed).unwrap(), request);
    desk.approve(&request, "cli").unwrap();
    assert_eq!(desk.approve(&request, "cli"), Err(WordError::Unknown));
    assert_eq!(desk.named(Source::Cli, &typed), Err(WordError::Unknown));
    assert!(desk.pending().unwrap().is_empty());
    assert!(desk.standing("default", "5").unwrap().paired);
    assert!(!desk.standing("work", "5").unwrap().paired);

    let request = asks(&desk, "default", "6");
    let mut said = place.said("telegram-pairing.json");
    let long_ago = jiff::Timestamp::now() - jiff::SignedDuration::from_mins(61);
    for entry in said["requests"].as_array_mut().unwrap() {
        entry["createdAt"] = json!(long_ago.to_string());
    }
    fs::write(place.file("telegram-pairing.json"), said.to_string()).unwrap();
    assert!(desk.whose(&request.code).unwrap().is_none());
    assert_eq!(desk.approve(&request, "cli"), Err(WordError::Unknown));
    let anew = asks(&desk, "default", "6");
    assert_ne!(anew.code.as_str(), request.code.as_str());
}

#[test]
fn the_first_one_owns_the_gateway_where_nobody_is_configured_to() {
    let place = Place::new("");
    let desk = place.desk();
    let (first, second) = (asks(&desk, "default", "5"), asks(&desk, "work", "6"));
    assert!(desk.would_own("default", "5"));
    assert!(desk.approve(&first, "cli").unwrap());
    assert!(!desk.would_own("work", "6"));
    assert!(!desk.approve(&second, "cli").unwrap());
    let owns = |sender| desk.standing("default", sender).unwrap().first;
    assert!(owns("5") && !owns("6"));
    let owners: Vec<_> = desk
        .paired()
        .unwrap()
        .into_iter()
        .map(|p| (p.sender, p.owner))
        .collect();
    assert_eq!(owners, [("5".to_owned(), true), ("6".to_owned(), false)]);
    desk.revoke(None, "tg:5", "cli").unwrap();
    assert!(!owns("5") && desk.would_own("default", "7"));

    let listed = Place::new("allowFrom: ['9']");
    let desk = listed.desk();
    let request = asks(&desk, "default", "5");
    assert!(!desk.approve(&request, "cli").unwrap());
    assert!(!desk.standing("default", "5").unwrap().first);
}

#[test]
fn who_is_sent_away_gets_no_code_for_a_day_and_who_is_put_out_may_ask_again() {
    let place = Place::new("");
    let desk = place.desk();
    let mut changes = desk.changes();
    let request = asks(&desk, "default", "5");
    desk.reject(&request, "cli").unwrap();
    assert!(changes.has_changed().unwrap());
    changes.mark_unchanged();
    assert_eq!(desk.ask(who("default", "5")).unwrap(), Asked::Away);
    assert!(desk.is_away("default", "5").unwrap());
    assert_eq!(desk.approve(&request, "cli"), Err(WordError::Unknown));

    let request = asks(&desk, "default", "6");
    desk.approve(&request, "cli").unwrap();
    assert_eq!(
        desk.revoke(Some("work"), "6", "cli"),
        Err(WordError::NotPaired("6".into()))
    );
    assert_eq!(desk.revoke(None, "6", "cli").unwrap(), ["default"]);
    assert!(!desk.standing("default", "6").unwrap().paired);
    let anew = asks(&desk, "default", "6");
    assert_ne!(anew.code.as_str(), request.code.as_str());
}

#[test]
fn who_was_let_in_is_told_once() {
    let place = Place::new("");
    let desk = place.desk();
    let request = asks(&desk, "default", "5");
    assert!(desk.settled("default").unwrap().is_empty());
    assert!(desk.is_fresh("default", "5") && !desk.is_fresh("work", "5"));
    desk.approve(&request, "cli").unwrap();
    // A kill in between.
    let desk = place.desk();
    assert_eq!(
        desk.settled("default").unwrap(),
        std::slice::from_ref(&request)
    );
    let again = asks(&desk, "default", "6");
    desk.approve(&again, "cli").unwrap();
    assert!(desk.is_fresh("default", "6"));
    for told in [&request, &again] {
        desk.forget(told).unwrap();
    }
    assert!(!desk.is_fresh("default", "6"));
    assert!(desk.settled("default").unwrap().is_empty());
}

#[test]
fn a_list_that_is_changed_by_hand_counts_at_once() {
    let place = Place::new("");
    let desk = place.desk();
    asks(&desk, "default", "5");
    fs::write(
        place.file("telegram-allowFrom.json"),
        r#"{"version":1,"allowFrom":["5"]}"#,
    )
    .unwrap();
    assert!(desk.standing("default", "5").unwrap().paired);
    assert!(desk.pending().unwrap().is_empty());
    assert_eq!(desk.settled("default").unwrap().len(), 1);
    fs::remove_file(place.file("telegram-allowFrom.json")).unwrap();
    assert!(!desk.standing("default", "5").unwrap().paired);
}

#[test]
fn a_broken_file_lets_nobody_in_and_says_so() {
    let place = Place::new("");
    let desk = place.desk();
    let request = asks(&desk, "default", "5");
    assert!(desk.complaint().is_none());
    for name in ["telegram-allowFrom.json", "telegram-pairing.json"] {
        let before = fs::read(place.file(name)).ok();
        fs::write(place.file(name), "{").unwrap();
        assert!(desk.ask(who("default", "6")).is_err());
        assert!(matches!(
            desk.approve(&request, "cli"),
            Err(WordError::Store(_))
        ));
        let complaint = desk.complaint().unwrap();
        assert!(complaint.contains(name), "{complaint}");
        assert_eq!(fs::read_to_string(place.file(name)).unwrap(), "{");
        match before {
            Some(before) => fs::write(place.file(name), before).unwrap(),
            None => fs::remove_file(place.file(name)).unwrap(),
        }
    }
    assert!(desk.complaint().is_none());
    // Nobody owns the gateway by a broken file, but people are let in.
    fs::write(place.file("telegram-owner.json"), "{").unwrap();
    assert!(!desk.approve(&request, "cli").unwrap());
    assert_eq!(
        desk.standing("default", "5").unwrap(),
        Standing {
            paired: true,
            first: false
        }
    );
    assert!(desk.complaint().is_some());
}

#[test]
fn where_nobody_asks_a_broken_list_gives_nobody_a_code_either() {
    let place = Place::new("");
    let desk = place.desk();
    let request = asks(&desk, "default", "5");
    desk.approve(&request, "cli").unwrap();
    desk.forget(&request).unwrap();
    assert_eq!(desk.ask(who("default", "5")).unwrap(), Asked::In);
    fs::write(place.file("telegram-allowFrom.json"), "{").unwrap();
    assert!(desk.ask(who("default", "5")).is_err());
    assert!(desk.ask(who("default", "6")).is_err());
}

#[test]
fn guessing_is_locked_out_also_with_the_right_code() {
    let place = Place::new("");
    let desk = place.desk();
    let request = asks(&desk, "default", "5");
    for _ in 0..10 {
        assert_eq!(desk.named(PAGE, "AAAA2222"), Err(WordError::Unknown));
    }
    let locked = desk.named(PAGE, request.code.as_str());
    assert!(matches!(locked, Err(WordError::Locked(_))), "{locked:?}");
    assert!(desk.named(Source::Cli, request.code.as_str()).is_ok());
}

#[test]
fn a_link_leads_to_the_page() {
    let place = Place::new("");
    let desk = place.desk();
    let code = Code::parse("ABCD2345").unwrap();
    assert_eq!(desk.link(&code), None);
    desk.pages_at("0.0.0.0:4711".parse().unwrap());
    assert_eq!(
        desk.link(&code).unwrap(),
        "http://127.0.0.1:4711/pair/ABCD2345"
    );
}
