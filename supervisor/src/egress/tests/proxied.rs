use super::*;

fn connect_to(to: &str) -> String {
    format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n\r\n")
}

#[tokio::test]
async fn a_tunnel_carries_what_it_is_given_and_both_ends() {
    let session = Session::start(echo, |_| {}).await;
    let mut stream = session.connect().await;
    let request = connect_to(&format!("Site.Example.:{}", session.server));
    // Some do not wait for the answer.
    stream
        .write_all(format!("{request}early ").as_bytes())
        .await
        .unwrap();
    stream.write_all(b"late").await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert_eq!(
        answer,
        "HTTP/1.1 200 Connection established\r\n\r\nearly late"
    );
    assert_eq!(
        (
            session.counts.sent(),
            session.counts.received(),
            session.counts.connections()
        ),
        (10, 10, 1)
    );
    let places = session.counts.destinations(9);
    assert_eq!(places[0].host, format!("site.example:{}", session.server));
    assert_eq!(
        (places.len(), places[0].bytes, places[0].connections),
        (1, 20, 1)
    );
}

#[tokio::test]
async fn much_is_carried_unharmed() {
    let session = Session::start(echo, |_| {}).await;
    let mut stream = session.connect().await;
    let request = connect_to(&format!("site.example:{}", session.server));
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut yes = [0; 39];
    stream.read_exact(&mut yes).await.unwrap();
    let sent: Vec<u8> = (0..8_000_000_u32)
        .flat_map(|n| (n.wrapping_mul(2_654_435_761) >> 13).to_le_bytes())
        .take(9_000_001)
        .collect();
    let (mut read, mut write) = stream.split();
    let mut received = Vec::new();
    let (_, ended) = tokio::join!(
        async {
            write.write_all(&sent).await.unwrap();
            write.shutdown().await.unwrap();
        },
        read.read_to_end(&mut received),
    );
    ended.unwrap();
    assert!(received == sent, "{} of {}", received.len(), sent.len());
    assert_eq!(session.counts.received(), sent.len() as u64);
}

#[tokio::test]
async fn a_denial_is_readable_counted_and_told() {
    let session = Session::start(echo, |config| config.deny = vec!["evil.example".into()]).await;
    session.names.set("inside.example", &[&["10.0.0.1"]]);
    for (request, host) in [
        (connect_to("evil.example:443"), "evil.example"),
        (connect_to("169.254.169.254:80"), "169.254.169.254"),
        (connect_to("[::ffff:127.0.0.1]:443"), "[::ffff:127.0.0.1]"),
        (connect_to("inside.example:443"), "inside.example"),
        (
            "GET http://evil.example/ HTTP/1.1\r\n\r\n".to_owned(),
            "evil.example",
        ),
        (
            "GET http://127.0.0.1/ HTTP/1.1\r\n\r\n".to_owned(),
            "127.0.0.1",
        ),
    ] {
        let answer = session.say(&request).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 403 Denied by egress policy: {host}\r\n")),
            "{answer}"
        );
        assert!(
            answer.contains(&format!("\r\n\r\ndenied by egress policy: {host} (")),
            "{answer}"
        );
        assert!(answer.contains("tools.egress."), "{answer}");
    }
    assert_eq!(session.counts.denied(), 6);
    let told = session.counts.take_denials();
    assert_eq!(
        told,
        [
            "evil.example",
            "169.254.169.254",
            "[::ffff:127.0.0.1]",
            "inside.example",
            "127.0.0.1"
        ]
    );
    assert_eq!(
        (session.counts.connections(), session.counts.sent()),
        (0, 0)
    );
}

#[tokio::test]
async fn a_name_that_changes_its_mind_is_judged_each_time_and_never_looked_up_twice() {
    let session = Session::start(echo, |_| {}).await;
    let to = format!("site.example:{}", session.server);
    // First where it may go, then the machine's own, then both at once.
    session.names.set(
        "site.example",
        &[&["127.0.0.1"], &["127.0.0.2"], &["127.0.0.1", "10.0.0.1"]],
    );
    let mut first = session.connect().await;
    first.write_all(connect_to(&to).as_bytes()).await.unwrap();
    first.shutdown().await.unwrap();
    let mut answer = String::new();
    first.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_eq!(
        session.names.looks(),
        1,
        "the address that was judged is the one connected to"
    );
    for address in ["127.0.0.2", "10.0.0.1"] {
        let answer = session.say(connect_to(&to)).await;
        assert!(
            answer.contains(&format!("it leads to {address}, ")),
            "{answer}"
        );
    }
    assert_eq!(session.names.looks(), 3);
}

