//! `devices/paired.json`: the devices a person has let in, in OpenClaw's format. Nothing speaks to
//! devices yet; the file is read so that `doctor` can say how it is, and for the tokens that may say
//! who is let in. It is left as it is.

use super::StoreError;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

/// One paired device. What else its entry holds is not looked at.
#[derive(Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Device {
    /// Hex SHA-256 of its public key; also the key of its entry.
    pub device_id: String,
    /// Its raw Ed25519 key, base64url without padding.
    pub public_key: String,
    /// What it may do: `operator`, `node`.
    #[serde(default)]
    pub roles: Vec<String>,
    /// What of that it was approved for: `operator.write`.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// Its tokens by role.
    #[serde(default)]
    tokens: BTreeMap<String, Token>,
    /// What it was approved for by a person; more than that no token is good for.
    approved_scopes: Option<Vec<String>>,
}

/// A device's token.
#[derive(Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Token {
    token: Option<String>,
    #[serde(default)]
    scopes: Vec<String>,
    revoked_at_ms: Option<i64>,
}

/// The role that operates the gateway.
const OPERATOR: &str = "operator";
/// The scopes of whoever may say who is let in.
const PAIRING: [&str; 2] = ["operator.pairing", "operator.admin"];

impl Device {
    /// Its token, where that lets it say who is let in.
    #[must_use]
    pub fn pairing_token(&self) -> Option<&str> {
        let token = self.tokens.get(OPERATOR)?;
        let approved = self.approved_scopes.as_ref().unwrap_or(&self.scopes);
        let may = |scopes: &[String]| scopes.iter().any(|scope| PAIRING.contains(&scope.as_str()));
        let good = token.revoked_at_ms.is_none() && may(&token.scopes) && may(approved);
        let text = token.token.as_deref();
        text.filter(|text| good && !text.is_empty())
    }
}

// Tokens are secrets; their roles are not.
impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Device")
            .field("device_id", &self.device_id)
            .field("roles", &self.roles)
            .field("scopes", &self.scopes)
            .field("tokens", &self.tokens.keys())
            .finish_non_exhaustive()
    }
}

/// The paired devices by id; none where there is no file.
///
/// # Errors
/// [`StoreError::Disk`] when the file can not be read, [`StoreError::Damaged`] with line and column
/// when it makes no sense, or with the entry whose id is another's.
pub fn paired(file: &Path) -> Result<BTreeMap<String, Device>, StoreError> {
    match fs::read_to_string(file) {
        Ok(text) => parse(&text).map_err(|cause| StoreError::Damaged {
            file: file.to_owned(),
            cause,
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(BTreeMap::new()),
        Err(error) => Err(StoreError::Disk {
            file: file.to_owned(),
            cause: error.to_string(),
        }),
    }
}

fn parse(text: &str) -> Result<BTreeMap<String, Device>, String> {
    let devices: BTreeMap<String, Device> =
        serde_json::from_str(text).map_err(|error| error.to_string())?;
    match devices.iter().find(|(id, device)| **id != device.device_id) {
        None => Ok(devices),
        Some((id, device)) => Err(format!(
            "the entry of {id} is of device {}",
            device.device_id
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"{ "ab12": {
        "deviceId": "ab12", "publicKey": "a2V5", "platform": "linux", "clientId": "cli",
        "clientMode": "cli", "role": "operator", "roles": ["operator"],
        "scopes": ["operator.read", "operator.write"], "approvedScopes": ["operator.read"],
        "tokens": { "operator": { "token": "s3cret", "role": "operator", "scopes": [],
            "createdAtMs": 1, "rotatedAtMs": 2 } },
        "createdAtMs": 1, "approvedAtMs": 2 } }"#;

    #[test]
    fn a_file_as_openclaw_writes_it_is_read_and_tells_no_token() {
        let devices = parse(FILE).unwrap();
        assert_eq!(devices["ab12"].scopes, ["operator.read", "operator.write"]);
        let shown = format!("{devices:?}");
        assert!(
            shown.contains("operator") && !shown.contains("s3cret"),
            "{shown}"
        );
    }

    #[test]
    fn a_token_that_may_pair_is_the_operators_own_and_approved() {
        let with = |scopes: &str, approved: &str, more: &str| {
            let file = FILE
                .replace(
                    "\"scopes\": [],",
                    &format!("\"scopes\": [\"{scopes}\"],{more}"),
                )
                .replace("\"approvedScopes\": [\"operator.read\"]", approved);
            let devices = parse(&file).unwrap();
            devices["ab12"].pairing_token().map(str::to_owned)
        };
        let pairing = "\"approvedScopes\": [\"operator.pairing\"]";
        let right = Some("s3cret".to_owned());
        assert_eq!(with("operator.pairing", pairing, ""), right);
        assert_eq!(with("operator.admin", pairing, ""), right);
        assert_eq!(with("operator.read", pairing, ""), None);
        assert_eq!(with("operator.pairing", "\"approvedScopes\": []", ""), None);
        assert_eq!(with("operator.pairing", "\"x\": 1", ""), None);
        assert_eq!(
            with("operator.pairing", pairing, "\"revokedAtMs\": 3,"),
            None
        );
        assert_eq!(parse(FILE).unwrap()["ab12"].pairing_token(), None);
    }

    #[test]
    fn no_file_is_no_device_and_a_broken_one_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("paired.json");
        assert!(paired(&file).unwrap().is_empty());
        std::fs::write(&file, "{").unwrap();
        assert!(matches!(paired(&file), Err(StoreError::Damaged { .. })));
        assert!(
            parse(&FILE.replacen("ab12", "cd34", 1))
                .unwrap_err()
                .contains("cd34")
        );
    }
}
