//! What is asked of a model, and what streams back.

use crate::still::snapshots;
use ipc::id::ItemId;
use ipc::model::{ModelEvent, Purpose, StopReason};

snapshots!(what_streams: ModelEvent {
    Text => ModelEvent::Text { delta: "It ".into() },
    Restart => ModelEvent::Restart { reason: "the stream was cut".into() },
});

snapshots!(what_a_model_is_asked_for: Purpose {
    Answer => Purpose::Answer,
    Summarize => Purpose::Summarize { through: ItemId(6), prompt: "Sum up.".into() },
});

snapshots!(why_a_model_stops: StopReason {
    End => StopReason::End,
    ToolCalls => StopReason::ToolCalls,
    Length => StopReason::Length,
    Filtered => StopReason::Filtered,
});
