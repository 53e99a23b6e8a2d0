//! What looks like a secret: the shapes well-known services give to theirs, headers, addresses with
//! a password in them, assignments to names such as `api_key`, private keys.
//!
//! One machine finds where a shape may begin; a few lines of code say whether it does and where it
//! ends. No regular expressions: building those takes longer than all of a gateway's start.

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use std::ops::Range;
use std::sync::LazyLock;

/// What a sign may be the sign of.
#[derive(Debug, Clone, Copy)]
enum Sign {
    /// In front of a token of at least so many more characters.
    Prefix(usize),
    /// `AKIA` and sixteen more, of capitals and digits.
    AwsKey,
    /// `eyJ`, and two more parts.
    Jwt,
    /// A scheme of the `Authorization` header in front of its token.
    Scheme,
    /// A name whose value is secret, of at least so many characters.
    Name(usize),
    /// `://`, and then perhaps a person and a password.
    Address,
    /// `:` between a bot's number and its token.
    Bot,
    /// `-----BEGIN `, and then perhaps a private key.
    Pem,
}

#[rustfmt::skip] // a table reads by the line
const SIGNS: &[(&str, Sign)] = &[
    ("sk-", Sign::Prefix(16)), ("sk_live_", Sign::Prefix(12)), ("sk_test_", Sign::Prefix(12)), ("rk_live_", Sign::Prefix(12)),
    ("ghp_", Sign::Prefix(20)), ("gho_", Sign::Prefix(20)), ("ghu_", Sign::Prefix(20)), ("ghs_", Sign::Prefix(20)), ("ghr_", Sign::Prefix(20)),
    ("github_pat_", Sign::Prefix(20)), ("glpat-", Sign::Prefix(16)), ("npm_", Sign::Prefix(24)), ("pypi-", Sign::Prefix(24)),
    ("xoxb-", Sign::Prefix(10)), ("xoxp-", Sign::Prefix(10)), ("xoxa-", Sign::Prefix(10)), ("xoxr-", Sign::Prefix(10)), ("xoxs-", Sign::Prefix(10)), ("xoxe-", Sign::Prefix(10)), ("xapp-", Sign::Prefix(10)),
    ("AIza", Sign::Prefix(30)), ("ya29.", Sign::Prefix(20)), ("gsk_", Sign::Prefix(20)), ("hf_", Sign::Prefix(20)), ("xai-", Sign::Prefix(20)),
    ("pplx-", Sign::Prefix(20)), ("tvly-", Sign::Prefix(16)), ("r8_", Sign::Prefix(24)), ("dop_v1_", Sign::Prefix(24)), ("whsec_", Sign::Prefix(16)), ("SG.", Sign::Prefix(30)),
    ("AKIA", Sign::AwsKey), ("ASIA", Sign::AwsKey), ("eyJ", Sign::Jwt),
    ("bearer", Sign::Scheme), ("basic", Sign::Scheme),
    ("password", Sign::Name(3)), ("passwd", Sign::Name(3)), ("passphrase", Sign::Name(3)), ("pwd", Sign::Name(6)),
    ("secret", Sign::Name(6)), ("token", Sign::Name(8)), ("authorization", Sign::Name(8)), ("credential", Sign::Name(8)),
    ("apikey", Sign::Name(6)), ("api_key", Sign::Name(6)), ("api-key", Sign::Name(6)),
    ("access_key", Sign::Name(8)), ("secret_key", Sign::Name(8)), ("private_key", Sign::Name(8)), ("accesskey", Sign::Name(8)), ("secretkey", Sign::Name(8)), ("privatekey", Sign::Name(8)),
    ("://", Sign::Address), (":", Sign::Bot), ("-----BEGIN ", Sign::Pem),
];

static FINDER: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let signs = SIGNS.iter().map(|(sign, _)| sign);
    AhoCorasick::builder()
        .kind(Some(AhoCorasickKind::ContiguousNFA))
        .ascii_case_insensitive(true)
        .build(signs)
        .ok()
});

/// Where in the text something looks like a secret.
pub(super) fn find(text: &str) -> Vec<Range<usize>> {
    let Some(finder) = &*FINDER else {
        return Vec::new();
    };
    let found = finder.find_overlapping_iter(text).filter_map(|hit| {
        let (sign, kind) = SIGNS[hit.pattern().as_usize()];
        let spot = Spot {
            text,
            start: hit.start(),
            end: hit.end(),
        };
        match kind {
            Sign::Prefix(more) => spot.prefixed(sign, more),
            Sign::AwsKey => spot.aws_key(sign),
            Sign::Jwt => spot.jwt(sign),
            Sign::Scheme => spot.after_scheme(),
            Sign::Name(least) => spot.assigned(least),
            Sign::Address => spot.in_address(),
            Sign::Bot => spot.bot(),
            Sign::Pem => spot.private_key(),
        }
    });
    found.collect()
}

