//! The laws of formatting. What Telegram allows is checked by a reader of its own, which knows
//! nothing of how the HTML was made.

mod telegram;
mod laws;
mod usual;
mod hostile;
mod growing;

use super::{Page, Reading, Rendered};
use crate::config::Chunk;
use telegram::read;

/// The messages of a text.
fn parts(text: &str, limit: usize, chunk: Chunk) -> Vec<Rendered> {
    let page = Page::read(text, Reading::Whole);
    page.parts(limit, chunk).collect()
}

/// The only message of a text, as Telegram would take it.
fn html(text: &str) -> String {
    let parts = parts(text, 4096, Chunk::Length);
    let [part] = &parts[..] else {
        panic!("{} parts of {text:?}", parts.len());
    };
    assert_eq!(read(&part.html).as_ref(), Ok(&part.plain));
    part.html.clone()
}

/// A text without what separates words.
fn bare(text: &str) -> String {
    text.chars().filter(|char| !char.is_whitespace()).collect()
}
