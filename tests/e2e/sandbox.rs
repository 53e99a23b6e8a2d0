//! The walls as a person sees them: explained, tried, lived behind; and the second best of them, where
//! a machine gives no namespaces.

use ipc::walls::WallsDetail;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use tests::{Gateway, eventually, turn};

/// A server on this machine that answers every request with one page.
fn page() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            while lines
                .next()
                .is_some_and(|line| line.is_ok_and(|line| !line.is_empty()))
            {}
            let _ = stream.write_all(b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello");
        }
    });
    port
}

/// Who gateways run as: whoever runs the tests, and where that is root, somebody as well.
fn users() -> Vec<Option<u32>> {
    let root = nix::unistd::geteuid().is_root();
    [None, Some(54_329)]
        .into_iter()
        .filter(|user| user.is_none() || root)
        .collect()
}

/// A gateway without namespaces, whose tools may speak to `private`.
async fn plain(user: Option<u32>, private: &[&str]) -> Gateway {
    let setup = Gateway::setup().await.config(|config| {
        config["sandbox"] = json!({ "namespaces": "off", "minimum": 2 });
        config["tools"]["egress"] = json!({ "private": private });
    });
    match user {
        None => setup.start().await,
        Some(user) => setup.run_by(user).start().await,
    }
}

/// Runs a script behind the walls; its output and exit code.
async fn exec(gateway: &Gateway, script: &str) -> (String, i32) {
    let ran = gateway
        .cli(&["sandbox", "exec", "--", "sh", "-c", script])
        .await;
    (ran.out + &ran.err, ran.code)
}

async fn explained(gateway: &Gateway) -> WallsDetail {
    let ran = gateway.cli(&["sandbox", "explain", "--json"]).await;
    ran.json()
}

