//! The way out: what works through it, what does not, and what is told and counted.

use ipc::control::{FromSupervisor, ToSupervisor};
use ipc::id::SessionKey;
use ipc::meter::SessionInspect;
use serde_json::{Value, json};
use std::process::Command;
use tests::chat::Control;
use tests::net::{CODE, SITE, World};
use tests::{Gateway, MAIN, Setup, eventually, turn};

/// A gateway whose names are the world's, whose place is named, and whose tools trust it.
pub(crate) async fn in_world(world: &World) -> Setup {
    let place = format!("{}/32", world.address());
    let setup = Gateway::setup().await.config(|config| {
        config["tools"]["egress"] = json!({ "private": [place] });
    });
    let hosts = world.hosts().display().to_string();
    let authority = world.authority().display().to_string();
    let mut setup = setup
        .env("OPENCLAW_EGRESS_HOSTS", &hosts)
        .env("PATH", &toolchains());
    for name in [
        "SSL_CERT_FILE",
        "CURL_CA_BUNDLE",
        "GIT_SSL_CAINFO",
        "PIP_CERT",
        "REQUESTS_CA_BUNDLE",
        "NODE_EXTRA_CA_CERTS",
        "CARGO_HTTP_CAINFO",
    ] {
        setup = setup.env(name, &authority);
    }
    setup
}

