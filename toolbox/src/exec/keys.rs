//! What keys are as bytes, the way an xterm sends them. Pure.

use ipc::tool_args::ProcessArgs;

const ESCAPE: u8 = 0x1b;
/// Around a paste, for programs that asked to know one from typing.
const PASTE: (&str, &str) = ("\x1b[200~", "\x1b[201~");

/// Keys by name, in lower case.
const NAMED: [(&str, &[u8]); 37] = [
    ("enter", b"\r"),
    ("return", b"\r"),
    ("tab", b"\t"),
    ("s-tab", b"\x1b[Z"),
    ("btab", b"\x1b[Z"),
    ("escape", b"\x1b"),
    ("esc", b"\x1b"),
    ("space", b" "),
    ("backspace", b"\x7f"),
    ("bspace", b"\x7f"),
    ("up", b"\x1b[A"),
    ("down", b"\x1b[B"),
    ("right", b"\x1b[C"),
    ("left", b"\x1b[D"),
    ("home", b"\x1b[H"),
    ("end", b"\x1b[F"),
    ("insert", b"\x1b[2~"),
    ("ic", b"\x1b[2~"),
    ("delete", b"\x1b[3~"),
    ("del", b"\x1b[3~"),
    ("dc", b"\x1b[3~"),
    ("pageup", b"\x1b[5~"),
    ("ppage", b"\x1b[5~"),
    ("pagedown", b"\x1b[6~"),
    ("npage", b"\x1b[6~"),
    ("f1", b"\x1bOP"),
    ("f2", b"\x1bOQ"),
    ("f3", b"\x1bOR"),
    ("f4", b"\x1bOS"),
    ("f5", b"\x1b[15~"),
    ("f6", b"\x1b[17~"),
    ("f7", b"\x1b[18~"),
    ("f8", b"\x1b[19~"),
    ("f9", b"\x1b[20~"),
    ("f10", b"\x1b[21~"),
    ("f11", b"\x1b[23~"),
    ("f12", b"\x1b[24~"),
];

/// What `send-keys` sends: the literal text, then the raw bytes, then the keys.
pub(super) fn sequence(args: &ProcessArgs, tty: bool) -> Result<Vec<u8>, String> {
    let mut bytes = args
        .literal
        .as_deref()
        .unwrap_or_default()
        .as_bytes()
        .to_vec();
    for text in &args.hex {
        bytes.extend(hex(text)?);
    }
    for name in &args.keys {
        match key(name)? {
            enter if enter == b"\r" => bytes.extend_from_slice(self::enter(tty)),
            key if is_signal(&key) && !tty => {
                return Err(format!(
                    "it has no terminal, so {name} would be only a byte to it: use kill to end it, \
                     or exec with pty: true"
                ));
            }
            key => bytes.extend(key),
        }
    }
    if bytes.is_empty() {
        return Err("send-keys needs keys, hex or literal".to_owned());
    }
    Ok(bytes)
}

/// The Enter key: what a terminal sends, or the end of a line in a pipe.
pub(super) fn enter(tty: bool) -> &'static [u8] {
    if tty { b"\r" } else { b"\n" }
}

/// What pasting `text` sends.
pub(super) fn paste(text: &str, bracketed: bool, tty: bool) -> Vec<u8> {
    if !tty {
        return text.as_bytes().to_vec();
    }
    // A terminal sends Enter for every line end; an end mark within the text would end the paste
    // early and have the rest typed.
    let text = text
        .replace("\r\n", "\r")
        .replace('\n', "\r")
        .replace(PASTE.1, "");
    if bracketed {
        format!("{}{text}{}", PASTE.0, PASTE.1).into_bytes()
    } else {
        text.into_bytes()
    }
}

/// One key: a name, a character, or either with `C-` (`^`, `Ctrl+`) or `M-` (`Alt+`) before it.
fn key(name: &str) -> Result<Vec<u8>, String> {
    let lower = name.to_ascii_lowercase();
    if let Some((_, bytes)) = NAMED.iter().find(|(known, _)| *known == lower) {
        return Ok(bytes.to_vec());
    }
    if let Some(rest) = after(name, &["c-", "ctrl-", "ctrl+", "^"]) {
        return control(rest).ok_or_else(|| unknown(name));
    }
    if let Some(rest) = after(name, &["m-", "alt-", "alt+", "meta-"]) {
        let mut bytes = vec![ESCAPE];
        bytes.extend(key(rest)?);
        return Ok(bytes);
    }
    let mut characters = name.chars();
    match (characters.next(), characters.next()) {
        (Some(_), None) => Ok(name.as_bytes().to_vec()),
        (None, _) | (Some(_), Some(_)) => Err(unknown(name)),
    }
}

