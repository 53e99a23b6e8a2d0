//! Whether `exec` may run a command: security × ask × fallback, the stricter of three voices.
//!
//! ```text
//!   security    deny ── no
//!               full ── yes, unless ask is always
//!               allowlist ── on the list: yes, unless ask is always
//!                            not on it:   ask off ── no;  ask on-miss ── a person
//!   a person    there ── is asked, and the call waits for the word
//!               away ─── askFallback: deny ── no;  allowlist ── on the list: yes;  full ── yes
//!               waived ─ yes (`/elevated full`)
//! ```
//! The voices are the configuration, the host's `exec-approvals.json`, and the call itself. Each is
//! heard on top of those before it, and each must allow the command by itself: to ask more often
//! would otherwise allow more, wherever askFallback is generous.

use super::command::{AllowList, Ground, Objection, Used, is_harmless};
use crate::config::ExecPolicy;
use crate::store::exec_approvals::ExecApprovals;
use ipc::id::AgentId;
use ipc::tool_args::{ExecArgs, ExecAsk, ExecSecurity};
use std::cell::OnceCell;
use std::path::{Path, PathBuf};

/// What `exec` may do for one agent.
#[derive(Debug, Clone)]
pub(super) struct ExecRules {
    config: Limits,
    host: Limits,
    list: AllowList,
    agent: AgentId,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Limits {
    security: Setting<ExecSecurity>,
    ask: Setting<ExecAsk>,
    fallback: Setting<ExecSecurity>,
}

/// A value and who decided it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Setting<T> {
    value: T,
    key: &'static str,
}

/// Whether somebody can be asked for a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Person {
    /// Somebody can.
    There,
    /// Nobody can: what should be asked is decided by `askFallback`.
    Away,
    /// Nobody need be: what would be asked is granted.
    Waived,
}

/// A command that may run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Grant {
    /// As it is.
    Free,
    /// When a person says so.
    Asked(Question),
}

/// What a person is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Question {
    /// Why, in words.
    pub(super) reason: String,
    /// The program that is missing on the list and would answer the question once it is there.
    pub(super) program: Option<PathBuf>,
}

/// What one voice says when it does not say no.
#[derive(Debug, PartialEq, Eq)]
enum Yes {
    Free,
    /// A person is to be asked, as the list does not cover it.
    Missed(Objection),
    /// A person is to be asked, whatever it is.
    Always,
}

/// Why a command may not run.
#[derive(Debug, PartialEq, Eq)]
enum No {
    Off,
    Missed(Objection),
    Unasked(Option<Objection>),
}

const HOST_SECURITY: &str = "security in exec-approvals.json";
const HOST_ASK: &str = "ask in exec-approvals.json";
const HOST_FALLBACK: &str = "askFallback in exec-approvals.json";
const OWN_SECURITY: &str = "the call's own security argument";
const OWN_ASK: &str = "the call's own ask argument";

impl ExecRules {
    /// The rules for `agent`; `home` is what `~` in patterns stands for. Second: what of the
    /// settings does nothing, and why.
    pub(super) fn new(
        config: &ExecPolicy,
        approvals: &ExecApprovals,
        agent: &AgentId,
        home: &Path,
    ) -> (Self, Vec<String>) {
        let said = approvals.rules(agent);
        let patterns = approvals.patterns(agent);
        let (list, warnings) = AllowList::new(patterns, &config.safe_bins, home);
        let config = Limits {
            security: Setting::new(config.security, "tools.exec.security"),
            ask: Setting::new(config.ask, "tools.exec.ask"),
            fallback: Setting::new(config.ask_fallback, "tools.exec.askFallback"),
        };
        let host = Limits {
            security: config.security.lower(said.security, HOST_SECURITY),
            ask: config.ask.higher(said.ask, HOST_ASK),
            fallback: config.fallback.lower(said.ask_fallback, HOST_FALLBACK),
        };
        let rules = Self {
            config,
            host,
            list,
            agent: agent.clone(),
        };
        (rules, warnings)
    }

    /// Whether some command is only allowed because of its program's path. Then what the agent can
    /// write must not stand on PATH.
    pub(super) fn goes_by_path(&self) -> bool {
        [self.host.security, self.host.fallback]
            .iter()
            .any(|setting| setting.value == ExecSecurity::Allowlist)
    }

    /// Whether the call may run, or why not, in words for the model.
    pub(super) fn decide(
        &self,
        args: &ExecArgs,
        ground: &Ground<'_>,
        person: Person,
    ) -> Result<Grant, String> {
        check_names(args)?;
        let call = Limits {
            security: self.host.security.lower(args.security, OWN_SECURITY),
            ask: self.host.ask.higher(args.ask, OWN_ASK),
            fallback: self.host.fallback,
        };
        let listed = OnceCell::new();
        let listed = || {
            let checked = listed.get_or_init(|| self.check_listed(args, ground));
            checked.clone()
        };
        let mut missed = None;
        let mut always = None;
        for limits in [self.config, self.host, call] {
            let said = limits.course(person, listed);
            match said.map_err(|no| self.in_words(no, &limits))? {
                Yes::Free => {}
                Yes::Missed(objection) => missed = missed.or(Some((objection, limits.ask.key))),
                Yes::Always => always = always.or(Some(limits.ask.key)),
            }
        }
        Ok(match (always, missed) {
            (None, None) => Grant::Free,
            // To put it on the list would change nothing.
            (Some(key), _) => Grant::Asked(Question {
                reason: format!("{key} is always"),
                program: None,
            }),
            (None, Some((objection, key))) => Grant::Asked(Question {
                reason: format!("{objection}, and {key} is on-miss"),
                program: self.missing(args, ground),
            }),
        })
    }

