//! One entry of a list in `tools.egress`. Pure.

use super::address::Net;
use super::name::{Host, Name, parse_port};
use std::net::IpAddr;
use std::str::FromStr;

/// `example.com`, `*.example.com`, `*`, `10.0.0.0/8`, `192.168.1.5`, `[fd00::1]`; each with a port
/// behind it, or without.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    what: What,
    port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum What {
    /// `*`: every name.
    Any,
    /// This name alone.
    Name(Name),
    /// `*.x`: what is below it, and not itself.
    Below(Name),
    Net(Net),
}

// === impl Rule ===

impl Rule {
    /// Whether it speaks of `name`. A net never does: a name is judged by the addresses it leads to.
    #[must_use]
    pub fn names(&self, name: &Name) -> bool {
        match &self.what {
            What::Any => true,
            What::Name(this) => this == name,
            What::Below(parent) => name.is_below(parent),
            What::Net(_) => false,
        }
    }

    /// Whether it is a net that holds `address`.
    #[must_use]
    pub fn holds(&self, address: IpAddr) -> bool {
        match &self.what {
            What::Net(net) => net.holds(address),
            What::Any | What::Name(_) | What::Below(_) => false,
        }
    }

    /// Whether it is a net.
    #[must_use]
    pub fn is_net(&self) -> bool {
        matches!(self.what, What::Net(_))
    }

    /// Whether it speaks of `host`, be it a name or an address.
    #[must_use]
    pub fn speaks_of(&self, host: &Host) -> bool {
        match host {
            Host::Name(name) => self.names(name),
            Host::Address(address) => self.holds(*address),
        }
    }

    /// The port it is about, when it is about one.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.port
    }
}

impl FromStr for Rule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // First as a whole: the colons of an IPv6 address are not in front of a port.
        if let Ok(net) = text.parse() {
            return Ok(Self {
                what: What::Net(net),
                port: None,
            });
        }
        let (what, port) = split(text)?;
        Ok(Self {
            what: parse(what)?,
            port,
        })
    }
}

/// What is in front of the port, without brackets, and the port.
fn split(text: &str) -> Result<(&str, Option<u16>), String> {
    let (what, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((inner, "")) => (inner, None),
        Some((inner, rest)) => (inner, Some(rest.strip_prefix(':').unwrap_or_default())),
        None => match text.rsplit_once(':') {
            Some((what, port)) => (what, Some(port)),
            None => (text, None),
        },
    };
    match port.map(parse_port) {
        None => Ok((what, None)),
        Some(Some(port)) => Ok((what, Some(port))),
        Some(None) => Err(format!(
            "{text:?} is neither a host nor a net; write \"example.com\", \"*.example.com\", \
             \"10.0.0.0/8\" or \"[fd00::1]\", with \":PORT\" behind it where it needs one"
        )),
    }
}

fn parse(text: &str) -> Result<What, String> {
    if text == "*" {
        return Ok(What::Any);
    }
    if let Ok(net) = text.parse() {
        return Ok(What::Net(net));
    }
    if text.contains('/') {
        return Err(format!(
            "{text:?} is no net; write \"10.0.0.0/8\", or a host without a path"
        ));
    }
    let (below, name) = match text.strip_prefix("*.") {
        Some(parent) => (true, parent),
        None => (false, text),
    };
    let name = Name::parse(name).map_err(|error| format!("{text:?} names no host: {error}"))?;
    Ok(if below {
        What::Below(name)
    } else {
        What::Name(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(rule: &str, host: &str) -> bool {
        let rule: Rule = rule.parse().unwrap();
        rule.speaks_of(&Host::parse(host).unwrap())
    }

    #[test]
    fn a_rule_means_what_it_says_and_no_more() {
        for (rule, host, expected) in [
            ("example.com", "example.com", true),
            ("Example.COM.", "example.com", true),
            ("example.com", "a.example.com", false),
            ("*.example.com", "a.example.com", true),
            ("*.example.com", "a.b.example.com", true),
            ("*.example.com", "example.com", false),
            ("*.example.com", "evilexample.com", false),
            ("*", "anything.at.all", true),
            ("*", "192.0.2.1", false),
            ("10.0.0.0/8", "10.9.9.9", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.0.0.0/8", "10.example", false),
            ("fd00::/8", "fd12::1", true),
            ("[fd00::/8]:443", "fd12::1", true),
            ("::1", "::1", true),
            ("bücher.example", "xn--bcher-kva.example", true),
        ] {
            assert_eq!(matches(rule, host), expected, "{rule} {host}");
        }
    }

    #[test]
    fn a_port_is_part_of_a_rule() {
        for (text, port) in [
            ("example.com", None),
            ("example.com:8443", Some(8443)),
            ("*.example.com:22", Some(22)),
            ("127.0.0.1:5432", Some(5432)),
            ("10.0.0.0/8:5432", Some(5432)),
            ("[::1]:3000", Some(3000)),
            ("[::1]", None),
            ("fd00::1", None),
        ] {
            assert_eq!(text.parse::<Rule>().unwrap().port(), port, "{text}");
        }
    }

    #[test]
    fn nonsense_is_told() {
        for text in [
            "",
            "https://example.com/",
            "example.com/x",
            "a b",
            "*.*.com",
            "a*",
            "**",
            "10.0.0.0/40",
            "example.com:x",
            "example.com:0",
            "127.1",
            "[::1]:",
            "[::1]x",
            "u@h",
        ] {
            assert!(text.parse::<Rule>().is_err(), "{text}");
        }
    }
}
