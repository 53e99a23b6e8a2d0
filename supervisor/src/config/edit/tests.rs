use super::*;
use crate::config::Env;
use crate::config::scan::tests::json5_text;
use proptest::prelude::*;
use serde_json::json;
use std::path::Path;

fn key(text: &str) -> KeyPath {
    text.parse().unwrap()
}

fn set_to(text: &str, at: &str, to: Value) -> String {
    let edited = set(text, &key(at), &to).unwrap();
    assert!(edited.kept, "{}", edited.text);
    edited.text
}

fn without(text: &str, at: &str) -> String {
    let edited = unset(text, &key(at)).unwrap();
    assert!(edited.kept, "{}", edited.text);
    edited.text
}

const FILE: &str = "// mine
{
  agents: {
    defaults: {timeoutSeconds: 600}, // ten minutes
    list: [
      {id: 'main'}, // me
    ],
  },
  /* keep */
  tools: {deny: []} // none
}
";

#[test]
fn a_value_is_replaced_where_it_stands() {
    assert_eq!(
        set_to(FILE, "agents.defaults.timeoutSeconds", json!(5)),
        FILE.replace("600", "5")
    );
}

#[test]
fn a_new_key_goes_behind_the_last_one_in_the_writer_s_hand() {
    assert_eq!(
        set_to(FILE, "tools.profile", json!("coding")),
        FILE.replace("{deny: []}", "{deny: [], profile: \"coding\"}")
    );
    assert_eq!(
        set_to(FILE, "gateway.port", json!(1)),
        FILE.replace(
            "{deny: []} // none\n",
            "{deny: []}, // none\n  gateway: {\n    \"port\": 1\n  }\n"
        )
    );
    assert_eq!(
        set_to(FILE, "agents.list[1]", json!("x")),
        FILE.replace("// me\n", "// me\n      \"x\",\n")
    );
    assert_eq!(set_to("{}", "a", json!(1)), "{\n  \"a\": 1\n}");
    assert_eq!(
        set_to("", "a[0].b", json!(1)),
        "{\n  \"a\": [\n    {\n      \"b\": 1\n    }\n  ]\n}\n"
    );
    assert_eq!(
        set_to("{\r\n\ta: 1,\r\n}", "b", json!(2)),
        "{\r\n\ta: 1,\r\n\tb: 2,\r\n}"
    );
    assert_eq!(
        set_to("{ // why\n}", "a", json!(1)),
        "{ // why\n  \"a\": 1\n}"
    );
}

#[test]
fn a_key_is_taken_away_with_its_remark_and_comma() {
    assert_eq!(
        without(FILE, "agents.list[0]"),
        FILE.replace("\n      {id: 'main'}, // me", "")
    );
    assert_eq!(
        without(FILE, "tools"),
        FILE.replace(
            "  },\n  /* keep */\n  tools: {deny: []} // none",
            "  }\n  /* keep */"
        )
    );
    assert_eq!(without("{a: 1, b: 2}", "a"), "{b: 2}");
    assert_eq!(without("{a: 1, b: 2}", "b"), "{a: 1}");
    assert_eq!(without("[1, 2, 3]", "[1]"), "[1, 3]");
    assert_eq!(without("{a: 1}", "a"), "{}");
}

#[test]
fn what_is_in_the_way_is_named() {
    let refused = |at: &str| set(FILE, &key(at), &json!(1)).unwrap_err().to_string();
    assert_eq!(
        refused("agents.defaults.timeoutSeconds.x"),
        "agents.defaults.timeoutSeconds: this is no object"
    );
    assert_eq!(
        refused("agents.list.x"),
        "agents.list: this is a list; say which place with [0]"
    );
    assert_eq!(
        refused("agents.list[7]"),
        "agents.list: this list has 1 places"
    );
    assert_eq!(
        unset(FILE, &key("a.b")).unwrap_err().to_string(),
        "a.b: nothing is there"
    );
    let broken = set("{\n a: }", &key("a"), &json!(1))
        .unwrap_err()
        .to_string();
    assert!(
        broken.starts_with("the file cannot be read as it is: line 2:"),
        "{broken}"
    );
}

#[test]
fn a_text_that_cannot_be_kept_is_written_anew_and_says_so() {
    let edited = unset("{a: 1, a: 2}", &key("a")).unwrap();
    assert_eq!((edited.text.as_str(), edited.kept), ("{}\n", false));
}

