//! Sockets of every family and kind.

use super::call::{call, descriptor, number};
use super::{Expect, Outcome, Row, Targets, Wall, tried};
use Expect::Refused;
use libc::{
    AF_ALG, AF_BLUETOOTH, AF_CAN, AF_IB, AF_IEEE802154, AF_INET, AF_INET6, AF_KEY, AF_LLC, AF_MPLS,
    AF_NETLINK, AF_NFC, AF_PACKET, AF_PPPOX, AF_RDS, AF_TIPC, AF_VSOCK, AF_XDP, EAFNOSUPPORT,
    EPERM, EPROTONOSUPPORT, ESOCKTNOSUPPORT, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET, SOCK_STREAM,
};

const AF_KCM: i32 = 41;
const AF_QIPCRTR: i32 = 42;
const AF_SMC: i32 = 43;
const AF_MCTP: i32 = 45;
const AF_PHONET: i32 = 35;
const AF_CAIF: i32 = 37;
const AF_APPLETALK: i32 = 5;
const AF_AX25: i32 = 3;
const AF_X25: i32 = 9;

/// By its old name: the kernel turns it into a packet socket.
const SOCK_PACKET: i32 = 10;
const SOCK_RDM: i32 = 4;
const SOCK_DCCP: i32 = 6;

pub(super) const ROWS: &[Row] = &[
    row("packets of the wire", |_| {
        socket(AF_PACKET, SOCK_RAW, 0x0300)
    }),
    row("packets of the wire without headers", |_| {
        socket(AF_PACKET, SOCK_DGRAM, 0x0300)
    }),
    row("the machine below", |_| socket(AF_VSOCK, SOCK_STREAM, 0)),
    row("the machine below by datagram", |_| {
        socket(AF_VSOCK, SOCK_DGRAM, 0)
    }),
    row("the kernel's ciphers", |_| {
        socket(AF_ALG, SOCK_SEQPACKET, 0)
    }),
    row("bluetooth", |_| socket(AF_BLUETOOTH, SOCK_RAW, 1)),
    row("a car's bus", |_| socket(AF_CAN, SOCK_RAW, 1)),
    row("a cluster", |_| socket(AF_TIPC, SOCK_SEQPACKET, 0)),
    row("express packets", |_| socket(AF_XDP, SOCK_RAW, 0)),
    row("shared memory by network", |_| {
        socket(AF_SMC, SOCK_STREAM, 0)
    }),
    row("reliable datagrams", |_| socket(AF_RDS, SOCK_SEQPACKET, 0)),
    row("multiplexed messages", |_| socket(AF_KCM, SOCK_DGRAM, 0)),
    row("keys of the network", |_| socket(AF_KEY, SOCK_RAW, 2)),
    row("dialled lines", |_| socket(AF_PPPOX, SOCK_STREAM, 0)),
    row("the modem", |_| socket(AF_QIPCRTR, SOCK_DGRAM, 0)),
    row("near field", |_| socket(AF_NFC, SOCK_SEQPACKET, 0)),
    row("small radios", |_| socket(AF_IEEE802154, SOCK_DGRAM, 0)),
    row("logical links", |_| socket(AF_LLC, SOCK_STREAM, 0)),
    row("labels", |_| socket(AF_MPLS, SOCK_RAW, 0)),
    row("infiniband", |_| socket(AF_IB, SOCK_STREAM, 0)),
    row("management components", |_| socket(AF_MCTP, SOCK_DGRAM, 0)),
    row("phones", |_| socket(AF_PHONET, SOCK_DGRAM, 0)),
    row("another phone", |_| socket(AF_CAIF, SOCK_SEQPACKET, 0)),
    row("apples", |_| socket(AF_APPLETALK, SOCK_DGRAM, 0)),
    row("amateur radio", |_| socket(AF_AX25, SOCK_SEQPACKET, 0)),
    row("old networks", |_| socket(AF_X25, SOCK_SEQPACKET, 0)),
    row("raw packets", |_| {
        socket(AF_INET, SOCK_RAW, libc::IPPROTO_ICMP)
    }),
    row("raw packets of any kind", |_| {
        socket(AF_INET, SOCK_RAW, libc::IPPROTO_RAW)
    }),
    row("raw packets of version 6", |_| {
        socket(AF_INET6, SOCK_RAW, libc::IPPROTO_ICMPV6)
    }),
    row("packets of the wire by the old name", |_| {
        socket(AF_INET, SOCK_PACKET, 0x0300)
    }),
    row("a kind of no protocol", |_| socket(AF_INET, SOCK_RDM, 0)),
    row("streams of many", |_| {
        socket(AF_INET, SOCK_STREAM, libc::IPPROTO_SCTP)
    }),
    row("messages of many", |_| {
        socket(AF_INET6, SOCK_SEQPACKET, libc::IPPROTO_SCTP)
    }),
    row("datagrams under control", |_| {
        socket(AF_INET, SOCK_DCCP, libc::IPPROTO_DCCP)
    }),
    row("half checked datagrams", |_| {
        socket(AF_INET, SOCK_DGRAM, libc::IPPROTO_UDPLITE)
    }),
    row("streams over many ways", |_| {
        socket(AF_INET, SOCK_STREAM, 262)
    }),
    row("tunnels", |_| socket(AF_INET, SOCK_DGRAM, 115)),
    row("watch sockets by netlink", |_| netlink(4)),
    row("log packets by netlink", |_| netlink(5)),
    row("encrypt packets by netlink", |_| netlink(6)),
    row("disks by netlink", |_| netlink(8)),
    row("audit by netlink", |_| netlink(9)),
    row("look up routes by netlink", |_| netlink(10)),
    row("connect to the kernel by netlink", |_| netlink(11)),
    row("filter packets by netlink", |_| netlink(12)),
    row("devices by netlink", |_| netlink(15)),
    row("anything by netlink", |_| netlink(16)),
    row("infiniband by netlink", |_| netlink(20)),
    row("ciphers by netlink", |_| netlink(21)),
    row("messages of users by netlink", |_| netlink(2)),
    Row {
        full: Refused(&[EPERM]),
        ..row("change the network by netlink", |_| change_network())
    },
];

