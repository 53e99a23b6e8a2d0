//! `exec-approvals.json`: what the owner of this machine lets `exec` do, in OpenClaw's format.
//!
//! The file is the owner's. It is read whole, and two things are ever written into it: an entry that
//! the owner has put on an allow-list by saying *always*, and when an entry was last used. All it
//! says besides, known to us or not, stays.

use super::StoreError;
use ipc::id::AgentId;
use ipc::tool_args::{ExecAsk, ExecSecurity};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use uuid::Uuid;

/// The only version of the format there is.
const VERSION: u64 = 1;

/// The id under which a file speaks of every agent.
const ANY_AGENT: &str = "*";

/// What the file says. It limits nothing that it does not speak of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ExecApprovals {
    version: Option<u64>,
    /// For agents that are not spoken of, or only in part.
    pub defaults: HostRules,
    /// By agent id; `*` is every agent.
    pub agents: BTreeMap<String, AgentApprovals>,
}

/// What `exec` may do at most; `None` where nothing is said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct HostRules {
    /// What it may run.
    pub security: Option<ExecSecurity>,
    /// When a person must approve.
    pub ask: Option<ExecAsk>,
    /// What holds when nobody is there to approve.
    pub ask_fallback: Option<ExecSecurity>,
}

/// What the file says of one agent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct AgentApprovals {
    /// As in [`HostRules`].
    pub security: Option<ExecSecurity>,
    /// As in [`HostRules`].
    pub ask: Option<ExecAsk>,
    /// As in [`HostRules`].
    pub ask_fallback: Option<ExecSecurity>,
    /// Programs it may start.
    pub allowlist: Vec<AllowEntry>,
}

/// One entry of an allow-list.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Value")]
pub struct AllowEntry {
    /// A glob on the program's path.
    pub pattern: String,
}

/// One use of an allow-list entry, as the file remembers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowUse {
    /// Whose list.
    pub agent: AgentId,
    /// The entry's pattern.
    pub pattern: String,
    /// The command that was run.
    pub command: String,
    /// The program it started.
    pub resolved_path: String,
    /// When, milliseconds since 1970.
    pub at_ms: i64,
}

impl ExecApprovals {
    /// Reads the file; one that is not there says nothing.
    ///
    /// # Errors
    /// [`StoreError::Disk`] when it can not be read, [`StoreError::Damaged`] with line and column
    /// when it makes no sense. A limit that can not be read is not no limit: whoever reads it should
    /// then go on with [`Self::deny_all`].
    pub fn load(file: &Path) -> Result<Self, StoreError> {
        match read(file)? {
            Some(text) => Self::parse(&text).map_err(|cause| damaged(file, cause)),
            None => Ok(Self::default()),
        }
    }

    /// Reads the file's text.
    ///
    /// # Errors
    /// What makes no sense, and where.
    pub fn parse(text: &str) -> Result<Self, String> {
        let approvals: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        match approvals.version {
            None | Some(VERSION) => Ok(approvals),
            Some(other) => Err(format!("version {other} is not known, only {VERSION}")),
        }
    }

    /// Lets nothing run.
    #[must_use]
    pub fn deny_all() -> Self {
        Self {
            defaults: HostRules {
                security: Some(ExecSecurity::Deny),
                ..HostRules::default()
            },
            ..Self::default()
        }
    }

    /// What holds for `agent`: what is said of it, else of every agent, else by default.
    #[must_use]
    pub fn rules(&self, agent: &AgentId) -> HostRules {
        let said = self.said_of(agent).map(AgentApprovals::rules);
        said.chain([self.defaults])
            .fold(HostRules::default(), HostRules::or)
    }

    /// The patterns of programs `agent` may start, its own before those of every agent.
    pub fn patterns(&self, agent: &AgentId) -> impl Iterator<Item = &str> {
        self.said_of(agent)
            .flat_map(|said| &said.allowlist)
            .map(|entry| entry.pattern.as_str())
    }

    fn said_of(&self, agent: &AgentId) -> impl Iterator<Item = &AgentApprovals> {
        let ids = [agent.as_str(), ANY_AGENT];
        ids.into_iter().filter_map(|id| self.agents.get(id))
    }
}

