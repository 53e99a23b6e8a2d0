//! Laws of [`super`], with updates of the shape the server sends.

mod speech;
mod context;
mod contents;
mod happenings;
mod hostile;

use super::*;
use serde_json::{Value, json};

const US: Us<'static> = Us {
    account: "default",
    id: 42,
    username: "our_bot",
    media_max: 5 << 20,
};

fn alice() -> Value {
    json!({ "id": 7, "is_bot": false, "first_name": "Alice", "username": "alice" })
}

fn private(fields: Value) -> Value {
    let chat = json!({ "id": 7, "type": "private", "first_name": "Alice", "username": "alice" });
    message(chat, fields)
}

fn group(fields: Value) -> Value {
    let chat = json!({ "id": -1009, "type": "supergroup", "title": "devs", "is_forum": true });
    message(chat, fields)
}

fn message(chat: Value, fields: Value) -> Value {
    let mut message =
        json!({ "message_id": 17, "date": 1_763_000_000, "chat": chat, "from": alice() });
    let fields = fields.as_object().expect("an object").clone();
    message.as_object_mut().unwrap().extend(fields);
    message
}

fn update(key: &str, what: Value) -> String {
    json!({ "update_id": 900, key: what }).to_string()
}

fn happening(message: Value) -> Happening {
    read(&US, &update("message", message)).unwrap()
}

fn incoming(message: Value) -> Incoming {
    let happening = happening(message);
    let Happening::Message(incoming) = happening else {
        panic!("{happening:?}");
    };
    *incoming
}

fn told(message: Value) -> String {
    words(&incoming(message), &[], &[])
}
