//! The toolchains of this machine that live outside the system's own folders, found on the
//! gateway's PATH.
//!
//! A compiler in somebody's home is of no use in a jail that does not show it, and a home is full
//! of keys. So of a home only the toolchain's own folder is shown, never what is around it.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

/// What of this machine tools may use besides the system.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostPaths {
    /// The home of whoever runs the gateway. Never shown.
    pub home: PathBuf,
    /// The folders of PATH, first one first, without those of the home itself.
    pub path: Vec<PathBuf>,
    /// Folders to be shown for them; some may not exist.
    pub read: Vec<PathBuf>,
    /// Variables by which toolchains find their own folder, where HOME is another one.
    pub vars: BTreeMap<&'static str, PathBuf>,
}

struct Toolchain {
    /// Beneath a home: PATH folders in here belong to it.
    place: &'static str,
    /// Beneath the same home: what it needs to run.
    needs: &'static [&'static str],
    /// The variable that names its folder, and the folder.
    var: Option<(&'static str, &'static str)>,
}

const fn chain(
    place: &'static str,
    needs: &'static [&'static str],
    var: Option<(&'static str, &'static str)>,
) -> Toolchain {
    Toolchain { place, needs, var }
}

const TOOLCHAINS: [Toolchain; 29] = [
    // Of .cargo only the programs: credentials lie beside them. They are rustup's proxies.
    chain(
        ".cargo/bin",
        &[".cargo/bin", ".rustup"],
        Some(("RUSTUP_HOME", ".rustup")),
    ),
    chain(".rustup", &[".rustup"], Some(("RUSTUP_HOME", ".rustup"))),
    chain(".pyenv", &[".pyenv"], Some(("PYENV_ROOT", ".pyenv"))),
    chain(".nvm", &[".nvm"], Some(("NVM_DIR", ".nvm"))),
    chain(".volta", &[".volta"], Some(("VOLTA_HOME", ".volta"))),
    chain(".asdf", &[".asdf"], Some(("ASDF_DATA_DIR", ".asdf"))),
    chain(".rbenv", &[".rbenv"], Some(("RBENV_ROOT", ".rbenv"))),
    chain(".nodenv", &[".nodenv"], Some(("NODENV_ROOT", ".nodenv"))),
    chain(".goenv", &[".goenv"], Some(("GOENV_ROOT", ".goenv"))),
    chain(".jenv", &[".jenv"], None),
    chain(".sdkman", &[".sdkman"], Some(("SDKMAN_DIR", ".sdkman"))),
    chain(".dotnet", &[".dotnet"], Some(("DOTNET_ROOT", ".dotnet"))),
    chain(".bun", &[".bun"], None),
    chain(".deno", &[".deno"], None),
    chain(".fnm", &[".fnm"], None),
    chain(".juliaup", &[".juliaup", ".julia/juliaup"], None),
    chain(".ghcup", &[".ghcup"], None),
    chain(".linuxbrew", &[".linuxbrew"], None),
    chain(".nix-profile", &[".nix-profile", "/nix/store"], None),
    chain("miniconda3", &["miniconda3"], None),
    chain("anaconda3", &["anaconda3"], None),
    chain("miniforge3", &["miniforge3"], None),
    chain("go/bin", &["go/bin"], None),
    chain(
        ".local/share/mise",
        &[".local/share/mise"],
        Some(("MISE_DATA_DIR", ".local/share/mise")),
    ),
    chain(".local/share/fnm", &[".local/share/fnm"], None),
    chain(
        ".local/share/pnpm",
        &[".local/share/pnpm"],
        Some(("PNPM_HOME", ".local/share/pnpm")),
    ),
    chain(".local/share/uv", &[".local/share/uv"], None),
    chain(".local/pipx", &[".local/pipx"], None),
    // Its programs are links into these.
    chain(
        ".local/bin",
        &[
            ".local/bin",
            ".local/pipx",
            ".local/share/mise",
            ".local/share/pipx",
            ".local/share/uv",
        ],
        None,
    ),
];

/// Beside a `bin` that is nobody's home: what its programs are likely to need.
const BESIDE_BIN: [&str; 6] = ["include", "lib", "lib64", "libexec", "pyvenv.cfg", "share"];

/// What the jail shows anyway.
pub(super) const SYSTEM: [&str; 8] = [
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt",
];

impl HostPaths {
    /// Reads the gateway's own PATH. `exists` says what is there; folders that are not are left
    /// out, and so is what is relative.
    #[must_use]
    pub fn from_path_var(path: &str, home: &Path, exists: &dyn Fn(&Path) -> bool) -> Self {
        let mut host = Self {
            home: home.to_owned(),
            ..Self::default()
        };
        for folder in path.split(':').map(Path::new) {
            if is_plain(folder) && !host.path.iter().any(|known| known == folder) && exists(folder)
            {
                host.add(folder, exists);
            }
        }
        host
    }

    fn add(&mut self, folder: &Path, exists: &dyn Fn(&Path) -> bool) {
        if SYSTEM.iter().any(|system| folder.starts_with(system)) {
            self.path.push(folder.to_owned());
            return;
        }
        let shown: Vec<PathBuf> = match self.toolchain_of(folder) {
            Some((base, toolchain)) => {
                if let Some((name, place)) = toolchain.var {
                    self.vars.entry(name).or_insert_with(|| base.join(place));
                }
                toolchain
                    .needs
                    .iter()
                    .map(|place| base.join(place))
                    .collect()
            }
            None => around(folder, &self.home),
        };
        if !shown.is_empty() {
            self.path.push(folder.to_owned());
        }
        for place in shown {
            if exists(&place) && !self.read.contains(&place) {
                self.read.push(place);
            }
        }
    }

