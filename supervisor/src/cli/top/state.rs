//! What the table shows, as a pure function of what happened.
//!
//! ```text
//!            '/'               's' 't' 'K'
//!  Typing ◀───────── Table ─────────────────▶ Asking ──'y'──▶ Effect::Do
//!         ─Enter/Esc▶  │ ▲ ◀──any other key──
//!                  '?' ▼ │ any key
//!                      Help
//! ```
//!
//! The session chosen is known by its name, so that it stays the same one while rows move about.
//! What is asked about is what is done, whatever has become of the rows meanwhile.

use super::columns::ALL;
use super::detail;
use super::event::{Deed, Effect, Event, Heard, Key, Size};
use super::order::Order;
use ipc::id::{JobId, SessionKey};
use ipc::meter::{SessionInspect, SessionUsage, UsageReport};
use std::time::Duration;

/// How long a word about what was done stays.
const NOTICE_FOR: Duration = Duration::from_secs(6);
/// A gateway that says nothing for so long is no longer trusted to be there.
const QUIET_AFTER: Duration = Duration::from_secs(4);
/// What nobody filters by.
const LONGEST_FILTER: usize = 100;
/// On less nothing can be read.
pub(super) const SMALLEST: Size = Size {
    width: 40,
    height: 10,
};

/// What the table shows.
#[derive(Debug, Clone)]
pub(super) struct State {
    pub(super) size: Size,
    pub(super) report: UsageReport,
    pub(super) link: Link,
    pub(super) order: Order,
    pub(super) filter: String,
    /// Which session; always a row, where there are rows.
    pub(super) chosen: Option<SessionKey>,
    /// Where it stood, for the one that takes its place.
    row: usize,
    pub(super) pane: Option<Pane>,
    pub(super) front: Front,
    pub(super) notice: Option<Notice>,
    /// Since the beginning.
    now: Duration,
}

/// How it stands with the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Link {
    /// When it last told.
    heard_at: Duration,
    /// Why it does not, since.
    lost: Option<String>,
}

/// The session chosen, closer.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Pane {
    /// What is known; of another session it is not shown.
    pub(super) told: Option<Box<SessionInspect>>,
    /// Why it is not.
    pub(super) untold: Option<String>,
    /// Lines above the first that is shown.
    pub(super) scroll: usize,
    /// The job that would be killed.
    pub(super) job: Option<JobId>,
}

/// What has the keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Front {
    Table,
    /// The filter is written; what it was is remembered.
    Typing {
        before: String,
    },
    Help,
    Asking(Deed),
}

/// A word for the person, for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Notice {
    pub(super) words: String,
    pub(super) is_bad: bool,
    until: Duration,
}

impl State {
    pub(super) fn new(size: Size, report: UsageReport, order: Order, filter: String) -> Self {
        let mut state = Self {
            size,
            report,
            link: Link {
                heard_at: Duration::ZERO,
                lost: None,
            },
            order,
            filter,
            chosen: None,
            row: 0,
            pane: None,
            front: Front::Table,
            notice: None,
            now: Duration::ZERO,
        };
        state.settle();
        state
    }

    /// What follows from something that happened at `now`, which never goes back.
    pub(super) fn update(&mut self, now: Duration, event: Event) -> Vec<Effect> {
        self.now = now;
        let watched = self.watched();
        let mut effects = match event {
            Event::Key(key) => self.pressed(key),
            Event::Pasted(text) => {
                self.pasted(&text);
                Vec::new()
            }
            Event::Resized(size) => {
                self.size = size;
                Vec::new()
            }
            Event::Heard(heard) => {
                self.heard(heard);
                Vec::new()
            }
            Event::Tick => Vec::new(),
        };
        self.notice.take_if(|notice| notice.until <= now);
        self.settle();
        let watches = self.watched();
        if watches != watched {
            effects.push(Effect::Watch(watches));
        }
        effects
    }

    /// The sessions that are shown, in their order.
    pub(super) fn rows(&self) -> Vec<&SessionUsage> {
        self.order.rows(&self.report.sessions, &self.filter)
    }

    /// Where the session chosen stands among them.
    pub(super) fn row(&self) -> usize {
        self.row
    }

    /// The figures of the session chosen.
    pub(super) fn usage(&self) -> Option<&SessionUsage> {
        let chosen = self.chosen.as_ref()?;
        let mut sessions = self.report.sessions.iter();
        sessions.find(|usage| usage.session == *chosen)
    }

