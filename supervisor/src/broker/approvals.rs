//! Commands that wait for a person's word: the questions of all sessions, and who answers them.
//!
//! A question is answered once, by whoever is first, and everyone who watches its session hears of
//! it. Silence is a no: so are a turn that ends, and a gateway that does. Decides nothing itself.

use crate::message::Outbound;
use ipc::approval::{ApprovalDecision, ApprovalEnd, ApprovalRequest};
use ipc::control::Activity;
use ipc::id::SessionKey;
use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{broadcast, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Ended questions that are remembered, so that a second answer hears of the first.
const REMEMBERED: usize = 256;
/// Letters and digits of a question's name.
const NAME: usize = 8;

/// The questions of all sessions. Clones are of the same ones.
#[derive(Debug, Clone, Default)]
pub struct Approvals {
    desk: Arc<Mutex<Desk>>,
}

#[derive(Debug, Default)]
struct Desk {
    waiting: BTreeMap<String, Waiting>,
    ended: VecDeque<(SessionKey, ApprovalEnd)>,
}

#[derive(Debug)]
struct Waiting {
    request: ApprovalRequest,
    word: oneshot::Sender<Word>,
    watchers: broadcast::Sender<Arc<Outbound>>,
}

/// What is to be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Whose command.
    pub session: SessionKey,
    /// The command, whole.
    pub command: String,
    /// Where it would run, relative to the workspace.
    pub workdir: String,
    /// Why a person is asked, in words.
    pub reason: String,
    /// Whether it would run in the wider walls.
    pub elevated: bool,
    /// The program that would have to be on the allow-list for nobody to be asked.
    pub program: Option<PathBuf>,
    /// How long it waits.
    pub within: Duration,
}

/// A person's word, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// The word.
    pub decision: ApprovalDecision,
    /// `cli`, or a channel and its sender.
    pub by: String,
}

/// How waiting ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// With a word.
    Word(Word),
    /// Nobody gave one in time.
    Nobody,
    /// The turn was cancelled.
    Cancelled,
}

/// An answer that does nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// Nothing of that name waits.
    #[error("nothing waits for approval as {0:?}; openclaw approvals shows what does")]
    Unknown(String),
    /// Several do.
    #[error("{0:?} could be any of {1}; say more of it")]
    Ambiguous(String, String),
    /// It had its answer.
    #[error("{} waits no more: {}", .0.id, ended(.0))]
    Ended(ApprovalEnd),
    /// There is no program that could be allowed for good.
    #[error(
        "{0} can not be allowed always: it is more than one program, or one that would allow \
         everything; allow it once, or put its program into exec-approvals.json by hand"
    )]
    NoProgram(String),
}

/// A question that waits. Dropped, it waits no more.
#[derive(Debug)]
pub struct Asked {
    /// As people see it.
    pub request: ApprovalRequest,
    word: oneshot::Receiver<Word>,
    until: Instant,
    approvals: Approvals,
}

impl Approvals {
    /// Asks. Everyone at `watchers` hears of the question now, and of its end.
    #[must_use]
    pub fn ask(&self, question: Question, watchers: broadcast::Sender<Arc<Outbound>>) -> Asked {
        let Question {
            session,
            command,
            workdir,
            reason,
            elevated,
            program,
            within,
        } = question;
        let now = jiff::Timestamp::now().as_millisecond();
        let mut desk = self.desk();
        let request = ApprovalRequest {
            id: desk.free_name(),
            session,
            command,
            workdir,
            reason,
            elevated,
            program: program.map(|path| path.display().to_string()),
            asked_at: now,
            expires_at: now.saturating_add(i64::try_from(within.as_millis()).unwrap_or(i64::MAX)),
        };
        let (sender, word) = oneshot::channel();
        // A session nobody watches is asked about as well: `openclaw approvals` shows it.
        let _ = watchers.send(activity(Activity::ApprovalAsked(request.clone())));
        let waiting = Waiting {
            request: request.clone(),
            word: sender,
            watchers,
        };
        desk.waiting.insert(request.id.clone(), waiting);
        drop(desk);
        Asked {
            request,
            word,
            until: Instant::now() + within,
            approvals: self.clone(),
        }
    }

    /// What waits, the oldest first; in one session, or in all.
    #[must_use]
    pub fn waiting(&self, session: Option<&SessionKey>) -> Vec<ApprovalRequest> {
        let desk = self.desk();
        let all = desk.waiting.values().map(|waiting| &waiting.request);
        let of = all.filter(|request| session.is_none_or(|key| request.session == *key));
        let mut requests: Vec<_> = of.cloned().collect();
        requests.sort_by(|a, b| (a.asked_at, &a.id).cmp(&(b.asked_at, &b.id)));
        requests
    }