/// What is left of `name` after one of the prefixes, which are in lower case.
fn after<'n>(name: &'n str, prefixes: &[&str]) -> Option<&'n str> {
    prefixes.iter().find_map(|prefix| {
        let (start, rest) = name.split_at_checked(prefix.len())?;
        (start.eq_ignore_ascii_case(prefix) && !rest.is_empty()).then_some(rest)
    })
}

fn control(rest: &str) -> Option<Vec<u8>> {
    if rest.eq_ignore_ascii_case("space") {
        return Some(vec![0]);
    }
    if let Some(rest) = after(rest, &["m-"]) {
        let mut bytes = vec![ESCAPE];
        bytes.extend(control(rest)?);
        return Some(bytes);
    }
    match rest.as_bytes() {
        [b'?'] => Some(vec![0x7f]),
        [byte] if matches!(byte, b'@'..=b'_' | b'a'..=b'z') => Some(vec![byte & 0x1f]),
        _ => None,
    }
}

/// Whether a terminal would turn it into a signal: C-c, C-z or C-\.
fn is_signal(key: &[u8]) -> bool {
    matches!(key, [0x03 | 0x1a | 0x1c])
}

/// Bytes from hexadecimal digits: `1b5b41`, `0x1b`, `1b 5b 41`.
fn hex(text: &str) -> Result<Vec<u8>, String> {
    let bad = || format!("{text:?} is no hexadecimal: give two digits a byte, such as 1b5b41");
    let mut bytes = Vec::new();
    for word in text.split([' ', ',', ':']).filter(|word| !word.is_empty()) {
        let digits = word.strip_prefix("0x").unwrap_or(word);
        if !digits.is_ascii() || !digits.len().is_multiple_of(2) {
            return Err(bad());
        }
        for at in (0..digits.len()).step_by(2) {
            let byte = u8::from_str_radix(&digits[at..at + 2], 16);
            bytes.push(byte.map_err(|_| bad())?);
        }
    }
    Ok(bytes)
}

fn unknown(name: &str) -> String {
    format!(
        "there is no key {name:?}: known are single characters, Enter, Tab, Escape, Space, \
         Backspace, Delete, Insert, Up, Down, Left, Right, Home, End, PageUp, PageDown, F1 to F12, \
         and C- or M- before one; text goes into literal"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_named_key_is_found_whatever_its_case() {
        for (name, bytes) in NAMED {
            assert_eq!(key(&name.to_uppercase()), Ok(bytes.to_vec()));
        }
    }

    #[test]
    fn control_and_meta_keys_are_what_an_xterm_sends() {
        for (name, bytes) in [
            ("C-c", &b"\x03"[..]),
            ("C-C", b"\x03"),
            ("^d", b"\x04"),
            ("Ctrl+[", b"\x1b"),
            ("C-Space", b"\0"),
            ("M-x", b"\x1bx"),
            ("M-Up", b"\x1b\x1b[A"),
            ("C-M-a", b"\x1b\x01"),
            ("M-C-a", b"\x1b\x01"),
            ("^", b"^"),
            ("ü", "ü".as_bytes()),
        ] {
            assert_eq!(key(name), Ok(bytes.to_vec()), "{name}");
        }
    }

    #[test]
    fn an_unknown_key_is_named() {
        for name in ["Entr", "C-ü", "C-", "", "F13", "hello"] {
            assert!(key(name).unwrap_err().contains(&format!("{name:?}")));
        }
    }

    #[test]
    fn a_paste_can_not_end_itself() {
        let bytes = paste("a\x1b[201~\nrm", true, true);
        assert_eq!(bytes, b"\x1b[200~a\rrm\x1b[201~");
    }

    proptest! {
        #[test]
        fn hexadecimal_is_read_back(bytes: Vec<u8>) {
            let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            prop_assert_eq!(hex(&text), Ok(bytes));
        }

        #[test]
        fn no_name_panics(name: String) {
            let _ = (key(&name), hex(&name));
        }
    }
}
