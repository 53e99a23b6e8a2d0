//! Files both ways.

use super::refusal::Refusal;
use super::request::{Params, Upload};
use super::world::World;
use serde_json::{Value, json};

const MB: usize = 1024 * 1024;
/// The largest file a bot can send.
pub(super) const UP: usize = 50 * MB;
const DOWN: usize = 20 * MB;
const PHOTO: usize = 10 * MB;

/// A file the server keeps.
#[derive(Debug, Clone)]
pub(super) struct File {
    pub(super) id: String,
    pub(super) name: Option<String>,
    pub(super) mime: String,
    pub(super) bytes: Vec<u8>,
    folder: &'static str,
}

impl File {
    fn unique(&self) -> String {
        format!("U{}", &self.id[3..])
    }

    fn path(&self) -> String {
        let end = match self.mime.as_str() {
            "image/jpeg" => "jpg",
            "image/png" => "png",
            "image/webp" => "webp",
            "audio/ogg" => "oga",
            _ => self
                .name
                .as_deref()
                .and_then(|name| name.rsplit_once('.'))
                .map_or("bin", |(_, end)| end),
        };
        format!("{}/file_{}.{end}", self.folder, &self.id[3..])
    }

    /// What a message says about it: the field, and what is in it.
    pub(super) fn json(&self, kind: &str) -> (String, Value) {
        let mut value = json!({ "file_id": self.id, "file_unique_id": self.unique(),
            "file_size": self.bytes.len() });
        match kind {
            "photo" => {
                let (width, height) = size_of(&self.bytes).unwrap_or((90, 90));
                value["width"] = json!(width);
                value["height"] = json!(height);
                let mut small = value.clone();
                small["file_id"] = json!(format!("{}s", self.id));
                small["file_unique_id"] = json!(format!("{}s", self.unique()));
                small["file_size"] = json!(100);
                small["width"] = json!(width.min(90));
                small["height"] = json!(height.min(90));
                return ("photo".to_owned(), json!([small, value]));
            }
            "voice" | "audio" => {
                value["duration"] = json!(2);
                value["mime_type"] = json!(self.mime);
            }
            "video" | "animation" => {
                for name in ["width", "height"] {
                    value[name] = json!(90);
                }
                value["duration"] = json!(2);
                value["mime_type"] = json!(self.mime);
            }
            "sticker" => {
                for name in ["width", "height"] {
                    value[name] = json!(512);
                }
                for name in ["is_animated", "is_video"] {
                    value[name] = json!(false);
                }
                value["type"] = json!("regular");
            }
            _ => value["mime_type"] = json!(self.mime),
        }
        if let Some(name) = &self.name
            && ["document", "audio", "video", "animation"].contains(&kind)
        {
            value["file_name"] = json!(name);
        }
        (kind.to_owned(), value)
    }
}

impl World {
    /// Keeps a file; its id.
    pub(super) fn keep(
        &mut self,
        kind: &str,
        name: Option<&str>,
        mime: &str,
        bytes: &[u8],
    ) -> String {
        let folder = match kind {
            "photo" => "photos",
            "voice" => "voice",
            "audio" => "music",
            "sticker" => "stickers",
            "video" | "animation" => "videos",
            _ => "documents",
        };
        let id = format!("AgA{}", 1000 + self.fresh());
        let file = File {
            id: id.clone(),
            name: name.map(str::to_owned),
            mime: mime.to_owned(),
            bytes: bytes.to_vec(),
            folder,
        };
        self.files.insert(id.clone(), file);
        id
    }

    /// The file a request means: a part of its form, or one the server has; its id.
    pub(super) fn file_of(
        &mut self,
        params: &Params,
        kind: &str,
        field: &str,
    ) -> Result<String, Refusal> {
        let named = params.text(field).unwrap_or_default();
        let attached = named.strip_prefix("attach://");
        let upload = params
            .uploads
            .get(field)
            .or_else(|| attached.and_then(|name| params.uploads.get(name)));
        if let Some(upload) = upload {
            check(kind, upload)?;
            return Ok(self.keep(kind, Some(&upload.name), &upload.mime, &upload.bytes));
        }
        if self.files.contains_key(&named) {
            return Ok(named);
        }
        let why = match named.as_str() {
            "" => format!("there is no {kind} in the request"),
            _ => "wrong file identifier/HTTP URL specified".to_owned(),
        };
        Err(Refusal::rude(&why))
    }
}

fn check(kind: &str, upload: &Upload) -> Result<(), Refusal> {
    let size = upload.bytes.len();
    if size == 0 {
        return Err(Refusal::rude("file must be non-empty"));
    }
    if size > UP {
        let mut refusal = Refusal::new(413, "Request Entity Too Large");
        refusal.is_rude = true;
        return Err(refusal);
    }
    if kind != "photo" {
        return Ok(());
    }
    if size > PHOTO {
        return Err(Refusal::rude("file is too big for a photo"));
    }
    let starts = |magic: &[u8]| upload.bytes.starts_with(magic);
    let is_image =
        starts(b"\x89PNG") || starts(b"\xff\xd8\xff") || starts(b"GIF8") || starts(b"RIFF");
    if !is_image {
        return Err(Refusal::bad("IMAGE_PROCESS_FAILED"));
    }
    match size_of(&upload.bytes) {
        Some((w, h)) if w + h > 10_000 || w > 20 * h || h > 20 * w => {
            Err(Refusal::bad("PHOTO_INVALID_DIMENSIONS"))
        }
        Some(_) | None => Ok(()),
    }
}

/// Width and height of a PNG.
fn size_of(bytes: &[u8]) -> Option<(u32, u32)> {
    if !bytes.starts_with(b"\x89PNG") {
        return None;
    }
    let at = |from: usize| {
        let four = bytes.get(from..from + 4)?;
        Some(u32::from_be_bytes(four.try_into().ok()?))
    };
    Some((at(16)?, at(20)?))
}

/// `getFile`.
pub(super) fn get(world: &World, params: &Params) -> Result<Value, Refusal> {
    let id = params.text("file_id").unwrap_or_default();
    let file = world
        .files
        .get(id.trim_end_matches('s'))
        .ok_or_else(|| Refusal::bad("wrong file_id or the file is temporarily unavailable"))?;
    if file.bytes.len() > DOWN {
        return Err(Refusal::bad("file is too big"));
    }
    Ok(json!({ "file_id": id, "file_unique_id": file.unique(),
        "file_size": file.bytes.len(), "file_path": file.path() }))
}

/// The bytes of the file that a path of [`get`] leads to.
pub(super) fn at_path(world: &World, path: &str) -> Option<Vec<u8>> {
    let mut files = world.files.values();
    let found = files.find(|file| file.path() == path)?;
    Some(found.bytes.clone())
}
