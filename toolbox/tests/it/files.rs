//! `read`, `write` and `ls`, with good and bad input, and where they may not go.

use crate::harness::{Toolbox, failed, said};
use ipc::tool::ToolOutcome;
use ipc::tool_args::{LsArgs, ReadArgs, ToolArgs, WriteArgs};
use nix::sys::stat::Mode;
use std::os::unix::fs::{PermissionsExt, symlink};

pub(crate) fn read(path: &str) -> ToolArgs {
    read_from(path, None, None)
}

fn read_from(path: &str, offset: Option<u64>, limit: Option<u64>) -> ToolArgs {
    ToolArgs::Read(ReadArgs {
        path: path.to_owned(),
        offset,
        limit,
    })
}

fn write(path: &str, content: &str) -> ToolArgs {
    ToolArgs::Write(WriteArgs {
        path: path.to_owned(),
        content: content.to_owned(),
    })
}

fn ls(path: &str) -> ToolArgs {
    ToolArgs::Ls(LsArgs {
        path: Some(path.to_owned()),
        ..LsArgs::default()
    })
}

/// A workspace with things in it that are no regular files, and ways out.
async fn with_traps() -> Toolbox {
    let toolbox = Toolbox::files().await;
    toolbox.has("inside.txt", "inside\n");
    nix::unistd::mkfifo(&toolbox.path("fifo"), Mode::S_IRWXU).unwrap();
    symlink("/etc", toolbox.path("etc")).unwrap();
    symlink("../..", toolbox.path("up")).unwrap();
    symlink("inside.txt", toolbox.path("near")).unwrap();
    symlink("nowhere", toolbox.path("dangling")).unwrap();
    symlink("/dev/zero", toolbox.path("zero")).unwrap();
    toolbox
}

#[tokio::test]
async fn what_is_written_is_read() {
    let mut toolbox = Toolbox::files().await;
    let told = said(toolbox.call(write("deep/er/file.txt", "one\ntwo\n")).await);
    assert_eq!(told, "created deep/er/file.txt: 8 bytes, 2 lines");
    let text = said(toolbox.call(read("deep/er/file.txt")).await);
    assert_eq!(text, "one\ntwo\n");
    let told = said(toolbox.call(write("deep/er/file.txt", "new")).await);
    assert_eq!(told, "replaced deep/er/file.txt: 3 bytes, 1 line");
    let absolute = toolbox.path("deep/er/file.txt").display().to_string();
    for path in [
        &absolute,
        "~/deep/er/file.txt",
        "./deep/../deep/er/file.txt",
    ] {
        assert_eq!(said(toolbox.call(read(path)).await), "new");
    }
    let list = said(toolbox.call(ls("deep/er")).await);
    assert_eq!(list, "file.txt  3 bytes\n", "and nothing is left beside it");
}

#[tokio::test]
async fn nothing_outside_the_workspace_is_read_written_or_listed() {
    let mut toolbox = with_traps().await;
    for path in ["/etc/hostname", "../x", "etc/hostname", "up/x", "a/../../x"] {
        let reason = failed(toolbox.call(read(path)).await);
        let out =
            reason.contains("outside the workspace") || reason.contains("out of the workspace");
        assert!(out || reason.contains("does not exist"), "{path}: {reason}");
        failed(toolbox.call(write(&format!("{path}-new"), "x")).await);
        failed(toolbox.call(ls(path)).await);
    }
    for path in ["etc", "up", ".."] {
        let reason = failed(toolbox.call(ls(path)).await);
        assert!(reason.contains("out of the workspace"), "{reason}");
    }
    let parent = toolbox.workspace.parent().unwrap();
    assert!(!parent.join("x-new").exists());
}

#[tokio::test]
async fn pipes_and_devices_are_refused_without_waiting() {
    let mut toolbox = with_traps().await;
    for args in [read("fifo"), write("fifo", "x")] {
        let reason = failed(toolbox.call(args).await);
        assert!(
            reason.contains("fifo is a pipe, socket or device"),
            "{reason}"
        );
    }
    let mut anywhere = Toolbox::start("files", |start| start.files_anywhere = true).await;
    let reason = failed(anywhere.call(read("/dev/zero")).await);
    assert!(reason.contains("pipe, socket or device"), "{reason}");
}

#[tokio::test]
async fn files_anywhere_opens_the_rest() {
    let mut toolbox = Toolbox::start("files", |start| start.files_anywhere = true).await;
    let other = tempfile::tempdir().unwrap();
    let path = other.path().join("new/file").display().to_string();
    said(toolbox.call(write(&path, "x")).await);
    assert_eq!(said(toolbox.call(read(&path)).await), "x");
    said(toolbox.call(write("here", "y")).await);
    assert_eq!(toolbox.content("here"), "y");
    let up = format!(
        "../{}/here",
        toolbox.workspace.file_name().unwrap().to_str().unwrap()
    );
    assert_eq!(said(toolbox.call(read(&up)).await), "y");
}

