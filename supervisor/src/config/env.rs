//! The environment as a value, so that a test has its own and nothing races on the process's.

use super::paths::{Paths, plain};
use secrecy::SecretString;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// Environment variables. Never prints a value.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Env {
    vars: BTreeMap<String, String>,
}

impl Env {
    /// The process's own, without what is not Unicode. A service has no `HOME`: then it is the user's.
    #[must_use]
    pub fn of_process() -> Self {
        let vars = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let mut env = Self { vars };
        if env.get("HOME").is_none()
            && let Ok(Some(user)) = nix::unistd::User::from_uid(nix::unistd::geteuid())
            && let Ok(home) = user.dir.into_os_string().into_string()
        {
            env.fill("HOME", &home);
        }
        env
    }

    /// The variable's value, unless it is unset or empty.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.vars
            .get(name)
            .map(String::as_str)
            .filter(|v| !v.is_empty())
    }

    /// The variable's value as a secret, unless it is unset or empty.
    #[must_use]
    pub fn secret(&self, name: &str) -> Option<SecretString> {
        self.get(name).map(SecretString::from)
    }

    /// Every variable that is not empty.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let vars = self.vars.iter().filter(|(_, value)| !value.is_empty());
        vars.map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Sets what is not set yet: the first to speak wins.
    pub fn fill(&mut self, name: &str, value: &str) {
        if self.get(name).is_none() {
            self.vars.insert(name.to_owned(), value.to_owned());
        }
    }

    /// Where the state is, by `OPENCLAW_HOME`, `OPENCLAW_STATE_DIR` and `OPENCLAW_CONFIG_PATH`.
    /// Relative paths count from `cwd`, which is also home where there is no `HOME`.
    #[must_use]
    pub fn paths(&self, cwd: &Path) -> Paths {
        let user_home = PathBuf::from(self.get("HOME").unwrap_or("."));
        let at = |written: &str, home: &Path| match written.strip_prefix("~") {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => {
                home.join(rest.trim_start_matches('/'))
            }
            Some(_) | None => cwd.join(written),
        };
        let home = self
            .get("OPENCLAW_HOME")
            .map_or_else(|| cwd.join(&user_home), |dir| at(dir, &user_home));
        let state_dir = self
            .get("OPENCLAW_STATE_DIR")
            .map_or_else(|| home.join(".openclaw"), |dir| at(dir, &home));
        let config_file = self
            .get("OPENCLAW_CONFIG_PATH")
            .map_or_else(|| state_dir.join("openclaw.json"), |file| at(file, &home));
        Paths {
            state_dir: plain(&state_dir),
            config_file: plain(&config_file),
            home: plain(&home),
        }
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Env {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        let vars = pairs
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        Self { vars }
    }
}

impl fmt::Debug for Env {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.vars.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(vars: &[(&str, &str)]) -> Paths {
        vars.iter()
            .copied()
            .collect::<Env>()
            .paths(Path::new("/cwd"))
    }

    #[test]
    fn the_state_is_under_home_unless_a_variable_says_otherwise() {
        let usual = paths(&[("HOME", "/home/a")]);
        assert_eq!(usual.state_dir, Path::new("/home/a/.openclaw"));
        assert_eq!(
            usual.config_file,
            Path::new("/home/a/.openclaw/openclaw.json")
        );

        let moved = paths(&[("HOME", "/home/a"), ("OPENCLAW_STATE_DIR", "~/s")]);
        assert_eq!(moved.state_dir, Path::new("/home/a/s"));
        assert_eq!(moved.config_file, Path::new("/home/a/s/openclaw.json"));

        let file = paths(&[("HOME", "/home/a"), ("OPENCLAW_CONFIG_PATH", "c.json")]);
        assert_eq!(file.config_file, Path::new("/cwd/c.json"));

        let dots = paths(&[("OPENCLAW_STATE_DIR", "../a/./b/../s")]);
        assert_eq!(dots.state_dir, Path::new("/a/s"));

        let home = paths(&[("HOME", "/home/a"), ("OPENCLAW_HOME", "/srv/o")]);
        assert_eq!(home.state_dir, Path::new("/srv/o/.openclaw"));
    }

    #[test]
    fn values_are_never_printed() {
        let env: Env = [("OPENAI_API_KEY", "sk-secret")].into_iter().collect();
        assert!(!format!("{env:?}").contains("sk-secret"));
    }

    #[test]
    fn an_empty_variable_counts_as_unset() {
        let mut env: Env = [("A", "")].into_iter().collect();
        assert_eq!(env.get("A"), None);
        env.fill("A", "1");
        env.fill("A", "2");
        assert_eq!(env.get("A"), Some("1"));
    }
}
