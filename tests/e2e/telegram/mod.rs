//! Telegram, as people use it: a real gateway, and a Bot API that is as strict as the real one.

mod crash;
mod flow;
mod receive;
mod seen;
