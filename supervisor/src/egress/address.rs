//! Which addresses are never reached unless they are named. Pure.
//!
//! Everything that is not plainly the public internet is refused: what is beside the gateway, what
//! only the gateway's network can reach, and every form of IPv6 that carries an IPv4 address in it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// Why an address is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `0.0.0.0/8`, `::`: this machine, in a manner of speaking.
    Unspecified,
    /// `127.0.0.0/8`, `::1`.
    Loopback,
    /// RFC 1918, unique local and site-local addresses.
    Private,
    /// `169.254.0.0/16`, `fe80::/10`.
    LinkLocal,
    /// Where clouds hand out credentials.
    Metadata,
    /// `100.64.0.0/10`: behind a carrier's translation, and private meshes.
    Shared,
    /// `198.18.0.0/15`: also our own pool of made-up addresses.
    Benchmark,
    /// Multicast and broadcast.
    Multicast,
    /// IPv6 that leads to an IPv4 address: mapped, compatible, NAT64, 6to4, Teredo, ISATAP.
    Embedded,
    /// Set aside for something else, or for nothing yet.
    Reserved,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unspecified => "an unspecified address",
            Self::Loopback => "a loopback address",
            Self::Private => "a private address",
            Self::LinkLocal => "a link-local address",
            Self::Metadata => "a cloud's metadata address",
            Self::Shared => "a carrier-grade NAT address",
            Self::Benchmark => "a benchmark address",
            Self::Multicast => "a multicast address",
            Self::Embedded => "an IPv6 address that leads to an IPv4 one",
            Self::Reserved => "a reserved address",
        })
    }
}

/// The nets of RFC 5737, for examples. Not refused: nobody routes them, so they hide nothing, and
/// test machines give their package mirrors addresses out of them.
pub const DOCUMENTATION: [Net; 3] = [
    v4(192, 0, 2, 0, 24),
    v4(198, 51, 100, 0, 24),
    v4(203, 0, 113, 0, 24),
];

/// The first net that holds an address decides.
const REFUSED_V4: [(Net, Kind); 15] = [
    (v4(0, 0, 0, 0, 8), Kind::Unspecified),
    (v4(10, 0, 0, 0, 8), Kind::Private),
    // A cloud's own, in the middle of the shared net.
    (v4(100, 100, 100, 200, 32), Kind::Metadata),
    (v4(100, 64, 0, 0, 10), Kind::Shared),
    (v4(127, 0, 0, 0, 8), Kind::Loopback),
    // A public address by its number, but every machine of that cloud finds its host there.
    (v4(168, 63, 129, 16, 32), Kind::Metadata),
    (v4(169, 254, 169, 254, 32), Kind::Metadata),
    (v4(169, 254, 0, 0, 16), Kind::LinkLocal),
    (v4(172, 16, 0, 0, 12), Kind::Private),
    (v4(192, 0, 0, 0, 24), Kind::Reserved),
    (v4(192, 88, 99, 0, 24), Kind::Reserved),
    (v4(192, 168, 0, 0, 16), Kind::Private),
    (v4(198, 18, 0, 0, 15), Kind::Benchmark),
    (v4(224, 0, 0, 0, 4), Kind::Multicast),
    (v4(240, 0, 0, 0, 4), Kind::Reserved),
];

/// As above; what is in none of them and outside [`GLOBAL_V6`] is reserved.
const REFUSED_V6: [(Net, Kind); 17] = [
    (v6([0, 0, 0, 0, 0, 0, 0, 0], 128), Kind::Unspecified),
    (v6([0, 0, 0, 0, 0, 0, 0, 1], 128), Kind::Loopback),
    (v6([0, 0, 0, 0, 0, 0, 0, 0], 96), Kind::Embedded),
    (v6([0, 0, 0, 0, 0, 0xffff, 0, 0], 96), Kind::Embedded),
    (v6([0, 0, 0, 0, 0xffff, 0, 0, 0], 96), Kind::Embedded),
    (v6([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96), Kind::Embedded),
    (v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48), Kind::Embedded),
    (v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 32), Kind::Embedded),
    (v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23), Kind::Reserved),
    (v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32), Kind::Reserved),
    (v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16), Kind::Embedded),
    (v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20), Kind::Reserved),
    (v6([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0], 32), Kind::Metadata),
    (v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7), Kind::Private),
    (v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10), Kind::LinkLocal),
    (v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10), Kind::Private),
    (v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8), Kind::Multicast),
];