/// Where a sign was found.
struct Spot<'a> {
    text: &'a str,
    start: usize,
    end: usize,
}

impl Spot<'_> {
    fn prefixed(&self, sign: &str, more: usize) -> Option<Range<usize>> {
        let length = run(self.rest(), is_token);
        (self.is_written(sign) && self.begins_a_word() && length >= more)
            .then(|| self.start..self.end + length)
    }

    fn aws_key(&self, sign: &str) -> Option<Range<usize>> {
        let length = run(self.rest(), |b| {
            b.is_ascii_uppercase() || b.is_ascii_digit()
        });
        (self.is_written(sign) && self.begins_a_word() && length == 16)
            .then(|| self.start..self.end + length)
    }

    fn jwt(&self, sign: &str) -> Option<Range<usize>> {
        let length = run(self.rest(), |b| is_token(b) || b == b'.');
        let token = &self.rest()[..length];
        (self.is_written(sign) && self.begins_a_word() && length >= 24 && token.contains('.'))
            .then(|| self.start..self.end + length)
    }

    /// A token has a digit or is long: "bearer of news" stays.
    fn after_scheme(&self) -> Option<Range<usize>> {
        let gap = run(self.rest(), |b| matches!(b, b' ' | b'\t'));
        let from = self.end + gap;
        let token = &self.text[from..];
        let token = &token[..run(token, |b| {
            is_token(b) || matches!(b, b'.' | b'~' | b'+' | b'/' | b'=')
        })];
        let telling = token.bytes().any(|b| b.is_ascii_digit()) || token.len() >= 20;
        (self.begins_a_word() && gap > 0 && token.len() >= 8 && telling)
            .then(|| from..from + token.len())
    }

    /// The value after a name and `=` or `:`, with quotes around either or not, also as they stand in
    /// a text of JSON.
    fn assigned(&self, least: usize) -> Option<Range<usize>> {
        let quote = |text: &str| run(text, |b| matches!(b, b'"' | b'\'' | b'\\'));
        let mut at = self.end + quote(self.rest());
        at += run(&self.text[at..], |b| b == b' ');
        let sign = *self.text.as_bytes().get(at)?;
        if !matches!(sign, b'=' | b':') {
            return None;
        }
        at += 1;
        at += run(&self.text[at..], |b| matches!(b, b' ' | b'\t'));
        let quotes = quote(&self.text[at..]);
        at += quotes;
        let value = &self.text[at..];
        // What stands for a value is none.
        if value.starts_with(['$', '[', '(', '{', '<', '*']) {
            return None;
        }
        let ends = |b: u8| {
            let closes = matches!(b, b'"' | b'\'' | b'\\' | b'\n' | b'\r');
            closes
                || (quotes == 0
                    && matches!(b, b' ' | b'\t' | b'&' | b',' | b';' | b')' | b'}' | b']'))
        };
        let length = run(value, |b| !ends(b));
        // A scheme is followed by what is secret.
        let scheme = ["bearer", "basic", "token", "bot"];
        let value = &value[..length];
        if scheme
            .iter()
            .any(|scheme| value.eq_ignore_ascii_case(scheme))
        {
            let gap = run(&self.text[at + length..], |b| b == b' ');
            let from = at + length + gap;
            let length = run(&self.text[from..], |b| !ends(b));
            return (length >= least).then(|| from..from + length);
        }
        // "wrong password: expected" tells nothing; a value is longer, or not a word.
        let said = sign == b':' && quotes == 0 && value.bytes().all(|b| b.is_ascii_lowercase());
        (length >= least && !said).then(|| at..at + length)
    }

    fn in_address(&self) -> Option<Range<usize>> {
        let host = run(self.rest(), |b| {
            !matches!(
                b,
                b'/' | b'?'
                    | b'#'
                    | b' '
                    | b'\t'
                    | b'\n'
                    | b'\r'
                    | b'"'
                    | b'\''
                    | b'<'
                    | b'>'
                    | b'\\'
            )
        });
        let (person, _) = self.rest()[..host].rsplit_once('@')?;
        match person.split_once(':') {
            Some((user, password)) if !password.is_empty() => {
                let from = self.end + user.len() + 1;
                Some(from..from + password.len())
            }
            // A token may stand in the place of a name.
            Some(_) | None => (person.len() >= 16).then(|| self.end..self.end + person.len()),
        }
    }

    fn bot(&self) -> Option<Range<usize>> {
        let before = self.text.as_bytes()[..self.start].iter().rev();
        let digits = before.take_while(|b| b.is_ascii_digit()).count();
        let length = run(self.rest(), is_token);
        ((6..=12).contains(&digits) && length >= 30).then(|| self.start - digits..self.end + length)
    }

    fn private_key(&self) -> Option<Range<usize>> {
        const KIND: &str = "PRIVATE KEY";
        let rest = self.rest();
        let line = &rest[..rest.find("-----")?];
        if !line.ends_with(KIND) && !line.ends_with("PRIVATE KEY BLOCK") {
            return None;
        }
        let end = rest.find("-----END ").map(|at| at + "-----END ".len());
        let end = end.and_then(|at| Some(at + rest[at..].find("-----")? + 5));
        Some(self.start..self.end + end.unwrap_or(rest.len()))
    }

    fn rest(&self) -> &str {
        &self.text[self.end..]
    }

    /// Whether the sign has its own letter case here; the machine looks for any.
    fn is_written(&self, sign: &str) -> bool {
        &self.text[self.start..self.end] == sign
    }

    fn begins_a_word(&self) -> bool {
        let before = self.text.as_bytes()[..self.start].last();
        before.is_none_or(|b| !b.is_ascii_alphanumeric() && *b != b'_')
    }
}

