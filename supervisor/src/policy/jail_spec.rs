//! The jails of tools, as data: what they see, what they may change, what they may use up.

use super::env::CERTIFICATES;
use super::host::{HostPaths, SYSTEM, around};
use super::private::Private;
use crate::config::{Agent, Config, EgressMode, ElevatedWalls, Network, Sandbox};
use jail::spec::{JailSpec, Limits, Role};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What of `/etc` programs need to run, beneath it. Not all of it: a gateway that runs as root could
/// read host keys and private certificates there. `sandbox.readPaths` can add what is missing.
const ETC: [&str; 53] = [
    "ImageMagick-6",
    "ImageMagick-7",
    "alternatives",
    "bash.bashrc",
    "ca-certificates",
    "crypto-policies",
    "debian_version",
    "fonts",
    "gai.conf",
    "gitconfig",
    "group",
    "gss",
    "host.conf",
    "hostname",
    "hosts",
    "inputrc",
    "java-17-openjdk",
    "java-21-openjdk",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "locale.alias",
    "locale.conf",
    "localtime",
    "lsb-release",
    "magic",
    "magic.mime",
    "maven",
    "mime.types",
    "networks",
    "nsswitch.conf",
    "os-release",
    "passwd",
    "perl",
    "php",
    "pki/ca-trust",
    "pki/tls/certs",
    "profile",
    "profile.d",
    "protocols",
    "python3",
    "python3.10",
    "python3.11",
    "python3.12",
    "python3.13",
    "services",
    "shells",
    "ssl/certs",
    "ssl/openssl.cnf",
    "terminfo",
    "timezone",
    "vim",
    "xdg",
];

/// Of `/etc`, where packages come from: for commands that have a network.
const ETC_INDEXES: [&str; 4] = ["npmrc", "pip.conf", "uv", "wgetrc"];

/// How a jail with a private root is called inside.
const HOSTNAME: &str = "openclaw";

const MIB: u64 = 1024 * 1024;

/// By how much one process could go over the limit of its session before its own memory is refused.
/// The session is stopped well before that, and the user reads why; who is refused memory just dies.
const BACKSTOP: u64 = 1024 * MIB;
/// A file worker runs no programs but itself.
const FILES_MEMORY: u64 = 512 * MIB;
const FILES_PROCESSES: u64 = 64;

/// The jails of a session, less the program: that is the caller's to fill in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Jails {
    /// For commands.
    pub(super) exec: JailSpec,
    /// For file tools.
    pub(super) files: JailSpec,
    /// For elevated commands; as `exec` where nobody may have it.
    pub(super) elevated: JailSpec,
    /// Why none may be used. They show nothing of the workspace then.
    pub(super) closed: Option<String>,
    /// What of the settings is left out, and why.
    pub(super) warnings: Vec<String>,
}

impl Jails {
    /// The jails of `agent`.
    pub(super) fn new(config: &Config, agent: &Agent, host: &HostPaths, private: &Private) -> Self {
        let sandbox = &config.sandbox;
        let closed = closed(agent, private);
        let mut shown = Shown {
            private,
            read: system(reach(sandbox.network, agent)),
            warnings: Vec::new(),
        };
        shown.show_all("sandbox.readPaths", &sandbox.read_paths);
        let mut write = Vec::new();
        if closed.is_none() {
            write.push(agent.workspace.clone());
        }
        for place in &sandbox.write_paths {
            if shown.may("sandbox.writePaths", place) {
                write.push(place.clone());
            }
        }
        let network = reach(sandbox.network, agent);
        let files = files(spec(sandbox, network, shown.read.clone(), write.clone()));
        shown.show_toolchains(config, agent, host);
        let exec = spec(sandbox, network, shown.read.clone(), write.clone());
        let elevated = match agent.tools.elevated.enabled {
            true => {
                shown.show_wider(&agent.tools.elevated.walls, &mut write);
                let network = reach(agent.tools.elevated.walls.network, agent);
                spec(sandbox, network, shown.read, write)
            }
            false => exec.clone(),
        };
        Self {
            exec,
            files,
            elevated,
            closed,
            warnings: shown.warnings,
        }
    }
}

