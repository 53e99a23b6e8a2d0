//! SOCKS5: no message is read beyond its end, and none is waited for without one.
#![no_main]

#[expect(dead_code, reason = "each target needs its own part")]
mod egress;

use egress::socks::{greeting, request};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(Some((_, used))) = greeting(bytes) {
        assert!(used <= bytes.len() && used <= 257);
    }
    match request(bytes) {
        Ok(Some((_, _, used))) => {
            assert!(used <= bytes.len());
            assert_eq!(request(&bytes[..used - 1]), Ok(None));
            assert_eq!(request(&bytes[..used]), request(bytes));
        }
        Ok(None) => assert!(bytes.len() < 262),
        Err(_) => {}
    }
});
