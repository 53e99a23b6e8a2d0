//! The proxy's HTTP: whatever goes on to a server is one request, for the host that was checked.
#![no_main]

#[expect(dead_code, reason = "each target needs its own part")]
mod egress;

use egress::head::{Head, Onward};
use egress::name::Host;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(Some(head)) = Head::parse(bytes) else {
        return;
    };
    assert!(head.length <= bytes.len());
    if let Ok(Some((host, port))) = head.tunnel() {
        assert_ne!(port, 0);
        assert_eq!(Host::parse(&host.to_string()), Ok(host));
    }
    // What goes on has up to two lines more, which may be two more than we read.
    if bytes.iter().filter(|byte| **byte == b'\n').count() > 120 {
        return;
    }
    if let Ok(onward) = head.proxied() {
        check(&onward);
    }
    let host = Host::parse("site.example").expect("a name");
    if let Ok(onward) = head.captured(host.clone(), 80) {
        assert_eq!((&onward.host, onward.port), (&host, 80));
        check(&onward);
    }
});

/// What a server reads is what was understood.
fn check(onward: &Onward) {
    let again = Head::parse(&onward.head)
        .expect("a head")
        .expect("all of it");
    assert_eq!(again.length, onward.head.len());
    // As if it had come to us for that host: its Host line has to agree, and its body too.
    let again = again
        .captured(onward.host.clone(), onward.port)
        .expect("one that agrees with itself");
    assert_eq!(again.body, onward.body);
    assert_eq!(again.head, onward.head);
}
