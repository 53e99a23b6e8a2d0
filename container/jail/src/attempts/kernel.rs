//! Calls that open the kernel's inside, or run the machine.

use super::call::{Word, bytes, call, descriptor, number, old_call};
use super::{Expect, Outcome, Row, Targets, Wall, asked, tried};
use Expect::Refused;
use libc::{EACCES, ENOENT, ENOSYS, EPERM};
use nix::errno::Errno;
use nix::pty::openpty;
use std::os::fd::AsRawFd as _;

const FILTERED: &[i32] = &[EPERM];
const UNKNOWN: &[i32] = &[ENOSYS];

pub(super) const ROWS: &[Row] = &[
    // === its inside ===
    row("enter a ring", UNKNOWN, |_| {
        asked(call(
            libc::SYS_io_uring_enter,
            [
                number(-1),
                number(0),
                number(0),
                number(0),
                Word::Nowhere,
                number(0),
            ],
        ))
    }),
    row("register with a ring", UNKNOWN, |_| {
        asked(call(
            libc::SYS_io_uring_register,
            [number(-1), number(0), Word::Nowhere, number(0)],
        ))
    }),
    row("handle page faults", FILTERED, |_| {
        // Those of its own only, which anybody may: UFFD_USER_MODE_ONLY.
        tried(descriptor(libc::SYS_userfaultfd, [number(1)]))
    }),
    row("load a program into the kernel", FILTERED, |_| {
        asked(call(libc::SYS_bpf, [number(5), Word::Nowhere, number(0)]))
    }),
    row("make a map in the kernel", FILTERED, |_| {
        let mut attributes = bytes(&[2 | 4 << 32, 4 | 1 << 32, 0, 0, 0, 0, 0, 0, 0]);
        tried(descriptor(
            libc::SYS_bpf,
            [number(0), Word::Room(&mut attributes), number(72)],
        ))
    }),
    row("count its own events", FILTERED, |_| {
        // Time that passes, of its own and not of the kernel's.
        let mut attributes = bytes(&[1 | 64 << 32, 0, 0, 0, 0, 1 << 5 | 1 << 6, 0, 0]);
        let words = [
            Word::Room(&mut attributes),
            number(0),
            number(-1),
            number(-1),
            number(0),
        ];
        tried(descriptor(libc::SYS_perf_event_open, words))
    }),
    row("look up a cookie", &[EPERM, ENOSYS], |_| {
        asked(call(
            libc::SYS_lookup_dcookie,
            [number(0), Word::Nowhere, number(0)],
        ))
    }),
    row("add a key", FILTERED, |_| {
        let mut value = *b"x";
        // Into its own process keyring: -2.
        let words = [
            Word::Text(c"user"),
            Word::Text(c"openclaw"),
            Word::Room(&mut value),
            number(1),
            number(-2),
        ];
        tried(call(libc::SYS_add_key, words))
    }),
    row("ask for a key", FILTERED, |_| {
        let words = [
            Word::Text(c"user"),
            Word::Text(c"openclaw"),
            Word::Nowhere,
            number(0),
        ];
        asked(call(libc::SYS_request_key, words))
    }),
    row("hold secret memory", FILTERED, |_| {
        asked(call(libc::SYS_memfd_secret, [number(0)]))
    }),
    row("splice its memory", FILTERED, |_| {
        asked(call(
            libc::SYS_vmsplice,
            [number(-1), Word::Nowhere, number(0), number(0)],
        ))
    }),
    row("place its memory", FILTERED, |_| {
        tried(call(
            libc::SYS_set_mempolicy,
            [number(0), Word::Nowhere, number(0)],
        ))
    }),
    row("place some of its memory", FILTERED, |_| {
        tried(call(
            libc::SYS_mbind,
            [
                Word::Nowhere,
                number(0),
                number(0),
                Word::Nowhere,
                number(0),
                number(0),
            ],
        ))
    }),
    row("switch address randomisation off", FILTERED, |_| {
        tried(call(libc::SYS_personality, [number(0x0004_0000)]))
    }),
    row("read as one of another system", FILTERED, |_| {
        tried(call(libc::SYS_personality, [number(0x0040_0000)]))
    }),
    row("use the calls of another architecture", &[], |_| {
        tried(old_call())
    }),
    row("use the calls of a third architecture", UNKNOWN, |_| {
        tried(call(0x4000_0000 + 39, []))
    }),
    row("use a call that nobody knows", UNKNOWN, |_| {
        tried(call(100_000, []))
    }),
    #[cfg(target_arch = "x86_64")]
    row("change its segments", FILTERED, |_| {
        tried(call(
            libc::SYS_modify_ldt,
            [number(0), Word::Room(&mut [0; 16]), number(16)],
        ))
    }),
    #[cfg(target_arch = "x86_64")]
    row("use all ports", FILTERED, |_| {
        tried(call(libc::SYS_iopl, [number(3)]))
    }),
    #[cfg(target_arch = "x86_64")]
    row("use a port", FILTERED, |_| {
        tried(call(libc::SYS_ioperm, [number(0x80), number(1), number(1)]))
    }),
    #[cfg(target_arch = "x86_64")]
    row("ask for file systems", FILTERED, |_| {
        tried(call(libc::SYS_sysfs, [number(3)]))
    }),
    // === terminals ===
    row("type into a terminal", FILTERED, |_| {
        terminal(libc::TIOCSTI, b"x\0\0\0")
    }),
    row("select on a console", FILTERED, |_| {
        terminal(libc::TIOCLINUX, &[6, 0, 0, 0])
    }),
    row("drive a terminal as a modem", FILTERED, |_| {
        // N_HDLC: of those that load a module one for which no right is asked.
        terminal(libc::TIOCSETD, &13_i32.to_ne_bytes())
    }),
    // === the machine ===
    row("restart the machine", FILTERED, |_| {
        asked(call(
            libc::SYS_reboot,
            [number(0), number(0), number(0), Word::Nowhere],
        ))
    }),
    row("boot another kernel", &[EPERM, ENOSYS], |_| {
        // A flag nobody knows: nothing is loaded or unloaded.
        asked(call(
            libc::SYS_kexec_load,
            [number(0), number(0), Word::Nowhere, number(0xff00)],
        ))
    }),
    row("boot another kernel from a file", &[EPERM, ENOSYS], |_| {
        asked(call(
            libc::SYS_kexec_file_load,
            [
                number(-1),
                number(-1),
                number(0),
                Word::Nowhere,
                number(0xff00),
            ],
        ))
    }),
    row("load a module", FILTERED, |_| {
        asked(call(
            libc::SYS_init_module,
            [Word::Nowhere, number(0), Word::Text(c"")],
        ))
    }),
    row("load a module from a file", FILTERED, |_| {
        asked(call(
            libc::SYS_finit_module,
            [number(-1), Word::Text(c""), number(0)],
        ))
    }),
    row("unload a module", FILTERED, |_| {
        asked(call(
            libc::SYS_delete_module,
            [Word::Text(c"openclaw"), number(libc::O_NONBLOCK)],
        ))
    }),
    row("swap to a file", FILTERED, |_| {
        asked(call(
            libc::SYS_swapon,
            [Word::Text(c"/openclaw"), number(0)],
        ))
    }),
    row("stop swapping", FILTERED, |_| {
        asked(call(libc::SYS_swapoff, [Word::Text(c"/openclaw")]))
    }),
    row("keep accounts", FILTERED, |_| {
        asked(call(libc::SYS_acct, [Word::Text(c"/openclaw")]))
    }),
    row("set quotas", FILTERED, |_| {
        // Q_SYNC of all file systems: it changes nothing.
        asked(call(
            libc::SYS_quotactl,
            [
                number(0x8000_0100_u32),
                Word::Nowhere,
                number(0),
                Word::Nowhere,
            ],
        ))
    }),
    row("set quotas of a file's file system", FILTERED, |_| {
        asked(call(
            libc::SYS_quotactl_fd,
            [number(-1), number(0), number(0), Word::Nowhere],
        ))
    }),
    row("set the time of day", FILTERED, |_| {
        tried(call(libc::SYS_settimeofday, [Word::Nowhere, Word::Nowhere]))
    }),
    row("set a clock", FILTERED, |_| {
        asked(call(libc::SYS_clock_settime, [number(0), Word::Nowhere]))
    }),
    row("tune the clock", FILTERED, |_| {
        // Asks only: no mode.
        tried(call(libc::SYS_adjtimex, [Word::Room(&mut [0; 256])]))
    }),
    row("tune any clock", FILTERED, |_| {
        tried(call(
            libc::SYS_clock_adjtime,
            [number(0), Word::Room(&mut [0; 256])],
        ))
    }),
    row("rename the host", FILTERED, |_| {
        asked(call(libc::SYS_sethostname, [Word::Nowhere, number(-1)]))
    }),
    row("rename the domain", FILTERED, |_| {
        asked(call(libc::SYS_setdomainname, [Word::Nowhere, number(-1)]))
    }),
    row("read the kernel's log", FILTERED, |_| {
        // How long it is.
        tried(call(
            libc::SYS_syslog,
            [number(10), Word::Nowhere, number(0)],
        ))
    }),
    row("hang up the terminal", FILTERED, |_| {
        // It has none.
        let _ = nix::unistd::setsid();
        tried(call(libc::SYS_vhangup, []))
    }),
    row("change a cgroup", &[ENOENT, EACCES], |_| {
        let folder = std::path::Path::new("/sys/fs/cgroup/openclaw-probe");
        let result = std::fs::create_dir(folder);
        let _ = std::fs::remove_dir(folder);
        tried(result)
    }),
    row("move into another cgroup", &[ENOENT, EACCES], |_| {
        let open = |path| std::fs::OpenOptions::new().write(true).open(path);
        tried(
            open("/sys/fs/cgroup/cgroup.procs")
                .or_else(|_| open("/sys/fs/cgroup/pids/cgroup.procs")),
        )
    }),
    row("debug the kernel", &[ENOENT, EACCES], |_| {
        tried(std::fs::read_dir("/sys/kernel/debug"))
    }),
    row("read the firmware's settings", &[ENOENT, EACCES], |_| {
        tried(std::fs::read_dir("/sys/firmware"))
    }),
];

