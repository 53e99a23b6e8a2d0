//! What goes wrong because the test wants it to.

use crate::model::Gate;
use std::collections::VecDeque;

/// Something that goes wrong with one request.
#[derive(Debug, Clone)]
pub enum Fault {
    /// 429: too many requests, wait so many seconds.
    TooMany(u64),
    /// 409: somebody else polls.
    Conflict,
    /// 409: there is a webhook.
    ConflictWebhook,
    /// 401: the token is none.
    Unauthorized,
    /// 502, with a page in the place of an answer.
    BadGateway,
    /// The connection is lost before anything was done.
    Drop,
    /// It was done; the connection is lost before the answer.
    DropAfter,
    /// Nothing is done before the gate opens.
    Slow(Gate),
    /// It is done; the answer waits for the gate.
    SlowAfter(Gate),
    /// Refused, with this status and description.
    Refused(u16, String),
}

/// Faults that are due.
#[derive(Debug, Default)]
pub(super) struct Faults {
    due: VecDeque<Due>,
}

#[derive(Debug)]
struct Due {
    method: String,
    times: usize,
    fault: Fault,
}

impl Faults {
    pub(super) fn add(&mut self, method: &str, times: usize, fault: Fault) {
        let method = method.to_ascii_lowercase();
        self.due.push_back(Due {
            method,
            times,
            fault,
        });
    }

    pub(super) fn clear(&mut self) {
        self.due.clear();
    }

    /// The fault of a request, which is used up by it.
    pub(super) fn take(&mut self, method: &str) -> Option<Fault> {
        let fits = |due: &Due| due.method == "*" || due.method.eq_ignore_ascii_case(method);
        let at = self.due.iter().position(fits)?;
        let due = &mut self.due[at];
        due.times -= 1;
        let fault = due.fault.clone();
        if due.times == 0 {
            self.due.remove(at);
        }
        Some(fault)
    }
}
