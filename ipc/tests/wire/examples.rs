//! Examples of what more than one message carries.

use ipc::hello::Hello;
use ipc::id::{CallRef, ItemId, SessionKey};
use ipc::model::Usage;
use ipc::refusal::{Refusal, RefusalKind};
use ipc::transcript::{ItemKind, ItemOutline, ToolRequest};

pub(crate) fn hello() -> Hello {
    Hello {
        protocol: 1,
        version: "0.1.0".into(),
    }
}

pub(crate) fn session() -> SessionKey {
    SessionKey::from("agent:main:main")
}

pub(crate) fn usage() -> Usage {
    Usage {
        input: 100,
        output: 20,
        cached: 80,
    }
}

pub(crate) fn refusal() -> Refusal {
    Refusal::new(RefusalKind::Unavailable, "no model could answer")
}

pub(crate) fn call_ref() -> CallRef {
    CallRef {
        item: ItemId(8),
        index: 0,
    }
}

pub(crate) fn request() -> ToolRequest {
    ToolRequest {
        id: "call_1".into(),
        name: "exec".into(),
        arguments: r#"{"command":"echo hi"}"#.into(),
    }
}

pub(crate) fn outline(id: u64, kind: ItemKind) -> ItemOutline {
    ItemOutline {
        id: ItemId(id),
        kind,
        tokens: 11,
    }
}
