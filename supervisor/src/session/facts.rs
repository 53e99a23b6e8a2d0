//! What a session tells of itself: `/status`, `/context`, `/usage`, `/subagents`.

use super::directive;
use super::driver::Driver;
use super::halt::shown;
use super::rules::Speaker;
use super::state::PhaseName;
use crate::message::{Button, Said};
use crate::store::{StoreError, UsageRow};
use ipc::model::Usage;
use ipc::transcript::ItemKind;
use std::collections::BTreeMap;

/// The kinds of items, as people know them.
const KINDS: [(ItemKind, &str); 5] = [
    (ItemKind::Summary, "summary of what was before"),
    (ItemKind::User, "messages"),
    (ItemKind::Answer, "answers"),
    (ItemKind::Outcome, "results of tools"),
    (ItemKind::Note, "notes of the gateway"),
];

impl Driver {
    /// `/status`.
    pub(super) async fn status(&self) -> Said {
        let (_, limits) = self.limits().await;
        let used = self.context_tokens();
        let level = self.services.level();
        let level = level.map_or_else(
            || "not probed yet".to_owned(),
            |level| format!("level {level}"),
        );
        let mut lines = vec![
            format!("Session: {} (agent {})", self.key, self.agent),
            self.model_in_words().await,
            self.thinking_in_words(),
            format!(
                "Context: about {} of {} tokens ({} %)",
                grouped(used),
                grouped(u64::from(limits.window)),
                used * 100 / u64::from(limits.window.max(1))
            ),
            self.queue_in_words(),
            format!("Now: {}", self.now_in_words()),
            format!(
                "Walls: {level}, network {}",
                super::start::network_name(&self.live.config)
            ),
        ];
        if self.policy.can_be_elevated() {
            let mode = directive::name(self.policy.elevated_mode(self.elevated));
            lines.push(format!("Elevated commands: {mode}"));
        }
        lines.push(format!("Used: {}", tokens(self.usage)));
        let mut row = Vec::new();
        if self.is_busy() {
            row.push(button("Stop", "/stop"));
        }
        row.extend([
            button("Model", "/model"),
            button("Context", "/context"),
            button("Usage", "/usage"),
        ]);
        Said {
            text: lines.join("\n"),
            buttons: vec![row],
        }
    }

    fn now_in_words(&self) -> String {
        let mut now = match &self.turn {
            Some(turn) => format!("at work for {} s", turn.elapsed().as_secs()),
            None if self.is_folding() => "folding its history".to_owned(),
            None => match self.state.phase() {
                PhaseName::Cold | PhaseName::Idle | PhaseName::InTurn | PhaseName::Stopping => {
                    "idle".to_owned()
                }
                PhaseName::Starting => "starting".to_owned(),
                PhaseName::Backoff => "waiting to try again".to_owned(),
            },
        };
        for (job, command, behind) in self.tools.under_way() {
            let behind = if behind { " in the background" } else { "" };
            now.push_str(&format!("; {job}{behind}: `{}`", shown(&command)));
        }
        let asked = self.services.approvals.waiting(Some(&self.key)).len();
        if asked > 0 {
            now.push_str(&format!("; {asked} waiting for approval"));
        }
        now
    }

    /// `/context`.
    pub(super) async fn context_in_words(&self) -> Said {
        let (chain, limits) = self.limits().await;
        let mut by_kind: BTreeMap<usize, (usize, u64)> = BTreeMap::new();
        for (_, item) in &self.transcript.context().items {
            let at = KINDS.iter().position(|(kind, _)| *kind == item.kind());
            let (many, tokens) = by_kind.entry(at.unwrap_or_default()).or_default();
            *many += 1;
            *tokens += u64::from(item.tokens());
        }
        let model = chain.first().map(ToString::to_string).unwrap_or_default();
        let mut lines = vec![format!(
            "About {} of {} tokens of {model}, besides the manuals and tools",
            grouped(self.context_tokens()),
            grouped(u64::from(limits.window))
        )];
        for ((many, tokens), (_, name)) in by_kind
            .iter()
            .filter_map(|(at, sum)| Some((*sum, KINDS.get(*at)?)))
        {
            lines.push(format!("- {name}: {many}, {} tokens", grouped(tokens)));
        }
        let fold = limits.window - limits.reserve.min(limits.window / 2);
        lines.push(format!(
            "History is folded at {} tokens, or with /compact",
            grouped(u64::from(fold))
        ));
        Said {
            text: lines.join("\n"),
            buttons: vec![vec![button("Fold now", "/compact")]],
        }
    }

