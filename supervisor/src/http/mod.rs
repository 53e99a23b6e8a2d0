//! The gateway's pages over HTTP: whether it lives, whether it can work, what it counts.
//!
//! | page | says | who may read it |
//! |---|---|---|
//! | `/health`, `/healthz` | 200 while the gateway lives | anyone who reaches it |
//! | `/ready`, `/readyz` | 200, or 503 with the parts that fail | the same; reasons at home alone |
//! | `/pair/CODE` | who asks to speak to a bot, and a form to decide it | anyone who has the code; decided with a token |
//! | `/metrics` | figures in Prometheus' text form | at home; beyond it with the gateway's token |
//!
//! At home is on loopback, with no `gateway.publicUrl` and no proxy in between. Loopback is no proof
//! of who asks: a browser on this machine is there as well. So a page asked for under another name
//! than this machine's own, or the public one, is refused (DNS rebinding), and none but `/pair` changes
//! anything. Everything is bounded: connections, heads, the time an answer takes. Other parts nest
//! pages of their own into `pages`. Never opens the way to a session: that is the control socket's.

mod serve;
mod pair;
mod guard;
mod ready;
mod metrics;
mod channels;
mod prometheus;

pub(crate) use serve::serve;

use crate::broker::Services;
use crate::channels::Channels;
use crate::router::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::json;
use std::sync::Arc;
use std::time::Instant;

/// What pages are made from.
#[derive(Debug)]
pub(crate) struct Pages {
    pub(crate) services: Arc<Services>,
    pub(crate) router: Arc<Router>,
    pub(crate) channels: Arc<Channels>,
    /// When the gateway started.
    pub(crate) began: Instant,
}

/// All pages there are, to be served by [`serve`].
pub(crate) fn pages(pages: Arc<Pages>) -> axum::Router {
    let door = guard::Door::of(&pages.services.live.load().config.gateway);
    axum::Router::new()
        .route("/health", get(health))
        .route("/healthz", get(health))
        .route("/ready", get(ready))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state((Arc::clone(&pages), door.clone()))
        .merge(pair::pages(pages, &door))
        .layer(axum::middleware::from_fn_with_state(door, guard::check))
}

type Given = State<(Arc<Pages>, guard::Door)>;

async fn health(State((pages, _)): Given) -> Response {
    let uptime = u64::try_from(pages.began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let said = json!({ "ok": true, "status": "live", "uptimeMs": uptime });
    plain((JSON, said.to_string()))
}

async fn ready(State((pages, door)): Given, headers: HeaderMap) -> Response {
    let parts = ready::parts(&pages).await;
    let failing = parts.iter().filter(|part| !part.ok);
    let failing: Vec<_> = failing.map(|part| part.name.as_str()).collect();
    let ready = failing.is_empty();
    let mut said = json!({ "ready": ready, "failing": failing });
    if door.is_at_home(&headers) {
        // Reasons hold paths, and are for whoever is on this machine.
        said["parts"] = json!(parts);
    }
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    plain((status, JSON, said.to_string()))
}

async fn metrics(State((pages, door)): Given, headers: HeaderMap) -> Response {
    if let Err(refused) = door.lets_read(&headers) {
        return plain(refused);
    }
    let text = metrics::page(&pages).await;
    plain(([(header::CONTENT_TYPE, prometheus::CONTENT_TYPE)], text))
}

const JSON: [(header::HeaderName, &str); 1] = [(header::CONTENT_TYPE, "application/json")];

/// What is true now is not to be kept by anyone.
fn plain(page: impl IntoResponse) -> Response {
    ([(header::CACHE_CONTROL, "no-store")], page).into_response()
}
