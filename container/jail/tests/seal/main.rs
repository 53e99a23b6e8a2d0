//! A sealed process can think and speak, and nothing else.
//!
//! The children are this program itself, started with `--child TASK`: a process has to seal itself
//! before it has a second thread, which the usual harness starts. What is left of a harness is in
//! `main`.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "tests, which clippy knows by a harness that this is without"
)]

mod child;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};

const TESTS: [(&str, fn()); 4] = [
    ("nothing_forbidden_succeeds", nothing_forbidden_succeeds),
    (
        "a_runtime_can_be_built_and_speaks_over_the_link",
        a_runtime_can_be_built_and_speaks_over_the_link,
    ),
    ("from_outside_it_looks_sealed", from_outside_it_looks_sealed),
    (
        "a_panic_is_told_from_other_ends",
        a_panic_is_told_from_other_ends,
    ),
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, task] = arguments.as_slice()
        && flag == "--child"
    {
        return child::run(task);
    }
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let names: Vec<_> = arguments
        .iter()
        .filter(|word| !word.starts_with('-'))
        .collect();
    for (name, test) in TESTS {
        let chosen = names.is_empty() || names.iter().any(|part| name.contains(part.as_str()));
        if has("--list") && !has("--ignored") {
            println!("{name}: test");
        } else if chosen && !has("--list") {
            test();
            println!("test {name} ... ok");
        }
    }
    Ok(())
}

fn sealed(task: &str) -> (Child, UnixStream) {
    let (link, inside) = UnixStream::pair().unwrap();
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--child", task])
        .stdin(Stdio::from(OwnedFd::from(inside)))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    (child, link)
}

fn nothing_forbidden_succeeds() {
    let (child, _link) = sealed("attempts");
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.lines().count() > 60, "{said}");
    for line in said.lines() {
        let (name, errno) = line.rsplit_once(' ').unwrap();
        let expected = if name.starts_with("x32") {
            libc::ENOSYS
        } else {
            libc::EPERM
        };
        assert_eq!(errno, expected.to_string(), "{name}");
    }
}

fn a_runtime_can_be_built_and_speaks_over_the_link() {
    let (mut child, mut link) = sealed("runtime");
    link.write_all(b"one\ntwo\n").unwrap();
    link.shutdown(std::net::Shutdown::Write).unwrap();
    let mut said = String::new();
    link.read_to_string(&mut said).unwrap();
    assert_eq!(said, "ONE\nTWO\n");
    let status = child.wait().unwrap();
    let mut errors = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut errors)
        .unwrap();
    assert!(status.success(), "{status} {errors}");
}

fn from_outside_it_looks_sealed() {
    let (mut child, link) = sealed("wait");
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut said = String::new();
    stdout.read_line(&mut said).unwrap();
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    for line in [
        "CapInh:\t0000000000000000",
        "CapPrm:\t0000000000000000",
        "CapEff:\t0000000000000000",
        "CapAmb:\t0000000000000000",
        "NoNewPrivs:\t1",
        "Seccomp:\t2",
        "Threads:\t1",
    ] {
        assert!(status.contains(line), "{line} in {status}");
    }
    let own = fs::read_to_string("/proc/self/status").unwrap();
    let all_of_root = own.contains("Uid:\t0") && !own.contains("CapEff:\t0000000000000000");
    if all_of_root {
        assert!(said.contains("nobody: true"), "{said}");
        assert!(status.contains("CapBnd:\t0000000000000000"), "{status}");
        assert!(
            status.contains("Uid:\t65534\t65534\t65534\t65534"),
            "{status}"
        );
        let files = fs::read_dir(format!("/proc/{}/fd", child.id())).unwrap();
        assert_eq!(files.count(), 3);
    }
    drop(link);
    assert!(child.wait().unwrap().success());
}

fn a_panic_is_told_from_other_ends() {
    let (child, _link) = sealed("panic");
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("may end itself"), "{said}");
    let ended = output.status;
    assert!(ended.code() == Some(101) || ended.signal() == Some(libc::SIGABRT));
}