    /// Answers the question whose name begins with `id`; one of `session` alone, where it is given.
    /// What else of the same session waits for the same program is answered by an allow-always, too.
    ///
    /// # Errors
    /// [`NoAnswer`]; nothing has changed then.
    pub fn answer(
        &self,
        id: &str,
        session: Option<&SessionKey>,
        word: &Word,
    ) -> Result<ApprovalRequest, NoAnswer> {
        let mut desk = self.desk();
        let name = desk.name(id, session)?;
        let Some(request) = desk.waiting.get(&name).map(|w| w.request.clone()) else {
            return Err(NoAnswer::Unknown(id.to_owned()));
        };
        if word.decision == ApprovalDecision::AllowAlways {
            if request.program.is_none() {
                return Err(NoAnswer::NoProgram(name));
            }
            let once = Word {
                decision: ApprovalDecision::AllowOnce,
                by: word.by.clone(),
            };
            for other in desk.alike(&request) {
                desk.end(&other, Some(&once));
            }
        }
        desk.end(&name, Some(word));
        Ok(request)
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Desk {
    fn free_name(&self) -> String {
        loop {
            let mut name = uuid::Uuid::new_v4().simple().to_string();
            name.truncate(NAME);
            let was = |(_, end): &(SessionKey, ApprovalEnd)| end.id == name;
            if !self.waiting.contains_key(&name) && !self.ended.iter().any(was) {
                return name;
            }
        }
    }

    /// The one question that waits and whose name begins so.
    fn name(&self, id: &str, session: Option<&SessionKey>) -> Result<String, NoAnswer> {
        let said = id.trim().to_ascii_lowercase();
        let unknown = || NoAnswer::Unknown(id.to_owned());
        if said.is_empty() {
            return Err(unknown());
        }
        let here = |key: &SessionKey| session.is_none_or(|session| session == key);
        let named = self.waiting.values().filter(|waiting| {
            waiting.request.id.starts_with(&said) && here(&waiting.request.session)
        });
        let names: Vec<&str> = named.map(|waiting| waiting.request.id.as_str()).collect();
        match names.as_slice() {
            [name] => Ok((*name).to_owned()),
            [] => {
                let mut ended = self.ended.iter().rev();
                let ended = ended.find(|(key, end)| end.id.starts_with(&said) && here(key));
                Err(ended.map_or_else(unknown, |(_, end)| NoAnswer::Ended(end.clone())))
            }
            several => Err(NoAnswer::Ambiguous(id.to_owned(), several.join(", "))),
        }
    }

    /// What else the program of `request` would answer.
    fn alike(&self, request: &ApprovalRequest) -> Vec<String> {
        let alike = |other: &&ApprovalRequest| {
            other.id != request.id
                && other.session == request.session
                && other.program == request.program
                && other.elevated == request.elevated
        };
        let all = self.waiting.values().map(|waiting| &waiting.request);
        all.filter(alike).map(|other| other.id.clone()).collect()
    }

    /// Ends a question that waits, and tells whoever watches.
    fn end(&mut self, name: &str, word: Option<&Word>) {
        let Some(Waiting {
            request,
            word: sender,
            watchers,
        }) = self.waiting.remove(name)
        else {
            return;
        };
        let end = ApprovalEnd {
            id: request.id,
            decision: word.map(|word| word.decision),
            by: word.map(|word| word.by.clone()).unwrap_or_default(),
        };
        if let Some(word) = word {
            // Who asked may have gone with its turn at this very moment.
            let _ = sender.send(word.clone());
        }
        let _ = watchers.send(activity(Activity::ApprovalEnded(end.clone())));
        self.ended.push_back((request.session, end));
        if self.ended.len() > REMEMBERED {
            self.ended.pop_front();
        }
    }
}

impl Asked {
    /// Waits for the word, for as long as the question does.
    pub async fn heard(mut self, cancel: &CancellationToken) -> Heard {
        let otherwise = tokio::select! {
            biased;
            word = &mut self.word => return word.map_or(Heard::Nobody, Heard::Word),
            () = cancel.cancelled() => Heard::Cancelled,
            () = tokio::time::sleep_until(self.until) => Heard::Nobody,
        };
        self.approvals.desk().end(&self.request.id, None);
        // A word that came at that very moment counts: who gave it was told so.
        self.word.try_recv().map_or(otherwise, Heard::Word)
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        self.approvals.desk().end(&self.request.id, None);
    }
}

fn activity(activity: Activity) -> Arc<Outbound> {
    Arc::new(Outbound::Activity(activity))
}

fn ended(end: &ApprovalEnd) -> String {
    let by = &end.by;
    match end.decision {
        Some(ApprovalDecision::AllowOnce) => format!("allowed once by {by}"),
        Some(ApprovalDecision::AllowAlways) => format!("allowed always by {by}"),
        Some(ApprovalDecision::Deny) => format!("denied by {by}"),
        None => "nobody answered in time, or its turn ended".to_owned(),
    }
}

#[cfg(test)]
mod tests;
