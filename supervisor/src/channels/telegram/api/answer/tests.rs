//! What Telegram's servers really say, and what is made of it.

use super::*;
use serde_json::json;

fn read(method: &str, status: u16, body: &[u8]) -> Result<Value, ApiError> {
    read_raw(method, status, body).and_then(|raw| value(&raw))
}

fn refused(code: u16, description: &str) -> ApiError {
    let body = json!({"ok": false, "error_code": code, "description": description});
    read("sendMessage", code, body.to_string().as_bytes()).unwrap_err()
}

#[test]
fn a_result_is_given_as_it_came() {
    let body = br#"{"ok":true,"result":{"message_id":7,"new_in_2031":{"a":[1]}},"also":"new"}"#;
    let result = read("sendMessage", 200, body).unwrap();
    assert_eq!(result["message_id"], 7);
    assert_eq!(result["new_in_2031"]["a"][0], 1);
    let plain = read(
        "setWebhook",
        200,
        br#"{"ok":true,"result":true,"description":"Webhook was set"}"#,
    );
    assert_eq!(plain, Ok(Value::Bool(true)));
}

#[test]
fn a_refusal_is_sorted_by_the_words_of_the_server() {
    for (code, description, kind) in [
        (
            400,
            "Bad Request: message is not modified: specified new message content and reply markup are exactly the same as a current content and reply markup of the message",
            Kind::NotModified,
        ),
        (
            400,
            "Bad Request: can't parse entities: Unsupported start tag \"foo\" at byte offset 0",
            Kind::CantParse,
        ),
        (
            400,
            "Bad Request: can't parse entities: Can't find end tag corresponding to start tag \"b\"",
            Kind::CantParse,
        ),
        (
            400,
            "Bad Request: message to edit not found",
            Kind::NoMessage,
        ),
        (
            400,
            "Bad Request: message to delete not found",
            Kind::NoMessage,
        ),
        (400, "Bad Request: MESSAGE_ID_INVALID", Kind::NoMessage),
        (400, "Bad Request: message can't be edited", Kind::CantEdit),
        (
            400,
            "Bad Request: message to be replied not found",
            Kind::NoReply,
        ),
        (400, "Bad Request: message thread not found", Kind::NoThread),
        (400, "Bad Request: TOPIC_CLOSED", Kind::NoThread),
        (400, "Bad Request: message is too long", Kind::TooLong),
        (400, "Bad Request: MEDIA_CAPTION_TOO_LONG", Kind::TooLong),
        (413, "Request Entity Too Large", Kind::TooLong),
        (400, "Bad Request: file is too big", Kind::TooLong),
        (400, "Bad Request: message text is empty", Kind::Empty),
        (400, "Bad Request: text must be non-empty", Kind::Empty),
        (
            400,
            "Bad Request: query is too old and response timeout expired or query ID is invalid",
            Kind::QueryTooOld,
        ),
        (400, "Bad Request: chat not found", Kind::Blocked),
        (400, "Bad Request: PEER_ID_INVALID", Kind::Blocked),
        (
            400,
            "Bad Request: not enough rights to send text messages to the chat",
            Kind::Blocked,
        ),
        (403, "Forbidden: bot was blocked by the user", Kind::Blocked),
        (
            403,
            "Forbidden: bot was kicked from the supergroup chat",
            Kind::Blocked,
        ),
        (403, "Forbidden: user is deactivated", Kind::Blocked),
        (
            403,
            "Forbidden: bot can't initiate conversation with a user",
            Kind::Blocked,
        ),
        (
            403,
            "Forbidden: bot is not a member of the channel chat",
            Kind::Blocked,
        ),
        (404, "Not Found: method not found", Kind::NoMethod),
        (404, "Not Found", Kind::NoMethod),
        (400, "Bad Request: TEXTDRAFT_PEER_INVALID", Kind::NoMethod),
        (400, "Bad Request: BUTTON_DATA_INVALID", Kind::Other),
        (
            400,
            "Bad Request: wrong file identifier/HTTP URL specified",
            Kind::Other,
        ),
    ] {
        let description = description.to_owned();
        let error = refused(code, &description);
        assert_eq!(
            error,
            ApiError::Refused(Refused {
                code,
                description,
                kind
            })
        );
    }
}

