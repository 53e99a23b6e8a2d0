//! How the gateway's TCP door is: known here for `health`, opened by `http`.

use ipc::control::PartHealth;
use std::net::SocketAddr;

/// The TCP door.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Door {
    /// A gateway that lasts as long as a command has none.
    #[default]
    None,
    /// It listens.
    Open(SocketAddr),
    /// It does not, for a reason with its mend; that is tried again.
    Shut(String),
}

impl Door {
    /// Its line in `health`.
    pub(crate) fn health(&self) -> Option<PartHealth> {
        let (ok, detail) = match self {
            Self::None => return None,
            Self::Open(address) => (true, format!("ok (http://{address})")),
            Self::Shut(why) => (false, why.clone()),
        };
        Some(PartHealth {
            name: "HTTP".into(),
            ok,
            detail,
        })
    }
}
