//! The page where a person says who may speak to a bot: `/pair/CODE`.
//!
//! | asked with | answer |
//! |---|---|
//! | `GET`, a good code | who asks, and a form; nothing is changed |
//! | `POST` from our own form, a good code, a right token | let in, or sent away |
//! | a wrong code or a wrong token | the same words for both, after the same work |
//!
//! The page has no script. Whoever opens it shows the gateway's token, or that of a paired device
//! that may pair; a cookie remembers it for a quarter of an hour. The form carries a token of its
//! own that belongs to the browser and the code, and what is posted from any other page is refused
//! (`Origin`). Without any token this page decides nothing: a stranger has the link as well.

mod browser;
mod keys;
mod origin;
mod page;

use super::Pages;
use super::guard::Door;
use super::serve::Peer;
use crate::channels::pairing::{Code, Desk, Request, Source, WordError};
use axum::extract::{DefaultBodyLimit, Extension, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use axum::routing::get;
use browser::{Browsers, DOOR, FORM, cookie};
use keys::{Holder, Keys};
use origin::Site;
use page::{Ask, Page};
use std::net::IpAddr;
use std::sync::Arc;

/// The most that a form may say, in bytes.
const FORM_BYTES: usize = 4096;

/// What the page works with.
struct Desktop {
    pages: Arc<Pages>,
    door: Door,
    site: Site,
    keys: Keys,
    browsers: Browsers,
}

type Given = State<Arc<Desktop>>;

/// The page, also under the path of `gateway.publicUrl`.
pub(super) fn pages(pages: Arc<Pages>, door: &Door) -> axum::Router {
    let config = Arc::clone(&pages.services.live.load().config);
    let site = Site::of(&config.gateway);
    let prefix = site.prefix().to_owned();
    let desktop = Desktop {
        keys: Keys::of(&config),
        browsers: Browsers::default(),
        door: door.clone(),
        site,
        pages,
    };
    let decided = || get(show).post(decide);
    let mut router = axum::Router::new().route("/pair/{code}", decided());
    // Such a path is none to a router, and no proxy has it.
    let is_odd = prefix.split('/').any(|part| part.starts_with(['*', ':']));
    if !prefix.is_empty() && !is_odd {
        router = router.route(&format!("{prefix}/pair/{{code}}"), decided());
    }
    router
        .with_state(Arc::new(desktop))
        .layer(DefaultBodyLimit::max(FORM_BYTES))
}

/// Shows who asks. Changes nothing, but that a wrong code counts as a try.
async fn show(
    State(desktop): Given,
    Extension(Peer(ip)): Extension<Peer>,
    Path(typed): Path<String>,
    headers: HeaderMap,
) -> Response {
    if !origin::is_for_a_person(&headers) {
        return Page::Elsewhere.answer(StatusCode::FORBIDDEN, &[]);
    }
    let source = Source::Page(ip);
    let Some(code) = Code::parse(&typed) else {
        return desktop.unknown(source);
    };
    let desk = Arc::clone(desktop.pages.channels.pairing());
    let found = {
        let (desk, code) = (Arc::clone(&desk), code.clone());
        in_background(move || desk.hears(source).and_then(|()| Ok(desk.whose(&code)?))).await
    };
    let request = match found {
        Ok(Some(request)) => request,
        Ok(None) => return desktop.unknown(source),
        Err(error) => return failed(&error),
    };
    let id = match cookie(&headers, FORM).filter(|id| browser::is_id(id)) {
        Some(id) => id.to_owned(),
        None => match browser::new_id() {
            Ok(id) => id,
            Err(error) => return Page::Failed(error.to_string()).answer(SORRY, &[]),
        },
    };
    let holds = cookie(&headers, DOOR).and_then(|id| desktop.browsers.holder(id));
    let ask = Ask {
        csrf: desktop.browsers.csrf(&id, code.as_str()),
        bot: desktop.bot(&request).await,
        owns: desk.would_own(&request.account, &request.sender),
        way: desktop.way(ip, &headers).after(holds.is_some()),
        request,
    };
    let set = browser::set_cookie(FORM, &id, desktop.site.is_secure(&headers));
    Page::Ask(Box::new(ask)).answer(StatusCode::OK, &[set])
}

/// Does what a person decided.
async fn decide(
    State(desktop): Given,
    Extension(Peer(ip)): Extension<Peer>,
    Path(typed): Path<String>,
    headers: HeaderMap,
    body: axum::body::Bytes,
) -> Response {
    if !desktop.site.sent(&headers) {
        return Page::Elsewhere.answer(StatusCode::FORBIDDEN, &[]);
    }
    let Some(form) = Form::read(&headers, &body) else {
        return Page::Stale.answer(StatusCode::BAD_REQUEST, &[]);
    };
    let id = cookie(&headers, FORM).unwrap_or_default();
    let code = Code::parse(&typed);
    let name = code.as_ref().map_or(typed.as_str(), Code::as_str);
    if !desktop.browsers.is_csrf(id, name, &form.csrf) {
        return Page::Stale.answer(StatusCode::FORBIDDEN, &[]);
    }
    let known = cookie(&headers, DOOR).and_then(|id| desktop.browsers.holder(id));
    let open = matches!(desktop.way(ip, &headers), Way::Open)
        .then(|| Holder("nobody in particular".into()));
    let (keys, token, source) = (desktop.keys.clone(), form.token, Source::Page(ip));
    let desk = Arc::clone(desktop.pages.channels.pairing());
    let decided = in_background(move || {
        desk.hears(source)?;
        // Both are looked for whatever the other one is: the time tells nothing.
        let shown = keys.holder(&token);
        let code = code.unwrap_or_else(Code::nobody_s);
        let found = desk.whose(&code)?;
        let (Some(holder), Some(request)) = (known.or(open).or(shown), found) else {
            desk.wrong(source);
            return Err(WordError::Unknown);
        };
        let owner = word(
            &desk,
            &request,
            form.approves,
            &format!("page from {ip}, {}", holder.0),
        )?;
        Ok((request, holder, owner))
    });
    let (request, holder, owner) = match decided.await {
        Ok(decided) => decided,
        Err(error) => return failed(&error),
    };
    let secure = desktop.site.is_secure(&headers);
    let set = desktop.browsers.let_in(holder).ok();
    let set = set.map(|id| browser::set_cookie(DOOR, &id, secure));
    let page = Page::Decided {
        approved: form.approves,
        owner,
        request: Box::new(request),
    };
    page.answer(StatusCode::OK, set.as_slice())
}

/// Whether they own the gateway now.
fn word(desk: &Desk, request: &Request, approves: bool, by: &str) -> Result<bool, WordError> {
    if approves {
        return desk.approve(request, by);
    }
    desk.reject(request, by).map(|()| false)
}

/// What a browser sent back.
struct Form {
    token: String,
    csrf: String,
    approves: bool,
}

impl Form {
    fn read(headers: &HeaderMap, body: &[u8]) -> Option<Self> {
        let kind = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
        let kind = kind.split(';').next()?.trim();
        if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return None;
        }
        let body = std::str::from_utf8(body).ok()?;
        let read = reqwest::Url::parse(&format!("http://form/?{body}")).ok()?;
        let field = |name: &str| {
            let mut fields = read.query_pairs().filter(|(key, _)| key == name);
            let first = fields.next().map(|(_, value)| value.into_owned());
            // Said twice, nobody knows which is meant.
            first.filter(|_| fields.next().is_none())
        };
        Some(Self {
            token: field("token").unwrap_or_default(),
            csrf: field("csrf")?,
            approves: match field("word")?.as_str() {
                "approve" => true,
                "reject" => false,
                _ => return None,
            },
        })
    }
}

