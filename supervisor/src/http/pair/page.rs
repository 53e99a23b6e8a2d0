//! What the page says.

use super::Way;
use crate::channels::pairing::Request;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use std::sync::LazyLock;

/// One answer.
pub(super) enum Page {
    /// Who asks, and what may be done about it.
    Ask(Box<Ask>),
    /// It was done.
    Decided {
        /// Let in, or sent away.
        approved: bool,
        /// Whether they own the gateway now.
        owner: bool,
        /// Who.
        request: Box<Request>,
    },
    /// The code or the token is wrong.
    Wrong,
    /// There were too many wrong tries.
    Locked(String),
    /// The form is of another time or browser.
    Stale,
    /// Another page asked for it.
    Elsewhere,
    /// It did not work, for this reason.
    Failed(String),
}

/// Who asks, and how a person shows that they may decide.
pub(super) struct Ask {
    pub(super) request: Request,
    /// What the bot is called.
    pub(super) bot: String,
    /// Whether they would own the gateway.
    pub(super) owns: bool,
    pub(super) way: Way,
    /// The form's own token.
    pub(super) csrf: String,
}

impl Page {
    /// The whole answer.
    pub(super) fn answer(self, status: StatusCode, cookies: &[HeaderValue]) -> Response {
        let (title, body) = self.words();
        let mut answer = (status, Html(document(title, &body))).into_response();
        let headers = answer.headers_mut();
        for (name, value) in GUARDS {
            headers.insert(name, HeaderValue::from_static(value));
        }
        if let Ok(policy) = HeaderValue::from_str(&POLICY) {
            headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        }
        for cookie in cookies {
            headers.append(header::SET_COOKIE, cookie.clone());
        }
        answer
    }

    fn words(self) -> (&'static str, String) {
        match self {
            Self::Ask(ask) => ("Somebody asks to be let in", ask.words()),
            Self::Decided {
                approved,
                owner,
                request,
            } => decided(approved, owner, &request),
            Self::Wrong => (
                "That did not work",
                "<p>The token is not right, or nobody waits under this code: it was used, or is \
                 older than an hour, or was mistyped.</p>\
                 <p><a href=\"\">Try again</a>, or see <code>openclaw pairing list</code> on the \
                 gateway's machine.</p>"
                    .to_owned(),
            ),
            Self::Locked(why) => (
                "Not now",
                format!(
                    "<p>{}.</p><p>On the gateway's machine <code>openclaw pairing list</code> still \
                     works.</p>",
                    sentence(&why)
                ),
            ),
            Self::Stale => (
                "The form has gone stale",
                "<p>Nothing was changed. <a href=\"\">Open the page again</a>; it needs cookies.</p>"
                    .to_owned(),
            ),
            Self::Elsewhere => (
                "Not from there",
                "<p>Nothing was changed: this was asked for by another page.</p>".to_owned(),
            ),
            Self::Failed(why) => ("That did not work", format!("<p>{}</p>", escape(&why))),
        }
    }
}

impl Ask {
    fn words(&self) -> String {
        let Request {
            sender,
            name,
            username,
            ..
        } = &self.request;
        let mut page = format!(
            "<p>Somebody wants to speak to <b><bdi>{}</bdi></b> on Telegram. Anybody can call \
             themselves anything: it is the id that tells who it is.</p>",
            escape(&self.bot)
        );
        page.push_str("<dl>");
        let username = username.as_ref().map(|username| format!("@{username}"));
        let rows = [
            (
                "Name",
                Some(name.clone()).filter(|name| !name.trim().is_empty()),
            ),
            ("Username", username),
            ("User id", Some(sender.clone())),
            ("Asked", Some(asked(self.request.asked_at))),
        ];
        for (what, said) in rows {
            let said = said.map_or_else(|| "none".to_owned(), |said| escape(&said));
            let _ = write!(page, "<dt>{what}</dt><dd><bdi>{said}</bdi></dd>");
        }
        page.push_str("</dl>");
        if self.owns {
            page.push_str(
                "<p class=\"note\">They would be the first, and so the <b>owner</b>: who approves \
                 commands on the gateway's machine and may restart it.</p>",
            );
        }
        page.push_str(&self.form());
        page
    }

