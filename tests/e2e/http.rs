//! The gateway's pages: what they say, to whom, and that nobody who reads them does harm.

use ipc::control::ReplyStatus;
use serde_json::json;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use tests::page::{get, get_as, send};
use tests::{Gateway, eventually, turn};
use tokio::net::{TcpListener, TcpStream};

/// The figures, by name and labels.
async fn figures(to: SocketAddr) -> BTreeMap<String, f64> {
    let page = get(to, "/metrics").await;
    assert_eq!(page.status, 200, "{page:?}");
    assert!(page.head.contains("text/plain; version=0.0.4"), "{page:?}");
    let lines = page.body.lines().filter(|line| !line.starts_with('#'));
    let figure = |line: &str| {
        let (name, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line}"));
        assert!(name.starts_with("openclaw_"), "{line}");
        (
            name.to_owned(),
            value.parse().unwrap_or_else(|_| panic!("{line}")),
        )
    };
    lines.map(figure).collect()
}

#[tokio::test]
async fn a_gateway_says_that_it_lives_and_when_it_is_ready() {
    let gateway = Gateway::start().await;
    let at = gateway.address().await;
    assert!(at.ip().is_loopback(), "{at}");
    for path in ["/health", "/healthz"] {
        let page = get(at, path).await;
        assert_eq!(
            (page.status, page.json()["status"].as_str()),
            (200, Some("live"))
        );
    }
    eventually!(
        get(at, "/ready").await.status == 200,
        "{:?}",
        get(at, "/ready").await
    );
    let ready = get(at, "/readyz").await.json();
    assert_eq!(ready["failing"], json!([]));
    let parts: Vec<_> = ready["parts"].as_array().unwrap().iter().collect();
    for name in ["store", "walls", "configuration", "audit log"] {
        assert!(parts.iter().any(|part| part["name"] == name), "{ready}");
    }

    gateway.write_config_text("{ this is none");
    eventually!(get(at, "/ready").await.status == 503, "{}", gateway.log());
    let ready = get(at, "/ready").await.json();
    assert_eq!(ready["failing"], json!(["configuration"]), "{ready}");
    assert_eq!(get(at, "/health").await.status, 200);
}

#[tokio::test]
async fn a_part_that_fails_is_named() {
    let gateway = Gateway::start().await;
    let at = gateway.address().await;
    std::fs::remove_file(gateway.socket()).unwrap();
    eventually!(
        get(at, "/ready").await.json()["failing"] == json!(["control socket"]),
        "{:?}",
        get(at, "/ready").await
    );
}

#[tokio::test]
async fn figures_move_with_what_happens() {
    let gateway = Gateway::setup().await;
    let gateway = gateway.config(|config| {
        let strict = json!({ "exec": { "security": "deny" } });
        config["agents"]["list"] = json!([{ "id": "main" }, { "id": "strict", "tools": strict }]);
    });
    let gateway = gateway.start().await;
    let at = gateway.address().await;
    let before = figures(at).await;
    for (name, value) in &before {
        let counts = name.ends_with("_total") || name.contains("_total{");
        let counts = counts && !name.starts_with("openclaw_process_");
        assert!(!counts || *value == 0.0, "{name} begins at {value}");
    }

    let exits = || turn().calls("exec", json!({ "command": "exit 3" }));
    let done = || turn().says("Done.").used(90, 7);
    gateway
        .model
        .script([exits().used(70, 5), done(), exits().used(80, 6), done()]);
    for session in ["agent:main:main", "agent:strict:main"] {
        let reply = gateway.chat_in(session).asks("work").await;
        assert_eq!(reply.status, ReplyStatus::Ok, "{}", reply.text);
    }

    let after = figures(at).await;
    let moved = |name: &str| after[&format!("openclaw_{name}")];
    assert_eq!(moved("turns_total{outcome=\"answered\"}"), 2.0);
    assert_eq!(moved("tool_calls_total{outcome=\"exit_code\"}"), 1.0);
    assert_eq!(moved("tool_calls_total{outcome=\"denied\"}"), 1.0);
    assert_eq!(moved("denials_total"), 1.0);
    assert_eq!(moved("model_calls_total"), 4.0);
    assert_eq!(moved("tokens_total{kind=\"input\"}"), 330.0);
    assert_eq!(moved("tokens_total{kind=\"output\"}"), 25.0);
    assert!(moved("spawns_total") >= 3.0, "two agents and a tool");
    assert_eq!(moved("agents"), 2.0);
    assert_eq!(moved("sessions{state=\"idle\"}"), 2.0);
    assert_eq!(moved("audit_lost_total"), 0.0);
    for agent in ["main", "strict"] {
        // These are looked at once a second.
        let name = format!("openclaw_agent_processes{{agent=\"{agent}\"}}");
        eventually!(
            figures(at).await.get(&name).is_some_and(|n| *n >= 1.0),
            "{name}"
        );
    }
    assert!(moved("process_cpu_seconds_total") > 0.0);
    assert!(moved("store_seconds_count") > before["openclaw_store_seconds_count"]);
    assert!(moved("store_seconds_sum") > 0.0);
    assert!(moved("process_resident_memory_bytes") > 1e6);
    eventually!(figures(at).await["openclaw_outbox_depth"] == 0.0);
}

