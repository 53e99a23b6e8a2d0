//! What somebody may have meant.

use super::keys::{self, Field};

/// The candidate a person most likely meant; `None` where nothing is near.
pub(super) fn nearest<'a>(
    word: &str,
    candidates: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    let word = plain(word);
    let reach = (word.chars().count() / 3).clamp(1, 3);
    candidates
        .map(|candidate| {
            (
                strsim::damerau_levenshtein(&word, &plain(candidate)),
                candidate,
            )
        })
        .filter(|(distance, _)| *distance <= reach)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Where else in the table a key of just this name stands; at most three places.
pub(super) fn elsewhere(name: &str) -> Vec<String> {
    let mut found = Vec::new();
    search(keys::root(), "", name, &mut found);
    found.truncate(3);
    found
}

fn search(field: &Field, path: &str, name: &str, found: &mut Vec<String>) {
    for (key, below) in &field.named {
        let path = if path.is_empty() {
            (*key).to_owned()
        } else {
            format!("{path}.{key}")
        };
        let later = below.key.is_some_and(|key| key.takes == keys::Shape::Later);
        if plain(key) == plain(name) && !later {
            found.push(path.clone());
        }
        search(below, &path, name, found);
    }
    for (mark, below) in [(".*", &field.each), ("[]", &field.items)] {
        if let Some(below) = below {
            search(below, &format!("{path}{mark}"), name, found);
        }
    }
}

/// Without what people mix up: `timeout_seconds` and `timeoutSeconds` are the same.
fn plain(word: &str) -> String {
    word.chars()
        .filter(|c| !matches!(c, '_' | '-'))
        .flat_map(char::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_the_finger_are_seen_through() {
        let words = ["timeoutSeconds", "model", "tools", "on-miss"];
        let near = |word| nearest(word, words.into_iter());
        assert_eq!(near("timeoutSecond"), Some("timeoutSeconds"));
        assert_eq!(near("timeout_seconds"), Some("timeoutSeconds"));
        assert_eq!(near("modle"), Some("model"));
        assert_eq!(near("onmiss"), Some("on-miss"));
        assert_eq!(near("colour"), None);
    }

    #[test]
    fn a_key_in_the_wrong_place_is_found_in_the_right_one() {
        assert_eq!(
            elsewhere("idleSeconds"),
            ["agents.defaults.process.idleSeconds"]
        );
        assert!(elsewhere("nowhere").is_empty());
    }
}
