//! The session's Python environment, made the first time that a command needs it.
//!
//! It sees the system's packages. Where the system has pip, the venv gets only a small script that
//! runs it, which takes a tenth of the time and installs into the venv all the same; else the pip
//! that comes with Python is unpacked.

use std::collections::BTreeMap;
use std::path::Path;

/// Makes the venv named by its argument. Two commands may run it at once: the lock lets one work,
/// and the other finds it done. The lock file is there from before the first file until after the
/// last, so a venv that was interrupted is begun again.
const MAKE: &str = include_str!("venv.py");
/// The script of one venv that is being made.
const LOCK: &str = ".openclaw-making";

/// The venv that `command` would use and that is not there yet.
pub(super) fn missing<'e>(env: &'e BTreeMap<String, String>, command: &str) -> Option<&'e str> {
    let venv = env.get("VIRTUAL_ENV")?;
    let path = Path::new(venv);
    let is_made = path.exists() && !path.join(LOCK).exists();
    (!is_made && names_python(command)).then_some(venv)
}

/// Arguments for `shell` that make the venv, then run `command` as if nothing had been before it.
pub(super) fn made_first(shell: &Path, venv: &str, command: &str) -> Vec<String> {
    let prelude = r#"command -v python3 >/dev/null && python3 -I -c "$1" "$2" "$3" </dev/null; exec "$0" -c "$4""#;
    let shell = shell.to_string_lossy();
    ["-c", prelude, &shell, MAKE, venv, LOCK, command]
        .map(str::to_owned)
        .to_vec()
}

/// Whether a word of the command is `python` or `pip`, with or without a version.
fn names_python(command: &str) -> bool {
    let words = command.split(|c: char| !(c.is_ascii_alphanumeric() || c == '.' || c == '_'));
    words.into_iter().any(|word| {
        let version = word
            .strip_prefix("python")
            .or_else(|| word.strip_prefix("pip"));
        version.is_some_and(|v| v.chars().all(|c| c.is_ascii_digit() || c == '.'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn python_and_pip_are_words_not_parts_of_words() {
        for command in [
            "python3 -V",
            "cd x && pip install y",
            "/usr/bin/python3.11 a.py",
            "python",
        ] {
            assert!(names_python(command), "{command}");
        }
        for command in ["pipx run a", "pipe", "echo pythonic", "ls", "python_x"] {
            assert!(!names_python(command), "{command}");
        }
    }
}
