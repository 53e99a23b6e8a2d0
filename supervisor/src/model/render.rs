//! Transcript items → a provider's messages, each rendered once.
//!
//! Items come in groups: an answer and what followed it until the next answer. A group is closed when
//! the next one begins: its messages never change again, so they are kept as bytes. The last group is
//! rendered anew at every call; so a call costs what is new, and one copy of what was.

use super::Context;
use super::sight::{Pictures, Sight, Unseen};
use super::wire::List;
use crate::config::ModelRef;
use ipc::id::{CallRef, ItemId};
use ipc::tool::ToolOutcome;
use ipc::transcript::{Carried, Image, ToolRequest, TranscriptItem};
use std::borrow::Cow;
use std::sync::Arc;

/// Said in the user's place where a provider wants somebody to have spoken between two answers.
pub(super) const GO_ON: &str = "(continue)";
/// Said in the model's place where it answered with nothing at all.
pub(super) const NOTHING: &str = "(no answer)";

/// The rendered messages of one session, for one model. Belongs to whoever owns the session; an
/// empty one is always right, only slower.
#[derive(Debug, Default)]
pub struct RenderCache {
    slot: Option<Slot>,
    /// The pictures of the call that is being made; none between calls.
    pub(super) pictures: Pictures,
    /// The credential that served last: a session keeps to it, for the provider's own cache.
    pub(super) credential: Option<String>,
    /// The model that answered last.
    pub(super) model: Option<ModelRef>,
}

#[derive(Debug)]
struct Slot {
    tag: String,
    generation: u64,
    /// Which pictures are shown. Another sight is another rendering.
    sight: Sight,
    /// How many of the context's items are in `closed`, and the last of them.
    items: usize,
    last: Option<ItemId>,
    closed: List,
}

/// How one wire writes messages.
pub(super) trait Dialect {
    /// Whose provider state is understood, and whose rendered bytes these are.
    fn tag(&self) -> &str;

    /// Whether the model sees pictures.
    fn sees(&self) -> bool;

    /// Writes a group's messages. `last`: it is the end of the request.
    fn write(&self, group: &Group<'_>, last: bool, out: &mut List);
}

/// An answer and what followed it.
#[derive(Debug, Default)]
pub(super) struct Group<'a> {
    /// The answer; absent in the first group.
    pub(super) answer: Option<Answer<'a>>,
    /// What was said after it, or before any answer, in order.
    pub(super) said: Vec<Said<'a>>,
}

/// Somebody's words, and the pictures that are shown with them.
#[derive(Debug)]
pub(super) struct Said<'a> {
    pub(super) text: Cow<'a, str>,
    pub(super) pictures: Vec<&'a Image>,
}

impl<'a, T: Into<Cow<'a, str>>> From<T> for Said<'a> {
    fn from(text: T) -> Self {
        Self {
            text: text.into(),
            pictures: Vec::new(),
        }
    }
}

/// What a request is made of.
pub(super) struct Rendered<'c> {
    /// The messages of closed groups.
    pub(super) closed: &'c [u8],
    /// Those of the last one.
    pub(super) tail: List,
    /// What fills their holes.
    pub(super) pictures: &'c Pictures,
}

/// A model's answer.
#[derive(Debug)]
pub(super) struct Answer<'a> {
    /// Its words.
    pub(super) text: &'a str,
    /// Its calls, each with its result.
    pub(super) calls: Vec<Call<'a>>,
    /// Provider state, where it is of this dialect.
    pub(super) carried: Option<&'a Carried>,
}

/// A call and its result.
#[derive(Debug)]
pub(super) struct Call<'a> {
    /// Unique in the transcript.
    pub(super) id: CallRef,
    /// What was asked.
    pub(super) request: &'a ToolRequest,
    /// How it ended, for the model.
    pub(super) result: String,
}

impl RenderCache {
    /// The context's messages: those of closed groups, and those of the last one with `closing` after
    /// all else.
    pub(super) fn messages(
        &mut self,
        dialect: &impl Dialect,
        context: &Context,
        closing: Option<&str>,
    ) -> Rendered<'_> {
        let sight = Sight::of(context, dialect.sees(), &self.pictures);
        let slot = fitting(&mut self.slot, dialect.tag(), sight, context);
        let mut begin = slot.items;
        let mut rest = &context.items[begin..];
        while let Some(len) = closed_len(rest) {
            let whole = group(&rest[..len], dialect.tag(), &slot.sight);
            dialect.write(&whole, false, &mut slot.closed);
            begin += len;
            rest = &rest[len..];
        }
        slot.items = begin;
        slot.last = begin.checked_sub(1).map(|at| context.items[at].0);
        let mut open = group(rest, dialect.tag(), &slot.sight);
        open.said.extend(closing.map(Said::from));
        let mut tail = List::default();
        dialect.write(&open, true, &mut tail);
        Rendered {
            closed: slot.closed.as_bytes(),
            tail,
            pictures: &self.pictures,
        }
    }
}

