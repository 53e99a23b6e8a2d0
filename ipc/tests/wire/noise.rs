//! What no wire may do, whatever comes over it.

use crate::still::read;
use ipc::agent::{FromAgent, ToAgent};
use ipc::control::{FromSupervisor, ToSupervisor};
use ipc::tool::{FromTool, ToTool};
use proptest::prelude::*;
use serde_json::json;

proptest! {
    /// Bytes of any kind, framed or not, are an error or a message: never a panic.
    #[test]
    fn random_bytes_never_panic(bytes: Vec<u8>, framed: bool) {
        let bytes = if framed { framed_bytes(&bytes) } else { bytes };
        read_as_anything(&bytes);
    }

    /// Nor does JSON that is nearly right.
    #[test]
    fn nearly_right_json_never_panics(
        kind in "(ask|hello|reply|turn|submit|run|done|start|tool|model|exited|[a-z_]{0,6})",
        inner in "(ask|call|text|args|turn|result|Ok|Err|[a-z]{0,4})",
        value in prop_oneof![Just(json!(null)), any::<i64>().prop_map(|n| json!(n)), ".{0,8}".prop_map(|s| json!(s))],
    ) {
        let body = json!({ "type": kind, inner.clone(): { "type": kind, inner: value } });
        read_as_anything(&framed_bytes(body.to_string().as_bytes()));
    }
}

fn framed_bytes(body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len())
        .expect("it is short")
        .to_le_bytes();
    [&length, body].concat()
}

fn read_as_anything(bytes: &[u8]) {
    let _ = read::<ToAgent>(bytes);
    let _ = read::<FromAgent>(bytes);
    let _ = read::<ToTool>(bytes);
    let _ = read::<FromTool>(bytes);
    let _ = read::<ToSupervisor>(bytes);
    let _ = read::<FromSupervisor>(bytes);
}