#[tokio::test]
async fn a_page_is_read_under_this_machines_own_names_alone() {
    let gateway = Gateway::start().await;
    let at = gateway.address().await;
    for host in ["localhost", "127.0.0.1:18789", "[::1]"] {
        let page = get_as(at, "/metrics", &format!("Host: {host}\r\n")).await;
        assert_eq!(page.status, 200, "{host}: {page:?}");
    }
    for host in ["evil.example", "localhost.evil.example:18789", "10.1.2.3"] {
        for path in ["/metrics", "/health", "/ready", "/nowhere"] {
            let page = get_as(at, path, &format!("Host: {host}\r\n")).await;
            assert_eq!(page.status, 403, "{host}: {page:?}");
            assert!(!page.body.contains("openclaw_"), "{page:?}");
        }
    }
    let page = get_as(at, "/metrics", "").await;
    assert!(matches!(page.status, 400 | 403), "{page:?}");
    let absolute = "http://evil.example/metrics";
    assert_eq!(
        get_as(at, absolute, "Host: localhost\r\n").await.status,
        403
    );
}

#[tokio::test]
async fn pages_are_read_and_nothing_else() {
    let gateway = Gateway::start().await;
    let at = gateway.address().await;
    assert_eq!(get(at, "/").await.status, 404);
    let post = "POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    assert_eq!(send(at, post).await.status, 405);
    assert!(!send(at, "garbage\r\n\r\n").await.head.contains("200"));
    let long = format!("Host: localhost\r\nX: {}\r\n", "x".repeat(100_000));
    assert!(matches!(
        get_as(at, "/health", &long).await.status,
        0 | 400 | 431
    ));
    let many = format!("Host: localhost\r\n{}", "X: y\r\n".repeat(500));
    assert!(matches!(
        get_as(at, "/health", &many).await.status,
        0 | 400 | 431
    ));
    assert_eq!(get(at, "/health").await.status, 200);
}

#[tokio::test]
async fn who_says_nothing_keeps_nobody_out_for_long() {
    let gateway = Gateway::start().await;
    let at = gateway.address().await;
    gateway.model.always(turn().says("Yes."));
    let mut silent = Vec::new();
    for _ in 0..100 {
        silent.push(TcpStream::connect(at).await.unwrap());
    }
    assert_eq!(
        gateway.chat().asks("are you there?").await.status,
        ReplyStatus::Ok
    );
    assert_eq!(get(at, "/health").await.status, 200);
}

#[tokio::test]
async fn beyond_this_machine_figures_take_the_gateways_token() {
    let gateway = Gateway::setup().await;
    let gateway = gateway.config(|config| {
        config["gateway"] = json!({ "bind": "lan", "auth": { "token": "a-token-for-figures" } });
    });
    let gateway = gateway.start().await;
    let at = SocketAddr::from(([127, 0, 0, 1], gateway.address().await.port()));
    let host = "Host: some.where\r\n";
    assert_eq!(get_as(at, "/health", host).await.status, 200);
    let ready = get_as(at, "/ready", host).await;
    assert!(ready.json().get("parts").is_none(), "{ready:?}");
    let refused = get_as(at, "/metrics", host).await;
    assert_eq!(refused.status, 401);
    assert!(!refused.body.contains("openclaw_up"), "{refused:?}");
    let wrong = format!("{host}Authorization: Bearer a-token-for-others\r\n");
    assert_eq!(get_as(at, "/metrics", &wrong).await.status, 401);
    let right = format!("{host}Authorization: Bearer a-token-for-figures\r\n");
    assert_eq!(get_as(at, "/metrics", &right).await.status, 200);
}

#[tokio::test]
async fn without_a_token_nobody_beyond_this_machine_reads_figures() {
    let gateway = Gateway::setup().await;
    let gateway = gateway.config(|config| config["gateway"] = json!({ "bind": "lan" }));
    let gateway = gateway.start().await;
    let at = SocketAddr::from(([127, 0, 0, 1], gateway.address().await.port()));
    let page = get(at, "/metrics").await;
    assert_eq!(page.status, 401);
    assert!(page.body.contains("gateway.auth.token"), "{page:?}");
}

#[tokio::test]
async fn a_port_in_use_stops_nothing_and_is_taken_when_it_is_free() {
    let other = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = other.local_addr().unwrap().port();
    let setup = Gateway::setup().await;
    let gateway = setup.env("OPENCLAW_GATEWAY_PORT", &port.to_string());
    let gateway = gateway.start().await;
    gateway.model.always(turn().says("Yes."));
    assert_eq!(
        gateway.chat().asks("are you there?").await.status,
        ReplyStatus::Ok
    );
    let said = |notices: &[String]| {
        let about = notices
            .iter()
            .find(|notice| notice.contains(&port.to_string()));
        about.is_some_and(|notice| notice.contains("in use") && notice.contains("gateway.port"))
    };
    eventually!(
        said(&gateway.health().await.notices),
        "{:?}",
        gateway.health().await
    );
    assert!(!gateway.health().await.ok);
    drop(other);
    assert_eq!(gateway.address().await.port(), port);
    assert!(gateway.health().await.ok, "{:?}", gateway.health().await);
}

#[tokio::test]
async fn the_configured_port_is_used() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let gateway = Gateway::setup().await;
    // The environment goes before the file, and an empty variable is none.
    let gateway = gateway.env("OPENCLAW_GATEWAY_PORT", "");
    let gateway = gateway.config(|config| config["gateway"] = json!({ "port": port }));
    let gateway = gateway.start().await;
    assert_eq!(gateway.address().await.port(), port);
    assert_eq!(get(gateway.address().await, "/health").await.status, 200);
}
