//! The walls: what an agent and a tool can not do, tried from where they sit.

mod table;

mod neighbours;

mod expected;

use serde_json::json;
use std::collections::BTreeMap;
use tests::model::KEY;
use tests::procfs::Process;
use tests::{Exchange, Gateway, MAIN, eventually, turn};

/// Keys in every place where keys are kept.
const ENV_KEY: &str = "env-key-nobody-may-see";
const FILE_KEY: &str = "file-key-nobody-may-see";

async fn with_keys() -> Gateway {
    let profiles = json!({ "version": 1, "profiles": {
        "openai:default": { "type": "api_key", "provider": "openai", "key": FILE_KEY },
    }});
    let setup = Gateway::setup().await.env("ANTHROPIC_API_KEY", ENV_KEY);
    setup
        .file(
            "agents/main/agent/auth-profiles.json",
            &profiles.to_string(),
        )
        .start()
        .await
}

/// A tool that runs until the workspace has a file `go`; it runs when this returns.
async fn lingers(gateway: &Gateway) -> Exchange {
    let command = "echo begun > begun; until [ -e go ]; do sleep 0.01; done";
    let call = turn().calls("exec", json!({ "command": command }));
    gateway.model.script([call, turn().says("Done.")]);
    let exchange = gateway.chat().says("go").await;
    eventually!(gateway.read("begun") == "begun\n");
    exchange
}

// === the agent ===

