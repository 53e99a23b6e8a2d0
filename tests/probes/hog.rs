//! A program that takes all it can get of one thing, to be stopped by the limits around it.
//!
//! ```text
//! hog WHAT [AMOUNT]      amounts of memory and disk in MiB
//! ```

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "an actor that can not go on has failed"
)]

use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::signal::{SigSet, Signal};
use std::fs::File;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

const MIB: usize = 1 << 20;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let amount = arguments.get(1).and_then(|n| n.parse().ok()).unwrap_or(1);
    match arguments.first().map(String::as_str) {
        Some("malloc") => malloc(amount),
        Some("memfd") => fill(
            &mut File::from(memfd_create(c"hog", MFdFlags::MFD_CLOEXEC).unwrap()),
            amount,
        ),
        Some("file") => {
            let path = arguments.get(2).map_or("hog.out", String::as_str);
            fill(&mut File::create(path).unwrap(), amount);
        }
        Some("forks") => forks(),
        Some("sleepers") => sleepers(amount),
        Some("files") => files(),
        Some("spin") => spin(Duration::from_secs(u64::try_from(amount).unwrap())),
        Some("daemon") => daemon(),
        Some("print") => print(amount),
        Some("deaf") => deaf(),
        Some("wait") => wait(),
        Some(_) | None => panic!("hog: what of?"),
    }
    println!("hog: done");
}

fn malloc(mib: usize) {
    let held: Vec<Vec<u8>> = (0..mib).map(|_| vec![1; MIB]).collect();
    println!("hog: holds {} MiB", held.len());
    wait();
}

fn fill(file: &mut File, mib: usize) {
    let block = vec![1; MIB];
    for _ in 0..mib {
        file.write_all(&block).unwrap();
    }
    wait();
}

/// Everyone starts two, and they too.
fn forks() {
    let own = std::env::current_exe().unwrap();
    loop {
        for _ in 0..2 {
            let _ = Command::new(&own).arg("forks").spawn();
        }
    }
}

/// As many as asked for that only wait; says how many there could be.
fn sleepers(count: usize) {
    let own = std::env::current_exe().unwrap();
    let start = |_| Command::new(&own).arg("wait").spawn().ok();
    let started: Vec<_> = (0..count).map_while(start).collect();
    println!("hog: started {}", started.len());
    for mut child in started {
        let _ = child.kill();
        let _ = child.wait();
    }
}

fn files() {
    let mut open = Vec::new();
    while let Ok(file) = File::open("/dev/null") {
        open.push(file);
    }
    println!("hog: opened {}", open.len());
}

/// Takes a core for so much CPU time, and says how long that took.
fn spin(amount: Duration) {
    let began = std::time::Instant::now();
    let used = || {
        let time = nix::time::clock_gettime(nix::time::ClockId::CLOCK_PROCESS_CPUTIME_ID);
        Duration::from(time.unwrap())
    };
    while used() < amount {
        std::hint::black_box((0..10_000u64).sum::<u64>());
    }
    println!("hog: {} ms", began.elapsed().as_millis());
}

/// Forks twice, in sessions of their own, and lets go of everything.
fn daemon() {
    use nix::unistd::setsid;
    if std::env::args().nth(2).is_none() {
        start_detached("once");
        return;
    }
    let _ = setsid();
    if std::env::args().nth(2).as_deref() == Some("once") {
        start_detached("twice");
        return;
    }
    wait();
}

#[expect(clippy::zombie_processes, reason = "nobody is to wait for a daemon")]
fn start_detached(generation: &str) {
    Command::new(std::env::current_exe().unwrap())
        .args(["daemon", generation])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
}

fn print(mib: usize) {
    let line = [b'x'; 1023];
    let mut out = std::io::stdout().lock();
    for _ in 0..mib * 1024 {
        out.write_all(&line).unwrap();
        out.write_all(b"\n").unwrap();
    }
}

/// Hears no word to end.
fn deaf() {
    let mut held = SigSet::empty();
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        held.add(signal);
    }
    held.thread_block().unwrap();
    println!("hog: deaf");
    wait();
}

fn wait() {
    loop {
        std::thread::park();
    }
}
