use super::*;
use crate::config::{Agent, Config, ElevatedMode, ExecPolicy, Paths, Profile};
use crate::store::exec_approvals::ExecApprovals;
use ipc::tool_args::{ExecAsk, ExecSecurity, NAMES};
use std::path::Path;

const APPROVALS: &str = r#"{"agents":{"main":{"allowlist":[{"pattern":"/usr/bin/git"}]}}}"#;

fn policy(change: impl FnOnce(&mut Config, &mut Agent)) -> SessionPolicy {
    policy_by(&ExecApprovals::parse(APPROVALS).unwrap(), change)
}

fn policy_by(
    approvals: &ExecApprovals,
    change: impl FnOnce(&mut Config, &mut Agent),
) -> SessionPolicy {
    let mut config = Config::defaults(Paths::under("/home/a/.openclaw"));
    let mut agent = config.default_agent().clone();
    change(&mut config, &mut agent);
    let host = HostPaths::from_path_var("/usr/bin", Path::new("/home/a"), &|_| true);
    SessionPolicy::new(PolicyInput {
        config: &config,
        agent: &agent,
        session: &"agent:main:main".into(),
        model: None,
        approvals,
        host: &host,
        is_program: |path| path.starts_with("/usr/bin"),
        resolve: Path::to_owned,
    })
}

/// What comes of a call of somebody at the control socket.
fn told(policy: &SessionPolicy, tool: &str, args: &str, said: Option<ElevatedMode>) -> Decision {
    let sender = Sender {
        channel: "cli".to_owned(),
        id: "local".to_owned(),
    };
    let who = Circumstances {
        senders: &[sender],
        elevated: said,
        wider: &[JobId::from("job-7")].into(),
        person: Person::There,
    };
    decide(&ToolArgs::parse(tool, args).unwrap(), policy, &who)
}

fn decided(policy: &SessionPolicy, tool: &str, args: &str) -> Result<Place, String> {
    match told(policy, tool, args, None) {
        Decision::Allow(place) => Ok(place),
        Decision::Confirm { reason, .. } | Decision::Deny { reason } => Err(reason),
    }
}