#[tokio::test]
async fn a_missing_file_names_what_is_near() {
    let mut toolbox = Toolbox::files().await;
    toolbox.has("src/config.rs", "");
    for (path, near) in [
        (
            "src/Config.rs",
            "src/Config.rs does not exist; near it: config.rs",
        ),
        (
            "srv/config.rs",
            "srv/config.rs does not exist: there is no srv; near it: src",
        ),
        ("src/xyzzy", "src/xyzzy does not exist"),
    ] {
        assert_eq!(failed(toolbox.call(read(path)).await), near);
    }
    let reason = failed(toolbox.call(read("src")).await);
    assert_eq!(reason, "src is a folder; use ls to see what it holds");
    let reason = failed(toolbox.call(read("src/config.rs/x")).await);
    assert!(reason.contains("a part of the path is a file"), "{reason}");
}

#[tokio::test]
async fn a_long_file_is_read_in_parts_that_make_it_up() {
    let mut toolbox = Toolbox::files().await;
    let content: String = (1..=4_500).map(|n| format!("line {n}\n")).collect();
    toolbox.has("long", &content);
    let (mut all, mut offset, mut parts) = (String::new(), 1, 0);
    loop {
        let text = said(toolbox.call(read_from("long", Some(offset), None)).await);
        parts += 1;
        let Some((part, note)) = text.split_once("[lines ") else {
            all.push_str(&text);
            break;
        };
        all.push_str(part);
        let next = note.rsplit_once("offset ").unwrap().1;
        offset = next.trim_end_matches(']').parse().unwrap();
    }
    assert_eq!((all, parts), (content, 3));
    let text = said(toolbox.call(read_from("long", Some(10), Some(2))).await);
    assert_eq!(
        text,
        "line 10\nline 11\n[lines 10 to 11 of 4500; go on with offset 12]"
    );
    let reason = failed(toolbox.call(read_from("long", Some(4_501), None)).await);
    assert_eq!(
        reason,
        "long has only 4500 lines; offset 4501 is after its end"
    );
}

#[tokio::test]
async fn wide_lines_are_bounded_by_bytes() {
    let mut toolbox = Toolbox::files().await;
    toolbox.has("wide", format!("{0}\n{0}\n{0}\n", "é".repeat(15_000)));
    let text = said(toolbox.call(read("wide")).await);
    assert!(
        text.ends_with("\n[lines 1 to 1 of 3; go on with offset 2]"),
        "{}",
        text.len()
    );
    toolbox.has("wider", format!("a\n{}\nb\n", "é".repeat(1_000_000)));
    let text = said(toolbox.call(read("wider")).await);
    assert_eq!(text, "a\n[lines 1 to 1 of 3; go on with offset 2]");
    let text = said(toolbox.call(read_from("wider", Some(2), None)).await);
    assert!(
        text.len() < 52_000 && text.contains("line 2 is longer than"),
        "{}",
        text.len()
    );
    assert!(!text.contains('\u{FFFD}') && text.contains("go on with offset 3"));
}

#[tokio::test]
async fn what_is_no_text_is_told_apart() {
    let mut toolbox = Toolbox::files().await;
    toolbox.has("empty", "");
    assert_eq!(said(toolbox.call(read("empty")).await), "[empty is empty]");
    toolbox.has("image", b"\x89PNG\r\n\x1a\n\0\0");
    let reason = failed(toolbox.call(read("image")).await);
    assert_eq!(reason, "image is no text but a PNG image, 10 bytes");
    toolbox.has("data", b"a\0b");
    assert!(failed(toolbox.call(read("data")).await).contains("binary data"));
    toolbox.has("latin", b"caf\xe9\n");
    let text = said(toolbox.call(read("latin")).await);
    assert!(
        text.starts_with("caf\u{FFFD}\n[not all of it is UTF-8"),
        "{text}"
    );
    toolbox.has("marked", "\u{FEFF}text");
    assert_eq!(said(toolbox.call(read("marked")).await), "text");
}

#[tokio::test]
async fn a_write_keeps_the_mode_and_follows_a_link_inside() {
    let mut toolbox = with_traps().await;
    toolbox.has("run.sh", "old");
    let script = toolbox.path("run.sh");
    std::fs::set_permissions(&script, PermissionsExt::from_mode(0o755)).unwrap();
    said(toolbox.call(write("run.sh", "new")).await);
    let mode = std::fs::metadata(&script).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o755);
    said(toolbox.call(write("near", "through")).await);
    assert_eq!(toolbox.content("inside.txt"), "through");
    assert!(toolbox.path("near").is_symlink());
}

