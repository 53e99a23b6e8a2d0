//! The tools' arguments: one struct a tool, with OpenClaw's names. The JSON Schemas shown to the
//! model are derived from these types, so the catalogue, the parser and the wire can not disagree.

use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// A tool and its arguments.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "tool", content = "args", rename_all = "snake_case")]
pub enum ToolArgs {
    /// Runs a shell command.
    Exec(ExecArgs),
    /// Looks after background commands.
    Process(ProcessArgs),
    /// Reads a file.
    Read(ReadArgs),
    /// Writes a file.
    Write(WriteArgs),
    /// Replaces text in a file.
    Edit(EditArgs),
    /// Applies a patch to several files.
    ApplyPatch(ApplyPatchArgs),
    /// Lists a folder.
    Ls(LsArgs),
    /// Tells of the session.
    SessionStatus(SessionStatusArgs),
    /// Lists the agents.
    AgentsList(AgentsListArgs),
}

/// `exec`: run a shell command in the workspace.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExecArgs {
    /// Shell command to run.
    pub command: String,
    /// Working directory, relative to the workspace. Default: the workspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workdir: Option<String>,
    /// Extra environment variables. PATH, LD_* and DYLD_* are refused.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// Milliseconds to wait before the command goes on in the background (default 10000, 10 to 120000).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub yield_ms: Option<u64>,
    /// Go to the background at once.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub background: bool,
    /// Kill the command after this many seconds (default 1800).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<u64>,
    /// Run in a pseudo-terminal, for programs that want one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pty: bool,
    /// Policy asked of this call: deny, allowlist or full. Can only be stricter than configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security: Option<ExecSecurity>,
    /// When to ask for approval: off, on-miss or always. Can only be stricter than configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ask: Option<ExecAsk>,
    /// Run in the wider walls that a person has switched on with /elevated. Denied without that.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub elevated: bool,
}

/// What `exec` may run.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum ExecSecurity {
    /// Nothing.
    Deny,
    /// What the allow-list names.
    Allowlist,
    /// Anything the jail allows.
    Full,
}

/// When `exec` needs a person's approval.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum ExecAsk {
    /// Never.
    Off,
    /// When the allow-list does not name the command.
    OnMiss,
    /// Always.
    Always,
}

/// `process`: look after commands that went to the background.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProcessArgs {
    /// What to do.
    pub action: ProcessAction,
    /// The background command, as exec named it. Needed by every action but list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// write: text for its standard input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// send-keys: named keys, such as Enter, Escape, Up, C-c.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<String>,
    /// send-keys: raw bytes in hexadecimal.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hex: Vec<String>,
    /// send-keys: text to type as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub literal: Option<String>,
    /// paste: the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// paste: mark it as a paste (default true).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bracketed: Option<bool>,
    /// write: close standard input afterwards.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub eof: bool,
    /// log: first line, from 0. Default: the last lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// log: how many lines (default 200).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// poll: milliseconds to wait for news (up to 120000).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<u64>,
}

/// The actions of `process`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProcessAction {
    /// Every background command and its state.
    List,
    /// Output since the last poll, and whether it still runs.
    Poll,
    /// Lines of its output.
    Log,
    /// Text to its standard input.
    Write,
    /// Keys to its terminal.
    SendKeys,
    /// Enter, after what was typed.
    Submit,
    /// Text as a paste.
    Paste,
    /// End it, with all it started.
    Kill,
    /// Forget its output so far.
    Clear,
    /// End it if it runs, and forget it.
    Remove,
}

/// `read`: a text file, whole or in part.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReadArgs {
    /// File to read, relative to the workspace.
    #[serde(alias = "file_path", alias = "filePath")]
    pub path: String,
    /// First line, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// How many lines (up to 2000, or 50 KB).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
}

/// `write`: a whole file; folders on the way are made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WriteArgs {
    /// File to write, relative to the workspace.
    #[serde(alias = "file_path", alias = "filePath")]
    pub path: String,
    /// Its whole new content.
    pub content: String,
}