/// All that was ever given out to be reached from everywhere.
const GLOBAL_V6: Net = v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);

/// Why `address` is refused; `None` for the public internet.
#[must_use]
pub fn refused(address: IpAddr) -> Option<Kind> {
    let table: &[(Net, Kind)] = match address {
        IpAddr::V4(_) => &REFUSED_V4,
        IpAddr::V6(_) => &REFUSED_V6,
    };
    let listed = table.iter().find(|(net, _)| net.holds(address));
    match (listed, address) {
        (Some((_, kind)), _) => Some(*kind),
        (None, IpAddr::V4(_)) => None,
        (None, IpAddr::V6(address)) if is_isatap(address) => Some(Kind::Embedded),
        (None, IpAddr::V6(_)) => (!GLOBAL_V6.holds(address)).then_some(Kind::Reserved),
    }
}

/// An interface identifier that says which IPv4 address to tunnel to.
fn is_isatap(address: Ipv6Addr) -> bool {
    let [_, _, _, _, high, low, _, _] = address.segments();
    matches!(high, 0 | 0x200) && low == 0x5efe
}

/// An address and how many of its leading bits count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Net {
    base: IpAddr,
    bits: u8,
}

const fn v4(a: u8, b: u8, c: u8, d: u8, bits: u8) -> Net {
    Net {
        base: IpAddr::V4(Ipv4Addr::new(a, b, c, d)),
        bits,
    }
}

const fn v6(segments: [u16; 8], bits: u8) -> Net {
    let [a, b, c, d, e, f, g, h] = segments;
    Net {
        base: IpAddr::V6(Ipv6Addr::new(a, b, c, d, e, f, g, h)),
        bits,
    }
}

// === impl Net ===