    /// What is known of the session chosen, closer.
    pub(super) fn told(&self) -> Option<&SessionInspect> {
        let told = self.pane.as_ref()?.told.as_deref()?;
        (Some(&told.usage.session) == self.chosen.as_ref()).then_some(told)
    }

    /// What is wrong with the gateway, and since when its figures are old.
    pub(super) fn trouble(&self) -> Option<(&str, Duration)> {
        let since = self.now.saturating_sub(self.link.heard_at);
        let why = self.link.lost.as_deref();
        let why = why.or((since >= QUIET_AFTER).then_some("it says nothing"));
        why.map(|why| (why, since))
    }

    /// Nothing is shown, so nothing may be done.
    pub(super) fn is_too_small(&self) -> bool {
        self.size.width < SMALLEST.width || self.size.height < SMALLEST.height
    }

    /// What the person wants can not be done yet.
    pub(super) fn too_much(&mut self) {
        self.note(
            "the gateway is still at what was wanted before".to_owned(),
            true,
        );
    }

    fn watched(&self) -> Option<SessionKey> {
        self.pane.as_ref().and(self.chosen.clone())
    }

    /// Makes true again what always is, after anything changed.
    fn settle(&mut self) {
        let keys: Vec<_> = self.rows().iter().map(|row| row.session.clone()).collect();
        let found = keys
            .iter()
            .position(|key| Some(key) == self.chosen.as_ref());
        self.row = found.unwrap_or(self.row.min(keys.len().saturating_sub(1)));
        let chosen = keys.get(self.row).cloned();
        self.choose(chosen);
        let (jobs, lines) = match self.told() {
            Some(told) => (told.jobs.clone(), detail::length(told, self.size.width)),
            None => (Vec::new(), 0),
        };
        if let Some(pane) = &mut self.pane {
            pane.job.take_if(|job| !jobs.contains(job));
            pane.scroll = pane.scroll.min(lines.saturating_sub(1));
        }
    }

    fn heard(&mut self, heard: Heard) {
        match heard {
            Heard::Report(report) => {
                self.report = *report;
                self.link = Link {
                    heard_at: self.now,
                    lost: None,
                };
            }
            Heard::Inspected(told) => {
                // One that was asked for before another was chosen comes too late.
                if self.chosen.as_ref() == Some(&told.usage.session)
                    && let Some(pane) = &mut self.pane
                {
                    pane.told = Some(told);
                    pane.untold = None;
                }
            }
            Heard::NotInspected { session, why } => {
                if self.chosen.as_ref() == Some(&session)
                    && let Some(pane) = &mut self.pane
                {
                    pane.untold = Some(why);
                }
            }
            Heard::Lost { why } => self.link.lost = Some(why),
            Heard::Done { words } => self.note(words, false),
            Heard::NotDone { why } => self.note(why, true),
        }
    }

    fn note(&mut self, words: String, is_bad: bool) {
        self.notice = Some(Notice {
            words,
            is_bad,
            until: self.now + NOTICE_FOR,
        });
    }

    fn pasted(&mut self, text: &str) {
        // Elsewhere its letters would be taken for keys.
        if let Front::Typing { .. } = self.front {
            self.type_in(text);
        }
    }

    fn pressed(&mut self, key: Key) -> Vec<Effect> {
        if let Key::Control(c) = key {
            match c {
                'c' => return vec![Effect::Leave],
                'z' => return vec![Effect::Suspend],
                'l' => return vec![Effect::Redraw],
                _ => {}
            }
        }
        if self.is_too_small() {
            let leaves = matches!(key, Key::Char('q') | Key::Escape);
            return Vec::from_iter(leaves.then_some(Effect::Leave));
        }
        match std::mem::replace(&mut self.front, Front::Table) {
            Front::Table => self.pressed_in_table(key),
            Front::Help => Vec::new(),
            Front::Asking(deed) => {
                let meant = matches!(key, Key::Char('y' | 'Y'));
                Vec::from_iter(meant.then_some(Effect::Do(deed)))
            }
            Front::Typing { before } => {
                self.pressed_while_typing(key, before);
                Vec::new()
            }
        }
    }

    fn pressed_while_typing(&mut self, key: Key, before: String) {
        match key {
            Key::Enter => return,
            Key::Escape => {
                self.filter = before;
                return;
            }
            Key::Char(c) => self.type_in(c.encode_utf8(&mut [0; 4])),
            Key::Backspace => drop(self.filter.pop()),
            Key::Control('u' | 'w') => self.filter.clear(),
            Key::Control(_)
            | Key::Up
            | Key::Down
            | Key::Left
            | Key::Right
            | Key::PageUp
            | Key::PageDown
            | Key::Home
            | Key::End
            | Key::Tab => {}
        }
        self.front = Front::Typing { before };
    }

