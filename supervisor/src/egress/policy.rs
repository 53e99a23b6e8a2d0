//! Who may be reached. Pure: names in, addresses in, a verdict out.
//!
//! Twice: [`EgressPolicy::decide`] before a name is looked up, [`EgressPolicy::judge`] when it is
//! known where it leads. Only an address that was judged is connected to.

use super::address::{self, Kind};
use super::name::{Host, Name};
use super::presets;
use super::rule::Rule;
use crate::config::{Egress, EgressMode};
use std::net::IpAddr;

/// What an agent's tools may reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EgressPolicy {
    mode: EgressMode,
    /// The list, presets included.
    allow: Vec<Rule>,
    deny: Vec<Rule>,
    ports: Vec<u16>,
    private: Vec<Rule>,
    max_connections: usize,
    max_bytes: Option<u64>,
}

/// A destination that policy has nothing against so far; its addresses are still to be judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// Only addresses that `private` names with this port: the port is not open otherwise.
    only_named: bool,
    /// `private` names the host itself.
    named: bool,
}

/// A no, with its reason. Its text is what the model and the program read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("denied by egress policy: {host} ({reason})")]
pub struct Denial {
    /// To whom.
    pub host: String,
    /// On which port; 0 where it was not known yet.
    pub port: u16,
    /// Why, and what a person can change.
    pub reason: String,
}

// === impl EgressPolicy ===

impl EgressPolicy {
    /// The policy of `config`, and what of it makes no sense. Such an entry is left out, which
    /// never widens the policy except for an entry of `deny`: nothing is open then.
    #[must_use]
    pub fn new(config: &Egress) -> (Self, Vec<String>) {
        let Egress {
            mode,
            allow,
            presets,
            deny,
            ports,
            private,
            max_connections,
            max_bytes,
        } = config;
        let mut warnings = Vec::new();
        let mut read = |key: &str, entries: &[String]| -> Vec<Rule> {
            let mut rules = Vec::new();
            for entry in entries {
                match entry.parse() {
                    Ok(rule) => rules.push(rule),
                    Err(error) => warnings.push(format!("tools.egress.{key}: {error}")),
                }
            }
            rules
        };
        let mut allowed = read("allow", allow);
        let denied = read("deny", deny);
        let private = read("private", private);
        let known = presets.iter().flat_map(|preset| presets::entries(*preset));
        allowed.extend(known.filter_map(|entry| entry.parse().ok()));
        // Whom it should have kept out is not known, so it keeps out everybody.
        let mode = if denied.len() < deny.len() {
            EgressMode::Off
        } else {
            *mode
        };
        let policy = Self {
            mode,
            allow: allowed,
            deny: denied,
            ports: ports.clone(),
            private,
            max_connections: usize::try_from(*max_connections).unwrap_or(usize::MAX),
            max_bytes: *max_bytes,
        };
        (policy, warnings)
    }

    /// Connections of one session at once.
    #[must_use]
    pub fn max_connections(&self) -> usize {
        self.max_connections
    }

    /// Bytes of one session, both ways together.
    #[must_use]
    pub fn max_bytes(&self) -> Option<u64> {
        self.max_bytes
    }

    /// Whether `host` may be spoken to on `port`, as far as its name tells.
    ///
    /// # Errors
    /// The [`Denial`] is for the program, the model and the record.
    pub fn decide(&self, host: &Host, port: u16) -> Result<Terms, Denial> {
        let decided = self.refuse_all().and_then(|()| match host {
            Host::Name(name) => self.decide_name(name, port),
            Host::Address(address) => self.decide_address(*address, port),
        });
        decided.map_err(|reason| denial(host, port, reason))
    }

    /// Whether `name` may be looked up: whether there is a port on which it may be spoken to.
    ///
    /// # Errors
    /// As for [`Self::decide`], with port 0.
    pub fn decide_lookup(&self, name: &Name) -> Result<(), Denial> {
        let decided = self.refuse_all().and_then(|()| {
            let whole = |rule: &&Rule| rule.port().is_none() && rule.names(name);
            match self.deny.iter().find(whole) {
                Some(_) => Err(DENIED.to_owned()),
                None => self.refuse_unlisted(name, None),
            }
        });
        decided.map_err(|reason| denial(&Host::Name(name.clone()), 0, reason))
    }

    /// Whether all of `addresses`, to which `host` leads, may be connected to. A name with one
    /// address that is refused is refused: a name that changes its mind between two looks is how
    /// walls like this are got around.
    ///
    /// # Errors
    /// The [`Denial`] names the address.
    pub fn judge(
        &self,
        host: &Host,
        port: u16,
        terms: Terms,
        addresses: &[IpAddr],
    ) -> Result<(), Denial> {
        let refused = addresses
            .iter()
            .find_map(|address| self.objection(host, port, terms, *address));
        refused.map_or(Ok(()), |reason| Err(denial(host, port, reason)))
    }

    fn refuse_all(&self) -> Result<(), String> {
        match self.mode {
            EgressMode::Off => Err("this session reaches nobody: tools.egress.mode is off, or an entry of tools.egress.deny is nonsense".to_owned()),
            EgressMode::Allowlist | EgressMode::Open => Ok(()),
        }
    }

