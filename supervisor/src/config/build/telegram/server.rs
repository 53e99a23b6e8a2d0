//! The ways to an account's server and back: address, proxy, webhook.

use super::super::super::telegram::{ProxyUrl, Webhook};
use super::super::super::view::View;
use super::super::Builder;
use super::{Both, is_secret};
use reqwest::Url;
use secrecy::SecretString;

/// The server where none is named.
pub(super) const SERVER: &str = "https://api.telegram.org";
/// The ports that server pushes to.
const PORTS: [u16; 4] = [443, 80, 88, 8443];
/// What may be in a webhook's secret, and how much of it.
const SECRET: &str = "1 to 256 letters, digits, _ and -";

impl Builder<'_> {
    /// An http(s) address without a slash at its end, or anything behind its path.
    pub(in super::super) fn address(&mut self, view: &View<'_>, text: &str) -> Option<Url> {
        let message = match Url::parse(text.trim().trim_end_matches('/')) {
            Ok(url) if url.query().is_some() || url.fragment().is_some() => {
                format!("expected an address without ? and #, found {text:?}")
            }
            Ok(url) if !url.username().is_empty() || url.password().is_some() => {
                "expected an address without a name and a password in it".to_owned()
            }
            Ok(url) => return Some(url),
            Err(error) => {
                format!("expected an http:// or https:// address, found {text:?}: {error}")
            }
        };
        self.findings.error(view.at(), &view.key, message);
        None
    }

    pub(super) fn proxy(&mut self, view: &View<'_>) -> Option<ProxyUrl> {
        let text = view.text().map(str::trim).filter(|text| !text.is_empty())?;
        let url = Url::parse(text).ok().filter(|url| {
            matches!(url.scheme(), "http" | "https" | "socks5" | "socks5h") && url.has_host()
        });
        if url.is_none() {
            let message = "expected an http://, https://, socks5:// or socks5h:// address";
            self.findings.error(view.at(), &view.key, message);
        }
        url.map(ProxyUrl)
    }

    pub(super) fn webhook(&mut self, both: &Both<'_>, api_root: &Url) -> Option<Webhook> {
        let view = both.get("webhookUrl");
        let url = self.address(&view, view.text()?)?;
        let ours = api_root.host_str() == Url::parse(SERVER).ok()?.host_str();
        let port = url.port_or_known_default().unwrap_or_default();
        if ours && (url.scheme() != "https" || !PORTS.contains(&port)) {
            let message = format!(
                "expected an https:// address with port 443, 80, 88 or 8443, found {}; Telegram pushes to no other",
                view.text().unwrap_or_default()
            );
            self.findings.error(view.at(), &view.key, message);
        }
        let secret = both.get("webhookSecret");
        let fits = secret.text().is_some_and(is_secret);
        if !fits {
            let at = if secret.is_said() { &secret } else { &view };
            let message = if secret.is_said() {
                format!("expected {SECRET}, found something else")
            } else {
                format!(
                    "needs webhookSecret beside it: {SECRET}, by which we know that it is Telegram who calls"
                )
            };
            self.findings.error(at.at(), &at.key, message);
        }
        let path = both.get("webhookPath");
        let said = path.text().unwrap_or("/telegram-webhook");
        if !said.starts_with('/') || said.contains(['?', '#', ' ']) {
            let message = format!("expected a path that begins with a slash, found {said:?}");
            self.findings.error(path.at(), &path.key, message);
        }
        Some(Webhook {
            url,
            secret: SecretString::from(secret.text().unwrap_or_default()),
            path: said.to_owned(),
            host: both
                .get("webhookHost")
                .text()
                .unwrap_or("127.0.0.1")
                .to_owned(),
            port: both.get("webhookPort").count().unwrap_or(8787),
        })
    }
}
