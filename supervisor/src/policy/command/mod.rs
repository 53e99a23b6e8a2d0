//! Whether an allow-list covers a shell command: every program it starts must be on the list.
//!
//! ```text
//!   text ─ shell ─▶ steps ─ wrapper ─▶ programs ─ search ─▶ paths ─ patterns, safe bins ─▶ yes | no
//! ```
//! What can not be read with certainty is a no. A person who is asked about it may still say yes, but
//! the list never does.

mod launchers;
mod safe_bins;
mod wrapper;
mod shell;
mod variables;

pub(super) use variables::is_harmless;

use globset::{GlobBuilder, GlobMatcher};
use safe_bins::SafeBin;
use shell::{Step, Unclear, Word};
use std::path::{Component, Path, PathBuf};
use wrapper::Hidden;

/// Whether an executable file is at the path. Given by the caller, so that deciding touches nothing.
pub type IsProgram = fn(&Path) -> bool;

/// The programs `exec` may start.
#[derive(Debug, Clone)]
pub(super) struct AllowList {
    patterns: Vec<Pattern>,
    safe: Vec<&'static SafeBin>,
}

#[derive(Debug, Clone)]
struct Pattern {
    written: String,
    glob: GlobMatcher,
}

/// Where a command would run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ground<'a> {
    /// PATH, first folder first.
    pub(super) search: &'a [PathBuf],
    /// Its working directory; absolute.
    pub(super) workdir: &'a Path,
    /// What is there.
    pub(super) is_program: IsProgram,
}

/// An entry of the list that a command goes by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Used {
    /// The entry's pattern, as it is written.
    pub pattern: String,
    /// The program that it stands for.
    pub program: PathBuf,
}

/// Why an allow-list does not cover a command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Objection {
    /// It can not be checked.
    #[error("it can not be checked: {0}")]
    Unclear(#[from] Unclear),
    /// A wrapper hides what it starts.
    #[error(transparent)]
    Hidden(#[from] Hidden),
    /// It sets a variable that may change what is run.
    #[error("it sets {0}, which may change what is run")]
    Variable(String),
    /// There is an assignment and nothing to run.
    #[error("it sets variables and runs nothing")]
    NothingRun,
    /// The program's name is only known when it runs.
    #[error("`{0}` in the place of a program is only known when it runs; write the program's name")]
    Rewritten(String),
    /// The shell does it by itself.
    #[error("`{0}` is done by the shell itself and can not be checked; {mend}", mend = shell_mend(.0))]
    ShellWord(String),
    /// There is no such program.
    #[error("no program `{0}` was found")]
    NotFound(String),
    /// It is named by a way that may lead elsewhere.
    #[error("the way to `{0}` has ., .. or ~ in it; write its plain path")]
    Detour(String),
    /// The list does not have it.
    #[error("{} is not on the allow-list", .0.display())]
    NotListed(PathBuf),
    /// It is only allowed as a filter, and this is more.
    #[error("{program} is allowed as a filter of its standard input only, and `{word}` is more")]
    NoFilter {
        /// Which program.
        program: &'static str,
        /// The word.
        word: String,
    },
}

/// Words that mean something to the shell itself where a program is expected. Those builtins that
/// do exactly what the program of the same name does (`echo`, `pwd`, `true`, `false`) are not here.
const SHELL_WORDS: [&str; 76] = [
    "!",
    ".",
    ":",
    "[",
    "[[",
    "]]",
    "alias",
    "bg",
    "bind",
    "break",
    "builtin",
    "caller",
    "case",
    "cd",
    "command",
    "compgen",
    "complete",
    "compopt",
    "continue",
    "coproc",
    "declare",
    "dirs",
    "disown",
    "do",
    "done",
    "elif",
    "else",
    "enable",
    "esac",
    "eval",
    "exec",
    "exit",
    "export",
    "fc",
    "fg",
    "fi",
    "for",
    "function",
    "getopts",
    "hash",
    "help",
    "history",
    "if",
    "in",
    "jobs",
    "kill",
    "let",
    "local",
    "logout",
    "mapfile",
    "popd",
    "printf",
    "pushd",
    "read",
    "readarray",
    "readonly",
    "return",
    "select",
    "set",
    "shift",
    "shopt",
    "source",
    "suspend",
    "test",
    "then",
    "time",
    "times",
    "trap",
    "type",
    "typeset",
    "ulimit",
    "umask",
    "unalias",
    "unset",
    "until",
    "wait",
];

fn shell_mend(word: &str) -> &'static str {
    match word {
        "cd" | "pushd" | "popd" => "use workdir to run somewhere else",
        "printf" | "test" | "[" | "kill" | "time" => "name the program by its whole path",
        _ => "leave it out",
    }
}

