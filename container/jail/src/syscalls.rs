//! Lists of syscalls, one a role: data in `syscalls/*.json`, made into tables by `build.rs`.

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It happens.
    Allow,
    /// It fails with this error number.
    Errno(u16),
    /// It waits for whoever holds the filter's listener: [`crate::notify`].
    Notify,
}

/// One role's list. The first rule that fits a call decides.
#[derive(Debug)]
pub(crate) struct List {
    /// What becomes of a call that no rule fits.
    pub(crate) otherwise: Answer,
    /// In the file's order.
    pub(crate) rules: &'static [Rule],
}

/// A call, when the rule fits it, and what becomes of it then.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rule {
    /// The syscall's number.
    pub(crate) call: u32,
    /// Conditions that all have to hold.
    pub(crate) when: &'static [Condition],
    /// What becomes of it.
    pub(crate) answer: Answer,
}

/// A look at one argument.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Condition {
    /// Which one, from 0.
    pub(crate) argument: u8,
    /// Whether at its upper half, not its lower.
    pub(crate) upper: bool,
    /// Bits of that half to look at.
    pub(crate) mask: u32,
    /// What they must be.
    pub(crate) test: Test,
}

/// What an argument must be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Test {
    /// One of these.
    OneOf(&'static [u32]),
    /// None of these.
    NoneOf(&'static [u32]),
    /// Has at least one of these bits.
    AnyBit(u32),
    /// Has none of these bits.
    NoBit(u32),
}

include!(concat!(env!("OUT_DIR"), "/syscalls.rs"));
