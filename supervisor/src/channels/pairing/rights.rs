//! Who may do what only the owner of the gateway may. Pure.

use super::Standing;
use crate::config::TelegramAccount;

/// Anyone; never an owner.
const ANY: &str = "*";

/// Whether a sender is an owner: who is configured to be; where nobody is, who is listed by number
/// in the configuration; and where nobody is, who was paired first.
pub(crate) fn is_owner(account: &TelegramAccount, sender: &str, standing: Standing) -> bool {
    let is = |id: &String| id == sender && id != ANY;
    if account.owners.is_empty() && account.approvers.is_empty() {
        return match has_owner(account) {
            true => account.allow_from.iter().any(is),
            false => standing.paired && standing.first,
        };
    }
    account.owners.iter().chain(&account.approvers).any(is)
}

/// Whether the configuration says who owns the bot. Where it does not, the first one paired does.
pub(super) fn has_owner(account: &TelegramAccount) -> bool {
    let listed = account.allow_from.iter().any(|id| id != ANY);
    listed || !account.owners.is_empty() || !account.approvers.is_empty()
}
