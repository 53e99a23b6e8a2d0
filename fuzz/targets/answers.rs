//! Answers: whatever a model writes, Telegram takes what is made of it, whole and growing.
#![no_main]

mod telegram;

/// What the formatting takes from the configuration.
mod config {
    /// Where a text too long for one message is cut.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Chunk {
        Length,
        Newline,
    }
}

use libfuzzer_sys::fuzz_target;
use telegram::format::Rendered;
use telegram::outgoing::{Limits, Part, compose, preview};

fuzz_target!(|text: &str| {
    let limit = 16 + text.len() % 100;
    for chunk in [config::Chunk::Length, config::Chunk::Newline] {
        let composed = compose(text, &Limits { text: limit, chunk });
        for part in composed.captioned().parts {
            match part {
                Part::Text(words) => check(&words, limit),
                Part::Attached { name, caption, .. } => {
                    assert!(!name.contains(['/', '\\']) && !name.starts_with('.'), "{name}");
                    assert_eq!(telegram::read(&caption.html), Ok(caption.plain));
                }
                Part::Files { paths, caption } => {
                    assert!((1..=10).contains(&paths.len()));
                    if let Some(words) = caption {
                        check(&words, limit);
                    }
                }
            }
        }
    }
    let shown = preview(text, limit);
    if !shown.plain.is_empty() {
        check(&shown, limit);
    }
});

/// A message that Telegram takes.
fn check(words: &Rendered, limit: usize) {
    assert_eq!(telegram::read(&words.html).as_ref(), Ok(&words.plain));
    assert!(words.units() <= limit, "{} > {limit}", words.units());
    assert!(!words.plain.trim().is_empty());
}
