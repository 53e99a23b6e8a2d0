//! Names: one spelling for each, and none that the system would take for an address.
#![no_main]

#[expect(dead_code, reason = "each target needs its own part")]
mod egress;

use egress::name::{Host, Name};
use egress::rule::Rule;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(name) = Name::parse(text) {
        let spelled = name.as_str();
        assert!(!is_address(spelled), "{spelled}");
        assert_eq!(Name::parse(spelled).as_ref(), Ok(&name));
        assert_eq!(
            Name::parse(&spelled.to_ascii_uppercase()).as_ref(),
            Ok(&name)
        );
        assert_eq!(Name::parse(&format!("{spelled}.")).as_ref(), Ok(&name));
        assert!(!name.is_below(&name));
        assert_eq!(Host::parse(spelled), Ok(Host::Name(name)));
    }
    if let Ok((host, port)) = Host::parse_with_port(text, Some(80)) {
        assert_eq!(
            Host::parse_with_port(&format!("{host}:{port}"), None),
            Ok((host, port))
        );
    }
    // A rule about names is about no address, and the other way round.
    if let Ok(rule) = text.parse::<Rule>() {
        let name = Name::parse("any.example").expect("a name");
        assert!(!(rule.is_net() && rule.names(&name)));
    }
});

/// What `inet_aton` takes: one to four numbers, decimal, octal or hexadecimal.
fn is_address(text: &str) -> bool {
    let is_number = |part: &str| match part.strip_prefix("0x") {
        Some(digits) => digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()),
    };
    text.split('.').count() <= 4 && text.split('.').all(is_number)
}
