//! Which files a message brings, and what of it is told in words instead.

use super::clean;
use super::shape::{File, Location, Message, Photo, Poll, Sticker};
use super::words::frame;
use super::{Media, MediaKind};

/// Characters of what somebody wrote into a place, a contact or a poll.
const FIELD: usize = 200;
/// Choices of a poll that are told.
const CHOICES: usize = 12;

/// The files of a message. Of a photo's sizes the largest that may be taken.
pub(super) fn files(message: &Message, media_max: u64) -> Vec<Media> {
    let mut found = Vec::new();
    found.extend(photo(&message.photo, media_max));
    let animation = message.animation.as_ref();
    for (kind, file) in [
        (MediaKind::Animation, animation),
        // A server that sends an animation says that it is a document as well.
        (
            MediaKind::Document,
            message.document.as_ref().filter(|_| animation.is_none()),
        ),
        (MediaKind::Audio, message.audio.as_ref()),
        (MediaKind::Voice, message.voice.as_ref()),
        (MediaKind::Video, message.video.as_ref()),
        (MediaKind::VideoNote, message.video_note.as_ref()),
    ] {
        found.extend(file.map(|file| media(kind, file)));
    }
    found.extend(message.sticker.as_ref().and_then(still));
    found
}

fn media(kind: MediaKind, file: &File) -> Media {
    Media {
        kind,
        file_id: file.file_id.clone(),
        unique_id: file.file_unique_id.clone(),
        name: file.file_name.clone(),
        mime: file.mime_type.clone(),
        size: file.file_size,
        seconds: file.duration,
    }
}

fn photo(sizes: &[Photo], media_max: u64) -> Option<Media> {
    let area = |p: &&Photo| {
        let (width, height) = (p.width.unwrap_or(0), p.height.unwrap_or(0));
        width.saturating_mul(height)
    };
    let fits = |p: &&Photo| p.file_size.is_none_or(|size| size <= media_max);
    // Where none fits the smallest is named, so that it can be said that it is too large.
    let chosen = sizes
        .iter()
        .filter(fits)
        .max_by_key(area)
        .or_else(|| sizes.iter().min_by_key(area))?;
    Some(Media {
        kind: MediaKind::Photo,
        file_id: chosen.file_id.clone(),
        unique_id: chosen.file_unique_id.clone(),
        name: None,
        mime: None,
        size: chosen.file_size,
        seconds: None,
    })
}

/// A sticker that is a picture.
fn still(sticker: &Sticker) -> Option<Media> {
    (!sticker.is_animated && !sticker.is_video).then(|| Media {
        kind: MediaKind::Sticker,
        file_id: sticker.file_id.clone(),
        unique_id: sticker.file_unique_id.clone(),
        name: None,
        mime: None,
        size: sticker.file_size,
        seconds: None,
    })
}

/// What is told in words, a line for each.
pub(super) fn folded(message: &Message) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(sticker) = &message.sticker {
        lines.push(sticker_line(sticker));
    }
    if let Some(venue) = &message.venue {
        let title = venue.title.as_deref().unwrap_or_default();
        let address = venue.address.as_deref().unwrap_or_default();
        let what = format!(
            "place \"{}\", {}, at {}",
            clean::line(title, FIELD),
            clean::line(address, FIELD),
            spot(&venue.location)
        );
        lines.push(frame(&what));
    } else if let Some(location) = &message.location {
        let live = location.live_period.map_or("", |_| "live ");
        lines.push(frame(&format!("{live}location {}", spot(location))));
    }
    if let Some(contact) = &message.contact {
        let name = clean::full_name(contact.first_name.as_deref(), contact.last_name.as_deref());
        let phone = clean::line(&contact.phone_number, 32);
        lines.push(frame(&format!("contact {name}, phone {phone}")));
    }
    if let Some(dice) = &message.dice {
        let emoji = clean::line(&dice.emoji, 8);
        lines.push(frame(&format!("threw {emoji}: {}", dice.value)));
    }
    lines.extend(message.poll.as_ref().map(poll_line));
    lines.extend(unshown(message).map(|what| frame(&format!("a {what}, which bots can not see"))));
    lines
}

fn sticker_line(sticker: &Sticker) -> String {
    let mut what = "sticker".to_owned();
    if let Some(emoji) = &sticker.emoji {
        what.push(' ');
        what.push_str(&clean::line(emoji, 16));
    }
    if let Some(set) = &sticker.set_name {
        what.push_str(" of the set ");
        what.push_str(&clean::line(set, 64));
    }
    frame(&what)
}

fn spot(location: &Location) -> String {
    let (latitude, longitude) = (location.latitude, location.longitude);
    let (latitude, longitude) = (latitude.clamp(-90.0, 90.0), longitude.clamp(-180.0, 180.0));
    match location.horizontal_accuracy {
        Some(metres) => format!(
            "{latitude:.6}, {longitude:.6} (within {:.0} m)",
            metres.min(1e6)
        ),
        None => format!("{latitude:.6}, {longitude:.6}"),
    }
}

fn poll_line(poll: &Poll) -> String {
    let choices: Vec<String> = poll
        .options
        .iter()
        .take(CHOICES)
        .map(|option| format!("\"{}\"", clean::line(&option.text, FIELD)))
        .collect();
    let question = clean::line(&poll.question, 2 * FIELD);
    frame(&format!("poll \"{question}\": {}", choices.join(", ")))
}

fn unshown(message: &Message) -> Option<&'static str> {
    [
        (message.story, "story"),
        (message.game, "game"),
        (message.invoice, "invoice"),
        (message.giveaway, "giveaway"),
        (message.paid_media, "picture that is paid for"),
        (message.checklist, "checklist"),
    ]
    .into_iter()
    .find_map(|(there, what)| there.then_some(what))
}
