//! `openclaw models`: what is usable, and for how long.

use ipc::control::ModelsReport;
use serde_json::json;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{SystemTime, UNIX_EPOCH};
use tests::{Gateway, Setup};

/// As a token writes its parts.
fn base64url(text: &str) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let bits: String = text.bytes().map(|byte| format!("{byte:08b}")).collect();
    let digits = bits.as_bytes().chunks(6).map(|six| {
        let six = format!("{:0<6}", std::str::from_utf8(six).unwrap());
        char::from(DIGITS[usize::from_str_radix(&six, 2).unwrap()])
    });
    digits.collect()
}

/// A gateway's environment with a sign-in of Codex that is good for so many more seconds.
async fn signed_in(seconds: i64) -> Setup {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let expires = i64::try_from(now.as_secs()).unwrap() + seconds;
    let claims = json!({ "exp": expires }).to_string();
    let access = format!("{}.{}.x", base64url("{}"), base64url(&claims));
    let login = json!({
        "OPENAI_API_KEY": null,
        "tokens": { "access_token": access, "refresh_token": "secret-refresh", "account_id": "a" },
        "last_refresh": "2026-01-01T00:00:00Z",
    });
    let setup = Gateway::setup().await.config(|config| {
        config["agents"]["defaults"]["model"]["primary"] = json!("openai-codex/gpt-5.3-codex");
    });
    setup.file("../.codex/auth.json", &login.to_string())
}

#[tokio::test]
async fn a_sign_in_of_codex_is_shown_with_its_end_and_never_written() {
    let day = 24 * 3600;
    for (seconds, usable, words) in [
        (5 * day + 60, true, "expires in 5 d"),
        (3 * 3600 + 60, true, "expires in 3 h"),
        (-60, false, "expired"),
    ] {
        let gateway = signed_in(seconds).await.laid_out();
        let file = gateway.home().join(".codex/auth.json");
        let closed = std::fs::Permissions::from_mode(0o400);
        std::fs::set_permissions(&file, closed).unwrap();
        let before = (
            std::fs::read(&file).unwrap(),
            std::fs::metadata(&file).unwrap().modified().unwrap(),
        );
        let ran = gateway.cli(&["models"]).await;
        assert_eq!(ran.code, i32::from(!usable), "{ran:?}");
        assert!(ran.out.contains(words), "{words}: {}", ran.out);
        assert!(ran.out.contains(".codex/auth.json"), "{}", ran.out);
        assert!(!ran.out.contains("secret-refresh"), "{}", ran.out);
        let status = gateway.cli(&["models", "status", "--json"]).await.out;
        let report: ModelsReport = serde_json::from_str(&status).unwrap();
        assert_eq!(report.chain[0].model, "openai-codex/gpt-5.3-codex");
        assert_eq!(report.chain[0].usable, usable, "{report:?}");
        let after = (
            std::fs::read(&file).unwrap(),
            std::fs::metadata(&file).unwrap().modified().unwrap(),
        );
        assert_eq!(after, before);
    }
}

#[tokio::test]
async fn models_are_told_with_a_gateway_and_without() {
    let mut gateway = Gateway::start().await;
    let with = gateway.cli(&["models"]).await.ok();
    gateway.terminate().await;
    let without = gateway.cli(&["models"]).await.ok();
    assert_eq!(with, without);
    assert!(with.starts_with("Default: fake/one"), "{with}");
    assert_eq!(gateway.cli(&["models", "list"]).await.ok(), "fake/one\n");
    let bare = Gateway::setup().await.bare().laid_out();
    let told = bare.cli(&["models"]).await.ok();
    assert!(told.starts_with("Default: offline/responder"), "{told}");
}
