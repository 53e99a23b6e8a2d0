//! Codes that strangers are given.

use sha2::{Digest as _, Sha256};
use std::fmt;

/// What codes are made of: no letter looks like a digit. 32 of them, so that each is 5 bits of
/// chance.
const ALPHABET: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
/// Its length: 40 bits of chance.
const LENGTH: usize = 8;

/// A code: whoever says it speaks of one stranger's request.
#[derive(Clone)]
pub(crate) struct Code(String);

impl Code {
    /// A new one, of the system's randomness.
    ///
    /// # Errors
    /// Where the system has none.
    pub(crate) fn new() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; LENGTH];
        getrandom::fill(&mut bytes)?;
        let letter = |byte: u8| char::from(ALPHABET[usize::from(byte & 31)]);
        Ok(Self(bytes.into_iter().map(letter).collect()))
    }

    /// The code somebody typed or followed; case, spaces and dashes do not matter.
    pub(crate) fn parse(written: &str) -> Option<Self> {
        // Nobody types so much.
        if written.len() > 64 {
            return None;
        }
        let kept = written.chars().filter(|c| !c.is_whitespace() && *c != '-');
        let code: String = kept.map(|c| c.to_ascii_uppercase()).collect();
        let is_code = code.len() == LENGTH && code.bytes().all(|byte| ALPHABET.contains(&byte));
        is_code.then_some(Self(code))
    }

    /// One that nobody is ever given: for whoever is to look, and not to find.
    pub(crate) fn nobody_s() -> Self {
        Self(String::new())
    }

    /// The code itself, for whoever is to say it.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl PartialEq for Code {
    /// Compares what two codes are mixed into, so that the time it takes tells nothing of them.
    fn eq(&self, other: &Self) -> bool {
        Sha256::digest(&self.0) == Sha256::digest(&other.0)
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_code_is_eight_letters_that_nobody_mistakes_and_never_the_same() {
        let codes = (0..200).map(|_| Code::new().unwrap().0);
        let codes: BTreeSet<String> = codes.collect();
        assert_eq!(codes.len(), 200);
        for code in &codes {
            assert_eq!(code.len(), 8);
            assert!(!code.contains(['I', 'O', '0', '1']), "{code}");
            assert!(Code::parse(code).is_some());
        }
        let letters: BTreeSet<char> = codes.iter().flat_map(|code| code.chars()).collect();
        assert_eq!(letters.len(), 32);
    }

    #[test]
    fn a_code_is_read_as_people_write_it() {
        let code = Code::parse("ABCD2345").unwrap();
        for written in ["abcd2345", " ABCD 2345\n", "abcd-2345"] {
            assert!(Code::parse(written).unwrap() == code, "{written}");
        }
        for written in [
            "",
            "ABCD234",
            "ABCD23456",
            "ABCD2340",
            "ÄBCD2345",
            "../../..",
        ] {
            assert!(Code::parse(written).is_none(), "{written}");
        }
        assert!(Code::parse("ABCD2346").unwrap() != code);
        assert!(!format!("{code:?}").contains("ABCD"));
    }
}
