use super::*;

async fn tunnel(session: &Session) -> TcpStream {
    let mut stream = session.connect().await;
    let request = format!("CONNECT site.example:{} HTTP/1.1\r\n\r\n", session.server);
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut yes = [0; 39];
    stream.read_exact(&mut yes).await.unwrap();
    assert_eq!(yes, *b"HTTP/1.1 200 Connection established\r\n\r\n");
    stream
}

/// Whether the other end is gone: nothing more comes, in whichever way.
async fn is_over(stream: &mut TcpStream) -> bool {
    matches!(stream.read(&mut [0; 16]).await, Ok(0) | Err(_))
}

#[tokio::test]
async fn dropped_it_ends_every_connection() {
    let mut session = Session::start(echo, |_| {}).await;
    let mut open = tunnel(&session).await;
    let mut asking = session.connect().await;
    asking.write_all(b"CONNECT ").await.unwrap();
    session.egress = None;
    assert!(is_over(&mut open).await && is_over(&mut asking).await);
    assert!(TcpStream::connect(session.proxy).await.is_err());
}

#[tokio::test]
async fn one_connection_too_many_is_turned_away_and_the_next_one_is_not() {
    let session = Session::start(echo, |config| config.max_connections = 2).await;
    let one = tunnel(&session).await;
    let mut two = tunnel(&session).await;
    let mut three = session.connect().await;
    let mut answer = String::new();
    three.read_to_string(&mut answer).await.unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 403 ") && answer.contains("tools.egress.maxConnections"),
        "{answer}"
    );
    assert_eq!(session.counts.denied(), 1);
    drop(one);
    two.write_all(b"x").await.unwrap();
    two.read_exact(&mut [0]).await.unwrap();
    // The place is free once its relay has seen the end, which nobody outside can see.
    loop {
        let mut stream = session.connect().await;
        let request = format!("CONNECT site.example:{} HTTP/1.1\r\n\r\n", session.server);
        let mut said = [0; 12];
        let asked = stream.write_all(request.as_bytes()).await;
        if asked.is_ok() && stream.read_exact(&mut said).await.is_ok() && said == *b"HTTP/1.1 200" {
            break;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn who_has_used_up_its_bytes_gets_no_more() {
    let session = Session::start(echo, |config| config.max_bytes = Some(100)).await;
    let mut stream = tunnel(&session).await;
    stream.write_all(&[1; 40]).await.unwrap();
    stream.read_exact(&mut [0; 40]).await.unwrap();
    let _ = stream.write_all(&[1; 200]).await;
    while !is_over(&mut stream).await {}
    let answer = session
        .say(format!(
            "CONNECT site.example:{} HTTP/1.1\r\n\r\n",
            session.server
        ))
        .await;
    assert!(answer.contains("tools.egress.maxBytes"), "{answer}");
    assert!(session.counts.sent() + session.counts.received() <= 400);
    assert_eq!(session.counts.take_denials(), ["site.example"]);
}

#[tokio::test]
async fn a_change_of_policy_holds_from_the_next_connection_on() {
    let session = Session::start(echo, |_| {}).await;
    let mut before = tunnel(&session).await;
    let off = Config {
        mode: crate::config::EgressMode::Off,
        ..Config::default()
    };
    session
        .policy
        .send_replace(Arc::new(EgressPolicy::new(&off).0));
    let answer = session
        .say(format!(
            "CONNECT site.example:{} HTTP/1.1\r\n\r\n",
            session.server
        ))
        .await;
    assert!(answer.contains("tools.egress.mode"), "{answer}");
    before.write_all(b"on").await.unwrap();
    before.read_exact(&mut [0; 2]).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn who_does_not_ask_in_time_is_not_waited_for() {
    let session = Session::start(echo, |_| {}).await;
    for words in [&b""[..], b"\x05", b"GET http://site.example/"] {
        let mut stream = session.connect().await;
        stream.write_all(words).await.unwrap();
        assert!(is_over(&mut stream).await, "{words:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_over_which_nothing_goes_is_ended() {
    let session = Session::start(echo, |_| {}).await;
    let mut stream = tunnel(&session).await;
    assert!(is_over(&mut stream).await);
}

#[tokio::test(start_paused = true)]
async fn a_long_upload_is_not_idle_while_it_goes_on() {
    let session = Session::start(site, |_| {}).await;
    let mut stream = session.connect().await;
    let place = format!("site.example:{}", session.server);
    let head = format!("POST http://{place}/ HTTP/1.1\r\nContent-Length: 4\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    for _ in 0..4 {
        // Paused time: it passes at once, for everybody.
        tokio::time::sleep(std::time::Duration::from_secs(600)).await;
        stream.write_all(b"x").await.unwrap();
    }
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.ends_with("hello"), "{answer}");
}
