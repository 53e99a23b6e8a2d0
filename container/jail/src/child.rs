//! Children in a session of their own, with or without a terminal, and signals to all of them.
#![expect(
    unsafe_code,
    reason = "setsid and TIOCSCTTY have to run between fork and exec, which std calls unsafe"
)]

pub use nix::sys::signal::Signal;

use nix::errno::Errno;
use nix::pty::{OpenptyResult, Winsize, openpty};
use nix::unistd::Pid;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

/// A terminal's size in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Lines.
    pub rows: u16,
    /// Columns.
    pub columns: u16,
}

impl Default for Size {
    fn default() -> Self {
        Self {
            rows: 24,
            columns: 80,
        }
    }
}

/// Makes the child the leader of a new session and process group, without a terminal: its pid is
/// then its group's id, and [`kill_group`] reaches it and everything it starts that does not leave
/// the group on purpose.
///
/// std forks to run this instead of `posix_spawn`: meant for small programs.
pub fn new_session(command: &mut Command) {
    // SAFETY: `setsid` is async-signal-safe, and the closure touches no memory of the parent.
    unsafe {
        command.pre_exec(|| {
            nix::unistd::setsid()?;
            Ok(())
        });
    }
}

/// Makes the child a session leader as [`new_session`] does, with a new pseudo-terminal of `size`
/// as its controlling terminal, stdin, stdout and stderr. Returns the master end: what is written
/// there is typed, what the child prints is read there.
///
/// The command itself keeps the other end open: drop it after `spawn`, or the master never hears
/// the end (`EIO`, which means that the last process with the terminal open is gone).
///
/// # Errors
/// When there is no pseudo-terminal to be had (`/dev/ptmx` is missing, or out of descriptors).
pub fn with_tty(command: &mut Command, size: Size) -> io::Result<OwnedFd> {
    let OpenptyResult { master, slave } = openpty(Some(&winsize(size)), None)?;
    close_on_exec(&master)?;
    close_on_exec(&slave)?;
    command
        .stdin(Stdio::from(slave.try_clone()?))
        .stdout(Stdio::from(slave.try_clone()?))
        .stderr(Stdio::from(slave));
    // SAFETY: both calls are async-signal-safe, and the closure touches no memory of the parent;
    // std has made the terminal stdin by the time it runs.
    unsafe {
        command.pre_exec(|| {
            nix::unistd::setsid()?;
            Errno::result(libc::ioctl(0, libc::TIOCSCTTY, 0))?;
            Ok(())
        });
    }
    Ok(master)
}

/// Tells a terminal its new size; its foreground processes get `SIGWINCH`.
///
/// # Errors
/// When `master` is not the master of a terminal.
pub fn resize(master: &impl AsFd, size: Size) -> io::Result<()> {
    let size = winsize(size);
    // SAFETY: TIOCSWINSZ reads one `winsize`, which lives until the call returns.
    let done = unsafe {
        libc::ioctl(
            master.as_fd().as_raw_fd(),
            libc::TIOCSWINSZ,
            &raw const size,
        )
    };
    Errno::result(done)?;
    Ok(())
}

/// Sends `signal` to every process of the group that `pid` leads.
///
/// # Errors
/// `ESRCH` when nobody is left in it, `EINVAL` for a pid that is not a group's (0, 1, negative).
pub fn kill_group(pid: i32, signal: Signal) -> io::Result<()> {
    if pid <= 1 {
        return Err(io::Error::from_raw_os_error(libc::EINVAL));
    }
    Ok(nix::sys::signal::killpg(Pid::from_raw(pid), signal)?)
}

fn winsize(size: Size) -> Winsize {
    Winsize {
        ws_row: size.rows,
        ws_col: size.columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    }
}

fn close_on_exec(fd: &OwnedFd) -> io::Result<()> {
    use nix::fcntl::{FcntlArg, FdFlag, fcntl};
    fcntl(fd, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))?;
    Ok(())
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "what is tested is how processes start and end"
)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::io::{ErrorKind, Read};
    use std::os::unix::process::ExitStatusExt;

    #[test]
    fn a_session_leader_leads_its_group() {
        let mut command = Command::new("sh");
        command.args(["-c", "ps -o pgid=,sid= -p $$; kill -0 -$$"]);
        command.stdout(Stdio::piped());
        new_session(&mut command);
        let child = command.spawn().unwrap();
        let pid = child.id().to_string();
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success());
        assert!(text.split_whitespace().all(|id| id == pid), "{text} {pid}");
    }

    #[test]
    fn a_signal_reaches_the_whole_group() {
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 1000 & echo ready; wait"]);
        command.stdout(Stdio::piped());
        new_session(&mut command);
        let mut child = command.spawn().unwrap();
        let mut stdout = child.stdout.take().unwrap();
        let mut ready = [0; 6];
        stdout.read_exact(&mut ready).unwrap();
        kill_group(child.id().try_into().unwrap(), Signal::SIGKILL).unwrap();
        // The end of the pipe is heard only when the background sleep is gone too.
        stdout.read_to_end(&mut Vec::new()).unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(libc::SIGKILL));
    }

    #[test]
    fn no_signal_goes_to_everybody() {
        for pid in [1, 0, -1, -77] {
            let error = kill_group(pid, Signal::SIGTERM).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::EINVAL));
        }
    }

    #[test]
    fn a_child_with_a_tty_controls_it_and_knows_its_size() {
        let mut command = Command::new("sh");
        command.args([
            "-c",
            "tty; stty size </dev/tty; test -t 0 && test -t 1 && test -t 2",
        ]);
        let size = Size {
            rows: 33,
            columns: 99,
        };
        let master = with_tty(&mut command, size).unwrap();
        let mut child = command.spawn().unwrap();
        drop(command);
        let text = read_to_hangup(master);
        assert!(child.wait().unwrap().success(), "{text}");
        assert!(text.contains("33 99"), "{text}");
    }

    #[test]
    fn a_resized_tty_tells_its_child() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo ready; read line; stty size"]);
        let master = with_tty(&mut command, Size::default()).unwrap();
        let mut child = command.spawn().unwrap();
        drop(command);
        let size = Size {
            rows: 5,
            columns: 40,
        };
        resize(&master, size).unwrap();
        nix::unistd::write(&master, b"\n").unwrap();
        let text = read_to_hangup(master);
        assert!(child.wait().unwrap().success());
        assert!(text.contains("5 40"), "{text}");
    }

    fn read_to_hangup(master: OwnedFd) -> String {
        let mut text = Vec::new();
        if let Err(error) = File::from(master).read_to_end(&mut text) {
            assert_eq!(error.kind(), io::Error::from_raw_os_error(libc::EIO).kind());
            assert_ne!(error.kind(), ErrorKind::Interrupted);
        }
        String::from_utf8_lossy(&text).into_owned()
    }
}
