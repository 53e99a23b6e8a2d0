//! The environment of commands, made from nothing.
//!
//! Of the gateway's own environment only what is named here comes along, and no name here is one of
//! a key. HOME is a folder of the workspace, `.home`: package managers keep their caches and
//! settings there from one call to the next, beside what they belong to, and no command meets the
//! settings or credentials of whoever runs the gateway.

use super::host::HostPaths;
use crate::config::{Env, Network};
use jail::room::PROXY;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// HOME of commands, beneath the workspace.
const HOME: &str = ".home";
/// The session's Python environment, beneath the workspace.
const VENV: &str = ".venv";
/// What package managers install programs into that are not for one project, beneath HOME.
const PREFIX: &str = ".local";

/// Where programs of the system are, the administrator's own first.
const SYSTEM_PATH: [&str; 6] = [
    "/usr/local/sbin",
    "/usr/local/bin",
    "/usr/sbin",
    "/usr/bin",
    "/sbin",
    "/bin",
];

/// How things are printed.
const TASTE: [&str; 9] = [
    "LANG",
    "LC_ALL",
    "LC_COLLATE",
    "LC_CTYPE",
    "LC_MESSAGES",
    "LC_MONETARY",
    "LC_NUMERIC",
    "LC_TIME",
    "TZ",
];

/// Where toolchains are: folders, and a version.
const TOOLCHAINS: [&str; 10] = [
    "DOTNET_ROOT",
    "GOROOT",
    "JAVA_HOME",
    "NVM_DIR",
    "PYENV_ROOT",
    "RBENV_ROOT",
    "RUSTUP_HOME",
    "RUSTUP_TOOLCHAIN",
    "SDKMAN_DIR",
    "VOLTA_HOME",
];

/// Files of certificates that are trusted besides the usual ones.
pub(super) const CERTIFICATES: [&str; 16] = [
    "AWS_CA_BUNDLE",
    "BUNDLE_SSL_CA_CERT",
    "CARGO_HTTP_CAINFO",
    "CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE",
    "CURL_CA_BUNDLE",
    "DENO_CERT",
    "GIT_SSL_CAINFO",
    "GIT_SSL_CAPATH",
    "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
    "HTTPLIB2_CA_CERTS",
    "NIX_SSL_CERT_FILE",
    "NODE_EXTRA_CA_CERTS",
    "PIP_CERT",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
];

/// Where packages come from, for commands that have a network. Left out when there is a password in
/// it.
const NETWORK: [&str; 23] = [
    "COREPACK_NPM_REGISTRY",
    "GONOSUMDB",
    "GOPROXY",
    "GOSUMDB",
    "NPM_CONFIG_REGISTRY",
    "NPM_CONFIG_STRICT_SSL",
    "PIP_DEFAULT_TIMEOUT",
    "PIP_EXTRA_INDEX_URL",
    "PIP_FIND_LINKS",
    "PIP_INDEX_URL",
    "PIP_NO_INDEX",
    "PIP_TRUSTED_HOST",
    "PLAYWRIGHT_DOWNLOAD_HOST",
    "RUSTUP_DIST_SERVER",
    "RUSTUP_UPDATE_ROOT",
    "UV_DEFAULT_INDEX",
    "UV_EXTRA_INDEX_URL",
    "UV_FIND_LINKS",
    "UV_INDEX",
    "UV_INDEX_URL",
    "YARN_NPM_REGISTRY_SERVER",
    "npm_config_registry",
    "npm_config_strict_ssl",
];

/// The machine's own way to the network, for commands that have that network.
const PROXIES: [&str; 10] = [
    "ALL_PROXY",
    "FTP_PROXY",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "all_proxy",
    "ftp_proxy",
    "http_proxy",
    "https_proxy",
    "no_proxy",
];

/// The way to the gateway's proxy, for commands whose network ends there. Plain HTTP everywhere: not
/// every program that knows SOCKS can speak it. Programs that know none of these are caught on ports
/// 80 and 443.
const PROXIED: [&str; 6] = [
    "ALL_PROXY",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "all_proxy",
    "https_proxy",
    "http_proxy",
];

/// What a command reaches by itself: servers that tools of its session have started.
const NOT_PROXIED: &str = "localhost,127.0.0.1,::1";

