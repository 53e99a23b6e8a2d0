//! Variables that change how a program prints, never what it runs.

/// Allowed in front of an allow-listed command. Everything else can make a program load or start
/// something (`LD_PRELOAD`, `GIT_SSH_COMMAND`, `BASH_ENV`, `LANGUAGE`), so this is a list of the
/// good ones, not of the bad.
const HARMLESS: [&str; 13] = [
    "CI",
    "CLICOLOR",
    "CLICOLOR_FORCE",
    "COLUMNS",
    "DEBIAN_FRONTEND",
    "FORCE_COLOR",
    "LANG",
    "LINES",
    "NO_COLOR",
    "PYTHONUNBUFFERED",
    "RUST_BACKTRACE",
    "SOURCE_DATE_EPOCH",
    "TZ",
];

/// Whether the variable may be set for a command that is on the allow-list.
pub(in crate::policy) fn is_harmless(name: &str, value: &str) -> bool {
    (HARMLESS.contains(&name) || name.starts_with("LC_")) && is_plain(value)
}

/// Names no path but a relative one without `..` (`Europe/Berlin`): locales and zones are files.
fn is_plain(value: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-.,:+@/".contains(c);
    value.chars().all(plain) && !value.starts_with('/') && !value.contains("..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_values_of_known_names_are_harmless() {
        for (name, value) in [
            ("LC_ALL", "C.UTF-8"),
            ("TZ", "Europe/Berlin"),
            ("CI", "1"),
            ("LANG", ""),
        ] {
            assert!(is_harmless(name, value), "{name}={value}");
        }
        for (name, value) in [
            ("PATH", "/bin"),
            ("LD_PRELOAD", "x.so"),
            ("BASH_ENV", "x"),
            ("LANGUAGE", "de"),
            ("lang", "de"),
            ("TZ", "/etc/passwd"),
            ("TZ", "../x"),
            ("LC_ALL", "$(x)"),
        ] {
            assert!(!is_harmless(name, value), "{name}={value}");
        }
    }
}
