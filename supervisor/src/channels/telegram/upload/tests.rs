//! Laws of [`super`]; what the server makes of it is in `tests/e2e/telegram`.

use super::*;
use crate::config::{Config, Paths};
use std::fs;

fn words(text: &str) -> Rendered {
    Rendered {
        html: text.to_owned(),
        plain: text.to_owned(),
    }
}

fn shown(folder: &Path) -> Shown {
    let workspace = folder.join("state/workspace");
    fs::create_dir_all(&workspace).unwrap();
    Shown {
        workspace,
        config: Arc::new(Config::defaults(Paths::under(folder.join("state")))),
        home: folder.to_owned(),
        as_voice: false,
    }
}

/// What is done, in short.
fn told(steps: &[Step]) -> Vec<String> {
    let told = |step: &Step| match step {
        Step::Text(words) => words.plain.clone(),
        Step::Upload(upload) => {
            let names: Vec<_> = upload.files.iter().map(|one| one.name.as_str()).collect();
            let caption = upload.caption.as_ref().map_or("", |words| &words.plain);
            format!("{:?} {} {caption}", upload.files[0].kind, names.join("+"))
        }
    };
    steps.iter().map(told).collect()
}

#[test]
fn what_can_not_be_sent_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let shown = shown(folder.path());
    let root = &shown.workspace;
    fs::write(root.join("a.txt"), "abc").unwrap();
    fs::write(root.join("empty"), "").unwrap();
    fs::write(folder.path().join("secret"), "no").unwrap();
    std::os::unix::fs::symlink("../../secret", root.join("link")).unwrap();
    fs::File::create(root.join("huge"))
        .unwrap()
        .set_len(MOST + 1)
        .unwrap();
    let paths = ["a.txt", "gone<b>", "empty", "link", "huge", "/etc/hostname"].map(str::to_owned);
    let (sent, wrong) = shown.all(&paths);
    let steps = steps(sent, Some(words("look")), wrong);
    let told = told(&steps);
    assert_eq!(told[0], "Document a.txt look");
    for part in [
        "gone<b>: there is no such file",
        "empty: it is empty",
        "link: ",
        "huge: it is larger",
        "hostname: it is not in",
    ] {
        assert!(told[1].contains(part), "{told:?}");
    }
    let Step::Text(wrong) = &steps[1] else {
        panic!("words");
    };
    assert!(wrong.html.contains("gone&lt;b&gt;"));
}

#[test]
fn a_workspace_around_our_own_state_gives_nothing_of_it_away() {
    let folder = tempfile::tempdir().unwrap();
    let mut shown = shown(folder.path());
    shown.workspace = folder.path().join("state");
    fs::write(shown.workspace.join("openclaw.json"), "{}").unwrap();
    let (sent, wrong) = shown.all(&["openclaw.json".to_owned()]);
    assert!(sent.is_empty());
    assert_eq!(wrong, ["openclaw.json: it is private"]);
}

#[test]
fn a_caption_goes_with_the_first_or_before_all() {
    let sent = || -> Vec<Sent> {
        [Kind::Photo, Kind::Document, Kind::Photo]
            .map(|kind| Sent {
                kind,
                name: "x".to_owned(),
                content: Content::Text("".into()),
            })
            .into()
    };
    assert_eq!(
        told(&steps(sent(), Some(words("look")), Vec::new())),
        ["Photo x+x look", "Document x "]
    );
    let long = "👋".repeat(513);
    assert_eq!(
        told(&steps(sent(), Some(words(&long)), Vec::new())),
        [long.as_str(), "Photo x+x ", "Document x "]
    );
    assert_eq!(
        told(&steps(
            Vec::new(),
            Some(words("look")),
            vec!["x: gone".to_owned()]
        )),
        ["look", "⚠️ Not sent: x: gone"]
    );
}

#[test]
fn an_open_file_is_read_whole_each_time() {
    let folder = tempfile::tempdir().unwrap();
    let shown = shown(folder.path());
    fs::write(shown.workspace.join("a.txt"), "abc").unwrap();
    let one = shown.one("a.txt").unwrap();
    assert_eq!(one.content.read().unwrap(), b"abc");
    assert_eq!(one.content.read().unwrap(), b"abc");
}

#[test]
fn the_numbers_of_messages_are_read_leniently() {
    assert_eq!(
        numbers(&json!({ "message_id": 5, "new": {} })),
        Some(vec![5])
    );
    let album = json!([{ "message_id": 5 }, { "message_id": 6 }]);
    assert_eq!(numbers(&album), Some(vec![5, 6]));
    assert_eq!(numbers(&json!(true)), None);
}
