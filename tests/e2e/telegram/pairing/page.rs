//! The page, and those who mean harm.

use super::browser::Browser;
use super::{TOKEN, code_of, codes, gateway, record, shaped, word};
use serde_json::json;
use tests::page::{Page, send};
use tests::{Gateway, eventually};

/// Somebody has asked; the page of that.
async fn asked(gateway: &Gateway) -> (tests::telegram::Person, String) {
    let alice = gateway.telegram().person("Alice");
    alice.says("hello").await;
    let code = code_of(&alice).await;
    (alice, format!("/pair/{code}"))
}

fn is_in(gateway: &Gateway) -> bool {
    super::credentials(gateway, "telegram-allowFrom.json").exists()
}

#[tokio::test]
async fn a_person_opens_the_link_types_the_token_once_and_lets_people_in() {
    let gateway = gateway().await;
    let (alice, path) = asked(&gateway).await;
    let mut browser = Browser::new(gateway.address().await);
    let page = browser.opens(&path).await;
    assert_eq!(page.status, 200, "{page:?}");
    for words in ["Alice", &alice.id().to_string(), "@our_bot", "owner"] {
        assert!(page.body.contains(words), "{words} in {}", page.body);
    }
    assert!(page.has_field("token"));
    for header in [
        "cache-control: no-store",
        "referrer-policy: same-origin",
        "x-content-type-options: nosniff",
        "x-frame-options: deny",
        "content-security-policy: default-src 'none'; style-src 'sha256-",
        "frame-ancestors 'none'",
    ] {
        assert!(page.head.contains(header), "{header} in {}", page.head);
    }
    assert!(!page.body.contains("<script") && !page.body.contains("javascript:"));
    assert!(!is_in(&gateway));

    let done = browser.decides(&path, TOKEN, "approve").await;
    assert_eq!(done.status, 200, "{done:?}");
    assert!(done.body.contains("They are in"), "{}", done.body);
    alice.sees("You said hello.").await;

    // The next one needs no token in this browser.
    let bob = gateway.telegram().person("Bob");
    bob.says("hey").await;
    let path = format!("/pair/{}", code_of(&bob).await);
    let page = browser.opens(&path).await;
    assert!(page.has_form() && !page.has_field("token"), "{}", page.body);
    assert!(!page.body.contains("owner"), "{}", page.body);
    let csrf = page.field("csrf").to_owned();
    let done = browser
        .posts(&path, &[("csrf", &csrf), ("word", "reject")])
        .await;
    assert!(done.body.contains("Sent away"), "{}", done.body);
    let by_page = |(what, _, by): &(String, String, String)| {
        what == "rejected" && by.contains("page from 127.0.0.1, the gateway's token")
    };
    eventually!(
        record(&gateway).iter().any(by_page),
        "{:?}",
        record(&gateway)
    );
    let log = std::fs::read_to_string(gateway.state_dir().join("logs/audit.jsonl")).unwrap();
    assert!(!log.contains(TOKEN) && !gateway.log().contains(TOKEN));
}

#[tokio::test]
async fn opening_the_page_changes_nothing() {
    let gateway = gateway().await;
    let (_, path) = asked(&gateway).await;
    let mut browser = Browser::new(gateway.address().await);
    for more in [
        "",
        "?word=approve",
        "?word=approve&token=a-token-that-is-long-enough",
    ] {
        let page = browser.opens(&format!("{path}{more}")).await;
        assert!(page.has_form(), "{page:?}");
    }
    assert!(!is_in(&gateway));
}

/// What of an answer somebody could learn from.
fn words(page: &Page) -> (u16, String) {
    (page.status, page.body.clone())
}

#[tokio::test]
async fn a_wrong_token_and_a_wrong_code_are_told_alike() {
    let gateway = gateway().await;
    let (alice, path) = asked(&gateway).await;
    let mut browser = Browser::new(gateway.address().await);
    let wrong_token = browser.decides(&path, "no-such-token", "approve").await;
    assert_eq!(wrong_token.status, 404, "{wrong_token:?}");
    assert!(!wrong_token.body.contains("Alice"));
    // The form of one code is good for no other.
    let page = browser.opens(&path).await;
    let csrf = page.field("csrf").to_owned();
    let other = browser
        .posts(
            "/pair/AAAA2222",
            &[("token", TOKEN), ("csrf", &csrf), ("word", "approve")],
        )
        .await;
    assert_eq!(other.status, 403, "{other:?}");
    let wrong_code = browser.opens("/pair/AAAA2222").await;
    assert_eq!(words(&wrong_code), words(&wrong_token));
    // A code that was used meanwhile, with the right token.
    let code = path.trim_start_matches("/pair/");
    word(&gateway, "reject", code).await;
    let used = browser
        .posts(
            &path,
            &[("token", TOKEN), ("csrf", &csrf), ("word", "approve")],
        )
        .await;
    assert_eq!(words(&used), words(&wrong_token));
    assert!(!is_in(&gateway));
    assert_eq!(codes(&alice), 1);
}

