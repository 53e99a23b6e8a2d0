//! Telegram, as people use it: a real gateway, and a Bot API that is as strict as the real one.

mod answering;
mod approvals;
mod commands;
mod content;
mod crash;
mod flow;
mod groups;
mod hostile;
mod pairing;
mod receive;
mod seen;
mod text;
mod undelivered;
