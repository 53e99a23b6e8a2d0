//! Strangers' texts, made fit to be shown.

/// Longest text of a provider kept in an error, in characters.
const MAX_TEXT: usize = 400;

/// A stranger's text, fit for a log line: one line, bounded, nothing in it that looks like a secret.
pub(in crate::model) fn tidy(text: &str) -> String {
    let mut line = String::new();
    for word in text.split_whitespace() {
        if line.chars().count() >= MAX_TEXT {
            line.push('…');
            break;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.extend(masked(word).chars().take(MAX_TEXT));
    }
    line.retain(|c| !c.is_control());
    line
}

/// The word with everything in it that is shaped like a key or token left out.
fn masked(word: &str) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "-_.*".contains(c);
    let mut out = String::new();
    let mut rest = word;
    while !rest.is_empty() {
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let (piece, after) = rest.split_at(end);
        out.push_str(if looks_secret(piece) {
            "[hidden]"
        } else {
            piece
        });
        let mark = after.chars().next().map_or(0, char::len_utf8);
        out.push_str(&after[..mark]);
        rest = &after[mark..];
    }
    out
}

fn looks_secret(piece: &str) -> bool {
    const LEADS: [&str; 9] = [
        "sk-", "sk_", "eyJ", "AIza", "gsk_", "xai-", "rt_", "ghp_", "key-",
    ];
    let long = piece.len() >= 12 && LEADS.iter().any(|lead| piece.starts_with(lead));
    let mixed = piece.len() >= 40
        && piece.bytes().any(|b| b.is_ascii_digit())
        && piece.bytes().any(|b| b.is_ascii_uppercase())
        && piece.bytes().any(|b| b.is_ascii_lowercase());
    long || mixed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_in_a_providers_words_is_hidden() {
        let text = tidy("Incorrect API key provided: sk-proj-abc123456789. See\n\thttps://x");
        assert_eq!(text, "Incorrect API key provided: [hidden] See https://x");
        assert!(!tidy("token=eyJhbGciOiJIUzI1NiJ9.e30.x9").contains("eyJ"));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_made_one_short_line(text in ".*") {
            let line = tidy(&text);
            proptest::prop_assert!(line.chars().count() <= 2 * MAX_TEXT + 2);
            proptest::prop_assert!(!line.contains('\n'));
        }
    }
}
