use super::*;
use tokio::net::UdpSocket;

/// Asks the session's own DNS.
async fn ask(session: &Session, name: &str, kind: u8) -> Vec<u8> {
    let mut message = vec![0xab, 0xcd, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        message.push(label.len() as u8);
        message.extend_from_slice(label.as_bytes());
    }
    message.extend_from_slice(&[0, 0, kind, 0, 1]);
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.send_to(&message, session.dns).await.unwrap();
    let mut answer = vec![0; 512];
    let length = socket.recv(&mut answer).await.unwrap();
    answer.truncate(length);
    answer
}

/// The made-up address of a name.
async fn address(session: &Session, name: &str) -> Ipv4Addr {
    let answer = ask(session, name, 1).await;
    assert_eq!((answer[3] & 0xf, answer[7]), (0, 1), "{name}: {answer:?}");
    let octets: [u8; 4] = answer[answer.len() - 4..].try_into().unwrap();
    octets.into()
}

#[tokio::test]
async fn names_have_addresses_that_are_made_up_and_nobody_is_asked() {
    let session = Session::start(site, |config| config.deny = vec!["*.evil.example".into()]).await;
    let one = address(&session, "one.example").await;
    let two = address(&session, "two.example").await;
    assert_eq!(
        (one, two),
        (Ipv4Addr::new(127, 64, 0, 2), Ipv4Addr::new(127, 64, 0, 3))
    );
    assert_eq!(address(&session, "ONE.example").await, one);
    assert_eq!(address(&session, "localhost").await, Ipv4Addr::LOCALHOST);
    // IPv6, HTTPS and TXT: the name is there, and has none.
    for kind in [28, 65, 16] {
        let answer = ask(&session, "one.example", kind).await;
        assert_eq!((answer[3] & 0xf, answer[7]), (0, 0));
    }
    let secret = "mfzwiztboq.evil.example";
    for kind in [28, 1, 1] {
        assert_eq!(ask(&session, secret, kind).await[3] & 0xf, 3);
    }
    assert_eq!(session.counts.take_denials(), [secret]);
    assert_eq!(session.names.looks(), 0);
}

#[tokio::test]
async fn a_captured_request_goes_where_its_name_leads() {
    let session = Session::start(site, |_| {}).await;
    let place = format!("site.example:{}", session.server);
    let made_up = address(&session, "site.example").await;
    let connect = || TcpStream::connect((made_up, session.http));
    let request = format!("GET /x HTTP/1.1\r\nHost: {place}\r\n\r\n");
    let answer = converse(connect().await.unwrap(), request.as_bytes()).await;
    assert!(answer.ends_with("hello"), "{answer}");
    assert_eq!(
        session.heard(),
        [format!(
            "GET /x HTTP/1.1\r\nHost: {place}\r\nConnection: close\r\n\r\n"
        )]
    );
    // A Host that is not the one looked up.
    let answer = converse(
        connect().await.unwrap(),
        b"GET / HTTP/1.1\r\nHost: other.example\r\n\r\n",
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 421 "), "{answer}");
    // An address nobody was given.
    let nobody = TcpStream::connect((Ipv4Addr::LOCALHOST, session.http))
        .await
        .unwrap();
    let answer = converse(nobody, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert!(
        answer.starts_with("HTTP/1.1 502 Nobody listens here\r\n"),
        "{answer}"
    );
    assert_eq!(session.heard().len(), 1);
}

#[tokio::test]
async fn a_captured_request_that_is_denied_says_so() {
    let session = Session::start(site, |_| {}).await;
    session.names.set("inside.example", &[&["192.168.0.1"]]);
    let made_up = address(&session, "inside.example").await;
    let stream = TcpStream::connect((made_up, session.http)).await.unwrap();
    let request = format!(
        "GET / HTTP/1.1\r\nHost: inside.example:{}\r\n\r\n",
        session.server
    );
    let answer = converse(stream, request.as_bytes()).await;
    assert!(
        answer
            .contains("\r\n\r\ndenied by egress policy: inside.example (it leads to 192.168.0.1, "),
        "{answer}"
    );
    let stream = TcpStream::connect((made_up, session.tls)).await.unwrap();
    let mut answer = Vec::new();
    let mut stream = stream;
    stream.write_all(&[22, 3, 1, 0, 1, 1]).await.unwrap();
    stream.read_to_end(&mut answer).await.unwrap();
    assert_eq!(
        answer,
        [21, 3, 3, 0, 2, 2, 49],
        "access denied, as TLS says it"
    );
    assert_eq!(session.counts.denied(), 2);
    assert_eq!(session.counts.take_denials(), ["inside.example"]);
}

#[tokio::test]
async fn captured_tls_is_passed_on_as_it_is() {
    let session = Session::start(echo, |_| {}).await;
    let made_up = address(&session, "site.example").await;
    let mut stream = TcpStream::connect((made_up, session.tls)).await.unwrap();
    stream.write_all(b"\x16\x03\x01 anything").await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert_eq!(answer, b"\x16\x03\x01 anything");
    // An address nobody was given is closed.
    let mut nobody = TcpStream::connect((Ipv4Addr::LOCALHOST, session.tls))
        .await
        .unwrap();
    assert_eq!(nobody.read_to_end(&mut answer).await.unwrap_or(0), 0);
}

#[tokio::test]
async fn a_made_up_address_means_its_name_at_the_proxy_too() {
    let session = Session::start(echo, |_| {}).await;
    let made_up = address(&session, "site.example").await;
    let mut stream = session.connect().await;
    // SOCKS5 with the program's own resolver: curl's socks5, not socks5h.
    let request = [
        &[5, 1, 0, 5, 1, 0, 1][..],
        &made_up.octets(),
        &session.server.to_be_bytes(),
    ]
    .concat();
    stream.write_all(&request).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert_eq!(answer[..4], [5, 0, 5, 0]);
    assert_eq!(
        session.counts.destinations(1)[0].host,
        format!("site.example:{}", session.server)
    );
}
