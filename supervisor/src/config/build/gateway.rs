//! `gateway` and `logging`, with the environment variables that go before them.

use super::super::gateway::{Bind, Gateway, GatewayAuth, LogLevel, Logging, Reload, ReloadMode};
use super::super::key_path::KeyPath;
use super::super::node::Span;
use super::super::view::{View, put};
use super::Builder;
use secrecy::SecretString;

impl Builder<'_> {
    /// `gateway`.
    pub(super) fn gateway(&mut self, root: &View<'_>) -> Gateway {
        let view = root.get("gateway");
        let mut gateway = Gateway {
            auth: self.gateway_auth(&view.get("auth")),
            reload: reload(&view.get("reload")),
            ..Gateway::default()
        };
        let public = view.get("publicUrl");
        gateway.public_url = public.text().and_then(|text| self.address(&public, text));
        put(&mut gateway.port, view.get("port").count());
        put(
            &mut gateway.port,
            self.variable("OPENCLAW_GATEWAY_PORT", "a port", |text| text.parse().ok()),
        );
        put(&mut gateway.bind, view.get("bind").one_of(BINDS));
        put(
            &mut gateway.bind,
            self.variable("OPENCLAW_GATEWAY_BIND", "loopback or lan", |text| {
                word(text, BINDS)
            }),
        );
        gateway
    }

    fn gateway_auth(&mut self, view: &View<'_>) -> GatewayAuth {
        let secret = |name, key| {
            let said = view.get(key).text().filter(|text| !text.is_empty());
            self.given
                .env
                .secret(name)
                .or_else(|| said.map(SecretString::from))
        };
        let token = secret("OPENCLAW_GATEWAY_TOKEN", "token");
        let password = secret("OPENCLAW_GATEWAY_PASSWORD", "password");
        let mode = view.get("mode");
        let (auth, misses) = match mode.text() {
            Some("none") => (Some(GatewayAuth::Open), ""),
            Some("token") => (
                token.map(GatewayAuth::Token),
                "gateway.auth.token or OPENCLAW_GATEWAY_TOKEN",
            ),
            Some("password") => (
                password.map(GatewayAuth::Password),
                "gateway.auth.password or OPENCLAW_GATEWAY_PASSWORD",
            ),
            Some(_) | None => {
                let any = token
                    .map(GatewayAuth::Token)
                    .or(password.map(GatewayAuth::Password));
                (Some(any.unwrap_or(GatewayAuth::Unset)), "")
            }
        };
        auth.unwrap_or_else(|| {
            let message = format!("nobody can be let in without {misses}");
            self.findings.warn(mode.at(), &mode.key, message);
            GatewayAuth::Unset
        })
    }

    /// `logging`.
    pub(super) fn logging(&mut self, root: &View<'_>) -> Logging {
        let view = root.get("logging");
        let mut logging = Logging::of(self.given.paths);
        put(&mut logging.level, view.get("level").one_of(LEVELS));
        put(&mut logging.file, self.path(&view.get("file")));
        put(
            &mut logging.max_file_bytes,
            view.get("maxFileBytes").bytes(),
        );
        let redact = view
            .get("redactSensitive")
            .one_of(&[("tools", true), ("off", false)]);
        put(&mut logging.redact_shapes, redact);
        let meant = "silent, error, warn, info, debug or trace";
        put(
            &mut logging.level,
            self.variable("OPENCLAW_LOG_LEVEL", meant, |text| word(text, LEVELS)),
        );
        logging
    }

    /// What a variable says, unless it is not set; a value nobody understands is an error.
    fn variable<T>(
        &mut self,
        name: &str,
        meant: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.given.env.get(name)?;
        let value = read(text.trim());
        if value.is_none() {
            let message = format!("expected {meant}, found {text:?}");
            self.findings
                .error(Span::ENVIRONMENT, &KeyPath::default().key(name), message);
        }
        value
    }
}

fn reload(view: &View<'_>) -> Reload {
    let mut reload = Reload::default();
    put(&mut reload.debounce, view.get("debounceMs").millis());
    let mode = view.get("mode").one_of(&[
        ("hybrid", ReloadMode::Hybrid),
        ("hot", ReloadMode::Hot),
        ("restart", ReloadMode::Restart),
        ("off", ReloadMode::Off),
    ]);
    put(&mut reload.mode, mode);
    reload
}

fn word<T: Copy>(text: &str, words: &[(&str, T)]) -> Option<T> {
    let found = words
        .iter()
        .find(|(word, _)| word.eq_ignore_ascii_case(text));
    found.map(|(_, value)| *value)
}

const BINDS: &[(&str, Bind)] = &[("loopback", Bind::Loopback), ("lan", Bind::Lan)];

const LEVELS: &[(&str, LogLevel)] = &[
    ("silent", LogLevel::Silent),
    ("error", LogLevel::Error),
    ("warn", LogLevel::Warn),
    ("info", LogLevel::Info),
    ("debug", LogLevel::Debug),
    ("trace", LogLevel::Trace),
];
