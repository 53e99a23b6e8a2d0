//! Files of `/proc`: those of other processes, and those of the machine.

use super::{Expect, Outcome, Row, Targets, Wall, failed, tried};
use Expect::{Open, Refused};
use libc::{EACCES, ENOENT, EPERM, EROFS};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;

const LISTED: &str = "without a pid namespace /proc shows everybody's processes; Landlock guards only what tracing would show";

const NOT_THERE: Expect = Refused(&[ENOENT]);
const KEPT: Expect = Refused(&[EACCES, EPERM]);

/// Covered, closed to everybody, or not there on every machine.
const MACHINE: Expect = Refused(&[EACCES, EPERM, EROFS, ENOENT]);

/// Where the gateway is root, its tools are.
const FROM_ROOT: Expect = Open(
    "without a mount namespace nothing can be covered, and root may read what tells of the machine",
);

pub(super) const ROWS: &[Row] = &[
    // === the gateway's ===
    row("read memory", NOT_THERE, KEPT, |to| of_gateway(to, "mem")),
    row("read maps", NOT_THERE, KEPT, |to| of_gateway(to, "maps")),
    row("read auxiliary vector", NOT_THERE, KEPT, |to| {
        of_gateway(to, "auxv")
    }),
    row("read io figures", NOT_THERE, KEPT, |to| {
        of_gateway(to, "io")
    }),
    row("read page map", NOT_THERE, KEPT, |to| {
        of_gateway(to, "pagemap")
    }),
    row("read stack", NOT_THERE, KEPT, |to| of_gateway(to, "stack")),
    row("read current call", NOT_THERE, KEPT, |to| {
        of_gateway(to, "syscall")
    }),
    row("read personality", NOT_THERE, KEPT, |to| {
        of_gateway(to, "personality")
    }),
    row("read mounts of others", NOT_THERE, Open(LISTED), |to| {
        of_gateway(to, "mountinfo")
    }),
    row("read environment of a thread", NOT_THERE, KEPT, |to| {
        tried(File::open(format!("/proc/{0}/task/{0}/environ", to.pid)))
    }),
    row("read command line", NOT_THERE, Open(LISTED), |to| {
        of_gateway(to, "cmdline")
    }),
    row("read status", NOT_THERE, Open(LISTED), |to| {
        of_gateway(to, "status")
    }),
    row("read limits", NOT_THERE, Open(LISTED), |to| {
        of_gateway(to, "limits")
    }),
    row("read cgroup", NOT_THERE, Open(LISTED), |to| {
        of_gateway(to, "cgroup")
    }),
    row("list descriptors", NOT_THERE, KEPT, |to| {
        listed(to.pid, "fd")
    }),
    row("list mapped files", NOT_THERE, KEPT, |to| {
        listed(to.pid, "map_files")
    }),
    row("open a descriptor of another", NOT_THERE, KEPT, |to| {
        tried(File::open(format!("/proc/{}/fd/1", to.pid)))
    }),
    row("list another's root", NOT_THERE, KEPT, |to| {
        tried(fs::read_dir(format!("/proc/{}/root", to.pid)))
    }),
    row(
        "read another's program by its process",
        NOT_THERE,
        KEPT,
        |to| of_gateway(to, "exe"),
    ),
    row("find another's namespace", NOT_THERE, KEPT, |to| {
        tried(fs::read_link(format!("/proc/{}/ns/net", to.pid)))
    }),
    row("write memory", NOT_THERE, KEPT, |to| change(to, "mem")),
    row("change who is killed first", NOT_THERE, KEPT, |to| {
        change(to, "oom_score_adj")
    }),
    row("change what is dumped", NOT_THERE, KEPT, |to| {
        change(to, "coredump_filter")
    }),
    row("clear page references", NOT_THERE, KEPT, |to| {
        change(to, "clear_refs")
    }),
    row("change a user map", NOT_THERE, KEPT, |to| {
        change(to, "uid_map")
    }),
    row("change a name", NOT_THERE, KEPT, |to| change(to, "comm")),
    row("change a group's scheduling", NOT_THERE, KEPT, |to| {
        change(to, "autogroup")
    }),
    // === the keeper's, which is of our own user ===
    row("read the keeper's memory", KEPT, KEPT, |to| {
        of_keeper(to, "mem")
    }),
    row(
        "write the keeper's memory",
        Refused(&[EACCES, EPERM, EROFS]),
        KEPT,
        |to| {
            tried(
                OpenOptions::new()
                    .write(true)
                    .open(format!("/proc/{}/mem", to.keeper)),
            )
        },
    ),
    row("read the keeper's environment", KEPT, KEPT, |to| {
        of_keeper(to, "environ")
    }),
    row("list the keeper's descriptors", KEPT, KEPT, |to| {
        listed(to.keeper, "fd")
    }),
    row("find the keeper's namespace", KEPT, KEPT, |to| {
        tried(fs::read_link(format!("/proc/{}/ns/user", to.keeper)))
    }),
    // === the machine's ===
    row("read the machine's memory", MACHINE, MACHINE, |_| {
        read("kcore")
    }),
    row("read the kernel's log by file", MACHINE, MACHINE, |_| {
        read("kmsg")
    }),
    row("read page counts", MACHINE, FROM_ROOT, |_| {
        read("kpagecount")
    }),
    row("press the magic key", MACHINE, MACHINE, |_| {
        set("sysrq-trigger")
    }),
    row("change what runs at a crash", MACHINE, MACHINE, |_| {
        set("sys/kernel/core_pattern")
    }),
    row("change what loads modules", MACHINE, MACHINE, |_| {
        set("sys/kernel/modprobe")
    }),
    row("change the host name by file", MACHINE, MACHINE, |_| {
        set("sys/kernel/hostname")
    }),
    row("read page flags", MACHINE, FROM_ROOT, |_| {
        read("kpageflags")
    }),
    row("read addresses in the kernel", MACHINE, MACHINE, |_| {
        addresses()
    }),
    row("read timers", MACHINE, FROM_ROOT, |_| read("timer_list")),
    row("read keys", MACHINE, FROM_ROOT, |_| read("keys")),
    row("read memory caches", MACHINE, FROM_ROOT, |_| {
        read("slabinfo")
    }),
    row(
        "read virtual memory of the kernel",
        MACHINE,
        FROM_ROOT,
        |_| read("vmallocinfo"),
    ),
    row("drop caches", MACHINE, MACHINE, |_| {
        set("sys/vm/drop_caches")
    }),
    row("overcommit memory", MACHINE, MACHINE, |_| {
        set("sys/vm/overcommit_memory")
    }),
    row("forward packets", MACHINE, MACHINE, |_| {
        set("sys/net/ipv4/ip_forward")
    }),
    row("open low ports to all", MACHINE, MACHINE, |_| {
        set("sys/net/ipv4/ip_unprivileged_port_start")
    }),
    row(
        "change how many namespaces there may be",
        MACHINE,
        MACHINE,
        |_| set("sys/user/max_user_namespaces"),
    ),
    row("weaken address randomisation", MACHINE, MACHINE, |_| {
        set("sys/kernel/randomize_va_space")
    }),
    row("change processors of interrupts", MACHINE, MACHINE, |_| {
        set("irq/default_smp_affinity")
    }),
    row("find another /proc", Refused(&[]), Refused(&[]), |_| {
        other_proc()
    }),
];