/// How a person shows that they may decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// They did, not long ago.
    Shown,
    /// By a token.
    Token,
    /// They need not: the gateway is open, and only this machine reaches it.
    Open,
    /// Not at all: there is no token.
    NoToken,
    /// Not at all: the gateway is open, and strangers may reach this page.
    TooOpen,
}

impl Way {
    fn after(self, shown: bool) -> Self {
        if shown && self == Self::Token {
            Self::Shown
        } else {
            self
        }
    }
}

impl Desktop {
    fn way(&self, ip: IpAddr, headers: &HeaderMap) -> Way {
        if self.keys.is_open() {
            let ours = ip.is_loopback() && self.door.is_at_home(headers);
            return if ours { Way::Open } else { Way::TooOpen };
        }
        if self.keys.any() {
            Way::Token
        } else {
            Way::NoToken
        }
    }

    fn unknown(&self, source: Source) -> Response {
        let desk = self.pages.channels.pairing();
        if let Err(error) = desk.hears(source) {
            return failed(&error);
        }
        desk.wrong(source);
        failed(&WordError::Unknown)
    }

    /// What the bot is called.
    async fn bot(&self, request: &Request) -> String {
        let all = self.pages.channels.status(false).await;
        let found = all.into_iter().find(|one| one.account == request.account);
        let name = found.map(|one| one.name).filter(|name| !name.is_empty());
        name.unwrap_or_else(|| format!("the account {}", request.account))
    }
}

const SORRY: StatusCode = StatusCode::SERVICE_UNAVAILABLE;

fn failed(error: &WordError) -> Response {
    match error {
        WordError::Unknown | WordError::NotPaired(_) => {
            Page::Wrong.answer(StatusCode::NOT_FOUND, &[])
        }
        WordError::Locked(_) => {
            Page::Locked(error.to_string()).answer(StatusCode::TOO_MANY_REQUESTS, &[])
        }
        WordError::Store(_) => {
            tracing::error!("{error}");
            let text = "Who asks could not be read; the gateway's log says why.".to_owned();
            Page::Failed(text).answer(SORRY, &[])
        }
    }
}

/// The desk reads and writes the disk.
async fn in_background<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, WordError> + Send + 'static,
) -> Result<T, WordError> {
    let worked = tokio::task::spawn_blocking(work).await;
    worked.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}
