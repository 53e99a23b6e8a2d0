//! How high the walls must be for a tool to run.

use crate::config::{Namespaces, Sandbox};
use jail::probe::Report;
use std::path::Path;

/// The least level where nothing is configured: on a host, everything is there to be had; a container
/// seldom gives namespaces away.
const ON_A_HOST: u8 = 3;
const IN_A_CONTAINER: u8 = 2;

/// Files that container engines leave.
const SIGNS: [&str; 2] = ["/.dockerenv", "/run/.containerenv"];

/// Words in the control groups, or the mounts, of a process that runs in a container.
const ENGINES: [&str; 7] = [
    "/docker/",
    "/docker-",
    "/kubepods",
    "/libpod-",
    "/lxc/",
    "/containerd/",
    "/containers/storage/overlay",
];

/// What keeps tools from running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TooLow {
    /// The level of the walls.
    pub level: u8,
    /// The least level, and where it comes from: `3, the default on a host`.
    pub wanted: String,
    /// The walls that do not hold, by name.
    pub fallen: Vec<String>,
    /// What was tried, and what mends it.
    pub mend: String,
}

impl std::fmt::Display for TooLow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (level, wanted) = (self.level, &self.wanted);
        write!(
            f,
            "no tool runs here: the walls are of level {level}, and sandbox.minimum is {wanted}"
        )?;
        if !self.fallen.is_empty() {
            write!(f, "; what does not hold: {}", self.fallen.join(", "))?;
        }
        write!(f, "; to mend it: {}", self.mend)
    }
}

/// Whether this process runs in a container. `read` gives a file's text, empty or not, or `None`.
pub fn in_container(read: &dyn Fn(&Path) -> Option<String>) -> bool {
    let there = |path: &str| read(Path::new(path)).is_some();
    let told = |path: &str| {
        let text = read(Path::new(path)).unwrap_or_default();
        ENGINES.iter().any(|engine| text.contains(engine))
    };
    // Of the mounts only the root's: a host that runs containers has theirs as well.
    let root = read(Path::new("/proc/self/mountinfo")).unwrap_or_default();
    let root = root
        .lines()
        .find(|line| line.split(' ').nth(4) == Some("/"));
    SIGNS.into_iter().any(there)
        || told("/proc/self/cgroup")
        || root.is_some_and(|line| ENGINES.iter().any(|engine| line.contains(engine)))
}

/// The least level at which tools run.
#[must_use]
pub fn minimum(sandbox: &Sandbox, in_container: bool) -> u8 {
    let usual = if in_container {
        IN_A_CONTAINER
    } else {
        ON_A_HOST
    };
    sandbox.minimum.unwrap_or(usual)
}

/// The level of the walls that `sandbox` asks for, on a machine of which the probe says `report`.
#[must_use]
pub fn level(sandbox: &Sandbox, report: &Report) -> u8 {
    match sandbox.namespaces {
        Namespaces::Off => report.level.min(report.plain),
        Namespaces::Auto | Namespaces::Require => report.level,
    }
}

/// Why no tool runs behind these walls, if so.
///
/// # Errors
/// [`TooLow`], which says what is to be done, for a person and for the model.
pub fn high_enough(sandbox: &Sandbox, in_container: bool, report: &Report) -> Result<u8, TooLow> {
    let level = level(sandbox, report);
    let least = minimum(sandbox, in_container);
    if level >= least {
        return Ok(level);
    }
    let source = match (sandbox.minimum, in_container) {
        (Some(_), _) => "",
        (None, true) => ", the default in a container",
        (None, false) => ", the default on a host",
    };
    let fallen = report.layers.iter().filter(|layer| !layer.holds);
    let mend = match report.missing.clone() {
        _ if level < report.level => "leave sandbox.namespaces at auto".to_owned(),
        Some(missing) => missing,
        None => "see `openclaw sandbox explain`".to_owned(),
    };
    Err(TooLow {
        level,
        wanted: format!("{least}{source}"),
        fallen: fallen.map(|layer| layer.name.clone()).collect(),
        mend,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use jail::attempts::Walls;
    use jail::probe::Layer;

    fn report(level: u8) -> Report {
        Report {
            level,
            walls: Some(Walls::Full),
            plain: level.min(2),
            mediated: level > 1,
            layers: vec![Layer {
                name: "private root".to_owned(),
                asked: true,
                holds: level > 2,
                proof: String::new(),
                mend: None,
            }],
            missing: Some("no namespaces here; set user.max_user_namespaces".to_owned()),
        }
    }

    fn machine<'a>(files: &'a [(&'a str, &'a str)]) -> impl Fn(&Path) -> Option<String> + 'a {
        |path| {
            let found = files.iter().find(|(name, _)| Path::new(name) == path);
            found.map(|(_, text)| (*text).to_owned())
        }
    }

    #[test]
    fn a_container_is_known_by_its_signs() {
        let host = [
            (
                "/proc/self/cgroup",
                "0::/user.slice/user-1000.slice/session-2.scope\n",
            ),
            (
                "/proc/self/mountinfo",
                "27 1 254:0 / / rw - ext4 /dev/vda rw\n\
                 99 27 0:1 / /var/lib/docker/overlay2/x/merged rw - overlay overlay rw,upperdir=/var/lib/containers/storage/overlay/x\n",
            ),
        ];
        assert!(!in_container(&machine(&host)));
        assert!(!in_container(&machine(&[])));
        for sign in [
            ("/.dockerenv", ""),
            ("/run/.containerenv", ""),
            ("/proc/self/cgroup", "12:pids:/docker/0123456789abcdef\n"),
            (
                "/proc/self/cgroup",
                "0::/kubepods.slice/kubepods-pod1.slice\n",
            ),
            (
                "/proc/self/mountinfo",
                "27 1 0:9 / / rw - overlay overlay rw,lowerdir=/var/lib/containers/storage/overlay/l/A\n",
            ),
        ] {
            assert!(in_container(&machine(&[sign])), "{sign:?}");
        }
    }

    #[test]
    fn the_least_level_depends_on_where_the_gateway_runs_unless_it_is_said() {
        let sandbox = Sandbox::default();
        assert_eq!(minimum(&sandbox, false), 3);
        assert_eq!(minimum(&sandbox, true), 2);
        let said = Sandbox {
            minimum: Some(4),
            ..sandbox
        };
        assert_eq!([minimum(&said, false), minimum(&said, true)], [4, 4]);
    }

    #[test]
    fn what_is_too_low_says_what_fell_and_how_to_mend_it() {
        let sandbox = Sandbox::default();
        assert_eq!(high_enough(&sandbox, false, &report(3)), Ok(3));
        assert_eq!(high_enough(&sandbox, true, &report(2)), Ok(2));
        let said = high_enough(&sandbox, false, &report(2))
            .unwrap_err()
            .to_string();
        for part in [
            "level 2",
            "3, the default on a host",
            "private root",
            "max_user_namespaces",
        ] {
            assert!(said.contains(part), "{part}: {said}");
        }
    }

    #[test]
    fn walls_that_are_switched_off_do_not_count() {
        let sandbox = Sandbox {
            namespaces: Namespaces::Off,
            ..Sandbox::default()
        };
        let said = high_enough(&sandbox, false, &report(3))
            .unwrap_err()
            .to_string();
        assert!(said.contains("sandbox.namespaces"), "{said}");
        assert_eq!(high_enough(&sandbox, true, &report(3)), Ok(2));
    }
}
