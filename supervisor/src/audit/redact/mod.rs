//! Takes secrets out of text that is kept: those this process knows of, and whatever looks like one.
//!
//! What is known is found anywhere, also in the forms it takes in JSON, addresses and basic
//! authentication. What only looks like a secret is found by its shape, see `shapes`. Either becomes
//! [`REDACTED`]. It errs on the side of taking out a word too many. Never looks at what tools and
//! models say to each other: that is not kept in a log.

mod known;
mod shapes;

use std::borrow::Cow;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

/// What stands in the place of a secret.
pub const REDACTED: &str = "[redacted]";

/// Whether shapes are looked for in log lines.
static SHAPES: AtomicBool = AtomicBool::new(true);

/// Secrets this process knows of from now on. What is shorter than eight bytes is a word rather than
/// a secret, and stays.
pub fn know<S: AsRef<str>>(secrets: impl IntoIterator<Item = S>) {
    known::add(secrets);
}

/// Whether shapes are looked for in log lines, too (`logging.redactSensitive`); the audit log and
/// known secrets are not a matter of choice.
pub fn look_for_shapes(wanted: bool) {
    SHAPES.store(wanted, Ordering::Relaxed);
}

/// The text without known secrets and without what looks like one.
#[must_use]
pub fn text(text: &str) -> Cow<'_, str> {
    let mut found = known::find(text);
    found.extend(shapes::find(text));
    without(text, found)
}

/// A log line without known secrets and, unless that was switched off, without what looks like one.
#[must_use]
pub(super) fn log_line(line: &str) -> Cow<'_, str> {
    if SHAPES.load(Ordering::Relaxed) {
        text(line)
    } else {
        without(line, known::find(line))
    }
}

fn without(text: &str, mut found: Vec<Range<usize>>) -> Cow<'_, str> {
    if found.is_empty() {
        return Cow::Borrowed(text);
    }
    found.sort_by_key(|range| (range.start, range.end));
    let mut shown = String::with_capacity(text.len());
    let mut at = 0;
    for range in found {
        if range.start >= at {
            shown.push_str(&text[at..range.start]);
            shown.push_str(REDACTED);
        }
        at = at.max(range.end);
    }
    shown.push_str(&text[at..]);
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_known_secret_is_found_in_every_form_it_takes() {
        let secret = "pa\"ss w/örd+1";
        know([secret]);
        for form in [
            secret.to_owned(),
            serde_json::to_string(secret).unwrap(),
            format!("{secret:?}"),
            "https://x/?q=pa%22ss%20w%2F%C3%B6rd%2B1&r=1".to_owned(),
            "https://x/?q=pa%22ss+w%2f%c3%b6rd%2b1&r=1".to_owned(),
        ] {
            let shown = text(&form);
            assert!(shown.contains(REDACTED), "{form} became {shown}");
            assert!(
                !shown.contains("rd+1") && !shown.contains("rd%2"),
                "{shown}"
            );
        }
    }

    #[test]
    fn the_longest_of_several_known_secrets_is_taken_out() {
        know(["known-1234", "known-1234-and-more"]);
        assert_eq!(text("x known-1234-and-more y"), "x [redacted] y");
        assert_eq!(text("x known-1234-and y"), "x [redacted]-and y");
    }

    #[test]
    fn a_long_secret_is_told_from_another_that_begins_alike() {
        let head = "x".repeat(100);
        know([format!("{head}-one")]);
        assert_eq!(text(&format!("{head}-one.")), "[redacted].");
        assert_eq!(text(&format!("{head}-two")), format!("{head}-two"));
    }

    #[test]
    fn words_are_not_secrets() {
        know(["short", ""]);
        assert_eq!(text("a short one"), "a short one");
    }

    #[test]
    fn basic_authentication_does_not_hide_a_known_secret() {
        use base64::Engine as _;
        know(["known-in-base64"]);
        for user in ["", "u:", "me:", "you:", "them:"] {
            let given =
                base64::engine::general_purpose::STANDARD.encode(format!("{user}known-in-base64"));
            let shown = text(&given).into_owned();
            assert!(shown.contains(REDACTED), "{given} became {shown}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics_and_twice_is_once(said in ".{0,200}") {
            let once = text(&said).into_owned();
            prop_assert_eq!(text(&once).into_owned(), once);
        }

        #[test]
        fn what_is_around_a_secret_stays(before in "[a-z ]{0,20}", after in "[a-z ]{0,20}") {
            let said = format!("{before} ghp_{} {after}", "a1B2".repeat(9));
            prop_assert_eq!(text(&said).into_owned(), format!("{before} {REDACTED} {after}"));
        }
    }
}
