//! The doors as programs find them: real sockets on both sides.

mod proxied;
mod captured;
mod bounds;

use super::counts::Counts;
use super::doors::Door;
use super::gate::Gate;
use super::name::Name;
use super::pool::Pool;
use super::record::Record;
use super::resolve::{Resolve, Resolving, Unresolved};
use super::{Egress, EgressPolicy};
use crate::audit::Audit;
use crate::config::Egress as Config;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Names that lead where a test says; each look takes the next answer, and the last one stays.
#[derive(Debug, Default)]
struct Names {
    answers: Mutex<HashMap<Name, Vec<Vec<IpAddr>>>>,
    looks: Mutex<usize>,
}

impl Names {
    fn set(&self, name: &str, answers: &[&[&str]]) {
        let read = |answer: &&[&str]| answer.iter().map(|text| text.parse().unwrap()).collect();
        let answers = answers.iter().map(read).collect();
        self.answers
            .lock()
            .unwrap()
            .insert(Name::parse(name).unwrap(), answers);
    }

    fn looks(&self) -> usize {
        *self.looks.lock().unwrap()
    }
}

impl Resolve for Names {
    fn resolve<'a>(&'a self, name: &'a Name) -> Resolving<'a> {
        *self.looks.lock().unwrap() += 1;
        let mut all = self.answers.lock().unwrap();
        let answer = all.get_mut(name).map(|answers| {
            if answers.len() > 1 {
                answers.remove(0)
            } else {
                answers[0].clone()
            }
        });
        Box::pin(async move { answer.ok_or(Unresolved::NotFound("none".into())) })
    }
}

/// A session's way out with all its doors on this machine, and one server in the world.
struct Session {
    egress: Option<Egress>,
    counts: Arc<Counts>,
    names: Arc<Names>,
    policy: watch::Sender<Arc<EgressPolicy>>,
    proxy: SocketAddr,
    http: u16,
    tls: u16,
    dns: SocketAddr,
    /// Where the server is: `site.example` leads there.
    server: u16,
    heard: Arc<Mutex<Vec<String>>>,
    _server: JoinSet<()>,
}

/// Of made-up addresses that are this machine's without further ado.
const POOL: Ipv4Addr = Ipv4Addr::new(127, 64, 0, 0);

impl Session {
    /// With what `server` does to each connection; the server's place is named as private.
    async fn start<F>(
        server: fn(TcpStream, Arc<Mutex<Vec<String>>>) -> F,
        change: impl FnOnce(&mut Config),
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::default();
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, server, Arc::clone(&heard)));
        let mut config = Config {
            private: vec![format!("127.0.0.1:{port}")],
            ..Config::default()
        };
        change(&mut config);
        let (policy, warnings) = EgressPolicy::new(&config);
        assert_eq!(warnings, Vec::<String>::new());
        let (policy, of_policy) = watch::channel(Arc::new(policy));
        let names = Arc::new(Names::default());
        names.set("site.example", &[&["127.0.0.1"]]);
        let counts = Arc::new(Counts::default());
        let record = Record::new(
            Arc::clone(&counts),
            Audit::nowhere(),
            ipc::id::SessionKey("agent:main:main".into()),
        );
        let gate = Gate::new(
            of_policy,
            Arc::clone(&counts),
            record,
            Arc::clone(&names) as Arc<dyn Resolve>,
            Pool::new(POOL, 10),
        );
        let door = || {
            let door = std::net::TcpListener::bind("0.0.0.0:0").unwrap();
            door.set_nonblocking(true).unwrap();
            let port = door.local_addr().unwrap().port();
            (door, port)
        };
        let ((proxy, proxy_port), (http, http_port), (tls, tls_port)) = (door(), door(), door());
        let dns = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        dns.set_nonblocking(true).unwrap();
        let dns_at = dns.local_addr().unwrap();
        let doors = [
            (proxy, Door::Proxy),
            (http, Door::Http { port }),
            (tls, Door::Tls { port }),
        ];
        Self {
            egress: Some(Egress::answer(doors, dns, &Arc::new(gate)).unwrap()),
            counts,
            names,
            policy,
            proxy: SocketAddr::from((Ipv4Addr::LOCALHOST, proxy_port)),
            http: http_port,
            tls: tls_port,
            dns: dns_at,
            server: port,
            heard,
            _server: tasks,
        }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.proxy).await.unwrap()
    }

    /// Says something at the proxy's door, and hears all of the answer.
    async fn say(&self, words: impl AsRef<[u8]>) -> String {
        converse(self.connect().await, words.as_ref()).await
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

async fn accept<F>(
    listener: TcpListener,
    server: fn(TcpStream, Arc<Mutex<Vec<String>>>) -> F,
    heard: Arc<Mutex<Vec<String>>>,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(server(stream, Arc::clone(&heard)));
    }
}

/// Says something and hears the answer to its end.
async fn converse(mut stream: TcpStream, words: &[u8]) -> String {
    stream.write_all(words).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

/// Gives back what it is given.
async fn echo(mut stream: TcpStream, _: Arc<Mutex<Vec<String>>>) {
    let (mut read, mut write) = stream.split();
    let _ = tokio::io::copy(&mut read, &mut write).await;
}

/// Hears a request's head and body, writes both down, and answers.
async fn site(mut stream: TcpStream, heard: Arc<Mutex<Vec<String>>>) {
    let mut said = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&said).into_owned();
        let whole = text.split_once("\r\n\r\n").is_some_and(|(head, body)| {
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("Content-Length: "));
            let chunked = head.contains("chunked");
            (chunked && body.ends_with("0\r\n\r\n"))
                || (!chunked && body.len() >= length.map_or(0, |length| length.parse().unwrap()))
        });
        if whole {
            heard.lock().unwrap().push(text);
            break;
        }
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(read) => said.extend_from_slice(&buffer[..read]),
        }
    }
    let _ = stream
        .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
        .await;
    let _ = stream.shutdown().await;
}
