//! Whatever dies, whenever it dies, nothing is lost and nothing happens twice.
//!
//! A loop over states: one story for every state a turn can be in, and in each story everything
//! that can be killed there, one after the other, and twice in a row where the state comes again.
//!
//! | state | story in |
//! |---|---|
//! | accepted: no process, a process that is not ready, behind another turn, being taken up again | [`accepted`] |
//! | the model thinks, speaks, writes its memory, sums up; its last word is stored | [`thinking`] |
//! | calls stored, begun, side by side, ended, ended and not told, in the background | [`acting`] |
//! | the reply is in the outbox, delivered | [`answered`] |
//! | wherever it happens to be | [`storm`] |
//! | nothing can be stored | [`starved`] |
//! | everything dies again and again | [`giving_up`] |
//!
//! After each kill, [`stage`] sees that
//!
//! - the message is answered once, in the script's own words, and the same key brings that answer
//!   again;
//! - what a tool did was done once, and the model is told how it ended, or that nobody knows;
//! - the conversation is one a provider would take (the fake model watches that on every request);
//! - another session's turn goes on beside it as if nothing had been;
//! - a killed supervisor leaves no process.

mod accepted;
mod acting;
mod answered;
mod giving_up;
mod stage;
mod start;
mod starved;
mod storm;
mod thinking;
mod victim;
