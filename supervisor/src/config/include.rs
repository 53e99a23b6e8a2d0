//! `$include`: a configuration in several files.
//!
//! An object with `"$include": "file"` (or a list of files) stands for what is in the file, with
//! its other keys laid on top. Files are found from the including file's folder and must lie in or
//! below the folder of the main file: a configuration that a tool may change must not become a way
//! to read the rest of the disk.

use super::findings::Findings;
use super::key_path::KeyPath;
use super::node::{Entry, Kind, Node, Sources, Span};
use super::scan;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

const KEY: &str = "$include";
const MAX_DEPTH: usize = 10;
const MAX_BYTES: u64 = 2 * 1024 * 1024;

/// Reads a configuration's files.
pub(super) struct Reader<'a> {
    pub(super) sources: &'a mut Sources,
    pub(super) findings: &'a mut Findings,
    /// Every file read or looked for: what a watcher has to watch.
    pub(super) files: Vec<PathBuf>,
    /// The folder nothing is read outside of.
    root: PathBuf,
}

impl<'a> Reader<'a> {
    pub(super) fn new(main: &Path, sources: &'a mut Sources, findings: &'a mut Findings) -> Self {
        Self {
            sources,
            findings,
            files: Vec::new(),
            root: main.parent().unwrap_or(Path::new("")).to_owned(),
        }
    }

    /// The tree of the main file with all its includes; empty where there is no such file, `None`
    /// where it cannot be read.
    pub(super) fn main(&mut self, file: &Path, text: io::Result<Option<String>>) -> Option<Node> {
        let file = normal(file);
        self.files.push(file.clone());
        match text {
            Ok(Some(text)) => self.parse(&file, text, &KeyPath::default(), &[]),
            Ok(None) => Some(Node::empty(Span::ENVIRONMENT)),
            Err(error) => {
                let at = Span {
                    file: self.sources.add(file, String::new()),
                    start: 0,
                    end: 0,
                };
                let message = format!("cannot be read: {error}");
                self.findings.error(at, &KeyPath::default(), message);
                None
            }
        }
    }

    fn parse(
        &mut self,
        file: &Path,
        text: String,
        key: &KeyPath,
        above: &[PathBuf],
    ) -> Option<Node> {
        let number = self.sources.add(file.to_owned(), text);
        match scan::parse(self.sources.text(number), number) {
            Ok(parsed) => {
                for (name, at) in parsed.repeated {
                    self.findings.warn(
                        at,
                        key,
                        format!("{name} is said again below; only the last one counts"),
                    );
                }
                let mut chain = above.to_vec();
                chain.push(file.to_owned());
                Some(self.expand(parsed.root, key, &chain))
            }
            Err(syntax) => {
                let at = Span {
                    file: number,
                    start: syntax.at,
                    end: syntax.at,
                };
                self.findings.error(at, &KeyPath::default(), syntax.message);
                None
            }
        }
    }

    /// Replaces every include below. `chain` is the files on the way here, the innermost last.
    fn expand(&mut self, mut node: Node, key: &KeyPath, chain: &[PathBuf]) -> Node {
        match &mut node.kind {
            Kind::Scalar(_) => {}
            Kind::List(items) => {
                let old = std::mem::take(items);
                let each = old.into_iter().enumerate();
                *items = each
                    .map(|(i, item)| self.expand(item, &key.index(i), chain))
                    .collect();
            }
            Kind::Object(entries) => {
                let old = std::mem::take(entries);
                let (includes, rest): (Vec<_>, Vec<_>) =
                    old.into_iter().partition(|e| e.key == KEY);
                *entries = rest
                    .into_iter()
                    .map(|e| self.expand_entry(e, key, chain))
                    .collect();
                if let Some(include) = includes.into_iter().next() {
                    return self.include(&include.value, node, key, chain);
                }
            }
        }
        node
    }

