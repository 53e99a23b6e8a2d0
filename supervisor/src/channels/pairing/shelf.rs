//! The desk's files. Whoever holds it reads and writes the disk.

use super::file::JsonFile;
use super::requests::Request;
use super::{CHANNEL, approved, owner, requests};
use crate::config::DEFAULT_ACCOUNT;
use crate::store::StoreError;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// All of them.
#[derive(Debug)]
pub(super) struct Shelf {
    folder: PathBuf,
    requests: JsonFile,
    owner: JsonFile,
    /// By file name.
    approved: BTreeMap<String, JsonFile>,
}

impl Shelf {
    pub(super) fn new(folder: &Path) -> Self {
        let file = |name: &str| JsonFile::new(folder.join(format!("{CHANNEL}-{name}.json")));
        Self {
            folder: folder.to_owned(),
            requests: file("pairing"),
            owner: file("owner"),
            approved: BTreeMap::new(),
        }
    }

    /// Everybody who asked, also those whose code is worth nothing and who were let in since.
    pub(super) fn requests(&mut self) -> Result<Vec<Request>, StoreError> {
        let said = requests::all(self.requests.read()?);
        said.map_err(|cause| self.requests.damaged(cause))
    }

    /// Who still asks: whose code is good, and who was not let in meanwhile.
    pub(super) fn pending(&mut self, now: i64) -> Result<Vec<Request>, StoreError> {
        let mut pending = Vec::new();
        for request in self.requests()? {
            let is_good = request.expires_at() > now;
            if is_good && !self.is_approved(&request.account, &request.sender)? {
                pending.push(request);
            }
        }
        Ok(pending)
    }

    pub(super) fn is_away(
        &mut self,
        account: &str,
        sender: &str,
        now: i64,
    ) -> Result<bool, StoreError> {
        let file = self.requests.read()?;
        Ok(requests::is_away(file, account, sender, now))
    }

    pub(super) fn put(&mut self, request: &Request, now: i64) -> Result<(), StoreError> {
        self.requests
            .change(|file| requests::put(file, request, now))
    }

    pub(super) fn touch(
        &mut self,
        account: &str,
        sender: &str,
        now: i64,
    ) -> Result<(), StoreError> {
        self.requests.change(|file| {
            requests::touch(file, account, sender, now);
            Ok(())
        })
    }

    pub(super) fn forget(&mut self, account: &str, sender: &str) -> Result<(), StoreError> {
        let gone = |request: &Request| request.is_of(account, sender);
        self.requests.change(|file| requests::forget(file, gone))
    }

    pub(super) fn send_away(
        &mut self,
        account: &str,
        sender: &str,
        now: i64,
    ) -> Result<(), StoreError> {
        self.requests
            .change(|file| requests::send_away(file, account, sender, now))
    }

    /// Everybody an account let in.
    pub(super) fn approved(&mut self, account: &str) -> Result<Vec<String>, StoreError> {
        let mut senders = Vec::new();
        for name in files_of(account) {
            let file = self.approved_file(name);
            let said = approved::all(file.read()?);
            for sender in said.map_err(|cause| file.damaged(cause))? {
                if !senders.contains(&sender) {
                    senders.push(sender);
                }
            }
        }
        Ok(senders)
    }

    pub(super) fn is_approved(&mut self, account: &str, sender: &str) -> Result<bool, StoreError> {
        Ok(self.approved(account)?.iter().any(|id| id == sender))
    }

    pub(super) fn let_in(&mut self, account: &str, sender: &str) -> Result<(), StoreError> {
        if self.is_approved(account, sender)? {
            return Ok(());
        }
        // The first name is the one that every version of OpenClaw reads.
        for name in files_of(account).into_iter().take(1) {
            self.approved_file(name)
                .change(|file| approved::add(file, sender))?;
        }
        Ok(())
    }

    /// Whether they were in.
    pub(super) fn take_out(&mut self, account: &str, sender: &str) -> Result<bool, StoreError> {
        let mut were = false;
        for name in files_of(account) {
            let file = self.approved_file(name);
            were |= file.change(|file| approved::remove(file, sender))?;
        }
        Ok(were)
    }

    fn approved_file(&mut self, name: String) -> &mut JsonFile {
        let path = self.folder.join(&name);
        let file = self.approved.entry(name);
        file.or_insert_with(|| JsonFile::new(path))
    }

    pub(super) fn owner(&mut self) -> Result<Option<String>, StoreError> {
        let said = owner::who(self.owner.read()?).map(|who| who.map(str::to_owned));
        said.map_err(|cause| self.owner.damaged(cause))
    }

    pub(super) fn make_owner(
        &mut self,
        account: &str,
        sender: &str,
        at: &str,
    ) -> Result<bool, StoreError> {
        self.owner
            .change(|file| owner::make(file, sender, account, at))
    }

    pub(super) fn unmake_owner(&mut self, sender: &str) -> Result<bool, StoreError> {
        self.owner.change(|file| owner::unmake(file, sender))
    }
}

/// Where it is kept whom an account let in.
fn files_of(account: &str) -> Vec<String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let plain = |c: char| {
        if is_plain(c) {
            c.to_ascii_lowercase()
        } else {
            '_'
        }
    };
    let key: String = account.chars().map(plain).collect();
    let own = format!("{CHANNEL}-{key}-allowFrom.json");
    match account {
        DEFAULT_ACCOUNT => vec![format!("{CHANNEL}-allowFrom.json"), own],
        _ => vec![own],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_default_account_knows_whom_either_of_its_files_lets_in() {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        put(
            "telegram-default-allowFrom.json",
            r#"{"version":1,"allowFrom":["5"]}"#,
        );
        let mut shelf = Shelf::new(folder.path());
        assert!(shelf.is_approved("default", "5").unwrap());
        shelf.let_in("default", "6").unwrap();
        shelf.let_in("work", "7").unwrap();
        assert_eq!(shelf.approved("default").unwrap(), ["6", "5"]);
        assert!(!shelf.is_approved("work", "5").unwrap());
        assert!(!shelf.is_approved("default", "7").unwrap());
        assert!(shelf.take_out("default", "5").unwrap());
        assert!(!shelf.is_approved("default", "5").unwrap());
        put("telegram-default-allowFrom.json", "{");
        assert!(shelf.is_approved("default", "6").is_err());
        assert!(shelf.is_approved("work", "7").unwrap());
    }

    #[test]
    fn no_account_leads_out_of_the_folder() {
        assert_eq!(files_of("../../x"), ["telegram-.._.._x-allowFrom.json"]);
    }
}
