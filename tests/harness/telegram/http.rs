//! A client of HTTP, as small as can be: one request a connection.

use std::io;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Sends a request; its status and body. A connection that is lost before the answer is an error.
///
/// # Errors
/// When nobody is there, or what answers is no HTTP.
pub async fn ask(
    address: SocketAddr,
    line: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> io::Result<(u16, Vec<u8>)> {
    let mut stream = TcpStream::connect(address).await?;
    let mut head = format!("{line} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    head += &format!("Content-Length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    let wrong = || io::Error::new(io::ErrorKind::InvalidData, "that is no HTTP");
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
    let body = answer.split_off(end.ok_or_else(wrong)? + 4);
    let head = String::from_utf8_lossy(&answer).to_ascii_lowercase();
    let status = head.split_whitespace().nth(1).and_then(|n| n.parse().ok());
    let status = status.ok_or_else(wrong)?;
    if head.contains("transfer-encoding: chunked") {
        return Ok((status, unchunked(&body).ok_or_else(wrong)?));
    }
    Ok((status, body))
}

fn unchunked(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|two| two == b"\r\n")?;
        let size = std::str::from_utf8(&rest[..end]).ok()?;
        let size = usize::from_str_radix(size.trim(), 16).ok()?;
        rest = &rest[end + 2..];
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(..size)?);
        rest = rest.get(size + 2..)?;
    }
}