/// Where there are namespaces the filter refuses odd families; where there are none, all.
const fn row(name: &'static str, run: fn(&Targets) -> Outcome) -> Row {
    Row {
        name,
        wall: Wall::Network,
        at_start: false,
        full: Refused(&[EAFNOSUPPORT, EPERM, EPROTONOSUPPORT, ESOCKTNOSUPPORT]),
        plain: Refused(&[EPERM, EAFNOSUPPORT, EPROTONOSUPPORT, ESOCKTNOSUPPORT]),
        run,
    }
}

fn socket(family: i32, kind: i32, protocol: i32) -> Outcome {
    tried(descriptor(
        libc::SYS_socket,
        [number(family), number(kind), number(protocol)],
    ))
}

fn netlink(protocol: i32) -> Outcome {
    socket(AF_NETLINK, SOCK_RAW, protocol)
}

/// Asks for a change of an interface without saying which: the right to is looked at first.
fn change_network() -> Outcome {
    use super::call::Word;
    use std::os::fd::AsRawFd as _;
    const SET_LINK: u64 = 19;
    // Asked for, and to be answered.
    const FLAGS: u64 = 5;
    let words = [number(AF_NETLINK), number(SOCK_RAW), number(0)];
    let link = match descriptor(libc::SYS_socket, words) {
        Ok(link) => link,
        Err(error) => return tried::<(), _>(Err(error)),
    };
    // Length, type, flags; sequence, port; an empty description of an interface.
    let mut message = super::call::bytes(&[32 | SET_LINK << 32 | FLAGS << 48, 1, 0, 0]);
    let send = [
        number(link.as_raw_fd()),
        Word::Room(&mut message),
        number(32),
        number(0),
    ];
    if let Err(error) = call(libc::SYS_sendto, send) {
        return tried::<(), _>(Err(error));
    }
    let mut answer = [0_u8; 128];
    let hear = [
        number(link.as_raw_fd()),
        Word::Room(&mut answer),
        number(128),
        number(0),
    ];
    match call(libc::SYS_recvfrom, hear) {
        Err(error) => tried::<(), _>(Err(error)),
        Ok(()) => {
            let mut errno = [0; 4];
            errno.copy_from_slice(&answer[16..20]);
            super::asked(nix::errno::Errno::result(0).and_then(|_: i32| {
                match i32::from_ne_bytes(errno) {
                    0 => Ok(()),
                    error => Err(nix::errno::Errno::from_raw(-error)),
                }
            }))
        }
    }
}
