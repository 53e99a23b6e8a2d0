//! What a person chooses for a session: its model, how long that thinks, how messages queue.

use super::chosen::{self, LEVELS, QUEUE, QUEUE_MODES, THINKING};
use super::directive::Choice;
use super::driver::Driver;
use super::rules;
use super::state::Input;
use crate::config::{Config, ModelRef, QueueMode, Thinking};
use crate::message::{Button, Said};
use crate::store::StoreError;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// Buttons for models; who wants another types its name.
const MAX_BUTTONS: usize = 12;
/// Models in a list.
const MAX_LISTED: usize = 100;

/// How `/model` is told.
const MODEL_HOW: &str =
    "say /model provider/model, or a short name that is configured, or /model default";

impl Driver {
    /// `/model`.
    pub(super) async fn choose_model(&mut self, choice: Choice<&str>) -> Result<Said, StoreError> {
        let live = self.services.live.load_full();
        match choice {
            Choice::How => Ok(Said::text(MODEL_HOW)),
            Choice::Show => {
                let text = self.model_in_words().await;
                let buttons = model_buttons(&self.models_there_are(&live.config));
                Ok(Said { text, buttons })
            }
            Choice::Default => {
                self.pin(None).await?;
                Ok(Said::text(self.model_in_words().await))
            }
            Choice::Set(name) => match self.model_named(&live.config, name) {
                Err(why) => Ok(Said::text(why)),
                Ok(model) => {
                    if let Some(why) = live.models.why_not(&self.agent, &model) {
                        return Ok(Said::text(format!("{model} can not be used: {why}")));
                    }
                    self.pin(Some(model.to_string())).await?;
                    Ok(Said::text(self.model_in_words().await))
                }
            },
        }
    }

    /// From the next model call on; the next turn's agent process knows the new window.
    async fn pin(&mut self, model: Option<String>) -> Result<(), StoreError> {
        let store = &self.services.store;
        let session = self.transcript.session();
        store.pin_model(session, model.clone()).await?;
        if self.pinned != model {
            self.pinned = model;
            self.apply(Input::Renew).await;
        }
        Ok(())
    }

    /// The model that answers, and why that one.
    pub(super) async fn model_in_words(&self) -> String {
        let live = self.services.live.load_full();
        let pinned = self.pinned_model();
        let chain = live.models.chain(&self.agent, pinned.as_ref()).await;
        let Some(first) = chain.first() else {
            return "No model.".to_owned();
        };
        let configured = rules::configured(&live, &self.agent).model;
        let why = if pinned.as_ref() == Some(first) {
            "chosen for this session".to_owned()
        } else if configured.primary.as_ref() == Some(first) {
            "configured".to_owned()
        } else if configured.fallbacks.contains(first) {
            "a configured fallback: what stands before it can not be used".to_owned()
        } else if first.provider == crate::model::OFFLINE {
            "built in: no model can be used".to_owned()
        } else {
            "found on this machine".to_owned()
        };
        let mut text = format!("Model: {first} ({why})");
        let rest: Vec<String> = chain.iter().skip(1).map(ToString::to_string).collect();
        if !rest.is_empty() {
            text.push_str(&format!(", then {}", rest.join(", ")));
        }
        text
    }

    /// `/models`.
    pub(super) async fn models(&self, provider: Option<&str>) -> Said {
        let live = self.services.live.load_full();
        let all = self.models_there_are(&live.config);
        let wanted = |model: &&(ModelRef, Option<String>)| {
            provider.is_none_or(|provider| model.0.provider.eq_ignore_ascii_case(provider))
        };
        let some: Vec<_> = all.iter().filter(wanted).cloned().collect();
        if some.is_empty() {
            return Said::text(match provider {
                Some(provider) => format!("No model of {provider} is configured."),
                None => "No model is configured; any provider/model can be chosen with /model."
                    .to_owned(),
            });
        }
        let line = |(model, alias): &(ModelRef, Option<String>)| {
            let alias = alias.as_ref().map(|alias| format!(" ({alias})"));
            let why = live.models.why_not(&self.agent, model);
            let why = why.map(|why| format!(": {why}"));
            format!(
                "{model}{}{}",
                alias.unwrap_or_default(),
                why.unwrap_or_default()
            )
        };
        let lines: Vec<String> = some.iter().take(MAX_LISTED).map(line).collect();
        Said {
            text: lines.join("\n"),
            buttons: model_buttons(&some),
        }
    }

