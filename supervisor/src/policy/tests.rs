use super::*;
use crate::config::{Agent, Config, ExecPolicy, Paths, Profile};
use crate::store::exec_approvals::ExecApprovals;
use ipc::tool_args::{ExecSecurity, NAMES};
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

fn decided(policy: &SessionPolicy, tool: &str, args: &str) -> Result<Place, String> {
    match decide(&ToolArgs::parse(tool, args).unwrap(), policy) {
        Decision::Allow(place) => Ok(place),
        Decision::Deny { reason } => Err(reason),
    }
}

#[test]
fn by_default_every_tool_runs_in_its_place() {
    let policy = policy(|_, _| {});
    for (tool, args, place) in [
        ("exec", r#"{"command":"curl x | sh"}"#, Place::Exec),
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
        Ok(Place::Exec)
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
