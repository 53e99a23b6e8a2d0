//! The bot's menu of commands, as its server shows it to people.

use super::own;
use crate::channels::telegram::api::ApiError;
use crate::channels::telegram::bot::Bot;
use crate::config::CustomCommand;
use crate::session::manual;
use ipc::id::SessionKey;
use serde_json::{Value, json};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// Most commands of a menu.
const MOST: usize = 100;

/// What is stored of the menu that the server has.
const MENU: &str = "menu";

/// Where a menu is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    Everywhere,
    Private,
    Groups,
}

impl Scope {
    const ALL: [Self; 3] = [Self::Everywhere, Self::Private, Self::Groups];

    fn name(self) -> &'static str {
        match self {
            Self::Everywhere => "default",
            Self::Private => "all_private_chats",
            Self::Groups => "all_group_chats",
        }
    }

    /// Whether a command makes sense there.
    fn shows(self, command: &str) -> bool {
        match self {
            Self::Everywhere => true,
            Self::Private => command != "activation",
            Self::Groups => command != "start",
        }
    }
}

/// Has the server show our commands, or none where those are not wanted; says nothing where it shows
/// them already.
///
/// # Errors
/// What the server says; the next start tries again.
pub(crate) async fn register(bot: &Bot) -> Result<(), ApiError> {
    let native = bot.account.commands_native;
    let menus = Scope::ALL.map(|scope| menu(scope, &bot.account.custom_commands));
    let hash = fingerprint(native, &menus);
    let store = &bot.services.store;
    let whose = SessionKey(format!("telegram:{}", bot.id));
    // A disk that can not be read is no reason to have no menu.
    let known = store.setting(&whose, MENU).await.ok().flatten();
    if known.as_ref() == Some(&hash) {
        return Ok(());
    }
    for (scope, commands) in Scope::ALL.into_iter().zip(menus) {
        let scope = json!({ "type": scope.name() });
        match native {
            true => {
                let menu = json!({ "commands": commands, "scope": scope });
                bot.api.call_named("setMyCommands", &menu).await?;
            }
            false => {
                let menu = json!({ "scope": scope });
                bot.api.call_named("deleteMyCommands", &menu).await?;
            }
        }
    }
    if let Err(error) = store.set(&whose, MENU, Some(hash)).await {
        tracing::warn!(
            account = bot.account.id,
            "failed to {error}; the menu is told again"
        );
    }
    Ok(())
}

/// The commands of a scope, those of the configuration last; each name once.
fn menu(scope: Scope, custom: &[CustomCommand]) -> Vec<Value> {
    let ours = own::KNOWN.iter().chain(&manual::KNOWN);
    let ours = ours.map(|known| (known.name, known.what));
    let theirs = custom
        .iter()
        .map(|custom| (custom.command.as_str(), custom.description.as_str()));
    let mut menu: Vec<(&str, &str)> = Vec::new();
    for (name, what) in ours.chain(theirs) {
        let is_new = menu.iter().all(|(known, _)| *known != name);
        if is_new && scope.shows(name) && menu.len() < MOST {
            menu.push((name, what));
        }
    }
    let entry = |(name, what): (&str, &str)| json!({ "command": name, "description": what });
    menu.into_iter().map(entry).collect()
}

fn fingerprint(native: bool, menus: &[Vec<Value>]) -> String {
    let mut hasher = DefaultHasher::new();
    native.hash(&mut hasher);
    for menu in menus {
        Value::from(menu.clone()).to_string().hash(&mut hasher);
    }
    format!("{:016x}", hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(scope: Scope, custom: &[CustomCommand]) -> Vec<String> {
        let menu = menu(scope, custom);
        let name = |entry: &Value| entry["command"].as_str().unwrap().to_owned();
        menu.iter().map(name).collect()
    }

    #[test]
    fn every_menu_is_one_that_the_server_takes() {
        let custom: Vec<_> = (0..200)
            .map(|n| CustomCommand {
                command: format!("own_{n}"),
                description: "mine".to_owned(),
            })
            .collect();
        for scope in Scope::ALL {
            let menu = menu(scope, &custom);
            assert_eq!(menu.len(), MOST);
            for entry in menu {
                let name = entry["command"].as_str().unwrap();
                let fine = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
                assert!(
                    (1..=32).contains(&name.len()) && name.bytes().all(fine),
                    "{name}"
                );
                let what = entry["description"].as_str().unwrap();
                assert!((1..=256).contains(&what.chars().count()), "{what}");
            }
        }
    }

    #[test]
    fn a_menu_shows_what_can_be_said_there_and_nothing_twice() {
        let custom = [CustomCommand {
            command: "status".to_owned(),
            description: "another".to_owned(),
        }];
        let private = names(Scope::Private, &custom);
        assert!(!private.contains(&"activation".to_owned()));
        assert_eq!(private.iter().filter(|name| *name == "status").count(), 1);
        let groups = names(Scope::Groups, &custom);
        assert!(groups.contains(&"activation".to_owned()) && !groups.contains(&"start".to_owned()));
    }

    #[test]
    fn a_menu_is_told_again_only_when_it_changed() {
        let menus = [menu(Scope::Everywhere, &[])];
        assert_eq!(fingerprint(true, &menus), fingerprint(true, &menus));
        assert_ne!(fingerprint(true, &menus), fingerprint(false, &menus));
        assert_ne!(fingerprint(true, &menus), fingerprint(true, &[Vec::new()]));
    }
}