    /// The entries of the allow-list that a command goes by, and the programs they stand for.
    pub(super) fn used(&self, args: &ExecArgs, ground: &Ground<'_>) -> Vec<Used> {
        self.list.used(&args.command, ground)
    }

    /// The one program that keeps the command off the list.
    fn missing(&self, args: &ExecArgs, ground: &Ground<'_>) -> Option<PathBuf> {
        let harmless = args.env.iter().all(|(name, v)| is_harmless(name, v));
        harmless.then(|| self.list.missing(&args.command, ground))?
    }

    fn in_words(&self, no: No, limits: &Limits) -> String {
        match no {
            No::Off => off(limits.security.key),
            No::Missed(objection) => self.missed(&objection, limits.security.key),
            No::Unasked(objection) => unasked(objection.as_ref(), limits),
        }
    }

    fn check_listed(&self, args: &ExecArgs, ground: &Ground<'_>) -> Result<(), Objection> {
        match args
            .env
            .iter()
            .find(|(name, value)| !is_harmless(name, value))
        {
            Some((name, _)) => Err(Objection::Variable(name.clone())),
            None => self.list.check(&args.command, ground),
        }
    }

    fn missed(&self, objection: &Objection, key: &str) -> String {
        let list = self.list.in_words();
        let lift = match key {
            OWN_SECURITY => "leave out the security argument".to_owned(),
            key => format!("a person sets `{key}` to full"),
        };
        format!(
            "the command was not run: {objection}. Only programs on the allow-list may run, by \
             {key}; {list}. To allow more, a person adds the program's path to \
             agents.{}.allowlist in exec-approvals.json, or {lift}",
            self.agent
        )
    }
}

impl Limits {
    /// The picture above.
    fn course(
        &self,
        person: Person,
        listed: impl FnOnce() -> Result<(), Objection>,
    ) -> Result<Yes, No> {
        match (self.security.value, self.ask.value) {
            (ExecSecurity::Deny, _) => Err(No::Off),
            (ExecSecurity::Full, ExecAsk::Off | ExecAsk::OnMiss) => Ok(Yes::Free),
            (ExecSecurity::Allowlist, ExecAsk::Off) => match listed() {
                Ok(()) => Ok(Yes::Free),
                Err(objection) => Err(No::Missed(objection)),
            },
            (ExecSecurity::Allowlist, ExecAsk::OnMiss) => match (listed(), person) {
                (Ok(()), _) | (_, Person::Waived) => Ok(Yes::Free),
                (Err(objection), Person::There) => Ok(Yes::Missed(objection)),
                (Err(objection), Person::Away) => self.fall_back(|| Err(objection)),
            },
            (ExecSecurity::Allowlist | ExecSecurity::Full, ExecAsk::Always) => match person {
                Person::Waived => Ok(Yes::Free),
                Person::There => Ok(Yes::Always),
                Person::Away => self.fall_back(listed),
            },
        }
    }

    fn fall_back(&self, listed: impl FnOnce() -> Result<(), Objection>) -> Result<Yes, No> {
        let allowed = match (self.fallback.value, self.security.value) {
            // Where any command would do, the list is not the reason.
            (ExecSecurity::Deny, ExecSecurity::Full) => Err(No::Unasked(None)),
            (ExecSecurity::Deny, _) => Err(No::Unasked(listed().err())),
            (ExecSecurity::Allowlist, _) => listed().map_err(|o| No::Unasked(Some(o))),
            (ExecSecurity::Full, _) => Ok(()),
        };
        allowed.map(|()| Yes::Free)
    }
}

fn off(key: &str) -> String {
    format!(
        "no command may run: {key} is deny. The file tools are not concerned. A person can set it \
         to allowlist or full"
    )
}

fn unasked(objection: Option<&Objection>, limits: &Limits) -> String {
    let because = objection.map(|o| format!(" ({o})")).unwrap_or_default();
    let Setting { value, key } = limits.ask;
    let value = match value {
        ExecAsk::Off => "off",
        ExecAsk::OnMiss => "on-miss",
        ExecAsk::Always => "always",
    };
    let fallback = limits.fallback.key;
    format!(
        "the command was not run{because}: it needs a person's approval, as {key} is {value}, and \
         nobody can be asked here, so {fallback} decides, which does not allow it. To change \
         that, a person sets `{key}` to off, or `{fallback}` to allowlist or full"
    )
}

/// Names that would undo what the environment is for, and names that are none.
fn check_names(args: &ExecArgs) -> Result<(), String> {
    for name in args.env.keys() {
        let upper = name.to_ascii_uppercase();
        if upper == "PATH" || upper.starts_with("LD_") || upper.starts_with("DYLD_") {
            return Err(format!(
                "the command was not run: env may not set {name}. Name programs by their whole \
                 path; a person can put folders in front of PATH with `tools.exec.pathPrepend`"
            ));
        }
        let plain = |c: char| c == '_' || c.is_ascii_alphanumeric();
        if name.is_empty() || !name.chars().all(plain) {
            return Err(format!(
                "the command was not run: env names {name:?}, which is no name of a variable"
            ));
        }
    }
    Ok(())
}

impl<T: Copy + Ord> Setting<T> {
    fn new(value: T, key: &'static str) -> Self {
        Self { value, key }
    }

    /// The lower of the two; the first to say it is named.
    fn lower(self, other: Option<T>, key: &'static str) -> Self {
        match other {
            Some(value) if value < self.value => Self { value, key },
            Some(_) | None => self,
        }
    }

    /// The higher of the two; the first to say it is named.
    fn higher(self, other: Option<T>, key: &'static str) -> Self {
        match other {
            Some(value) if value > self.value => Self { value, key },
            Some(_) | None => self,
        }
    }
}

#[cfg(test)]
mod tests;
