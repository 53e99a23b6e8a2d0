use super::super::node::{Kind, Node};
use super::*;
use proptest::prelude::*;

/// JSON5 of many shapes and habits.
pub(in crate::config) fn json5_text() -> impl Strategy<Value = String> {
    let scalar = prop_oneof![
        Just("true".to_owned()),
        Just("null".to_owned()),
        Just("-.5e3".to_owned()),
        Just("0xdecaf".to_owned()),
        Just("+7".to_owned()),
        any::<i32>().prop_map(|n| n.to_string()),
        any::<String>().prop_map(|s| serde_json::to_string(&s).unwrap()),
        "[a-z \"]{0,6}".prop_map(|s| format!("'{s}'")),
        Just("'a\\\nb\\\r\nc'".to_owned()),
    ];
    scalar.prop_recursive(4, 40, 5, |inner| {
        let key = prop_oneof![
            "[a-z$_]{1,4}",
            any::<String>().prop_map(|s| serde_json::to_string(&s).unwrap()),
            Just("ключ".to_owned()),
            Just("\\u0061b".to_owned()),
        ];
        let gap = prop_oneof![
            Just(""),
            Just(" "),
            Just("\n// note: {\n"),
            Just("/* ] */"),
            Just("\u{a0}\t"),
        ];
        let comma = prop_oneof![Just(""), Just(",")];
        prop_oneof![
            (
                prop::collection::vec((gap.clone(), inner.clone()), 0..4),
                comma.clone()
            )
                .prop_map(|(items, end)| {
                    let end = if items.is_empty() { "" } else { end };
                    let items: Vec<_> = items.iter().map(|(g, v)| format!("{g}{v}{g}")).collect();
                    format!("[{}{end}]", items.join(","))
                }),
            (prop::collection::vec((gap, key, inner), 0..4), comma).prop_map(|(entries, end)| {
                let end = if entries.is_empty() { "" } else { end };
                let entries: Vec<_> = entries
                    .iter()
                    .map(|(g, k, v)| format!("{g}{k}{g}:{g}{v}"))
                    .collect();
                format!("{{{}{end}\n}}", entries.join(","))
            }),
        ]
    })
}

/// Every part's own stretch of text is that part's value.
fn spans_hold(text: &str, node: &Node) {
    let own: Value = json5::from_str(&text[node.at.start..node.at.end]).unwrap();
    assert_eq!(own, node.to_value());
    match &node.kind {
        Kind::Scalar(_) => {}
        Kind::List(items) => items.iter().for_each(|item| spans_hold(text, item)),
        Kind::Object(entries) => {
            for entry in entries {
                let key = &text[entry.key_at.start..entry.key_at.end];
                let object: Value = json5::from_str(&format!("{{{key}: 0}}")).unwrap();
                assert_eq!(object[&entry.key], 0);
                spans_hold(text, &entry.value);
            }
        }
    }
}

proptest! {
    #[test]
    fn the_tree_says_what_json5_says(text in json5_text()) {
        let expected: Value = json5::from_str(&text).unwrap();
        let parsed = parse(&text, 0).unwrap();
        prop_assert_eq!(parsed.root.to_value(), expected);
        spans_hold(&text, &parsed.root);
    }

    #[test]
    fn damaged_text_is_refused_exactly_when_json5_refuses_it(
        text in json5_text(),
        at in any::<prop::sample::Index>(),
        with in prop_oneof![Just(""), Just("{"), Just("}"), Just(","), Just(":"), Just("'"), Just("x")],
    ) {
        let at = text.floor_char_boundary(at.index(text.len().max(1)));
        let cut = text[at..].chars().next().map_or(0, char::len_utf8);
        let damaged = format!("{}{with}{}", &text[..at], &text[at + cut..]);
        let theirs = json5::from_str::<Value>(&damaged).ok();
        let ours = parse(&damaged, 0).ok().map(|p| p.root.to_value());
        prop_assert_eq!(ours, theirs, "{}", damaged);
    }

    #[test]
    fn no_text_is_too_odd_to_answer(text in any::<String>()) {
        let _ = parse(&text, 0);
    }
}

fn complaint(text: &str) -> (usize, String) {
    let Err(syntax) = parse(text, 0) else {
        panic!("{text} should not be read");
    };
    (syntax.at, syntax.message)
}

#[test]
fn complaints_name_the_spot_and_the_mend() {
    let cases = [
        ("", 0, "the file is empty; write {} for all defaults"),
        ("{a: 1", 0, "this { is never closed"),
        ("{a: [1}", 6, "expected a comma or ], found }"),
        ("{a: 1 b: 2}", 6, "expected a comma or }, found b"),
        ("{a 1}", 3, "expected : after the key a, found 1"),
        (
            "{a: yes}",
            4,
            "expected a value, found yes; text stands in quotes",
        ),
        (
            "{a: }",
            4,
            "expected a value, found }; text stands in quotes",
        ),
        ("{a: 'b}", 4, "this text misses its closing '"),
        ("{,}", 1, "expected a key, found ,"),
        ("{} x", 3, "expected the end of the file, found x"),
        ("{ /* }", 2, "this comment is never closed"),
    ];
    for (text, at, message) in cases {
        assert_eq!(complaint(text), (at, message.to_owned()), "{text}");
    }
}

#[test]
fn a_tower_of_brackets_is_refused_not_climbed() {
    assert!(
        complaint(&"[".repeat(1_000_000))
            .1
            .contains("nested deeper")
    );
}

#[test]
fn of_a_repeated_key_the_last_counts_and_the_first_is_told() {
    let parsed = parse("{a: 1, a: 2}", 0).unwrap();
    assert_eq!(parsed.root.to_value(), serde_json::json!({"a": 2}));
    assert_eq!(parsed.repeated.len(), 1);
    assert_eq!(parsed.repeated[0].1.start, 1);
}