/// What network there is in the end: a proxy that lets nobody through is none.
pub(super) fn reach(network: Network, agent: &Agent) -> Network {
    match (network, agent.tools.egress.mode) {
        (Network::Proxy, EgressMode::Off) => Network::None,
        (network, _) => network,
    }
}

fn closed(agent: &Agent, private: &Private) -> Option<String> {
    let objection = private.objection(&agent.workspace)?;
    Some(format!(
        "no tool may run in the workspace {}: {objection}. A person gives the agent a folder of its \
         own with `agents.defaults.workspace` or `agents.list[].workspace`",
        agent.workspace.display()
    ))
}

/// A file worker reaches no network and starts no program.
fn files(mut spec: JailSpec) -> JailSpec {
    let least = |limit: Option<u64>, most: u64| Some(limit.map_or(most, |limit| limit.min(most)));
    spec.network = jail::spec::Network::None;
    spec.limits.data_bytes = least(spec.limits.data_bytes, FILES_MEMORY);
    spec.limits.processes = least(spec.limits.processes, FILES_PROCESSES);
    spec
}

/// What is shown so far, and what was refused.
struct Shown<'a> {
    private: &'a Private,
    read: Vec<PathBuf>,
    warnings: Vec<String>,
}

impl Shown<'_> {
    /// Shows a place, if nothing speaks against it.
    fn show(&mut self, key: &str, place: &Path) {
        let known = self.read.iter().any(|shown| place.starts_with(shown));
        if !known && self.may(key, place) {
            self.read.push(place.to_owned());
        }
    }

    fn show_all(&mut self, key: &str, places: &[PathBuf]) {
        for place in places {
            self.show(key, place);
        }
    }

    fn show_toolchains(&mut self, config: &Config, agent: &Agent, host: &HostPaths) {
        for folder in &agent.tools.exec.path_prepend {
            // What lies in the workspace is there already.
            let inside = folder.starts_with(&agent.workspace);
            if !inside && self.may("tools.exec.pathPrepend", folder) {
                self.show_all("tools.exec.pathPrepend", &around(folder, &host.home));
            }
        }
        self.show_all("PATH", &host.read);
        for name in CERTIFICATES {
            if let Some(file) = config.env.get(name) {
                self.show(name, Path::new(file));
            }
        }
    }

    /// What only elevated commands see. What is private stays so: no setting shows it.
    fn show_wider(&mut self, walls: &ElevatedWalls, write: &mut Vec<PathBuf>) {
        for place in system(walls.network) {
            if !self.read.contains(&place) {
                self.read.push(place);
            }
        }
        self.show_all("tools.elevated.walls.readPaths", &walls.read_paths);
        for place in &walls.write_paths {
            if self.may("tools.elevated.walls.writePaths", place) {
                write.push(place.clone());
            }
        }
    }

    fn may(&mut self, key: &str, place: &Path) -> bool {
        let Some(objection) = self.private.objection(place) else {
            return true;
        };
        let place = place.display();
        self.warnings.push(format!(
            "{key} names {place}, which tools do not get to see: {objection}"
        ));
        false
    }
}

fn system(network: Network) -> Vec<PathBuf> {
    let indexes = match network {
        Network::None => &[][..],
        Network::Proxy | Network::Host => &ETC_INDEXES,
    };
    let etc = ETC
        .iter()
        .chain(indexes)
        .map(|name| Path::new("/etc").join(name));
    SYSTEM.iter().map(PathBuf::from).chain(etc).collect()
}

