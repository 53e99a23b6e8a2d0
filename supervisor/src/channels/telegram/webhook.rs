//! Updates that the server pushes: a listener of our own, and the server told of it. The answer is
//! *yes* when the update is on disk, and not before.

use super::api::ApiError;
use super::backoff::Backoff;
use super::bot::Bot;
use super::glance::glance;
use super::poll::ALLOWED;
use super::{intake, status};
use crate::config::Webhook;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use secrecy::ExposeSecret;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Largest update, in bytes.
const MAX_BODY: usize = 1024 * 1024;

/// Connections of the server at a time; it is told so.
const CONNECTIONS: usize = 40;

/// A connection says its next request within this time, or is closed. The server keeps its own open.
const HEAD_WITHIN: Duration = Duration::from_secs(75);

/// An update comes within this time.
const BODY_WITHIN: Duration = Duration::from_secs(20);

/// A port that is taken is tried again this often.
const TRY_EVERY: Duration = Duration::from_secs(5);

/// What the server shows.
const SECRET: &str = "x-telegram-bot-api-secret-token";

#[derive(Clone)]
struct Door {
    bot: Arc<Bot>,
    secret: [u8; 32],
}

/// Listens, and has the server call, until the token is refused.
pub(super) async fn serve(bot: &Arc<Bot>, webhook: &Webhook) {
    let listener = open(bot, webhook).await;
    let door = Door {
        bot: Arc::clone(bot),
        secret: digest(webhook.secret.expose_secret()),
    };
    let pages = Router::new()
        .route(&webhook.path, post(pushed))
        .with_state(door);
    tokio::select! {
        () = accept(listener, pages) => {}
        () = announce(bot, webhook) => {}
    }
}

/// Opens the port, however long that takes.
async fn open(bot: &Bot, webhook: &Webhook) -> TcpListener {
    loop {
        match TcpListener::bind((webhook.host.as_str(), webhook.port)).await {
            Ok(listener) => {
                let address = listener.local_addr();
                let address = address.map(|at| at.to_string()).unwrap_or_default();
                let bot = &bot.account.id;
                tracing::info!("the webhook of {bot} is listened for on {address}");
                return listener;
            }
            Err(error) => bot
                .board
                .fails(&bot.account.id, &complaint(webhook, &error)),
        }
        tokio::time::sleep(TRY_EVERY).await;
    }
}

fn complaint(webhook: &Webhook, error: &io::Error) -> String {
    let (host, port) = (&webhook.host, webhook.port);
    if error.kind() == io::ErrorKind::AddrInUse {
        return format!(
            "port {port} is in use by another program; stop that, or set \
             channels.telegram.webhookPort to another"
        );
    }
    format!(
        "failed to listen on {host}:{port}: {error}; see channels.telegram.webhookHost and \
         webhookPort"
    )
}

/// Tells the server where to call, however long that takes. Ends only when the token is refused.
async fn announce(bot: &Bot, webhook: &Webhook) {
    let mut backoff = Backoff::new(bot.id.unsigned_abs() ^ status::now_ms().unsigned_abs());
    let place = json!({
        "url": webhook.url.as_str(),
        "secret_token": webhook.secret.expose_secret(),
        "allowed_updates": ALLOWED,
        "max_connections": CONNECTIONS,
        "drop_pending_updates": false,
    });
    loop {
        match bot.api.call_named("setWebhook", &place).await {
            Ok(_) => {
                bot.board.works();
                return std::future::pending().await;
            }
            Err(error @ ApiError::Unauthorized) => {
                return bot.board.stops(&bot.account.id, &error);
            }
            Err(error) => {
                let what = format!("the webhook is not set: {error}");
                bot.board.fails(&bot.account.id, &what);
                match error {
                    ApiError::TooMany { after } => tokio::time::sleep(after).await,
                    ApiError::Conflict { .. }
                    | ApiError::Unauthorized
                    | ApiError::Server { .. }
                    | ApiError::Network { .. }
                    | ApiError::Refused(_) => tokio::time::sleep(backoff.pause()).await,
                }
            }
        }
    }
}

async fn accept(listener: TcpListener, pages: Router) {
    let room = Arc::new(Semaphore::new(CONNECTIONS + 8));
    let mut clients = JoinSet::new();
    loop {
        let Ok(place) = Arc::clone(&room).acquire_owned().await else {
            return;
        };
        let client = match listener.accept().await {
            Ok((client, _)) => client,
            Err(error) => {
                tracing::debug!("a caller of the webhook was not accepted: {error}");
                // Out of descriptors, most likely: others must end first.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        // Those that have ended are let go.
        while clients.try_join_next().is_some() {}
        let pages = pages.clone();
        clients.spawn(async move {
            attend(client, pages).await;
            drop(place);
        });
    }
}

async fn attend(client: TcpStream, pages: Router) {
    let mut server = hyper::server::conn::http1::Builder::new();
    server
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN);
    let served = server.serve_connection(TokioIo::new(client), TowerToHyperService::new(pages));
    if let Err(error) = served.await {
        tracing::debug!("a caller of the webhook left: {error}");
    }
}

/// An update is pushed.
async fn pushed(State(door): State<Door>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    if !door.opens_to(&head.headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    match door.take(body).await {
        Ok(()) => StatusCode::OK.into_response(),
        Err(refused) => refused.into_response(),
    }
}

impl Door {
    /// Takes as long for a wrong secret as for the right one.
    fn opens_to(&self, headers: &HeaderMap) -> bool {
        let shown = headers
            .get(SECRET)
            .map_or(&[][..], |shown| shown.as_bytes());
        digest(shown) == self.secret
    }

    async fn take(&self, body: Body) -> Result<(), StatusCode> {
        let read = tokio::time::timeout(BODY_WITHIN, to_bytes(body, MAX_BODY)).await;
        let body = read.map_err(|_| StatusCode::REQUEST_TIMEOUT)?;
        let body = body.map_err(|_| StatusCode::PAYLOAD_TOO_LARGE)?;
        let text = std::str::from_utf8(&body).map_err(|_| StatusCode::BAD_REQUEST)?;
        let glance = glance(text).ok_or(StatusCode::BAD_REQUEST)?;
        let stored = intake::store(&self.bot, vec![glance]).await;
        if let Err(error) = stored {
            // The server says it again.
            self.bot
                .board
                .fails(&self.bot.account.id, &format!("failed to {error}"));
            return Err(StatusCode::SERVICE_UNAVAILABLE);
        }
        self.bot.board.works();
        Ok(())
    }
}

/// Two of these are compared, so that how long it takes tells nothing of what was compared.
fn digest(secret: impl AsRef<[u8]>) -> [u8; 32] {
    Sha256::digest(secret.as_ref()).into()
}
