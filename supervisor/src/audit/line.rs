//! The line that an event becomes.

use super::event::Event;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One line of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// When it happened: `2026-11-22T17:49:40.123Z`.
    pub at: String,
    /// What.
    #[serde(flatten)]
    pub event: Event,
}

impl Line {
    /// An event of now, as it may be kept.
    #[must_use]
    pub(super) fn now(event: Event) -> Self {
        Self {
            at: format!("{:.3}", Timestamp::now()),
            event: event.fit(),
        }
    }

    /// The line as it is written: JSON, and a newline.
    #[must_use]
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::super::event::{Kind, MAX_TEXT};
    use super::super::redact;
    use super::*;
    use ipc::id::SessionKey;
    use serde_json::Value;

    fn refused(reason: &str) -> Line {
        let session = SessionKey::from("agent:main:main");
        Line::now(Event::Refused {
            session,
            tool: "exec".into(),
            reason: reason.into(),
        })
    }

    #[test]
    fn a_line_is_read_as_it_was_written() {
        let bytes = refused("no").to_bytes();
        let text = String::from_utf8(bytes).unwrap();
        assert_eq!(text.matches('\n').count(), 1);
        let read: Line = serde_json::from_str(&text).unwrap();
        assert_eq!(read.event, refused("no").event);
        let json: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["event"], "refused");
        assert!(json["at"].as_str().unwrap().ends_with('Z'), "{json}");
    }

    #[test]
    fn whatever_is_said_is_one_line_of_bounded_length() {
        let bytes = refused(&"a\n\"b".repeat(1 << 20)).to_bytes();
        assert!(bytes.len() < 4 * MAX_TEXT);
        assert_eq!(bytes.iter().filter(|byte| **byte == b'\n').count(), 1);
        assert!(serde_json::from_slice::<Line>(&bytes).is_ok());
    }

    #[test]
    fn secrets_do_not_become_part_of_a_line() {
        let bytes = refused("curl -H 'Authorization: Bearer abcdef0123456789'").to_bytes();
        let text = String::from_utf8(bytes).unwrap();
        assert!(!text.contains("abcdef0123456789"), "{text}");
        assert!(serde_json::from_str::<Line>(&text).is_ok(), "{text}");
    }

    #[test]
    fn a_secret_is_not_cut_in_two() {
        redact::know(["cut-in-the-middle"]);
        let filler = "x ".repeat(MAX_TEXT / 2 - 4);
        let kept = refused(&format!("{filler}cut-in-the-middle")).to_bytes();
        let kept = String::from_utf8(kept).unwrap();
        assert!(!kept.contains("cut-in") && kept.contains('…'), "{kept}");
    }

    #[test]
    fn every_kind_is_counted_in_its_own_place() {
        for (at, kind) in Kind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, at);
            assert_eq!(serde_json::json!(kind), kind.as_str());
        }
    }
}
