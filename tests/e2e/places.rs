//! State directories and workspaces where nobody would put them, and disks that do not hold.

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use tests::cli::ended;
use tests::{Gateway, MAIN, Ran, eventually, turn};

/// Folders to try things in, without a model.
async fn bare() -> Gateway {
    Gateway::setup().await.bare().laid_out()
}

/// `openclaw agent -m "run …"` with another environment.
async fn runs(gateway: &Gateway, command: &str, env: &[(&str, &Path)]) -> Ran {
    let mut agent = gateway.command(&["agent", "-m", &format!("run {command}")]);
    agent.envs(env.iter().copied());
    ended(agent.spawn().unwrap()).await
}

#[tokio::test]
async fn a_state_directory_is_found_however_it_is_written() {
    let gateway = bare().await;
    let home = gateway.home();
    fs::create_dir(home.join("real")).unwrap();
    symlink(home.join("real"), home.join("link")).unwrap();
    for (written, is) in [
        ("rel", "rel"),
        ("./dot/../dotted", "dotted"),
        ("~/tilde", "tilde"),
        ("with space é", "with space é"),
        ("link", "real"),
    ] {
        let state = [("OPENCLAW_STATE_DIR", Path::new(written))];
        let ran = runs(&gateway, "pwd", &state).await;
        let workspace = home.join(is).join("workspace");
        let workspace = workspace.to_str().unwrap();
        assert!(ran.out.contains(workspace), "{written}: {ran:?}");
    }
    let mut homeless = gateway.command(&["config", "file"]);
    homeless.env_remove("HOME").env_remove("OPENCLAW_STATE_DIR");
    let file = ended(homeless.spawn().unwrap()).await.ok();
    assert!(file.starts_with('/'), "{file}");
    assert!(file.ends_with("/.openclaw/openclaw.json\n"), "{file}");
}

