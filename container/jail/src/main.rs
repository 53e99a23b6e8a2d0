//! `openclaw-jail`: reads a spec from stdin, builds the walls it describes, runs its program in
//! them, and ends as that ends. Started by the gateway, not by hand.
//!
//! It is started once a tool call, so it does without what the standard library prepares for a
//! program with threads: that reads `/proc`, and takes as long as some of the walls.
#![no_main]

use std::ffi::{c_char, c_int};

/// What the C library calls; `std::env::args` has the arguments.
#[expect(unsafe_code, reason = "the name is what the C library calls")]
// SAFETY: no other function of the program has this name, and the C library calls it as declared.
#[unsafe(no_mangle)]
extern "C" fn main(_count: c_int, _arguments: *const *const c_char) -> c_int {
    c_int::from(jail::enter::enter())
}
