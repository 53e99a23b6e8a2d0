//! An account's token: where it is said, and whether it is one.

use super::super::super::include::read_bounded;
use super::super::super::key_path::KeyPath;
use super::super::super::node::Span;
use super::super::Builder;
use super::people::is_user;
use super::{Both, is_secret};
use crate::config::DEFAULT_ACCOUNT;
use secrecy::SecretString;

/// The variable that holds the default account's token.
const TOKEN: &str = "TELEGRAM_BOT_TOKEN";

impl Builder<'_> {
    /// Its token, wherever that is said.
    pub(super) fn token(&mut self, id: &str, both: &Both<'_>) -> Option<SecretString> {
        for view in both.with_token(id) {
            let file = view.get("tokenFile");
            if let Some(path) = self.path(&file) {
                let read = read_bounded(&path);
                let shown = path.display();
                let failed = |error| format!("cannot read {shown}: {error}");
                let text = read.map_err(failed);
                return self.shaped(file.at(), &file.key, text);
            }
            let said = view.get("botToken");
            if let Some(text) = said.text().filter(|text| !text.trim().is_empty()) {
                return self.shaped(said.at(), &said.key, Ok(text.to_owned()));
            }
        }
        let given = self.given.env.get(TOKEN).filter(|_| id == DEFAULT_ACCOUNT);
        if let Some(text) = given {
            let key = KeyPath::default().key(TOKEN);
            return self.shaped(Span::ENVIRONMENT, &key, Ok(text.to_owned()));
        }
        let whole = both.whole();
        if both.own.is_some() || whole.get("enabled").flag() == Some(true) {
            let or = if id == DEFAULT_ACCOUNT {
                ", tokenFile or TELEGRAM_BOT_TOKEN"
            } else {
                " or tokenFile"
            };
            let message = format!("no bot runs without botToken{or}");
            self.findings.warn(whole.at(), &whole.key, message);
        }
        None
    }

    /// A token of the shape they have. What it is is never told.
    fn shaped(
        &mut self,
        at: Span,
        key: &KeyPath,
        text: Result<String, String>,
    ) -> Option<SecretString> {
        let shaped = text.and_then(|text| {
            let token = text.trim();
            is_token(token).then(|| SecretString::from(token)).ok_or_else(|| {
                "expected a bot's token, digits:letters as @BotFather gave it, found something else".into()
            })
        });
        shaped
            .map_err(|message: String| self.findings.error(at, key, message))
            .ok()
    }
}

fn is_token(text: &str) -> bool {
    text.split_once(':').is_some_and(|(bot, secret)| {
        is_user(bot) && (20..=128).contains(&secret.len()) && is_secret(secret)
    })
}
