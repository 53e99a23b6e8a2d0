//! The thread all doors are answered on, begun with the first of them.
//!
//! A thread of its own: a tool that talks much takes no turns from sessions and their models. And one
//! alone, which looks for news only when it has nothing to do; of several, those that have nothing
//! to do are woken for every packet that the busy one is at already.

use std::io;
use std::sync::{Mutex, PoisonError};
use tokio::runtime::{Builder, Handle};

static THREAD: Mutex<Option<Handle>> = Mutex::new(None);

/// A handle to the thread, which never ends.
///
/// # Errors
/// When the system has no thread to give.
pub(super) fn handle() -> io::Result<Handle> {
    let mut thread = THREAD.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(handle) = &*thread {
        return Ok(handle.clone());
    }
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let handle = thread.insert(runtime.handle().clone()).clone();
    let forever = move || runtime.block_on(std::future::pending::<()>());
    if let Err(error) = std::thread::Builder::new()
        .name("egress".into())
        .spawn(forever)
    {
        *thread = None;
        return Err(error);
    }
    Ok(handle)
}