/// What a command has whatever the machine: nobody sits at the terminal, and nothing asks for news.
const FIXED: [(&str, &str); 10] = [
    ("DEBIAN_FRONTEND", "noninteractive"),
    ("GIT_PAGER", "cat"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("NPM_CONFIG_UPDATE_NOTIFIER", "false"),
    ("PAGER", "cat"),
    ("PIP_DISABLE_PIP_VERSION_CHECK", "1"),
    // Output is read while the program runs.
    ("PYTHONUNBUFFERED", "1"),
    ("SHELL", "/bin/bash"),
    ("TERM", "xterm-256color"),
    // The jail's own.
    ("TMPDIR", "/tmp"),
];

/// What the environment is made of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sources<'a> {
    /// The gateway's own.
    pub(super) gateway: &'a Env,
    /// What of the machine tools may use.
    pub(super) host: &'a HostPaths,
    /// The session's workspace.
    pub(super) workspace: &'a Path,
    /// What network commands have.
    pub(super) network: Network,
    /// PATH, first folder first.
    pub(super) search: &'a [PathBuf],
}

/// PATH: the person's own folders, what the session installed, the gateway's, the system's. `own`
/// says whether the folders that the session can write are wanted.
pub(super) fn search(
    prepend: &[PathBuf],
    workspace: &Path,
    host: &HostPaths,
    own: impl Fn(&Path) -> bool,
) -> Vec<PathBuf> {
    let installed = [
        workspace.join(VENV).join("bin"),
        home(workspace).join(PREFIX).join("bin"),
    ];
    let system = SYSTEM_PATH.map(PathBuf::from);
    let all = [prepend, &installed, &host.path, &system].concat();
    let mut search: Vec<PathBuf> = Vec::with_capacity(all.len());
    for folder in all {
        // A colon would split the name in two.
        let whole = folder.is_absolute() && !folder.as_os_str().as_encoded_bytes().contains(&b':');
        if whole && own(&folder) && !search.contains(&folder) {
            search.push(folder);
        }
    }
    search
}

/// The whole environment of commands. Second: what of the gateway's was left out, and why.
pub(super) fn environment(sources: Sources<'_>) -> (BTreeMap<String, String>, Vec<String>) {
    let Sources {
        gateway,
        host,
        workspace,
        network,
        search,
    } = sources;
    let mut env = BTreeMap::new();
    let mut put = |name: &str, value: &str| {
        env.entry(name.to_owned())
            .or_insert_with(|| value.to_owned());
    };
    let path: Vec<String> = search.iter().map(|folder| text(folder)).collect();
    put("PATH", &path.join(":"));
    put("HOME", &text(&home(workspace)));
    let venv = workspace.join(VENV);
    if search.contains(&venv.join("bin")) {
        put("VIRTUAL_ENV", &text(&venv));
    }
    put("NPM_CONFIG_PREFIX", &text(&home(workspace).join(PREFIX)));

    let mut names = [TASTE.as_slice(), &TOOLCHAINS, &CERTIFICATES].concat();
    let mut warnings = Vec::new();
    if network != Network::None {
        let machine = match network {
            Network::Host => PROXIES.as_slice(),
            Network::None | Network::Proxy => &[],
        };
        let (open, secret): (Vec<&str>, Vec<&str>) =
            NETWORK.iter().chain(machine).partition(|name| {
                gateway
                    .get(name)
                    .is_none_or(|value| !has_credentials(value))
            });
        names.extend(open);
        warnings.extend(secret.iter().map(|name| {
            format!("{name} holds credentials, so commands do not get it; set it without them")
        }));
    }
    for name in names {
        if let Some(value) = gateway.get(name) {
            put(name, value);
        }
    }
    for (name, folder) in &host.vars {
        put(name, &text(folder));
    }
    if network == Network::Proxy {
        let (host, port) = PROXY;
        let proxy = format!("http://{host}:{port}");
        for name in PROXIED {
            put(name, &proxy);
        }
        put("NO_PROXY", NOT_PROXIED);
        put("no_proxy", NOT_PROXIED);
        put("NODE_USE_ENV_PROXY", "1");
    }
    put("LANG", "C.UTF-8");
    for (name, value) in FIXED {
        put(name, value);
    }
    (env, warnings)
}