#[test]
fn a_group_that_became_another_chat_says_which() {
    let body = json!({"ok": false, "error_code": 400,
        "description": "Bad Request: group chat was upgraded to a supergroup chat",
        "parameters": {"migrate_to_chat_id": -1_001_234_567_890_i64}});
    let error = read("sendMessage", 400, body.to_string().as_bytes()).unwrap_err();
    assert_eq!(error.kind(), Some(&Kind::Migrated(-1_001_234_567_890)));
}

#[test]
fn a_wait_is_read_wherever_it_stands() {
    let of = |body: Value| read("sendMessage", 429, body.to_string().as_bytes()).unwrap_err();
    let after = |seconds| ApiError::TooMany {
        after: Duration::from_secs(seconds),
    };
    let words = "Too Many Requests: retry after 35";
    let both = json!({"ok": false, "error_code": 429, "description": words, "parameters": {"retry_after": 36}});
    assert_eq!(of(both), after(36));
    assert_eq!(
        of(json!({"ok": false, "error_code": 429, "description": words})),
        after(35)
    );
    let none = json!({"ok": false, "error_code": 429, "description": "Too Many Requests"});
    assert_eq!(of(none), after(3));
    assert_eq!(read("sendMessage", 429, b"<html>429</html>"), Err(after(3)));
    let past = json!({"ok": false, "error_code": 429, "description": "", "parameters": {"retry_after": -1}});
    assert_eq!(of(past), after(3));
}

#[test]
fn the_two_conflicts_are_told_apart() {
    let of = |description: &str| {
        let ApiError::Conflict { conflict } = refused(409, description) else {
            panic!("no conflict: {description}");
        };
        conflict
    };
    assert_eq!(
        of(
            "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
        ),
        Conflict::Poller
    );
    assert_eq!(
        of(
            "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
        ),
        Conflict::Webhook
    );
    assert_eq!(
        of("Conflict: terminated by setWebhook request"),
        Conflict::Webhook
    );
}

#[test]
fn a_token_that_is_none_is_told_from_a_method_that_is_none() {
    assert_eq!(refused(401, "Unauthorized"), ApiError::Unauthorized);
    assert_eq!(
        refused(401, "Unauthorized: invalid token specified"),
        ApiError::Unauthorized
    );
    let body = br#"{"ok":false,"error_code":404,"description":"Not Found"}"#;
    assert_eq!(read("getMe", 404, body), Err(ApiError::Unauthorized));
    assert_eq!(read("GetUpdates", 404, body), Err(ApiError::Unauthorized));
    let draft = read("sendMessageDraft", 404, body).unwrap_err();
    assert_eq!(draft.kind(), Some(&Kind::NoMethod));
}

#[test]
fn a_server_out_of_order_may_have_done_what_it_was_asked() {
    let page = b"<html>\r\n<head><title>502 Bad Gateway</title></head></html>";
    for (status, body) in [
        (502, page.as_slice()),
        (504, b"".as_slice()),
        (
            500,
            br#"{"ok":false,"error_code":500,"description":"Internal Server Error"}"#.as_slice(),
        ),
        (
            200,
            b"<html>sign in to the hotel's network</html>".as_slice(),
        ),
        (404, b"nothing here".as_slice()),
        (200, br#"{"ok":true}"#.as_slice()),
    ] {
        let error = read("sendMessage", status, body).unwrap_err();
        assert_eq!(error, ApiError::Server { status });
    }
}

#[test]
fn a_long_description_is_cut() {
    let ApiError::Refused(refused) = refused(400, &"x".repeat(10_000)) else {
        panic!("no refusal");
    };
    assert_eq!(refused.description.chars().count(), MAX_DESCRIPTION);
}

proptest::proptest! {
    #[test]
    fn no_answer_is_too_strange_to_be_read(status in 100..600_u16, body: Vec<u8>) {
        let _ = read("sendMessage", status, &body);
    }
}