fn spec(sandbox: &Sandbox, network: Network, read: Vec<PathBuf>, write: Vec<PathBuf>) -> JailSpec {
    let limits = &sandbox.limits;
    let root = || PathBuf::from("/");
    JailSpec {
        order: jail::spec::Order::Run,
        program: PathBuf::new(),
        args: Vec::new(),
        argv0: String::new(),
        // The toolbox itself needs none; its commands get theirs with the start.
        env: BTreeMap::new(),
        cwd: write.first().cloned().unwrap_or_else(root),
        read,
        protect: protected(sandbox, &write),
        write,
        network: match network {
            Network::None => jail::spec::Network::None,
            Network::Proxy => jail::spec::Network::Proxied,
            Network::Host => jail::spec::Network::Host,
        },
        limits: Limits {
            data_bytes: limits.memory.map(|bytes| bytes.saturating_add(BACKSTOP)),
            file_bytes: limits.file_size,
            open_files: limits.open_files,
            processes: limits.processes,
            tmp_bytes: limits.tmp,
        },
        namespaces: match sandbox.namespaces {
            crate::config::Namespaces::Auto => jail::spec::Namespaces::Auto,
            crate::config::Namespaces::Require => jail::spec::Namespaces::Require,
            crate::config::Namespaces::Off => jail::spec::Namespaces::Off,
        },
        role: Role::Shell,
        hostname: HOSTNAME.to_owned(),
        user: None,
    }
}

