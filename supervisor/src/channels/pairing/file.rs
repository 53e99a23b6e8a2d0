//! A JSON file that others write as well.

use crate::config::replace_private_file;
use crate::store::StoreError;
use serde_json::{Value, json};
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// A larger file is none of ours, in bytes.
const MAX_BYTES: u64 = 1 << 20;
/// The only version of these formats there is.
const VERSION: u64 = 1;

/// A file, and what it said when it was last looked at.
#[derive(Debug)]
pub(super) struct JsonFile {
    path: PathBuf,
    /// What the file was like then; `None` where it was never looked at.
    seen: Option<Look>,
    value: Result<Value, StoreError>,
}

/// What tells a changed file from one that is as it was; nothing of it where there is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Look {
    file: u64,
    bytes: u64,
    seconds: i64,
    nanoseconds: i64,
}

impl JsonFile {
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            path,
            seen: None,
            value: Ok(Value::Null),
        }
    }

    /// What it says now. A file that is not there says `{"version": 1}`.
    pub(super) fn read(&mut self) -> Result<&Value, StoreError> {
        let look = look(&self.path).map_err(|error| disk(&self.path, &error))?;
        if self.seen != Some(look) {
            self.value = load(&self.path);
            self.seen = Some(look);
        }
        self.value.as_ref().map_err(Clone::clone)
    }

    /// Changes what it says, in one step; nothing is written where nothing changed. What can not be
    /// read whole is not written either.
    pub(super) fn change<T>(
        &mut self,
        change: impl FnOnce(&mut Value) -> Result<T, String>,
    ) -> Result<T, StoreError> {
        let old = self.read()?.clone();
        let mut new = old.clone();
        let done = change(&mut new).map_err(|cause| self.damaged(cause))?;
        if new == old {
            return Ok(done);
        }
        let text = format!("{new:#}\n");
        replace_private_file(&self.path, text.as_bytes())
            .map_err(|error| disk(&self.path, &error))?;
        // Looked at again: somebody may have been faster.
        self.seen = None;
        Ok(done)
    }

    /// What is wrong with what it says.
    pub(super) fn damaged(&self, cause: impl Into<String>) -> StoreError {
        damaged(&self.path, cause.into())
    }
}

fn look(path: &Path) -> io::Result<Look> {
    match fs::metadata(path) {
        Ok(file) => Ok(Look {
            file: file.ino(),
            bytes: file.len(),
            seconds: file.mtime(),
            nanoseconds: file.mtime_nsec(),
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Look::default()),
        Err(error) => Err(error),
    }
}

fn load(path: &Path) -> Result<Value, StoreError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(json!({ "version": VERSION }));
        }
        Err(error) => return Err(disk(path, &error)),
    };
    let mut text = String::new();
    file.take(MAX_BYTES + 1)
        .read_to_string(&mut text)
        .map_err(|error| disk(path, &error))?;
    if text.len() as u64 > MAX_BYTES {
        return Err(damaged(path, format!("it has more than {MAX_BYTES} bytes")));
    }
    let value: Value =
        serde_json::from_str(&text).map_err(|error| damaged(path, error.to_string()))?;
    let Some(said) = value.as_object() else {
        return Err(damaged(path, "it is no object".to_owned()));
    };
    match said.get("version") {
        None => Ok(value),
        Some(version) if *version == json!(VERSION) => Ok(value),
        Some(version) => {
            let cause = format!("version {version} is not known, only {VERSION}");
            Err(damaged(path, cause))
        }
    }
}

fn damaged(path: &Path, cause: String) -> StoreError {
    StoreError::Damaged {
        file: path.to_owned(),
        cause,
    }
}

fn disk(path: &Path, error: &io::Error) -> StoreError {
    StoreError::Disk {
        file: path.to_owned(),
        cause: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn what_somebody_else_writes_is_noticed_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("credentials/a.json");
        let mut file = JsonFile::new(path.clone());
        assert_eq!(*file.read().unwrap(), json!({ "version": 1 }));
        let put = |value: &mut Value| {
            value["ours"] = json!(1);
            Ok(())
        };
        file.change(put).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::write(&path, r#"{"version": 1, "theirs": 2}"#).unwrap();
        assert_eq!(file.read().unwrap()["theirs"], 2);
        file.change(put).unwrap();
        let said: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        assert_eq!(said, json!({ "version": 1, "theirs": 2, "ours": 1 }));
        fs::remove_file(&path).unwrap();
        assert_eq!(*file.read().unwrap(), json!({ "version": 1 }));
    }

    #[test]
    fn what_makes_no_sense_is_an_error_and_is_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        for text in ["{", "[]", r#"{"version": 2}"#, r#"{"version": "1"}"#] {
            fs::write(&path, text).unwrap();
            let mut file = JsonFile::new(path.clone());
            assert!(
                matches!(file.read(), Err(StoreError::Damaged { .. })),
                "{text}"
            );
            assert!(file.change(|_| Ok(())).is_err());
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        fs::write(&path, r#"{"version": 1}"#).unwrap();
        let mut file = JsonFile::new(path.clone());
        let refused: Result<(), _> = file.change(|value| {
            value["half"] = json!(1);
            Err("no".to_owned())
        });
        assert!(refused.is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), r#"{"version": 1}"#);
    }
}
