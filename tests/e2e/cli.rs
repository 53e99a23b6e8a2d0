//! The command line, as people and scripts use it.

mod words;
mod agent;
mod chat;
mod commands;
mod sessions;
mod models;
mod own;
mod channels;
mod socket;
mod top;
