//! Names as they are compared: one spelling for each. Pure.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

/// Longest name, in bytes (RFC 1035, as text).
const MAX_NAME: usize = 253;
/// Longest part of a name between two dots, in bytes.
const MAX_LABEL: usize = 63;
/// Longest text that is looked at: IDNA makes names longer or shorter, but not by that much.
const MAX_TEXT: usize = 1024;

/// A host's name: ASCII, lower case, no dot at its end, nothing that another program could read as
/// an address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Arc<str>);

/// What a program wants to reach.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Host {
    /// By its name.
    Name(Name),
    /// By its address.
    Address(IpAddr),
}

/// A text that is no host. It may hold anything, so it is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadHost {
    /// Nothing, or more than a name can be.
    #[error("a host's name has 1 to 253 characters, and up to 63 between two dots")]
    Length,
    /// A character that is in no name, or letters that IDNA does not take.
    #[error("a host's name holds letters, digits, hyphens and dots")]
    Character,
    /// `127.1`, `0x7f.0.0.1`, `2130706433`: addresses to some programs and names to others.
    #[error("an address is written as four numbers, or as IPv6")]
    Number,
    /// No port, or none that is one.
    #[error("a port is a number from 1 to 65535")]
    Port,
}

// === impl Name ===

impl Name {
    /// Reads a name, in any letter case, with or without the dot at its end, in any script.
    ///
    /// # Errors
    /// [`BadHost`] says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, BadHost> {
        if text.is_empty() || text.len() > MAX_TEXT {
            return Err(BadHost::Length);
        }
        let ascii = idna::domain_to_ascii_cow(text.as_bytes(), idna::AsciiDenyList::URL)
            .map_err(|_| BadHost::Character)?;
        let name = ascii.strip_suffix('.').unwrap_or(&ascii);
        check(name)?;
        Ok(Self(name.into()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is one of the names for the machine that asks.
    #[must_use]
    pub fn is_localhost(&self) -> bool {
        &*self.0 == "localhost" || self.0.ends_with(".localhost")
    }

    /// Whether it is below `parent`: `a.x` and `a.b.x` are below `x`; `x` and `evilx` are not.
    #[must_use]
    pub fn is_below(&self, parent: &Self) -> bool {
        let rest = self.0.strip_suffix(&*parent.0);
        rest.is_some_and(|rest| rest.ends_with('.'))
    }
}

fn check(name: &str) -> Result<(), BadHost> {
    if name.len() > MAX_NAME
        || name
            .split('.')
            .any(|label| !(1..=MAX_LABEL).contains(&label.len()))
    {
        return Err(BadHost::Length);
    }
    let known =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
    if !name.bytes().all(known) {
        return Err(BadHost::Character);
    }
    let last = name.rsplit('.').next().unwrap_or(name);
    // What the system's resolver would take for an address, without asking anybody.
    if last.bytes().all(|byte| byte.is_ascii_digit()) || last.starts_with("0x") {
        return Err(BadHost::Number);
    }
    Ok(())
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

// === impl Host ===

impl Host {
    /// Reads `example.com`, `192.0.2.1`, `[2001:db8::1]` or `2001:db8::1`.
    ///
    /// # Errors
    /// [`BadHost`] says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, BadHost> {
        if let Some(inner) = text.strip_prefix('[') {
            let inner = inner.strip_suffix(']').ok_or(BadHost::Character)?;
            let address: Ipv6Addr = inner.parse().map_err(|_| BadHost::Number)?;
            return Ok(Self::Address(address.into()));
        }
        // `1.2.3.4.` is the same address to most programs.
        let bare = text.strip_suffix('.').unwrap_or(text);
        if let Ok(address) = bare.parse::<Ipv4Addr>() {
            return Ok(Self::Address(address.into()));
        }
        if let Ok(address) = text.parse::<Ipv6Addr>() {
            return Ok(Self::Address(address.into()));
        }
        Name::parse(text).map(Self::Name)
    }

    /// Reads `host:port`; without a port it is `port`, if there is one.
    ///
    /// # Errors
    /// [`BadHost`] says what is wrong with it.
    pub fn parse_with_port(text: &str, port: Option<u16>) -> Result<(Self, u16), BadHost> {
        // An IPv6 address with a port is in brackets, so that its own colons are not in doubt.
        let after = text.rfind(']').map_or(0, |end| end + 1);
        let (host, port) = match text[after..].rfind(':') {
            Some(colon) => (
                &text[..after + colon],
                parse_port(&text[after + colon + 1..]),
            ),
            None => (text, port),
        };
        let port = port.filter(|port| *port != 0).ok_or(BadHost::Port)?;
        if after == 0 && host.contains(':') {
            return Err(BadHost::Character);
        }
        Ok((Self::parse(host)?, port))
    }
}

/// Digits alone: `+80` and ` 80` are ports to some parsers and nonsense to others.
pub(super) fn parse_port(text: &str) -> Option<u16> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|port| digits && *port != 0)
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => name.fmt(f),
            Self::Address(IpAddr::V4(address)) => address.fmt(f),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_name_has_one_spelling() {
        for (text, name) in [
            ("example.com", "example.com"),
            ("EXAMPLE.Com", "example.com"),
            ("example.com.", "example.com"),
            ("Bücher.Example", "xn--bcher-kva.example"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"),
            ("example\u{3002}com", "example.com"),
            ("\u{ff45}xample.com", "example.com"),
            ("exam\u{ad}ple.com", "example.com"),
            ("_dmarc.example.com", "_dmarc.example.com"),
            ("1.example", "1.example"),
        ] {
            assert_eq!(Name::parse(text).unwrap().as_str(), name, "{text:?}");
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        let long = format!("{}.com", "a".repeat(64));
        let longer = format!("{}com", "abcdefg.".repeat(40));
        for text in [
            "",
            ".",
            "..",
            "example.com..",
            ".example.com",
            "a..b",
            "exa mple.com",
            "example.com\0",
            "example.com\0.evil.com",
            "example.com%00",
            "user@example.com",
            "example.com/x",
            "example.com:80",
            "a\\b",
            "a\nb",
            "a\tb",
            "*.example.com",
            "a#b",
            "a?b",
            "<a>",
            "a|b",
            "xn--\u{fc}",
            "xn--a",
            &long,
            &longer,
        ] {
            assert!(Name::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn an_address_in_disguise_is_no_name() {
        for text in [
            "127.1",
            "2130706433",
            "0x7f.0.0.1",
            "0x7f000001",
            "0177.0.0.1",
            "127.0.0.1.1",
            "1.2.3",
            "127.0.0.0x1",
            "0",
            "1\u{3002}2\u{3002}3\u{3002}4",
            "\u{ff11}27.0.0.1",
            "256.0.0.1",
            "127.0.0.01",
        ] {
            assert_eq!(Host::parse(text), Err(BadHost::Number), "{text}");
        }
    }

    #[test]
    fn an_address_is_read_in_its_own_form() {
        for (text, address) in [
            ("192.0.2.1", "192.0.2.1"),
            ("192.0.2.1.", "192.0.2.1"),
            ("[::1]", "::1"),
            ("::1", "::1"),
            ("[::ffff:127.0.0.1]", "::ffff:127.0.0.1"),
        ] {
            assert_eq!(
                Host::parse(text),
                Ok(Host::Address(address.parse().unwrap())),
                "{text}"
            );
        }
        for text in [
            "[::1",
            "::1]",
            "[127.0.0.1]",
            "[fe80::1%eth0]",
            "fe80::1%1",
            "[]",
            "[::1].",
        ] {
            assert!(Host::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_port_is_read_behind_its_host() {
        let of = |text| {
            Host::parse_with_port(text, Some(80)).map(|(host, port)| (host.to_string(), port))
        };
        for (text, host, port) in [
            ("example.com:443", "example.com", 443),
            ("example.com", "example.com", 80),
            ("[::1]:3000", "[::1]", 3000),
            ("[::1]", "[::1]", 80),
            ("192.0.2.1:1", "192.0.2.1", 1),
        ] {
            assert_eq!(of(text), Ok((host.to_owned(), port)), "{text}");
        }
        for text in [
            "example.com:",
            "example.com:0",
            "example.com:65536",
            "example.com:+80",
            "::1:80",
            ":80",
            "a:80:80",
            "[::1]x:80",
            "u@a:80",
            "a: 80",
        ] {
            assert!(of(text).is_err(), "{text}");
        }
        assert_eq!(
            Host::parse_with_port("example.com", None),
            Err(BadHost::Port)
        );
    }

    #[test]
    fn below_is_neither_the_same_nor_merely_alike() {
        let name = |text| Name::parse(text).unwrap();
        let parent = name("example.com");
        assert!(name("a.example.com").is_below(&parent));
        assert!(name("a.b.example.com").is_below(&parent));
        for text in [
            "example.com",
            "evilexample.com",
            "example.com.evil",
            "com",
            "a.example.org",
        ] {
            assert!(!name(text).is_below(&parent), "{text}");
        }
    }

    proptest! {
        #[test]
        fn reading_a_name_again_changes_nothing(text in "\\PC{0,40}(\\.\\PC{0,20}){0,3}") {
            if let Ok(name) = Name::parse(&text) {
                prop_assert_eq!(Name::parse(name.as_str()), Ok(name.clone()));
                prop_assert!(name.as_str().parse::<IpAddr>().is_err());
            }
        }

        #[test]
        fn a_host_is_read_as_it_is_shown(text in "[a-zA-Z0-9.:\\[\\]-]{0,40}") {
            if let Ok(host) = Host::parse(&text) {
                prop_assert_eq!(Host::parse(&host.to_string()), Ok(host));
            }
        }
    }
}
