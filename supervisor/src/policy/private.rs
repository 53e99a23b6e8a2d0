//! What no tool may see, whatever the configuration says: keys, tokens, and our own state.

use crate::config::{Config, Paths};
use std::path::{Component, Path, PathBuf};

/// Beneath a person's home.
const OF_A_HOME: [&str; 35] = [
    ".aws",
    ".azure",
    ".bash_history",
    ".cargo/credentials",
    ".cargo/credentials.toml",
    ".claude",
    ".codex",
    ".config/gcloud",
    ".config/gh",
    ".config/git/credentials",
    ".config/op",
    ".config/pip",
    ".config/rclone",
    ".config/sops",
    ".docker",
    ".gem/credentials",
    ".git-credentials",
    ".gnupg",
    ".kube",
    ".local/share/keyrings",
    ".m2/settings.xml",
    ".mozilla",
    ".netrc",
    ".npmrc",
    ".oci",
    ".password-store",
    ".pgpass",
    ".pip",
    ".pypirc",
    ".python_history",
    ".ssh",
    ".terraform.d",
    ".vault-token",
    ".yarnrc.yml",
    ".zsh_history",
];

/// Beneath a state directory, ours or OpenClaw's. What agents work in (`workspace`) is not here.
const OF_A_STATE: [&str; 12] = [
    ".env",
    "credentials",
    "cron",
    "devices",
    "exec-approvals.json",
    "identity",
    "logs",
    "media",
    "openclaw.json",
    "openclaw.json.last-good",
    "state",
    "telegram",
];

/// The home of the one user that every machine has.
const ROOT: &str = "/root";

/// Of the machine: its own keys, and the sockets of who would do anything that is asked of them.
const OF_A_MACHINE: [&str; 19] = [
    "/etc/gshadow",
    "/etc/gshadow-",
    "/etc/kubernetes",
    "/etc/letsencrypt",
    "/etc/pki/tls/private",
    "/etc/shadow",
    "/etc/shadow-",
    "/etc/ssh",
    "/etc/ssl/private",
    "/etc/sudoers",
    "/etc/sudoers.d",
    "/etc/wireguard",
    "/run/containerd",
    "/run/docker.sock",
    "/run/dbus",
    "/run/podman",
    "/run/systemd",
    "/var/lib/docker",
    "/var/run/docker.sock",
];

/// Where a path leads; itself where that can not be told.
pub type Resolve = fn(&Path) -> PathBuf;

/// The places no tool may see, as they are called and as they really are.
#[derive(Debug, Clone)]
pub(super) struct Private {
    homes: Vec<PathBuf>,
    places: Vec<PathBuf>,
    resolve: Resolve,
}

impl Private {
    /// Those of the person whose home it is, and those of the gateway.
    pub(super) fn new(config: &Config, home: &Path, resolve: Resolve) -> Self {
        // Whoever runs the gateway may have another HOME than their own.
        let mut homes = vec![home.to_owned(), config.paths.home.clone(), ROOT.into()];
        homes.sort();
        homes.dedup();
        let mut places = vec![config.paths.config_file.clone()];
        places.extend(OF_A_MACHINE.map(PathBuf::from));
        for home in &homes {
            places.extend(OF_A_HOME.map(|name| home.join(name)));
            places.extend(of_state(&Paths::under(home.join(".openclaw")), config));
        }
        places.extend(of_state(&config.paths, config));
        Self {
            homes: with_real(homes, resolve),
            places: with_real(places, resolve),
            resolve,
        }
    }

    /// Why the path may not be shown to tools; `None` where it may.
    pub(super) fn objection(&self, path: &Path) -> Option<String> {
        let mut parts = path.components();
        let plain = parts.next() == Some(Component::RootDir)
            && parts.all(|part| matches!(part, Component::Normal(_)));
        if !plain {
            return Some("it is no absolute path without . and ..".to_owned());
        }
        self.objection_to(path).or_else(|| {
            // A link is what it leads to.
            let real = (self.resolve)(path);
            let objection = self.objection_to(&real).filter(|_| real != path)?;
            Some(format!("it leads to {}: {objection}", real.display()))
        })
    }