    fn expand_entry(&mut self, entry: Entry, key: &KeyPath, chain: &[PathBuf]) -> Entry {
        let value = self.expand(entry.value, &key.key(&entry.key), chain);
        Entry { value, ..entry }
    }

    /// What `value` names, with `rest` laid on top.
    fn include(&mut self, value: &Node, rest: Node, key: &KeyPath, chain: &[PathBuf]) -> Node {
        let one = std::slice::from_ref(value);
        let named = match &value.kind {
            Kind::List(items) => items.as_slice(),
            Kind::Scalar(_) | Kind::Object(_) => one,
        };
        let mut below: Option<Node> = None;
        for name in named {
            let Some(node) = self.load(name, key, chain) else {
                continue;
            };
            below = Some(match below {
                Some(earlier) => earlier.merge(node),
                None => node,
            });
        }
        let alone = matches!(&rest.kind, Kind::Object(entries) if entries.is_empty());
        match below {
            None => rest,
            Some(below) if alone => below,
            Some(below) if matches!(below.kind, Kind::Object(_)) => below.merge(rest),
            Some(below) => {
                let found = below.found();
                self.findings.error(
                    value.at,
                    &key.key(KEY),
                    format!(
                        "beside other keys the included file must hold an object, found {found}"
                    ),
                );
                rest
            }
        }
    }

    fn load(&mut self, name: &Node, key: &KeyPath, chain: &[PathBuf]) -> Option<Node> {
        let path = match self.resolve(name, chain) {
            Ok(path) => path,
            Err(message) => {
                self.findings.error(name.at, &key.key(KEY), message);
                return None;
            }
        };
        self.files.push(path.clone());
        match read_bounded(&path) {
            Ok(text) => self.parse(&path, text, key, chain),
            Err(error) => {
                let message = format!("cannot read {}: {error}", path.display());
                self.findings.error(name.at, &key.key(KEY), message);
                None
            }
        }
    }

    /// The file an include names, where it may be read.
    fn resolve(&self, name: &Node, chain: &[PathBuf]) -> Result<PathBuf, String> {
        let Some(written) = name.text() else {
            return Err(format!(
                "expected a file name or a list of them, found {}",
                name.found()
            ));
        };
        let folder = chain.last().and_then(|file| file.parent());
        let path = normal(&folder.unwrap_or(Path::new("")).join(written));
        let real = fs::canonicalize(&path).unwrap_or_else(|_| path.clone());
        let real_root = fs::canonicalize(&self.root).unwrap_or_else(|_| self.root.clone());
        if !path.starts_with(normal(&self.root)) || !real.starts_with(real_root) {
            return Err(format!(
                "{written} is outside {}; move it below",
                self.root.display()
            ));
        }
        if chain.contains(&path) {
            let names: Vec<_> = chain
                .iter()
                .chain([&path])
                .map(|p| p.display().to_string())
                .collect();
            return Err(format!(
                "these files include each other: {}",
                names.join(" → ")
            ));
        }
        if chain.len() > MAX_DEPTH {
            return Err(format!("includes are nested deeper than {MAX_DEPTH}"));
        }
        Ok(path)
    }
}

/// A file's text, unless it is larger than any configuration.
pub(super) fn read_bounded(path: &Path) -> io::Result<String> {
    let metadata = fs::metadata(path)?;
    if !metadata.is_file() {
        // A pipe would be waited for without end.
        return Err(io::Error::other("it is no file"));
    }
    if metadata.len() > MAX_BYTES {
        let message = format!("it is larger than {MAX_BYTES} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    fs::read_to_string(path)
}

/// The path without `.` and `..`, by name alone.
fn normal(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::ParentDir => {
                out.pop();
            }
            std::path::Component::CurDir => {}
            std::path::Component::Prefix(_)
            | std::path::Component::RootDir
            | std::path::Component::Normal(_) => out.push(part),
        }
    }
    out
}