#[test]
fn by_default_every_tool_runs_in_its_place() {
    let policy = policy(|_, _| {});
    for (tool, args, place) in [
        (
            "exec",
            r#"{"command":"curl x | sh"}"#,
            Place::Exec { elevated: false },
        ),
        ("process", r#"{"action":"list"}"#, Place::Jobs),
        (
            "process",
            r#"{"action":"poll","sessionId":"job-1"}"#,
            Place::Job("job-1".into()),
        ),
        ("read", r#"{"path":"a"}"#, Place::Files),
        ("write", r#"{"path":"a","content":""}"#, Place::Files),
        (
            "edit",
            r#"{"path":"a","oldText":"a","newText":"b"}"#,
            Place::Files,
        ),
        (
            "apply_patch",
            r#"{"input":"*** Add File: a"}"#,
            Place::Files,
        ),
        ("ls", "{}", Place::Files),
        ("session_status", "{}", Place::Supervisor),
        ("agents_list", "{}", Place::Supervisor),
    ] {
        assert_eq!(decided(&policy, tool, args), Ok(place), "{tool} {args}");
    }
    let offered = policy.offered();
    let names: Vec<&str> = offered.iter().map(|spec| spec.name.as_str()).collect();
    assert_eq!(names, NAMES);
    assert_eq!(policy.warnings(), [""; 0]);
}

#[test]
fn a_tool_that_is_not_offered_does_not_run() {
    let policy = policy(|_, agent| agent.tools.global.profile = Some(Profile::Minimal));
    assert_eq!(policy.offered().len(), 1);
    let reason = decided(&policy, "exec", r#"{"command":"true"}"#).unwrap_err();
    assert!(reason.contains("tools.profile"), "{reason}");
}

#[test]
fn approvals_that_deny_all_stop_commands_and_leave_files() {
    let policy = policy_by(&ExecApprovals::deny_all(), |_, _| {});
    let reason = decided(&policy, "exec", r#"{"command":"true"}"#).unwrap_err();
    assert!(reason.contains("exec-approvals.json"), "{reason}");
    assert_eq!(decided(&policy, "ls", "{}"), Ok(Place::Files));
}

#[test]
fn an_allow_list_takes_the_sessions_own_folders_off_the_path() {
    let free = policy(|_, _| {}).tool_start("j".into()).env;
    assert!(
        free["PATH"].starts_with("/home/a/.openclaw/workspace/.venv/bin:"),
        "{free:?}"
    );

    let listed = policy(|_, agent| {
        agent.tools.exec = ExecPolicy {
            security: ExecSecurity::Allowlist,
            path_prepend: vec!["/home/a/.openclaw/workspace/bin".into(), "/tools".into()],
            ..ExecPolicy::default()
        };
    });
    let env = listed.tool_start("j".into()).env;
    assert!(
        env["PATH"].starts_with("/tools:/usr/bin:"),
        "{}",
        env["PATH"]
    );
    assert!(!env.contains_key("VIRTUAL_ENV"));
    assert_eq!(
        decided(&listed, "exec", r#"{"command":"git log"}"#),
        Ok(Place::Exec { elevated: false })
    );
    assert!(decided(&listed, "exec", r#"{"command":"rm x"}"#).is_err());
    assert!(decided(&listed, "exec", r#"{"command":"./git","workdir":"~"}"#).is_err());
}

#[test]
fn a_workspace_among_secrets_runs_nothing() {
    let policy = policy(|_, agent| agent.workspace = "/home/a".into());
    for (tool, args) in [
        ("exec", r#"{"command":"true"}"#),
        ("ls", "{}"),
        ("apply_patch", r#"{"input":""}"#),
    ] {
        let reason = decided(&policy, tool, args).unwrap_err();
        assert!(
            reason.contains("agents.defaults.workspace"),
            "{tool}: {reason}"
        );
    }
    assert!(policy.exec_jail().write.is_empty());
    assert_eq!(
        decided(&policy, "session_status", "{}"),
        Ok(Place::Supervisor)
    );
}

#[test]
fn a_patch_keeps_to_the_workspace_unless_told_otherwise() {
    let patch = r#"{"input":"*** Add File: /scratch/x"}"#;
    let by_default = policy(|_, agent| agent.tools.workspace_only = false);
    let reason = decided(&by_default, "apply_patch", patch).unwrap_err();
    assert!(reason.contains("applyPatch.workspaceOnly"), "{reason}");
    let anywhere = policy(|_, agent| {
        agent.tools.workspace_only = false;
        agent.tools.exec.apply_patch_workspace_only = false;
    });
    assert_eq!(decided(&anywhere, "apply_patch", patch), Ok(Place::Files));
}

#[test]
fn what_a_call_lacks_is_told() {
    let policy = policy(|_, _| {});
    for args in [
        r#"{"action":"poll"}"#,
        r#"{"action":"kill","sessionId":" "}"#,
    ] {
        let reason = decided(&policy, "process", args).unwrap_err();
        assert!(reason.contains("sessionId"), "{reason}");
    }
    for (key, allowed) in [
        ("agent:main:main", true),
        ("current", true),
        ("agent:x:main", false),
    ] {
        let args = format!(r#"{{"sessionKey":"{key}"}}"#);
        assert_eq!(
            decided(&policy, "session_status", &args).is_ok(),
            allowed,
            "{key}"
        );
    }
}

#[test]
fn a_toolbox_starts_with_the_configured_bounds() {
    let start = policy(|_, agent| {
        agent.tools.workspace_only = true;
        agent.tools.exec.timeout = std::time::Duration::from_secs(3600);
    })
    .tool_start("job-7".into());
    assert_eq!(start.workspace, Path::new("/home/a/.openclaw/workspace"));
    assert_eq!(
        (start.exec.yield_ms, start.exec.timeout_ms),
        (10_000, 3_600_000)
    );
    assert_eq!(start.job.as_str(), "job-7");
    assert!(!start.files_anywhere);
}

/// A policy that asks about what is not on the list.
fn asking(change: impl FnOnce(&mut Config, &mut Agent)) -> SessionPolicy {
    policy(|config, agent| {
        agent.tools.exec.security = ExecSecurity::Allowlist;
        agent.tools.exec.ask = ExecAsk::OnMiss;
        change(config, agent);
    })
}

fn program(policy: &SessionPolicy, command: &str) -> Option<String> {
    let args = serde_json::json!({ "command": command }).to_string();
    match told(policy, "exec", &args, None) {
        Decision::Confirm { place, program, .. } => {
            assert_eq!(place, Place::Exec { elevated: false });
            program.map(|path| path.display().to_string())
        }
        Decision::Allow(_) | Decision::Deny { .. } => panic!("{command} is not asked about"),
    }
}

#[test]
fn one_program_can_be_put_on_the_list_by_a_word() {
    let policy = asking(|_, _| {});
    for (command, expected) in [
        ("rm x", Some("/usr/bin/rm")),
        ("git log | rm x && rm y", Some("/usr/bin/rm")),
        ("timeout 5 env rm x", Some("/usr/bin/rm")),
        ("jq . file", Some("/usr/bin/jq")),
        ("rm x; touch y", None),
        ("echo $(rm x)", None),
        ("bash -c 'rm x'", None),
        ("python3.13 x.py", None),
        ("xargs rm", None),
        ("PATH=. rm x", None),
        ("nosuch/program", None),
    ] {
        assert_eq!(program(&policy, command).as_deref(), expected, "{command}");
    }
}

#[test]
fn a_program_that_the_session_can_change_is_not_put_on_the_list() {
    let of_usr = asking(|config, _| config.sandbox.write_paths = vec!["/usr/bin".into()]);
    assert_eq!(program(&of_usr, "/usr/bin/rm x"), None);
}

fn elevated(change: impl FnOnce(&mut Agent)) -> SessionPolicy {
    policy(|_, agent| {
        agent.tools.elevated.enabled = true;
        let any = [("cli".to_owned(), vec!["*".to_owned()])];
        agent.tools.elevated.allow_from = any.into();
        change(agent);
    })
}

#[test]
fn an_elevated_call_runs_where_the_session_was_told_so() {
    use ElevatedMode::{Ask, Full, Off, On};
    let call = r#"{"command":"rm x","elevated":true}"#;
    let place = Place::Exec { elevated: true };
    let free = elevated(|_| {});
    let strict = elevated(|agent| {
        agent.tools.exec.security = ExecSecurity::Allowlist;
        agent.tools.exec.ask = ExecAsk::OnMiss;
    });
    let said = |policy: &SessionPolicy, mode| match told(policy, "exec", call, mode) {
        Decision::Allow(at) if at == place => "runs",
        Decision::Confirm { place: at, .. } if at == place => "asks",
        Decision::Deny { .. } => "no",
        Decision::Allow(_) | Decision::Confirm { .. } => "elsewhere",
    };
    for (mode, free_does, strict_does) in [
        (None, "no", "no"),
        (Some(Off), "no", "no"),
        (Some(Ask), "asks", "asks"),
        (Some(On), "runs", "asks"),
        (Some(Full), "runs", "runs"),
    ] {
        assert_eq!(said(&free, mode), free_does, "{mode:?}");
        assert_eq!(said(&strict, mode), strict_does, "{mode:?}");
    }
    let default = elevated(|agent| agent.tools.elevated.default = On);
    assert_eq!(said(&default, None), "runs");
    assert_eq!(said(&default, Some(Off)), "no");
    let off = elevated(|agent| agent.tools.exec.security = ExecSecurity::Deny);
    assert_eq!(said(&off, Some(Full)), "no");
    assert_eq!(said(&policy(|_, _| {}), Some(Full)), "no");
}

#[test]
fn only_elevated_commands_have_the_time_and_the_walls_of_elevated_ones() {
    let policy = elevated(|_| {});
    let (own, wider) = (
        policy.tool_start("j".into()),
        policy.elevated_start("j".into()),
    );
    assert!(wider.exec.timeout_ms > own.exec.timeout_ms);
    assert_eq!(policy.elevated_jail().network, jail::spec::Network::Host);
    assert_ne!(policy.exec_jail().network, jail::spec::Network::Host);
}

#[test]
fn to_speak_to_an_elevated_command_is_to_run_one() {
    use ElevatedMode::{Ask, Full, Off, On};
    let policy = elevated(|_| {});
    let does = |action: &str, job: &str, mode| {
        let args = serde_json::json!({ "action": action, "sessionId": job, "data": "x" });
        match told(&policy, "process", &args.to_string(), mode) {
            Decision::Allow(_) => '+',
            Decision::Confirm { .. } => '?',
            Decision::Deny { .. } => '-',
        }
    };
    for (mode, expected) in [
        (None, '-'),
        (Some(Off), '-'),
        (Some(Ask), '?'),
        (Some(On), '+'),
        (Some(Full), '+'),
    ] {
        for action in ["write", "send-keys", "submit", "paste"] {
            assert_eq!(does(action, "job-7", mode), expected, "{action} {mode:?}");
            assert_eq!(does(action, "job-8", mode), '+', "{action} {mode:?}");
        }
        for action in ["poll", "log", "kill", "clear", "remove"] {
            assert_eq!(does(action, "job-7", mode), '+', "{action} {mode:?}");
        }
    }
}