/// HOME of commands.
pub(super) fn home(workspace: &Path) -> PathBuf {
    workspace.join(HOME)
}

/// Whether a setting may carry a password or token. A user name before the host, or a query, is
/// where they stand; nothing that is wanted here has either.
fn has_credentials(value: &str) -> bool {
    value.contains(['@', '?'])
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn made(gateway: &[(&str, &str)], network: Network) -> (BTreeMap<String, String>, Vec<String>) {
        let host = HostPaths::from_path_var("/h/.cargo/bin:/usr/bin", Path::new("/h"), &|_| true);
        let workspace = Path::new("/ws");
        let search = search(&["/tools/bin".into()], workspace, &host, |_| true);
        environment(Sources {
            gateway: &gateway.iter().copied().collect(),
            host: &host,
            workspace,
            network,
            search: &search,
        })
    }

    #[test]
    fn what_was_installed_comes_before_the_system() {
        let (env, _) = made(&[], Network::None);
        assert_eq!(
            env["PATH"],
            "/tools/bin:/ws/.venv/bin:/ws/.home/.local/bin:/h/.cargo/bin:/usr/bin:\
             /usr/local/sbin:/usr/local/bin:/usr/sbin:/sbin:/bin"
        );
        assert_eq!(env["HOME"], "/ws/.home");
        assert_eq!(env["VIRTUAL_ENV"], "/ws/.venv");
        assert_eq!(env["RUSTUP_HOME"], "/h/.rustup");
        assert_eq!(env["LANG"], "C.UTF-8");
    }

    #[test]
    fn without_the_sessions_own_folders_there_is_no_venv() {
        let host = HostPaths::default();
        let outside = |folder: &Path| !folder.starts_with("/ws");
        let search = search(
            &["/ws/bin".into(), "a".into()],
            Path::new("/ws"),
            &host,
            outside,
        );
        assert_eq!(search, SYSTEM_PATH.map(PathBuf::from));
        let (env, _) = environment(Sources {
            gateway: &Env::default(),
            host: &host,
            workspace: Path::new("/ws"),
            network: Network::None,
            search: &search,
        });
        assert!(!env.contains_key("VIRTUAL_ENV"));
    }

    #[test]
    fn the_gateways_own_settings_come_first() {
        let (env, _) = made(
            &[
                ("LANG", "de_DE.UTF-8"),
                ("RUSTUP_HOME", "/usr/local/rustup"),
                ("PATH", "/x"),
            ],
            Network::None,
        );
        assert_eq!(env["LANG"], "de_DE.UTF-8");
        assert_eq!(env["RUSTUP_HOME"], "/usr/local/rustup");
        assert!(!env["PATH"].contains("/x"));
    }

    #[test]
    fn the_way_to_the_network_is_for_those_who_have_one() {
        let gateway = [
            ("HTTPS_PROXY", "http://proxy:3128"),
            ("PIP_INDEX_URL", "https://u:p@index/simple"),
            ("SSL_CERT_FILE", "/etc/ssl/own.pem"),
        ];
        let (env, warnings) = made(&gateway, Network::None);
        assert!(!env.contains_key("HTTPS_PROXY") && warnings.is_empty());
        assert_eq!(env["SSL_CERT_FILE"], "/etc/ssl/own.pem");

        let (env, _) = made(&gateway, Network::Proxy);
        assert_eq!(env["HTTPS_PROXY"], "http://127.0.0.1:3128");
        assert_eq!(env["no_proxy"], "localhost,127.0.0.1,::1");
        let (env, warnings) = made(&gateway, Network::Host);
        assert_eq!(env["HTTPS_PROXY"], "http://proxy:3128");
        assert!(!env.contains_key("PIP_INDEX_URL"));
        assert!(warnings[0].contains("PIP_INDEX_URL") && !warnings[0].contains("u:p"));
    }

    proptest! {
        #[test]
        fn a_secret_of_the_gateway_never_comes_along(
            name in "[A-Z_]{1,12}(_KEY|_TOKEN|_SECRET|_PASSWORD)|(AWS|GITHUB|OPENAI)_[A-Z]{1,8}",
        ) {
            let (env, _) = made(&[(&name, "s3cret")], Network::Host);
            prop_assert!(env.values().all(|value| value != "s3cret"));
        }
    }
}