impl Net {
    /// Whether `address` is of this net. An IPv4 net holds no IPv6 address, in whatever form.
    #[must_use]
    pub fn holds(&self, address: IpAddr) -> bool {
        match (self.base, address) {
            (IpAddr::V4(base), IpAddr::V4(address)) => {
                let differ = u32::from(base) ^ u32::from(address);
                differ.leading_zeros() >= u32::from(self.bits)
            }
            (IpAddr::V6(base), IpAddr::V6(address)) => {
                let differ = u128::from(base) ^ u128::from(address);
                differ.leading_zeros() >= u32::from(self.bits)
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

impl From<IpAddr> for Net {
    fn from(base: IpAddr) -> Self {
        let bits = if base.is_ipv4() { 32 } else { 128 };
        Self { base, bits }
    }
}

/// `10.0.0.0/8`, `fd00::/8`, or an address alone.
impl FromStr for Net {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (base, bits) = match text.split_once('/') {
            Some((base, bits)) => (base, Some(bits)),
            None => (text, None),
        };
        let base: IpAddr = base
            .parse()
            .map_err(|_| format!("{base:?} is no address"))?;
        let whole = Self::from(base);
        let Some(bits) = bits else { return Ok(whole) };
        let bits = bits.parse().ok().filter(|bits| *bits <= whole.bits);
        let bits = bits.ok_or_else(|| format!("{text:?} names no net: /0 to /{}", whole.bits))?;
        Ok(Self { base, bits })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn kind(text: &str) -> Option<Kind> {
        refused(text.parse().unwrap())
    }

    #[test]
    fn what_is_not_the_public_internet_is_refused() {
        for (text, expected) in [
            ("0.0.0.0", Kind::Unspecified),
            ("0.1.2.3", Kind::Unspecified),
            ("10.0.0.1", Kind::Private),
            ("10.255.255.255", Kind::Private),
            ("100.64.0.1", Kind::Shared),
            ("100.127.255.255", Kind::Shared),
            ("100.100.100.200", Kind::Metadata),
            ("127.0.0.1", Kind::Loopback),
            ("127.1.2.3", Kind::Loopback),
            ("168.63.129.16", Kind::Metadata),
            ("169.254.169.254", Kind::Metadata),
            ("169.254.170.2", Kind::LinkLocal),
            ("172.16.0.1", Kind::Private),
            ("172.31.255.255", Kind::Private),
            ("192.0.0.192", Kind::Reserved),
            ("192.88.99.1", Kind::Reserved),
            ("192.168.1.1", Kind::Private),
            ("198.18.0.1", Kind::Benchmark),
            ("198.19.255.255", Kind::Benchmark),
            ("224.0.0.1", Kind::Multicast),
            ("239.255.255.255", Kind::Multicast),
            ("240.0.0.1", Kind::Reserved),
            ("255.255.255.255", Kind::Reserved),
            ("::", Kind::Unspecified),
            ("::1", Kind::Loopback),
            ("::127.0.0.1", Kind::Embedded),
            ("::ffff:127.0.0.1", Kind::Embedded),
            ("::ffff:8.8.8.8", Kind::Embedded),
            ("::ffff:0:10.0.0.1", Kind::Embedded),
            ("64:ff9b::a00:1", Kind::Embedded),
            ("64:ff9b:1::1", Kind::Embedded),
            ("100::1", Kind::Reserved),
            ("2001::1", Kind::Embedded),
            ("2001:2::1", Kind::Reserved),
            ("2001:10::1", Kind::Reserved),
            ("2001:db8::1", Kind::Reserved),
            ("2002:7f00:1::", Kind::Embedded),
            ("2606:4700::5efe:10.0.0.1", Kind::Embedded),
            ("2606:4700::200:5efe:10.0.0.1", Kind::Embedded),
            ("3fff::1", Kind::Reserved),
            ("4000::1", Kind::Reserved),
            ("5f00::1", Kind::Reserved),
            ("fc00::1", Kind::Private),
            ("fd12:3456::1", Kind::Private),
            ("fd00:ec2::254", Kind::Metadata),
            ("fe80::1", Kind::LinkLocal),
            ("febf::1", Kind::LinkLocal),
            ("fec0::1", Kind::Private),
            ("ff02::1", Kind::Multicast),
        ] {
            assert_eq!(kind(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn the_public_internet_and_its_nearest_neighbours_are_not() {
        for text in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.1",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2001:4860:4860::8888",
            "2606:4700::1111",
            "2a00:1450:4001::200e",
        ] {
            assert_eq!(kind(text), None, "{text}");
        }
    }

    #[test]
    fn the_nets_for_examples_are_reached() {
        for net in DOCUMENTATION {
            assert_eq!(refused(net.base), None, "{net:?}");
        }
    }

    #[test]
    fn a_net_is_read_as_it_is_written() {
        let net: Net = "10.1.0.0/16".parse().unwrap();
        assert!(net.holds("10.1.255.9".parse().unwrap()));
        assert!(!net.holds("10.2.0.0".parse().unwrap()));
        assert!(!net.holds("::ffff:10.1.0.1".parse().unwrap()));
        assert!("::1".parse::<Net>().unwrap().holds("::1".parse().unwrap()));
        assert!(
            "0.0.0.0/0"
                .parse::<Net>()
                .unwrap()
                .holds("8.8.8.8".parse().unwrap())
        );
        for nonsense in [
            "",
            "x",
            "10.0.0.0/33",
            "fd00::/129",
            "10.0.0.0/-1",
            "10.0.0/8",
            "010.0.0.1",
            "10.0.0.1/",
        ] {
            assert!(nonsense.parse::<Net>().is_err(), "{nonsense}");
        }
    }

    proptest! {
        /// Whatever the IPv4 address, none of its IPv6 forms is a way to it.
        #[test]
        fn no_ipv6_form_of_an_ipv4_address_is_reached(number: u32) {
            let [a, b, c, d] = number.to_be_bytes().map(u16::from);
            let (high, low) = (a << 8 | b, c << 8 | d);
            for form in [
                Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, high, low),
                Ipv6Addr::new(0, 0, 0, 0, 0, 0, high, low),
                Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
                Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
                Ipv6Addr::new(0x2001, 0, high, low, 0, 0, !high, !low),
                Ipv6Addr::new(0x2606, 1, 2, 3, 0, 0x5efe, high, low),
            ] {
                prop_assert!(refused(form.into()).is_some(), "{form}");
            }
        }

        /// The standard library's own notion of what is not global, where it has one.
        #[test]
        fn nothing_the_standard_library_knows_as_local_is_reached(number: u32) {
            let address = Ipv4Addr::from(number);
            let local = address.is_private() || address.is_loopback() || address.is_link_local()
                || address.is_multicast() || address.is_broadcast() || address.is_unspecified();
            prop_assert!(!local || refused(address.into()).is_some(), "{address}");
        }
    }
}
