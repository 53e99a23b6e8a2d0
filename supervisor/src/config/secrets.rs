//! References to secrets: `{source: "env", id: "OPENAI_API_KEY"}` and the like.

use super::env::Env;
use super::include::read_bounded;
use super::node::{Kind, Node};
use super::paths::Paths;
use serde_json::Value;

/// What a reference leads to.
pub(super) enum Resolved {
    Secret(String),
    /// A kind of reference that is known and does nothing here yet.
    Later,
}

/// Resolves references by the providers of `secrets.providers`.
pub(super) struct Secrets<'a> {
    /// The section `secrets`, or null.
    pub(super) section: Value,
    pub(super) env: &'a Env,
    pub(super) paths: &'a Paths,
}

impl Secrets<'_> {
    /// The secret a reference leads to, or why there is none.
    pub(super) fn resolve(&self, reference: &Node) -> Result<Resolved, String> {
        let text = |key: &str| reference.get(key).and_then(Node::text);
        let source = text("source").unwrap_or("");
        if source == "exec" {
            return Ok(Resolved::Later);
        }
        if !matches!(source, "env" | "file") {
            return Err("expected source: \"env\" or \"file\"".into());
        }
        let id = text("id").ok_or("expected id: the name of the secret")?;
        let default = self.section["defaults"][source].as_str();
        let provider = text("provider").or(default).unwrap_or("default");
        let settings = &self.section["providers"][provider];
        if let Some(other) = settings["source"].as_str().filter(|other| *other != source) {
            return Err(format!(
                "secrets.providers.{provider} is of source {other:?}, not {source:?}"
            ));
        }
        match source {
            "env" => self.variable(id, provider, settings),
            _ => self.file(id, provider, settings),
        }
        .map(Resolved::Secret)
    }

    fn variable(&self, name: &str, provider: &str, settings: &Value) -> Result<String, String> {
        let allowed = settings["allowlist"].as_array();
        if allowed.is_some_and(|names| !names.iter().any(|n| n == name)) {
            return Err(format!(
                "secrets.providers.{provider}.allowlist does not name {name}"
            ));
        }
        self.env
            .get(name)
            .map(str::to_owned)
            .ok_or_else(|| format!("the variable {name} is not set"))
    }

    fn file(&self, id: &str, provider: &str, settings: &Value) -> Result<String, String> {
        let Some(written) = settings["path"].as_str() else {
            return Err(format!(
                "secrets.providers.{provider}.path does not say which file"
            ));
        };
        let path = self.paths.resolve(written, &self.paths.state_dir);
        let shown = path.display();
        let text = read_bounded(&path).map_err(|e| format!("cannot read {shown}: {e}"))?;
        if settings["mode"] == "singleValue" {
            return Ok(text.trim_end().to_owned());
        }
        let json: Value =
            serde_json::from_str(&text).map_err(|_| format!("{shown} is not JSON"))?;
        json.pointer(id)
            .and_then(Value::as_str)
            .map(str::to_owned)
            .ok_or_else(|| format!("{shown} has no text at {id}"))
    }
}

/// Whether an object is meant as a reference.
pub(super) fn is_reference(node: &Node) -> bool {
    matches!(node.kind, Kind::Object(_)) && node.get("source").is_some()
}
