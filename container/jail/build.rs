//! Turns `src/syscalls/*.json` into Rust tables of the target's own syscall numbers, so that a
//! misspelt call, or one that its list names twice, is a build error and a jail parses nothing.

use serde::Deserialize;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::{env, error::Error, fs};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    role: String,
    otherwise: String,
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    calls: Vec<String>,
    #[serde(default)]
    only: Option<String>,
    #[serde(default)]
    when: Vec<Condition>,
    answer: String,
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Condition {
    argument: u8,
    #[serde(default)]
    upper: bool,
    #[serde(default)]
    masked: Option<String>,
    one_of: Option<Vec<String>>,
    none_of: Option<Vec<String>>,
    any_bit_of: Option<Vec<String>>,
    no_bit_of: Option<Vec<String>>,
}

fn main() -> Result<(), Box<dyn Error>> {
    link_libraries_in()?;
    let folder = Path::new("src/syscalls");
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut code = String::new();
    let mut files: Vec<_> = fs::read_dir(folder)?.collect::<Result<_, _>>()?;
    files.sort_by_key(fs::DirEntry::path);
    for file in files {
        let path = file.path();
        let name = path.file_stem().and_then(|n| n.to_str()).unwrap_or("");
        let list: List = serde_json::from_str(&fs::read_to_string(&path)?)
            .map_err(|error| format!("{}: {error}", path.display()))?;
        render(&name.to_uppercase(), &list, &mut code)
            .map_err(|error| format!("{}: {error}", path.display()))?;
    }
    let target = Path::new(&env::var("OUT_DIR")?).join("syscalls.rs");
    Ok(fs::write(target, code)?)
}

/// Linked to one address: a program that can be anywhere first mends a hundred kilobytes of pointers,
/// and every fork copies them. It keeps no secret, hears nobody but the supervisor, and what it execs
/// is laid out anew.
const STATIC: [&str; 2] = ["-static", "-no-pie"];

/// Has `openclaw-jail` carry what it needs of the system's libraries instead of loading them at
/// every start: it starts once a tool call, and that would be a fifth of its time.
///
/// rustc decides for a whole build whether the C library is linked in, and says no where macros are
/// built. So linker scripts in the libraries' names, found before them, lead to their archives.
/// Where those are not installed, the unwinder's at least is, with the compiler.
fn link_libraries_in() -> Result<(), Box<dyn Error>> {
    if env::var("CARGO_CFG_TARGET_ENV")? != "gnu" {
        return Ok(());
    }
    let folder = env::var("OUT_DIR")?;
    let place = |name: &str| Path::new(&folder).join(name);
    let native = env::var("TARGET")? == env::var("HOST")?;
    if native && links_statically(&place("empty"))? {
        for name in ["c", "m", "rt", "dl", "util", "pthread"] {
            fs::write(
                place(&format!("lib{name}.so")),
                format!("GROUP ( -l:lib{name}.a )\n"),
            )?;
        }
        let group = "GROUP ( -l:libgcc.a -l:libgcc_eh.a -l:libc.a )\n";
        fs::write(place("libgcc_s.so"), group)?;
        for flag in STATIC {
            println!("cargo::rustc-link-arg-bin=openclaw-jail={flag}");
        }
    } else {
        fs::write(place("libgcc_s.so"), "GROUP ( -lgcc -lgcc_eh )\n")?;
    }
    println!("cargo::rustc-link-arg-bin=openclaw-jail=-L{folder}");
    Ok(())
}

/// Whether the compiler that rustc links with can make a program that loads no library.
#[expect(
    clippy::disallowed_methods,
    reason = "a build script has no process to jail"
)]
fn links_statically(program: &Path) -> Result<bool, Box<dyn Error>> {
    let source = program.with_extension("c");
    fs::write(&source, "int main(void) { return 0; }\n")?;
    let made = Command::new("cc")
        .args(STATIC)
        .arg("-o")
        .args([program, &source])
        .output();
    Ok(made.is_ok_and(|made| made.status.success()))
}

fn render(name: &str, list: &List, code: &mut String) -> Result<(), Box<dyn Error>> {
    let mut plain = Vec::new();
    writeln!(code, "/// {}.", list.role)?;
    writeln!(code, "pub(crate) const {name}: List = List {{")?;
    writeln!(
        code,
        "    otherwise: {},\n    rules: &[",
        answer(&list.otherwise)
    )?;
    for rule in &list.rules {
        if rule.reason.is_empty() {
            return Err(format!("{:?} has no reason", rule.calls).into());
        }
        for call in &rule.calls {
            if rule.when.is_empty() && plain.contains(&call) {
                return Err(format!("{call} is named twice").into());
            }
            if rule.when.is_empty() {
                plain.push(call);
            }
            if let Some(arch) = &rule.only {
                writeln!(code, "        #[cfg(target_arch = {arch:?})]")?;
            }
            let answer = answer(&rule.answer);
            let call = call_number(call);
            write!(code, "        Rule {{ call: {call}, when: &[")?;
            for condition in &rule.when {
                code.push_str(&test(condition)?);
            }
            writeln!(code, "], answer: {answer} }},")?;
        }
    }
    writeln!(code, "    ],\n}};")?;
    Ok(())
}

/// `name`, or `name=number` for a call that libc has no name for yet (new ones have one number on
/// every architecture).
fn call_number(call: &str) -> String {
    match call.split_once('=') {
        Some((_, number)) => number.to_owned(),
        None => format!("libc::SYS_{call} as u32"),
    }
}

fn answer(word: &str) -> String {
    match word {
        "allow" => "Answer::Allow".to_owned(),
        "notify" => "Answer::Notify".to_owned(),
        errno => format!("Answer::Errno(libc::{errno} as u16)"),
    }
}

fn test(condition: &Condition) -> Result<String, Box<dyn Error>> {
    let kinds = [
        ("OneOf", &condition.one_of),
        ("NoneOf", &condition.none_of),
        ("AnyBit", &condition.any_bit_of),
        ("NoBit", &condition.no_bit_of),
    ];
    let mut given = kinds
        .into_iter()
        .filter_map(|(k, v)| Some((k, v.as_ref()?)));
    let (Some((kind, values)), None) = (given.next(), given.next()) else {
        return Err("a condition has exactly one of one_of, none_of, any_bit_of, no_bit_of".into());
    };
    let joint = if kind.ends_with("Of") { ", " } else { " | " };
    let values: Vec<_> = values.iter().map(|value| number(value)).collect();
    let values = values.join(joint);
    let test = match kind {
        "OneOf" | "NoneOf" => format!("Test::{kind}(&[{values}])"),
        _ => format!("Test::{kind}({values})"),
    };
    let mask = condition
        .masked
        .as_deref()
        .map_or("u32::MAX".to_owned(), number);
    let (argument, upper) = (condition.argument, condition.upper);
    Ok(format!(
        "Condition {{ argument: {argument}, upper: {upper}, mask: {mask}, test: {test} }}, "
    ))
}

fn number(word: &str) -> String {
    if word.starts_with(|c: char| c.is_ascii_digit()) {
        word.to_owned()
    } else {
        format!("libc::{word} as u32")
    }
}
