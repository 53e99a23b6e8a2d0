//! What is heard of the gateway, once a second, and what is asked of it besides. A gateway that has
//! gone is looked for until it is back.

use super::event::{Deed, Heard};
use crate::cli::CliError;
use crate::cli::client::Client;
use crate::config::Paths;
use ipc::control::{FromSupervisor, ToSupervisor};
use ipc::id::SessionKey;
use ipc::meter::UsageReport;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

/// The gateway measures as often.
const EVERY: Duration = Duration::from_secs(1);
/// Reports and answers that have not been drawn.
const UNDRAWN: usize = 8;
/// Deeds that have not been done.
const UNDONE: usize = 4;

/// The other end of the gateway. Dropping it ends all.
pub(super) struct Feed {
    heard: mpsc::Receiver<Heard>,
    watched: watch::Sender<Option<SessionKey>>,
    deeds: mpsc::Sender<Deed>,
    _tasks: JoinSet<()>,
}

impl Feed {
    /// Begins to listen, by way of a connection that there is.
    pub(super) fn begin(paths: Paths, client: Client) -> Self {
        let (to, heard) = mpsc::channel(UNDRAWN);
        let (watched, watches) = watch::channel(None);
        let (deeds, wanted) = mpsc::channel(UNDONE);
        let mut tasks = JoinSet::new();
        tasks.spawn(listen(paths.clone(), client, watches, to.clone()));
        tasks.spawn(serve(paths, wanted, to));
        Self {
            heard,
            watched,
            deeds,
            _tasks: tasks,
        }
    }

    /// The next news.
    pub(super) async fn next(&mut self) -> Heard {
        match self.heard.recv().await {
            Some(heard) => heard,
            // Its tasks live as long as it does.
            None => std::future::pending().await,
        }
    }

    /// Whom to tell more of.
    pub(super) fn watch(&self, session: Option<SessionKey>) {
        self.watched.send_replace(session);
    }

    /// Does it soon; `false` when there is too much to do.
    pub(super) fn wants(&self, deed: Deed) -> bool {
        self.deeds.try_send(deed).is_ok()
    }
}

/// What all sessions use.
///
/// # Errors
/// As [`Client::ask`].
pub(super) async fn report(client: &mut Client) -> Result<Box<UsageReport>, CliError> {
    let answer = client.ask(&ToSupervisor::Usage).await?;
    let FromSupervisor::Usage(report) = answer else {
        return Err(CliError::unexpected(&answer));
    };
    Ok(report)
}

async fn listen(
    paths: Paths,
    client: Client,
    mut watched: watch::Receiver<Option<SessionKey>>,
    to: mpsc::Sender<Heard>,
) {
    let mut client = Some(client);
    let mut beat = tokio::time::interval(EVERY);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let is_beat = tokio::select! {
            _ = beat.tick() => true,
            changed = watched.changed() => {
                if changed.is_err() {
                    return;
                }
                false
            }
        };
        let session = watched.borrow_and_update().clone();
        let told = tell(&paths, &mut client, is_beat, session, &to).await;
        if let Err(error) = told {
            client = None;
            let why = error.to_string();
            if to.send(Heard::Lost { why }).await.is_err() {
                return;
            }
        }
    }
}

/// One round: all sessions, if it is time, and the one that is watched.
async fn tell(
    paths: &Paths,
    client: &mut Option<Client>,
    all: bool,
    watched: Option<SessionKey>,
    to: &mpsc::Sender<Heard>,
) -> Result<(), CliError> {
    let client = match client {
        Some(client) => client,
        None => client.insert(Client::connect(paths).await?),
    };
    // A table that is not drawn any more needs no news.
    if all {
        let _ = to.send(Heard::Report(report(client).await?)).await;
    }
    if let Some(session) = watched {
        let _ = to.send(inspect(client, session).await?).await;
    }
    Ok(())
}

async fn inspect(client: &mut Client, session: SessionKey) -> Result<Heard, CliError> {
    let asked = ToSupervisor::Inspect {
        session: session.clone(),
    };
    match client.ask(&asked).await {
        Ok(FromSupervisor::Inspected(told)) => Ok(Heard::Inspected(told)),
        Ok(other) => Err(CliError::unexpected(&other)),
        Err(CliError::Refused(refusal)) => Ok(Heard::NotInspected {
            session,
            why: refusal.to_string(),
        }),
        Err(error) => Err(error),
    }
}

/// Does what is wanted, one after the other, each on a connection of its own: a deed may take longer
/// than the table may wait.
async fn serve(paths: Paths, mut wanted: mpsc::Receiver<Deed>, to: mpsc::Sender<Heard>) {
    while let Some(deed) = wanted.recv().await {
        let heard = match perform(&paths, deed).await {
            Ok(words) => Heard::Done { words },
            Err(error) => Heard::NotDone {
                why: error.to_string(),
            },
        };
        if to.send(heard).await.is_err() {
            return;
        }
    }
}

async fn perform(paths: &Paths, deed: Deed) -> Result<String, CliError> {
    let said = match deed {
        Deed::Stop { session } => ToSupervisor::Stop { session },
        Deed::Kill { session } => ToSupervisor::Kill { session, job: None },
        Deed::KillJob { session, job } => ToSupervisor::Kill {
            session,
            job: Some(job),
        },
    };
    let answer = Client::connect(paths).await?.ask(&said).await?;
    let FromSupervisor::Done { message } = answer else {
        return Err(CliError::unexpected(&answer));
    };
    Ok(message)
}
