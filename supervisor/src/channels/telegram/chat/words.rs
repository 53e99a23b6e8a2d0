//! What growing text looks like. Pure.

use super::preview::Running;
use crate::channels::telegram::format::Rendered;
use crate::channels::telegram::outgoing;
use tokio::time::Instant;

/// What a message says that had only a tool's line, once that is over.
const NOTHING_YET: &str = "…";

/// The answer so far, and the line of the tool that runs; at most `limit` UTF-16 units. Empty when
/// there is nothing to say.
pub(super) fn so_far(running: &Running, prefix: &str, limit: usize, now: Instant) -> Rendered {
    let line = running.status(now).map(|status| status_line(&status));
    let room = line.as_ref().map_or(0, |line| units(&line.plain) + 2);
    let text = format!("{prefix}{}", running.text);
    let empty = running.text.trim().is_empty();
    let text = match empty {
        true => Rendered::default(),
        false => outgoing::preview(&text, limit.saturating_sub(room)),
    };
    match (line, text.plain.is_empty()) {
        (None, _) => text,
        (Some(line), true) => line,
        (Some(line), false) => Rendered {
            html: format!("{}\n\n{}", text.html, line.html),
            plain: format!("{}\n\n{}", text.plain, line.plain),
        },
    }
}

/// What stays where something was shown and nothing is left to show.
pub(super) fn nothing_yet() -> Rendered {
    Rendered {
        html: NOTHING_YET.to_owned(),
        plain: NOTHING_YET.to_owned(),
    }
}

/// What is being done, as a list.
pub(super) fn list(running: &Running) -> Rendered {
    let mut html = "<b>Working…</b>".to_owned();
    let mut plain = "Working…".to_owned();
    for (line, well) in running.done() {
        let mark = match well {
            None => '•',
            Some(true) => '✓',
            Some(false) => '✗',
        };
        html.push_str(&format!("\n{mark} {}", escaped(&line)));
        plain.push_str(&format!("\n{mark} {line}"));
    }
    Rendered { html, plain }
}

fn status_line(status: &str) -> Rendered {
    Rendered {
        html: format!("<i>⚙ {}</i>", escaped(status)),
        plain: format!("⚙ {status}"),
    }
}

/// As Telegram's HTML.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn units(text: &str) -> usize {
    text.encode_utf16().count()
}
