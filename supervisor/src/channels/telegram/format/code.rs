//! Blocks of code: what they are written in, and those too long to be read in a chat.

use super::units::units;

/// Longest code that is shown, in UTF-16 units.
const MAX_SHOWN: usize = 3000;
/// Most lines of code that are shown.
const MAX_LINES: usize = 120;
/// Longest name of a language or a file, in bytes.
const MAX_NAME: usize = 64;

/// Code that became a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CodeFile {
    /// As it is called in the text.
    pub(crate) name: String,
    /// As it was written.
    pub(crate) body: String,
}

/// Whether it is better read in a file.
pub(super) fn is_long(body: &str) -> bool {
    body.lines().count() > MAX_LINES || units(body) > MAX_SHOWN
}

/// The language, as a client knows it; the first word of what stands behind the fence.
pub(super) fn language(info: &str) -> Option<String> {
    let word = info.trim().trim_start_matches(['{', '.']);
    let known = |char: char| char.is_ascii_alphanumeric() || "+#-_".contains(char);
    let word = word.split(|char| !known(char)).next().unwrap_or_default();
    (!word.is_empty() && word.len() <= MAX_NAME).then(|| word.to_ascii_lowercase())
}

/// A name for a file of code, none of those `taken`.
pub(super) fn file_name(info: &str, taken: &[CodeFile]) -> String {
    let name = given_name(info).unwrap_or_else(|| made_name(language(info).as_deref()));
    let is_taken = |name: &str| taken.iter().any(|file| file.name == name);
    if !is_taken(&name) {
        return name;
    }
    let (stem, ending) = match name.rsplit_once('.') {
        Some((stem, ending)) => (stem, format!(".{ending}")),
        None => (name.as_str(), String::new()),
    };
    (2..)
        .map(|number| format!("{stem}-{number}{ending}"))
        .find(|name| !is_taken(name))
        .unwrap_or_else(|| name.clone())
}

/// The name that the author gave: `python app.py`, `python:src/app.py`, `py title="app.py"`.
fn given_name(info: &str) -> Option<String> {
    let words = info.split([' ', ',', ':', '=', '{', '}', '"', '\'']);
    words
        .filter_map(|word| word.rsplit(['/', '\\']).next())
        .find(|word| is_file_name(word))
        .map(str::to_owned)
}

fn is_file_name(word: &str) -> bool {
    let plain = |char: char| char.is_ascii_alphanumeric() || "._-".contains(char);
    let ending = word.rsplit_once('.').filter(|(stem, _)| !stem.is_empty());
    word.len() <= MAX_NAME
        && !word.starts_with('.')
        && word.chars().all(plain)
        && ending.is_some_and(|(_, ending)| {
            (1..=8).contains(&ending.len()) && ending.starts_with(|c: char| c.is_ascii_alphabetic())
        })
}

fn made_name(language: Option<&str>) -> String {
    let ending = match language.unwrap_or_default() {
        "dockerfile" | "docker" => return "Dockerfile".into(),
        "makefile" | "make" => return "Makefile".into(),
        "rust" | "rs" => "rs",
        "python" | "py" | "python3" => "py",
        "javascript" | "js" | "node" => "js",
        "typescript" | "ts" => "ts",
        "jsx" => "jsx",
        "tsx" => "tsx",
        "bash" | "sh" | "shell" | "zsh" | "fish" => "sh",
        "powershell" | "ps1" => "ps1",
        "c" | "h" => "c",
        "cpp" | "c++" | "cxx" => "cpp",
        "csharp" | "c#" | "cs" => "cs",
        "java" => "java",
        "kotlin" | "kt" => "kt",
        "swift" => "swift",
        "go" | "golang" => "go",
        "ruby" | "rb" => "rb",
        "php" => "php",
        "perl" | "pl" => "pl",
        "lua" => "lua",
        "r" => "r",
        "scala" => "scala",
        "haskell" | "hs" => "hs",
        "elixir" | "ex" => "ex",
        "sql" | "postgresql" | "mysql" | "sqlite" => "sql",
        "html" => "html",
        "css" => "css",
        "scss" => "scss",
        "vue" => "vue",
        "svelte" => "svelte",
        "xml" => "xml",
        "svg" => "svg",
        "json" | "jsonc" => "json",
        "json5" => "json5",
        "yaml" | "yml" => "yaml",
        "toml" => "toml",
        "ini" => "ini",
        "csv" => "csv",
        "diff" | "patch" => "diff",
        "markdown" | "md" => "md",
        "latex" | "tex" => "tex",
        "log" => "log",
        _ => "txt",
    };
    format!("code.{ending}")
}