const fn row(name: &'static str, full: Expect, plain: Expect, run: fn(&Targets) -> Outcome) -> Row {
    Row {
        name,
        wall: Wall::Processes,
        at_start: false,
        full,
        plain,
        run,
    }
}

/// Whether the kernel's addresses are more than zeros.
fn addresses() -> Outcome {
    let text = match fs::read_to_string("/proc/kallsyms") {
        Ok(text) => text,
        Err(error) => return failed(&error),
    };
    match text
        .lines()
        .find(|line| !line.starts_with("0000000000000000"))
    {
        None => Outcome::Failed("there are none but zeros".to_owned()),
        Some(line) => Outcome::Worked(line.to_owned()),
    }
}

fn of_gateway(to: &Targets, file: &str) -> Outcome {
    looked_at(&format!("/proc/{}/{file}", to.pid))
}

fn of_keeper(to: &Targets, file: &str) -> Outcome {
    looked_at(&format!("/proc/{}/{file}", to.keeper))
}

fn read(file: &str) -> Outcome {
    looked_at(&format!("/proc/{file}"))
}

/// Opens a file, and reads a byte if it is one of those that can be opened by anybody and then say
/// nothing.
fn looked_at(path: &str) -> Outcome {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) => return failed(&error),
    };
    let is_memory = path.ends_with("/mem");
    // Some are read in eights.
    match file.read(&mut [0; 8]) {
        Ok(0) => Outcome::Failed("it is empty".to_owned()),
        // Nothing is mapped at address 0.
        Err(error) if is_memory && error.raw_os_error() == Some(libc::EIO) => {
            Outcome::Worked("it could be opened".to_owned())
        }
        result => tried(result),
    }
}

/// Whether it can be told what the entries of a folder lead to.
fn listed(pid: i32, folder: &str) -> Outcome {
    match fs::read_dir(format!("/proc/{pid}/{folder}")) {
        Ok(mut entries) => match entries.next() {
            None => Outcome::Failed("it is empty".to_owned()),
            Some(entry) => tried(entry.and_then(|entry| fs::read_link(entry.path()))),
        },
        Err(error) => failed(&error),
    }
}

/// Opens a file of another process to be written, and writes nothing.
fn change(to: &Targets, file: &str) -> Outcome {
    tried(
        OpenOptions::new()
            .write(true)
            .open(format!("/proc/{}/{file}", to.pid)),
    )
}

/// Opens a file of the machine to be written, and writes nothing.
fn set(file: &str) -> Outcome {
    tried(opened(file).and_then(|file| refuse_null(&file)))
}

fn opened(file: &str) -> io::Result<File> {
    OpenOptions::new().write(true).open(format!("/proc/{file}"))
}

/// What is covered by `/dev/null` can be written, and nothing comes of it.
fn refuse_null(file: &File) -> io::Result<()> {
    let null = fs::metadata("/dev/null")?.rdev();
    if file.metadata()?.rdev() == null {
        return Err(io::Error::other("it is covered by /dev/null"));
    }
    Ok(())
}

/// Whether a second `/proc` is mounted somewhere, one without masks or of other processes.
fn other_proc() -> Outcome {
    let mounts = match fs::read_to_string("/proc/self/mountinfo") {
        Ok(mounts) => mounts,
        Err(error) => return failed(&error),
    };
    let is_proc = |line: &&str| line.contains(" - proc ");
    let place = |line: &str| line.split(' ').nth(4).unwrap_or_default().to_owned();
    let whole = mounts.lines().filter(is_proc).map(place);
    let others: Vec<_> = whole.filter(|place| !place.starts_with("/proc")).collect();
    if others.is_empty() {
        return Outcome::Failed("there is but one".to_owned());
    }
    Outcome::Worked(others.join(" "))
}
