//! What names a bot in a group besides its @name: patterns of a person's own.

use regex_automata::meta::Regex;
use regex_automata::util::syntax;
use std::fmt;

/// The most memory one compiled pattern may take, in bytes.
const MAX_SIZE: usize = 1 << 20;
/// The longest pattern, in bytes.
const MAX_PATTERN: usize = 1_000;

/// A regular expression that is searched for in any case, in time linear in the text.
#[derive(Clone)]
pub struct MentionPattern {
    written: String,
    regex: Regex,
}

impl MentionPattern {
    /// Reads a pattern: `@?openclaw\b`.
    ///
    /// # Errors
    /// What is wrong with it, in one line.
    pub fn new(written: &str) -> Result<Self, String> {
        if written.trim().is_empty() {
            return Err("it is empty, which would be found in everything".into());
        }
        if written.len() > MAX_PATTERN {
            return Err(format!("it is longer than {MAX_PATTERN} bytes"));
        }
        let config = Regex::config()
            .nfa_size_limit(Some(MAX_SIZE))
            .onepass_size_limit(Some(MAX_SIZE))
            .hybrid_cache_capacity(MAX_SIZE);
        Regex::builder()
            .configure(config)
            .syntax(syntax::Config::new().case_insensitive(true))
            .build(written)
            .map(|regex| Self {
                written: written.to_owned(),
                regex,
            })
            .map_err(|error| reason(&error))
    }

    /// Whether it is found anywhere in the text.
    #[must_use]
    pub fn is_in(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }
}

/// The parser draws a picture of the pattern first; its last line is the reason.
fn reason(error: &regex_automata::meta::BuildError) -> String {
    if error.size_limit().is_some() {
        return format!("it takes more than {MAX_SIZE} bytes of memory");
    }
    let said = error
        .syntax_error()
        .map_or_else(|| error.to_string(), ToString::to_string);
    let last = said.lines().last().unwrap_or_default();
    last.trim_start_matches("error: ").to_owned()
}

impl PartialEq for MentionPattern {
    fn eq(&self, other: &Self) -> bool {
        self.written == other.written
    }
}

impl Eq for MentionPattern {}

impl fmt::Debug for MentionPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.written.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_found_in_any_case_and_anywhere() {
        let pattern = MentionPattern::new(r"\b@?clawd\b").unwrap();
        assert!(pattern.is_in("hey Clawd, are you there"));
        assert!(pattern.is_in("@CLAWD"));
        assert!(!pattern.is_in("clawdius"));
        assert!(MentionPattern::new("эй бот").unwrap().is_in("ЭЙ БОТ!"));
    }

    #[test]
    fn what_is_no_pattern_is_told_in_one_line() {
        for (written, reason) in [
            ("(", "unclosed group"),
            ("(?=x)", "look-around"),
            (r"(a)\1", "backreferences"),
            ("", "empty"),
            (&"x".repeat(1_001), "longer than"),
            ("((((a{100}){100}){100}){100}){100}", "memory"),
        ] {
            let said = MentionPattern::new(written).unwrap_err();
            assert!(said.contains(reason) && !said.contains('\n'), "{said}");
        }
    }

    #[test]
    fn a_pattern_that_would_send_others_round_in_circles_ends_at_once() {
        let pattern = MentionPattern::new("(a+)+$").unwrap();
        assert!(!pattern.is_in(&format!("{}b", "a".repeat(100_000))));
    }
}
