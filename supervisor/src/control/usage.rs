//! What sessions use, and ending what uses too much.

use super::{Client, Control, days};
use crate::audit::{Line, redact};
use crate::config::ModelRef;
use crate::policy;
use crate::session::PhaseName;
use ipc::control::FromSupervisor;
use ipc::frame::FrameError;
use ipc::id::{JobId, SessionKey};
use ipc::meter::SessionUsage;
use ipc::refusal::{Refusal, RefusalKind};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// So many of the last events of a session are told.
const EVENTS: usize = 20;

impl Client {
    pub(super) async fn usage(&mut self) -> Result<(), FrameError> {
        let mut report = self.control.services.meter.report();
        complete(&self.control, &mut report.sessions).await;
        self.to.send(&FromSupervisor::Usage(Box::new(report))).await
    }

    pub(super) async fn inspect(&mut self, session: &SessionKey) -> Result<(), FrameError> {
        let services = &self.control.services;
        let Some(mut told) = services.meter.inspect(session) else {
            let text = format!("{session} has had no process since the gateway began");
            return self.refuse(RefusalKind::NotFound, text).await;
        };
        complete(&self.control, std::slice::from_mut(&mut told.usage)).await;
        let events = services.audit.newest(session, EVENTS);
        told.events = events.iter().map(in_words).collect();
        self.to
            .send(&FromSupervisor::Inspected(Box::new(told)))
            .await
    }

    pub(super) async fn stats(&mut self, days: u32) -> Result<(), FrameError> {
        let live = self.control.services.live.load_full();
        let price = |model: &ModelRef, usage| live.models.price(model, usage);
        let told = days::told(&self.control.services.store, days, price).await;
        self.say(told).await
    }

    pub(super) async fn kill(
        &mut self,
        session: &SessionKey,
        job: Option<&JobId>,
    ) -> Result<(), FrameError> {
        let handle = self.control.router.find(session).await;
        let killed = match handle {
            Some(handle) => handle.kill(job.cloned()).await.ok(),
            None => None,
        };
        let nothing = |what: String| Refusal::new(RefusalKind::NotFound, what);
        let refusal = match (killed, job) {
            (None, _) => nothing(format!("{session} has no process")),
            (Some(0), Some(job)) => nothing(format!(
                "{session} has no running tool {job}; openclaw top shows what runs"
            )),
            (Some(_), Some(job)) => {
                return self.done(&format!("{job} of {session} was ended")).await;
            }
            (Some(tools), None) => {
                let text = format!("{session} was stopped; {tools} running tools were ended");
                return self.done(&text).await;
            }
        };
        self.to.send(&FromSupervisor::Refused(refusal)).await
    }
}

/// Adds what the meter does not know: where sessions are in their lives, and behind which walls.
async fn complete(control: &Control, sessions: &mut [SessionUsage]) {
    let views = control.router.views().await;
    let live = control.services.live.load();
    let walls = control.services.walls.borrow().clone();
    let level = walls.map(|report| policy::level(&live.config.sandbox, &report));
    for session in sessions {
        let view = views.get(&session.session);
        let phase = view.map_or(PhaseName::Cold, |view| view.phase);
        session.state = phase.as_str().to_owned();
        session.level = level;
    }
}

/// A line of the audit log for people, with its time of day here.
fn in_words(line: &Line) -> String {
    let words = line.event.in_words();
    let words = redact::text(&words);
    let Ok(at) = line.at.parse::<Timestamp>() else {
        return words.into_owned();
    };
    let at = at.to_zoned(TimeZone::system());
    format!("{} {words}", at.strftime("%H:%M:%S"))
}