#[tokio::test]
async fn an_agent_is_sealed_before_it_hears_a_word() {
    let gateway = Gateway::start().await;
    gateway.model.script([turn().says("Hello.")]);
    gateway.chat().asks("hi").await;
    let agent = gateway.agent(MAIN).await;
    assert_eq!(agent.title, "openclaw-agent [agent:main:main]");
    assert_eq!(agent.status("Seccomp"), "2", "a filter is in force");
    assert_eq!(agent.status("NoNewPrivs"), "1");
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert_eq!(agent.status(set), "0000000000000000", "{set}");
    }
    assert_eq!(agent.status("Threads"), "1");
    assert_eq!(agent.environment(), "", "it has no environment of ours");
    let wrong: Vec<_> = agent
        .descriptors()
        .into_values()
        .filter(|what| {
            let what = what.display().to_string();
            // Its link, its log, and what its own event loop is made of.
            !(what.starts_with("socket:")
                || what.starts_with("pipe:")
                || what.starts_with("anon_inode:")
                || what == "/dev/null")
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[tokio::test]
async fn an_agent_that_tries_everything_gets_nothing() {
    let setup = Gateway::setup().await.instead("openclaw-agent", "escape");
    let gateway = setup.start().await;
    let mut outcomes = BTreeMap::new();
    for part in ["sealed", "open"] {
        let session = format!("agent:main:bad-{part}");
        let mut exchange = gateway.chat_in(&session).says("break out").await;
        exchange.reply().await;
        let tried: BTreeMap<String, Option<i32>> = serde_json::from_str(&exchange.draft).unwrap();
        outcomes.insert(part, tried);
    }
    let (sealed, open) = (&outcomes["sealed"], &outcomes["open"]);
    let worked: Vec<_> = sealed.iter().filter(|(_, error)| error.is_none()).collect();
    assert!(worked.is_empty(), "a sealed agent could {worked:?}");
    // An attempt that fails anyway proves nothing.
    let failed: Vec<_> = open
        .iter()
        .filter(|(_, error)| error.is_some())
        .map(|(name, _)| name.as_str())
        .collect();
    let may_fail = [
        "make a namespace",
        "read the gateway's memory",
        "signal anybody",
        "signal the gateway",
        "read the gateway's environment",
    ];
    assert!(
        failed.iter().all(|name| may_fail.contains(name)),
        "{failed:?}"
    );
    assert!(sealed.len() >= 20);
}

#[tokio::test]
async fn no_key_is_in_an_agents_or_a_tools_memory() {
    let gateway = with_keys().await;
    let mut exchange = lingers(&gateway).await;
    let children = gateway.tree();
    assert!(children.len() >= 4, "{children:#?}");
    for key in [KEY, ENV_KEY, FILE_KEY] {
        for child in &children {
            let found = child.remembers(key);
            assert_ne!(found, Some(true), "{key} is in the memory of {child:?}");
        }
    }
    // Where we may look at all, we find what is there.
    if let Some(found) = gateway.process().remembers(KEY) {
        assert!(found, "the search finds nothing where there is something");
    }
    gateway.write("go", "");
    exchange.reply().await;
}

// === tools ===

#[tokio::test]
async fn no_key_can_be_found_by_a_tool() {
    let gateway = with_keys().await;
    let state = gateway.state_dir().display().to_string();
    let home = gateway.home().display().to_string();
    let pid = gateway.process().pid;
    let command = format!(
        "env; cat /proc/self/environ /proc/*/environ; \
         cat {state}/openclaw.json {state}/agents/main/agent/auth-profiles.json {state}/state/openclaw.sqlite*; \
         cat /proc/{pid}/environ /proc/{pid}/cmdline; ls -la {state} {home}; \
         grep -rsl may-see /etc /home /tmp /var /run /srv /mnt /dev/shm; true"
    );
    let said = gateway
        .chat()
        .runs(&format!("({command}) 2>&1 | tail -c 60000"))
        .await;
    for key in [KEY, ENV_KEY, FILE_KEY] {
        assert!(!said.contains(key), "{key} in {said}");
    }
    assert!(
        !said.contains("openclaw.json\n"),
        "the state is not even listed: {said}"
    );
    assert!(said.contains("HOME="), "the search was made: {said}");
}

#[tokio::test]
async fn a_tool_can_not_do_what_it_has_no_business_with() {
    for namespaces in ["auto", "off"] {
        let setup = Gateway::setup().await.config(|config| {
            config["sandbox"] = json!({ "namespaces": namespaces });
        });
        let gateway = setup.start().await;
        let socket = gateway.socket();
        let socket = socket.display();
        let pid = gateway.process().pid;
        let port = gateway.model.base_url(tests::Wire::Chat);
        let port = port
            .trim_start_matches("http://127.0.0.1:")
            .trim_end_matches("/v1");
        let outside = gateway.home().join("outside");
        std::fs::write(&outside, "a secret").unwrap();
        let outside = outside.display();
        let python = |code: &str| format!("python3 -I -c '{code}'");
        let attempts = [
            (
                "write to the system",
                "touch /usr/openclaw-escape".to_owned(),
            ),
            ("read the home", format!("grep secret {outside}")),
            (
                "call the gateway",
                python(&format!(
                    "import socket as s; s.socket(s.AF_UNIX).connect(\"{socket}\")"
                )),
            ),
            (
                "call a server",
                python(&format!(
                    "import socket as s; s.create_connection((\"127.0.0.1\", {port}), 2)"
                )),
            ),
            (
                "send a datagram far away",
                python(
                    "import socket as s; s.socket(s.AF_INET, s.SOCK_DGRAM).sendto(b\"x\", (\"192.0.2.1\", 53))",
                ),
            ),
            ("signal the gateway", format!("kill -0 {pid}")),
            (
                "read the gateway's memory",
                format!("head -c1 /proc/{pid}/mem"),
            ),
            (
                "read the gateway's environment",
                format!("head -c1 /proc/{pid}/environ"),
            ),
            ("make a namespace", "unshare --user true".to_owned()),
            ("mount", "mount -t tmpfs none /mnt".to_owned()),
            ("become somebody", python("import os; os.setuid(12345)")),
            (
                "trace",
                python(
                    "import ctypes as c; l = c.CDLL(None, use_errno=True); import os; os._exit(l.ptrace(0, 0, 0, 0) != 0)",
                ),
            ),
            (
                "use io_uring",
                python(
                    "import ctypes as c, os; l = c.CDLL(None, use_errno=True); r = l.syscall(425, 1, 0); e = c.get_errno(); os._exit(0 if e == 14 else 1)",
                ),
            ),
            ("read the kernel's log", "dmesg".to_owned()),
            (
                "write the kernel's settings",
                "echo x > /proc/sys/kernel/hostname".to_owned(),
            ),
        ];
        let script: String = attempts.iter().map(|(name, command)| {
            format!("if ( {command} ) >/dev/null 2>&1; then echo \"WORKED {name}\"; else echo \"failed {name}\"; fi\n")
        }).collect();
        gateway.write("attempts.sh", &script);
        let said = gateway.chat().runs(&format!("sh attempts.sh; echo x >> {outside}; echo ours > ours && cat ours; python3 -c 'print(6*7)'"),
        )
        .await;
        for (name, _) in attempts {
            assert!(
                said.contains(&format!("failed {name}\n")),
                "{namespaces}: {name}: {said}"
            );
        }
        // A jail in which nothing works proves nothing.
        assert!(said.contains("ours\n42\n"), "{namespaces}: {said}");
        assert_eq!(
            std::fs::read_to_string(gateway.home().join("outside")).unwrap(),
            "a secret"
        );
    }
}

#[tokio::test]
async fn a_tools_process_is_bare() {
    let gateway = Gateway::start().await;
    let mut exchange = lingers(&gateway).await;
    let inside: Vec<Process> = gateway
        .tree()
        .into_iter()
        .filter(|process| process.title.contains("toolbox") || process.title.contains("until"))
        .collect();
    assert!(inside.len() >= 2, "{:#?}", gateway.tree());
    for process in inside {
        assert_eq!(process.status("Seccomp"), "2", "{process:?}");
        assert_eq!(process.status("NoNewPrivs"), "1", "{process:?}");
        assert_eq!(process.status("CapEff"), "0000000000000000", "{process:?}");
        assert_eq!(process.status("CapBnd"), "0000000000000000", "{process:?}");
    }
    gateway.write("go", "");
    exchange.reply().await;
}

#[tokio::test]
async fn a_tool_has_the_machines_network_only_where_the_configuration_says() {
    for (network, reaches) in [("none", false), ("host", true)] {
        let setup = Gateway::setup()
            .await
            .config(|config| config["sandbox"] = json!({ "network": network }));
        let gateway = setup.start().await;
        let port = gateway.model.base_url(tests::Wire::Chat);
        let port = port
            .trim_start_matches("http://127.0.0.1:")
            .trim_end_matches("/v1")
            .to_owned();
        let code = format!(
            "import socket as s; s.create_connection((\"127.0.0.1\", {port}), 5); print(\"reached\")"
        );
        let said = gateway
            .chat()
            .runs(&format!("python3 -I -c '{code}'"))
            .await;
        assert_eq!(said.starts_with("reached"), reaches, "{network}: {said}");
        assert_eq!(gateway.health().await.walls.network, network);
    }
}

#[tokio::test]
async fn health_says_which_walls_hold() {
    let gateway = Gateway::start().await;
    eventually!(gateway.health().await.walls.level.is_some());
    let walls = gateway.health().await.walls;
    assert!(walls.level.unwrap() >= 1, "{walls:?}");
    assert!(walls.layers.iter().any(|layer| layer.ok), "{walls:?}");
    let text = gateway.cli(&["health"]).await.ok();
    assert!(
        text.contains(&format!("level {}", walls.level.unwrap())),
        "{text}"
    );
}

#[tokio::test]
async fn below_the_wanted_level_no_tool_runs_and_the_mend_is_named() {
    let setup = Gateway::setup().await.config(|config| {
        // More than anybody can prove today.
        config["sandbox"] = json!({ "minimum": 4 });
    });
    let gateway = setup.start().await;
    eventually!(gateway.health().await.walls.level.is_some());
    let said = gateway.chat().runs("echo x >> ran").await;
    assert!(
        said.contains("denied") && said.contains("sandbox.minimum"),
        "{said}"
    );
    assert_eq!(gateway.read("ran"), "");
}
