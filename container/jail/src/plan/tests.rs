use super::*;
use crate::spec::{Limits, Namespaces, Role};
use std::ffi::OsStr;

/// A file system of paths: `a/` is a folder, `a -> b` a link, anything else a file.
struct Tree(&'static [&'static str]);

impl Look for Tree {
    fn look(&self, path: &Path) -> io::Result<Kind> {
        let name = path.to_str().unwrap();
        for entry in self.0 {
            if let Some((at, to)) = entry.split_once(" -> ") {
                if at == name {
                    return Ok(Kind::Link(to.into()));
                }
            } else if entry.trim_end_matches('/') == name && entry.ends_with('/') {
                return Ok(Kind::Folder);
            } else if *entry == name {
                return Ok(Kind::File);
            }
        }
        Err(io::Error::from_raw_os_error(libc::ENOENT))
    }

    fn names(&self, folder: &Path) -> io::Result<Vec<OsString>> {
        let path = |entry: &str| {
            let at = entry.split_once(" -> ").map_or(entry, |(at, _)| at);
            PathBuf::from(at.trim_end_matches('/'))
        };
        let inside = self.0.iter().map(|entry| path(entry));
        let inside = inside.filter(|path| path.parent() == Some(folder));
        Ok(inside
            .filter_map(|path| path.file_name().map(OsStr::to_owned))
            .collect())
    }
}

const TREE: Tree = Tree(&[
    "/usr/",
    "/usr/bin/",
    "/usr/bin/sh",
    "/bin -> usr/bin",
    "/etc/",
    "/etc/resolv.conf -> ../run/resolve/stub.conf",
    "/run/",
    "/run/resolve/",
    "/run/resolve/stub.conf",
    "/loop -> loop",
    "/home/",
    "/home/me/",
    "/home/me/ws/",
    "/home/me/ws/.git/",
    "/home/me/ws/.git/hooks/",
    "/home/me/ws/.git/config",
    "/home/me/ws/evil -> /root/.ssh",
    "/root/",
    "/root/.ssh/",
    "/root/.ssh/key",
    "/work -> /home/me/ws",
]);

fn spec(read: &[&str], write: &[&str], protect: &[&str]) -> JailSpec {
    let paths = |paths: &[&str]| paths.iter().map(PathBuf::from).collect();
    JailSpec {
        order: crate::spec::Order::Run,
        program: "/usr/bin/sh".into(),
        args: vec![],
        argv0: "sh".into(),
        env: BTreeMap::new(),
        cwd: "/".into(),
        read: paths(read),
        write: paths(write),
        protect: paths(protect),
        network: Network::None,
        limits: Limits::default(),
        namespaces: Namespaces::Auto,
        role: Role::Shell,
        hostname: "h".into(),
        user: None,
    }
}

fn check(spec: &JailSpec, binds: &[(&str, Access)], links: &[(&str, &str)]) {
    let plan = plan(spec, &TREE).unwrap();
    let found: Vec<_> = plan
        .binds
        .iter()
        .map(|bind| (bind.path.to_str().unwrap(), bind.access))
        .collect();
    assert_eq!(found, binds);
    let found: Vec<_> = plan
        .links
        .iter()
        .map(|(at, to)| (at.to_str().unwrap(), to.to_str().unwrap()))
        .collect();
    assert_eq!(found, links);
}

use Access::{Pinned, Protected, Read, Write};

#[test]
fn a_link_is_made_again_and_what_it_leads_to_is_bound_once() {
    check(
        &spec(&["/bin", "/usr"], &[], &[]),
        &[("/usr", Read)],
        &[("/bin", "usr/bin")],
    );
}

#[test]
fn the_program_is_shown_even_when_nothing_covers_it() {
    check(&spec(&[], &[], &[]), &[("/usr/bin/sh", Read)], &[]);
}

#[test]
fn what_is_not_there_is_not_shown() {
    check(
        &spec(&["/opt", "/loop", "/usr"], &[], &[]),
        &[("/usr", Read)],
        &[],
    );
}

