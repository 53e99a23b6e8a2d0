//! The toolbox as the supervisor sees it: the real program over a socketpair, with real shells,
//! terminals and files.

mod harness;

mod exec;
mod files;
mod link;
mod process;
