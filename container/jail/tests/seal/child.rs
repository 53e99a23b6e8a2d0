//! The sealed process: seals itself, then does its task and prints what came of it.
#![expect(
    unsafe_code,
    reason = "tries syscalls that no library would let it make; it holds nothing that they could break"
)]

use jail::seal::{Seal, Sealed, seal};
use libc::{c_int, c_long};
use std::io::{Read, Write};
use std::os::fd::FromRawFd;
use std::{io, ptr, thread};

pub(crate) fn run(task: &str) -> Result<(), Box<dyn std::error::Error>> {
    let parent = std::os::unix::process::parent_id().cast_signed();
    jail::harden()?;
    let sealed = seal(&Seal::default())?;
    match task {
        "attempts" => attempt_all(parent)?,
        "runtime" => runtime()?,
        "panic" => panic!("a sealed process may end itself"),
        _ => wait(sealed)?,
    }
    Ok(())
}

/// Says what it is sealed with, and stays until its stdin ends.
fn wait(sealed: Sealed) -> io::Result<()> {
    writeln!(io::stdout(), "{sealed:?}")?;
    io::stdin().read_to_end(&mut Vec::new()).map(drop)
}

/// Builds a runtime of the kind that agents have, and echoes its stdin to itself, in capitals.
fn runtime() -> Result<(), Box<dyn std::error::Error>> {
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        // SAFETY: stdin is a socket that the test made, and nothing else here uses it.
        let socket = unsafe { std::os::unix::net::UnixStream::from_raw_fd(0) };
        socket.set_nonblocking(true)?;
        let (reader, mut writer) = tokio::net::UnixStream::from_std(socket)?.into_split();
        let (lines, mut spoken) = tokio::sync::mpsc::channel::<String>(4);
        let mut tasks = tokio::task::JoinSet::new();
        tasks.spawn(async move {
            let mut heard = BufReader::new(reader).lines();
            while let Ok(Some(line)) = heard.next_line().await {
                if lines.send(line.to_uppercase()).await.is_err() {
                    return;
                }
            }
        });
        while let Some(line) = spoken.recv().await {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            writer.write_all(format!("{line}\n").as_bytes()).await?;
        }
        // Memory comes and goes as in any process.
        drop(vec![1_u8; 50 << 20]);
        Ok(())
    })
}

