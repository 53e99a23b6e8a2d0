//! Which pictures of a conversation a model is shown, and their bytes.
//!
//! The newest are, up to [`MOST`] of them and [`MOST_BYTES`]. When one more would be too many the
//! older half goes at once: what was rendered before is then rendered anew, once in a while, and not
//! at every new picture; in between it never changes, and a provider's own cache holds. Which they
//! are follows from the conversation alone, so a gateway that starts again shows the same.

use super::Context;
use crate::store::pictures;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ipc::id::ItemId;
use ipc::transcript::{Image, TranscriptItem};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;

/// Pictures in one request.
const MOST: usize = 16;
/// Bytes of all pictures in one request, before they are written in base64.
const MOST_BYTES: u64 = 12 << 20;
/// Bytes of one picture: five megabytes in base64, which every provider takes.
const MOST_EACH: u64 = 3_900_000;

/// What of a conversation is seen.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Sight {
    /// Whether the model sees at all.
    sees: bool,
    /// The first item whose pictures are shown; `None` where all are.
    since: Option<ItemId>,
    /// Pictures that could not be read: they are not kept any more.
    gone: BTreeSet<String>,
}

/// Why a picture is not shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unseen {
    /// The model sees none.
    Blind,
    /// It has too many bytes for any provider.
    TooLarge,
    /// Newer ones took its place, or it is not kept any more.
    Old,
}

impl Sight {
    /// What a model sees of `context`, of which `pictures` could be read.
    pub(super) fn of(context: &Context, sees: bool, pictures: &Pictures) -> Self {
        let since = since(context);
        let gone = shown(context, since)
            .filter(|(_, image)| !pictures.found.contains_key(&image.blob))
            .map(|(_, image)| image.blob.clone());
        Self {
            sees,
            since,
            gone: gone.collect(),
        }
    }

    /// Why the picture of an item is not shown; `None` where it is.
    pub(super) fn unseen(&self, item: ItemId, image: &Image) -> Option<Unseen> {
        if !self.sees {
            Some(Unseen::Blind)
        } else if image.bytes > MOST_EACH {
            Some(Unseen::TooLarge)
        } else if self.since.is_some_and(|since| item < since) || self.gone.contains(&image.blob) {
            Some(Unseen::Old)
        } else {
            None
        }
    }
}

/// All pictures that may be shown, with their items, oldest first.
fn all(context: &Context) -> impl Iterator<Item = (ItemId, &Image)> {
    context.items.iter().flat_map(|(id, item)| {
        let images = match &**item {
            TranscriptItem::User { images, .. } => images.as_slice(),
            TranscriptItem::Answer { .. }
            | TranscriptItem::Outcome { .. }
            | TranscriptItem::Note { .. }
            | TranscriptItem::Summary { .. } => &[],
        };
        let fitting = images.iter().filter(|image| image.bytes <= MOST_EACH);
        fitting.map(|image| (*id, image))
    })
}

/// Those from an item on.
fn shown(context: &Context, since: Option<ItemId>) -> impl Iterator<Item = (ItemId, &Image)> {
    all(context).filter(move |(id, _)| since.is_none_or(|since| *id >= since))
}

/// The first item whose pictures are shown. An item's pictures are shown together.
fn since(context: &Context) -> Option<ItemId> {
    let mut shown: VecDeque<(ItemId, u64)> = VecDeque::new();
    let mut since = None;
    for (id, image) in all(context) {
        shown.push_back((id, image.bytes));
        if is_over(&shown, 1) {
            while is_over(&shown, 2) || shown.front().map(|(id, _)| Some(*id)) < Some(since) {
                let Some((gone, _)) = shown.pop_front() else {
                    break;
                };
                since = Some(gone.next());
            }
        }
    }
    since
}

/// Whether these are more than may be, or than a part of it.
fn is_over(shown: &VecDeque<(ItemId, u64)>, part: usize) -> bool {
    let bytes: u64 = shown.iter().map(|(_, bytes)| bytes).sum();
    shown.len() > MOST / part || bytes > MOST_BYTES / part as u64
}

