//! How profiles fare, in memory and in their files.

use super::profile::{Profile, Source};
use crate::config::Cooldowns;
use crate::model::clock::{now_ms, span};
use crate::model::fare::{Fare, Rest};
use crate::store::auth_profiles::{self, AuthFile, Stamp, Usage};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How often a profile's use is written down while nothing else about it changes.
const USE_NOTED_EVERY_MS: i64 = 60_000;
/// Failures of this kind are counted in `failureCounts` under OpenClaw's name.
const BILLING: &str = "billing";

/// The files that were read, and how everyone in them and elsewhere fares.
#[derive(Debug)]
pub(super) struct Ledger {
    rules: Cooldowns,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    files: HashMap<PathBuf, (Stamp, Arc<AuthFile>)>,
    fares: HashMap<(Source, String), Known>,
}

#[derive(Debug, Default, Clone)]
struct Known {
    fare: Fare,
    /// When it was written to its file, in milliseconds since 1970.
    noted: i64,
}

impl Ledger {
    pub(super) fn new(rules: Cooldowns) -> Self {
        Self {
            rules,
            state: Mutex::default(),
        }
    }

    /// A file's content, read when it changes. Its own account of how profiles fare replaces ours
    /// then.
    pub(super) fn file(&self, path: &Path) -> Option<Arc<AuthFile>> {
        let now = auth_profiles::stamp(path)?;
        let mut state = self.state();
        if let Some((stamp, file)) = state.files.get(path)
            && *stamp == now
        {
            return Some(Arc::clone(file));
        }
        let file = match auth_profiles::read(path) {
            Ok(file) => Arc::new(file.unwrap_or_default()),
            Err(error) => {
                tracing::warn!("credentials are not used: {error}");
                Arc::default()
            }
        };
        for problem in &file.problems {
            tracing::warn!("{}: {problem}", path.display());
        }
        let source = Source::File(path.to_owned());
        for (id, usage) in &file.usage {
            let known = Known {
                fare: fare_of(usage),
                noted: usage.last_used,
            };
            state.fares.insert((source.clone(), id.clone()), known);
        }
        state
            .files
            .insert(path.to_owned(), (now, Arc::clone(&file)));
        Some(file)
    }

    /// How a profile fares.
    pub(super) fn fare(&self, profile: &Profile) -> Fare {
        self.state().fare(profile)
    }

    /// A profile served an answer.
    pub(super) fn served(self: &Arc<Self>, profile: &Profile) {
        let now = now_ms();
        let mut state = self.state();
        let known = state.fares.entry(key(profile)).or_default();
        let was_failing = known.fare.errors > 0 || known.fare.rests_until > 0;
        known.fare = known.fare.served(now);
        if was_failing || now - known.noted > USE_NOTED_EVERY_MS {
            known.noted = now;
            let fare = known.fare.clone();
            drop(state);
            self.note(profile, fare, true);
        }
    }

    /// A profile failed, and rests as `rest` says.
    pub(super) fn failed(self: &Arc<Self>, profile: &Profile, rest: Rest) {
        if rest == Rest::None {
            return;
        }
        let now = now_ms();
        let mut state = self.state();
        let known = state.fares.entry(key(profile)).or_default();
        known.fare = known.fare.failed(rest, &self.rules, &profile.provider, now);
        known.noted = now;
        let fare = known.fare.clone();
        drop(state);
        if let Some(until) = fare.resting(now) {
            tracing::warn!(profile = %profile.id, "profile rests for {}", span(until - now));
        }
        self.note(profile, fare, false);
    }

    /// Writes it down where the profile's file is, off this thread. A file that can not be written
    /// (a read-only mount) costs a warning, not the answer.
    fn note(self: &Arc<Self>, profile: &Profile, fare: Fare, good: bool) {
        let Source::File(path) = &profile.source else {
            return;
        };
        let (path, id, provider) = (path.clone(), profile.id.clone(), profile.provider.clone());
        let this = Arc::clone(self);
        tokio::task::spawn_blocking(move || {
            let written = auth_profiles::update(&path, |root| {
                auth_profiles::set_usage(root, &id, &usage_of(&fare));
                if good {
                    auth_profiles::set_last_good(root, &provider, &id);
                }
            });
            match written {
                Ok(()) => this.adopt(&path),
                Err(error) => tracing::warn!("usage is not written down: {error}"),
            }
        });
    }

    /// Reads what was just written, so that it does not count as somebody else's change.
    fn adopt(&self, path: &Path) {
        let (Some(stamp), Ok(Some(file))) = (auth_profiles::stamp(path), auth_profiles::read(path))
        else {
            return;
        };
        let file = (stamp, Arc::new(file));
        self.state().files.insert(path.to_owned(), file);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn fare(&self, profile: &Profile) -> Fare {
        let known = self.fares.get(&key(profile));
        known.map(|known| known.fare.clone()).unwrap_or_default()
    }
}

fn key(profile: &Profile) -> (Source, String) {
    (profile.source.clone(), profile.id.clone())
}

fn fare_of(usage: &Usage) -> Fare {
    Fare {
        last_used: usage.last_used,
        rests_until: usage.cooldown_until,
        disabled_until: usage.disabled_until,
        errors: usage.error_count,
        billing_errors: usage.failure_counts.get(BILLING).copied().unwrap_or(0),
        last_failure: usage.last_failure_at,
    }
}

fn usage_of(fare: &Fare) -> Usage {
    let billing = (fare.billing_errors > 0).then(|| (BILLING.to_owned(), fare.billing_errors));
    Usage {
        last_used: fare.last_used,
        cooldown_until: fare.rests_until,
        disabled_until: fare.disabled_until,
        disabled_reason: (fare.disabled_until > 0).then(|| BILLING.to_owned()),
        error_count: fare.errors,
        failure_counts: billing.into_iter().collect(),
        last_failure_at: fare.last_failure,
    }
}
