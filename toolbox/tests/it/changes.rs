//! `edit` and `apply_patch` on real files: all or nothing.

use crate::files::read;
use crate::harness::{Toolbox, failed, said};
use ipc::tool_args::{ApplyPatchArgs, EditArgs, Replacement, ToolArgs};
use std::os::unix::fs::PermissionsExt;

fn edit(path: &str, old: &str, new: &str) -> ToolArgs {
    ToolArgs::Edit(EditArgs {
        path: path.to_owned(),
        old_text: Some(old.to_owned()),
        new_text: Some(new.to_owned()),
        edits: Vec::new(),
    })
}

fn patch(lines: &str) -> ToolArgs {
    ToolArgs::ApplyPatch(ApplyPatchArgs {
        input: format!("*** Begin Patch\n{lines}\n*** End Patch\n"),
    })
}

#[tokio::test]
async fn an_edit_changes_what_stands_once() {
    let mut toolbox = Toolbox::files().await;
    toolbox.has("a.rs", "fn a() {}\r\nfn b() {}\r\n");
    let told = said(toolbox.call(edit("a.rs", "fn b() {}", "fn b() {\n}")).await);
    assert_eq!(told, "edited a.rs: replaced 1 text, at line 2");
    assert_eq!(toolbox.content("a.rs"), "fn a() {}\r\nfn b() {\r\n}\r\n");
}

#[tokio::test]
async fn several_edits_are_made_together_or_not_at_all() {
    let mut toolbox = Toolbox::files().await;
    toolbox.has("a", "one\ntwo\nthree\n");
    let edits = |texts: [(&str, &str); 2]| {
        let edits = texts.map(|(old, new)| Replacement {
            old_text: old.to_owned(),
            new_text: new.to_owned(),
        });
        ToolArgs::Edit(EditArgs {
            path: "a".to_owned(),
            edits: edits.into(),
            ..EditArgs::default()
        })
    };
    let reason = failed(toolbox.call(edits([("one", "1"), ("four", "4")])).await);
    assert!(
        reason.starts_with("a: edit 2: oldText does not stand"),
        "{reason}"
    );
    assert_eq!(toolbox.content("a"), "one\ntwo\nthree\n");
    let told = said(toolbox.call(edits([("three", "3"), ("one", "1")])).await);
    assert_eq!(told, "edited a: replaced 2 texts, at line 1, 3");
    assert_eq!(toolbox.content("a"), "1\ntwo\n3\n");
}

#[tokio::test]
async fn an_edit_that_can_not_be_is_told_why() {
    let mut toolbox = Toolbox::files().await;
    toolbox.has("a", "x x\n");
    toolbox.has("latin", b"caf\xe9\n");
    for (args, why) in [
        (edit("a", "x", "y"), "2 times, at lines 1, 1"),
        (edit("a", "", "y"), "oldText is empty"),
        (edit("a", "x x", "x x"), "nothing would change"),
        (edit("b", "x", "y"), "b does not exist"),
        (edit("latin", "caf", "y"), "not UTF-8"),
        (
            ToolArgs::Edit(EditArgs {
                path: "a".to_owned(),
                ..EditArgs::default()
            }),
            "nothing to do",
        ),
    ] {
        let reason = failed(toolbox.call(args).await);
        assert!(reason.contains(why), "{reason}");
    }
    assert_eq!(toolbox.content("a"), "x x\n");
}

#[tokio::test]
async fn many_edits_at_once_are_none_of_them_lost() {
    let mut toolbox = Toolbox::files().await;
    let names: Vec<String> = (0..40).map(|n| format!("<{n}>")).collect();
    toolbox.has("a", names.join("\n"));
    let mut asked = Vec::new();
    for name in &names {
        asked.push(toolbox.ask(edit("a", name, "done")).await);
    }
    for call in asked {
        said(toolbox.outcome(call).await);
    }
    assert_eq!(toolbox.content("a"), vec!["done"; 40].join("\n"));
}

