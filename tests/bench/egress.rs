//! What a stream loses by going through the egress proxy instead of directly.

use anyhow::{Context as _, Result, ensure};
use jail::room::Doors;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};
use supervisor::audit::Audit;
use supervisor::config;
use supervisor::egress::{Counts, Egress, EgressPolicy, System};
use tokio::sync::watch;

/// How long each way is measured at once; in turns, so that both meet the same neighbours.
const LONG: Duration = Duration::from_millis(400);
const TURNS: usize = 7;
/// Read and written at once, in bytes.
const PIECE: usize = 256 * 1024;

/// The throughput of one stream through the proxy as a part of a direct one's, both on loopback
/// between two threads; once for each turn.
pub(crate) async fn throughput() -> Result<Vec<f64>> {
    let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let place = server.local_addr()?;
    // Ends with the program.
    std::thread::spawn(move || serve(&server));
    let listen = || -> Result<(TcpListener, SocketAddr)> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let at = listener.local_addr()?;
        Ok((listener, at))
    };
    let ((proxy, at), (http, _), (tls, _)) = (listen()?, listen()?, listen()?);
    let dns = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    dns.set_nonblocking(true)?;
    let config = config::Egress {
        private: vec![place.to_string()],
        ..config::Egress::default()
    };
    let (policy, warnings) = EgressPolicy::new(&config);
    ensure!(warnings.is_empty(), "{warnings:?}");
    let (_policy, policy) = watch::channel(Arc::new(policy));
    let counts = Arc::new(Counts::default());
    let doors = Doors {
        proxy,
        http,
        tls,
        dns,
    };
    let session = ipc::id::SessionKey("agent:main:main".into());
    let resolver = Arc::new(System::new(None));
    let egress = Egress::serve(
        doors,
        policy,
        Arc::clone(&counts),
        resolver,
        Audit::nowhere(),
        session,
    )?;
    let measured = tokio::task::spawn_blocking(move || compare(place, at)).await?;
    drop(egress);
    ensure!(counts.received() > 0, "nothing came through the proxy");
    measured
}

fn compare(server: SocketAddr, proxy: SocketAddr) -> Result<Vec<f64>> {
    let mut parts = Vec::new();
    for _ in 0..TURNS {
        let direct = read(TcpStream::connect(server)?)?;
        let mut through = TcpStream::connect(proxy)?;
        write!(through, "CONNECT {server} HTTP/1.1\r\n\r\n")?;
        let mut yes = [0; 39];
        through.read_exact(&mut yes)?;
        ensure!(
            yes.starts_with(b"HTTP/1.1 200 "),
            "{}",
            String::from_utf8_lossy(&yes)
        );
        parts.push(read(through)? / direct);
    }
    Ok(parts)
}

/// Bytes in a second that come over `stream`.
#[expect(clippy::cast_precision_loss, reason = "a throughput")]
fn read(mut stream: TcpStream) -> Result<f64> {
    let mut buffer = vec![0; PIECE];
    // What is slow at the beginning of a connection is not what is measured.
    let warm = Instant::now();
    while warm.elapsed() < LONG / 4 {
        stream.read_exact(&mut buffer)?;
    }
    let (began, mut bytes) = (Instant::now(), 0_usize);
    while began.elapsed() < LONG {
        stream.read_exact(&mut buffer).context("the stream ended")?;
        bytes += buffer.len();
    }
    Ok(bytes as f64 / began.elapsed().as_secs_f64())
}

/// Sends to whoever connects until they go.
fn serve(server: &TcpListener) {
    let bytes = vec![7; PIECE];
    for stream in server.incoming().flatten() {
        let mut stream = stream;
        while stream.write_all(&bytes).is_ok() {}
    }
}