#[tokio::test]
async fn guessing_locks_the_page_and_not_the_command_line() {
    let gateway = gateway().await;
    let (alice, path) = asked(&gateway).await;
    let at = gateway.address().await;
    let mut browser = Browser::new(at);
    let page = browser.opens(&path).await;
    let csrf = page.field("csrf").to_owned();
    let mut tries = 0;
    loop {
        let guess = format!("guess-{tries}");
        let page = browser
            .posts(
                &path,
                &[("token", &guess), ("csrf", &csrf), ("word", "approve")],
            )
            .await;
        tries += 1;
        match page.status {
            404 => assert!(tries <= 10),
            429 => break,
            other => panic!("{other}"),
        }
    }
    assert_eq!(tries, 11);
    let right = browser
        .posts(
            &path,
            &[("token", TOKEN), ("csrf", &csrf), ("word", "approve")],
        )
        .await;
    assert_eq!(right.status, 429);
    assert!(right.body.contains("oo many wrong tries"), "{}", right.body);
    for path in [path.as_str(), "/pair/AAAA2222", "/pair/x"] {
        assert_eq!(Browser::new(at).opens(path).await.status, 429, "{path}");
    }
    assert!(!is_in(&gateway));
    let code = path.trim_start_matches("/pair/");
    word(&gateway, "approve", code).await;
    alice.sees("You said hello.").await;
}

#[tokio::test]
async fn other_pages_decide_nothing() {
    let gateway = gateway().await;
    let (_, path) = asked(&gateway).await;
    let at = gateway.address().await;
    let mut browser = Browser::new(at);
    let page = browser.opens(&path).await;
    let csrf = page.field("csrf").to_owned();
    let right = [
        ("token", TOKEN),
        ("csrf", csrf.as_str()),
        ("word", "approve"),
    ];
    for origin in [
        "",
        "null",
        "https://evil.example",
        "http://127.0.0.1",
        "http://127.0.0.1:1",
        "http://localhost.evil.example",
    ] {
        browser.origin = origin.to_owned();
        let page = browser.posts(&path, &right).await;
        assert_eq!(page.status, 403, "{origin}: {page:?}");
    }
    browser.origin = format!("http://{at}");
    for fields in [
        vec![("token", TOKEN), ("word", "approve")],
        vec![("token", TOKEN), ("csrf", "x"), ("word", "approve")],
        vec![("token", TOKEN), ("csrf", ""), ("word", "approve")],
        vec![
            ("token", TOKEN),
            ("csrf", &csrf),
            ("csrf", &csrf),
            ("word", "approve"),
        ],
        vec![("token", TOKEN), ("csrf", &csrf), ("word", "both")],
        vec![
            ("token", TOKEN),
            ("csrf", &csrf),
            ("word", "approve"),
            ("word", "reject"),
        ],
    ] {
        let page = browser.posts(&path, &fields).await;
        assert!(matches!(page.status, 400 | 403), "{fields:?}: {page:?}");
    }
    // The form of another browser.
    let mut other = Browser::new(at);
    other.opens(&path).await;
    assert_eq!(other.posts(&path, &right).await.status, 403);
    // A name that leads here is not thereby ours.
    let mut rebound = Browser::new(at);
    rebound.host = format!("evil.example:{}", at.port());
    rebound.origin = format!("http://{}", rebound.host);
    assert_eq!(rebound.opens(&path).await.status, 403);
    assert_eq!(rebound.posts(&path, &right).await.status, 403);
    // A picture or a frame on another page.
    for wanted in ["image", "iframe", "empty"] {
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {at}\r\nSec-Fetch-Dest: {wanted}\r\nConnection: close\r\n\r\n"
        );
        assert_eq!(send(at, &request).await.status, 403, "{wanted}");
    }
    // Neither JSON nor a page of other kinds, nor more than a form.
    let body = format!(
        "token={TOKEN}&csrf={csrf}&word=approve&x={}",
        "y".repeat(10_000)
    );
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: {at}\r\nOrigin: http://{at}\r\nContent-Type: \
         application/x-www-form-urlencoded\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    assert_eq!(send(at, &request).await.status, 413);
    assert!(!is_in(&gateway));
    assert_eq!(browser.posts(&path, &right).await.status, 200);
    assert!(is_in(&gateway));
}

#[tokio::test]
async fn a_name_is_a_name_and_no_page() {
    let gateway = gateway().await;
    let hostile = "<script>alert(1)</script>\"><img src=x onerror=alert(2)>";
    let mallory = gateway.telegram().person(hostile);
    mallory.says("hi").await;
    let path = format!("/pair/{}", code_of(&mallory).await);
    let mut browser = Browser::new(gateway.address().await);
    let page = browser.opens(&path).await;
    assert!(page.body.contains("alert(1)"), "{}", page.body);
    let done = browser.decides(&path, TOKEN, "approve").await;
    for page in [page, done] {
        assert!(!page.body.contains("<script"), "{}", page.body);
        assert!(!page.body.contains("<img"), "{}", page.body);
    }
}

