//! What a jail is made of: plain data, made by policy, read by `openclaw-jail`.

use crate::JailError;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

/// The longest spec frame `openclaw-jail` reads, in bytes.
pub const MAX_SPEC: usize = 1024 * 1024;

/// One jailed program, or one room for several. Sent to `openclaw-jail` as the first frame on its
/// stdin; every byte after it belongs to the program.
///
/// A program runs as whoever runs `openclaw-jail`; but where that is root, as `user`, or else as the
/// owner of the first path of `write`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JailSpec {
    /// What is to be done with the rest.
    #[serde(default)]
    pub order: Order,
    /// The program's absolute path; visible inside even when nothing in `read` covers it.
    pub program: PathBuf,
    /// Its arguments, without the program's name.
    pub args: Vec<String>,
    /// What `ps` shows as its name.
    pub argv0: String,
    /// Its whole environment.
    pub env: BTreeMap<String, String>,
    /// Where it starts: an absolute path that is visible inside.
    pub cwd: PathBuf,
    /// Absolute paths it may read and execute; those that do not exist are skipped. A symbolic link
    /// is there as a link, with what it leads to.
    pub read: Vec<PathBuf>,
    /// Absolute paths it may change as well: its workspace. They must exist.
    pub write: Vec<PathBuf>,
    /// Paths beneath `write` that stay as they are, whatever letters of their names are capitals.
    /// One that is missing can not be made: until the jail or room has ended, a socket that nobody
    /// may open stands there, or an empty folder where the path ends in a slash or more of it is
    /// missing. Only a private root can keep them so: without namespaces they are writable like the
    /// rest.
    #[serde(default)]
    pub protect: Vec<PathBuf>,
    /// Which network it sees.
    pub network: Network,
    /// What it may use up.
    pub limits: Limits,
    /// Whether it must have namespaces of its own.
    pub namespaces: Namespaces,
    /// Which syscalls it may not make.
    #[serde(default)]
    pub role: Role,
    /// Its host name, where it has namespaces.
    #[serde(default = "default_hostname")]
    pub hostname: String,
    /// The user and group it runs as where root runs `openclaw-jail`: one that nobody else has, so
    /// that what it uses up is counted by itself. Ids of files in `write` are mapped, so that they
    /// keep their owner on disk.
    #[serde(default)]
    pub user: Option<u32>,
}

/// What `openclaw-jail` is to do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Build all walls anew and run the program in them.
    #[default]
    Run,
    /// Build a room, hand it over as [`crate::room::Room::receive`] takes it, and end. The program
    /// is not run, but shown in the room.
    Open,
    /// Run the program in the room whose descriptors came with the frame: see
    /// [`crate::room::Room::send`]. What the room shows, its host name and its network were decided
    /// when it was opened; here `write` says what of it may be changed, and [`Network::None`] in a
    /// room with doors is a loopback of one's own.
    Join,
}

/// Which network a jailed program sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Network {
    /// None but a loopback of its own; without namespaces no sockets at all.
    None,
    /// As [`Network::None`], and a room has doors in it, behind which whoever opened it answers:
    /// [`crate::room::Doors`].
    Proxied,
    /// The machine's.
    Host,
}

/// What a jailed program may use up; `None` leaves the machine's own limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Private memory of each process, in bytes.
    pub data_bytes: Option<u64>,
    /// The size of each file it writes, in bytes.
    pub file_bytes: Option<u64>,
    /// Open files of each process.
    pub open_files: Option<u64>,
    /// Processes and threads of its user, and in its namespace where it has one. The kernel does
    /// not enforce it for root.
    pub processes: Option<u64>,
    /// `/tmp` and `/dev/shm`, each, in bytes (default 512 MiB). Only with namespaces.
    pub tmp_bytes: Option<u64>,
}

/// Whether a jailed program has namespaces of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Namespaces {
    /// Where the machine permits it; otherwise a line on stderr says what is missing.
    Auto,
    /// Every wall holds, or the program does not start.
    Require,
    /// Landlock and seccomp only.
    Off,
}

/// What kind of program it is: which list of syscalls is kept from it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// A shell and whatever it runs: `syscalls/shell.json`.
    #[default]
    Shell,
}

impl JailSpec {
    /// The spec as the frame `openclaw-jail` reads: a little-endian `u32` length, then JSON.
    ///
    /// # Errors
    /// [`JailError::Spec`] when it is longer than [`MAX_SPEC`].
    pub fn to_frame(&self) -> Result<Vec<u8>, JailError> {
        let body = serde_json::to_vec(self).map_err(|error| JailError::Spec(error.to_string()))?;
        let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
        if body.len() > MAX_SPEC {
            return Err(JailError::Spec(format!(
                "it is {length} bytes long, over the limit of {MAX_SPEC}"
            )));
        }
        let mut frame = length.to_le_bytes().to_vec();
        frame.extend_from_slice(&body);
        Ok(frame)
    }

