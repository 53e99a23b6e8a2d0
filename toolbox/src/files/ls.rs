//! `ls`: what a folder holds, in the order of the names' bytes, so that a page can be gone on from.

use super::Answer;
use crate::place::{Grounds, Place};
use cap_std::fs::DirEntry;
use ipc::tool_args::LsArgs;
use std::collections::BTreeMap;
use std::ffi::OsString;

/// Entries in one answer.
const MAX_ENTRIES: u64 = 500;

/// Lists the folder: one entry a line, folders with a slash, files with their size.
pub(super) fn ls(grounds: &Grounds, args: &LsArgs) -> Answer {
    let place = grounds.find(args.path.as_deref().unwrap_or("."))?;
    let meta = place.dir.metadata(&place.path);
    let meta = meta.map_err(|error| place.failed(&error))?;
    if !meta.is_dir() {
        let size = meta.len();
        return Err(format!(
            "{} is a file of {size} bytes, not a folder; use read",
            place.shown
        ));
    }
    let limit = args.limit.unwrap_or(MAX_ENTRIES).clamp(1, MAX_ENTRIES);
    let page = page(&place, args.after.as_deref(), limit as usize)?;
    Ok(page.text(&place, args.after.as_deref()))
}

/// The entries that come next.
struct Page {
    entries: BTreeMap<OsString, DirEntry>,
    /// Entries after the page.
    left: u64,
}

/// Reads the folder, holding no more than `limit` entries at once.
fn page(place: &Place<'_>, after: Option<&str>, limit: usize) -> Result<Page, String> {
    let listing = place.dir.read_dir(&place.path);
    let mut page = Page {
        entries: BTreeMap::new(),
        left: 0,
    };
    for entry in listing.map_err(|error| place.failed(&error))? {
        let entry = entry.map_err(|error| place.failed(&error))?;
        let name = entry.file_name();
        if after
            .is_some_and(|after| name.as_encoded_bytes() <= after.trim_end_matches('/').as_bytes())
        {
            continue;
        }
        page.entries.insert(name, entry);
        if page.entries.len() > limit {
            page.entries.pop_last();
            page.left += 1;
        }
    }
    Ok(page)
}

impl Page {
    fn text(&self, place: &Place<'_>, after: Option<&str>) -> String {
        let Some((last, _)) = self.entries.last_key_value() else {
            let after = after.map_or(String::new(), |name| format!(" after {name}"));
            return format!("[{} is empty{after}]", place.shown);
        };
        let mut text: String = self
            .entries
            .iter()
            .map(|(name, e)| line(place, name, e))
            .collect();
        if self.left > 0 {
            let (left, last) = (self.left, last.to_string_lossy());
            text.push_str(&format!("[{left} more; go on with after {last:?}]"));
        }
        text
    }
}

fn line(place: &Place<'_>, name: &OsString, entry: &DirEntry) -> String {
    let shown = name.to_string_lossy();
    let Ok(meta) = entry.metadata() else {
        return format!("{shown}\n"); // gone meanwhile
    };
    if meta.is_dir() {
        format!("{shown}/\n")
    } else if meta.is_symlink() {
        let target = place.dir.read_link_contents(place.path.join(name));
        let target = target.map_or("?".into(), |t| t.to_string_lossy().into_owned());
        format!("{shown} -> {target}\n")
    } else if meta.is_file() {
        format!("{shown}  {} bytes\n", meta.len())
    } else {
        format!("{shown}  (pipe, socket or device)\n")
    }
}