#[tokio::test]
async fn the_walls_explain_themselves() {
    let gateway = Gateway::start().await;
    let detail = explained(&gateway).await;
    assert!(detail.level.unwrap() >= detail.minimum, "{detail:#?}");
    let workspace = gateway.workspace().canonicalize().unwrap();
    assert!(detail.write.contains(&workspace.display().to_string()));
    assert!(detail.layers.iter().any(|layer| layer.holds));
    for layer in &detail.layers {
        assert!(!layer.proof.is_empty(), "{layer:?}");
        assert_eq!(layer.holds, layer.mend.is_none(), "{layer:?}");
    }
    assert!(detail.network.contains("public internet"), "{detail:#?}");
    let text = gateway.cli(&["sandbox", "explain"]).await.ok();
    for part in [
        "syscall filter: holds",
        "Runs as: ",
        "Limits: memory: 4.0 GiB",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[tokio::test]
async fn a_command_runs_behind_the_walls_and_ends_as_it_ends() {
    let gateway = Gateway::start().await;
    let (said, code) = exec(&gateway, "pwd; echo \"it's\" $((1+1)) >mine; exit 7").await;
    let workspace = gateway.workspace().canonicalize().unwrap();
    assert_eq!((said.trim(), code), (workspace.to_str().unwrap(), 7));
    assert_eq!(gateway.read("mine"), "it's 2\n");
    let secret = gateway.state_dir().join("state");
    let (said, code) = exec(&gateway, &format!("ls {}", secret.display())).await;
    assert_ne!(code, 0, "{said}");
    let (_, code) = exec(&gateway, "kill -9 $$").await;
    assert_eq!(code, 137);
    let none = gateway
        .cli(&["sandbox", "exec", "--", "no-such-program"])
        .await;
    assert_eq!(none.code, 127, "{none:?}");
}

#[tokio::test]
async fn all_it_prints_is_seen_in_order() {
    let gateway = Gateway::start().await;
    let (said, code) = exec(&gateway, "seq 1 200000").await;
    let wanted: String = (1..=200_000).map(|n| format!("{n}\n")).collect();
    assert!(said == wanted && code == 0, "{} bytes", said.len());
}

#[tokio::test]
async fn whoever_leaves_ends_the_command() {
    let gateway = Gateway::start().await;
    let mut command = gateway.cli_begins(&[
        "sandbox",
        "exec",
        "--",
        "sh",
        "-c",
        "touch begun; sleep 1000; touch ended",
    ]);
    eventually!(gateway.workspace().join("begun").exists());
    command.start_kill().unwrap();
    command.wait().await.unwrap();
    eventually!(gateway.titled("openclaw-toolbox").is_empty());
    assert!(!gateway.workspace().join("ended").exists());
}

#[tokio::test]
async fn the_whole_table_can_be_tried() {
    let gateway = Gateway::start().await;
    for kind in [&[][..], &["--plain"]] {
        let args = [&["sandbox", "probe", "--json"], kind].concat();
        let rows: Vec<Value> = gateway.cli(&args).await.json();
        assert!(rows.len() >= 60, "{} rows", rows.len());
        for row in rows {
            assert_ne!(row["verdict"], "fell", "{row}");
            assert_eq!(row["verdict"] == "open", row["reason"].is_string(), "{row}");
        }
    }
    let text = gateway.cli(&["sandbox", "probe"]).await.ok();
    assert!(text.contains("0 fell"), "{text}");
}

// === without namespaces ===

#[tokio::test]
async fn without_namespaces_the_proxy_is_reached_all_the_same() {
    let port = page();
    for user in users() {
        let gateway = plain(user, &[&format!("127.0.0.1:{port}")]).await;
        let detail = explained(&gateway).await;
        assert_eq!(detail.level, Some(2), "{detail:#?}");
        assert!(
            detail.network.contains("made by the gateway"),
            "{detail:#?}"
        );
        let address = format!("http://127.0.0.1:{port}/");
        for script in [
            // Through the proxy, as the environment says; then as one that knows of none.
            format!("NO_PROXY= no_proxy= curl -sS --max-time 10 {address}"),
            format!("curl -sS --noproxy '*' --max-time 10 {address}"),
            format!(
                "python3 -c 'import urllib.request as r; print(end=r.urlopen(\"{address}\").read().decode())'"
            ),
        ] {
            let said = exec(&gateway, &script).await;
            assert_eq!(said, ("hello".to_owned(), 0), "{script}");
        }
    }
}

/// As in a container that gives no namespaces away, and with nothing configured.
#[tokio::test]
async fn where_there_are_no_namespaces_the_second_best_walls_are_taken() {
    let unshared = std::process::Command::new("unshare")
        .args(["-r", "true"])
        .status();
    if !unshared.is_ok_and(|status| status.success()) {
        // Here there are none to begin with: the other stories say the same.
        return;
    }
    let port = page();
    let gateway = Gateway::setup().await.config(|config| {
        config["sandbox"] = json!({ "minimum": 2 });
        config["tools"]["egress"] = json!({ "private": [format!("127.0.0.1:{port}")] });
    });
    let gateway = gateway.laid_out();
    let none_within = "echo 0 >/proc/sys/user/max_user_namespaces && exec \"$@\"";
    // Each of them is a gateway of its own for as long as it lasts.
    let run = |args: &[&str]| {
        let ran = std::process::Command::new("unshare")
            .args(["-r", "sh", "-c", none_within, "sh"])
            .arg(gateway.program("openclaw"))
            .args(args)
            .env_clear()
            .envs(gateway.environment())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&ran.stdout).into_owned();
        assert!(ran.status.success(), "{said}{ran:?}");
        said
    };
    let detail = run(&["sandbox", "explain", "--json"]);
    let detail: WallsDetail = serde_json::from_str(&detail).unwrap();
    assert_eq!(detail.level, Some(2), "{detail:#?}");
    let missing = detail.missing.unwrap();
    assert!(missing.contains("max_user_namespaces"), "{missing}");
    let address = format!("http://127.0.0.1:{port}/");
    let curl = [
        "sandbox",
        "exec",
        "--",
        "curl",
        "-sS",
        "--noproxy",
        "*",
        &address,
    ];
    assert_eq!(run(&curl), "hello");
}

#[tokio::test]
async fn without_namespaces_nobody_else_of_this_machine_is_reached() {
    let port = page();
    let folder = tempfile::tempdir().unwrap();
    let service = folder.path().join("service");
    let _listening = UnixListener::bind(&service).unwrap();
    for user in users() {
        let gateway = plain(user, &[]).await;
        let control = gateway.socket();
        let script = format!(
            "python3 - <<'END'
import socket as s
for family, address in [
    (s.AF_INET, ('127.0.0.1', {port})),
    (s.AF_INET, ('169.254.169.254', 80)),
    (s.AF_INET6, ('::ffff:127.0.0.1', {port})),
    (s.AF_UNIX, '{}'),
    (s.AF_UNIX, '{}'),
]:
    try:
        s.socket(family).connect(address)
        print('reached', address)
    except OSError as error:
        print(error.strerror)
END",
            service.display(),
            control.display(),
        );
        let (said, _) = exec(&gateway, &script).await;
        assert_eq!(said, "Permission denied\n".repeat(5));
    }
}

#[tokio::test]
async fn without_namespaces_a_session_s_own_servers_can_be_reached() {
    for user in users() {
        let gateway = plain(user, &[]).await;
        gateway.write("index.html", "served");
        gateway.model.script([
            turn().calls(
                "exec",
                json!({ "command": "python3 -m http.server 38917", "background": true }),
            ),
            turn().says("Begun."),
        ]);
        assert_eq!(gateway.chat().asks("go").await.text, "Begun.");
        let curl = "curl -sS --retry 20 --retry-all-errors --retry-delay 0 --retry-max-time 20 \
            --noproxy '*' http://localhost:38917/";
        let (said, code) = exec(&gateway, curl).await;
        assert!(said.ends_with("served") && code == 0, "{said}");
        // Another session's it is not.
        let other = ["sandbox", "exec", "--session", "agent:main:other", "--"];
        let curl = ["curl", "-sS", "--noproxy", "*", "http://localhost:38917/"];
        let ran = gateway.cli(&[&other[..], &curl[..]].concat()).await;
        assert_ne!(ran.code, 0, "{ran:?}");
    }
}

#[tokio::test]
async fn without_namespaces_the_model_hears_what_was_denied() {
    let port = page();
    let gateway = plain(None, &[]).await;
    let command = format!("curl -sS --noproxy '*' --max-time 10 http://127.0.0.1:{port}/");
    let said = gateway.chat().runs(&command).await;
    assert!(
        said.contains("denied by egress policy: 127.0.0.1"),
        "{said}"
    );
}

#[tokio::test]
async fn what_is_switched_off_does_not_count_towards_the_level() {
    let setup = Gateway::setup().await.config(|config| {
        config["sandbox"] = json!({ "namespaces": "off", "minimum": 3 });
    });
    let gateway = setup.start().await;
    let (said, code) = exec(&gateway, "echo ran").await;
    assert_eq!(code, 1, "{said}");
    for part in ["level 2", "sandbox.minimum is 3", "sandbox.namespaces"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let health = gateway.health().await;
    assert!(!health.ok, "{health:?}");
    assert_eq!((health.walls.level, health.walls.minimum), (Some(2), 3));
}
