//! Where the database is, who may read it, who may write it.

use super::{agent, message, open, opened, run, session};
use crate::store::{Store, StoreError};
use ipc::id::ItemId;
use std::fs;
use std::os::unix::fs::PermissionsExt;

#[test]
fn nobody_else_may_read_what_was_said() {
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().join("state");
    let store = open(&directory);
    run(store.accept(message("a", &session("main")))).unwrap();
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&directory), 0o700);
    let files: Vec<_> = fs::read_dir(&directory).unwrap().flatten().collect();
    assert!(
        files.len() >= 3,
        "the database, its log, its lock: {files:?}"
    );
    for file in files {
        assert_eq!(mode(&file.path()), 0o600, "{}", file.path().display());
    }
}

#[test]
fn one_process_has_a_database_once() {
    let home = tempfile::tempdir().unwrap();
    let first = open(home.path());
    let file = home
        .path()
        .join("../")
        .join(home.path().file_name().unwrap());
    let error = Store::open(&file.join("state.sqlite")).unwrap_err();
    assert!(
        matches!(error, StoreError::InUse { pid: Some(_), .. }),
        "{error:?}"
    );
    drop(first);
    open(home.path());
}

#[test]
fn a_database_whose_making_was_cut_off_is_made_anew() {
    let home = tempfile::tempdir().unwrap();
    for left_over in ["", "-journal", "-wal", "-shm"] {
        let name = format!("state.sqlite.new{left_over}");
        fs::write(home.path().join(name), "half of something").unwrap();
    }
    let store = open(home.path());
    run(store.accept(message("a", &session("main")))).unwrap();
    drop(store);
    let names = fs::read_dir(home.path())
        .unwrap()
        .flatten()
        .map(|f| f.file_name());
    let mut names: Vec<_> = names.collect();
    names.sort();
    assert_eq!(names, ["state.sqlite", "state.sqlite.lock"]);
}

#[test]
fn a_newer_database_is_left_alone() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("state.sqlite");
    drop(open(home.path()));
    let connection = rusqlite::Connection::open(&file).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    let before = fs::read(&file).unwrap();
    let error = Store::open(&file).unwrap_err();
    let expected = StoreError::Newer {
        file: file.clone(),
        found: 99,
        known: crate::store::schema::NEWEST,
    };
    assert_eq!(error, expected);
    assert_eq!(fs::read(&file).unwrap(), before);
}

#[test]
fn an_older_database_is_brought_up_to_date_with_all_it_holds() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("state.sqlite");
    crate::store::schema::of_version(1, &file);
    let connection = rusqlite::Connection::open(&file).unwrap();
    let row = "INSERT INTO sessions (id, key, agent, begun_at, updated_at)
               VALUES ('old', 'agent:main:main', 'main', 1, 1)";
    connection.execute(row, []).unwrap();
    drop(connection);
    let store = open(home.path());
    let found = run(opened(&store, &session("main")));
    assert_eq!((found.id.as_str(), found.elevated), ("old", None));
}

#[test]
fn what_was_said_of_elevated_commands_ends_with_the_session() {
    let home = tempfile::tempdir().unwrap();
    let (store, key) = (open(home.path()), session("main"));
    let said = |store: &Store| run(opened(store, &key)).elevated;
    assert_eq!(said(&store), None);
    let life = run(opened(&store, &key)).id;
    run(store.set_elevated(&life, "ask")).unwrap();
    drop(store);
    let store = open(home.path());
    assert_eq!(said(&store).as_deref(), Some("ask"));
    run(store.reset(&key)).unwrap();
    assert_eq!(said(&store), None);
}

#[test]
fn a_file_that_is_no_database_is_named() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("state.sqlite");
    fs::write(
        &file,
        "not a database at all, but long enough to be looked at\n".repeat(40),
    )
    .unwrap();
    let error = Store::open(&file).unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
    assert!(error.to_string().contains("state.sqlite"), "{error}");
}

#[test]
fn one_may_read_while_another_writes() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("state.sqlite");
    assert!(Store::open_to_read(&file).is_err(), "there is none");
    assert!(!file.exists());
    run(async {
        let owner = open(home.path());
        let key = session("main");
        let reader = Store::open_to_read(&file).unwrap();
        for n in 1..3 {
            let input = owner
                .accept(message(&format!("key-{n}"), &key))
                .await
                .unwrap()
                .input;
            super::turn(&owner, &key, input).await;
            let shown = reader.show(&key, None).await.unwrap().unwrap();
            assert_eq!(shown.row.items, 2 * n);
            assert_eq!(shown.items.len() as u64, 2 * n);
        }
        let refused = reader.accept(message("key-9", &key)).await.unwrap_err();
        assert!(matches!(refused, StoreError::Disk { .. }), "{refused:?}");
        drop((owner, reader));
        let reader = Store::open_to_read(&file).unwrap();
        assert_eq!(
            reader
                .show(&key, Some(1))
                .await
                .unwrap()
                .unwrap()
                .items
                .len(),
            1
        );
    });
}

#[test]
fn a_directory_that_can_not_be_is_named() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("state"), "").unwrap();
    let error = Store::open(&home.path().join("state/state.sqlite")).unwrap_err();
    assert!(matches!(error, StoreError::Open { .. }), "{error:?}");
}

#[test]
fn the_last_handle_waits_for_what_is_queued() {
    let home = tempfile::tempdir().unwrap();
    let key = session("main");
    let id = run(async {
        let store = open(home.path());
        let id = opened(&store, &key).await.id;
        let item = (ItemId(1), super::user(ipc::id::InputId(1), "hi"));
        // Nobody waits for this answer any more, the work is done all the same.
        let mut forgotten =
            Box::pin(store.append(&id, ipc::id::TurnId(0), vec![item], vec![], None));
        let polled = std::future::poll_fn(|context| {
            std::task::Poll::Ready(forgotten.as_mut().poll(context).is_pending())
        });
        polled.await;
        drop(forgotten);
        id
    });
    let store = open(home.path());
    assert_eq!(run(store.load_context(&id)).unwrap().len(), 1);
    assert_eq!(run(store.open_session(&key, &agent())).unwrap().id, id);
}