/// The slot, emptied where it is of another model, another past or another sight.
fn fitting<'s>(
    slot: &'s mut Option<Slot>,
    tag: &str,
    sight: Sight,
    context: &Context,
) -> &'s mut Slot {
    let fits = |s: &Slot| {
        let last = s
            .items
            .checked_sub(1)
            .map(|at| context.items.get(at).map(|i| i.0));
        s.tag == tag
            && s.generation == context.generation
            && s.sight == sight
            && last.is_none_or(|id| id == s.last)
    };
    if !slot.as_ref().is_some_and(fits) {
        *slot = None;
    }
    slot.get_or_insert_with(|| Slot {
        tag: tag.to_owned(),
        generation: context.generation,
        sight,
        items: 0,
        last: None,
        closed: List::default(),
    })
}

/// How many items the first group has, where another one follows it.
fn closed_len(items: &[(ItemId, Arc<TranscriptItem>)]) -> Option<usize> {
    let is_answer =
        |(_, item): &(ItemId, Arc<TranscriptItem>)| matches!(**item, TranscriptItem::Answer { .. });
    items.iter().skip(1).position(is_answer).map(|at| at + 1)
}

fn group<'a>(items: &'a [(ItemId, Arc<TranscriptItem>)], tag: &str, sight: &Sight) -> Group<'a> {
    let mut group = Group::default();
    let mut found = Vec::new();
    for (id, item) in items {
        match &**item {
            TranscriptItem::User { text, images, .. } => {
                group.said.push(pictured(*id, text, images, sight));
            }
            TranscriptItem::Note { text } => group.said.push(note(text).into()),
            TranscriptItem::Summary { text, .. } => group.said.push(summary(text).into()),
            TranscriptItem::Answer {
                text,
                tool_calls,
                carried,
                ..
            } => {
                let calls = tool_calls.iter().zip(0..).map(|(request, index)| Call {
                    id: CallRef { item: *id, index },
                    request,
                    result: String::new(),
                });
                group.answer = Some(Answer {
                    text,
                    calls: calls.collect(),
                    carried: carried.as_ref().filter(|c| c.api == tag),
                });
            }
            TranscriptItem::Outcome {
                call,
                tool,
                outcome,
                behind: _,
            } => match slot_of(&mut group, *call).filter(|_| !found.contains(call)) {
                Some(slot) => {
                    slot.result = said_by_tool(outcome);
                    found.push(*call);
                }
                None => group.said.push(late(tool, outcome).into()),
            },
        }
    }
    for call in group.answer.iter_mut().flat_map(|answer| &mut answer.calls) {
        // No provider takes a call without a result; and the model should know what we know.
        if !found.contains(&call.id) {
            call.result = ToolOutcome::Interrupted.to_text();
        }
    }
    group
}

fn slot_of<'g, 'a>(group: &'g mut Group<'a>, id: CallRef) -> Option<&'g mut Call<'a>> {
    group.answer.as_mut()?.calls.iter_mut().find(|c| c.id == id)
}

/// Words with the pictures that are shown; of the others it is said that they were there.
fn pictured<'a>(item: ItemId, text: &'a str, images: &'a [Image], sight: &Sight) -> Said<'a> {
    let mut said = Said::from(text);
    for image in images {
        match sight.unseen(item, image) {
            None => said.pictures.push(image),
            Some(why) => {
                let text = said.text.to_mut();
                text.push('\n');
                text.push_str(match why {
                    Unseen::Blind => "[a picture came with this; you can not see pictures]",
                    Unseen::TooLarge => "[a picture came with this that is too large to be shown]",
                    Unseen::Old => "[a picture came with this that is not shown any more]",
                });
            }
        }
    }
    said
}

fn said_by_tool(outcome: &ToolOutcome) -> String {
    let text = outcome.to_text();
    if text.trim().is_empty() {
        "[no output]".to_owned()
    } else {
        text
    }
}

