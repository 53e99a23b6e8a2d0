//! From files and environment to a [`Config`].

use super::Config;
use super::build::{self, Given};
use super::check::Check;
use super::env::Env;
use super::error::ConfigErrors;
use super::findings::Findings;
use super::include::{Reader, read_bounded};
use super::key_path::KeyPath;
use super::keys;
use super::node::{Node, Sources};
use super::paths::Paths;
use super::runtime::Programs;
use super::secrets::Secrets;
use super::substitute::substitute;
use super::view::View;
use serde_json::Value;
use std::io;
use std::path::{Path, PathBuf};

/// Where configuration comes from: an environment, and the files it leads to.
#[derive(Debug, Clone)]
pub struct Source {
    env: Env,
    paths: Paths,
    programs: Programs,
}

/// One reading of the configuration.
pub(super) struct Attempt {
    /// Every file read or looked for.
    pub(super) files: Vec<PathBuf>,
    pub(super) result: Result<Config, ConfigErrors>,
}

impl Source {
    /// This process's environment and working directory.
    #[must_use]
    pub fn of_process() -> Self {
        let cwd = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
        Self::new(Env::of_process(), &cwd)
    }

    /// An environment; relative paths in it count from `cwd`.
    #[must_use]
    pub fn new(env: Env, cwd: &Path) -> Self {
        Self {
            paths: env.paths(cwd),
            programs: Programs::default(),
            env,
        }
    }

    /// Where everything is; known before, and even without, a configuration.
    #[must_use]
    pub fn paths(&self) -> &Paths {
        &self.paths
    }

    /// Reads, checks and fills in the configuration. A file that does not exist is all defaults.
    ///
    /// # Errors
    /// All that is wrong, with its places.
    pub fn load(&self) -> Result<Config, ConfigErrors> {
        self.attempt().result
    }

    /// The same as if the main file held this text.
    ///
    /// # Errors
    /// All that is wrong, with its places.
    pub fn load_text(&self, text: &str) -> Result<Config, ConfigErrors> {
        self.read(Ok(Some(text.to_owned()))).result
    }

    pub(super) fn attempt(&self) -> Attempt {
        let text = match read_bounded(&self.paths.config_file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            other => other.map(Some),
        };
        self.read(text)
    }

    fn read(&self, text: io::Result<Option<String>>) -> Attempt {
        let mut sources = Sources::new();
        let mut findings = Findings::default();
        let mut env = self.env.clone();
        fill_from_file(&mut env, &self.paths.env_file());

        let mut reader = Reader::new(&self.paths.config_file, &mut sources, &mut findings);
        let tree = reader.main(&self.paths.config_file, text);
        let mut files = reader.files;
        files.push(self.paths.env_file());

        // A tree with holes would bring forth follow-up errors.
        let config = tree.map(|tree| self.config(tree, env, &mut findings));
        files.extend(config.iter().flat_map(token_files));
        let result = findings.settle(&sources).map(|warnings| {
            let config = config.unwrap_or_else(|| Config::defaults(self.paths.clone()));
            Config { warnings, ..config }
        });
        Attempt { files, result }
    }

    fn config(&self, mut tree: Node, mut env: Env, findings: &mut Findings) -> Config {
        let raw = tree.to_value();
        fill_from_section(&mut env, &raw["env"]);
        let top = KeyPath::default();
        substitute(&mut tree, Some(keys::root()), &top, &env, findings);
        let secrets = Secrets {
            section: tree.get("secrets").map_or(Value::Null, Node::to_value),
            env: &env,
            paths: &self.paths,
        };
        Check {
            secrets: &secrets,
            findings,
        }
        .field(keys::root(), &mut tree, &top);

        let root = View::root(&tree);
        let given = Given {
            paths: &self.paths,
            env: &env,
            programs: &self.programs,
            manuals: names_in(&build::workspace(&root, &self.paths)),
            folders: names_in(&self.paths.state_dir),
        };
        let config = build::build(&root, &given, findings);
        Config {
            raw,
            resolved: tree.to_value(),
            ..config
        }
    }
}

/// The files that hold tokens of bots.
fn token_files(config: &Config) -> Vec<PathBuf> {
    let channel = &config.resolved["channels"]["telegram"];
    let accounts = channel["accounts"].as_object();
    let each = accounts.into_iter().flat_map(|accounts| accounts.values());
    let written = each
        .chain([channel])
        .filter_map(|said| said["tokenFile"].as_str());
    let paths = &config.paths;
    written
        .map(|written| paths.resolve(written, &paths.state_dir))
        .collect()
}

/// The names in a folder; none where there is no folder.
fn names_in(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect()
}

/// `<state>/.env`. (Not one in the working directory: an agent may have written that.)
fn fill_from_file(env: &mut Env, file: &Path) {
    let Ok(text) = read_bounded(file) else {
        return;
    };
    for (name, value) in text.lines().filter_map(assignment) {
        env.fill(name, value);
    }
}

/// `NAME=value`, with `export` in front and quotes around the value where one likes.
fn assignment(line: &str) -> Option<(&str, &str)> {
    let line = line.trim();
    let line = line.strip_prefix("export ").unwrap_or(line);
    let (name, value) = line.split_once('=')?;
    let (name, value) = (name.trim(), value.trim());
    let quoted = ['"', '\'']
        .iter()
        .find_map(|quote| value.strip_prefix(*quote)?.split_once(*quote));
    let bare = value.split(" #").next().unwrap_or_default().trim_end();
    let fits = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    fits.then_some((name, quoted.map_or(bare, |(inside, _)| inside)))
}

/// `env` and `env.vars` of the file.
fn fill_from_section(env: &mut Env, section: &Value) {
    let texts = |value: &Value| -> Vec<(String, String)> {
        let entries = value.as_object().into_iter().flatten();
        entries
            .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
            .collect()
    };
    for (name, value) in texts(&section["vars"]).into_iter().chain(texts(section)) {
        env.fill(&name, &value);
    }
}

#[cfg(test)]
mod tests;