    /// The models a person may choose, with their short names; those of the agent's chain first.
    fn models_there_are(&self, config: &Config) -> Vec<(ModelRef, Option<String>)> {
        let agent = config
            .agent(&self.agent)
            .unwrap_or_else(|| config.default_agent());
        let by_model: BTreeMap<&ModelRef, &String> = config
            .aliases
            .iter()
            .map(|(alias, model)| (model, alias))
            .collect();
        let provided = config.providers.iter().flat_map(|(provider, entry)| {
            entry.models.iter().map(|model| ModelRef {
                provider: provider.clone(),
                model: model.id.clone(),
            })
        });
        // Where choices are named, those are all.
        let provided = provided.filter(|_| config.choices.is_empty());
        let all = agent.model.iter().cloned();
        let all = all.chain(config.choices.iter().cloned()).chain(provided);
        let mut there: Vec<(ModelRef, Option<String>)> = Vec::new();
        for model in all {
            if there.iter().all(|(known, _)| *known != model) {
                let alias = by_model.get(&model).map(|alias| (*alias).clone());
                there.push((model, alias));
            }
        }
        there
    }

    /// The model a person means.
    fn model_named(&self, config: &Config, name: &str) -> Result<ModelRef, String> {
        let there = self.models_there_are(config);
        let by_mark = there
            .iter()
            .find(|(model, alias)| {
                let known = alias.clone().unwrap_or_else(|| model.to_string());
                name == mark(&known)
            })
            .map(|(model, _)| model);
        let alias = config.aliases.get(&name.to_ascii_lowercase());
        let model = match alias.or(by_mark) {
            Some(model) => model.clone(),
            None => match name.parse::<ModelRef>() {
                Ok(model) => model,
                Err(_) => the_one(&there, name)?,
            },
        };
        if config.choices.is_empty() || there.iter().any(|(known, _)| *known == model) {
            Ok(model)
        } else {
            Err(format!(
                "{model} is not among the models that may be chosen here; /models shows them"
            ))
        }
    }

    /// The model that `/new MODEL …` names, and what is left of the words.
    pub(super) fn model_at_front<'a>(&self, words: &'a str) -> (Option<String>, &'a str) {
        let live = self.services.live.load_full();
        let (first, rest) = words.split_once(char::is_whitespace).unwrap_or((words, ""));
        let there = self.models_there_are(&live.config);
        let alias = live
            .config
            .aliases
            .get(&first.to_ascii_lowercase())
            .cloned();
        let named = alias.or_else(|| {
            let model = first.parse::<ModelRef>().ok()?;
            there
                .iter()
                .any(|(known, _)| *known == model)
                .then_some(model)
        });
        match named {
            Some(model) => (Some(model.to_string()), rest.trim_start()),
            None => (None, words),
        }
    }

    /// `/think`.
    pub(super) async fn choose_thinking(
        &mut self,
        choice: Choice<Thinking>,
    ) -> Result<Said, StoreError> {
        let level = match choice {
            Choice::Show | Choice::How => {
                let buttons = LEVELS.map(chosen::thinking_name);
                return Ok(Said {
                    text: self.thinking_in_words(),
                    buttons: rows("/think", &buttons),
                });
            }
            Choice::Default => None,
            Choice::Set(level) => Some(level),
        };
        let value = level.map(|level| chosen::thinking_name(level).to_owned());
        self.services.store.set(&self.key, THINKING, value).await?;
        self.said.thinking = level;
        Ok(Said::text(self.thinking_in_words()))
    }

    /// How long the model thinks, and by whose word.
    pub(super) fn thinking_in_words(&self) -> String {
        match (self.said.thinking, self.config().thinking) {
            (Some(level), _) => {
                format!(
                    "Thinking: {} (chosen for this session)",
                    chosen::thinking_name(level)
                )
            }
            (None, Some(level)) => {
                format!("Thinking: {} (configured)", chosen::thinking_name(level))
            }
            (None, None) => "Thinking: as the provider has it".to_owned(),
        }
    }

    /// `/queue`.
    pub(super) async fn choose_queue(
        &mut self,
        choice: Choice<QueueMode>,
    ) -> Result<Said, StoreError> {
        let mode = match choice {
            Choice::Show | Choice::How => {
                let buttons = QUEUE_MODES.map(chosen::queue_name);
                return Ok(Said {
                    text: self.queue_in_words(),
                    buttons: rows("/queue", &buttons),
                });
            }
            Choice::Default => None,
            Choice::Set(mode) => Some(mode),
        };
        let value = mode.map(|mode| chosen::queue_name(mode).to_owned());
        self.services.store.set(&self.key, QUEUE, value).await?;
        self.said.queue = mode;
        self.set_settings();
        Ok(Said::text(self.queue_in_words()))
    }

    /// What becomes of messages that come in a turn, and how many wait.
    pub(super) fn queue_in_words(&self) -> String {
        let mode = self.queue_mode();
        let whose = match self.said.queue {
            Some(_) => "chosen for this session",
            None => "configured",
        };
        let means = match mode {
            QueueMode::Collect => "they become one turn after this one",
            QueueMode::Followup => "each becomes a turn of its own after this one",
            QueueMode::Steer => "they are read before this turn's next model call",
            QueueMode::Interrupt => "this turn is stopped for them",
        };
        let waiting = match self.inputs.len() {
            0 => "none waits".to_owned(),
            1 => "one waits".to_owned(),
            many => format!("{many} wait"),
        };
        format!(
            "Messages in a turn: {} ({whose}): {means}; {waiting}",
            chosen::queue_name(mode)
        )
    }

    /// What becomes of a message that arrives during a turn.
    pub(super) fn queue_mode(&self) -> QueueMode {
        let configured = || rules::mode(&self.live.config, &self.channel);
        self.said.queue.unwrap_or_else(configured)
    }

    /// The lifecycle goes by what is configured and chosen now.
    pub(super) fn set_settings(&mut self) {
        let settings = rules::settings(&self.live, &self.channel, self.said.queue);
        self.state.set(settings);
    }
}