/// Tries everything an agent has no business with; one line each, `name errno`, 0 being success.
fn attempt_all(parent: c_int) -> io::Result<()> {
    let path = c"/etc/passwd".as_ptr();
    let none = ptr::null::<u8>();
    let at = libc::AT_FDCWD;
    let page = map(libc::PROT_READ | libc::PROT_WRITE);
    let mut calls: Vec<(&str, c_long)> = vec![
        (
            "openat",
            call(libc::SYS_openat, [at.into(), path as c_long, 0, 0, 0]),
        ),
        (
            "statx",
            call(
                libc::SYS_statx,
                [at.into(), path as c_long, 0, 0, none as c_long],
            ),
        ),
        (
            "newfstatat",
            call(
                libc::SYS_newfstatat,
                [at.into(), path as c_long, none as c_long, 0, 0],
            ),
        ),
        (
            "faccessat",
            call(libc::SYS_faccessat, [at.into(), path as c_long, 0, 0, 0]),
        ),
        (
            "readlinkat",
            call(
                libc::SYS_readlinkat,
                [at.into(), path as c_long, page, 8, 0],
            ),
        ),
        ("getcwd", call(libc::SYS_getcwd, [page, 100, 0, 0, 0])),
        ("chdir", call(libc::SYS_chdir, [path as c_long, 0, 0, 0, 0])),
        (
            "unlinkat",
            call(libc::SYS_unlinkat, [at.into(), path as c_long, 0, 0, 0]),
        ),
        (
            "renameat2",
            call(
                libc::SYS_renameat2,
                [at.into(), path as c_long, at.into(), path as c_long, 0],
            ),
        ),
        (
            "mkdirat",
            call(libc::SYS_mkdirat, [at.into(), path as c_long, 0, 0, 0]),
        ),
        ("socket unix", socket(libc::AF_UNIX)),
        ("socket inet", socket(libc::AF_INET)),
        ("socket inet6", socket(libc::AF_INET6)),
        ("socket netlink", socket(libc::AF_NETLINK)),
        ("socket vsock", socket(libc::AF_VSOCK)),
        (
            "connect",
            call(libc::SYS_connect, [0, none as c_long, 0, 0, 0]),
        ),
        ("bind", call(libc::SYS_bind, [0, none as c_long, 0, 0, 0])),
        (
            "sendmsg",
            call(libc::SYS_sendmsg, [0, none as c_long, 0, 0, 0]),
        ),
        (
            "recvmsg",
            call(libc::SYS_recvmsg, [0, none as c_long, 0, 0, 0]),
        ),
        (
            "execve",
            call(
                libc::SYS_execve,
                [c"/bin/true".as_ptr() as c_long, 0, 0, 0, 0],
            ),
        ),
        (
            "execveat",
            call(
                libc::SYS_execveat,
                [0, c"".as_ptr() as c_long, 0, 0, libc::AT_EMPTY_PATH.into()],
            ),
        ),
        (
            "clone",
            call(libc::SYS_clone, [libc::SIGCHLD.into(), 0, 0, 0, 0]),
        ),
        (
            "clone3",
            call(libc::SYS_clone3, [none as c_long, 0, 0, 0, 0]),
        ),
        (
            "kill parent",
            call(libc::SYS_kill, [parent.into(), 0, 0, 0, 0]),
        ),
        ("kill all", call(libc::SYS_kill, [-1, 0, 0, 0, 0])),
        (
            "tgkill parent",
            call(
                libc::SYS_tgkill,
                [parent.into(), parent.into(), libc::SIGABRT.into(), 0, 0],
            ),
        ),
        (
            "tkill parent",
            call(libc::SYS_tkill, [parent.into(), 0, 0, 0, 0]),
        ),
        (
            "sigqueue parent",
            call(libc::SYS_rt_sigqueueinfo, [parent.into(), 0, 0, 0, 0]),
        ),
        (
            "own mail",
            call(
                libc::SYS_fcntl,
                [0, libc::F_SETOWN.into(), parent.into(), 0, 0],
            ),
        ),
        (
            "ptrace",
            call(
                libc::SYS_ptrace,
                [libc::PTRACE_ATTACH.into(), parent.into(), 0, 0, 0],
            ),
        ),
        (
            "process_vm_readv",
            call(libc::SYS_process_vm_readv, [parent.into(), 0, 0, 0, 0]),
        ),
        (
            "pidfd_open",
            call(libc::SYS_pidfd_open, [parent.into(), 0, 0, 0, 0]),
        ),
        (
            "prlimit64 parent",
            call(libc::SYS_prlimit64, [parent.into(), 7, 0, page, 0]),
        ),
        (
            "setpriority parent",
            call(libc::SYS_setpriority, [0, parent.into(), 19, 0, 0]),
        ),
        (
            "io_uring_setup",
            call(libc::SYS_io_uring_setup, [1, none as c_long, 0, 0, 0]),
        ),
        (
            "memfd_create",
            call(
                libc::SYS_memfd_create,
                [c"m".as_ptr() as c_long, 0, 0, 0, 0],
            ),
        ),
        ("userfaultfd", call(libc::SYS_userfaultfd, [0; 5])),
        ("bpf", call(libc::SYS_bpf, [0; 5])),
        ("perf_event_open", call(libc::SYS_perf_event_open, [0; 5])),
        ("keyctl", call(libc::SYS_keyctl, [0, -3, 0, 0, 0])),
        (
            "mount",
            call(libc::SYS_mount, [path as c_long, path as c_long, 0, 0, 0]),
        ),
        (
            "unshare",
            call(libc::SYS_unshare, [libc::CLONE_NEWUSER.into(), 0, 0, 0, 0]),
        ),
        ("setns", call(libc::SYS_setns, [0; 5])),
        ("setuid", call(libc::SYS_setuid, [0; 5])),
        ("capset", call(libc::SYS_capset, [0; 5])),
        (
            "prctl",
            call(libc::SYS_prctl, [libc::PR_SET_DUMPABLE.into(), 1, 0, 0, 0]),
        ),
        ("seccomp", call(libc::SYS_seccomp, [0; 5])),
        ("shmget", call(libc::SYS_shmget, [0, 4096, 0o1600, 0, 0])),
        ("msgget", call(libc::SYS_msgget, [0, 0o1600, 0, 0, 0])),
        (
            "mq_open",
            call(libc::SYS_mq_open, [c"q".as_ptr() as c_long, 0, 0, 0, 0]),
        ),
        ("inotify_init1", call(libc::SYS_inotify_init1, [0; 5])),
        ("pipe2", call(libc::SYS_pipe2, [page, 0, 0, 0, 0])),
        ("setsid", call(libc::SYS_setsid, [0; 5])),
        ("reboot", call(libc::SYS_reboot, [0; 5])),
        (
            "type into a terminal",
            call(libc::SYS_ioctl, [0, libc::TIOCSTI as c_long, page, 0, 0]),
        ),
        ("map code", map(libc::PROT_READ | libc::PROT_EXEC)),
        (
            "make code",
            call(
                libc::SYS_mprotect,
                [page, 4096, libc::PROT_EXEC.into(), 0, 0],
            ),
        ),
    ];
    #[cfg(target_arch = "x86_64")]
    calls.extend([
        ("open", call(libc::SYS_open, [path as c_long, 0, 0, 0, 0])),
        ("creat", call(libc::SYS_creat, [path as c_long, 0, 0, 0, 0])),
        ("fork", call(libc::SYS_fork, [0; 5])),
        ("vfork", call(libc::SYS_vfork, [0; 5])),
        ("x32 getpid", call(0x4000_0000 | libc::SYS_getpid, [0; 5])),
    ]);
    calls.push(("thread", thread()));
    let mut said = String::new();
    for (name, result) in calls {
        let errno = if result < 0 { -result } else { 0 };
        said.push_str(&format!("{name} {errno}\n"));
    }
    io::stdout().write_all(said.as_bytes())
}

fn thread() -> c_long {
    let thread = thread::Builder::new().spawn(|| ());
    thread.map_or_else(
        |error| -c_long::from(error.raw_os_error().unwrap_or(1)),
        |_| 0,
    )
}

fn socket(family: c_int) -> c_long {
    call(
        libc::SYS_socket,
        [family.into(), libc::SOCK_STREAM.into(), 0, 0, 0],
    )
}

fn map(protection: c_int) -> c_long {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    call(
        libc::SYS_mmap,
        [0, 4096, protection.into(), flags.into(), -1],
    )
}

/// The result, or the negative error number.
fn call(number: c_long, [a, b, c, d, e]: [c_long; 5]) -> c_long {
    // SAFETY: none of these calls is to succeed; the pointers in them are null, a page of nothing,
    // or constant strings, and this process ends after them.
    let result = unsafe { libc::syscall(number, a, b, c, d, e, 0) };
    match result {
        -1 => -c_long::from(io::Error::last_os_error().raw_os_error().unwrap_or(-1)),
        result => result,
    }
}
