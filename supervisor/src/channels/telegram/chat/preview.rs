//! What is known of a turn whose answer grows, and when something of it is due to be shown. Pure,
//! with the time handed in.

use crate::channels::telegram::{Origin, Place};
use crate::message::{Began, Outbound};
use ipc::control::Activity;
use ipc::id::TurnId;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// So many characters are worth showing at once.
const ENOUGH: usize = 30;
/// Fewer are shown after this time.
const PATIENCE: Duration = Duration::from_secs(1);
/// A tool that is done sooner is not worth a word.
const QUICK: Duration = Duration::from_millis(700);
/// The least time between two edits of a message.
const GAP: Duration = Duration::from_secs(1);
/// The same in a group, after the first few: it takes few messages a minute.
const GROUP_GAP: Duration = Duration::from_secs(5);
/// Edits of a group's message that are made at [`GAP`].
const GROUP_FIRST: u32 = 3;
/// A draft that did not change is shown again after this time: the server forgets it.
const DRAFT_FADES: Duration = Duration::from_secs(20);
/// Longest text that is kept of an answer that grows, in bytes; no message shows as much.
const MAX_TEXT: usize = 256 * 1024;
/// Tool calls that a list of them shows: the newest.
const MAX_TOOLS: usize = 8;
/// How long a message that was given to a session is thought to be about to be answered.
const SOON: Duration = Duration::from_secs(60);

/// A session, as seen from one chat.
#[derive(Debug, Default)]
pub(super) struct Preview {
    running: Option<Running>,
    /// A turn runs, whoever is answered.
    busy: bool,
    expected: Option<(Place, Instant)>,
    begun: u64,
}

/// A turn that is answered here.
#[derive(Debug)]
pub(super) struct Running {
    /// Which one of those seen: a session that begins anew counts its turns from one.
    pub(super) nth: u64,
    /// The turn.
    pub(super) turn: TurnId,
    /// The message it answers.
    pub(super) origin: Origin,
    /// The answer so far, in Markdown.
    pub(super) text: String,
    since: Instant,
    text_since: Option<Instant>,
    tools: VecDeque<Tool>,
    texts: u64,
    steps: u64,
}

/// A tool call of the turn.
#[derive(Debug)]
struct Tool {
    name: String,
    detail: String,
    since: Instant,
    verdict: Option<String>,
}

/// What was shown, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shown {
    /// What of the text it was.
    texts: u64,
    /// What of the tools.
    steps: u64,
    /// With which tool's line.
    status: Option<String>,
    /// When.
    at: Instant,
    /// How often before.
    edits: u32,
}

/// How something is shown that grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// As a message that is edited.
    Message {
        /// In a group.
        group: bool,
    },
    /// As the server's own draft.
    Draft,
    /// As a list of what is done.
    List {
        /// In a group.
        group: bool,
    },
}

impl Preview {
    /// A message was given to the session from here.
    pub(super) fn expect(&mut self, place: &Place, now: Instant) {
        self.expected = Some((place.clone(), now));
    }

    /// What the session was doing when it began to be watched.
    pub(super) fn take_up(
        &mut self,
        chat: (&str, i64),
        began: Option<&Began>,
        draft: &str,
        now: Instant,
    ) {
        match began {
            None => self.end(),
            Some(began) => {
                self.begin(chat, began, now);
                if let Some(running) = &mut self.running {
                    running.text.clear();
                    running.grow(draft, now);
                }
            }
        }
    }

    /// Something the session said. `chat` is the account and the chat we look from.
    pub(super) fn hear(&mut self, chat: (&str, i64), said: &Outbound, now: Instant) {
        match said {
            Outbound::Began(began) => self.begin(chat, began, now),
            Outbound::Final(_) => self.end(),
            Outbound::Delta(text) => {
                if let Some(running) = &mut self.running {
                    running.grow(text, now);
                }
            }
            Outbound::Undelta => {
                if let Some(running) = &mut self.running {
                    running.text.clear();
                    running.text_since = None;
                    running.texts += 1;
                }
            }
            Outbound::Activity(activity) => {
                if let Some(running) = &mut self.running {
                    running.does(activity, now);
                }
            }
        }
    }

    /// The turn that is answered here.
    pub(super) fn running(&self) -> Option<&Running> {
        self.running.as_ref()
    }

    /// Where somebody waits for a word: while their turn runs, and shortly before.
    pub(super) fn waits(&self, now: Instant) -> Option<&Place> {
        if let Some(running) = &self.running {
            return Some(&running.origin.place);
        }
        let expected = self.expected.as_ref();
        let soon = expected.filter(|(_, since)| now < *since + SOON && !self.busy);
        soon.map(|(place, _)| place)
    }

    /// Whether something is likely to happen here.
    pub(super) fn is_alive(&self, now: Instant) -> bool {
        let expected = self.expected.as_ref();
        self.busy || expected.is_some_and(|(_, since)| now < *since + SOON)
    }

    fn begin(&mut self, (account, chat): (&str, i64), began: &Began, now: Instant) {
        self.busy = true;
        let origin = serde_json::from_value::<Origin>(began.target.clone()).ok();
        let ours = |origin: &Origin| origin.place.account == account && origin.place.chat == chat;
        let Some(origin) = origin.filter(|o| began.channel == super::CHANNEL && ours(o)) else {
            self.running = None;
            return;
        };
        self.expected = None;
        match &mut self.running {
            // Taken up again by another agent process.
            Some(running) if running.turn == began.turn => running.tools.clear(),
            Some(_) | None => {
                self.begun += 1;
                self.running = Some(Running {
                    nth: self.begun,
                    turn: began.turn,
                    origin,
                    text: String::new(),
                    since: now,
                    text_since: None,
                    tools: VecDeque::new(),
                    texts: 0,
                    steps: 0,
                });
            }
        }
    }