/// The only model of that name, whoever provides it.
fn the_one(there: &[(ModelRef, Option<String>)], name: &str) -> Result<ModelRef, String> {
    let named = |model: &&(ModelRef, Option<String>)| model.0.model.eq_ignore_ascii_case(name);
    let found: Vec<_> = there.iter().filter(named).map(|(model, _)| model).collect();
    match found.as_slice() {
        [model] => Ok((*model).clone()),
        [] => Err(format!("no model is called {name}; {MODEL_HOW}")),
        several => {
            let several: Vec<String> = several.iter().map(ToString::to_string).collect();
            Err(format!("{name} could be any of {}", several.join(", ")))
        }
    }
}

/// The longest command a button holds everywhere, in bytes.
const MAX_COMMAND: usize = 64;

/// What chooses the model of that name; a long one has a mark instead, which stays the same.
fn command_for(name: &str) -> String {
    let command = format!("/model {name}");
    match command.len() <= MAX_COMMAND {
        true => command,
        false => format!("/model {}", mark(name)),
    }
}

/// A short name made of a long one: `#1f2e3d4c5b6a7988`.
fn mark(name: &str) -> String {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    format!("#{:016x}", hasher.finish())
}

fn model_buttons(models: &[(ModelRef, Option<String>)]) -> Vec<Vec<Button>> {
    let button = |(model, alias): &(ModelRef, Option<String>)| {
        let name = alias.clone().unwrap_or_else(|| model.to_string());
        vec![Button {
            command: command_for(&name),
            label: name,
        }]
    };
    let mut rows: Vec<_> = models.iter().take(MAX_BUTTONS).map(button).collect();
    if !rows.is_empty() {
        rows.push(vec![Button {
            label: "as configured".to_owned(),
            command: "/model default".to_owned(),
        }]);
    }
    rows
}

/// A button for each word, three in a row, and one for the default.
fn rows(command: &str, words: &[&str]) -> Vec<Vec<Button>> {
    let button = |word: &&str| Button {
        label: (*word).to_owned(),
        command: format!("{command} {word}"),
    };
    let mut rows: Vec<Vec<Button>> = words
        .chunks(3)
        .map(|row| row.iter().map(button).collect())
        .collect();
    rows.push(vec![button(&"default")]);
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_model_has_a_button_that_fits() {
        assert_eq!(command_for("openai/gpt-5"), "/model openai/gpt-5");
        let long = format!("openrouter/{}", "very-long-".repeat(9));
        assert_eq!(command_for(&long), format!("/model {}", mark(&long)));
        assert!(command_for(&long).len() <= MAX_COMMAND);
        assert_ne!(mark(&long), mark("another"));
    }

    #[test]
    fn a_model_is_found_by_its_bare_name_if_only_one_has_it() {
        let there: Vec<(ModelRef, Option<String>)> = ["a/x", "b/x", "a/y"]
            .map(|name| (name.parse().unwrap(), None))
            .into();
        assert_eq!(the_one(&there, "Y").unwrap().to_string(), "a/y");
        assert!(the_one(&there, "x").unwrap_err().contains("a/x, b/x"));
        assert!(the_one(&there, "z").is_err());
    }
}
