//! The inner processes: pid 1 of a jail, which builds it and reaps, and the first in a room, which
//! hands it over.

use crate::error::{During, JailError};
use crate::handover::Answer;
use crate::ownership::Mapped;
use crate::plan::{self, Plan};
use crate::reaper::{self, Reach};
use crate::report::{STARTED, finish, report, stdin};
use crate::root::{Held, build_root};
use crate::spec::{JailSpec, Network};
use crate::target::{Walls, target};
use crate::{doors, limits, mounts, namespaces, privileges, sys};
use nix::sys::prctl;
use nix::unistd::{Pid, setpgid};
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};

/// The keeper: builds what holds for all inside, starts the program, waits for the end.
pub(crate) fn keeper(spec: &JailSpec, link: &OwnedFd, walls: Walls, mapped: Vec<Mapped>) -> u8 {
    // A signal to the group of the outer process is passed on by that; it is to come once.
    let _ = setpgid(Pid::from_raw(0), Pid::from_raw(0));
    let started = build(spec, link, &walls, mapped).and_then(|(plan, held)| {
        let program = sys::fork_sharing(|| finish(target(spec, &plan, &walls))).during("fork")?;
        Ok((program, held))
    });
    let reach = match walls {
        Walls::Namespaces | Walls::Room => Reach::PidNamespace,
        Walls::Plain => Reach::Descendants,
    };
    match started {
        Ok((program, _held)) => {
            match walls {
                Walls::Namespaces | Walls::Plain => namespaces::tell(link, STARTED),
                Walls::Room => {}
            }
            finish(reaper::keep(program, link, reach))
        }
        Err(error) => report(link, Err(error)),
    }
}

/// Returns what is shown, and what is to be held as long as that is.
fn build(
    spec: &JailSpec,
    link: &OwnedFd,
    walls: &Walls,
    mapped: Vec<Mapped>,
) -> Result<(Plan, Held), JailError> {
    let mut held = Vec::new();
    let plan = match walls {
        Walls::Namespaces => {
            namespaces::settle(spec, link)?;
            let (plan, workspaces) = build_root(spec, mapped)?;
            held = workspaces;
            plan
        }
        Walls::Room => {
            namespaces::settle_in_room(spec)?;
            mounts::renew_process_files(privileges::stays_root(spec.write.first()))?;
            plan::changes(spec, &plan::Machine)?
        }
        Walls::Plain => {
            prctl::set_child_subreaper(true).during("adopt orphans")?;
            plan::plan(spec, &plan::Machine)?
        }
    };
    privileges::empty_bounding_set()?;
    match (spec.write.first(), spec.user) {
        // Who that is has been mapped, if it could be.
        (Some(workspace), _) => privileges::become_owner(workspace)?,
        (None, Some(user)) => privileges::become_user(user, user)?,
        (None, None) => false,
    };
    privileges::drop_capabilities()?;
    privileges::no_new_privileges()?;
    limits::harden().during("close core dumps")?;
    match walls {
        // A change of user has undone it.
        Walls::Namespaces | Walls::Room => namespaces::die_with_parent()?,
        Walls::Plain => {}
    }
    Ok((plan, held))
}

/// The first process in a room, and until somebody joins it the only one.
pub(crate) fn first_in_room(spec: &JailSpec, link: &OwnedFd, mapped: Vec<Mapped>) -> u8 {
    let opened = namespaces::settle(spec, link).and_then(|()| hand_over(spec, mapped));
    report(link, opened.map(|()| 0))
}

/// Builds what programs in the room share and gives it to whoever asked for it.
fn hand_over(spec: &JailSpec, mapped: Vec<Mapped>) -> Result<(), JailError> {
    let mut descriptors = namespaces::handles(spec)?;
    let namespaces = descriptors.len();
    let (_, workspaces) = build_root(spec, mapped)?;
    descriptors.push(File::open("/tmp").during("open the room's /tmp")?.into());
    let doors = spec.network == Network::Proxied;
    if doors {
        descriptors.extend(doors::open()?);
    }
    let (folders, placeholders): (Vec<_>, Vec<_>) = workspaces.into_iter().unzip();
    descriptors.extend(folders);
    let descriptors: Vec<_> = descriptors.iter().map(AsFd::as_fd).collect();
    let answer = Answer::Opened {
        namespaces,
        doors,
        placeholders,
    };
    answer
        .send(&*stdin(), &descriptors)
        .during("hand the room over")
}
