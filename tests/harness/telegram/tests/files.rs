//! Files.

use super::*;

#[tokio::test]
async fn files_go_both_ways() {
    let telegram = rude();
    let alice = telegram.person("Alice");
    alice
        .sends_document("a.txt", "text/plain", b"hello", "look")
        .await;
    let got = ok(&telegram, "getUpdates", json!({})).await;
    let document = &got[0]["message"]["document"];
    assert_eq!(
        (&document["file_name"], &document["file_size"]),
        (&json!("a.txt"), &json!(5))
    );
    let file = ok(
        &telegram,
        "getFile",
        json!({ "file_id": document["file_id"] }),
    )
    .await;
    let path = file["file_path"].as_str().unwrap();
    let line = format!("GET /file/bot{TOKEN}/{path}");
    let (status, bytes) = http::ask(telegram.address(), &line, &[], b"")
        .await
        .unwrap();
    assert_eq!((status, bytes.as_slice()), (200, &b"hello"[..]));

    let line = format!("POST /bot{TOKEN}/sendMediaGroup");
    let headers = [("Content-Type", "multipart/form-data; boundary=XX")];
    let media = json!([{ "type": "document", "media": "attach://one", "caption": "both" },
        { "type": "document", "media": "attach://two" }]);
    let part = |name: &str, text: &str| {
        format!("--XX\r\nContent-Disposition: form-data; name=\"{name}\"{text}\r\n")
    };
    let form = [
        part("chat_id", "\r\n") + &alice.id().to_string(),
        part("media", "\r\n") + &media.to_string(),
        part(
            "one",
            "; filename=\"1.txt\"\r\nContent-Type: text/plain\r\n",
        ) + "first",
        part(
            "two",
            "; filename=\"2.txt\"\r\nContent-Type: text/plain\r\n",
        ) + "second",
    ];
    let form = form.join("\r\n") + "\r\n--XX--\r\n";
    let (status, body) = http::ask(telegram.address(), &line, &headers, form.as_bytes())
        .await
        .unwrap();
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
    let heard = alice.heard();
    assert_eq!(heard[1].file.as_deref(), Some(&b"second"[..]));
    assert_eq!(heard[0].text, "both");
    assert!(heard[0].album.is_some() && heard[0].album == heard[1].album);
}