#[tokio::test]
async fn a_paired_device_that_may_pair_shows_its_own_token() {
    let gateway = gateway().await;
    let (alice, path) = asked(&gateway).await;
    let device = |id: &str, token: &str, scope: &str| {
        json!({
            "deviceId": id, "publicKey": "a2V5", "role": "operator", "roles": ["operator"],
            "scopes": [scope], "approvedScopes": [scope],
            "tokens": { "operator": { "token": token, "role": "operator", "scopes": [scope],
                "createdAtMs": 1 } },
            "createdAtMs": 1, "approvedAtMs": 2,
        })
    };
    let folder = gateway.state_dir().join("devices");
    std::fs::create_dir_all(&folder).unwrap();
    let devices = json!({
        "ab12": device("ab12", "reads-only", "operator.read"),
        "cd34": device("cd34", "may-pair", "operator.pairing"),
    });
    std::fs::write(folder.join("paired.json"), devices.to_string()).unwrap();
    let mut browser = Browser::new(gateway.address().await);
    let no = browser.decides(&path, "reads-only", "approve").await;
    assert_eq!(no.status, 404, "{no:?}");
    let yes = browser.decides(&path, "may-pair", "approve").await;
    assert_eq!(yes.status, 200, "{yes:?}");
    alice.sees("You said hello.").await;
}

#[tokio::test]
async fn without_a_token_the_page_says_what_to_do_and_decides_nothing() {
    let gateway = shaped(|config| {
        config["gateway"].as_object_mut().unwrap().remove("auth");
    })
    .await;
    let (_, path) = asked(&gateway).await;
    let page = Browser::new(gateway.address().await).opens(&path).await;
    let code = path.trim_start_matches("/pair/");
    assert!(!page.has_form(), "{}", page.body);
    assert!(
        page.body
            .contains(&format!("openclaw pairing approve {code}"))
    );
}

#[tokio::test]
async fn an_open_gateway_needs_no_token_at_home_and_decides_nothing_elsewhere() {
    let open = json!({ "mode": "none" });
    let gateway = shaped(|config| config["gateway"]["auth"] = open.clone()).await;
    let (alice, path) = asked(&gateway).await;
    let mut browser = Browser::new(gateway.address().await);
    let page = browser.opens(&path).await;
    assert!(page.has_form() && !page.has_field("token"), "{}", page.body);
    // The form's own token is needed all the same.
    let forged = browser
        .posts(&path, &[("csrf", "x"), ("word", "approve")])
        .await;
    assert_eq!(forged.status, 403);
    let csrf = page.field("csrf").to_owned();
    let done = browser
        .posts(&path, &[("csrf", &csrf), ("word", "approve")])
        .await;
    assert_eq!(done.status, 200, "{done:?}");
    alice.sees("You said hello.").await;

    let public = shaped(|config| {
        config["gateway"]["auth"] = open;
        config["gateway"]["publicUrl"] = json!("https://claw.example");
    })
    .await;
    let (_, path) = asked(&public).await;
    let page = Browser::new(public.address().await).opens(&path).await;
    assert!(
        !page.has_form() && page.body.contains("openclaw pairing approve"),
        "{}",
        page.body
    );
}

#[tokio::test]
async fn a_public_address_with_a_path_leads_to_the_page_and_no_other_name_does() {
    let gateway = shaped(|config| {
        config["gateway"]["publicUrl"] = json!("https://claw.example/bots/");
    })
    .await;
    let alice = gateway.telegram().person("Alice");
    alice.says("hello").await;
    let code = code_of(&alice).await;
    let link = format!("https://claw.example/bots/pair/{code}");
    assert!(
        alice.heard()[0].text.contains(&link),
        "{:?}",
        alice.transcript()
    );
    let mut browser = Browser::new(gateway.address().await);
    browser.host = "claw.example".to_owned();
    browser.origin = "https://claw.example".to_owned();
    // Whether the proxy in between leaves the path as it is, or takes its own part off.
    for path in [format!("/bots/pair/{code}"), format!("/pair/{code}")] {
        let page = browser.opens(&path).await;
        assert_eq!(page.status, 200, "{page:?}");
        assert!(page.head.contains("; secure"), "{}", page.head);
    }
    browser.host = "evil.example".to_owned();
    assert_eq!(browser.opens(&format!("/pair/{code}")).await.status, 403);
    browser.host = "claw.example".to_owned();
    let done = browser
        .decides(&format!("/bots/pair/{code}"), TOKEN, "approve")
        .await;
    assert_eq!(done.status, 200, "{done:?}");
    alice.sees("You said hello.").await;
}
