//! From the arguments of `exec` to a running shell.
//!
//! What a command gets as standard input: with `pty`, a terminal; with `background`, a pipe that
//! `process write` fills; else `/dev/null`, so that a program which reads it ends at once instead of
//! waiting for input that nobody can see it wants (and `rg` searches the folder, not its input).

use super::streams::Streams;
use super::venv;
use crate::place::Grounds;
use ipc::tool::ToolStart;
use ipc::tool_args::ExecArgs;
use jail::child::{Size, new_session, with_tty};
use std::collections::BTreeMap;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The search path where the start names none.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";
/// The kernel's limit of one argument: 32 pages, with its ending zero.
const MAX_COMMAND: usize = 128 * 1024 - 1;
/// Wide enough that most programs do not wrap what they print.
const TERMINAL: Size = Size {
    rows: 40,
    columns: 120,
};

/// A command that can be started.
#[derive(Debug)]
pub(super) struct Recipe {
    shell: PathBuf,
    args: Vec<String>,
    workdir: PathBuf,
    env: BTreeMap<String, String>,
    stdin: Stdin,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stdin {
    Null,
    Pipe,
    Terminal,
}

/// Checks the arguments; says what is wrong with them in words for the model.
pub(super) fn recipe(
    args: &ExecArgs,
    start: &ToolStart,
    grounds: &Grounds,
) -> Result<Recipe, String> {
    check(&args.command)?;
    let stdin = match (args.pty, args.background) {
        (true, _) => Stdin::Terminal,
        (false, true) => Stdin::Pipe,
        (false, false) => Stdin::Null,
    };
    let env = environment(args, start, stdin)?;
    let shell = shell(env.get("PATH").map_or(PATH, String::as_str))?;
    let shell_args = match venv::missing(&env, &args.command) {
        Some(venv) => venv::made_first(&shell, venv, &args.command),
        None => vec!["-c".to_owned(), args.command.clone()],
    };
    Ok(Recipe {
        workdir: grounds.workdir(args.workdir.as_deref())?,
        args: shell_args,
        shell,
        env,
        stdin,
    })
}

impl Recipe {
    /// Starts the command as the leader of its own session. Must be called within a tokio runtime.
    pub(super) fn spawn(&self) -> Result<(Child, Streams), String> {
        let started = match self.stdin {
            Stdin::Terminal => self.spawn_in_terminal(),
            Stdin::Null | Stdin::Pipe => self.spawn_on_pipes(),
        };
        started.map_err(|error| format!("start {}: {}", self.shell.display(), words(&error)))
    }

    fn spawn_on_pipes(&self) -> io::Result<(Child, Streams)> {
        let (output, printed) = io::pipe()?;
        let mut command = self.command();
        let input = match self.stdin {
            Stdin::Pipe => {
                let (told, input) = io::pipe()?;
                command.stdin(told);
                Some(OwnedFd::from(input))
            }
            Stdin::Null | Stdin::Terminal => {
                command.stdin(Stdio::null());
                None
            }
        };
        command.stdout(printed.try_clone()?).stderr(printed);
        new_session(&mut command);
        let streams = Streams::pipes(output.into(), input)?;
        Ok((command.spawn()?, streams))
    }

    fn spawn_in_terminal(&self) -> io::Result<(Child, Streams)> {
        let mut command = self.command();
        let streams = Streams::tty(with_tty(&mut command, TERMINAL)?)?;
        Ok((command.spawn()?, streams))
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "this is the exception: the process is in its jail, and so will be the shell"
    )]
    fn command(&self) -> Command {
        let mut command = Command::new(&self.shell);
        command.args(&self.args).env_clear().envs(&self.env);
        command.current_dir(&self.workdir);
        command
    }
}

fn check(command: &str) -> Result<(), String> {
    if command.trim().is_empty() {
        return Err("the command is empty".to_owned());
    }
    if command.contains('\0') {
        return Err(
            "the command has a zero byte in it; write it as \\0 for the program that \
                    takes it"
                .to_owned(),
        );
    }
    if command.len() > MAX_COMMAND {
        return Err(format!(
            "the command has {} bytes and the kernel takes {MAX_COMMAND}: write it to a file and \
             run that",
            command.len()
        ));
    }
    Ok(())
}

fn environment(
    args: &ExecArgs,
    start: &ToolStart,
    stdin: Stdin,
) -> Result<BTreeMap<String, String>, String> {
    let mut env = start.env.clone();
    env.entry("PATH".to_owned())
        .or_insert_with(|| PATH.to_owned());
    if stdin == Stdin::Terminal {
        env.entry("TERM".to_owned())
            .or_insert_with(|| "xterm-256color".to_owned());
    }
    for (name, value) in &args.env {
        check_variable(name, value)?;
        env.insert(name.clone(), value.clone());
    }
    Ok(env)
}

fn check_variable(name: &str, value: &str) -> Result<(), String> {
    let upper = name.to_ascii_uppercase();
    if upper == "PATH" || upper.starts_with("LD_") || upper.starts_with("DYLD_") {
        return Err(format!(
            "env may not set {name}, which changes what programs are run; name the program by its \
             path in the command instead"
        ));
    }
    if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
        return Err(format!(
            "env has {name:?}, which is no variable that a program can be given"
        ));
    }
    Ok(())
}

/// `bash`, or else `sh`, on the search path or where they usually are.
fn shell(path: &str) -> Result<PathBuf, String> {
    let folders = || {
        path.split(':')
            .chain(PATH.split(':'))
            .filter(|folder| !folder.is_empty())
    };
    let find = |name| {
        folders()
            .map(|folder| Path::new(folder).join(name))
            .find(|p| p.is_file())
    };
    find("bash").or_else(|| find("sh")).ok_or_else(|| {
        format!("no shell: neither bash nor sh is in {path} or {PATH} as this jail shows them")
    })
}

fn words(error: &io::Error) -> String {
    let known = [
        (
            io::ErrorKind::ArgumentListTooLong,
            "the command and its environment are too long for the kernel",
        ),
        (io::ErrorKind::OutOfMemory, "no memory is left in this jail"),
        (
            io::ErrorKind::WouldBlock,
            "this jail may have no more processes",
        ),
    ];
    let known = known.iter().find(|(kind, _)| *kind == error.kind());
    known.map_or_else(|| error.to_string(), |(_, words)| (*words).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_that_choose_the_programs_are_refused_by_name() {
        for name in ["PATH", "path", "LD_PRELOAD", "DYLD_INSERT_LIBRARIES"] {
            assert!(check_variable(name, "x").unwrap_err().contains(name));
        }
        assert!(check_variable("A=B", "x").is_err());
        assert_eq!(check_variable("LDFLAGS", "-lm"), Ok(()));
    }

    #[test]
    fn a_command_that_no_kernel_takes_is_refused() {
        assert!(check(&"x".repeat(MAX_COMMAND)).is_ok());
        assert!(check(&"x".repeat(MAX_COMMAND + 1)).is_err());
        assert!(check(" ").is_err());
        assert!(check("a\0b").is_err());
    }
}