impl AllowList {
    /// Reads patterns and the names of safe programs; `home` is what `~` stands for. Second: what
    /// was left out and why.
    pub(super) fn new<'a>(
        patterns: impl IntoIterator<Item = &'a str>,
        safe_bins: &[String],
        home: &Path,
    ) -> (Self, Vec<String>) {
        let mut warnings = Vec::new();
        let mut keep = |read: Result<Pattern, String>| read.map_err(|w| warnings.push(w)).ok();
        let patterns = patterns
            .into_iter()
            .filter_map(|written| keep(Pattern::read(written, home)))
            .collect();
        let mut safe = Vec::new();
        for name in safe_bins {
            match safe_bins::known(&name.to_ascii_lowercase()) {
                Some(bin) => safe.push(bin),
                None => warnings.push(unknown_safe_bin(name)),
            }
        }
        (Self { patterns, safe }, warnings)
    }

    /// Whether every program `command` starts is on the list.
    pub(super) fn check(&self, command: &str, ground: &Ground<'_>) -> Result<(), Objection> {
        for step in shell::read(command)? {
            self.check_step(&step, ground)?;
        }
        Ok(())
    }

    /// The list in words for the model: at most a few patterns, then the safe programs.
    pub(super) fn in_words(&self) -> String {
        const SHOWN: usize = 12;
        let mut words: Vec<&str> = self.patterns.iter().map(|p| p.written.as_str()).collect();
        let hidden = words.len().saturating_sub(SHOWN);
        words.truncate(SHOWN);
        let mut text = match words.is_empty() {
            true => "nothing is on the list".to_owned(),
            false => format!("on the list: {}", words.join(", ")),
        };
        if hidden > 0 {
            text.push_str(&format!(" and {hidden} more"));
        }
        let safe: Vec<&str> = self.safe.iter().map(|bin| bin.name).collect();
        if !safe.is_empty() {
            text.push_str(&format!(
                "; as filters of standard input: {}",
                safe.join(", ")
            ));
        }
        text
    }

    /// The entries that `command` goes by. Safe programs need none.
    pub(super) fn used(&self, command: &str, ground: &Ground<'_>) -> Vec<Used> {
        let steps = shell::read(command).unwrap_or_default();
        let started = steps.iter().filter_map(|step| program(step, ground).ok());
        let used = started.filter_map(|(program, _)| {
            let pattern = self.pattern_for(&program)?.written.clone();
            Some(Used { pattern, program })
        });
        used.collect()
    }

    /// The one program that keeps `command` from being covered, where it is one, and where putting it
    /// on the list would not put everything there.
    pub(super) fn missing(&self, command: &str, ground: &Ground<'_>) -> Option<PathBuf> {
        let mut missing = None;
        for step in shell::read(command).ok()? {
            let (path, args) = program(&step, ground).ok()?;
            if self.check_program(&path, args).is_ok() {
                continue;
            }
            if missing.as_ref().is_some_and(|other| *other != path) {
                return None;
            }
            missing = Some(path);
        }
        missing.filter(|path| !file_name(path).is_none_or(launchers::runs_anything))
    }

    fn check_step(&self, step: &Step, ground: &Ground<'_>) -> Result<(), Objection> {
        let (path, args) = program(step, ground)?;
        self.check_program(&path, args)
    }

    fn pattern_for(&self, path: &Path) -> Option<&Pattern> {
        let twin = twin(path);
        self.patterns.iter().find(|p| {
            p.glob.is_match(path) || twin.as_ref().is_some_and(|twin| p.glob.is_match(twin))
        })
    }

    fn check_program(&self, path: &Path, args: &[Word]) -> Result<(), Objection> {
        if self.pattern_for(path).is_some() {
            return Ok(());
        }
        let name = file_name(path).filter(|_| is_system(path));
        let Some(bin) = name.and_then(|name| self.safe.iter().find(|bin| bin.name == name)) else {
            return Err(Objection::NotListed(path.to_owned()));
        };
        match bin.objection(args) {
            None => Ok(()),
            Some(word) => Err(Objection::NoFilter {
                program: bin.name,
                word: word.to_owned(),
            }),
        }
    }
}