/// The pictures of one call, in base64, by name.
#[derive(Debug, Default)]
pub(super) struct Pictures {
    found: BTreeMap<String, String>,
}

impl Pictures {
    /// Reads what is shown of a context.
    pub(super) async fn load(folder: &Path, context: &Context) -> Self {
        let shown: BTreeSet<String> = shown(context, since(context))
            .map(|(_, image)| image.blob.clone())
            .collect();
        if shown.is_empty() {
            return Self::default();
        }
        let folder = folder.to_owned();
        let read = tokio::task::spawn_blocking(move || Self::read(&folder, shown));
        read.await.unwrap_or_default()
    }

    fn read(folder: &Path, shown: BTreeSet<String>) -> Self {
        let mut pictures = Self::default();
        for blob in shown {
            match pictures::read(folder, &blob) {
                Ok(bytes) => {
                    pictures.found.insert(blob, STANDARD.encode(bytes));
                }
                Err(error) => tracing::debug!("picture {blob} is not shown: {error}"),
            }
        }
        pictures
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Bytes of all of them.
    pub(super) fn len(&self) -> usize {
        self.found.values().map(String::len).sum()
    }

    /// One of them; nothing where it is not among them.
    pub(super) fn base64(&self, blob: &str) -> &str {
        self.found.get(blob).map_or("", String::as_str)
    }

    /// These, for tests.
    #[cfg(test)]
    pub(super) fn of<'a>(found: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let found = found.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned()));
        Self {
            found: found.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::render::samples::{answer, context, shows};
    use proptest::prelude::*;

    /// How many pictures are shown of a conversation with so many, of these bytes.
    fn seen(count: usize, bytes: u64) -> usize {
        let context = context(vec![shows("", &["a.png"], bytes); count]);
        let sight = Sight::of(&context, true, &Pictures::of([("a.png", "AAAA")]));
        all(&context)
            .filter(|(id, image)| sight.unseen(*id, image).is_none())
            .count()
    }

    #[test]
    fn the_older_half_goes_when_there_are_too_many() {
        assert_eq!((seen(16, 1), seen(17, 1), seen(18, 1)), (16, 8, 9));
        assert_eq!((seen(25, 1), seen(26, 1)), (16, 8));
        let quarter = MOST_BYTES / 4;
        assert_eq!((seen(4, quarter), seen(5, quarter)), (4, 2));
        assert_eq!(seen(3, MOST_EACH + 1), 0);
    }

    #[test]
    fn what_is_gone_is_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let pictures = Pictures::read(folder.path(), BTreeSet::from(["a.png".to_owned()]));
        let context = context(vec![shows("", &["a.png"], 5)]);
        let sight = Sight::of(&context, true, &pictures);
        let (id, image) = all(&context).next().unwrap();
        assert_eq!(sight.unseen(id, image), Some(Unseen::Old));
        let blind = Sight::of(&context, false, &Pictures::default());
        assert_eq!(blind.unseen(id, image), Some(Unseen::Blind));
    }

    proptest! {
        #[test]
        fn never_too_many_and_never_one_again_that_was_not_shown(
            sizes in proptest::collection::vec((1usize..12, 1u64..4_000_000), 0..40),
        ) {
            let names = ["x.png"; 12];
            let items = sizes.iter().flat_map(|(count, bytes)| [shows("", &names[..*count], *bytes), answer("", 0)]);
            let items: Vec<_> = items.collect();
            let mut before = None;
            for len in 0..=items.len() {
                let context = context(items[..len].to_vec());
                let first = since(&context);
                prop_assert!(first >= before);
                before = first;
                let (count, bytes) = shown(&context, first).fold((0, 0), |(count, all), (_, image)| (count + 1, all + image.bytes));
                prop_assert!(count <= MOST && bytes <= MOST_BYTES, "{count} {bytes}");
            }
        }
    }
}
