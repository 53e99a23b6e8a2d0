//! Whether an `exec` may have the session's wider walls: who stands behind it, and what the session
//! was told with `/elevated`.
//!
//! Everyone whose words a turn answers must be in `allowFrom`, the global one and the agent's own: a
//! stranger's message does not become powerful by standing beside a friend's.

use super::exec::Person;
use crate::config::{Elevated, ElevatedMode};
use ipc::id::JobId;
use std::collections::{BTreeMap, BTreeSet};

/// Somebody who says something to a session.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sender {
    /// By which channel: `cli`.
    pub channel: String,
    /// Who, in that channel's own way.
    pub id: String,
}

/// Who stands behind a call.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances<'a> {
    /// Everyone whose words the turn answers.
    pub senders: &'a [Sender],
    /// What was last said with `/elevated`; `None` where nothing was.
    pub elevated: Option<ElevatedMode>,
    /// Background commands that run in the wider walls.
    pub wider: &'a BTreeSet<JobId>,
    /// Whether somebody can be asked.
    pub person: Person,
}

/// What elevated calls go by.
#[derive(Debug, Clone)]
pub(super) struct ElevatedRules {
    enabled: bool,
    allow_from: Allowed,
    own: Option<Allowed>,
    default: ElevatedMode,
}

type Allowed = BTreeMap<String, Vec<String>>;

/// How an elevated call may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Elevation {
    /// As the `exec` policy says of it, a person or none.
    Free(Person),
    /// When a person says so, besides.
    Asked,
}

impl ElevatedRules {
    pub(super) fn new(config: &Elevated) -> Self {
        Self {
            enabled: config.enabled,
            allow_from: config.allow_from.clone(),
            own: config.agent_allow_from.clone(),
            default: config.default,
        }
    }

    /// Whether anybody could ever have wider walls.
    pub(super) fn is_open(&self) -> bool {
        let names_somebody = |allowed: &Allowed| allowed.values().any(|ids| !ids.is_empty());
        self.enabled
            && names_somebody(&self.allow_from)
            && self.own.as_ref().is_none_or(names_somebody)
    }

    /// How a session stands that was told `said`.
    pub(super) fn mode(&self, said: Option<ElevatedMode>) -> ElevatedMode {
        said.unwrap_or(self.default)
    }

    /// Whether `sender` may switch wider walls on.
    pub(super) fn admits(&self, sender: &Sender) -> Result<(), String> {
        if !self.enabled {
            return Err("`tools.elevated.enabled` is false".to_owned());
        }
        let Sender { channel, id } = sender;
        let missing = |key: &str| Err(format!("{channel}:{id} is not in `{key}`"));
        if !names(&self.allow_from, sender) {
            return missing("tools.elevated.allowFrom");
        }
        if self.own.as_ref().is_some_and(|own| !names(own, sender)) {
            return missing("agents.list[].tools.elevated.allowFrom");
        }
        Ok(())
    }

    /// Whether a call may have the wider walls, or why not, in words for the model.
    pub(super) fn decide(&self, who: &Circumstances<'_>) -> Result<Elevation, String> {
        let no = |why: String| {
            Err(format!(
                "this was not done: {why}. A command without `elevated` runs in the session's own walls"
            ))
        };
        if who.senders.is_empty() {
            return no("nobody is known who could have allowed elevated commands".to_owned());
        }
        for sender in who.senders {
            if let Err(why) = self.admits(sender) {
                return no(format!("elevated commands are not allowed here: {why}"));
            }
        }
        match (self.mode(who.elevated), who.person) {
            (ElevatedMode::Off, _) => no(
                "elevated commands are off in this session; the person switches them on with \
                 /elevated on (or ask, or full)"
                    .to_owned(),
            ),
            (ElevatedMode::Ask, Person::Away) => {
                no("/elevated is ask, and nobody can be asked here".to_owned())
            }
            (ElevatedMode::Ask, Person::There | Person::Waived) => Ok(Elevation::Asked),
            (ElevatedMode::On, person) => Ok(Elevation::Free(person)),
            (ElevatedMode::Full, _) => Ok(Elevation::Free(Person::Waived)),
        }
    }
}

