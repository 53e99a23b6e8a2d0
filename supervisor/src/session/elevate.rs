//! `/elevated`: wider walls for commands that ask for them.

use super::directive;
use super::driver::Driver;
use super::rules;
use crate::audit::Event;
use crate::config::{ElevatedMode, ElevatedWalls};
use crate::policy::Sender;
use crate::store::StoreError;
use ipc::control::Activity;

/// Why an elevated background command ended.
const SWITCHED_OFF: &str = "elevated commands were switched off";

impl Driver {
    /// Tells whoever may not switch wider walls on that they may not: their words are words.
    pub(super) fn admitted(&mut self, sender: &Sender) -> Option<()> {
        let Err(why) = self.policy.may_elevate(sender) else {
            return Some(());
        };
        let text = format!("elevated commands are not yours to switch on or off: {why}");
        self.services.audit.record(Event::Refused {
            session: self.key.clone(),
            tool: "/elevated".to_owned(),
            reason: text.clone(),
        });
        self.tell(Activity::Notice { text });
        None
    }

    pub(super) async fn elevate(
        &mut self,
        sender: &Sender,
        mode: ElevatedMode,
    ) -> Result<String, StoreError> {
        let name = directive::name(mode);
        self.services
            .store
            .set_elevated(self.transcript.session(), name)
            .await?;
        let before = self.policy.elevated_mode(self.elevated);
        self.elevated = Some(mode);
        self.services.audit.record(Event::Elevated {
            session: self.key.clone(),
            by: rules::in_words(sender),
            what: name.to_owned(),
        });
        if mode == ElevatedMode::Off {
            // What still runs there could be told what to do.
            for job in &self.wider {
                self.tools.kill(Some(job), SWITCHED_OFF);
            }
        }
        if before != mode {
            self.news.push(news(mode));
        }
        Ok(self.elevated_in_words())
    }

    pub(super) fn elevated_in_words(&self) -> String {
        let mode = self.policy.elevated_mode(self.elevated);
        let walls = &self.config().tools.elevated.walls;
        let text = format!("Elevated commands: {}.", directive::name(mode));
        match mode {
            ElevatedMode::Off => format!("{text} Every command runs in the session's own walls."),
            ElevatedMode::Ask | ElevatedMode::On | ElevatedMode::Full => {
                format!("{text} {} {}", meaning(mode), wider(walls))
            }
        }
    }
}

fn meaning(mode: ElevatedMode) -> &'static str {
    match mode {
        ElevatedMode::Off => "None runs.",
        ElevatedMode::Ask => "Each one waits for your word.",
        ElevatedMode::On => "They go by the exec policy, as others do.",
        ElevatedMode::Full => "They run without anybody being asked.",
    }
}

/// What the wider walls are.
fn wider(walls: &ElevatedWalls) -> String {
    let list = |paths: &[std::path::PathBuf]| {
        let shown: Vec<_> = paths.iter().map(|p| p.display().to_string()).collect();
        shown.join(", ")
    };
    let mut text = format!("Their network is {}", walls.network.name());
    if !walls.read_paths.is_empty() {
        text.push_str(&format!("; they read {}", list(&walls.read_paths)));
    }
    if !walls.write_paths.is_empty() {
        text.push_str(&format!("; they write {}", list(&walls.write_paths)));
    }
    text.push_str(". Keys and the gateway's state stay out of reach.");
    text
}

/// What the model is to know with the next turn.
fn news(mode: ElevatedMode) -> String {
    match mode {
        ElevatedMode::Off => {
            "The person switched elevated commands off: exec with `elevated` is denied now."
                .to_owned()
        }
        ElevatedMode::Ask | ElevatedMode::On | ElevatedMode::Full => format!(
            "The person switched elevated commands to {}: exec with `elevated: true` runs in wider walls \
             now. Use it only for what needs them.",
            directive::name(mode)
        ),
    }
}
