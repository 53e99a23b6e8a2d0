//! Bodies in chunks: wherever they are cut, they end at the same byte.
#![no_main]

#[expect(dead_code, reason = "each target needs its own part")]
mod egress;

use egress::chunks::Chunks;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((&cut, bytes)) = bytes.split_first() else {
        return;
    };
    let mut whole = Chunks::default();
    let once = whole.advance(bytes);
    let mut parts = Chunks::default();
    let mut seen = 0;
    for piece in bytes.chunks(usize::from(cut).max(1)) {
        match parts.advance(piece) {
            Ok(taken) => seen += taken,
            Err(error) => return assert_eq!(once, Err(error)),
        }
        if parts.is_done() {
            break;
        }
    }
    assert_eq!(once, Ok(seen));
    assert_eq!(whole, parts);
});
