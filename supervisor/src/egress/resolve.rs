//! Where names lead.

use super::name::Name;
use std::collections::BTreeSet;
use std::future::Future;
use std::io::{self, ErrorKind, Read as _};
use std::net::{IpAddr, ToSocketAddrs as _};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// A name that is not found by then is not found.
const WITHIN: Duration = Duration::from_secs(15);
/// Look-ups at once, of all sessions. Each holds a thread, and one that is given up on holds it on.
const AT_ONCE: usize = 128;
/// Of a file with hosts, no more than this is read, in bytes.
const MAX_HOSTS: u64 = 1024 * 1024;

/// An answer under way.
pub type Resolving<'a> = Pin<Box<dyn Future<Output = Result<Vec<IpAddr>, Unresolved>> + Send + 'a>>;

/// Finds the addresses of names. Whatever it finds is judged before it is used.
pub trait Resolve: Send + Sync + std::fmt::Debug {
    /// All addresses of `name`, the best first; at least one.
    fn resolve<'a>(&'a self, name: &'a Name) -> Resolving<'a>;
}

/// Why a name has no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unresolved {
    /// There is none.
    #[error("no such host, or it has no address: {0}")]
    NotFound(String),
    /// Nobody answered in time.
    #[error("nobody said in time where the host is")]
    Slow,
}

/// The system's own way: its files, its name servers.
#[derive(Debug)]
pub struct System {
    hosts: Option<PathBuf>,
    at_once: Arc<Semaphore>,
}

// === impl System ===

impl System {
    /// Asks the system. Names that the file `hosts` (in the form of `/etc/hosts`) knows are never
    /// asked for; it is read again each time.
    #[must_use]
    pub fn new(hosts: Option<PathBuf>) -> Self {
        Self {
            hosts,
            at_once: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }

    async fn look_up(&self, name: Name) -> Result<Vec<IpAddr>, Unresolved> {
        let permit = Arc::clone(&self.at_once).acquire_owned().await;
        let hosts = self.hosts.clone();
        // Not cancelled with its caller: the thread goes on, and so does its permit.
        let found = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let known = hosts.map_or_else(Vec::new, |hosts| listed(&hosts, &name));
            if known.is_empty() {
                ask_system(&name)
            } else {
                Ok(known)
            }
        });
        match found.await {
            Ok(Ok(addresses)) if !addresses.is_empty() => Ok(addresses),
            Ok(Ok(_)) => Err(Unresolved::NotFound("it has no address".to_owned())),
            Ok(Err(error)) => Err(Unresolved::NotFound(error.to_string())),
            Err(error) => Err(Unresolved::NotFound(error.to_string())),
        }
    }
}

impl Resolve for System {
    fn resolve<'a>(&'a self, name: &'a Name) -> Resolving<'a> {
        Box::pin(async move {
            let found = tokio::time::timeout(WITHIN, self.look_up(name.clone()));
            found.await.unwrap_or(Err(Unresolved::Slow))
        })
    }
}

fn ask_system(name: &Name) -> io::Result<Vec<IpAddr>> {
    // The port is not part of the question; the standard library wants one.
    let found = (name.as_str(), 443).to_socket_addrs()?;
    let mut seen = BTreeSet::new();
    let addresses = found.map(|found| found.ip());
    Ok(addresses.filter(|address| seen.insert(*address)).collect())
}

/// What a file with hosts says of `name`.
fn listed(hosts: &Path, name: &Name) -> Vec<IpAddr> {
    let mut text = String::new();
    let read =
        std::fs::File::open(hosts).and_then(|file| file.take(MAX_HOSTS).read_to_string(&mut text));
    if let Err(error) = read.map_err(|error| error.kind())
        && error != ErrorKind::NotFound
    {
        tracing::warn!(file = %hosts.display(), %error, "the hosts of the egress proxy can not be read");
    }
    text.lines().filter_map(|line| entry(line, name)).collect()
}

fn entry(line: &str, name: &Name) -> Option<IpAddr> {
    let line = line.split('#').next().unwrap_or_default();
    let mut words = line.split_whitespace();
    let address = words.next()?.parse().ok()?;
    let mut names = words.filter_map(|word| Name::parse(word).ok());
    names.any(|known| known == *name).then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_listed_name_is_found_and_found_anew() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("hosts");
        std::fs::write(&file, "# ours\n192.0.2.1 One.example two.example # and more\n::1 one.example.\nnonsense one.example\n").unwrap();
        let system = System::new(Some(file.clone()));
        let name = Name::parse("one.example").unwrap();
        let found = system.resolve(&name).await.unwrap();
        assert_eq!(
            found,
            [
                "192.0.2.1".parse::<IpAddr>().unwrap(),
                "::1".parse().unwrap()
            ]
        );
        std::fs::write(&file, "10.0.0.1 one.example\n").unwrap();
        assert_eq!(
            system.resolve(&name).await.unwrap(),
            ["10.0.0.1".parse::<IpAddr>().unwrap()]
        );
    }

    #[tokio::test]
    async fn the_system_knows_itself_and_no_name_that_is_invalid() {
        let system = System::new(None);
        let itself = system
            .resolve(&Name::parse("localhost").unwrap())
            .await
            .unwrap();
        assert!(itself.iter().all(IpAddr::is_loopback), "{itself:?}");
        let nobody = Name::parse("nobody.invalid").unwrap();
        assert!(system.resolve(&nobody).await.is_err());
    }
}
