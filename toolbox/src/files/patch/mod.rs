//! `apply_patch`: several files added, changed, moved and deleted in one step.
//!
//! First everything is planned on the files as they are, in memory; a patch that does not fit
//! changes nothing. Then files are written and at last deleted; should one of them fail, those
//! before it are put back.

mod fit;

mod parse;

use super::{Answer, regular};
use crate::place::{Grounds, Place};
use cap_std::fs::Permissions;
use ipc::tool_args::ApplyPatchArgs;
use parse::{Change, Hunk};
use std::path::{Component, PathBuf};

/// Applies the patch and says what it did to each file.
pub(super) fn apply_patch(grounds: &Grounds, args: &ApplyPatchArgs) -> Answer {
    let changes = parse::parse(&args.input)?;
    let mut plan = Plan::default();
    for change in changes {
        plan.add(grounds, change)?;
    }
    plan.carry_out()?;
    Ok(plan.done.join("\n"))
}

/// What is to become of each file.
#[derive(Default)]
struct Plan<'g> {
    files: Vec<File<'g>>,
    /// What is done, in words, when all is.
    done: Vec<String>,
}

/// One file, as it is and as it will be; `None` is a file that is not there.
struct File<'g> {
    place: Place<'g>,
    key: PathBuf,
    before: Option<Content>,
    after: Option<Content>,
}

#[derive(Clone)]
struct Content {
    bytes: Vec<u8>,
    mode: Option<Permissions>,
}

impl<'g> Plan<'g> {
    fn add(&mut self, grounds: &'g Grounds, change: Change) -> Result<(), String> {
        match change {
            Change::Add { path, content } => {
                let file = self.file(grounds, &path)?;
                file.refuse_existing("use *** Update File to change it")?;
                file.after = Some(Content {
                    bytes: content.into_bytes(),
                    mode: None,
                });
                self.done.push(format!("added {path}"));
            }
            Change::Delete { path } => {
                self.file(grounds, &path)?.take()?;
                self.done.push(format!("deleted {path}"));
            }
            Change::Update { path, to, hunks } => {
                self.update(grounds, &path, to.as_deref(), &hunks)?;
            }
        }
        Ok(())
    }

    fn update(
        &mut self,
        grounds: &'g Grounds,
        path: &str,
        to: Option<&str>,
        hunks: &[Hunk],
    ) -> Result<(), String> {
        let mut content = self.file(grounds, path)?.take()?;
        let text = String::from_utf8(content.bytes);
        let text = text.map_err(|_| format!("{path} is not UTF-8 text and can not be patched"))?;
        let new = fit::apply(&text, hunks).map_err(|why| format!("{path}: {why}"))?;
        content.bytes = new.into_bytes();
        let target = self.file(grounds, to.unwrap_or(path))?;
        target.refuse_existing("delete it first, or move elsewhere")?;
        target.after = Some(content);
        self.done.push(match to {
            Some(to) => format!("changed {path} and moved it to {to}"),
            None => format!("changed {path}"),
        });
        Ok(())
    }

    /// The file at `path` as the changes so far leave it.
    fn file(&mut self, grounds: &'g Grounds, path: &str) -> Result<&mut File<'g>, String> {
        let place = grounds.find(path)?;
        let key: PathBuf = place
            .path
            .components()
            .filter(|c| *c != Component::CurDir)
            .collect();
        let known = self.files.iter().position(|file| file.key == key);
        let index = match known {
            Some(index) => index,
            None => {
                let before = read(&place)?;
                let after = before.clone();
                self.files.push(File {
                    place,
                    key,
                    before,
                    after,
                });
                self.files.len() - 1
            }
        };
        Ok(&mut self.files[index])
    }

    /// Writes first and deletes last, so that a move never leaves the content nowhere.
    fn carry_out(&self) -> Result<(), String> {
        let (kept, gone): (Vec<_>, Vec<_>) = self.files.iter().partition(|f| f.after.is_some());
        let mut begun = Vec::new();
        for file in kept.into_iter().chain(gone) {
            begun.push(file);
            if let Err(why) = file.place_content(file.after.as_ref()) {
                return Err(put_back(&begun, why));
            }
        }
        Ok(())
    }
}

impl File<'_> {
    /// The content, and the file is gone.
    fn take(&mut self) -> Result<Content, String> {
        let missing = || self.place.failed(&std::io::ErrorKind::NotFound.into());
        self.after.take().ok_or_else(missing)
    }

    fn refuse_existing(&self, mend: &str) -> Result<(), String> {
        match self.after {
            Some(_) => Err(format!("{} exists already; {mend}", self.place.shown)),
            None => Ok(()),
        }
    }

    fn place_content(&self, content: Option<&Content>) -> Result<(), String> {
        match content {
            Some(new) => regular::replace(&self.place, &new.bytes, new.mode.as_ref()).map(drop),
            None => regular::remove(&self.place),
        }
    }
}

fn read(place: &Place<'_>) -> Result<Option<Content>, String> {
    if !regular::is_there(place)? {
        return Ok(None);
    }
    let (bytes, meta) = regular::read_whole(place)?;
    let mode = Some(meta.permissions());
    Ok(Some(Content { bytes, mode }))
}

/// Puts the files that were begun back as they were; `why` with what could not be.
fn put_back(begun: &[&File<'_>], mut why: String) -> String {
    for file in begun.iter().rev() {
        // One that was to be added may not have come to be.
        let changed = file.before.is_some() || regular::is_there(&file.place) == Ok(true);
        if changed && file.place_content(file.before.as_ref()).is_err() {
            why.push_str(&format!(
                "; {} could not be put back as it was",
                file.place.shown
            ));
        }
    }
    format!("{why}; nothing was changed")
}