    fn decide_name(&self, name: &Name, port: u16) -> Result<Terms, String> {
        let speaks = |rule: &Rule| rule.names(name);
        if self
            .deny
            .iter()
            .any(|rule| speaks(rule) && is_about(rule, port))
        {
            return Err(DENIED.to_owned());
        }
        let named = self
            .private
            .iter()
            .any(|rule| speaks(rule) && self.opens(rule, port));
        if name.is_localhost() && !named {
            return Err(format!(
                "it is the session itself: reach it without the proxy (NO_PROXY), or name \
                 \"{name}:{port}\" in tools.egress.private to mean the gateway's machine"
            ));
        }
        self.refuse_unlisted(name, Some(port))?;
        let listed = self
            .allow
            .iter()
            .any(|rule| speaks(rule) && rule.port() == Some(port));
        let only_named = !(named || listed || self.ports.contains(&port));
        let perhaps = self
            .private
            .iter()
            .any(|rule| rule.is_net() && rule.port() == Some(port));
        if only_named && !perhaps {
            return Err(self.port_is_closed(port));
        }
        Ok(Terms { only_named, named })
    }

    /// In an allow-list, whether `name` is on it; with a port, for that port.
    fn refuse_unlisted(&self, name: &Name, port: Option<u16>) -> Result<(), String> {
        let is_listed =
            |rule: &Rule| rule.names(name) && port.is_none_or(|port| is_about(rule, port));
        let listed = match self.mode {
            EgressMode::Open => true,
            EgressMode::Allowlist => self.allow.iter().chain(&self.private).any(is_listed),
            EgressMode::Off => false,
        };
        if listed {
            return Ok(());
        }
        Err("it is not on the list: a person can name it in tools.egress.allow".to_owned())
    }

    fn decide_address(&self, address: IpAddr, port: u16) -> Result<Terms, String> {
        if self.denies_address(address, port) {
            return Err(DENIED.to_owned());
        }
        if self.names_private(address, port) {
            return Ok(Terms {
                only_named: true,
                named: false,
            });
        }
        if let Some(kind) = address::refused(address) {
            return Err(private_hint(&kind.to_string(), address, port));
        }
        let allowed = |rule: &Rule| rule.holds(address) && self.opens(rule, port);
        if self.allow.iter().any(allowed) {
            return Ok(Terms {
                only_named: false,
                named: false,
            });
        }
        Err(
            "only names are reached, not addresses: a person can name it in tools.egress.allow"
                .to_owned(),
        )
    }

    fn objection(&self, host: &Host, port: u16, terms: Terms, address: IpAddr) -> Option<String> {
        if self.denies_address(address, port) {
            return Some(format!("it leads to {address}: {DENIED}"));
        }
        if self.names_private(address, port) {
            return None;
        }
        match address::refused(address) {
            None => terms.only_named.then(|| self.port_is_closed(port)),
            Some(kind) if terms.named && may_be_behind(host, kind) => None,
            Some(kind) => {
                let what = format!("it leads to {address}, {kind}");
                Some(private_hint(&what, address, port))
            }
        }
    }

    fn denies_address(&self, address: IpAddr, port: u16) -> bool {
        let denies = |rule: &Rule| rule.holds(address) && is_about(rule, port);
        self.deny.iter().any(denies)
    }

    /// Whether `private` names this address, for this port.
    pub(super) fn names_private(&self, address: IpAddr, port: u16) -> bool {
        let names = |rule: &Rule| rule.holds(address) && self.opens(rule, port);
        self.private.iter().any(names)
    }

    /// Whether `rule` opens `port`: the one it names, or else one of the open ones.
    fn opens(&self, rule: &Rule, port: u16) -> bool {
        rule.port()
            .map_or_else(|| self.ports.contains(&port), |own| own == port)
    }

    fn port_is_closed(&self, port: u16) -> String {
        let open: Vec<String> = self.ports.iter().map(u16::to_string).collect();
        format!(
            "port {port} is closed, open: {}; a person can add it to tools.egress.ports",
            open.join(", ")
        )
    }
}

const DENIED: &str = "a person has named it in tools.egress.deny";

fn denial(host: &Host, port: u16, reason: String) -> Denial {
    Denial {
        host: host.to_string(),
        port,
        reason,
    }
}

/// Whether `rule` is about `port`: it names it, or none.
fn is_about(rule: &Rule, port: u16) -> bool {
    rule.port().is_none_or(|own| own == port)
}

fn private_hint(what: &str, address: IpAddr, port: u16) -> String {
    let address = Host::Address(address);
    format!("{what}; a person can name \"{address}:{port}\" in tools.egress.private")
}

/// What a named host may lead to. The machine itself and a cloud's metadata are only reached by
/// who names their address: whoever keeps the host's name could point it there.
fn may_be_behind(host: &Host, kind: Kind) -> bool {
    match kind {
        Kind::Private | Kind::Shared => true,
        Kind::Loopback => match host {
            Host::Name(name) => name.is_localhost(),
            Host::Address(_) => false,
        },
        Kind::Unspecified
        | Kind::LinkLocal
        | Kind::Metadata
        | Kind::Benchmark
        | Kind::Multicast
        | Kind::Embedded
        | Kind::Reserved => false,
    }
}

#[cfg(test)]
mod tests;
