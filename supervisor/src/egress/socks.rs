//! SOCKS5 (RFC 1928) as far as it is spoken here: no passwords, and `CONNECT` alone. Pure.

use super::name::{BadHost, Host};
use std::net::{Ipv4Addr, Ipv6Addr};

/// Longest message of a client, in bytes: a greeting with every method, or a request with the
/// longest name.
pub(super) const MAX_MESSAGE: usize = 262;

const VERSION: u8 = 5;

/// We ask nobody who they are: the door they came through says it.
pub(super) const NO_PASSWORD: [u8; 2] = [VERSION, 0];
/// None of the methods offered will do.
pub(super) const NO_METHOD: [u8; 2] = [VERSION, 0xff];

/// How a request ended, by its number in the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Ended {
    /// The connection is there.
    Connected = 0,
    /// Something else failed.
    Failed = 1,
    /// Policy.
    Denied = 2,
    /// The host can not be found or reached.
    Unreachable = 4,
    /// Nobody listens there.
    Refused = 5,
    /// `BIND` and `UDP ASSOCIATE`: nothing may come in, and no datagram out.
    NoSuchCommand = 7,
    /// Neither a name nor an address.
    NoSuchAddress = 8,
}

/// Whether the methods offered hold ours, and how many bytes the greeting took; `None` while it is
/// not whole.
///
/// # Errors
/// With [`Ended::Failed`] for what is no greeting.
pub fn greeting(bytes: &[u8]) -> Result<Option<(bool, usize)>, Ended> {
    match bytes {
        [VERSION, 0, ..] => Err(Ended::Failed),
        [VERSION, count, rest @ ..] => {
            let methods = rest.get(..usize::from(*count));
            Ok(methods.map(|methods| (methods.contains(&0), methods.len() + 2)))
        }
        [] | [VERSION] => Ok(None),
        [_, ..] => Err(Ended::Failed),
    }
}

/// Where a request wants to go, and how many bytes it took; `None` while it is not whole.
///
/// # Errors
/// With how to end.
pub fn request(bytes: &[u8]) -> Result<Option<(Host, u16, usize)>, Ended> {
    let Some((head, rest)) = bytes.split_first_chunk::<4>() else {
        return Ok(None);
    };
    let [version, command, _, kind] = *head;
    if version != VERSION {
        return Err(Ended::Failed);
    }
    let (host, length) = match (kind, rest) {
        (1, [a, b, c, d, ..]) => (Ok(Host::Address(Ipv4Addr::new(*a, *b, *c, *d).into())), 4),
        (3, [length, name @ ..]) => match name.get(..usize::from(*length)) {
            Some(name) => (named(name), name.len() + 1),
            None => return Ok(None),
        },
        (4, rest) => match rest.first_chunk::<16>() {
            Some(octets) => (Ok(Host::Address(Ipv6Addr::from(*octets).into())), 16),
            None => return Ok(None),
        },
        (1 | 3, _) => return Ok(None),
        (_, _) => return Err(Ended::NoSuchAddress),
    };
    let Some([high, low, ..]) = rest.get(length..) else {
        return Ok(None);
    };
    if command != 1 {
        return Err(Ended::NoSuchCommand);
    }
    let port = u16::from_be_bytes([*high, *low]);
    let host = host.map_err(|_| Ended::NoSuchAddress)?;
    Ok(Some((host, port, 4 + length + 2)))
}

fn named(name: &[u8]) -> Result<Host, BadHost> {
    let text = std::str::from_utf8(name).map_err(|_| BadHost::Character)?;
    Host::parse(text)
}

/// The answer to a request. Which of our addresses was used is nobody's business.
#[must_use]
pub fn reply(ended: Ended) -> [u8; 10] {
    [VERSION, ended as u8, 0, 1, 0, 0, 0, 0, 0, 0]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn to(kind: u8, address: &[u8], port: u16) -> Vec<u8> {
        [&[5, 1, 0, kind], address, &port.to_be_bytes()].concat()
    }

    #[test]
    fn a_greeting_offers_methods() {
        assert_eq!(greeting(&[]), Ok(None));
        assert_eq!(greeting(&[5]), Ok(None));
        assert_eq!(greeting(&[5, 2, 0]), Ok(None));
        assert_eq!(greeting(&[5, 2, 2, 0, 9]), Ok(Some((true, 4))));
        assert_eq!(greeting(&[5, 1, 2]), Ok(Some((false, 3))));
        assert_eq!(greeting(&[5, 0]), Err(Ended::Failed));
        assert_eq!(greeting(&[4, 1, 0]), Err(Ended::Failed));
    }

    #[test]
    fn a_request_says_where_to() {
        for (bytes, expected) in [
            (to(3, b"\x0bexample.com", 443), "example.com:443"),
            (to(1, &[192, 0, 2, 1], 80), "192.0.2.1:80"),
            (to(4, &Ipv6Addr::LOCALHOST.octets(), 1), "[::1]:1"),
            (to(3, b"\x09127.0.0.1", 80), "127.0.0.1:80"),
        ] {
            let (host, port, used) = request(&bytes).unwrap().unwrap();
            assert_eq!(format!("{host}:{port}"), expected);
            assert_eq!(used, bytes.len());
            for length in 0..bytes.len() {
                assert_eq!(
                    request(&bytes[..length]),
                    Ok(None),
                    "{length} of {expected}"
                );
            }
        }
    }

    #[test]
    fn what_is_not_spoken_here_is_refused() {
        let mut datagrams = to(1, &[192, 0, 2, 1], 53);
        datagrams[1] = 3;
        assert_eq!(request(&datagrams), Err(Ended::NoSuchCommand));
        datagrams[1] = 2;
        assert_eq!(request(&datagrams), Err(Ended::NoSuchCommand));
        assert_eq!(
            request(&to(9, &[1, 2, 3, 4], 80)),
            Err(Ended::NoSuchAddress)
        );
        assert_eq!(request(&to(3, b"\x05127.1", 80)), Err(Ended::NoSuchAddress));
        assert_eq!(request(&to(3, b"\x00", 80)), Err(Ended::NoSuchAddress));
        assert_eq!(
            request(&to(3, b"\x02\xff\xfe", 80)),
            Err(Ended::NoSuchAddress)
        );
        assert_eq!(request(b"GET / HTTP/1.1"), Err(Ended::Failed));
    }

    proptest! {
        #[test]
        fn no_message_is_waited_for_beyond_its_bound(bytes in proptest::collection::vec(any::<u8>(), MAX_MESSAGE..MAX_MESSAGE + 40)) {
            prop_assert_ne!(greeting(&bytes), Ok(None));
            prop_assert_ne!(request(&bytes), Ok(None));
        }
    }
}
