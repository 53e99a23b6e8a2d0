//! Taps on buttons, and what came of them.

use super::refusal::Refusal;
use super::request::Params;
use super::world::World;
use serde_json::{Value, json};

const LONGEST: usize = 200;

/// What a person is shown after a tap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The words; empty for none.
    pub text: String,
    /// Whether they have to be confirmed.
    pub alert: bool,
}

/// A tap.
#[derive(Debug, Clone, Default)]
pub(super) struct Query {
    pub(super) answered: Option<Answered>,
    update: i64,
}

/// Somebody taps a button of a message; the query's id.
pub(super) fn tap(world: &mut World, person: i64, chat: i64, message: i32, data: &str) -> String {
    let id = format!("{}{:06}", 4_000_000_000_i64, world.fresh());
    let query = json!({
        "id": id, "from": world.users[&person].json(), "chat_instance": format!("{chat}"),
        "message": world.message_json(chat, message), "data": data,
    });
    let update = world.updates.push("callback_query", query).unwrap_or(0);
    world.queries.insert(
        id.clone(),
        Query {
            answered: None,
            update,
        },
    );
    id
}

/// `answerCallbackQuery`.
pub(super) fn answer(world: &mut World, params: &Params) -> Result<Value, Refusal> {
    let id = params.text("callback_query_id").unwrap_or_default();
    let text = params.text("text").unwrap_or_default();
    if text.encode_utf16().count() > LONGEST {
        return Err(Refusal::rude("MESSAGE_TOO_LONG"));
    }
    let why = "query is too old and response timeout expired or query ID is invalid";
    let query = world
        .queries
        .get_mut(&id)
        .ok_or_else(|| Refusal::bad(why))?;
    let alert = params.flag("show_alert");
    query.answered.get_or_insert(Answered { text, alert });
    Ok(json!(true))
}

/// Whoever has taken a tap answers it: the button spins until then.
pub(super) fn complain_of_unanswered(world: &mut World) {
    let taken = |query: &Query| {
        let mut queue = world.updates.queue.iter();
        query.update != 0 && !queue.any(|update| update.id == query.update)
    };
    let open = world.queries.iter();
    let open = open.filter(|(_, query)| query.answered.is_none() && taken(query));
    let open: Vec<_> = open.map(|(id, _)| id.clone()).collect();
    for id in open {
        world.queries.remove(&id);
        let what = format!("the tap {id} is not answered");
        world.manners.complain_unless_shaken(what);
    }
}
