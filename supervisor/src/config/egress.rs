//! `tools.egress`: whom tools may speak to through the proxy.

/// What an agent's tools may reach. Addresses of this machine, of private networks and of clouds'
/// metadata services are refused in every mode, unless [`Egress::private`] names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Egress {
    /// What may be reached in general.
    pub mode: EgressMode,
    /// `allowlist`: these hosts; `example.org`, `*.example.org` (which is not `example.org`),
    /// `example.org:8443`.
    pub allow: Vec<String>,
    /// `allowlist`: these sets of hosts as well.
    pub presets: Vec<Preset>,
    /// Never these, whatever else is said; as in `allow`.
    pub deny: Vec<String>,
    /// The ports that may be reached where an entry names none.
    pub ports: Vec<u16>,
    /// Private places that may be reached all the same: a host, an address, a block such as
    /// `10.1.0.0/16`, each with `:port` where only that is meant.
    pub private: Vec<String>,
    /// Connections of one session at once.
    pub max_connections: u32,
    /// Bytes of one session since its walls were built, both ways together.
    pub max_bytes: Option<u64>,
}

impl Default for Egress {
    fn default() -> Self {
        Self {
            mode: EgressMode::Open,
            allow: Vec::new(),
            presets: vec![Preset::Packages, Preset::Code],
            deny: Vec::new(),
            ports: vec![80, 443],
            private: Vec::new(),
            max_connections: 256,
            max_bytes: None,
        }
    }
}

/// What tools may reach in general.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EgressMode {
    /// Nothing.
    Off,
    /// What is on the list.
    Allowlist,
    /// The public internet.
    #[default]
    Open,
}

/// A named set of hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preset {
    /// Package registries.
    Packages,
    /// Code hosts.
    Code,
}