#[tokio::test]
async fn a_patch_adds_changes_moves_and_deletes() {
    let mut toolbox = Toolbox::files().await;
    toolbox.has("src/lib.rs", "mod a;\nmod b;\n\nfn x() {\n    1\n}\n");
    toolbox.has("run.sh", "echo 1\n");
    toolbox.has("old", b"\xFF\0");
    let mode = PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(toolbox.path("run.sh"), mode).unwrap();
    let told = said(
        toolbox
            .call(patch(
                "*** Add File: new/file.txt\n+hello\n*** Update File: src/lib.rs\n@@\n mod a;\n-mod b;\n\
                 +mod c;\n@@ fn x() {\n-    1\n+    2\n*** Update File: run.sh\n*** Move to: bin/go.sh\n\
                 @@\n-echo 1\n+echo 2\n*** Delete File: old",
            ))
            .await,
    );
    assert_eq!(
        told,
        "added new/file.txt\nchanged src/lib.rs\nchanged run.sh and moved it to bin/go.sh\ndeleted old"
    );
    assert_eq!(toolbox.content("new/file.txt"), "hello\n");
    assert_eq!(
        toolbox.content("src/lib.rs"),
        "mod a;\nmod c;\n\nfn x() {\n    2\n}\n"
    );
    assert_eq!(toolbox.content("bin/go.sh"), "echo 2\n");
    let mode = std::fs::metadata(toolbox.path("bin/go.sh"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o755);
    assert!(!toolbox.path("run.sh").exists() && !toolbox.path("old").exists());
}

#[tokio::test]
async fn a_patch_that_does_not_fit_changes_nothing() {
    let mut toolbox = Toolbox::files().await;
    toolbox.has("a", "one\n");
    toolbox.has("b", "two\n");
    for (lines, why) in [
        (
            "*** Update File: a\n-one\n+1\n*** Update File: b\n-three\n+3",
            "b: hunk 1 of 1 does not fit",
        ),
        (
            "*** Update File: a\n-one\n+1\n*** Add File: b\n+x",
            "b exists already",
        ),
        (
            "*** Update File: a\n-one\n+1\n*** Delete File: c",
            "c does not exist",
        ),
        (
            "*** Update File: a\n*** Move to: b\n-one\n+1",
            "b exists already",
        ),
        (
            "*** Add File: c\n+x\n*** Update File: ../d\n-x\n+y",
            "out of the workspace",
        ),
        (
            "*** Add File: c\n+x\n*** Update File: a\n one",
            "changes nothing",
        ),
        (
            "*** Add File: a/b\n+x\n*** Update File: b\n-two\n+2",
            "a part of the path is a file",
        ),
    ] {
        let reason = failed(toolbox.call(patch(lines)).await);
        assert!(reason.contains(why), "{lines}: {reason}");
        assert_eq!(
            (toolbox.content("a"), toolbox.content("b")),
            ("one\n".into(), "two\n".into())
        );
        assert!(!toolbox.path("c").exists());
    }
}

#[tokio::test]
async fn a_patch_that_fails_half_way_is_taken_back() {
    let mut toolbox = Toolbox::files().await;
    toolbox.has("a", "one\n");
    toolbox.has("locked", "two\n");
    std::fs::set_permissions(toolbox.path("locked"), PermissionsExt::from_mode(0o444)).unwrap();
    let lines =
        "*** Update File: a\n-one\n+1\n*** Add File: c\n+x\n*** Update File: locked\n-two\n+2";
    let reason = failed(toolbox.call(patch(lines)).await);
    assert!(
        reason.ends_with("; nothing was changed") && reason.contains("read-only"),
        "{reason}"
    );
    assert_eq!(said(toolbox.call(read("a")).await), "one\n");
    assert!(!toolbox.path("c").exists());
    assert_eq!(toolbox.content("locked"), "two\n");
}

#[tokio::test]
async fn one_file_may_be_changed_twice_in_a_patch() {
    let mut toolbox = Toolbox::files().await;
    toolbox.has("a", "one\ntwo\n");
    let lines = "*** Update File: a\n-one\n+1\n*** Update File: ./a\n-two\n+2\n*** Update File: a\n\
                 *** Move to: b\n*** Add File: a\n+new";
    said(toolbox.call(patch(lines)).await);
    assert_eq!(
        (toolbox.content("a"), toolbox.content("b")),
        ("new\n".into(), "1\n2\n".into())
    );
}
