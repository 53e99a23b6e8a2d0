//! Inline keyboards.

use super::refusal::Refusal;
use super::request::Params;
use serde_json::{Value, json};

/// What a tap says, in bytes.
const DATA: std::ops::RangeInclusive<usize> = 1..=64;
const BUTTONS: usize = 100;

/// Buttons below a message.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Keyboard {
    rows: Vec<Vec<Value>>,
}

impl Keyboard {
    /// The keyboard of a request; none when it has none, or one without buttons.
    pub(super) fn read(params: &Params) -> Result<Option<Self>, Refusal> {
        let Some(markup) = params.json("reply_markup")? else {
            return Ok(None);
        };
        // Keyboards in the place of the letters are nothing that stays with a message.
        let Some(rows) = markup["inline_keyboard"].as_array() else {
            return Ok(None);
        };
        let row = |row: &Value| row.as_array().cloned().unwrap_or_default();
        let rows: Vec<Vec<Value>> = rows.iter().map(row).filter(|row| !row.is_empty()).collect();
        rows.iter().flatten().try_for_each(check)?;
        if rows.iter().flatten().count() > BUTTONS {
            return Err(Refusal::rude("reply markup is too long"));
        }
        Ok((!rows.is_empty()).then_some(Self { rows }))
    }

    pub(super) fn json(&self) -> Value {
        json!({ "inline_keyboard": self.rows })
    }

    /// What is on each button, and what it says or where it leads.
    pub(super) fn labels(&self) -> Vec<Vec<(String, String)>> {
        let label = |button: &Value| {
            let text = |name: &str| button[name].as_str().map(str::to_owned);
            let leads = text("callback_data").or_else(|| text("url"));
            (text("text").unwrap_or_default(), leads.unwrap_or_default())
        };
        let row = |row: &Vec<Value>| row.iter().map(label).collect();
        self.rows.iter().map(row).collect()
    }
}

fn check(button: &Value) -> Result<(), Refusal> {
    if button["text"]
        .as_str()
        .unwrap_or_default()
        .trim()
        .is_empty()
    {
        return Err(Refusal::rude("text is empty"));
    }
    let does = [
        "callback_data",
        "url",
        "web_app",
        "login_url",
        "switch_inline_query",
        "switch_inline_query_current_chat",
        "copy_text",
    ];
    let has = |name: &&&str| button.get(**name).is_some();
    if does.iter().filter(has).count() != 1 {
        return Err(Refusal::rude(
            "Text buttons are unallowed in the inline keyboard",
        ));
    }
    match button.get("callback_data").map(Value::as_str) {
        Some(Some(data)) if DATA.contains(&data.len()) => Ok(()),
        Some(_) => Err(Refusal::rude("BUTTON_DATA_INVALID")),
        None => Ok(()),
    }
}
