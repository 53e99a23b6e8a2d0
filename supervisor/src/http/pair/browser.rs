//! What a browser remembers for us, and what we remember of it.

use super::keys::Holder;
use axum::http::{HeaderMap, HeaderValue, header};
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The cookie that a form belongs to.
pub(super) const FORM: &str = "openclaw-form";
/// The cookie of a browser that has shown a token.
pub(super) const DOOR: &str = "openclaw-door";
/// A token that was shown counts for this long.
const LET_IN_FOR: Duration = Duration::from_secs(15 * 60);
/// So many browsers at a time; the oldest gives way.
const MOST: usize = 64;
/// Bytes of chance in an id.
const ID_BYTES: usize = 32;

/// The browsers that have shown a token, and the key that forms are signed with.
#[derive(Default)]
pub(super) struct Browsers {
    key: Key,
    let_in: Mutex<HashMap<[u8; 32], (Instant, Holder)>>,
}

/// Made anew with each gateway: forms of the one before are void.
struct Key([u8; 32]);

impl Default for Key {
    fn default() -> Self {
        let mut key = [0; 32];
        // A key that nobody knows, or none: then no form is ever taken.
        match getrandom::fill(&mut key) {
            Ok(()) => Self(key),
            Err(_) => Self([0; 32]),
        }
    }
}

impl Browsers {
    /// The token of a form for one code in one browser.
    pub(super) fn csrf(&self, id: &str, code: &str) -> String {
        // Twice, so that what is mixed can not be made longer by who sees the outcome.
        let inner = Sha256::new().chain_update(self.key.0);
        let inner = inner.chain_update(Sha256::digest(id)).chain_update(code);
        let outer = Sha256::new().chain_update(self.key.0);
        hex(&outer.chain_update(inner.finalize()).finalize())
    }

    /// Whether a form is one of ours, for this browser and code.
    pub(super) fn is_csrf(&self, id: &str, code: &str, given: &str) -> bool {
        let right = self.csrf(id, code);
        let same = Sha256::digest(&right) == Sha256::digest(given);
        same && is_id(id) && self.key.0 != [0; 32]
    }

    /// Remembers a browser that has shown a token: its new cookie, so that nobody can have put it
    /// there before.
    pub(super) fn let_in(&self, holder: Holder) -> Result<String, getrandom::Error> {
        let id = new_id()?;
        let now = Instant::now();
        let mut all = self.all();
        all.retain(|_, (until, _)| *until > now);
        while all.len() >= MOST {
            let oldest = all.iter().min_by_key(|(_, (until, _))| *until);
            let Some(oldest) = oldest.map(|(id, _)| *id) else {
                break;
            };
            all.remove(&oldest);
        }
        all.insert(Sha256::digest(&id).into(), (now + LET_IN_FOR, holder));
        Ok(id)
    }

    /// Who showed a token in this browser, not long ago.
    pub(super) fn holder(&self, id: &str) -> Option<Holder> {
        let all = self.all();
        // Found by what it is mixed into: the time tells nothing of the ids there are.
        let (until, holder) = all.get::<[u8; 32]>(&Sha256::digest(id).into())?;
        (*until > Instant::now()).then(|| holder.clone())
    }

    fn all(&self) -> std::sync::MutexGuard<'_, HashMap<[u8; 32], (Instant, Holder)>> {
        self.let_in.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An id of the system's randomness.
pub(super) fn new_id() -> Result<String, getrandom::Error> {
    let mut bytes = [0; ID_BYTES];
    getrandom::fill(&mut bytes)?;
    Ok(hex(&bytes))
}

/// Whether it looks like one of ours.
pub(super) fn is_id(text: &str) -> bool {
    text.len() == 2 * ID_BYTES && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits
        .filter_map(|digit| char::from_digit(u32::from(digit), 16))
        .collect()
}

/// What a cookie says.
pub(super) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).iter();
    let mut cookies = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='));
    cookies
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}

/// A cookie for this page alone, whatever path a proxy gives it, that no other page makes the
/// browser send and no script reads.
pub(super) fn set_cookie(name: &str, value: &str, secure: bool) -> HeaderValue {
    let secure = if secure { "; Secure" } else { "" };
    let age = LET_IN_FOR.as_secs();
    let text = format!("{name}={value}; Max-Age={age}; HttpOnly; SameSite=Strict{secure}");
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_good_for_its_browser_and_its_code_alone() {
        let browsers = Browsers::default();
        let (one, other) = (new_id().unwrap(), new_id().unwrap());
        let csrf = browsers.csrf(&one, "ABCD2345");
        assert!(browsers.is_csrf(&one, "ABCD2345", &csrf));
        assert!(!browsers.is_csrf(&other, "ABCD2345", &csrf));
        assert!(!browsers.is_csrf(&one, "ABCD2346", &csrf));
        assert!(!browsers.is_csrf(&one, "ABCD2345", ""));
        assert!(!Browsers::default().is_csrf(&one, "ABCD2345", &csrf));
        let empty = browsers.csrf("", "ABCD2345");
        assert!(!browsers.is_csrf("", "ABCD2345", &empty));
    }

    #[test]
    fn a_browser_is_known_by_its_new_cookie_and_few_are() {
        let browsers = Browsers::default();
        let first = browsers.let_in(Holder("me".into())).unwrap();
        assert!(is_id(&first) && browsers.holder(&first).is_some());
        assert!(browsers.holder("").is_none());
        assert!(browsers.holder(&new_id().unwrap()).is_none());
        for _ in 0..MOST {
            browsers.let_in(Holder("me".into())).unwrap();
        }
        assert!(browsers.holder(&first).is_none());
    }

    #[test]
    fn a_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.append("cookie", "a=1; openclaw-form=x; b=2".parse().unwrap());
        headers.append("cookie", "openclaw-door=y".parse().unwrap());
        assert_eq!(cookie(&headers, FORM), Some("x"));
        assert_eq!(cookie(&headers, DOOR), Some("y"));
        assert_eq!(cookie(&headers, "c"), None);
    }
}
