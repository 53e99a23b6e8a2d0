//! Any syscall by its number, for attempts that no library makes.
#![expect(
    unsafe_code,
    reason = "calls that no library makes with senseless arguments; a SAFETY line each"
)]

use libc::c_long;
use nix::errno::Errno;
use std::ffi::CStr;
use std::os::fd::{FromRawFd as _, OwnedFd};
use std::ptr;

/// One argument of a syscall.
#[derive(Debug)]
pub(super) enum Word<'a> {
    /// A number: never an address.
    Number(i64),
    /// Where a text is.
    Text(&'a CStr),
    /// Where there is room for the kernel to write, with bytes it may read first. The caller sees to
    /// it that the kernel takes it for no longer than it is.
    Room(&'a mut [u8]),
    /// An address where nothing is.
    Nowhere,
}

/// A number as an argument.
pub(super) fn number(number: impl Into<i64>) -> Word<'static> {
    Word::Number(number.into())
}

/// Makes the call.
pub(super) fn call<const COUNT: usize>(
    which: c_long,
    words: [Word<'_>; COUNT],
) -> Result<(), Errno> {
    answer(which, words).map(drop)
}

/// Makes the call, and returns what it returns.
pub(super) fn answer<const COUNT: usize>(
    which: c_long,
    words: [Word<'_>; COUNT],
) -> Result<i64, Errno> {
    let mut raw = [0_i64; 6];
    for (raw, word) in raw.iter_mut().zip(words) {
        *raw = match word {
            Word::Number(number) => number,
            Word::Text(text) => text.as_ptr().expose_provenance().cast_signed() as i64,
            Word::Room(room) => room.as_mut_ptr().expose_provenance().cast_signed() as i64,
            Word::Nowhere => 0,
        };
    }
    let [a, b, c, d, e, f] = raw;
    // SAFETY: an address among the arguments is null, or that of a text or room which is borrowed
    // until this returns, and which the caller made as long as the call takes it for.
    let done = unsafe { libc::syscall(which, a, b, c, d, e, f) };
    Errno::result(done)
}

/// Makes a call that returns a descriptor.
pub(super) fn descriptor<const COUNT: usize>(
    which: c_long,
    words: [Word<'_>; COUNT],
) -> Result<OwnedFd, Errno> {
    let fd = answer(which, words)?;
    // SAFETY: a descriptor the kernel just returned is nobody else's.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
}

/// A plain structure of numbers, as the bytes the kernel wants.
pub(super) fn bytes(numbers: &[u64]) -> Vec<u8> {
    numbers
        .iter()
        .flat_map(|number| number.to_ne_bytes())
        .collect()
}

/// Asks for its own pid by the calls of the 32-bit architecture, which a filter by the numbers of
/// this one would take for others.
#[cfg(target_arch = "x86_64")]
pub(super) fn old_call() -> Result<(), Errno> {
    const GETPID: i32 = 20;
    let answer: i32;
    // SAFETY: the call takes no argument and changes nothing but the register its answer is in.
    unsafe {
        std::arch::asm!("int 0x80", inlateout("eax") GETPID => answer, out("r8") _, out("r9") _,
            out("r10") _, out("r11") _, options(nostack));
    }
    if answer > 0 {
        Ok(())
    } else {
        Err(Errno::from_raw(-answer))
    }
}

/// There is no such thing here.
#[cfg(not(target_arch = "x86_64"))]
pub(super) fn old_call() -> Result<(), Errno> {
    Err(Errno::ENOSYS)
}

/// Attaches the System V segment `id` of somebody else.
pub(super) fn attach(id: i32) -> Result<(), Errno> {
    // SAFETY: the kernel chooses where; nothing there is read or written.
    let at = unsafe { libc::shmat(id, ptr::null(), 0) };
    if at.addr() == usize::MAX {
        return Err(Errno::last());
    }
    // SAFETY: it was attached above, and nothing points into it.
    Errno::result(unsafe { libc::shmdt(at) }).map(drop)
}