/// The names that stay as they are, in each place that can be written.
fn protected(sandbox: &Sandbox, write: &[PathBuf]) -> Vec<PathBuf> {
    let beneath = |place: &PathBuf| {
        let names = sandbox.protect.iter();
        let place = place.clone();
        names.map(move |name| place.join(name))
    };
    write.iter().flat_map(beneath).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Env, Paths};

    fn jails(change: impl FnOnce(&mut Config, &mut Agent)) -> Jails {
        let mut config = Config::defaults(Paths::under("/home/a/.openclaw"));
        let mut agent = config.default_agent().clone();
        change(&mut config, &mut agent);
        let home = Path::new("/home/a");
        let host = HostPaths::from_path_var("/home/a/.cargo/bin:/usr/bin", home, &|_| true);
        let private = Private::new(&config, home, Path::to_owned);
        Jails::new(&config, &agent, &host, &private)
    }

    fn shows(spec: &JailSpec, place: &str) -> bool {
        let all = spec.read.iter().chain(&spec.write);
        all.into_iter()
            .any(|shown| Path::new(place).starts_with(shown))
    }

    #[test]
    fn a_command_sees_the_system_its_workspace_and_toolchains() {
        let jails = jails(|_, _| {});
        for place in [
            "/usr/bin/git",
            "/lib64/ld.so",
            "/opt/x",
            "/etc/passwd",
            "/etc/ssl/certs/ca.pem",
            "/home/a/.cargo/bin/cargo",
            "/home/a/.rustup/toolchains",
            "/home/a/.openclaw/workspace/a.rs",
        ] {
            assert!(shows(&jails.exec, place), "{place}");
        }
        assert_eq!(jails.exec.write, [Path::new("/home/a/.openclaw/workspace")]);
        assert_eq!(jails.exec.cwd, Path::new("/home/a/.openclaw/workspace"));
        assert!(
            !shows(&jails.files, "/home/a/.cargo/bin/cargo"),
            "files need no compiler"
        );
    }

    #[test]
    fn secrets_are_never_shown() {
        let jails = jails(|config, agent| {
            config.sandbox.read_paths =
                vec!["/home/a".into(), "/home/a/.ssh".into(), "/data".into()];
            config.sandbox.write_paths = vec!["/home/a/.openclaw".into(), "/scratch".into()];
            agent.tools.exec.path_prepend = vec!["/home/a/.aws/bin".into(), "/home/a/t/bin".into()];
            config.env =
                Env::from_iter([("SSL_CERT_FILE", "/home/a/.netrc"), ("PIP_CERT", "/ca.pem")]);
        });
        for place in [
            "/home/a/.ssh/id",
            "/home/a/.netrc",
            "/home/a/.aws/bin",
            "/home/a/.cargo/credentials.toml",
            "/home/a/.openclaw/openclaw.json",
            "/home/a/.openclaw/agents/main/agent/auth-profiles.json",
            "/etc/shadow",
            "/etc/ssh/ssh_host_rsa_key",
            "/etc/ssl/private/key.pem",
            "/root/x",
        ] {
            assert!(
                !shows(&jails.exec, place) && !shows(&jails.files, place),
                "{place}"
            );
        }
        for place in [
            "/data",
            "/scratch",
            "/home/a/t/bin",
            "/home/a/t/lib",
            "/ca.pem",
        ] {
            assert!(shows(&jails.exec, place), "{place}");
        }
        assert_eq!(jails.warnings.len(), 5, "{:#?}", jails.warnings);
    }

    #[test]
    fn a_workspace_among_secrets_closes_the_jails() {
        for workspace in ["/home/a", "/", "/home/a/.openclaw", "/home/a/.ssh/x"] {
            let jails = jails(|_, agent| agent.workspace = workspace.into());
            let reason = jails.closed.unwrap();
            assert!(reason.contains("agents.defaults.workspace"), "{reason}");
            assert!(jails.exec.write.is_empty() && jails.files.write.is_empty());
        }
    }

    fn elevated(change: impl FnOnce(&mut ElevatedWalls)) -> Jails {
        jails(|_, agent| {
            agent.tools.elevated.enabled = true;
            change(&mut agent.tools.elevated.walls);
        })
    }

    #[test]
    fn elevated_walls_are_wider_and_only_for_elevated_commands() {
        let jails = elevated(|walls| {
            walls.read_paths = vec!["/data".into()];
            walls.write_paths = vec!["/scratch".into()];
        });
        assert_eq!(jails.elevated.network, jail::spec::Network::Host);
        assert!(shows(&jails.elevated, "/data") && shows(&jails.elevated, "/scratch"));
        assert_eq!(jails.elevated.write.len(), jails.exec.write.len() + 1);
        for narrower in [&jails.exec, &jails.files] {
            assert!(!shows(narrower, "/data") && !shows(narrower, "/scratch"));
        }
        for place in jails.exec.read.iter().chain(&jails.exec.write) {
            assert!(shows(&jails.elevated, &place.display().to_string()));
        }
        assert_eq!(jails.warnings, [""; 0]);
    }

    #[test]
    fn no_wider_walls_show_a_secret() {
        let secrets = [
            "/",
            "/home",
            "/home/a",
            "/home/a/.ssh",
            "/home/a/.openclaw",
            "/home/a/.openclaw/agents",
            "/home/a/.openclaw/state",
            "/proc",
        ];
        let jails = elevated(|walls| {
            walls.read_paths = secrets.map(PathBuf::from).to_vec();
            walls.write_paths = secrets.map(PathBuf::from).to_vec();
        });
        for place in [
            "/home/a/.ssh/id",
            "/home/a/.openclaw/openclaw.json",
            "/home/a/.openclaw/state/openclaw.sqlite",
            "/home/a/.openclaw/agents/main/agent/auth-profiles.json",
            "/root/x",
        ] {
            assert!(!shows(&jails.elevated, place), "{place}");
        }
        assert_eq!(jails.warnings.len(), 2 * secrets.len());
        assert!(jails.warnings.iter().all(|w| w.contains("elevated.walls")));
    }

    #[test]
    fn limits_and_network_are_the_configured_ones() {
        let jails = jails(|config, _| {
            config.sandbox.network = Network::Host;
            config.sandbox.limits.memory = None;
            config.sandbox.limits.processes = Some(10);
        });
        assert_eq!(jails.exec.network, jail::spec::Network::Host);
        assert!(shows(&jails.exec, "/etc/pip.conf"));
        assert_eq!(jails.exec.limits.data_bytes, None);
        assert_eq!(jails.files.network, jail::spec::Network::None);
        assert_eq!(jails.files.limits.data_bytes, Some(FILES_MEMORY));
        assert_eq!(jails.files.limits.processes, Some(10));
    }

    #[test]
    fn a_spec_with_a_program_is_one_the_jail_takes() {
        let filled = JailSpec {
            program: "/usr/bin/true".into(),
            ..jails(|_, _| {}).exec
        };
        assert_eq!(filled.check().map_err(|e| e.to_string()), Ok(()));
    }
}