#[test]
fn typed_values_are_json5_or_text() {
    assert_eq!(parse_value("5"), json!(5));
    assert_eq!(parse_value("{a: [true]}"), json!({"a": [true]}));
    assert_eq!(parse_value("openai/gpt-4o"), json!("openai/gpt-4o"));
    assert_eq!(parse_value(""), json!(""));
}

#[test]
fn a_change_is_saved_unless_it_brings_in_a_mistake() {
    let dir = tempfile::tempdir().unwrap();
    let env: Env = [("OPENCLAW_STATE_DIR", dir.path().to_str().unwrap())]
        .into_iter()
        .collect();
    let source = Source::new(env, Path::new("/"));
    let change =
        |at: &str, to: Value| source.save(&set(&source.text().unwrap(), &key(at), &to).unwrap());

    let config = change("agents.defaults.timeoutSeconds", json!(5))
        .unwrap()
        .unwrap();
    assert_eq!(config.default_agent().timeout.as_secs(), 5);
    let before = source.text().unwrap();
    let Err(EditError::Wrong(errors)) = change("tools.profile", json!("most")) else {
        panic!("should be refused");
    };
    assert!(
        errors.to_string().contains("expected one of minimal"),
        "{errors}"
    );
    assert_eq!(source.text().unwrap(), before);

    // A file that is wrong already can be mended step by step.
    std::fs::write(
        &source.paths().config_file,
        "{tools: {profile: 'most', deny: 5}}",
    )
    .unwrap();
    assert!(change("tools.deny", json!(["x"])).unwrap().is_err());
    assert!(change("tools.profile", json!("full")).unwrap().is_ok());
}

/// Every key path in a value, and some that are not.
fn paths(value: &Value) -> Vec<KeyPath> {
    fn walk(value: &Value, path: &KeyPath, out: &mut Vec<KeyPath>) {
        match value {
            Value::Object(map) => {
                out.push(path.key("new"));
                for (name, below) in map {
                    out.push(path.key(name));
                    walk(below, &path.key(name), out);
                }
            }
            Value::Array(items) => {
                out.push(path.index(items.len()));
                for (i, below) in items.iter().enumerate() {
                    out.push(path.index(i));
                    walk(below, &path.index(i), out);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let mut out = vec![];
    walk(value, &KeyPath::default(), &mut out);
    out
}

/// Whether some key is said twice, where nothing can be promised of the text.
fn repeats(text: &str) -> bool {
    !scan::parse(text, 0).unwrap().repeated.is_empty()
}

proptest! {
    #[test]
    fn setting_any_key_of_any_file_keeps_the_file(text in json5_text(), pick in any::<prop::sample::Index>()) {
        let value: Value = json5::from_str(&text).unwrap();
        let paths = paths(&value);
        if paths.is_empty() {
            return Ok(());
        }
        let path = &paths[pick.index(paths.len())];
        let to = json!({"x": [1]});
        let edited = set(&text, path, &to).unwrap();
        prop_assert!(edited.kept, "{path} in {text}\n{}", edited.text);
        let after: Value = json5::from_str(&edited.text).unwrap();
        prop_assert_eq!(get(&after, path), Some(&to));
        if get(&value, path).is_none() {
            prop_assert_eq!(text.matches("note").count(), edited.text.matches("note").count());
        }
    }

    #[test]
    fn what_was_set_can_be_taken_away_again(text in json5_text(), pick in any::<prop::sample::Index>()) {
        let value: Value = json5::from_str(&text).unwrap();
        let paths: Vec<_> = paths(&value).into_iter().filter(|path| get(&value, path).is_none()).collect();
        if paths.is_empty() || repeats(&text) {
            return Ok(());
        }
        let path = &paths[pick.index(paths.len())];
        let there = set(&text, path, &json!(1)).unwrap();
        let gone = unset(&there.text, path).unwrap();
        prop_assert!(gone.kept, "{path} in {}\n{}", there.text, gone.text);
        prop_assert_eq!(json5::from_str::<Value>(&gone.text).unwrap(), value);
    }

    #[test]
    fn taking_away_any_key_keeps_the_rest(text in json5_text(), pick in any::<prop::sample::Index>()) {
        let value: Value = json5::from_str(&text).unwrap();
        let paths: Vec<_> = paths(&value).into_iter().filter(|path| get(&value, path).is_some()).collect();
        if paths.is_empty() || repeats(&text) {
            return Ok(());
        }
        let path = &paths[pick.index(paths.len())];
        prop_assert!(unset(&text, path).unwrap().kept, "{path} in {text}");
    }
}
