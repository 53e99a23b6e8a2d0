//! Programs that run whatever they are given: on the allow-list they would allow everything.

/// By their names without a version: `python3.13` is a python.
const LAUNCHERS: [&str; 66] = [
    "ash", "awk", "bash", "bun", "busybox", "chroot", "chrt", "crontab", "csh", "dash", "deno",
    "doas", "ed", "emacs", "env", "expect", "find", "fish", "flock", "gawk", "gdb", "ionice",
    "java", "ksh", "lua", "make", "mawk", "nawk", "nice", "node", "nodejs", "nohup", "npx",
    "nsenter", "nvim", "parallel", "perl", "php", "pwsh", "python", "rbash", "ruby", "screen",
    "script", "sed", "setsid", "sh", "ssh", "sshpass", "stdbuf", "strace", "su", "sudo", "taskset",
    "tclsh", "time", "timeout", "tmux", "toybox", "unbuffer", "unshare", "vi", "vim", "watch",
    "xargs", "zsh",
];

/// Whether a program of this name runs what it is given. Only for whether a person is offered to put
/// it on the list with one word; who writes it there by hand knows what that means.
pub(super) fn runs_anything(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let plain = lower.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.' || c == '-');
    LAUNCHERS.contains(&plain)
}

#[cfg(test)]
mod tests {
    use super::runs_anything;

    #[test]
    fn versions_of_a_launcher_are_launchers() {
        for name in [
            "sh",
            "bash",
            "python3",
            "python3.13",
            "Perl5.36",
            "node",
            "xargs",
        ] {
            assert!(runs_anything(name), "{name}");
        }
        for name in ["git", "ls", "shasum", "sha256sum", "nodemon", "vidir"] {
            assert!(!runs_anything(name), "{name}");
        }
    }
}