    fn form(&self) -> String {
        let token = match self.way {
            Way::Token => {
                "<label for=\"token\">The gateway's token, or that of a paired device</label>\
                 <input id=\"token\" name=\"token\" type=\"password\" required autofocus \
                 autocomplete=\"current-password\" spellcheck=\"false\">"
            }
            Way::Shown | Way::Open => "",
            Way::NoToken => {
                return self.instead(
                    "The gateway has no token, so this page can not tell who you are: set \
                     gateway.auth.token (or OPENCLAW_GATEWAY_TOKEN), or decide on its machine:",
                );
            }
            Way::TooOpen => {
                return self.instead(
                    "The gateway lets anybody in (gateway.auth.mode is none) and can be reached from \
                     elsewhere, so whoever asks could say yes here as well. Decide on its machine:",
                );
            }
        };
        format!(
            "<form method=\"post\">{token}\
             <input type=\"hidden\" name=\"csrf\" value=\"{}\">\
             <div class=\"row\"><button name=\"word\" value=\"approve\">Approve</button>\
             <button name=\"word\" value=\"reject\" class=\"quiet\">Reject</button></div></form>",
            escape(&self.csrf)
        )
    }

    fn instead(&self, why: &str) -> String {
        let code = escape(self.request.code.as_str());
        format!(
            "<p class=\"note\">{}</p><pre>openclaw pairing approve {code}\nopenclaw pairing reject \
             {code}</pre>",
            escape(why)
        )
    }
}

fn decided(approved: bool, owner: bool, request: &Request) -> (&'static str, String) {
    let name = escape(&request.name);
    let name = if name.trim().is_empty() {
        escape(&request.sender)
    } else {
        name
    };
    if !approved {
        let said = "will not be answered. What they wrote is dropped, and they may not ask again \
                    for a day.";
        return (
            "Sent away",
            format!("<p><b><bdi>{name}</bdi></b> {said}</p>"),
        );
    }
    let owns = if owner {
        " They own the gateway now."
    } else {
        ""
    };
    let said = "may speak to the bot, and what they wrote is being answered.";
    let out = format!(
        "<p>To put them out again: <code>openclaw pairing revoke {}</code></p>",
        escape(&request.sender)
    );
    let text = format!("<p><b><bdi>{name}</bdi></b> {said}{owns}</p>{out}");
    ("They are in", text)
}

/// `2026-11-22 20:15 UTC, 3 minutes ago`.
fn asked(at: i64) -> String {
    let at = jiff::Timestamp::from_millisecond(at).unwrap_or_default();
    let since = jiff::Timestamp::now().duration_since(at);
    let ago = match since.as_mins() {
        ..=0 => "just now".to_owned(),
        1 => "a minute ago".to_owned(),
        minutes => format!("{minutes} minutes ago"),
    };
    format!("{} UTC, {ago}", at.strftime("%Y-%m-%d %H:%M"))
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters
        .next()
        .map(|letter| letter.to_uppercase().to_string());
    escape(&format!(
        "{}{}",
        first.unwrap_or_default(),
        letters.as_str()
    ))
}

/// Text as a page may hold it, anywhere: without what is not seen, or turns other text around.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars().filter(|letter| !is_hidden(*letter)) {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            letter => escaped.push(letter),
        }
    }
    escaped
}

fn is_hidden(letter: char) -> bool {
    let turns = matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
    letter.is_control() || turns
}

fn document(title: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"robots\" content=\"noindex\"><title>{title} · OpenClaw</title>\
         <style>{STYLE}</style></head>\
         <body><main><h1>{title}</h1>{body}</main></body></html>"
    )
}

const STYLE: &str = include_str!("style.css");

/// Nothing is loaded, nothing runs, nothing is sent elsewhere, and nobody frames it.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let style = STANDARD.encode(Sha256::digest(STYLE));
    format!(
        "default-src 'none'; style-src 'sha256-{style}'; form-action 'self'; base-uri 'none'; \
         frame-ancestors 'none'"
    )
});

const GUARDS: [(HeaderName, &str); 6] = [
    (header::CACHE_CONTROL, "no-store"),
    // No other page is told; our own form is to come with its origin, which it would not without.
    (header::REFERRER_POLICY, "same-origin"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_stranger_calls_themselves_is_text_and_nothing_else() {
        let hostile = "<script>alert(1)</script>\"'&\u{202e}\u{0}\n";
        assert_eq!(
            escape(hostile),
            "&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;"
        );
    }

    #[test]
    fn the_policy_names_the_style_that_is_sent() {
        let page = document("x", "y");
        let sent = page.split_once("<style>").unwrap().1;
        let sent = sent.split_once("</style>").unwrap().0;
        let hash = STANDARD.encode(Sha256::digest(sent));
        assert!(POLICY.contains(&format!("'sha256-{hash}'")));
        assert!(!POLICY.contains("unsafe") && !POLICY.contains("script-src"));
    }
}
