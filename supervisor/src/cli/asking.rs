//! Asking the person at the terminal for a word on a command, while its answer is being made.
//!
//! What else is heard goes on meanwhile: another client may be quicker, and then nothing is asked
//! any more.

use super::lines::{Lines, Wanted};
use super::{client::Client, out, request};
use crate::config::Paths;
use ipc::approval::{ApprovalDecision, ApprovalEnd, ApprovalRequest};
use ipc::control::ToSupervisor;
use std::collections::VecDeque;
use tokio::task::JoinSet;

/// Who can be asked here.
pub(super) struct Desk<'a> {
    /// The person's lines; `None` where nobody types.
    lines: Option<&'a mut Lines>,
    paths: Paths,
    waiting: VecDeque<ApprovalRequest>,
    /// Whether the first one that waits has been shown.
    shown: bool,
    /// Names that were heard of: a request may be told of twice.
    known: Vec<String>,
    /// Words on their way to the gateway.
    telling: JoinSet<()>,
}

impl<'a> Desk<'a> {
    /// Somebody who types, or nobody.
    pub(super) fn new(lines: Option<&'a mut Lines>, paths: &Paths) -> Self {
        Self {
            lines,
            paths: paths.clone(),
            waiting: VecDeque::new(),
            shown: false,
            known: Vec::new(),
            telling: JoinSet::new(),
        }
    }

    /// Whether somebody is being asked now.
    pub(super) fn is_asking(&self) -> bool {
        self.lines.is_some() && !self.waiting.is_empty()
    }

    /// A request; whether it is news.
    pub(super) fn asked(&mut self, request: &ApprovalRequest) -> bool {
        if self.known.contains(&request.id) {
            return false;
        }
        self.known.push(request.id.clone());
        if self.lines.is_some() {
            self.waiting.push_back(request.clone());
        }
        true
    }

    /// A request waits no more; what there is to say of that.
    pub(super) fn ended(&mut self, end: &ApprovalEnd) -> Option<String> {
        let first = self.waiting.front().is_some_and(|first| first.id == end.id);
        self.shown &= !first;
        self.waiting.retain(|request| request.id != end.id);
        (self.lines.is_none() || first).then(|| in_words(end))
    }

    /// The gateway went: what waited there waits no more.
    pub(super) fn forget(&mut self) {
        self.waiting.clear();
        self.known.clear();
        self.shown = false;
    }

    /// The person's word on the first request, passed on to the gateway. Ends only when there was
    /// one. May be dropped and called again.
    pub(super) async fn word(&mut self) {
        let (Some(lines), Some(request)) = (&mut self.lines, self.waiting.front()) else {
            return std::future::pending().await;
        };
        if !self.shown {
            out::tell(&question(request));
            self.shown = true;
        }
        let line = lines.next(Wanted::Word).await;
        // Who leaves, or types what is no text, has not said yes.
        let line = line.ok().flatten().unwrap_or_else(|| "n".to_owned());
        let Some(decision) = decision(&line, request) else {
            return out::tell(how(request));
        };
        let id = request.id.clone();
        self.waiting.pop_front();
        self.shown = false;
        let message = ToSupervisor::Approve { id, decision };
        self.telling.spawn(tell(self.paths.clone(), message));
    }
}

/// Gives the word to the gateway, over a connection of its own: on the first one the answer comes.
async fn tell(paths: Paths, message: ToSupervisor) {
    let told = async { Client::connect(&paths).await?.ask(&message).await };
    // Another client was quicker, or the time was up, or the gateway went.
    if let Err(error) = told.await {
        out::tell(&format!("({error})"));
    }
}

fn question(request: &ApprovalRequest) -> String {
    let what = request::what(request);
    format!("[{}] may this run?\n{what}\n{}", request.id, how(request))
}

fn how(request: &ApprovalRequest) -> &'static str {
    match request.program {
        Some(_) => "y: yes, this once; a: yes, and this program always; n: no",
        None => "y: yes, this once; n: no",
    }
}

fn decision(line: &str, request: &ApprovalRequest) -> Option<ApprovalDecision> {
    match line.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Some(ApprovalDecision::AllowOnce),
        "a" | "always" if request.program.is_some() => Some(ApprovalDecision::AllowAlways),
        "n" | "no" => Some(ApprovalDecision::Deny),
        _ => None,
    }
}

/// How a request ended, for whoever saw it asked.
fn in_words(end: &ApprovalEnd) -> String {
    let ApprovalEnd { id, decision, by } = end;
    match decision {
        Some(ApprovalDecision::AllowOnce) => format!("({id}: allowed once by {by})"),
        Some(ApprovalDecision::AllowAlways) => format!("({id}: allowed always by {by})"),
        Some(ApprovalDecision::Deny) => format!("({id}: denied by {by})"),
        None => format!("({id}: nobody answered; it did not run)"),
    }
}
