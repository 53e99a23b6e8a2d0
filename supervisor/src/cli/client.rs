//! A client of the control socket.

use super::CliError;
use crate::config::Paths;
use crate::control::SocketPath;
use interprocess::local_socket::tokio::Stream;
use interprocess::local_socket::traits::tokio::Stream as _;
use ipc::control::{FromSupervisor, ToSupervisor};
use ipc::frame::FrameError;
use ipc::hello::{Hello, WrongVersion};
use ipc::link::Link;
use std::io;
use std::path::Path;
use std::time::Duration;

/// A gateway that lives says hello in this time.
const HELLO_WITHIN: Duration = Duration::from_secs(5);

/// And answers a short question in this one. (The answer of a model is waited for without end.)
const ANSWER_WITHIN: Duration = Duration::from_secs(60);

/// A connection to the gateway, greeted.
pub(super) struct Client {
    link: Link<ToSupervisor, FromSupervisor>,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
enum ConnectError {
    #[error("{0}")]
    Link(#[from] FrameError),
    #[error("it is another user's; set OPENCLAW_STATE_DIR to a directory of your own")]
    NotOurs,
    #[error("{0}")]
    Version(#[from] WrongVersion),
    #[error("it said {0} instead of hello")]
    NoHello(String),
    #[error("it says nothing; is it stopped?")]
    Silent,
}

impl Client {
    /// Connects to the gateway of a state directory.
    ///
    /// # Errors
    /// [`CliError::NoGateway`] when none answers, another one when what answers is none for us.
    pub(super) async fn connect(paths: &Paths) -> Result<Self, CliError> {
        let socket = paths.control_socket();
        let greeted = tokio::time::timeout(HELLO_WITHIN, Self::open(&socket)).await;
        let error = match greeted.unwrap_or(Err(ConnectError::Silent)) {
            Ok(client) => return Ok(client),
            Err(error) => error,
        };
        let socket = socket.display();
        if is_none(&error) {
            let mend = "start one with: openclaw gateway";
            let text = format!("no gateway answers on {socket} ({error}); {mend}");
            return Err(CliError::NoGateway(text));
        }
        // Its own words hold those of its cause.
        let error = anyhow::anyhow!("failed to talk with the gateway on {socket}: {error}");
        Err(error.into())
    }

    async fn open(socket: &Path) -> Result<Self, ConnectError> {
        let path = SocketPath::of(socket).map_err(FrameError::from)?;
        let name = path.name().map_err(FrameError::from)?;
        let stream = Stream::connect(name).await;
        let stream = stream.map_err(|error| {
            if error.kind() == io::ErrorKind::PermissionDenied {
                ConnectError::NotOurs
            } else {
                FrameError::from(error).into()
            }
        })?;
        let (reader, writer) = tokio::io::split(stream);
        let mut link = Link::new(reader, writer);
        link.sender
            .send(&ToSupervisor::Hello(Hello::ours()))
            .await?;
        let first = link.receiver.recv().await?;
        let FromSupervisor::Hello(hello) = first else {
            return Err(ConnectError::NoHello(format!("{first:?}")));
        };
        hello.check()?;
        Ok(Self { link })
    }

    pub(super) async fn send(&mut self, message: &ToSupervisor) -> Result<(), FrameError> {
        self.link.sender.send(message).await
    }

    pub(super) async fn recv(&mut self) -> Result<FromSupervisor, FrameError> {
        self.link.receiver.recv().await
    }

    /// Asks one thing and hears its one answer.
    ///
    /// # Errors
    /// [`CliError::Refused`], or the connection broke.
    pub(super) async fn ask(&mut self, message: &ToSupervisor) -> Result<FromSupervisor, CliError> {
        let asked = async {
            self.send(message).await?;
            self.recv().await
        };
        match tokio::time::timeout(ANSWER_WITHIN, asked).await {
            Ok(Ok(FromSupervisor::Refused(refusal))) => Err(refusal.into()),
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(CliError::NoGateway(format!("the gateway left: {error}"))),
            Err(_) => Err(CliError::NoGateway(format!(
                "the gateway said nothing for {} s; is it stopped?",
                ANSWER_WITHIN.as_secs()
            ))),
        }
    }
}

/// Whether nobody is there; else somebody is, who is not for us.
fn is_none(error: &ConnectError) -> bool {
    match error {
        ConnectError::Link(FrameError::Io(_) | FrameError::Closed | FrameError::Cut)
        | ConnectError::Silent => true,
        ConnectError::NotOurs
        | ConnectError::Link(FrameError::TooLarge(_) | FrameError::Garbled(_))
        | ConnectError::Version(_)
        | ConnectError::NoHello(_) => false,
    }
}
