//! The port: requests in, answers out, and what goes wrong on the way.

use super::faults::Fault;
use super::refusal::Refusal;
use super::request::Params;
use super::{Bot, Call, files, methods, updates};
use axum::body::{Body, Bytes};
use axum::http::{Request, Response, StatusCode, Uri, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Instant;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// The largest body: the largest file, and a form around it.
const BODY: usize = files::UP + 1024 * 1024;
/// A page of a server in front of the server.
const PAGE: &str = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n\
    <center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n";

/// The bots by their tokens.
#[derive(Debug, Default)]
pub(super) struct Server {
    bots: Mutex<BTreeMap<String, Bot>>,
}

impl Server {
    pub(super) fn add(&self, bot: Bot) {
        let mut bots = self.bots.lock().unwrap();
        bots.insert(bot.token().to_owned(), bot);
    }

    pub(super) fn bots(&self) -> Vec<Bot> {
        self.bots.lock().unwrap().values().cloned().collect()
    }

    fn bot(&self, token: &str) -> Option<Bot> {
        self.bots.lock().unwrap().get(token).cloned()
    }
}

/// Serves for as long as it is polled.
pub(super) async fn listen(listener: TcpListener, server: Arc<Server>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Ok((stream, _)) = listener.accept() => {
                connections.spawn(serve(stream, Arc::clone(&server)));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(stream: TcpStream, server: Arc<Server>) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let server = Arc::clone(&server);
        async move { answer(&server, request).await }
    });
    // Whoever hangs up has left; so have we, when a fault says so.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

/// The connection is lost, and no answer with it.
#[derive(Debug)]
struct Lost;

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("lost")
    }
}

impl std::error::Error for Lost {}

async fn answer(server: &Server, request: Request<Incoming>) -> Result<Response<Body>, Lost> {
    let (head, body) = request.into_parts();
    let not_found = || refused(&Refusal::new(404, "Not Found"));
    let path = head.uri.path().to_owned();
    let (is_file, rest) = match path.strip_prefix("/file/bot") {
        Some(rest) => (true, Some(rest)),
        None => (false, path.strip_prefix("/bot")),
    };
    let Some((token, what)) = rest.and_then(|rest| rest.split_once('/')) else {
        return Ok(not_found());
    };
    let Some(bot) = server.bot(&token.replace("%3A", ":")) else {
        return Ok(refused(&Refusal::new(401, "Unauthorized")));
    };
    let Ok(body) = axum::body::to_bytes(Body::new(body), BODY).await else {
        return Ok(refused(&Refusal::new(413, "Request Entity Too Large")));
    };
    if is_file {
        return download(&bot, what).await;
    }
    let kind = head.headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    call(&bot, what, &head.uri, kind, &body).await
}

/// Counts a request as open until it is answered or its client has gone.
struct Open<'a>(&'a Bot);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.with(|world| world.busy -= 1);
    }
}

