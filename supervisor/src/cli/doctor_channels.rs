//! What `openclaw doctor` says of channels: who may speak, and to what.

use crate::config::{Config, DmPolicy, GroupPolicy, TelegramAccount};
use ipc::tool_args::ExecSecurity;

/// Each account, and how it is set up; `Err` where anybody at all may have commands run.
pub(super) fn accounts(config: &Config) -> Vec<Result<String, String>> {
    let runs = config.default_agent().tools.exec.security != ExecSecurity::Deny;
    let each = config.telegram.iter();
    each.map(|account| match open_door(account).filter(|_| runs) {
        Some(door) => Err(format!(
            "{}: anybody may write to it {door}, and have commands run in the sandbox; {MEND}",
            account.id
        )),
        None => Ok(format!("{}: set up", account.id)),
    })
    .collect()
}

const MEND: &str = "name people in allowFrom and groupAllowFrom (dmPolicy \"pairing\" asks you for \
                    each), or set tools.exec.security to \"deny\"";

/// Where anybody who finds the bot is heard.
fn open_door(account: &TelegramAccount) -> Option<&'static str> {
    let anybody = |list: &[String]| list.iter().any(|id| id == "*");
    let listed = account
        .group_allow_from
        .as_ref()
        .unwrap_or(&account.allow_from);
    let in_private = match account.dm_policy {
        DmPolicy::Open => true,
        DmPolicy::Allowlist | DmPolicy::Pairing => anybody(&account.allow_from),
        DmPolicy::Disabled => false,
    };
    // Groups that are listed are a choice of their own: then it is their members who are heard.
    let any_group = account.groups.is_empty() || account.groups.contains_key("*");
    let in_groups = any_group
        && match account.group_policy {
            GroupPolicy::Open => true,
            GroupPolicy::Allowlist => anybody(listed),
            GroupPolicy::Disabled => false,
        };
    match (in_private, in_groups) {
        (true, true) => Some("in private and in any group"),
        (true, false) => Some("in private"),
        (false, true) => Some("in any group"),
        (false, false) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Env, Source};
    use std::path::Path;

    const TOKEN: &str = "123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw0";

    /// What is said of a channel of these settings beside a token.
    fn said(settings: &str, rest: &str) -> Result<String, String> {
        let text =
            format!("{{channels: {{telegram: {{botToken: '{TOKEN}', {settings}}}}}, {rest}}}");
        let env: Env = [("OPENCLAW_STATE_DIR", "/nowhere")].into_iter().collect();
        let config = Source::new(env, Path::new("/")).load_text(&text).unwrap();
        accounts(&config).remove(0)
    }

    #[test]
    fn a_door_that_is_open_to_anybody_is_named() {
        assert!(said("", "").is_ok());
        assert!(
            said(
                "allowFrom: [42], groupPolicy: 'open', groups: {'-1': {}}",
                ""
            )
            .is_ok()
        );
        let open = "dmPolicy: 'open', allowFrom: ['*']";
        let words = said(open, "").unwrap_err();
        assert!(words.contains("in private and in any group"), "{words}");
        assert!(
            said("groupPolicy: 'open'", "")
                .unwrap_err()
                .contains("in any group")
        );
        assert!(said(open, "tools: {exec: {security: 'deny'}}").is_ok());
    }
}