impl HostRules {
    /// What `self` says, and where it says nothing, what `other` does.
    fn or(self, other: Self) -> Self {
        Self {
            security: self.security.or(other.security),
            ask: self.ask.or(other.ask),
            ask_fallback: self.ask_fallback.or(other.ask_fallback),
        }
    }
}

impl AgentApprovals {
    fn rules(&self) -> HostRules {
        HostRules {
            security: self.security,
            ask: self.ask,
            ask_fallback: self.ask_fallback,
        }
    }
}

impl TryFrom<Value> for AllowEntry {
    type Error = String;

    /// Older files have only the pattern in place of an entry.
    fn try_from(entry: Value) -> Result<Self, String> {
        let pattern = entry.as_str().or_else(|| entry.get("pattern")?.as_str());
        match pattern {
            Some(pattern) => Ok(Self {
                pattern: pattern.to_owned(),
            }),
            None => Err(format!("allowlist entry {entry} has no pattern")),
        }
    }
}

/// Two at once would each write what the other had not read.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Puts an entry on an agent's own allow-list, with its first use, and makes the file where there is
/// none. One that is there already is used once more. `then` gets what the file says now, before
/// anyone else can change it. Reads and writes the disk.
///
/// # Errors
/// As [`ExecApprovals::load`]; the file is then as it was.
pub fn allow(
    file: &Path,
    used: &AllowUse,
    then: impl FnOnce(ExecApprovals),
) -> Result<(), StoreError> {
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let text = read(file)?.unwrap_or_else(|| format!(r#"{{"version":{VERSION}}}"#));
    // What we can not read whole we do not write either.
    ExecApprovals::parse(&text).map_err(|cause| damaged(file, cause))?;
    let mut root: Value =
        serde_json::from_str(&text).map_err(|error| damaged(file, error.to_string()))?;
    if !note_use(&mut root, used) {
        let list = own_list(&mut root, &used.agent);
        let list = list.ok_or_else(|| damaged(file, "agents are no objects".to_owned()))?;
        list.push(json!({ "id": Uuid::new_v4().to_string(), "pattern": used.pattern }));
        note_use(&mut root, used);
    }
    let says = ExecApprovals::parse(&root.to_string()).map_err(|cause| damaged(file, cause))?;
    replace(file, &root).map_err(|error| disk(file, &error))?;
    then(says);
    Ok(())
}

/// An agent's own entries; made where there is nothing, `None` where there is something else.
fn own_list<'a>(root: &'a mut Value, agent: &AgentId) -> Option<&'a mut Vec<Value>> {
    let agents = root.as_object_mut()?.entry("agents").or_insert(json!({}));
    let own = agents.as_object_mut()?.entry(agent.as_str());
    let own = own.or_insert(json!({})).as_object_mut()?;
    own.entry("allowlist").or_insert(json!([])).as_array_mut()
}

/// Notes in the file when allow-list entries were last used, by what. An entry that is not there any
/// more is not brought back. Reads and writes the disk: never to be waited for by a tool call.
///
/// # Errors
/// As [`ExecApprovals::load`]; the file is then as it was.
pub fn record_uses(file: &Path, uses: &[AllowUse]) -> Result<(), StoreError> {
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(text) = read(file)? else {
        return Ok(());
    };
    let mut root: Value =
        serde_json::from_str(&text).map_err(|error| damaged(file, error.to_string()))?;
    let noted = uses.iter().filter(|used| note_use(&mut root, used)).count();
    if noted > 0 {
        replace(file, &root).map_err(|error| disk(file, &error))?;
    }
    Ok(())
}

/// The file's text; `None` where there is no file.
fn read(file: &Path) -> Result<Option<String>, StoreError> {
    match fs::read_to_string(file) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(disk(file, &error)),
    }
}

