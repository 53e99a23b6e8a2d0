//! A client of the control socket.

use super::CliError;
use crate::config::Paths;
use interprocess::local_socket::tokio::Stream;
use interprocess::local_socket::traits::tokio::Stream as _;
use interprocess::local_socket::{GenericFilePath, ToFsName as _};
use ipc::control::{FromSupervisor, ToSupervisor};
use ipc::frame::FrameError;
use ipc::hello::Hello;
use ipc::link::Link;
use std::io;
use std::path::Path;

/// A connection to the gateway, greeted.
pub(super) struct Client {
    link: Link<ToSupervisor, FromSupervisor>,
}

impl Client {
    /// Connects to the gateway of a state directory.
    ///
    /// # Errors
    /// [`CliError::NoGateway`] when none answers.
    pub(super) async fn connect(paths: &Paths) -> Result<Self, CliError> {
        let socket = paths.control_socket();
        match Self::open(&socket).await {
            Ok(client) => Ok(client),
            Err(error) => Err(CliError::NoGateway(format!(
                "no gateway answers on {} ({error}); start one with: openclaw gateway",
                socket.display()
            ))),
        }
    }

    async fn open(socket: &Path) -> Result<Self, FrameError> {
        let name = socket.to_fs_name::<GenericFilePath>()?;
        let stream = Stream::connect(name).await?;
        let (reader, writer) = tokio::io::split(stream);
        let mut link = Link::new(reader, writer);
        link.sender
            .send(&ToSupervisor::Hello(Hello::ours()))
            .await?;
        let first = link.receiver.recv().await?;
        let FromSupervisor::Hello(hello) = first else {
            return Err(io::Error::other(format!("it said {first:?} instead of hello")).into());
        };
        hello.check().map_err(io::Error::other)?;
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
        match asked.await {
            Ok(FromSupervisor::Refused(refusal)) => Err(refusal.into()),
            Ok(answer) => Ok(answer),
            Err(error) => Err(CliError::NoGateway(format!("the gateway left: {error}"))),
        }
    }
}
