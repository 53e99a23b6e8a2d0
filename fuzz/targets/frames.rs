//! The frames between our processes, from the sides that are not trusted: whatever is understood
//! means the same when it is said again.
#![no_main]

use ipc::agent::FromAgent;
use ipc::control::ToSupervisor;
use ipc::frame;
use ipc::tool::FromTool;
use libfuzzer_sys::fuzz_target;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;

fuzz_target!(|bytes: &[u8]| {
    let Some((&kind, bytes)) = bytes.split_first() else {
        return;
    };
    match kind % 3 {
        0 => check::<FromAgent>(bytes),
        1 => check::<FromTool>(bytes),
        _ => check::<ToSupervisor>(bytes),
    }
});

fn check<T: Serialize + DeserializeOwned + Debug>(bytes: &[u8]) {
    // As it comes, and with a length that fits: few random bytes get past a wrong one.
    let _ = read::<T>(bytes);
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let framed = [&length.to_le_bytes(), bytes].concat();
    let Ok(message) = read::<T>(&framed) else {
        return;
    };
    let mut again = Vec::new();
    frame::encode(&message, &mut again).expect("it came in a frame");
    let said = read::<T>(&again).expect("what was said once can be said again");
    assert_eq!(format!("{said:?}"), format!("{message:?}"));
}

fn read<T: DeserializeOwned>(mut bytes: &[u8]) -> Result<T, frame::FrameError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    runtime.block_on(frame::read(&mut bytes))
}