/// The real programs in front of those that look for them in the user's home, which is another here.
fn toolchains() -> String {
    let said = |program: &str, args: &[&str]| {
        let output = Command::new(program).args(args).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let rust = said("rustc", &["--print", "sysroot"]);
    let python = said("python3", &["-c", "import sys; print(sys.prefix)"]);
    format!("{rust}/bin:{python}/bin:{}", std::env::var("PATH").unwrap())
}

async fn inspect(gateway: &Gateway) -> SessionInspect {
    let mut control = Control::connect(&gateway.socket()).await.unwrap();
    let session = SessionKey(MAIN.into());
    match control.ask(&ToSupervisor::Inspect { session }).await {
        FromSupervisor::Inspected(inspected) => *inspected,
        other => panic!("{other:?}"),
    }
}

/// Without the variables that name a proxy.
const NO_PROXY: &str =
    "unset HTTP_PROXY HTTPS_PROXY ALL_PROXY http_proxy https_proxy all_proxy NODE_USE_ENV_PROXY;";

#[tokio::test]
async fn what_people_use_works_through_it() {
    let Some(world) = World::start().await else {
        return;
    };
    let gateway = in_world(&world).await.start().await;
    for (command, expected) in [
        (
            format!("curl -sS https://{SITE}/page"),
            "hello from the world",
        ),
        (
            format!("curl -sS http://{SITE}/page http://{SITE}/page"),
            "hello from the world\nhello from the world",
        ),
        (
            format!("curl -sS -x socks5h://127.0.0.1:3128 https://{SITE}/page"),
            "hello from the world",
        ),
        (
            format!("curl -sS -x socks5://127.0.0.1:3128 http://{SITE}/page"),
            "hello from the world",
        ),
        (
            format!(
                "python3 -m pip install -q --disable-pip-version-check --index-url https://{SITE}/simple/ --target py tiny && PYTHONPATH=py python3 -c 'import tiny; print(tiny.word)'"
            ),
            "from a wheel",
        ),
        (
            format!(
                "npm install --no-audit --no-fund --loglevel error --registry https://{SITE}/npm/ --cafile $NODE_EXTRA_CA_CERTS tiny && node -p 'require(\"tiny\")'"
            ),
            "from a tarball",
        ),
        (
            format!("git clone -q https://{CODE}/tiny.git && cat tiny/README"),
            "from a repository",
        ),
        (
            format!(
                "{NO_PROXY} node -e \"fetch('https://{SITE}/page').then(r => r.text()).then(console.log)\""
            ),
            "hello from the world",
        ),
        (
            format!("{NO_PROXY} curl -sS https://{SITE}/page http://{SITE}/page"),
            "hello from the world\nhello from the world",
        ),
        (
            format!("{NO_PROXY} git clone -q https://{CODE}/tiny.git again && cat again/README"),
            "from a repository",
        ),
    ] {
        let said = gateway.chat().runs(&command).await;
        assert!(
            said.contains(expected),
            "{command}: {said}\n{:#?}",
            world.asked()
        );
    }
    let cargo = format!(
        "mkdir -p crate/src crate/.cargo && cd crate && touch src/lib.rs && export CARGO_HOME=$PWD/home && \
         printf '[package]\\nname = \"mine\"\\nversion = \"1.0.0\"\\n[dependencies]\\ntiny = {{ version = \"1\", registry = \"world\" }}\\n' > Cargo.toml && \
         printf '[registries.world]\\nindex = \"sparse+https://{SITE}/index/\"\\n' > .cargo/config.toml && \
         cargo fetch && find home/registry/cache -name '*.crate'"
    );
    let said = gateway.chat().runs(&cargo).await;
    assert!(
        said.contains("tiny-1.0.0.crate"),
        "{said}\n{:#?}",
        world.asked()
    );
    let used = inspect(&gateway).await;
    assert!(
        used.usage.connections >= 12 && used.usage.denied == 0,
        "{:?}",
        used.usage
    );
    assert!(
        used.usage.received > 3000 && used.usage.sent > 1000,
        "{:?}",
        used.usage
    );
    let mut hosts: Vec<&str> = used
        .destinations
        .iter()
        .map(|place| place.host.as_str())
        .collect();
    hosts.sort_unstable();
    assert_eq!(
        hosts,
        [
            format!("{CODE}:443"),
            format!("{SITE}:443"),
            format!("{SITE}:80")
        ]
    );
}

/// Tries each destination at the proxy in every way it knows, and prints how each try ended.
const TRY_ALL: &str = r#"
import socket, sys
def say(words):
    door = socket.create_connection(("127.0.0.1", 3128))
    door.sendall(words)
    heard = b""
    while True:
        more = door.recv(4096)
        if not more: return heard
        heard += more
for line in open("table").read().split("\n")[:-1]:
    host, _, port = line.rpartition(":")
    name = host.encode()
    socks = say(b"\x05\x01\x00\x05\x01\x00\x03" + bytes([len(name)]) + name + int(port).to_bytes(2, "big"))
    tunnel = say(b"CONNECT " + line.encode() + b" HTTP/1.1\r\n\r\n")
    plain = say(b"GET http://" + line.encode() + b"/ HTTP/1.1\r\n\r\n")
    print(line, tunnel[9:12].decode(), plain[9:12].decode(), socks[3])
"#;

#[tokio::test]
async fn nothing_that_is_refused_is_reached_in_any_form_or_way() {
    let Some(world) = World::start().await else {
        return;
    };
    let own = world.address().to_string();
    let names: Vec<(String, &str)> = [
        "127.0.0.1",
        "127.8.8.8",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "100.100.100.200",
        "168.63.129.16",
        "198.18.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "240.0.0.1",
        "192.0.0.192",
        "::1",
        "::",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::1",
        "2002:7f00:1::",
        "2001::1",
        "fe80::1",
        "fc00::1",
        "fd00:ec2::254",
        "fec0::1",
        "ff02::1",
        "2001:db8::1",
        "4000::1",
        "2606:4700::5efe:7f00:1",
    ]
    .into_iter()
    .enumerate()
    .map(|(number, address)| (format!("n{number}.{SITE}"), address))
    .collect();
    let both = format!("both.{SITE}");
    let mut led: Vec<(&str, &str)> = names
        .iter()
        .map(|(name, address)| (name.as_str(), *address))
        .collect();
    // One address that may be reached, and one that may not.
    led.extend([(both.as_str(), own.as_str()), (both.as_str(), "127.0.0.1")]);
    led.extend([
        ("denied.example", own.as_str()),
        ("a.denied.example", own.as_str()),
    ]);
    world.lead(&led);
    let setup = in_world(&world).await.config(|config| {
        config["tools"]["egress"]["deny"] = json!(["denied.example", "*.denied.example"]);
    });
    let gateway = setup.start().await;
    let control = gateway.socket();
    let mut table: Vec<String> = names.iter().map(|(name, _)| format!("{name}:80")).collect();
    // Not by name: as they are.
    table.extend(names.iter().map(|(_, address)| {
        if address.contains(':') {
            format!("[{address}]:443")
        } else {
            format!("{address}:443")
        }
    }));
    table.extend([
        format!("{both}:443"),
        "denied.example:443".into(),
        "DENIED.example:80".into(),
        "denied.example.:443".into(),
        "a.denied.example:443".into(),
        "\u{ff44}enied.example:443".into(),
        format!("{SITE}:22"),
        format!("{SITE}:25"),
        "localhost:80".into(),
        "x.localhost:443".into(),
        "8.8.8.8:443".into(),
        "[2606:4700::1111]:443".into(),
        // What only some programs take for addresses.
        "127.1:80".into(),
        "2130706433:80".into(),
        "0x7f.0.0.1:80".into(),
        "0177.0.0.1:80".into(),
        "127.0.0.1.:80".into(),
        "[::ffff:7f00:1]:80".into(),
        "[fe80::1%lo]:80".into(),
        "\u{ff11}27.0.0.1:80".into(),
        format!("user@{SITE}:80"),
        format!("{SITE}%00.evil.example:80"),
        "..:80".into(),
        "a..b:80".into(),
    ]);
    gateway.write(
        "table",
        &table
            .iter()
            .map(|line| format!("{line}\n"))
            .collect::<String>(),
    );
    gateway.write("try.py", TRY_ALL);
    let said = gateway.chat().runs("python3 try.py").await;
    let rows: Vec<&str> = said
        .lines()
        .filter(|line| !line.starts_with('[') || line.contains("]:"))
        .collect();
    for line in &table {
        let row = rows
            .iter()
            .find(|row| row.starts_with(&format!("{line} ")))
            .unwrap_or_else(|| panic!("{line}: {said}"));
        let ends: Vec<&str> = row[line.len()..].split_whitespace().collect();
        assert!(
            matches!(ends[0], "403" | "400")
                && matches!(ends[1], "403" | "400")
                && matches!(ends[2], "2" | "8"),
            "{row}"
        );
    }
    assert_eq!(world.asked(), Vec::<String>::new(), "nothing has arrived");
    assert!(control.exists());
    let used = inspect(&gateway).await.usage;
    assert_eq!((used.connections, used.sent), (0, 0), "{used:?}");
    assert!(used.denied > 150, "{used:?}");
}

#[tokio::test]
async fn what_is_not_the_proxy_leads_nowhere() {
    let Some(world) = World::start().await else {
        return;
    };
    let gateway = in_world(&world).await.start().await;
    let own = world.address();
    for (command, expected) in [
        // Straight there, and to the machine the gateway is on.
        (format!("{NO_PROXY} curl -sS -m 5 http://{own}/page; echo $?"), "502"),
        (format!("{NO_PROXY} curl -sS -m 5 http://203.0.113.1/; echo $?"), "7\n"),
        // Datagrams, and names that are not asked for of us.
        ("python3 -c 'import socket; s = socket.socket(2, 2); s.connect((\"203.0.113.1\", 53)); s.send(b\"x\")'".into(), "Error"),
        // A made-up address on a port nobody captures.
        (format!("{NO_PROXY} curl -sS -m 5 telnet://{SITE}:22; echo $?"), "7\n"),
    ] {
        let said = gateway.chat().runs(&command).await;
        assert!(said.contains(expected) || said.contains("Nobody listens") || said.contains("nobody listens"), "{command}: {said}");
    }
    assert_eq!(world.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn a_redirect_and_a_rebound_name_do_not_get_out() {
    let Some(world) = World::start().await else {
        return;
    };
    let own = world.address().to_string();
    let gateway = in_world(&world).await.start().await;
    for target in [
        "http://169.254.169.254/latest",
        "http://127.0.0.1/",
        "http://[::ffff:127.0.0.1]/",
        "http://localhost.localdomain/",
    ] {
        for prefix in ["", NO_PROXY] {
            let said = gateway
                .chat()
                .runs(&format!(
                    "{prefix} curl -sSL -m 5 http://{SITE}/to/{target}"
                ))
                .await;
            assert!(!said.contains("hello"), "{said}");
        }
        assert_eq!(world.asked().pop(), Some(format!("{SITE} /to/{target}")));
    }
    let said = gateway
        .chat()
        .runs(&format!(
            "curl -sSL http://{SITE}/to/http://169.254.169.254/"
        ))
        .await;
    assert!(
        said.contains("denied by egress policy: 169.254.169.254 (a cloud's metadata address; "),
        "{said}"
    );
    let page = format!("curl -sS http://{SITE}/page");
    assert!(
        gateway
            .chat()
            .runs(&page)
            .await
            .contains("hello from the world")
    );
    for elsewhere in ["127.0.0.1", "169.254.169.254", "10.0.0.1"] {
        world.lead(&[(SITE, &own), (SITE, elsewhere)]);
        let said = gateway.chat().runs(&page).await;
        assert!(
            said.contains(&format!("it leads to {elsewhere}, ")) && !said.contains("hello"),
            "{said}"
        );
    }
}

#[tokio::test]
async fn a_denial_is_told_to_the_model_and_put_on_record() {
    let Some(world) = World::start().await else {
        return;
    };
    let setup = in_world(&world).await.config(|config| {
        config["tools"]["egress"]["deny"] = json!(["evil.example"]);
    });
    let gateway = setup.start().await;
    // The program itself says nothing.
    let said = gateway
        .chat()
        .runs("curl -s https://evil.example/ >/dev/null 2>&1; true")
        .await;
    assert_eq!(
        said.matches("denied by egress policy: evil.example")
            .count(),
        1,
        "{said}"
    );
    let said = gateway
        .chat()
        .runs(&format!("{NO_PROXY} curl -s https://evil.example/; true"))
        .await;
    assert!(
        said.contains("denied by egress policy: evil.example"),
        "{said}"
    );
    let said = gateway.chat().runs("true").await;
    assert!(!said.contains("denied"), "once is enough: {said}");
    let log = gateway.state_dir().join("logs/audit.jsonl");
    let recorded = || -> Option<Value> {
        let text = std::fs::read_to_string(&log).ok()?;
        let lines = text
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.into_iter().find(|line| line["event"] == "egress")
    };
    eventually!(recorded().is_some(), "no record");
    let record = recorded().unwrap();
    assert_eq!(
        (&record["session"], &record["host"], &record["port"]),
        (&json!(MAIN), &json!("evil.example"), &json!(443))
    );
}

#[tokio::test]
async fn each_agent_has_a_policy_of_its_own() {
    let Some(world) = World::start().await else {
        return;
    };
    let place = format!("{}/32", world.address());
    let setup = in_world(&world).await.config(|config| {
        config["agents"]["list"] = json!([
            { "id": "main" },
            { "id": "listed", "tools": { "egress": { "mode": "allowlist", "presets": [], "allow": [CODE], "private": [place] } } },
            { "id": "alone", "tools": { "egress": { "mode": "off" } } },
        ]);
    });
    let gateway = setup.start().await;
    let fetch = |host: &str| format!("curl -sS https://{host}/page 2>&1; true");
    let of = async |agent: &str, host: &str| {
        gateway
            .chat_in(&format!("agent:{agent}:main"))
            .runs(&fetch(host))
            .await
    };
    assert!(of("main", SITE).await.contains("hello"));
    assert!(of("listed", CODE).await.contains("hello"));
    let said = of("listed", SITE).await;
    assert!(
        said.contains(&format!("denied by egress policy: {SITE}")) && !said.contains("hello"),
        "{said}"
    );
    // Nobody is there to tell: it has no network at all.
    let said = of("alone", SITE).await;
    assert!(said.contains("curl: ") && !said.contains("hello"), "{said}");
}

#[tokio::test]
async fn a_server_that_a_tool_starts_is_reached_from_the_next_tool() {
    let gateway = Gateway::start().await;
    gateway.write("index.html", "a page of the session's own");
    let start = "python3 -m http.server 3000 >/dev/null 2>&1 & \
        until curl -s localhost:3000 >/dev/null; do :; done; echo up; wait";
    gateway.model.script([
        turn().calls("exec", json!({ "command": start, "background": true })),
        turn().says("Started."),
    ]);
    assert_eq!(gateway.chat().asks("serve").await.text, "Started.");
    let fetch = "until curl -s localhost:3000; do :; done; curl -sS http://127.0.0.1:3000/";
    let said = gateway.chat().runs(fetch).await;
    assert_eq!(
        said.matches("a page of the session's own").count(),
        2,
        "{said}"
    );
    // It is nobody else's.
    let other = gateway
        .chat_in("agent:main:other")
        .runs("curl -sS localhost:3000 2>&1; true")
        .await;
    assert!(
        !other.contains("a page") && other.contains("3000"),
        "{other}"
    );
}

/// Opens more tunnels than there may be and keeps them, each with something to say all the time.
const FLOOD: &str = r#"
import selectors, socket, sys
site, number = sys.argv[1], int(sys.argv[2])
ready, doors, turned_away = selectors.DefaultSelector(), [], 0
for _ in range(number):
    door = socket.create_connection(("127.0.0.1", 3128))
    try:
        door.sendall(f"CONNECT {site}:80 HTTP/1.1\r\n\r\n".encode())
        answer = door.recv(99)
    except ConnectionError:
        answer = b""
    if answer.startswith(b"HTTP/1.1 200"):
        doors.append(door)
    else:
        turned_away += 1
open("flooded", "w").write(f"{len(doors)} {turned_away}")
while True:
    for door in doors:
        door.setblocking(False)
        try:
            door.send(b"GET /page HTTP/1.1\r\nHost: x\r\n\r\n")
            door.recv(65536)
        except (BlockingIOError, ConnectionError):
            pass
"#;

#[tokio::test]
async fn a_session_that_floods_its_proxy_is_bounded_and_no_other_notices() {
    let Some(world) = World::start().await else {
        return;
    };
    let gateway = in_world(&world).await.start().await;
    gateway.write("flood.py", FLOOD);
    let flood = format!("python3 flood.py {SITE} 300");
    gateway.model.script_for(
        &flood,
        [
            turn().calls("exec", json!({ "command": flood, "background": true })),
            turn().says("Flooding."),
        ],
    );
    let reply = gateway.chat_in("agent:main:bad").asks(&flood).await;
    assert_eq!(reply.text, "Flooding.");
    eventually!(!gateway.read("flooded").is_empty(), "it does not begin");
    assert_eq!(gateway.read("flooded"), "256 44");
    // It has no place left, and others have theirs.
    let page = format!("curl -sS -m 60 https://{SITE}/page 2>&1; true");
    let said = gateway.chat_in("agent:main:bad").runs(&page).await;
    assert!(said.contains("403"), "{said}");
    let said = gateway.chat().runs(&page).await;
    assert!(said.contains("hello from the world"), "{said}");
}
