//! Finding the gateway of a state directory, or starting one for as long as a command lasts. Of
//! several commands that start one at the same time, one wins and the others are its clients.

use super::client::Client;
use super::{CliError, out};
use crate::app::{App, AppError};
use crate::config::{Config, Source};
use crate::store::StoreError;
use ipc::control::Stay;
use std::time::{Duration, Instant};

/// A gateway that is leaving, or one that is coming, has this long.
const SETTLED_WITHIN: Duration = Duration::from_secs(10);
/// Between two looks at it.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Others that are answered sooner are not worth a word.
const SOON: Duration = Duration::from_millis(200);

/// A gateway that answers.
pub(super) struct Reached {
    pub(super) client: Client,
    /// The gateway itself, where it is this command's.
    pub(super) own: Option<App>,
}

/// Connects to the gateway, or to one that is started now.
///
/// # Errors
/// When neither works.
pub(super) async fn reach(source: &Source) -> Result<Reached, CliError> {
    let paths = source.paths();
    let began = Instant::now();
    loop {
        match Client::connect(paths).await {
            Ok(client) => return Ok(Reached { client, own: None }),
            Err(CliError::NoGateway(_)) => {}
            Err(other) => return Err(other),
        }
        let config = super::configured(source)?;
        super::log::of_command();
        let warnings = config.warnings.clone();
        match start(config, source.clone(), Stay::Command).await {
            Ok(app) => {
                out::tell("(no gateway is running; this one lasts as long as this command)");
                for warning in &warnings {
                    out::tell(&format!("openclaw: warning: {warning}"));
                }
                let client = Client::connect(paths).await?;
                let own = Some(app);
                return Ok(Reached { client, own });
            }
            // Somebody else was quicker, and answers by now.
            Err(error) if is_taken(&error) && began.elapsed() < SETTLED_WITHIN => {}
            Err(other) => return Err(other),
        }
    }
}

/// Starts a gateway. One that holds the state directory and does not answer is leaving, or coming:
/// it is waited for.
///
/// # Errors
/// When another gateway is there, or this one can not be.
pub(super) async fn start(config: Config, source: Source, stay: Stay) -> Result<App, CliError> {
    let began = Instant::now();
    loop {
        let started = App::start(config.clone(), source.clone(), stay).await;
        let error = match started.map_err(CliError::from) {
            Ok(app) => return Ok(app),
            Err(error) => error,
        };
        let waits = is_taken(&error) && began.elapsed() < SETTLED_WITHIN;
        if !waits || Client::connect(source.paths()).await.is_ok() {
            return Err(error);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn is_taken(error: &CliError) -> bool {
    matches!(
        error,
        CliError::App(AppError::Store(StoreError::InUse { .. }))
    )
}

/// Ends a gateway of our own, once whoever else is served by it has an answer.
pub(super) async fn leave(own: App) {
    let left = async {
        if tokio::time::timeout(SOON, own.answered()).await.is_err() {
            out::tell("(others are being answered by this gateway; Ctrl-C ends it now)");
            own.answered().await;
        }
    };
    tokio::select! {
        () = left => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    own.drain().await;
}
