//! What processes share without a file of the disk, laid for one probe.
#![expect(
    unsafe_code,
    reason = "System V's and POSIX's calls, which no library wraps; a SAFETY line each"
)]

use crate::attempts::Shared;
use libc::{IPC_CREAT, IPC_PRIVATE, IPC_RMID};
use nix::pty::{OpenptyResult, openpty};
use std::ffi::CString;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::{fs, ptr};

/// Open to every user, so that nothing but the walls is in the way. Removed when dropped. What this
/// machine does not have is left out.
#[derive(Debug)]
pub(super) struct SharedBait {
    shared: Shared,
    _terminal: Option<OpenptyResult>,
}

impl SharedBait {
    /// Where all of it is.
    pub(super) fn shared(&self) -> Shared {
        self.shared.clone()
    }

    /// Lays everything under a name that nobody else has.
    pub(super) fn lay(name: &str) -> Self {
        let mode = 0o666 | IPC_CREAT;
        // SAFETY: these take integers only.
        let (segment, queue, semaphores) = unsafe {
            (
                libc::shmget(IPC_PRIVATE, 4096, mode),
                libc::msgget(IPC_PRIVATE, mode),
                libc::semget(IPC_PRIVATE, 1, mode),
            )
        };
        let made = |id: i32| (id >= 0).then_some(id);
        for place in places(name) {
            let _ = fs::write(&place, "x");
            let _ = fs::set_permissions(place, Permissions::from_mode(0o666));
        }
        let has_queue = make_queue(name).is_some();
        let terminal = openpty(None, None).ok();
        let path = terminal
            .as_ref()
            .and_then(|pair| nix::unistd::ttyname(&pair.slave).ok());
        let path = path.unwrap_or_default().display().to_string();
        let _ = fs::set_permissions(&path, Permissions::from_mode(0o666));
        Self {
            shared: Shared {
                segment: made(segment),
                queue: made(queue),
                semaphores: made(semaphores),
                name: name.to_owned(),
                has_queue,
                terminal: path,
            },
            _terminal: terminal,
        }
    }
}

impl Drop for SharedBait {
    fn drop(&mut self) {
        let Shared {
            segment,
            queue,
            semaphores,
            name,
            ..
        } = &self.shared;
        for place in places(name) {
            let _ = fs::remove_file(place);
        }
        // SAFETY: IPC_RMID looks at no memory; a name is a C string that outlives the call.
        unsafe {
            if let Some(id) = segment {
                libc::shmctl(*id, IPC_RMID, ptr::null_mut());
            }
            if let Some(id) = queue {
                libc::msgctl(*id, IPC_RMID, ptr::null_mut());
            }
            if let Some(id) = semaphores {
                libc::semctl(*id, 0, IPC_RMID);
            }
            if let Ok(name) = CString::new(name.as_str()) {
                libc::syscall(libc::SYS_mq_unlink, name.as_ptr());
            }
        }
    }
}

fn places(name: &str) -> [PathBuf; 2] {
    ["/dev/shm", "/tmp"].map(|folder| PathBuf::from(folder).join(name))
}

/// A POSIX queue: like a file, it stays when its descriptor is closed.
fn make_queue(name: &str) -> Option<()> {
    let name = CString::new(name).ok()?;
    let how = libc::O_CREAT | libc::O_RDONLY | libc::O_CLOEXEC;
    // Room for one message of eight bytes: there is a limit on the sum.
    let attributes: [i64; 8] = [0, 1, 8, 0, 0, 0, 0, 0];
    // SAFETY: the name is a C string, and the attributes are eight numbers; both outlive the call.
    let fd = unsafe {
        libc::syscall(
            libc::SYS_mq_open,
            name.as_ptr(),
            how,
            0o666,
            attributes.as_ptr(),
        )
    };
    // SAFETY: the kernel has just made it, and nobody else knows it; -1 is nobody's.
    unsafe {
        libc::close(fd as i32);
    }
    (fd >= 0).then_some(())
}