fn names(allowed: &Allowed, sender: &Sender) -> bool {
    [sender.channel.as_str(), "*"]
        .iter()
        .filter_map(|channel| allowed.get(*channel))
        .flatten()
        .any(|id| id == "*" || *id == sender.id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sender(channel: &str, id: &str) -> Sender {
        Sender {
            channel: channel.to_owned(),
            id: id.to_owned(),
        }
    }

    fn allowed(said: &[(&str, &[&str])]) -> Allowed {
        let owned = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect();
        said.iter()
            .map(|(channel, ids)| ((*channel).to_owned(), owned(ids)))
            .collect()
    }

    fn rules(enabled: bool, all: &[(&str, &[&str])], own: Option<Allowed>) -> ElevatedRules {
        ElevatedRules::new(&Elevated {
            enabled,
            allow_from: allowed(all),
            agent_allow_from: own,
            ..Elevated::default()
        })
    }

    fn decide(
        rules: &ElevatedRules,
        senders: &[Sender],
        elevated: ElevatedMode,
        person: Person,
    ) -> Result<Elevation, String> {
        rules.decide(&Circumstances {
            senders,
            elevated: Some(elevated),
            wider: &BTreeSet::new(),
            person,
        })
    }

    #[test]
    fn both_lists_must_name_the_sender() {
        let cli: &[(&str, &[&str])] = &[("cli", &["*"])];
        let me = sender("cli", "local");
        assert_eq!(rules(true, cli, None).admits(&me), Ok(()));
        for (rules, key) in [
            (rules(false, cli, None), "tools.elevated.enabled"),
            (rules(true, &[], None), "tools.elevated.allowFrom"),
            (
                rules(true, &[("telegram", &["*"])], None),
                "tools.elevated.allowFrom",
            ),
            (
                rules(true, &[("cli", &["somebody"])], None),
                "tools.elevated.allowFrom",
            ),
            (
                rules(true, cli, Some(Allowed::new())),
                "agents.list[].tools.elevated.allowFrom",
            ),
        ] {
            let why = rules.admits(&me).unwrap_err();
            assert!(why.contains(key), "{why}");
        }
        let any = rules(true, &[("*", &["7"])], Some(allowed(&[("cli", &["7"])])));
        assert_eq!(any.admits(&sender("cli", "7")), Ok(()));
        assert!(any.admits(&sender("telegram", "7")).is_err());
    }

    #[test]
    fn one_stranger_takes_the_walls_from_all() {
        let rules = rules(true, &[("cli", &["*"])], None);
        let (me, other) = (sender("cli", "local"), sender("telegram", "9"));
        let on = |senders: &[Sender]| decide(&rules, senders, ElevatedMode::On, Person::There);
        assert_eq!(
            on(std::slice::from_ref(&me)),
            Ok(Elevation::Free(Person::There))
        );
        assert!(on(&[]).is_err());
        assert!(on(&[me, other]).is_err());
    }

    #[test]
    fn a_mode_is_what_it_says() {
        use ElevatedMode::{Ask, Full, Off, On};
        use Person::{Away, There, Waived};
        let rules = rules(true, &[("*", &["*"])], None);
        let me = [sender("cli", "local")];
        for (mode, person, expected) in [
            (Off, There, None),
            (Ask, There, Some(Elevation::Asked)),
            (Ask, Away, None),
            (On, There, Some(Elevation::Free(There))),
            (On, Away, Some(Elevation::Free(Away))),
            (Full, There, Some(Elevation::Free(Waived))),
            (Full, Away, Some(Elevation::Free(Waived))),
        ] {
            assert_eq!(
                decide(&rules, &me, mode, person).ok(),
                expected,
                "{mode:?} {person:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn another_sender_never_allows_more(
            ids in proptest::collection::vec("[ab]", 1..4), all in "[ab*]", own in proptest::option::of("[ab*]"),
        ) {
            let own = own.map(|id| allowed(&[("cli", &[id.as_str()])]));
            let rules = rules(true, &[("cli", &[all.as_str()])], own);
            let senders: Vec<_> = ids.iter().map(|id| sender("cli", id)).collect();
            let allows = |senders: &[Sender]| {
                decide(&rules, senders, ElevatedMode::On, Person::There).is_ok()
            };
            if allows(&senders) {
                prop_assert!(allows(&senders[1..]) || senders.len() == 1);
            }
        }
    }
}
