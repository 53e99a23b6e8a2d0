//! Reads the address that a program gives to `connect`. Pure.

use std::ffi::OsStr;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

/// The longest address the kernel takes, in bytes.
pub(super) const LONGEST: usize = 128;

/// Where a program wants to connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// An address and a port; an IPv4 one that was written as IPv6 is said as IPv4.
    Inet(SocketAddr),
    /// A Unix socket by its path, as the program said it: it may be relative to where that is.
    Unix(PathBuf),
    /// Any other family, by its number; also abstract Unix sockets (1) and "nowhere" (0).
    Other(i32),
}

/// What `bytes` mean; `None` when the kernel would call them invalid.
pub(super) fn read(bytes: &[u8]) -> Option<Destination> {
    let family = i32::from(u16::from_ne_bytes(part(bytes, 0)?));
    let port = || Some(u16::from_be_bytes(part(bytes, 2)?));
    match family {
        libc::AF_INET => {
            // Its last eight bytes mean nothing, but have to be there.
            let _: [u8; 8] = part(bytes, 8)?;
            let ip = Ipv4Addr::from(part::<4>(bytes, 4)?);
            Some(Destination::Inet(SocketAddr::new(ip.into(), port()?)))
        }
        libc::AF_INET6 => {
            let ip = IpAddr::from(Ipv6Addr::from(part::<16>(bytes, 8)?));
            Some(Destination::Inet(SocketAddr::new(
                ip.to_canonical(),
                port()?,
            )))
        }
        libc::AF_UNIX => match &bytes[2..] {
            [] | [0, ..] => Some(Destination::Other(family)),
            path => {
                let end = path.iter().position(|byte| *byte == 0);
                let path = &path[..end.unwrap_or(path.len())];
                Some(Destination::Unix(OsStr::from_bytes(path).into()))
            }
        },
        other => Some(Destination::Other(other)),
    }
}

fn part<const N: usize>(bytes: &[u8], from: usize) -> Option<[u8; N]> {
    bytes.get(from..from + N)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bytes(family: i32, rest: &[u8]) -> Vec<u8> {
        let family = u16::try_from(family).unwrap().to_ne_bytes();
        [&family, rest].concat()
    }

    #[test]
    fn an_address_is_read_as_the_kernel_reads_it() {
        let v4 = bytes(
            libc::AF_INET,
            &[0, 80, 93, 184, 1, 2, 9, 9, 9, 9, 9, 9, 9, 9],
        );
        let at = |text: &str| Some(Destination::Inet(text.parse().unwrap()));
        assert_eq!(read(&v4), at("93.184.1.2:80"));
        let v6 = |ip: &str| {
            let ip: Ipv6Addr = ip.parse().unwrap();
            let rest = [&[1, 187, 0, 0, 0, 0][..], &ip.octets(), &[0; 4]].concat();
            read(&bytes(libc::AF_INET6, &rest))
        };
        assert_eq!(v6("2001:db8::1"), at("[2001:db8::1]:443"));
        assert_eq!(v6("::ffff:127.0.0.1"), at("127.0.0.1:443"));
    }

    #[test]
    fn a_path_ends_at_its_nul_and_an_abstract_name_is_none() {
        let unix = |rest: &[u8]| read(&bytes(libc::AF_UNIX, rest)).unwrap();
        assert_eq!(unix(b"/run/x\0yy"), Destination::Unix("/run/x".into()));
        assert_eq!(unix(b"x"), Destination::Unix("x".into()));
        assert_eq!(unix(b"\0abstract"), Destination::Other(libc::AF_UNIX));
        assert_eq!(unix(b""), Destination::Other(libc::AF_UNIX));
        assert_eq!(read(&[0, 0]), Some(Destination::Other(0)));
    }

    #[test]
    fn what_is_too_short_is_invalid() {
        assert_eq!(read(&[2]), None);
        assert_eq!(read(&bytes(libc::AF_INET, &[0; 13])), None);
        assert_eq!(read(&bytes(libc::AF_INET6, &[0; 21])), None);
    }

    proptest! {
        #[test]
        fn any_bytes_can_be_read(bytes in prop::collection::vec(any::<u8>(), 0..LONGEST)) {
            let _ = read(&bytes);
        }
    }
}