/// The filter is the same with namespaces and without.
const fn row(name: &'static str, errnos: &'static [i32], run: fn(&Targets) -> Outcome) -> Row {
    Row {
        name,
        wall: Wall::Syscalls,
        at_start: false,
        full: Refused(errnos),
        plain: Refused(errnos),
        run,
    }
}

/// Asks something of a terminal of one's own.
fn terminal(what: libc::Ioctl, argument: &[u8; 4]) -> Outcome {
    let pair = match openpty(None, None) {
        Ok(pair) => pair,
        Err(error) => return Outcome::Absent(format!("no terminal: {error}")),
    };
    let _ = nix::unistd::setsid();
    let slave = || number(pair.slave.as_raw_fd());
    let _ = call(
        libc::SYS_ioctl,
        [slave(), number(libc::TIOCSCTTY as i64), number(0)],
    );
    // Closing its other end would hang up on this process before it has told.
    let _open = std::mem::ManuallyDrop::new(pair.master);
    let mut argument = *argument;
    let done = call(
        libc::SYS_ioctl,
        [slave(), number(what as i64), Word::Room(&mut argument)],
    );
    match done {
        // A pseudo-terminal is no console.
        Err(error @ (Errno::EINVAL | Errno::ENOTTY)) => {
            Outcome::Worked(format!("the kernel listened: {error}"))
        }
        done => tried(done),
    }
}
