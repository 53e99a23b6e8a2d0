//! A call costs what is new, not what was said before.

use super::*;
use crate::model::catalog;
use crate::model::openai;
use crate::model::render::samples::{answer, context, outcome, user};
use std::time::Instant;

/// About 150,000 tokens of conversation.
fn long() -> Context {
    let text = "word ".repeat(400);
    let items = (0..300).flat_map(|turn| {
        let id = turn * 3 + 2;
        [
            user(&text),
            answer("I look.", 1),
            outcome(id, 0, &text[..40]),
        ]
    });
    context(items.collect())
}

#[test]
fn what_was_rendered_is_not_rendered_again() {
    let context = long();
    let model = catalog::model(&BTreeMap::new(), &"openrouter/x".parse().unwrap()).unwrap();
    let call = ModelCall {
        chain: &[],
        session: &"agent:main:main".into(),
        instructions: "Be brief.",
        tools: &[],
        context: &context,
        closing: None,
        thinking: None,
        timeout: Duration::from_secs(1),
    };
    let mut cache = RenderCache::default();
    let mut timed = || {
        let begun = Instant::now();
        let body = openai::body(&model, &call, None, &mut cache);
        (begun.elapsed(), body.len())
    };
    let (first, len) = timed();
    assert!(len > 600_000);
    let again = (0..5).map(|_| timed().0).min().unwrap();
    // Unoptimised it is some 20 times; 3 leaves room for a busy machine.
    assert!(again * 3 < first, "{again:?} after {first:?}");
}