/// `edit`: replace text that stands exactly once in a file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EditArgs {
    /// File to edit, relative to the workspace.
    #[serde(alias = "file_path", alias = "filePath")]
    pub path: String,
    /// Text to replace; must stand in the file exactly once.
    #[serde(
        default,
        alias = "old_string",
        alias = "oldString",
        skip_serializing_if = "Option::is_none"
    )]
    pub old_text: Option<String>,
    /// What replaces it.
    #[serde(
        default,
        alias = "new_string",
        alias = "newString",
        skip_serializing_if = "Option::is_none"
    )]
    pub new_text: Option<String>,
    /// Several replacements at once, instead of oldText and newText.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edits: Vec<Replacement>,
}

/// One replacement of `edit`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Replacement {
    /// Text to replace; must stand in the file exactly once.
    #[serde(alias = "old_string", alias = "oldString")]
    pub old_text: String,
    /// What replaces it.
    #[serde(alias = "new_string", alias = "newString")]
    pub new_text: String,
}

/// `apply_patch`: add, update, move and delete files in one step.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ApplyPatchArgs {
    /// The patch, from `*** Begin Patch` to `*** End Patch`.
    pub input: String,
}

/// `ls`: what a folder holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LsArgs {
    /// Folder, relative to the workspace. Default: the workspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// How many entries (default 500).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// Go on after this entry name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// `session_status`: model, usage, walls and state of a session.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionStatusArgs {
    /// Which session. Default: this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_key: Option<String>,
    /// Use this model (`provider/model`) from now on; `default` clears it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
}

/// `agents_list`: the agents that exist.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AgentsListArgs {}

/// A tool as it is shown to the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolSpec {
    /// The name the model calls it by.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// JSON Schema of its arguments, an object.
    pub parameters: Value,
}

/// A tool call whose arguments are not what the tool takes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadCall {
    /// No tool has that name.
    #[error("there is no tool named {0:?}")]
    NoSuchTool(String),
    /// The arguments do not fit.
    #[error("bad arguments for {tool}: {reason}")]
    BadArguments {
        /// Which tool.
        tool: String,
        /// What does not fit.
        reason: String,
    },
}

/// Every tool's name, in the order they are shown.
pub const NAMES: [&str; 9] = [
    "exec",
    "process",
    "read",
    "write",
    "edit",
    "apply_patch",
    "ls",
    "session_status",
    "agents_list",
];

impl ToolArgs {
    /// Reads the arguments a model gave for the tool it named. Empty text counts as `{}`.
    ///
    /// # Errors
    /// [`BadCall`] says what does not fit, in words the model can mend it by.
    pub fn parse(name: &str, arguments: &str) -> Result<Self, BadCall> {
        let text = if arguments.trim().is_empty() {
            "{}"
        } else {
            arguments
        };
        let bad = |error: serde_json::Error| BadCall::BadArguments {
            tool: name.to_owned(),
            reason: error.to_string(),
        };
        let args = match name {
            "exec" | "bash" => Self::Exec(serde_json::from_str(text).map_err(bad)?),
            "process" => Self::Process(serde_json::from_str(text).map_err(bad)?),
            "read" => Self::Read(serde_json::from_str(text).map_err(bad)?),
            "write" => Self::Write(serde_json::from_str(text).map_err(bad)?),
            "edit" => Self::Edit(serde_json::from_str(text).map_err(bad)?),
            "apply_patch" => Self::ApplyPatch(serde_json::from_str(text).map_err(bad)?),
            "ls" => Self::Ls(serde_json::from_str(text).map_err(bad)?),
            "session_status" => Self::SessionStatus(serde_json::from_str(text).map_err(bad)?),
            "agents_list" => Self::AgentsList(serde_json::from_str(text).map_err(bad)?),
            _ => return Err(BadCall::NoSuchTool(name.to_owned())),
        };
        Ok(args)
    }