    fn end(&mut self) {
        self.running = None;
        self.busy = false;
    }
}

impl Shown {
    /// Whether both are of the same state of things.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let state = |shown: &Self| (shown.texts, shown.steps, shown.status.clone());
        state(self) == state(other)
    }
}

impl Running {
    /// When there is something new to show; `None` as long as nothing changes.
    pub(super) fn due(&self, shown: Option<&Shown>, way: Way) -> Option<Instant> {
        match way {
            Way::List { group } => self.list_due(shown, group),
            Way::Message { group } => self.text_due(shown, group),
            Way::Draft => {
                let fades = shown.map(|shown| shown.at + DRAFT_FADES);
                // Without a word it says that there will be some.
                let first = shown.is_none().then_some(self.since);
                [first, self.text_due(shown, false), fades]
                    .into_iter()
                    .flatten()
                    .min()
            }
        }
    }

    /// What is shown now, for [`Shown`].
    pub(super) fn shown(&self, before: Option<&Shown>, now: Instant) -> Shown {
        Shown {
            texts: self.texts,
            steps: self.steps,
            status: self.status(now),
            at: now,
            edits: before.map_or(0, |shown| shown.edits + 1),
        }
    }

    /// The line about the tool that runs: `exec: pip install …`.
    pub(super) fn status(&self, now: Instant) -> Option<String> {
        let tool = self.runs().filter(|tool| now >= tool.since + QUICK)?;
        Some(tool.line())
    }

    /// What was done so far, a line each, with whether it is over.
    pub(super) fn done(&self) -> impl Iterator<Item = (String, Option<bool>)> {
        self.tools.iter().map(|tool| {
            let well = tool.verdict.as_deref().map(|verdict| verdict == "ok");
            (tool.line(), well)
        })
    }

    /// Whether a tool runs: what was said before it is a whole.
    pub(super) fn works(&self) -> bool {
        self.runs().is_some()
    }

    fn runs(&self) -> Option<&Tool> {
        self.tools.iter().rev().find(|tool| tool.verdict.is_none())
    }

    fn text_due(&self, shown: Option<&Shown>, group: bool) -> Option<Instant> {
        let line = self.runs();
        let Some(shown) = shown else {
            let text = self.text_since.map(|since| {
                let enough = self.text.chars().nth(ENOUGH - 1).is_some();
                since + if enough { Duration::ZERO } else { PATIENCE }
            });
            let line = line.map(|tool| tool.since + QUICK);
            return [text, line].into_iter().flatten().min();
        };
        let next = shown.at + gap(shown.edits, group);
        let line_due = match (line, &shown.status) {
            (None, None) => None,
            (None, Some(_)) => Some(next),
            (Some(tool), status) => {
                let other = status.as_deref() != Some(&tool.line());
                other.then(|| next.max(tool.since + QUICK))
            }
        };
        let text_due = (shown.texts != self.texts && !self.text.is_empty()).then_some(next);
        [text_due, line_due].into_iter().flatten().min()
    }

    fn list_due(&self, shown: Option<&Shown>, group: bool) -> Option<Instant> {
        match shown {
            None => Some(match self.tools.front() {
                Some(tool) => tool.since.min(self.since + PATIENCE),
                None => self.since + PATIENCE,
            }),
            Some(shown) => (shown.steps != self.steps).then(|| shown.at + gap(shown.edits, group)),
        }
    }

    fn grow(&mut self, text: &str, now: Instant) {
        if self.text.len() + text.len() > MAX_TEXT || text.is_empty() {
            return;
        }
        self.text.push_str(text);
        self.texts += 1;
        if !self.text.trim().is_empty() {
            self.text_since.get_or_insert(now);
        }
    }

    fn does(&mut self, activity: &Activity, now: Instant) {
        match activity {
            Activity::ToolBegan { tool, detail } => {
                if self.tools.len() == MAX_TOOLS {
                    self.tools.pop_front();
                }
                self.tools.push_back(Tool {
                    name: tool.clone(),
                    detail: detail.clone(),
                    since: now,
                    verdict: None,
                });
                self.steps += 1;
            }
            Activity::ToolEnded { tool, verdict } => {
                let same = |open: &&mut Tool| open.verdict.is_none() && open.name == *tool;
                if let Some(open) = self.tools.iter_mut().find(same) {
                    open.verdict = Some(verdict.clone());
                    self.steps += 1;
                }
            }
            Activity::ApprovalAsked(_) | Activity::ApprovalEnded(_) | Activity::Notice { .. } => {}
        }
    }
}

impl Tool {
    /// One line, not a long one.
    fn line(&self) -> String {
        let detail = self.detail.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut short: String = detail.chars().take(60).collect();
        if short.len() < detail.len() {
            short.push('…');
        }
        match short.is_empty() {
            true => self.name.clone(),
            false => format!("{}: {short}", self.name),
        }
    }
}

fn gap(edits: u32, group: bool) -> Duration {
    if group && edits >= GROUP_FIRST {
        GROUP_GAP
    } else {
        GAP
    }
}

#[cfg(test)]
mod tests;