fn note(text: &str) -> String {
    format!("[Note from the system, not from the user]\n{text}")
}

fn summary(text: &str) -> String {
    format!("[Summary by the system of the conversation so far]\n{text}")
}

fn late(tool: &str, outcome: &ToolOutcome) -> String {
    note(&format!(
        "A result of an earlier {tool} call:\n{}",
        outcome.to_text()
    ))
}

/// The id a call has on the wire: the model's own where every provider would take it.
pub(super) fn wire_id<'a>(call: &Call<'a>, longest: usize) -> Cow<'a, str> {
    let own = call.request.id.as_str();
    let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    if (1..=longest).contains(&own.len()) && own.bytes().all(fits) {
        own.into()
    } else {
        unique_id(call).into()
    }
}

/// An id for a call that no other call of the session has.
pub(super) fn unique_id(call: &Call<'_>) -> String {
    format!("call_{}_{}", call.id.item, call.id.index)
}

/// Everything said in a group, as one text.
pub(super) fn joined<'a>(said: &'a [Said<'_>]) -> Cow<'a, str> {
    match said {
        [one] => Cow::Borrowed(&one.text),
        many => {
            let texts: Vec<&str> = many.iter().map(|one| one.text.as_ref()).collect();
            Cow::Owned(texts.join("\n\n"))
        }
    }
}

#[cfg(test)]
pub(super) mod samples {
    //! Transcripts to render; what every wire must keep to is in `model::tests::wires`.

    use super::*;
    use ipc::id::InputId;
    use ipc::model::Usage;
    use ipc::tool::Capture;
    use proptest::prelude::*;

    /// A model's answer with `calls` calls.
    pub(in super::super) fn answer(text: &str, calls: usize) -> TranscriptItem {
        TranscriptItem::Answer {
            text: text.to_owned(),
            tool_calls: (0..calls)
                .map(|i| ToolRequest {
                    id: format!("call_{i}"),
                    name: "exec".to_owned(),
                    arguments: r#"{"command":"true"}"#.to_owned(),
                })
                .collect(),
            model: "p/m".to_owned(),
            usage: Usage::default(),
            carried: None,
        }
    }

    /// A person's words.
    pub(in super::super) fn user(text: &str) -> TranscriptItem {
        TranscriptItem::User {
            input: InputId(1),
            text: text.to_owned(),
            images: Vec::new(),
        }
    }

    /// A person's words with pictures of these names, of so many bytes each.
    pub(in super::super) fn shows(text: &str, blobs: &[&str], bytes: u64) -> TranscriptItem {
        let image = |blob: &&str| Image {
            blob: (*blob).to_owned(),
            mime: "image/png".to_owned(),
            bytes,
        };
        TranscriptItem::User {
            input: InputId(1),
            text: text.to_owned(),
            images: blobs.iter().map(image).collect(),
        }
    }

    /// How call `index` of item `item` ended.
    pub(in super::super) fn outcome(item: u64, index: u32, text: &str) -> TranscriptItem {
        TranscriptItem::Outcome {
            call: CallRef {
                item: ItemId(item),
                index,
            },
            tool: "exec".to_owned(),
            outcome: ToolOutcome::Exited {
                code: 0,
                output: Capture::whole(text),
            },
            behind: None,
        }
    }

    /// A context of these items, numbered from 1.
    pub(in super::super) fn context(items: Vec<TranscriptItem>) -> Context {
        let numbered = (1..).map(ItemId).zip(items.into_iter().map(Arc::new));
        Context {
            generation: 1,
            items: numbered.collect(),
        }
    }

    /// Any transcript, also ones that should not be: lost outcomes, late ones, answers in a row.
    pub(in super::super) fn any_items() -> impl Strategy<Value = Vec<TranscriptItem>> {
        let item = prop_oneof![
            "[a-z\"\\\\]{0,4}".prop_map(|t| user(&t)),
            ("[a-z]{0,3}", 1u64..5_000_000).prop_map(|(t, bytes)| shows(
                &t,
                &["a.png", "b.png"],
                bytes
            )),
            ("[a-z ]{0,4}", 0usize..3).prop_map(|(t, calls)| answer(&t, calls)),
            (1u64..12, 0u32..3, "[a-z\n]{0,4}").prop_map(|(i, n, t)| outcome(i, n, &t)),
            "[a-z]{0,4}".prop_map(|text| TranscriptItem::Note { text }),
        ];
        proptest::collection::vec(item, 1..14)
    }
}