/// Whether there was an entry to note it in.
fn note_use(root: &mut Value, used: &AllowUse) -> bool {
    for agent in [used.agent.as_str(), ANY_AGENT] {
        let list = root.pointer_mut(&format!("/agents/{}/allowlist", pointer_part(agent)));
        let entries = list.and_then(Value::as_array_mut).into_iter().flatten();
        for entry in entries {
            let named = entry.as_str().or_else(|| entry.get("pattern")?.as_str());
            if named != Some(&used.pattern) {
                continue;
            }
            if entry.is_string() {
                *entry = json!({ "pattern": used.pattern });
            }
            entry["lastUsedAt"] = json!(used.at_ms);
            entry["lastUsedCommand"] = json!(used.command);
            entry["lastResolvedPath"] = json!(used.resolved_path);
            return true;
        }
    }
    false
}

fn pointer_part(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// The whole file or nothing of it: a new one takes the place of the old.
fn replace(file: &Path, root: &Value) -> io::Result<()> {
    let mut name = file.as_os_str().to_owned();
    name.push(".new");
    let mut options = OpenOptions::new();
    options.create(true).truncate(true).write(true).mode(0o600);
    let mut new = options.open(&name)?;
    new.write_all(format!("{root:#}\n").as_bytes())?;
    new.sync_all()?;
    fs::rename(&name, file)
}

fn damaged(file: &Path, cause: String) -> StoreError {
    StoreError::Damaged {
        file: file.to_owned(),
        cause,
    }
}

fn disk(file: &Path, error: &io::Error) -> StoreError {
    StoreError::Disk {
        file: file.to_owned(),
        cause: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    const FILE: &str = r#"{
        "version": 1,
        "socket": { "path": "/run/approvals.sock", "token": "secret" },
        "defaults": { "security": "full", "ask": "on-miss", "autoAllowSkills": true },
        "agents": {
            "main": {
                "security": "allowlist",
                "allowlist": [
                    { "id": "1", "pattern": "/usr/bin/git", "lastUsedAt": 5, "note": "mine" },
                    "~/bin/*"
                ]
            },
            "*": { "askFallback": "deny", "allowlist": [{ "pattern": "/usr/bin/rg" }] }
        }
    }"#;

    #[test]
    fn the_nearest_word_on_an_agent_holds() {
        let file = ExecApprovals::parse(FILE).unwrap();
        let main = AgentId::from("main");
        let expected = HostRules {
            security: Some(ExecSecurity::Allowlist),
            ask: Some(ExecAsk::OnMiss),
            ask_fallback: Some(ExecSecurity::Deny),
        };
        assert_eq!(file.rules(&main), expected);
        let patterns: Vec<_> = file.patterns(&main).collect();
        assert_eq!(patterns, ["/usr/bin/git", "~/bin/*", "/usr/bin/rg"]);
        let other = AgentId::from("other");
        assert_eq!(file.rules(&other).security, Some(ExecSecurity::Full));
        assert_eq!(file.patterns(&other).collect::<Vec<_>>(), ["/usr/bin/rg"]);
    }

    #[test]
    fn no_file_says_nothing_and_a_broken_one_is_an_error() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("exec-approvals.json");
        assert_eq!(ExecApprovals::load(&file), Ok(ExecApprovals::default()));
        for text in [
            "{",
            r#"{"defaults":{"security":"ful"}}"#,
            r#"{"agents":{"a":{"ask":"never"}}}"#,
            r#"{"agents":{"a":{"allowlist":[{"id":"1"}]}}}"#,
            r#"{"version":2}"#,
        ] {
            fs::write(&file, text).unwrap();
            let error = ExecApprovals::load(&file).unwrap_err();
            assert!(
                matches!(error, StoreError::Damaged { .. }),
                "{text}: {error}"
            );
            assert!(error.to_string().contains("exec-approvals.json"), "{error}");
        }
    }

    #[test]
    fn denying_all_denies_every_agent() {
        let rules = ExecApprovals::deny_all().rules(&AgentId::from("main"));
        assert_eq!(rules.security, Some(ExecSecurity::Deny));
    }

    #[test]
    fn a_use_is_noted_and_all_else_stays() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("exec-approvals.json");
        fs::write(&file, FILE).unwrap();
        let mut expected: Value = serde_json::from_str(FILE).unwrap();
        for (at_ms, pattern, place) in [
            (7, "/usr/bin/git", "/agents/main/allowlist/0"),
            (8, "~/bin/*", "/agents/main/allowlist/1"),
            (9, "/usr/bin/rg", "/agents/*/allowlist/0"),
        ] {
            let used = AllowUse {
                agent: AgentId::from("main"),
                pattern: pattern.to_owned(),
                command: "a command".to_owned(),
                resolved_path: "/usr/bin/program".to_owned(),
                at_ms,
            };
            record_uses(&file, std::slice::from_ref(&used)).unwrap();
            let entry = expected.pointer_mut(place).unwrap();
            if entry.is_string() {
                *entry = json!({ "pattern": pattern });
            }
            entry["lastUsedAt"] = json!(at_ms);
            entry["lastUsedCommand"] = json!("a command");
            entry["lastResolvedPath"] = json!("/usr/bin/program");
        }
        let text = fs::read_to_string(&file).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), expected);
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    fn used(agent: &str, pattern: &str) -> AllowUse {
        AllowUse {
            agent: AgentId::from(agent),
            pattern: pattern.to_owned(),
            command: "a command".to_owned(),
            resolved_path: pattern.to_owned(),
            at_ms: 7,
        }
    }

    #[test]
    fn what_is_allowed_always_is_added_and_all_else_stays() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("exec-approvals.json");
        fs::write(&file, FILE).unwrap();
        let before: Value = serde_json::from_str(FILE).unwrap();
        let mut said = None;
        allow(&file, &used("main", "/usr/bin/rm"), |says| {
            said = Some(says)
        })
        .unwrap();
        let mut after: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        let list = after["agents"]["main"]["allowlist"].as_array_mut().unwrap();
        let entry = list.pop().unwrap();
        assert_eq!(after, before);
        assert_eq!(entry["pattern"], "/usr/bin/rm");
        assert_eq!(entry["lastUsedAt"], 7);
        assert_eq!(entry["lastUsedCommand"], "a command");
        assert_eq!(entry["lastResolvedPath"], "/usr/bin/rm");
        assert!(entry["id"].as_str().is_some_and(|id| !id.is_empty()));
        assert_eq!(ExecApprovals::load(&file).ok(), said);
        let patterns = said.unwrap();
        let patterns: Vec<_> = patterns.patterns(&"main".into()).collect();
        assert!(patterns.contains(&"/usr/bin/rm"), "{patterns:?}");
    }

    #[test]
    fn what_is_allowed_twice_is_there_once() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("exec-approvals.json");
        for agent in ["main", "main", "other"] {
            allow(&file, &used(agent, "/usr/bin/rm"), |_| {}).unwrap();
        }
        let says = ExecApprovals::load(&file).unwrap();
        for agent in ["main", "other"] {
            let patterns: Vec<_> = says.patterns(&agent.into()).collect();
            assert_eq!(patterns, ["/usr/bin/rm"], "{agent}");
        }
        assert_eq!(says.rules(&"main".into()), HostRules::default());
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_file_that_makes_no_sense_is_not_written() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("exec-approvals.json");
        for text in [
            "{",
            r#"{"version":2}"#,
            r#"{"agents":{"main":{"ask":"x"}}}"#,
            "[]",
        ] {
            fs::write(&file, text).unwrap();
            let allowed = allow(&file, &used("main", "/usr/bin/rm"), |_| panic!("{text}"));
            assert!(allowed.is_err(), "{text}");
            assert_eq!(fs::read_to_string(&file).unwrap(), text);
        }
    }

    #[test]
    fn a_use_of_what_is_gone_changes_nothing() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("exec-approvals.json");
        let used = AllowUse {
            agent: AgentId::from("main"),
            pattern: "/usr/bin/gone".to_owned(),
            command: String::new(),
            resolved_path: String::new(),
            at_ms: 1,
        };
        record_uses(&file, std::slice::from_ref(&used)).unwrap();
        assert!(!file.exists());
        fs::write(&file, FILE).unwrap();
        record_uses(&file, std::slice::from_ref(&used)).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), FILE);
    }
}