    fn objection_to(&self, path: &Path) -> Option<String> {
        if path.parent().is_none() || path.starts_with("/proc") || path.starts_with("/dev") {
            return Some("a jail has its own /, /proc and /dev".to_owned());
        }
        if let Some(home) = self.homes.iter().find(|home| home.starts_with(path)) {
            return Some(format!("it holds the whole home {}", home.display()));
        }
        let overlaps = |place: &&PathBuf| place.starts_with(path) || path.starts_with(place);
        let place = self.places.iter().find(overlaps)?;
        Some(format!(
            "{} is there, which no tool may see",
            place.display()
        ))
    }
}

/// Whether a place, as it really is called, is one that no tool may see: then nobody is sent it
/// either.
#[must_use]
pub fn is_private(config: &Config, home: &Path, real: &Path) -> bool {
    Private::new(config, home, Path::to_owned)
        .objection(real)
        .is_some()
}

fn with_real(mut paths: Vec<PathBuf>, resolve: Resolve) -> Vec<PathBuf> {
    let real: Vec<_> = paths.iter().map(|path| resolve(path)).collect();
    paths.extend(real);
    paths.sort();
    paths.dedup();
    paths
}

fn of_state(paths: &Paths, config: &Config) -> Vec<PathBuf> {
    let own = OF_A_STATE.iter().map(|name| paths.state_dir.join(name));
    let agents = config.agents.iter().map(|agent| &agent.id);
    let agents = agents.flat_map(|id| [paths.agent_dir(id), paths.old_sessions(id)]);
    own.chain(agents).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn private() -> Private {
        let mut config = Config::defaults(Paths::under("/srv/state"));
        config.paths.config_file = "/etc/openclaw/own.json".into();
        Private::new(&config, Path::new("/home/a"), resolve)
    }

    /// On this machine `/srv` is a link to `/data`, and so is a folder or two beside it.
    fn resolve(path: &Path) -> PathBuf {
        let links = [
            ("/links/root", "/"),
            ("/links/state", "/data/state"),
            ("/links/src", "/home/a/src"),
            ("/srv", "/data"),
        ];
        let led = links.iter().find_map(|(link, real)| {
            let rest = path.strip_prefix(link).ok()?;
            Some(Path::new(real).join(rest).components().collect())
        });
        led.unwrap_or_else(|| path.to_owned())
    }

    #[test]
    fn a_link_is_what_it_leads_to() {
        for path in [
            "/links/root",
            "/links/state",
            "/links/state/credentials",
            "/data/state/state",
            "/data",
        ] {
            assert!(private().objection(Path::new(path)).is_some(), "{path}");
        }
        assert_eq!(private().objection(Path::new("/links/src")), None);
        assert_eq!(
            private().objection(Path::new("/data/state/workspace")),
            None
        );
        let said = private().objection(Path::new("/links/state")).unwrap();
        assert!(said.starts_with("it leads to /data/state: "), "{said}");
    }

    #[test]
    fn secrets_and_what_holds_them_may_not_be_shown() {
        for path in [
            "/",
            "/home",
            "/home/a",
            "/home/a/.ssh",
            "/home/a/.ssh/id",
            "/home/a/.cargo",
            "/home/a/.cargo/credentials.toml",
            "/home/a/.config",
            "/home/a/.local/share",
            "/home/a/.openclaw",
            "/home/a/.openclaw/agents/main/agent/auth-profiles.json",
            "/srv",
            "/srv/state",
            "/srv/state/state",
            "/srv/state/agents",
            "/srv/state/credentials/x",
            "/etc/openclaw",
            "/etc",
            "/etc/shadow",
            "/etc/ssh/ssh_host_rsa_key",
            "/etc/ssl/private",
            "/run/docker.sock",
            "/run",
            "/root/.ssh",
            "/proc/1",
            "/dev",
            "relative",
            "/home/a/src/../.ssh",
        ] {
            assert!(private().objection(Path::new(path)).is_some(), "{path}");
        }
    }

    #[test]
    fn what_is_beside_them_may() {
        for path in [
            "/usr",
            "/home/a/.cargo/bin",
            "/home/a/.pyenv",
            "/home/a/src",
            "/home/b",
            "/home/a/.openclaw/workspace",
            "/srv/state/workspace",
            "/srv/state/workspace-backend-dev",
            "/srv/state/agents/main/workspace",
            "/etc/ssl/certs",
            "/etc/apt",
            "/root/src",
            "/run/shared",
            "/var/www",
        ] {
            assert_eq!(private().objection(Path::new(path)), None, "{path}");
        }
    }
}