#[tokio::test]
async fn plain_requests_go_one_by_one() {
    let session = Session::start(site, |_| {}).await;
    let place = format!("site.example:{}", session.server);
    let one =
        format!("POST http://{place}/a HTTP/1.1\r\nHost: {place}\r\nContent-Length: 3\r\n\r\nabc");
    // Pipelined: another host, on a connection that was checked for the first.
    let other = "GET http://127.0.0.1:1/secret HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
    let answer = session.say(format!("{one}{other}")).await;
    assert_eq!(answer, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    let heard = session.heard();
    assert_eq!(
        heard,
        [format!(
            "POST /a HTTP/1.1\r\nHost: {place}\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc"
        )]
    );
    let chunked = format!(
        "PUT http://{place}/b HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n{other}"
    );
    assert!(session.say(chunked).await.ends_with("hello"));
    assert!(
        session.heard()[1].ends_with("Connection: close\r\n\r\n2\r\nhi\r\n0\r\n\r\n"),
        "{:?}",
        session.heard()
    );
    assert_eq!(session.counts.connections(), 2);
}

#[tokio::test]
async fn what_is_no_request_is_told_so() {
    let session = Session::start(site, |_| {}).await;
    for request in [
        "GET / HTTP/1.1\r\nHost: site.example\r\n\r\n",
        "GET https://site.example/ HTTP/1.1\r\n\r\n",
        "CONNECT site.example HTTP/1.1\r\n\r\n",
        "CONNECT user@site.example:443 HTTP/1.1\r\n\r\n",
        "CONNECT 0x7f.1:443 HTTP/1.1\r\n\r\n",
        "POST http://site.example/ HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "\u{16}\u{3}\u{1} what is this\r\n\r\n",
    ] {
        let answer = session.say(request).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{request:?}: {answer}");
    }
    let long = format!(
        "GET http://site.example/ HTTP/1.1\r\nA: {}",
        "b".repeat(70_000)
    );
    assert!(session.say(long).await.starts_with("HTTP/1.1 431 "));
    assert_eq!((session.names.looks(), session.heard().len()), (0, 0));
}

#[tokio::test]
async fn a_host_that_is_not_there_is_told_apart_from_one_that_is_denied() {
    let session = Session::start(site, |config| config.private.push("127.0.0.1:1".into())).await;
    session.names.set("closed.example", &[&["127.0.0.1"]]);
    let answer = session.say(connect_to("nobody.example:443")).await;
    assert!(
        answer.starts_with("HTTP/1.1 502 Host not found: nobody.example\r\n"),
        "{answer}"
    );
    let answer = session.say(connect_to("closed.example:1")).await;
    assert!(
        answer.starts_with("HTTP/1.1 502 Not reached: closed.example:1\r\n"),
        "{answer}"
    );
    assert!(session.counts.take_denials().is_empty());
}

/// A greeting and a request of SOCKS5.
fn socks(kind: u8, address: &[u8], port: u16) -> Vec<u8> {
    [&[5, 1, 0, 5, 1, 0, kind][..], address, &port.to_be_bytes()].concat()
}

#[tokio::test]
async fn socks_goes_the_same_way() {
    let session = Session::start(echo, |_| {}).await;
    let mut stream = session.connect().await;
    stream
        .write_all(&socks(3, b"\x0csite.example", session.server))
        .await
        .unwrap();
    stream.write_all(b"hello").await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert_eq!(
        answer,
        b"\x05\x00\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00hello"
    );
    assert_eq!(session.counts.sent(), 5);
    for (request, end) in [
        (socks(3, b"\x0bevil.nobody", 443), 4),
        (socks(3, b"\x0csite.example", 22), 2),
        (socks(1, &[10, 0, 0, 1], 80), 2),
        (socks(4, &[0; 16], 80), 2),
        (socks(9, &[], 80), 8),
    ] {
        let mut stream = session.connect().await;
        stream.write_all(&request).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        assert_eq!(answer[..4], [5, 0, 5, end], "{request:?}");
    }
    let answer = session.say([5, 1, 2]).await;
    assert_eq!(
        answer.as_bytes(),
        String::from_utf8_lossy(&[5, 0xff]).as_bytes()
    );
}