/// The program that a step starts in the end, behind all wrappers, and its arguments.
fn program<'a>(step: &'a Step, ground: &Ground<'_>) -> Result<(PathBuf, &'a [Word]), Objection> {
    let mut words = without_assignments(&step.words)?;
    let mut by_shell = true;
    loop {
        let (program, args) = words.split_first().ok_or(Objection::NothingRun)?;
        let path = find(program, by_shell, ground)?;
        let inner = match file_name(&path).filter(|_| is_system(&path)) {
            Some(name) => wrapper::unwrap(name, words)?,
            None => None,
        };
        match inner {
            Some(started) => words = started,
            None => return Ok((path, args)),
        }
        by_shell = false;
    }
}

impl Pattern {
    fn read(written: &str, home: &Path) -> Result<Self, String> {
        let whole = match written.trim() {
            // Alone it names every program there is.
            "*" => "/**".to_owned(),
            text => match text.strip_prefix("~/") {
                Some(rest) => format!("{}/{rest}", globset::escape(&home.to_string_lossy())),
                None => text.to_owned(),
            },
        };
        if !whole.starts_with('/') && !whole.starts_with("**") {
            return Err(format!(
                "allow-list entry {written:?} names no path and is left out; write the whole path, \
                 or **/{written}"
            ));
        }
        let glob = GlobBuilder::new(&whole)
            .literal_separator(true)
            .case_insensitive(true)
            .build()
            .map_err(|e| format!("allow-list entry {written:?} is left out: {e}"))?;
        Ok(Self {
            written: written.to_owned(),
            glob: glob.compile_matcher(),
        })
    }
}

fn unknown_safe_bin(name: &str) -> String {
    let known: Vec<&str> = safe_bins::names().collect();
    format!(
        "tools.exec.safeBins names {name:?}, of which no harmless options are known, so it is left \
         out; known are {}. Put its path on the allow-list of exec-approvals.json instead",
        known.join(", ")
    )
}

fn without_assignments(words: &[Word]) -> Result<&[Word], Objection> {
    let mut rest = words;
    while let Some((word, after)) = rest.split_first() {
        let Some((name, value)) = word.assignment() else {
            break;
        };
        if !word.fixed || !is_harmless(name, value) {
            return Err(Objection::Variable(name.to_owned()));
        }
        rest = after;
    }
    Ok(rest)
}

/// The file that would be started. `by_shell` is whether the shell looks for it, which knows words
/// of its own.
fn find(word: &Word, by_shell: bool, ground: &Ground<'_>) -> Result<PathBuf, Objection> {
    let text = &word.text;
    if by_shell && SHELL_WORDS.contains(&text.as_str()) {
        return Err(Objection::ShellWord(text.clone()));
    }
    if !word.fixed || text.is_empty() {
        return Err(Objection::Rewritten(text.clone()));
    }
    // Some shells assign by `NAME+=value`, and run the next word.
    if text.contains('=') {
        return Err(Objection::Variable(text.clone()));
    }
    let there = |path: &PathBuf| (ground.is_program)(path);
    let found = if text.contains('/') {
        Some(plain(text, ground.workdir)?).filter(there)
    } else {
        let mut candidates = ground.search.iter().map(|dir| dir.join(text));
        candidates.find(there)
    };
    found.ok_or_else(|| Objection::NotFound(text.clone()))
}

/// A path as it is written, from `workdir` on. Patterns match names, so a path must not say one
/// thing and mean another.
fn plain(text: &str, workdir: &Path) -> Result<PathBuf, Objection> {
    let detour = |path: &Path| {
        path.components().any(|part| match part {
            Component::ParentDir | Component::CurDir => true,
            Component::Normal(name) => name.as_encoded_bytes().starts_with(b"~"),
            Component::RootDir | Component::Prefix(_) => false,
        })
    };
    let written = Path::new(text.strip_prefix("./").unwrap_or(text));
    if detour(written) || detour(workdir) {
        return Err(Objection::Detour(text.to_owned()));
    }
    Ok(workdir.join(written).components().collect())
}

fn file_name(path: &Path) -> Option<&str> {
    path.file_name()?.to_str()
}

/// The other name of a system program: `/bin` is `/usr/bin` on most machines, and both are written.
fn twin(path: &Path) -> Option<PathBuf> {
    let is_merged = |path: &Path| path.starts_with("/bin") || path.starts_with("/sbin");
    if is_merged(path) {
        return Some(Path::new("/usr").join(path.strip_prefix("/").ok()?));
    }
    let short = Path::new("/").join(path.strip_prefix("/usr").ok()?);
    is_merged(&short).then_some(short)
}

fn is_system(path: &Path) -> bool {
    let folder = path.parent();
    folder == Some(Path::new("/bin")) || folder == Some(Path::new("/usr/bin"))
}

#[cfg(test)]
mod tests;
