//! The secrets this process knows of.

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use arc_swap::ArcSwapOption;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write as _;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

/// What is shorter is not told from a word, in bytes.
const SHORTEST: usize = 8;
/// So many are remembered: sign-ins change every hour or so, and an old one is of no use to anyone.
const MOST: usize = 500;
/// The machine looks for so much of each, in bytes; the rest is compared. So it stays small.
const HEAD: usize = 32;

/// The oldest first.
static SECRETS: Mutex<VecDeque<String>> = Mutex::new(VecDeque::new());
static FINDER: ArcSwapOption<Finder> = ArcSwapOption::const_empty();

struct Finder {
    machine: AhoCorasick,
    /// Every form that begins with a head, in the machine's order of heads.
    forms: Vec<Vec<String>>,
}

pub(super) fn add<S: AsRef<str>>(secrets: impl IntoIterator<Item = S>) {
    let mut known = SECRETS.lock().unwrap_or_else(PoisonError::into_inner);
    let mut any = false;
    for secret in secrets {
        let secret = secret.as_ref().trim();
        if secret.len() >= SHORTEST && !known.iter().any(|known| known == secret) {
            known.push_back(secret.to_owned());
            any = true;
        }
    }
    while known.len() > MOST {
        known.pop_front();
    }
    // It fails with gigabytes of patterns only, and those that were found before still are.
    if any && let Some(finder) = Finder::of(&known) {
        FINDER.store(Some(Arc::new(finder)));
    }
}

pub(super) fn find(text: &str) -> Vec<Range<usize>> {
    match &*FINDER.load() {
        Some(finder) => finder.find(text),
        None => Vec::new(),
    }
}

impl Finder {
    fn of(secrets: &VecDeque<String>) -> Option<Self> {
        let mut by_head: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for form in secrets.iter().flat_map(|secret| forms_of(secret)) {
            let head = form[..form.floor_char_boundary(HEAD)].to_owned();
            by_head.entry(head).or_default().push(form);
        }
        let (heads, forms): (Vec<_>, Vec<_>) = by_head.into_iter().unzip();
        let machine = AhoCorasick::builder()
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .build(heads)
            .ok()?;
        Some(Self { machine, forms })
    }

    fn find(&self, text: &str) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        for hit in self.machine.find_overlapping_iter(text) {
            let (start, rest) = (hit.start(), &text[hit.start()..]);
            let forms = self.forms[hit.pattern().as_usize()].iter();
            let whole = forms.filter(|form| rest.starts_with(form.as_str()));
            found.extend(whole.map(|form| start..start + form.len()));
        }
        found
    }
}

/// The secret, and what it becomes in JSON, in an address, in base64.
fn forms_of(secret: &str) -> BTreeSet<String> {
    let mut forms = BTreeSet::from([
        secret.to_owned(),
        serde_json::Value::from(secret)
            .to_string()
            .trim_matches('"')
            .to_owned(),
        format!("{secret:?}").trim_matches('"').to_owned(),
    ]);
    for space in ["%20", "+"] {
        let upper = percent_encoded(secret, space);
        forms.insert(lower_hex(&upper));
        forms.insert(upper);
    }
    forms.extend((0..3).map(|before| in_base64(secret, before)));
    forms.retain(|form| form.len() >= SHORTEST);
    forms
}

fn percent_encoded(text: &str, space: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                encoded.push(char::from(byte));
            }
            b' ' => encoded.push_str(space),
            // Writing to a string does not fail.
            _ => drop(write!(encoded, "%{byte:02X}")),
        }
    }
    encoded
}

/// The same with `%2f` for `%2F`.
fn lower_hex(encoded: &str) -> String {
    let mut lower = String::with_capacity(encoded.len());
    let mut hex = 0;
    for c in encoded.chars() {
        lower.push(if hex > 0 { c.to_ascii_lowercase() } else { c });
        hex = if c == '%' { 2 } else { i32::max(hex - 1, 0) };
    }
    lower
}

/// What base64 makes of the secret with `before` bytes in front of it in their group of three,
/// without the characters that also depend on its neighbours.
fn in_base64(secret: &str, before: usize) -> String {
    let mut bytes = vec![0; before];
    bytes.extend(secret.as_bytes());
    let encoded = STANDARD_NO_PAD.encode(&bytes);
    let from = (before * 8).div_ceil(6);
    let until = bytes.len() * 8 / 6;
    encoded[from..until].to_owned()
}
