//! Whose token decides: the gateway's, or that of a paired device that may pair.

use crate::config::{Config, GatewayAuth};
use crate::store::devices;
use secrecy::ExposeSecret as _;
use sha2::{Digest as _, Sha256};
use std::path::PathBuf;

/// What may be shown.
#[derive(Clone)]
pub(super) struct Keys {
    auth: GatewayAuth,
    devices: PathBuf,
}

/// Who showed it, for the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Holder(pub(super) String);

impl Keys {
    pub(super) fn of(config: &Config) -> Self {
        Self {
            auth: config.gateway.auth.clone(),
            devices: config.paths.paired_devices(),
        }
    }

    /// Whether nothing need be shown.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.auth, GatewayAuth::Open)
    }

    /// Whether there is any token.
    pub(super) fn any(&self) -> bool {
        self.secret().is_some() || self.pairing_devices().next().is_some()
    }

    /// Whose token this is. Reads the disk; compares with each, and always takes as long.
    pub(super) fn holder(&self, given: &str) -> Option<Holder> {
        let given_digest = Sha256::digest(given);
        let is_given = |token: &str| Sha256::digest(token) == given_digest;
        let gateway = self.secret().filter(|secret| is_given(secret));
        let mut holder = gateway.map(|_| Holder("the gateway's token".into()));
        for (id, token) in self.pairing_devices() {
            if is_given(&token) && !given.is_empty() {
                let short: String = id.chars().take(12).collect();
                holder = Some(Holder(format!("device {short}")));
            }
        }
        holder.filter(|_| !given.is_empty())
    }

    fn secret(&self) -> Option<&str> {
        match &self.auth {
            GatewayAuth::Token(secret) | GatewayAuth::Password(secret) => {
                Some(secret.expose_secret()).filter(|secret| !secret.is_empty())
            }
            GatewayAuth::Unset | GatewayAuth::Open => None,
        }
    }

    /// Devices that may pair, with their tokens. A file that can not be read holds none.
    fn pairing_devices(&self) -> impl Iterator<Item = (String, String)> + use<> {
        let devices = devices::paired(&self.devices).unwrap_or_else(|error| {
            tracing::warn!("no device may pair: failed to {error}");
            Default::default()
        });
        let tokens = devices.into_iter().map(|(id, device)| {
            let token = device.pairing_token().map(str::to_owned);
            token.map(|token| (id, token))
        });
        tokens.flatten()
    }
}