#[test]
fn a_workspace_that_is_not_there_is_an_error() {
    let error = plan(&spec(&[], &["/home/me/none"], &[]), &TREE).unwrap_err();
    assert!(error.to_string().contains("/home/me/none"));
}

#[test]
fn name_servers_are_found_where_they_really_are() {
    let spec = JailSpec {
        network: Network::Host,
        ..spec(&["/usr", "/etc"], &[], &[])
    };
    check(
        &spec,
        &[
            ("/etc", Read),
            ("/run/resolve/stub.conf", Read),
            ("/usr", Read),
        ],
        &[],
    );
}

#[test]
fn a_workspace_in_a_readable_folder_is_bound_over_it() {
    check(
        &spec(&["/home", "/usr"], &["/home/me/ws"], &[]),
        &[("/home", Read), ("/home/me/ws", Write), ("/usr", Read)],
        &[],
    );
}

#[test]
fn a_workspace_named_by_a_link_is_found_by_it() {
    check(
        &spec(&["/usr"], &["/work"], &[]),
        &[("/home/me/ws", Write), ("/usr", Read)],
        &[("/work", "/home/me/ws")],
    );
}

#[test]
fn what_is_protected_is_bound_over_its_workspace_and_can_not_be_renamed_away() {
    check(
        &spec(
            &["/usr"],
            &["/home/me/ws"],
            &["/home/me/ws/.git/hooks", "/home/me/ws/.none"],
        ),
        &[
            ("/home/me/ws", Write),
            ("/home/me/ws/.git", Pinned),
            ("/home/me/ws/.git/hooks", Protected),
            ("/home/me/ws/.none", Protected),
            ("/usr", Read),
        ],
        &[],
    );
}

#[test]
fn what_is_missing_is_blocked_at_the_first_name_that_is() {
    let protect = &[
        "/home/me/ws/.GIT/Config",
        "/home/me/ws/.idea/",
        "/home/me/ws/a/b",
        "/home/me/ws/evil/x",
        "/usr/none",
    ];
    let plan = plan(&spec(&[], &["/work"], protect), &TREE).unwrap();
    let missing: Vec<_> = plan
        .missing
        .iter()
        .map(|(path, folder)| (path.to_str().unwrap(), *folder))
        .collect();
    assert_eq!(
        missing,
        [
            ("/home/me/ws/.GIT", true),
            ("/home/me/ws/.git/Config", false),
            ("/home/me/ws/.idea", true),
            ("/home/me/ws/a", true),
        ]
    );
    assert_eq!(plan.covers, BTreeSet::from(["/home/me/ws/evil".into()]));
    let access = |path: &str| {
        let bind = plan.binds.iter().find(|bind| bind.path == Path::new(path));
        bind.map(|bind| bind.access)
    };
    assert_eq!(access("/home/me/ws/.git"), Some(Pinned));
    assert_eq!(access("/home/me/ws/.git/config"), Some(Protected));
    assert_eq!(access("/home/me/ws/.GIT"), Some(Protected));
    assert_eq!(access("/usr/none"), None);
}

#[test]
fn a_link_in_a_workspace_shows_nothing_outside() {
    let inside = &["/home/me/ws/.git", "/home/me/ws/evil/key"];
    let protect = &["/home/me/ws/evil", "/home/me/ws/evil/key"];
    check(
        &JailSpec {
            program: "/home/me/ws/evil/key".into(),
            ..spec(inside, &["/home/me/ws"], protect)
        },
        &[("/home/me/ws", Write)],
        &[],
    );
    let error = plan(&spec(&[], &["/home/me/ws/evil", "/home/me/ws"], &[]), &TREE);
    assert!(error.is_err());
}

#[test]
fn reading_in_a_workspace_is_writing() {
    check(
        &spec(&["/usr", "/home/me/ws/.git"], &["/home/me/ws"], &[]),
        &[("/home/me/ws", Write), ("/usr", Read)],
        &[],
    );
}