    /// Reads a spec's JSON, and checks it.
    ///
    /// # Errors
    /// [`JailError::Spec`] names the field and what is wrong with it.
    pub fn from_json(body: &[u8]) -> Result<Self, JailError> {
        let spec: Self =
            serde_json::from_slice(body).map_err(|error| JailError::Spec(error.to_string()))?;
        spec.check()?;
        Ok(spec)
    }

    /// Whether it can be built: paths are absolute and plain, nothing holds a NUL, and neither the
    /// root nor what the jail makes itself (`/tmp`, `/proc`, `/dev`) is asked for.
    ///
    /// # Errors
    /// [`JailError::Spec`] names the field and what is wrong with it.
    pub fn check(&self) -> Result<(), JailError> {
        check_plain("program", &self.program)?;
        check_plain("cwd", &self.cwd)?;
        let shown = [
            ("read", &self.read),
            ("write", &self.write),
            ("protect", &self.protect),
        ];
        for (field, paths) in shown {
            for path in paths {
                check_plain(field, path)?;
                check_ours(field, path)?;
            }
        }
        if self.order != Order::Run && self.namespaces == Namespaces::Off {
            return Err(JailError::Spec(
                "a room is made of namespaces, and namespaces are off".to_owned(),
            ));
        }
        check_words("args", self.args.iter().chain([&self.argv0]))?;
        check_words("env", self.env.keys().chain(self.env.values()))
    }
}

fn check_plain(field: &str, path: &Path) -> Result<(), JailError> {
    let mut parts = path.components();
    let plain = parts.next() == Some(Component::RootDir)
        && parts.all(|part| matches!(part, Component::Normal(_)));
    let nul = path.as_os_str().as_encoded_bytes().contains(&0);
    if plain && !nul {
        return Ok(());
    }
    Err(JailError::Spec(format!(
        "{field} holds {path:?}: give an absolute path without .. in it"
    )))
}

fn check_ours(field: &str, path: &Path) -> Result<(), JailError> {
    let ours = ["/", "/tmp", "/var/tmp"]
        .iter()
        .any(|own| path == Path::new(own))
        || path.starts_with("/proc")
        || path.starts_with("/dev");
    if !ours {
        return Ok(());
    }
    Err(JailError::Spec(format!(
        "{field} holds {path:?}: a jail has its own /, /tmp, /proc and /dev; name what is needed beneath"
    )))
}

fn check_words<'a>(
    field: &str,
    words: impl IntoIterator<Item = &'a String>,
) -> Result<(), JailError> {
    match words.into_iter().find(|word| word.contains('\0')) {
        None => Ok(()),
        Some(word) => Err(JailError::Spec(format!("{field} holds a NUL in {word:?}"))),
    }
}

fn default_hostname() -> String {
    "openclaw".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> JailSpec {
        JailSpec {
            order: Order::Run,
            program: "/bin/true".into(),
            args: vec![],
            argv0: "true".into(),
            env: BTreeMap::new(),
            cwd: "/".into(),
            read: vec!["/usr".into()],
            write: vec![],
            protect: vec![],
            network: Network::None,
            limits: Limits::default(),
            namespaces: Namespaces::Auto,
            role: Role::Shell,
            hostname: default_hostname(),
            user: None,
        }
    }

    #[test]
    fn what_is_framed_is_read_back() {
        let frame = spec().to_frame().unwrap();
        let (length, body) = frame.split_at(4);
        assert_eq!(length, u32::try_from(body.len()).unwrap().to_le_bytes());
        assert_eq!(JailSpec::from_json(body).unwrap(), spec());
    }

    #[test]
    fn only_the_older_fields_are_needed() {
        let json = r#"{"program":"/a","args":[],"argv0":"a","env":{},"cwd":"/","read":[],
            "write":[],"network":"none","limits":{},"namespaces":"auto"}"#;
        assert_eq!(
            JailSpec::from_json(json.as_bytes()).unwrap().role,
            Role::Shell
        );
    }

    #[test]
    fn a_path_that_is_not_plain_is_refused() {
        for path in [
            "relative", "/a/../b", "", "/", "/proc", "/proc/1", "/dev/sda", "/a\0b",
        ] {
            let bad = JailSpec {
                write: vec![path.into()],
                ..spec()
            };
            let error = bad.check().unwrap_err().to_string();
            assert!(error.contains("write"), "{path}: {error}");
        }
    }

    #[test]
    fn a_nul_in_a_word_is_refused() {
        let bad = JailSpec {
            args: vec!["a\0b".into()],
            ..spec()
        };
        assert!(bad.check().unwrap_err().to_string().contains("args"));
    }
}
