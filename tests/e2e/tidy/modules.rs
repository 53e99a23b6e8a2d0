//! Module order: where a file declares modules, each may use only those below it in the list. A
//! parent may use its children.

use super::sources::{self, bare};
use std::fs;
use std::path::{Path, PathBuf};

/// Every use of a crate that points up, in words.
pub(super) fn upward_uses(src: &Path) -> Vec<String> {
    let lib = src.join("lib.rs");
    let code = product_code(&lib);
    let order = declared(&code);
    assert!(order.len() > 3, "{} declares {order:?}", lib.display());
    let mut upward = Vec::new();
    for (at, module) in order.iter().enumerate() {
        for file in files_of(src, module) {
            let code = product_code(&file);
            for used in used_of_crate(&code) {
                if order[..at].contains(&used) {
                    let file = file.strip_prefix(sources::root()).unwrap();
                    upward.push(format!(
                        "{}: {module} uses {used}, which is declared above it",
                        file.display()
                    ));
                }
            }
        }
    }
    upward.sort();
    upward.dedup();
    upward
}

/// The file without what is compiled for tests alone.
fn product_code(file: &Path) -> String {
    let text = bare(&fs::read_to_string(file).unwrap());
    text.split_once("#[cfg(test)]")
        .map_or(text.clone(), |(product, _)| product.to_owned())
}

/// The modules a file declares, in order.
fn declared(code: &str) -> Vec<String> {
    let name = |line: &str| {
        let line = line.trim_start();
        let line = line
            .strip_prefix("pub ")
            .or_else(|| line.strip_prefix("pub(crate) "))
            .unwrap_or(line);
        Some(line.strip_prefix("mod ")?.strip_suffix(';')?.to_owned())
    };
    code.lines().filter_map(name).collect()
}

/// A module's own file and those beneath it, without its tests.
fn files_of(src: &Path, module: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![src.join(format!("{module}.rs")), src.join(module)];
    while let Some(path) = open.pop() {
        let name = path
            .file_stem()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        if matches!(name, "tests" | "laws") {
            continue;
        }
        if path.is_dir() {
            open.extend(
                fs::read_dir(path)
                    .unwrap()
                    .flatten()
                    .map(|entry| entry.path()),
            );
        } else if path.extension().is_some_and(|end| end == "rs") && path.is_file() {
            found.push(path);
        }
    }
    found
}

/// The modules of its crate that code names: `crate::a`, `crate::{a, b::c}`.
fn used_of_crate(code: &str) -> Vec<String> {
    let mut used = Vec::new();
    for (_, rest) in code
        .match_indices("crate::")
        .map(|(at, found)| code.split_at(at + found.len()))
    {
        match rest.strip_prefix('{') {
            Some(group) => used.extend(heads_of_group(group)),
            None => used.extend(head(rest)),
        }
    }
    used
}

fn head(path: &str) -> Option<String> {
    let end = path
        .find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(path.len());
    (end > 0).then(|| path[..end].to_owned())
}

/// The first name of each entry of a `{…}`, whose opening brace is gone.
fn heads_of_group(group: &str) -> Vec<String> {
    let mut heads = Vec::new();
    let mut depth = 0;
    let mut is_first = true;
    for (at, c) in group.char_indices() {
        match c {
            '}' if depth == 0 => break,
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => is_first = true,
            c if is_first && depth == 0 && c.is_alphabetic() => {
                heads.extend(head(&group[at..]));
                is_first = false;
            }
            _ => {}
        }
    }
    heads
}

#[test]
fn uses_are_found_in_every_form() {
    let code = "use crate::a::B; use crate::{c, d::{E, f}, g as h}; let x = crate::i::j();";
    assert_eq!(used_of_crate(code), ["a", "c", "d", "g", "i"]);
}