    /// `/usage`: the session's, today's, by model.
    pub(super) async fn usage_in_words(&self, speaker: &Speaker) -> Result<Said, StoreError> {
        let store = &self.services.store;
        let now = jiff::Timestamp::now().as_millisecond();
        let rows = store.usage_of(&self.key).await?;
        let today = now.div_euclid(24 * 60 * 60 * 1000);
        let todays: Vec<_> = rows
            .iter()
            .filter(|row| row.day == today)
            .cloned()
            .collect();
        let mut text = format!("This session: {}", self.sum(&rows));
        text.push_str(&self.by_model(&rows));
        text.push_str(&format!("\nToday: {}", self.sum(&todays)));
        if speaker.owner {
            // What others use is nobody else's business.
            let all = store.usage_since(now).await?;
            text.push_str(&format!("\nToday, all sessions: {}", self.sum(&all)));
            text.push_str(&self.by_model(&all));
        }
        Ok(Said::text(text))
    }

    fn by_model(&self, rows: &[UsageRow]) -> String {
        let mut models: BTreeMap<&str, Vec<UsageRow>> = BTreeMap::new();
        for row in rows {
            models.entry(&row.model).or_default().push(row.clone());
        }
        let line =
            |(model, rows): (&&str, &Vec<UsageRow>)| format!("\n- {model}: {}", self.sum(rows));
        models.iter().map(line).collect()
    }

    /// Calls, tokens and what is known of their cost.
    fn sum(&self, rows: &[UsageRow]) -> String {
        let mut usage = Usage::default();
        let (mut calls, mut cost, mut priced) = (0, 0.0, false);
        for row in rows {
            usage += row.usage;
            calls += row.calls;
            let model = row.model.parse().ok();
            if let Some(price) = model.and_then(|model| self.live.models.price(&model, row.usage)) {
                (cost, priced) = (cost + price, true);
            }
        }
        let cost = if priced {
            format!(", ${cost:.4}")
        } else {
            String::new()
        };
        let calls = match calls {
            1 => "1 answer".to_owned(),
            calls => format!("{calls} answers"),
        };
        format!("{calls}, {}{cost}", tokens(usage))
    }

    /// `/subagents`.
    pub(super) async fn subagents(&self) -> Result<Said, StoreError> {
        let below = format!("{}:subagent:", self.key);
        let rows = self.services.store.list().await?;
        let mine = rows
            .iter()
            .filter(|row| row.session.as_str().starts_with(&below));
        let lines: Vec<String> = mine
            .map(|row| {
                format!(
                    "{} (agent {}): {}",
                    row.session,
                    row.agent,
                    tokens(row.usage)
                )
            })
            .collect();
        Ok(Said::text(match lines.is_empty() {
            true => "This session has no sub-agents.".to_owned(),
            false => lines.join("\n"),
        }))
    }
}

fn button(label: &str, command: &str) -> Button {
    Button {
        label: label.to_owned(),
        command: command.to_owned(),
    }
}

fn tokens(usage: Usage) -> String {
    format!(
        "{} tokens in ({} cached), {} out",
        grouped(usage.input),
        grouped(usage.cached),
        grouped(usage.output)
    )
}

/// `1234567` as `1,234,567`.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_numbers_are_grouped() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(grouped(number), text);
        }
    }
}
