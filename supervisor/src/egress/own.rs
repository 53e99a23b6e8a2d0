//! The addresses of the machine the gateway is on.

use nix::ifaddrs::getifaddrs;
use nix::sys::socket::SockaddrStorage;
use std::net::IpAddr;

/// Whether an interface of this machine has `address`. A server in the open has a public one, by
/// which everything it keeps from the world behind a firewall would be reached from within.
pub(super) fn is_own(address: IpAddr) -> bool {
    // A system that does not list them has no interface that would matter.
    let Ok(interfaces) = getifaddrs() else {
        return false;
    };
    let mut own = interfaces.filter_map(|interface| ip(&interface.address?));
    own.any(|own| own == address)
}

fn ip(address: &SockaddrStorage) -> Option<IpAddr> {
    let v4 = address.as_sockaddr_in().map(|v4| v4.ip().into());
    v4.or_else(|| address.as_sockaddr_in6().map(|v6| v6.ip().into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_knows_itself() {
        assert!(is_own("127.0.0.1".parse().unwrap()));
        assert!(!is_own("192.0.2.77".parse().unwrap()));
        assert!(!is_own("2001:db8::77".parse().unwrap()));
    }
}
