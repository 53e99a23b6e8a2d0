//! What an agent process does to itself before it reads a byte: afterwards it can think, and speak
//! over the socket it was born with, and nothing else.
//!
//! Called first thing in main, **before an async runtime is built**: it closes every descriptor
//! past stderr, and Landlock and seccomp hold for the calling thread and those it starts, of which
//! there are to be none. A tokio current-thread runtime can be built and run afterwards: what it
//! needs (epoll, eventfd, a socketpair for signals) is in `syscalls/agent.json`; `spawn_blocking`
//! and everything that starts a thread fails with `EPERM`. A forbidden call fails with `EPERM`
//! rather than kill, so that a probe can tell what it could not do.

use crate::error::{During, JailError};
use crate::landlock::{self, Rules};
use crate::limits::{harden, lower};
use crate::syscalls::{AGENT, Answer, Condition, Rule, Test};
use crate::{filter, privileges, sys};
use nix::sys::prctl;
use nix::sys::resource::Resource;
use nix::sys::signal::Signal;
use std::process;

/// How a process is to be sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seal {
    /// Descriptors it may have open at once.
    pub open_files: u64,
    /// Private memory it may have, in bytes.
    pub data_bytes: Option<u64>,
}

impl Default for Seal {
    fn default() -> Self {
        Self {
            open_files: 64,
            data_bytes: None,
        }
    }
}

/// What the seal is made of, where machines differ. Capabilities, limits, descriptors,
/// no_new_privs, core dumps and the syscall filter always hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sealed {
    /// The Landlock version in force; `None` where the kernel has none: then the syscall filter,
    /// which has no call that takes a path, holds alone.
    pub landlock: Option<i32>,
    /// Whether it was root and is nobody now.
    pub nobody: bool,
}

/// Seals this process for good.
///
/// # Errors
/// Any [`JailError`]: the process is half sealed then, and must end.
pub fn seal(seal: &Seal) -> Result<Sealed, JailError> {
    sys::close_from(3).during("close inherited descriptors")?;
    lower(Resource::RLIMIT_NOFILE, seal.open_files).during("lower a resource limit")?;
    if let Some(bytes) = seal.data_bytes {
        lower(Resource::RLIMIT_DATA, bytes).during("lower a resource limit")?;
    }
    privileges::empty_bounding_set()?;
    let nobody = privileges::become_nobody()?;
    privileges::drop_capabilities()?;
    privileges::no_new_privileges()?;
    // After the change of user, which makes a process dumpable by its own rules.
    harden().during("close core dumps")?;
    // A process that no longer reads its link does not hear that the other end is gone. After the
    // change of user as well, which forgets it.
    prctl::set_pdeathsig(Signal::SIGKILL).during("tie itself to its parent")?;
    let landlock = landlock::restrict(&Rules::default()).ok();
    let program = filter::compile(&[&AGENT], &[may_abort()]);
    sys::install_filter(&program).during("install the syscall filter")?;
    Ok(Sealed { landlock, nobody })
}

/// A process may abort itself, so that a panic is told from other ends.
fn may_abort() -> Rule {
    // Leaked: once a process, and it lives as long as the filter.
    let own = Box::leak(Box::new([process::id()]));
    let conditions = Box::leak(Box::new([
        Condition {
            argument: 0,
            upper: false,
            mask: u32::MAX,
            test: Test::OneOf(own),
        },
        Condition {
            argument: 2,
            upper: false,
            mask: u32::MAX,
            test: Test::OneOf(&[libc::SIGABRT as u32]),
        },
    ]));
    Rule {
        call: libc::SYS_tgkill as u32,
        when: conditions,
        answer: Answer::Allow,
    }
}