#[tokio::test]
async fn what_is_in_the_way_is_named_with_the_mend() {
    type Put = fn(&Path);
    let put: [(&str, Put, &str); 7] = [
        ("", |state| fs::write(state, "").unwrap(), "Not a directory"),
        (
            "",
            |state| symlink("nowhere", state).unwrap(),
            "move that away",
        ),
        (
            "state",
            |file| fs::write(file, "").unwrap(),
            "move that away",
        ),
        (
            "workspace",
            |file| fs::write(file, "").unwrap(),
            "move that away",
        ),
        (
            "state/control.sock",
            |folder| fs::create_dir(folder).unwrap(),
            "move that away",
        ),
        (
            "state/openclaw.sqlite",
            |folder| fs::create_dir(folder).unwrap(),
            "openclaw.sqlite",
        ),
        (
            "state/openclaw.sqlite",
            |file| fs::write(file, "no database").unwrap(),
            "move the file aside",
        ),
    ];
    let gateway = bare().await;
    for (n, (place, put, words)) in put.into_iter().enumerate() {
        let state = gateway.home().join(format!("state-{n}"));
        let place = if place.is_empty() {
            state.clone()
        } else {
            state.join(place)
        };
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        put(&place);
        for args in [&["agent", "-m", "hi"][..], &["gateway"]] {
            let mut command = gateway.command(args);
            command.env("OPENCLAW_STATE_DIR", &state);
            let ran = ended(command.spawn().unwrap()).await;
            assert!([1, 78].contains(&ran.code), "{place:?}: {ran:?}");
            assert!(ran.err.contains(words), "{place:?}: {ran:?}");
        }
        if words != "openclaw.sqlite" && !place.ends_with("control.sock") {
            let mut doctor = gateway.command(&["doctor"]);
            doctor.env("OPENCLAW_STATE_DIR", &state);
            let ran = ended(doctor.spawn().unwrap()).await;
            let bad = ran.out.lines().any(|line| line.starts_with("BAD"));
            assert!(
                bad || place.ends_with("workspace") || place.ends_with("state"),
                "{ran:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_program_that_is_missing_is_named() {
    let gateway = bare().await;
    for program in ["openclaw-agent", "openclaw-toolbox", "openclaw-jail"] {
        let place = gateway.program(program);
        let aside = place.with_extension("aside");
        fs::rename(&place, &aside).unwrap();
        let ran = gateway.cli(&["agent", "-m", "hi"]).await;
        assert_eq!(ran.code, 1);
        assert!(
            ran.err.contains(&format!("{program} is missing")),
            "{ran:?}"
        );
        let doctor = gateway.cli(&["doctor"]).await;
        assert_eq!(doctor.code, 1);
        assert!(doctor.out.contains(program), "{doctor:?}");
        fs::rename(aside, place).unwrap();
    }
    assert_eq!(gateway.cli(&["doctor", "--fix"]).await.code, 0);
}

#[tokio::test]
async fn a_workspace_that_is_a_link_is_where_it_leads() {
    for (target, words) in [
        (".", "which no tool may see"),
        ("/", "a jail has its own /"),
    ] {
        let gateway = bare().await;
        // Without manuals none are laid down in what is somebody's own.
        let workspace = gateway.workspace();
        let real = gateway.home().join("manuals");
        fs::create_dir(&real).unwrap();
        symlink(&real, &workspace).unwrap();
        let _ = gateway.cli(&["agent", "-m", "run pwd"]).await.ok();
        fs::remove_file(&workspace).unwrap();
        symlink(target, &workspace).unwrap();
        if target == "." {
            fs::write(gateway.state_dir().join("AGENTS.md"), "").unwrap();
        } else if !Path::new("/AGENTS.md").exists() {
            // It would have to be made there.
            continue;
        }
        let ran = gateway.cli(&["agent", "-m", "run ls state"]).await;
        assert!(ran.out.contains(words), "{target}: {ran:?}");
        assert!(!ran.out.contains("openclaw.sqlite.lock"), "{ran:?}");
    }
}

/// Mounts a file system of so many KiB at `folder`, until dropped; `None` where that is not ours to do.
fn small_disk(folder: PathBuf, kib: u32) -> Option<SmallDisk> {
    fs::create_dir_all(&folder).unwrap();
    let size = format!("size={kib}k,mode=700");
    let none = None::<&str>;
    let mounted = mount(none, &folder, Some("tmpfs"), MsFlags::empty(), Some(&*size));
    mounted.ok().map(|()| SmallDisk(folder))
}

struct SmallDisk(PathBuf);

impl SmallDisk {
    fn read_only(&self) -> bool {
        let flags = MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY;
        mount(None::<&str>, &self.0, None::<&str>, flags, None::<&str>).is_ok()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = umount2(&self.0, MntFlags::MNT_DETACH);
    }
}

#[tokio::test]
async fn a_full_disk_is_told_and_nothing_is_lost() {
    let mut gateway = Gateway::setup().await.laid_out();
    let config = gateway.config();
    let Some(_disk) = small_disk(gateway.state_dir(), 2048) else {
        return;
    };
    gateway.write_config(&config);
    gateway.start_again().await;
    gateway.model.always(turn().says("Yes."));
    let person = gateway.chat();
    assert_eq!(person.asks("before").await.text, "Yes.");
    let filler = gateway.state_dir().join("filler");
    fs::write(&filler, vec![0; 4 * 1024 * 1024]).unwrap_err();

    let (late, refused) = refused(&gateway).await;
    assert_eq!(refused.code, 1);
    assert!(
        refused.err.contains("the disk is full; free some space"),
        "{refused:?}"
    );
    let health = gateway.health().await;
    assert!(!health.ok);
    assert!(
        health
            .notices
            .iter()
            .any(|notice| notice.contains("free some space"))
    );
    assert_eq!(gateway.cli(&["doctor"]).await.code, 1);

    fs::remove_file(filler).unwrap();
    assert_eq!(person.asks("after").await.text, "Yes.");
    let users = gateway.model.last();
    assert_eq!(users.users().first(), Some(&"before"));
    assert_eq!(users.last_user(), "after");
    // What was refused was not accepted.
    assert!(!users.users().iter().any(|said| said.starts_with(&late)));
}

/// Says much until that is refused; what, and how. The database's log has some room of its own.
async fn refused(gateway: &Gateway) -> (String, Ran) {
    for n in 0..20 {
        let words = format!("too late {n} ");
        let said = words.clone() + &"x".repeat(500_000);
        let ran = gateway.cli_reading(&["agent"], said).await;
        if ran.code != 0 {
            return (words, ran);
        }
    }
    panic!("it is never full");
}

#[tokio::test]
async fn what_may_only_be_read_is_read() {
    let gateway = Gateway::setup().await.laid_out();
    let config = gateway.config();
    let Some(disk) = small_disk(gateway.state_dir(), 4096) else {
        return;
    };
    gateway.write_config(&config);
    gateway.model.always(turn().says("Yes."));
    let _ = gateway.cli(&["agent", "-m", "hi"]).await.ok();
    // The last tools may just be leaving.
    eventually!(disk.read_only());
    let ran = gateway.cli(&["agent", "-m", "hi"]).await;
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.err.contains("make it writable"), "{ran:?}");
    let doctor = gateway.cli(&["doctor"]).await;
    assert!(doctor.out.contains("BAD state directory"), "{doctor:?}");
    assert!(gateway.cli(&["models"]).await.code == 0);
}

#[tokio::test]
async fn a_workspace_that_may_only_be_read_is_worked_with_all_the_same() {
    let gateway = bare().await;
    gateway.write("AGENTS.md", "# Mine");
    gateway.write("notes.txt", "words");
    let closed = fs::Permissions::from_mode(0o555);
    fs::set_permissions(gateway.workspace(), closed).unwrap();
    // Root may write anywhere, and its tools work as the owner: somebody else's, then.
    if nix::unistd::geteuid().is_root() {
        let nobody = Some(nix::unistd::Uid::from_raw(65534));
        nix::unistd::chown(&gateway.workspace(), nobody, None).unwrap();
    }
    let read = gateway.cli(&["agent", "-m", "read notes.txt"]).await.ok();
    assert!(read.contains("words"), "{read}");
    let ran = gateway
        .cli(&["agent", "-m", "run cat notes.txt; touch x"])
        .await;
    assert!(ran.out.contains("words"), "{ran:?}");
    assert!(ran.out.contains("Permission denied"), "{ran:?}");
    let open = fs::Permissions::from_mode(0o755);
    fs::set_permissions(gateway.workspace(), open).unwrap();
}

#[tokio::test]
async fn a_hostile_workspace_holds_nobody_up() {
    let gateway = bare().await;
    fs::create_dir(gateway.workspace()).unwrap();
    let at = |name: &str| gateway.workspace().join(name);
    nix::unistd::mkfifo(&at("AGENTS.md"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    nix::unistd::mkfifo(&at("pipe-AGENTS.md"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    symlink("/etc/passwd", at("link-AGENTS.md")).unwrap();
    fs::create_dir(at("folder-AGENTS.md")).unwrap();
    let huge = fs::File::create(at("huge-AGENTS.md")).unwrap();
    huge.set_len(1 << 40).unwrap();
    for n in 0..20_000 {
        fs::File::create(at(&format!("file-{n}"))).unwrap();
    }
    for agent in ["main", "pipe", "link", "folder", "huge"] {
        let args = ["agent", "-m", "run echo here", "--agent", agent];
        let said = gateway.cli(&args).await.ok();
        assert!(said.contains("here"), "{agent}: {said}");
    }
    let doctor = gateway.cli(&["doctor"]).await;
    assert!(doctor.out.contains("is no plain file"), "{doctor:?}");
}

#[tokio::test]
async fn approvals_that_can_not_be_read_are_told_until_they_are_mended() {
    let setup = Gateway::setup()
        .await
        .file("exec-approvals.json", "{ \"version\": ");
    let gateway = setup.start().await;
    let health = gateway.health().await;
    assert!(!health.ok);
    let told = |notice: &String| notice.contains("exec-approvals.json");
    assert!(health.notices.iter().any(told), "{health:?}");
    fs::write(
        gateway.state_dir().join("exec-approvals.json"),
        r#"{ "version": 1, "agents": {} }"#,
    )
    .unwrap();
    let _ = gateway.cli(&["gateway", "reload"]).await.ok();
    eventually!(gateway.health().await.ok);
    let sessions: Value = gateway.cli(&["sessions", "list", "--json"]).await.json();
    assert!(
        sessions
            .as_array()
            .unwrap()
            .iter()
            .all(|s| s["session"] != MAIN)
    );
}