async fn call(
    bot: &Bot,
    method: &str,
    uri: &Uri,
    kind: &str,
    body: &Bytes,
) -> Result<Response<Body>, Lost> {
    let method = methods::spelled(method);
    let read = Params::read(uri, kind, body);
    let params = read.clone().unwrap_or_default();
    let is_poll = method == "getUpdates";
    let (number, fault) = bot.with(|world| {
        let uploads = params.uploads.iter();
        let uploads = uploads.map(|(name, file)| (name.clone(), json!({ "file": file.name })));
        let mut shown = params.values.clone();
        shown.extend(uploads);
        world.calls.push(Call {
            method: method.clone(),
            params: Value::Object(shown),
            at: Instant::now(),
            status: 0,
        });
        world.busy += usize::from(!is_poll);
        (world.calls.len() - 1, world.faults.take(&method))
    });
    let _open = (!is_poll).then(|| Open(bot));
    let chat = params.int("chat_id");
    if let Some(response) = before(bot, fault.as_ref(), chat).await? {
        bot.with(|world| world.calls[number].status = response.status().as_u16());
        return Ok(response);
    }
    let result = match read {
        Err(refusal) => Err(refusal),
        Ok(params) if is_poll => updates::get_updates(bot, &params).await,
        Ok(params) => bot.with(|world| methods::act(world, &method, &params)),
    };
    let response = match &result {
        Ok(result) => json_answer(200, &json!({ "ok": true, "result": result })),
        Err(refusal) => refused(refusal),
    };
    bot.with(|world| {
        world.calls[number].status = response.status().as_u16();
        if let Err(refusal) = &result
            && refusal.is_rude
        {
            let what = format!(
                "{method} {}: {}",
                Value::Object(params.values.clone()),
                refusal.description
            );
            world.manners.complain(what);
        }
    });
    match fault {
        Some(Fault::DropAfter) => {
            bot.with(|world| world.manners.is_shaken = true);
            Err(Lost)
        }
        Some(Fault::SlowAfter(gate)) => {
            bot.with(|world| world.manners.is_shaken = true);
            gate.pass().await;
            Ok(response)
        }
        _ => Ok(response),
    }
}

/// What goes wrong before anything is done.
async fn before(
    bot: &Bot,
    fault: Option<&Fault>,
    chat: Option<i64>,
) -> Result<Option<Response<Body>>, Lost> {
    let refusal = match fault {
        None | Some(Fault::DropAfter | Fault::SlowAfter(_)) => return Ok(None),
        Some(Fault::Slow(gate)) => {
            gate.pass().await;
            return Ok(None);
        }
        Some(Fault::Drop) => return Err(Lost),
        Some(Fault::BadGateway) => return Ok(Some(page())),
        Some(Fault::TooMany(seconds)) => {
            bot.with(|world| world.pace.told(chat, *seconds, Instant::now()));
            Refusal::too_many(*seconds)
        }
        Some(Fault::Conflict) => Refusal::new(
            409,
            "Conflict: terminated by other getUpdates request; \
             make sure that only one bot instance is running",
        ),
        Some(Fault::ConflictWebhook) => Refusal::new(
            409,
            "Conflict: can't use getUpdates method while webhook is active; \
             use deleteWebhook to delete the webhook first",
        ),
        Some(Fault::Unauthorized) => Refusal::new(401, "Unauthorized"),
        Some(Fault::Refused(code, why)) => Refusal::new(*code, why),
    };
    Ok(Some(refused(&refusal)))
}

async fn download(bot: &Bot, path: &str) -> Result<Response<Body>, Lost> {
    let fault = bot.with(|world| world.faults.take("download"));
    if let Some(response) = before(bot, fault.as_ref(), None).await? {
        return Ok(response);
    }
    let found = files::at_path(&bot.lock(), path);
    let Some(bytes) = found else {
        return Ok(refused(&Refusal::new(404, "Not Found")));
    };
    if matches!(fault, Some(Fault::DropAfter)) {
        // Half of it, and then nothing.
        let half = Bytes::copy_from_slice(&bytes[..bytes.len() / 2]);
        let parts = [Ok(half), Err(Lost)];
        let mut response = Response::new(Body::from_stream(futures_util::stream::iter(parts)));
        let length = header::HeaderValue::from(bytes.len());
        response
            .headers_mut()
            .insert(header::CONTENT_LENGTH, length);
        return Ok(response);
    }
    Ok(Response::new(Body::from(bytes)))
}

fn refused(refusal: &Refusal) -> Response<Body> {
    json_answer(refusal.code, &refusal.envelope())
}

fn json_answer(status: u16, value: &Value) -> Response<Body> {
    let mut response = Response::new(Body::from(value.to_string()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    let kind = header::HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

fn page() -> Response<Body> {
    let mut response = Response::new(Body::from(PAGE));
    *response.status_mut() = StatusCode::BAD_GATEWAY;
    let kind = header::HeaderValue::from_static("text/html");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}