fn is_token(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')
}

/// How many bytes at the beginning of the text are of a kind. The kinds here end at, or hold, whole
/// characters.
fn run(text: &str, is: impl Fn(u8) -> bool) -> usize {
    text.bytes().position(|b| !is(b)).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::super::{REDACTED, text};

    /// Each line with what is to be taken out of it between `‹` and `›`.
    const SEEN: &[&str] = &[
        "key ‹sk-abcdefghijklmnopqrstuvwx› end",
        "key ‹sk-proj-AbC_123-defghijklmno›,",
        "‹sk-ant-api03-AAAABBBBCCCCDDDD›",
        "‹ghp_abcdefghijklmnopqrstuvwxyz0123456789›",
        "‹github_pat_11ABCDEFG0abcdefghijklmnop›",
        "‹xoxb-1234567890-abcdef›",
        "‹AKIAIOSFODNN7EXAMPLE› in eu-west-1",
        "‹AIzaSyA1234567890abcdefghijklmnopqrstuv›",
        "‹eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc-DEF_123›",
        "Authorization: Bearer ‹abc.def-123›",
        "authorization: basic ‹dXNlcjpwYXNzd29yZA==›",
        "\"authorization\":\"‹Bearer abcdefgh12›\"",
        "https://api.telegram.org/bot‹123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw_›/getMe",
        "https://me:‹hunter2›@example.org/path?x=1",
        "postgres://u:‹p@ss›@db:5432/x",
        "https://‹0123456789abcdef0123›@github.com/a/b.git",
        "https://x.org/?user=me&password=‹hunter2›&x=1",
        "https://x.org/?api_key=‹1234567890›",
        "https://x.org/?access_token=‹12345678901›&x=1#top",
        "{\"password\":\"‹a b, c›\",\"x\":1}",
        "{\"args\":\"{\\\"apiKey\\\":\\\"‹abcdef123›\\\"}\"}",
        "OPENAI_API_KEY=‹abcdef12345› cargo run",
        "export DB_PASSWORD='‹correct horse›'",
        "--token ‹ghs_abcdefghijklmnopqrstuv›",
        "client_secret: ‹Zm9vYmFy1›",
        "‹-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc=\n-----END RSA PRIVATE KEY-----› after",
        "‹-----BEGIN OPENSSH PRIVATE KEY-----\\nb3Blb›",
    ];

    const UNSEEN: &[&str] = &[
        "agent:main:main finished a turn with 1500 tokens: 20 in",
        "session=agent:main:telegram:group:-100123456789 tokens=200000",
        "wrong password: expected one",
        "the token is missing; set gateway.auth.token or OPENCLAW_GATEWAY_TOKEN",
        "token: ${TOKEN} password: (secret) secret=[redacted]",
        "https://example.org:8080/a@b?c=d",
        "https://user@example.org/",
        "task-force risk-assessment-of-everything-there-is",
        "a bearer of news, basic understanding",
        "-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----",
        "2026-11-22T17:49:40.123456789Z 12:34:56",
        "max_tokens: 4096, \"tokens\": 1000000",
        "AKIAnotakeybutaword ASIAN",
        "secret sauce, passwords are kept",
    ];

    #[test]
    fn what_looks_like_a_secret_is_taken_out_and_nothing_else() {
        for line in SEEN {
            let said = line.replace(['‹', '›'], "");
            let mut wanted = (*line).to_owned();
            while let (Some(from), Some(to)) = (wanted.find('‹'), wanted.find('›')) {
                wanted.replace_range(from..to + '›'.len_utf8(), REDACTED);
            }
            assert_eq!(text(&said), wanted, "of {said}");
        }
    }

    #[test]
    fn what_does_not_look_like_one_stays() {
        for line in UNSEEN {
            assert_eq!(text(line), *line);
        }
    }
}