    fn type_in(&mut self, text: &str) {
        let left = LONGEST_FILTER.saturating_sub(self.filter.chars().count());
        let text = text.chars().filter(|c| !c.is_control()).take(left);
        self.filter.extend(text);
    }

    fn pressed_in_table(&mut self, key: Key) -> Vec<Effect> {
        match key {
            Key::Char('q') => return vec![Effect::Leave],
            Key::Up | Key::Char('k') => self.choose_row(self.row.saturating_sub(1)),
            Key::Down | Key::Char('j') => self.choose_row(self.row + 1),
            Key::Home | Key::Char('g') => self.choose_row(0),
            Key::End | Key::Char('G') => self.choose_row(usize::MAX),
            Key::PageUp => self.page(false),
            Key::PageDown | Key::Char(' ') => self.page(true),
            Key::Left | Key::Char('<') => self.order = self.order.moved(-1),
            Key::Right | Key::Char('>') => self.order = self.order.moved(1),
            Key::Enter => self.toggle_pane(),
            Key::Tab => self.next_job(),
            Key::Escape => self.back(),
            Key::Char(c) => self.letter(c),
            Key::Control(_) | Key::Backspace => {}
        }
        Vec::new()
    }

    fn letter(&mut self, c: char) {
        match c {
            '?' | 'h' => self.front = Front::Help,
            '/' => {
                let before = self.filter.clone();
                self.front = Front::Typing { before };
            }
            'r' => self.order.reversed = !self.order.reversed,
            's' => self.ask(|session| Deed::Stop { session }),
            'K' => self.ask(|session| Deed::Kill { session }),
            't' => self.ask_for_tool(),
            c => {
                let mut columns = ALL.into_iter();
                if let Some(column) = columns.find(|column| column.key() == Some(c)) {
                    self.order = self.order.by(column);
                }
            }
        }
    }

    fn choose(&mut self, chosen: Option<SessionKey>) {
        if self.chosen == chosen {
            return;
        }
        self.chosen = chosen;
        if let Some(pane) = &mut self.pane {
            *pane = Pane::default();
        }
    }

    /// The row that was moved to, or the last one.
    fn choose_row(&mut self, row: usize) {
        let rows = self.rows();
        let row = rows.get(row).or(rows.last());
        self.choose(row.map(|row| row.session.clone()));
    }

    /// A page of the pane where it is open, else of the table.
    fn page(&mut self, down: bool) {
        let page = usize::from(self.size.height / 2);
        let turned = |at: usize| {
            if down {
                at.saturating_add(page)
            } else {
                at.saturating_sub(page)
            }
        };
        match &mut self.pane {
            Some(pane) => pane.scroll = turned(pane.scroll),
            None => self.choose_row(turned(self.row)),
        }
    }

    fn toggle_pane(&mut self) {
        self.pane = match self.pane {
            None => self.chosen.as_ref().map(|_| Pane::default()),
            Some(_) => None,
        };
    }

    /// Out of the pane, then out of the filter; at once where it lets nobody through.
    fn back(&mut self) {
        if self.pane.take().is_none() || self.chosen.is_none() {
            self.filter.clear();
        }
    }

    fn next_job(&mut self) {
        let jobs = self.told().map(|told| told.jobs.clone());
        let (Some(jobs), Some(pane)) = (jobs, &mut self.pane) else {
            return;
        };
        let at = jobs.iter().position(|job| Some(job) == pane.job.as_ref());
        pane.job = jobs.get(at.map_or(0, |at| at + 1)).cloned();
    }

    fn ask(&mut self, deed: impl FnOnce(SessionKey) -> Deed) {
        if let Some(session) = self.chosen.clone() {
            self.front = Front::Asking(deed(session));
        }
    }

    /// About the job that was picked, else about the tool that runs.
    fn ask_for_tool(&mut self) {
        let picked = self.pane.as_ref().and_then(|pane| pane.job.clone());
        let tool = self.usage().and_then(|usage| usage.tool.as_ref());
        let job = picked.or(tool.and_then(|tool| tool.job.clone()));
        match (job, tool) {
            (Some(job), _) => self.ask(|session| Deed::KillJob { session, job }),
            (None, Some(tool)) => {
                let words = format!("{} has no process of its own; s stops the turn", tool.name);
                self.note(words, true);
            }
            (None, None) => self.note("no tool runs there".to_owned(), true),
        }
    }
}

#[cfg(test)]
pub(in crate::cli::top) mod tests;