#[tokio::test]
async fn a_write_that_can_not_be_is_told_why() {
    let mut toolbox = with_traps().await;
    std::fs::create_dir(toolbox.path("folder")).unwrap();
    toolbox.has("locked", "x");
    std::fs::set_permissions(toolbox.path("locked"), PermissionsExt::from_mode(0o444)).unwrap();
    for (path, why) in [
        ("folder", "folder is a folder"),
        ("new/", "names a folder"),
        ("", "is a folder"),
        ("locked", "read-only (mode 444)"),
        ("inside.txt/x", "a part of the path is a file"),
        ("dangling", "symlink that leads nowhere"),
        ("a\0b", "zero byte"),
    ] {
        let reason = failed(toolbox.call(write(path, "x")).await);
        assert!(reason.contains(why), "{path:?}: {reason}");
    }
}

#[tokio::test]
async fn a_folder_is_listed_in_pages_that_make_it_up() {
    let mut toolbox = with_traps().await;
    let list = said(toolbox.call(ls(".")).await);
    for line in [
        "fifo  (pipe, socket or device)",
        "near -> inside.txt",
        "inside.txt  7 bytes",
    ] {
        assert!(list.lines().any(|l| l == line), "{list}");
    }
    for n in 0..1_200 {
        toolbox.has(&format!("many/{n:04}/x"), "");
    }
    let (mut names, mut after) = (Vec::new(), None);
    loop {
        let args = LsArgs {
            path: Some("many".to_owned()),
            limit: None,
            after: after.take(),
        };
        let list = said(toolbox.call(ToolArgs::Ls(args)).await);
        let entries = list.lines().filter(|line| line.ends_with('/'));
        names.extend(entries.map(str::to_owned));
        match list.rsplit_once("after \"") {
            Some((_, name)) => after = Some(name.trim_end_matches("\"]").to_owned()),
            None => break,
        }
    }
    let expected: Vec<String> = (0..1_200).map(|n| format!("{n:04}/")).collect();
    assert_eq!(names, expected);
}

#[tokio::test]
async fn a_listing_that_can_not_be_is_told_why() {
    let mut toolbox = with_traps().await;
    let reason = failed(toolbox.call(ls("inside.txt")).await);
    assert_eq!(
        reason,
        "inside.txt is a file of 7 bytes, not a folder; use read"
    );
    assert_eq!(
        failed(toolbox.call(ls("nope")).await),
        "nope does not exist"
    );
    std::fs::create_dir(toolbox.path("void")).unwrap();
    assert_eq!(said(toolbox.call(ls("void")).await), "[void is empty]");
}

#[tokio::test]
async fn many_calls_at_once_are_each_answered_and_in_effect_in_order() {
    let mut toolbox = Toolbox::files().await;
    let mut asked = Vec::new();
    for n in 0..50 {
        asked.push((toolbox.ask(write("counter", &n.to_string())).await, None));
        asked.push((toolbox.ask(read("counter")).await, Some(n.to_string())));
    }
    while !asked.is_empty() {
        match toolbox.hear().await {
            ipc::tool::FromTool::Done { call, outcome } => {
                let at = asked
                    .iter()
                    .position(|(waiting, _)| *waiting == call)
                    .unwrap();
                let (_, expected) = asked.remove(at);
                let text = said(outcome);
                assert!(expected.is_none_or(|expected| expected == text), "{text}");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_cancel_is_answered_by_the_end_of_the_call() {
    let mut toolbox = Toolbox::files().await;
    let file = std::fs::File::create(toolbox.path("huge")).unwrap();
    std::io::Write::write_all(&mut &file, "text\n".repeat(4_000).as_bytes()).unwrap();
    file.set_len(1 << 36).unwrap();
    let call = toolbox.ask(read_from("huge", Some(1 << 40), None)).await;
    toolbox.cancel(call).await;
    let outcome = toolbox.outcome(call).await;
    assert!(
        matches!(outcome, ToolOutcome::Cancelled { .. }),
        "{outcome:?}"
    );
    assert_eq!(toolbox.hang_up().await.code(), Some(0));
}

#[tokio::test]
async fn other_tools_are_refused() {
    let mut toolbox = Toolbox::files().await;
    let reason = failed(toolbox.call(crate::harness::exec("true")).await);
    assert_eq!(reason, "exec is not a file tool");
}