    /// The toolchain a folder belongs to, and the home it is in.
    fn toolchain_of(&self, folder: &Path) -> Option<(PathBuf, &'static Toolchain)> {
        let homes = std::iter::once(self.home.as_path()).chain(home_of(folder));
        homes.into_iter().find_map(|home| {
            let inside = folder.strip_prefix(home).ok()?;
            let known = |toolchain: &&Toolchain| inside.starts_with(toolchain.place);
            Some((home.to_owned(), TOOLCHAINS.iter().find(known)?))
        })
    }
}

/// What to show for a folder of PATH that belongs to no known toolchain: itself, and its
/// neighbours where it is a `bin` in a folder of its own. Nothing where it would be too much.
pub(super) fn around(folder: &Path, home: &Path) -> Vec<PathBuf> {
    let is_home = |path: &Path| home.starts_with(path) || home_of(path) == Some(path);
    let in_home = folder.parent().is_some_and(is_home);
    let is_hidden = folder
        .file_name()
        .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
    // A hidden folder of a home may hold anything; those of toolchains are known.
    if is_home(folder) || (in_home && is_hidden) || folder.components().count() < 3 {
        return Vec::new();
    }
    let mut shown = vec![folder.to_owned()];
    if let Some(parent) = folder
        .parent()
        .filter(|_| !in_home && folder.ends_with("bin"))
    {
        shown.extend(BESIDE_BIN.map(|name| parent.join(name)));
    }
    shown
}

/// The home a path is in, by where homes usually are.
fn home_of(path: &Path) -> Option<&Path> {
    let depth = if path.starts_with("/root") {
        2
    } else if path.starts_with("/home") {
        3
    } else {
        return None;
    };
    path.ancestors()
        .find(|above| above.components().count() == depth)
}

fn is_plain(path: &Path) -> bool {
    let mut parts = path.components();
    parts.next() == Some(Component::RootDir)
        && parts.all(|part| matches!(part, Component::Normal(_)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn host(path: &str) -> HostPaths {
        HostPaths::from_path_var(path, Path::new("/home/a"), &|_| true)
    }

    fn shown(path: &str) -> Vec<String> {
        let host = host(path);
        host.read.iter().map(|p| p.display().to_string()).collect()
    }

    #[test]
    fn a_toolchain_is_shown_and_the_home_around_it_is_not() {
        for (path, expected) in [
            ("/usr/bin:/usr/local/bin:/opt/x/bin", vec![]),
            (
                "/home/a/.cargo/bin",
                vec!["/home/a/.cargo/bin", "/home/a/.rustup"],
            ),
            (
                "/home/a/.pyenv/shims:/home/a/.pyenv/bin",
                vec!["/home/a/.pyenv"],
            ),
            ("/home/a/.nvm/versions/node/v22/bin", vec!["/home/a/.nvm"]),
            (
                "/home/a/.nix-profile/bin",
                vec!["/home/a/.nix-profile", "/nix/store"],
            ),
            (
                "/home/linuxbrew/.linuxbrew/bin",
                vec!["/home/linuxbrew/.linuxbrew"],
            ),
            (
                "/root/.cargo/bin",
                vec!["/root/.cargo/bin", "/root/.rustup"],
            ),
            ("/home/a/bin", vec!["/home/a/bin"]),
            ("/home/a:/home:/:/root:/home/b:/srv", vec![]),
            ("bin:.::../x:/home/a/../b/bin", vec![]),
        ] {
            assert_eq!(shown(path), expected, "{path}");
        }
        assert_eq!(
            shown("/srv/node/bin"),
            [
                "/srv/node/bin",
                "/srv/node/include",
                "/srv/node/lib",
                "/srv/node/lib64",
                "/srv/node/libexec",
                "/srv/node/pyvenv.cfg",
                "/srv/node/share"
            ]
        );
    }

    #[test]
    fn a_toolchain_hears_where_it_is() {
        let vars = host("/home/a/.cargo/bin:/home/a/.pyenv/shims").vars;
        assert_eq!(vars["RUSTUP_HOME"], Path::new("/home/a/.rustup"));
        assert_eq!(vars["PYENV_ROOT"], Path::new("/home/a/.pyenv"));
    }

    #[test]
    fn what_is_not_there_is_left_out() {
        let there = |path: &Path| path == Path::new("/home/a/.cargo/bin");
        let host = HostPaths::from_path_var(
            "/home/a/.cargo/bin:/home/a/.pyenv/bin:/usr/games",
            Path::new("/home/a"),
            &there,
        );
        assert_eq!(host.path, [Path::new("/home/a/.cargo/bin")]);
        assert_eq!(host.read, [Path::new("/home/a/.cargo/bin")]);
    }

    #[test]
    fn the_order_of_path_stays_and_nothing_comes_twice() {
        let path = host("/usr/bin:/home/a/.cargo/bin:/usr/bin:/bin").path;
        assert_eq!(
            path,
            ["/usr/bin", "/home/a/.cargo/bin", "/bin"].map(PathBuf::from)
        );
    }

    proptest! {
        #[test]
        fn no_home_is_ever_shown_whole(
            parts in proptest::collection::vec("(/(home|root|a|bin|srv|\\.cargo|\\.\\.|\\.)){0,4}", 0..5),
        ) {
            for place in host(&parts.join(":")).read {
                prop_assert!(!Path::new("/home/a").starts_with(&place), "{place:?}");
                prop_assert!(!Path::new("/home/a/.cargo/credentials").starts_with(&place));
                prop_assert!(home_of(&place) != Some(place.as_path()), "{place:?}");
            }
        }
    }
}