    /// The tool's name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Exec(_) => "exec",
            Self::Process(_) => "process",
            Self::Read(_) => "read",
            Self::Write(_) => "write",
            Self::Edit(_) => "edit",
            Self::ApplyPatch(_) => "apply_patch",
            Self::Ls(_) => "ls",
            Self::SessionStatus(_) => "session_status",
            Self::AgentsList(_) => "agents_list",
        }
    }

    /// The shell command it would run, if it would run one.
    #[must_use]
    pub fn command(&self) -> Option<&str> {
        match self {
            Self::Exec(args) => Some(&args.command),
            Self::Process(_)
            | Self::Read(_)
            | Self::Write(_)
            | Self::Edit(_)
            | Self::ApplyPatch(_)
            | Self::Ls(_)
            | Self::SessionStatus(_)
            | Self::AgentsList(_) => None,
        }
    }

    /// Whether the call only looks: run twice, it changes nothing.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        match self {
            Self::Read(_) | Self::Ls(_) | Self::AgentsList(_) => true,
            Self::Exec(_)
            | Self::Process(_)
            | Self::Write(_)
            | Self::Edit(_)
            | Self::ApplyPatch(_)
            | Self::SessionStatus(_) => false,
        }
    }
}

/// Every tool with its description and the schema of its arguments.
#[must_use]
pub fn catalogue() -> Vec<ToolSpec> {
    NAMES.iter().map(|name| spec(name)).collect()
}

fn spec(name: &str) -> ToolSpec {
    let (description, parameters) = match name {
        "exec" => (
            "Run a shell command in the workspace. Long commands go on in the background and are \
             looked after with process. Output is cut in the middle when it is long.",
            schema::<ExecArgs>(),
        ),
        "process" => (
            "Look after commands that exec left in the background: list, poll, log, write, \
             send-keys, submit, paste, kill, clear, remove.",
            schema::<ProcessArgs>(),
        ),
        "read" => (
            "Read a text file, whole or from a line on.",
            schema::<ReadArgs>(),
        ),
        "write" => (
            "Create or overwrite a file; missing folders are made.",
            schema::<WriteArgs>(),
        ),
        "edit" => (
            "Replace text in a file. Each old text must stand in the file exactly once.",
            schema::<EditArgs>(),
        ),
        "apply_patch" => (
            "Apply a patch in the *** Begin Patch form: add, update, move and delete several files \
             in one step. Nothing is written unless all of it fits.",
            schema::<ApplyPatchArgs>(),
        ),
        "ls" => (
            "List a folder; names of folders end with a slash.",
            schema::<LsArgs>(),
        ),
        "session_status" => (
            "Show this session's model, context, usage and walls, or choose its model.",
            schema::<SessionStatusArgs>(),
        ),
        _ => (
            "List the agents that exist and what each is for.",
            schema::<AgentsListArgs>(),
        ),
    };
    ToolSpec {
        name: name.to_owned(),
        description: description.to_owned(),
        parameters,
    }
}

/// The schema of `T` as providers take it: no `$schema`, no title, no reference, closed.
fn schema<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft07().with(|s| {
        s.inline_subschemas = true;
        s.meta_schema = None;
    });
    let mut value = SchemaGenerator::new(settings)
        .into_root_schema_for::<T>()
        .to_value();
    if let Some(object) = value.as_object_mut() {
        object.remove("title");
        object.remove("description");
        object
            .entry("properties")
            .or_insert_with(|| Value::Object(Map::new()));
        object.insert("additionalProperties".into(), Value::Bool(false));
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_parses_to_itself() {
        for name in NAMES {
            let arguments = match name {
                "exec" => r#"{"command":"true"}"#,
                "process" => r#"{"action":"list"}"#,
                "read" => r#"{"file_path":"a"}"#,
                "write" => r#"{"path":"a","content":"b"}"#,
                "edit" => r#"{"path":"a","old_string":"b","newText":"c"}"#,
                "apply_patch" => r#"{"input":""}"#,
                _ => "",
            };
            assert_eq!(ToolArgs::parse(name, arguments).unwrap().name(), name);
        }
    }

    #[test]
    fn bad_arguments_say_what_is_missing() {
        let error = ToolArgs::parse("exec", "{}").unwrap_err();
        assert!(error.to_string().contains("command"), "{error}");
    }

    #[test]
    fn schemas_are_closed_objects_without_references() {
        for spec in catalogue() {
            assert_eq!(spec.parameters["type"], "object", "{}", spec.name);
            assert!(
                !spec.parameters.to_string().contains("$ref"),
                "{}",
                spec.name
            );
        }
    }
}
