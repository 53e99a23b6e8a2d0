//! The chain, tried in order: routes are attempted, [`failover`] decides what follows a failure.

use super::attempt;
use super::auth::{Auth, Route};
use super::clock::{now_ms, span};
use super::error::ModelError;
use super::failover::{self, Next, Standing};
use super::http::Http;
use super::reader::Parsed;
use super::refresh::Refresher;
use super::render::RenderCache;
use super::{Completion, ModelCall, ModelFailure, Progress, catalog, offline};
use crate::config::{ModelRef, Thinking};
use ipc::id::AgentId;
use ipc::transcript::Carried;
use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// What answers are made with.
#[derive(Debug)]
pub(super) struct Means {
    pub(super) http: Http,
    pub(super) auth: Auth,
    pub(super) refresher: Refresher,
}

/// Whose answer it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Whose<'a> {
    pub(super) agent: &'a AgentId,
    pub(super) thinking: Option<Thinking>,
    /// Why no real model serves, for the offline responder to tell.
    pub(super) why_offline: &'a str,
}

/// Tries the chain.
pub(super) async fn answer(
    means: &Means,
    whose: Whose<'_>,
    call: ModelCall<'_>,
    cache: &mut RenderCache,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Completion, ModelFailure> {
    let mut run = Run {
        means,
        whose,
        call,
        progress,
        shown: false,
        tried: None,
        failures: Vec::new(),
        waited: Duration::ZERO,
    };
    let mut steps = run.plan(cache.credential.as_deref());
    while let Some(step) = steps.pop_front() {
        let at = step.at();
        run.announce(at, cache.model.as_ref());
        let came = match step {
            Step::Offline { .. } => return Ok(run.offline(cache)),
            Step::Route(route) => run.follow(*route, &steps, cache).await,
        };
        match came {
            Came::Answer(completion) => return Ok(*completion),
            Came::Full => {
                let model = call.chain[at].clone();
                return Err(ModelFailure::ContextFull { model });
            }
            Came::OtherModel => steps.retain(|step| step.at() != at),
            Came::OtherProfile => {}
        }
    }
    Err(run.exhausted())
}

/// One thing to try.
enum Step {
    /// A model through a profile.
    Route(Box<Route>),
    /// The built-in responder, at this place of the chain.
    Offline { at: usize },
}

impl Step {
    fn at(&self) -> usize {
        match self {
            Self::Route(route) => route.at,
            Self::Offline { at } => *at,
        }
    }
}

/// What came of a step.
enum Came {
    Answer(Box<Completion>),
    Full,
    OtherProfile,
    OtherModel,
}

/// One answer on its way.
struct Run<'a, 'p> {
    means: &'a Means,
    whose: Whose<'a>,
    call: ModelCall<'a>,
    progress: &'p mut (dyn FnMut(Progress) + Send),
    /// Words of the attempt under way were shown.
    shown: bool,
    /// Position of the model that was tried last.
    tried: Option<usize>,
    /// The last failure of each step, by position in the chain.
    failures: Vec<(usize, ModelError)>,
    waited: Duration,
}

impl Run<'_, '_> {
    /// What can be tried now, in order. `kept`: the profile the session keeps to.
    fn plan(&mut self, kept: Option<&str>) -> VecDeque<Step> {
        let now = now_ms();
        let mut ready = VecDeque::new();
        let mut resting = Vec::new();
        for (at, name) in self.call.chain.iter().enumerate() {
            if name.provider == catalog::OFFLINE {
                ready.push_back(Step::Offline { at });
                continue;
            }
            let before = ready.len();
            let mut routes = self.means.auth.routes(self.whose.agent, name, at);
            if let Ok(routes) = &mut routes {
                // The provider's prompt cache belongs to the account.
                routes.sort_by_key(|route| Some(route.profile.id.as_str()) != kept);
            }
            let failure = match routes {
                Ok(routes) => self.sorted(routes, now, &mut ready, &mut resting),
                Err(error) => Some(error),
            };
            if ready.len() == before
                && let Some(failure) = failure
            {
                self.failures.push((at, failure));
            }
        }
        if ready.is_empty() {
            self.wake_one(resting, &mut ready);
        }
        ready
    }

    /// Parts routes into those that are ready and those that rest; the reason of the last that is not
    /// ready.
    fn sorted(
        &self,
        routes: Vec<Route>,
        now: i64,
        ready: &mut VecDeque<Step>,
        resting: &mut Vec<(i64, Route)>,
    ) -> Option<ModelError> {
        let mut failure = None;
        for route in routes {
            let fare = self.means.auth.fare(&route.profile);
            if let Some(error) = route.profile.unusable(now) {
                failure = Some(error);
            } else if let Some(until) = fare.resting(now) {
                let rest = span(until - now);
                failure = Some(ModelError::NoCredential {
                    message: format!(
                        "profile {} rests for {rest} after failures",
                        route.profile.id
                    ),
                });
                if !fare.is_disabled(now) {
                    resting.push((until, route));
                }
            } else {
                ready.push_back(Step::Route(Box::new(route)));
            }
        }
        failure
    }

    /// Where everything rests, the one that would wake first is tried all the same: the cause may be
    /// gone, and a person waits.
    fn wake_one(&mut self, resting: Vec<(i64, Route)>, ready: &mut VecDeque<Step>) {
        let first = resting.into_iter().min_by_key(|(until, _)| *until);
        if let Some((_, route)) = first {
            self.failures.retain(|(at, _)| *at != route.at);
            ready.push_back(Step::Route(Box::new(route)));
        }
    }

    /// Tells of a fallback: where an attempt failed, or where models were passed over and the session
    /// had another one before.
    fn announce(&mut self, at: usize, last: Option<&ModelRef>) {
        let from = self.tried.replace(at);
        let to = &self.call.chain[at];
        let from = match from {
            Some(from) if from == at => return,
            Some(from) => from,
            None if at == 0 || last == Some(to) => return,
            None => 0,
        };
        let reason = self.failures.iter().rev().find(|(at, _)| *at == from);
        let reason = reason.map_or_else(String::new, |(_, error)| error.to_string());
        let from = self.call.chain[from].to_string();
        let to = to.to_string();
        (self.progress)(Progress::Fallback { from, to, reason });
    }

    fn offline(&mut self, cache: &mut RenderCache) -> Completion {
        let completion = offline::respond(
            self.call.context,
            self.call.tools,
            self.call.closing,
            self.whose.why_offline,
        );
        cache.model = Some(completion.model.clone());
        if !completion.text.is_empty() {
            (self.progress)(Progress::Text(completion.text.clone()));
        }
        completion
    }

    /// One route, until it has answered or something else is to be tried.
    async fn follow(
        &mut self,
        mut route: Route,
        rest: &VecDeque<Step>,
        cache: &mut RenderCache,
    ) -> Came {
        let mut at = Standing {
            tries: 0,
            waited: Duration::ZERO,
            renewable: route.profile.is_renewable(),
            other_profile: rest.iter().any(|step| step.at() == route.at),
            other_model: rest.iter().any(|step| step.at() != route.at),
        };
        loop {
            at.tries += 1;
            at.waited = self.waited;
            let error = match self.attempt(&mut route, &mut at, cache).await {
                Ok(parsed) => return Came::Answer(Box::new(self.complete(parsed, &route, cache))),
                Err(error) => error,
            };
            self.void(&error);
            let (next, error) = self.next(error, &mut at, &mut route).await;
            let came = match next {
                Next::Retry { after } => {
                    self.waited += after;
                    tokio::time::sleep(after).await;
                    continue;
                }
                Next::Renew => continue,
                Next::ContextFull => return Came::Full,
                Next::OtherProfile { rest } => (Came::OtherProfile, rest),
                Next::OtherModel { rest } | Next::GiveUp { rest } => (Came::OtherModel, rest),
            };
            self.means.auth.failed(&route.profile, came.1);
            self.failures.push((route.at, error));
            return came.0;
        }
    }

    async fn attempt(
        &mut self,
        route: &mut Route,
        at: &mut Standing,
        cache: &mut RenderCache,
    ) -> Result<Parsed, ModelError> {
        let Means {
            http,
            auth,
            refresher,
        } = self.means;
        let profile = route.profile.clone();
        let current = refresher.current(auth, http, self.whose.agent, profile);
        // A renewal that failed is not tried twice.
        route.profile = current.await.inspect_err(|_| at.renewable = false)?;
        let mut tell = |words: &str| {
            self.shown = true;
            (self.progress)(Progress::Text(words.to_owned()));
        };
        attempt::run(
            http,
            route,
            &self.call,
            self.whose.thinking,
            cache,
            &mut tell,
        )
        .await
    }

    /// What was shown of a failed attempt is void.
    fn void(&mut self, error: &ModelError) {
        if std::mem::take(&mut self.shown) {
            let reason = error.to_string();
            (self.progress)(Progress::Restart { reason });
        }
    }

    /// What follows a failure, and the failure to tell. Renews the credential where that is next.
    async fn next(
        &mut self,
        error: ModelError,
        at: &mut Standing,
        route: &mut Route,
    ) -> (Next, ModelError) {
        let (name, profile) = (&route.model.name, &route.profile.id);
        tracing::warn!(session = %self.call.session, model = %name, %profile, "model call failed: {error}");
        let next = failover::decide(&error, at, dice());
        if next != Next::Renew {
            return (next, error);
        }
        at.renewable = false;
        let Means {
            http,
            auth,
            refresher,
        } = self.means;
        match refresher
            .renew(auth, http, self.whose.agent, &route.profile)
            .await
        {
            Ok(profile) => {
                route.profile = profile;
                (next, error)
            }
            Err(error) => (failover::decide(&error, at, dice()), error),
        }
    }

    fn complete(&self, parsed: Parsed, route: &Route, cache: &mut RenderCache) -> Completion {
        self.means.auth.served(&route.profile);
        let model = route.model.name.clone();
        cache.credential = Some(route.profile.id.clone());
        cache.model = Some(model.clone());
        let items = parsed.carried;
        Completion {
            text: parsed.text,
            tool_calls: parsed.calls,
            stop: parsed.stop,
            usage: parsed.usage,
            model,
            carried: (!items.is_empty()).then(|| Carried {
                api: route.model.tag(),
                items,
            }),
        }
    }

    fn exhausted(mut self) -> ModelFailure {
        self.failures.sort_by_key(|(at, _)| *at);
        let named = |(at, error): (usize, ModelError)| (self.call.chain[at].clone(), error);
        ModelFailure::Exhausted {
            attempts: self.failures.into_iter().map(named).collect(),
        }
    }
}

/// A random number from 0 to 1; for jitter, not for secrets.
fn dice() -> f64 {
    let random = RandomState::new().hash_one(0u8) >> 11;
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
    let random = random as f64;
    random / (1u64 << 53) as f64
}
