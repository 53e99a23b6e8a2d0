//! The sources, and their text without comments and strings.

use std::fs;
use std::path::{Path, PathBuf};

/// Folders of the crates with a module order.
pub(super) const CRATES: [&str; 5] = [
    "ipc",
    "container/jail",
    "agent-proc",
    "toolbox",
    "supervisor",
];

/// One Rust file.
#[derive(Debug)]
pub(super) struct Source {
    /// Relative to the workspace.
    pub(super) path: PathBuf,
    pub(super) text: String,
}

/// The workspace.
pub(super) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// One file of the workspace.
pub(super) fn read(path: &str) -> Source {
    let text =
        fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    Source {
        path: path.into(),
        text,
    }
}

/// Every Rust file of the workspace.
pub(super) fn all() -> Vec<Source> {
    CRATES
        .iter()
        .chain(&["tests"])
        .flat_map(|folder| all_under(folder))
        .collect()
}

/// Every Rust file under a folder of the workspace.
pub(super) fn all_under(folder: &str) -> Vec<Source> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                found.push(read(path.strip_prefix(root()).unwrap().to_str().unwrap()));
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

impl Source {
    /// The words of the code: no comment, no string.
    pub(super) fn words(&self) -> impl Iterator<Item = String> {
        let code = bare(&self.text);
        let is_part = |c: char| c.is_alphanumeric() || c == '_';
        let words: Vec<_> = code.split(|c| !is_part(c)).map(str::to_owned).collect();
        words.into_iter().filter(|word| !word.is_empty())
    }

    /// The variants of an enum, by their indentation.
    pub(super) fn variants(&self, name: &str) -> Vec<String> {
        let code = bare(&self.text);
        let body = code
            .split_once(&format!("pub enum {name} {{"))
            .expect("there is such an enum")
            .1;
        let body = body.split_once("\n}").expect("it ends").0;
        let variant = |line: &str| {
            let rest = line.strip_prefix("    ")?;
            let is_name = rest.starts_with(|c: char| c.is_ascii_uppercase());
            is_name.then(|| {
                rest.split(|c: char| !c.is_alphanumeric())
                    .next()
                    .unwrap_or_default()
                    .to_owned()
            })
        };
        body.lines().filter_map(variant).collect()
    }
}

/// Code without comments, and with empty strings.
pub(super) fn bare(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        rest = if rest.starts_with("//") {
            rest.find('\n').map_or("", |end| &rest[end..])
        } else if let Some(inner) = rest.strip_prefix("r#\"") {
            inner.split_once("\"#").map_or("", |(_, after)| after)
        } else if let Some(inner) = rest.strip_prefix('"') {
            after_string(inner)
        } else if let Some(after) = QUOTED.iter().find_map(|quoted| rest.strip_prefix(quoted)) {
            after
        } else {
            out.push(c);
            &rest[c.len_utf8()..]
        };
    }
    out
}

/// Characters that would look like the beginning of something else.
const QUOTED: [&str; 3] = ["'\"'", "'/'", "'\\\"'"];

fn after_string(inner: &str) -> &str {
    let mut escaped = false;
    for (at, c) in inner.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return &inner[at + 1..],
            _ => {}
        }
    }
    ""
}

#[test]
fn comments_and_strings_are_no_code() {
    let code = "a // unsafe\nb \"unsafe \\\" unsafe\" c '\"' r#\"unsafe\"# d";
    let source = Source {
        path: PathBuf::new(),
        text: code.to_owned(),
    };
    assert_eq!(source.words().collect::<Vec<_>>(), ["a", "b", "c", "d"]);
}
