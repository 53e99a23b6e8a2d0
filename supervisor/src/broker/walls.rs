//! Whether the walls are as high as they must be: what the probe found, held against the
//! configuration and the kind of machine this is.

use super::Services;
use crate::config::Sandbox;
use crate::policy;
use jail::probe::Report;
use std::sync::OnceLock;
use tokio::sync::watch;

/// Whether this gateway runs in a container.
pub fn in_container() -> bool {
    static HERE: OnceLock<bool> = OnceLock::new();
    *HERE.get_or_init(|| {
        policy::in_container(&|path| {
            let text = std::fs::read(path).ok()?;
            Some(String::from_utf8_lossy(&text).into_owned())
        })
    })
}

/// Why no tool may run behind the walls of `report`, if so: what is to be done about it, in words.
///
/// # Errors
/// [`policy::TooLow`].
pub fn high_enough(sandbox: &Sandbox, report: &Report) -> Result<u8, policy::TooLow> {
    policy::high_enough(sandbox, in_container(), report)
}

impl Services {
    /// The level of the walls that tools get; `None` until the probe has run.
    #[must_use]
    pub fn level(&self) -> Option<u8> {
        let sandbox = &self.live.load().config.sandbox;
        let found = self.walls.borrow();
        found.as_ref().map(|report| policy::level(sandbox, report))
    }

    /// The level of the walls that tools get, once the probe has run; that takes milliseconds, and
    /// only a gateway that starts has to wait for it.
    ///
    /// # Errors
    /// Why no tool may run.
    pub async fn walls_hold(&self) -> Result<u8, String> {
        hold(self.walls.clone(), &self.live.load().config.sandbox).await
    }
}

async fn hold(mut walls: watch::Receiver<Option<Report>>, sandbox: &Sandbox) -> Result<u8, String> {
    let found = walls.wait_for(Option::is_some).await;
    match found.as_ref().map(|found| found.as_ref()) {
        Ok(Some(report)) => high_enough(sandbox, report).map_err(|low| low.to_string()),
        // The probe is gone without a word.
        Ok(None) | Err(_) => Err("no tool runs here: the walls were never tried".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    #[tokio::test]
    async fn nothing_runs_before_the_walls_were_tried() {
        let sandbox = Sandbox {
            minimum: Some(0),
            ..Sandbox::default()
        };
        let (found, walls) = watch::channel(None);
        let waiting = hold(walls.clone(), &sandbox);
        tokio::pin!(waiting);
        assert!(futures_util::poll!(&mut waiting).is_pending());
        let nothing = Report::of_nothing(&io::Error::other("no program"));
        found.send(Some(nothing)).unwrap();
        assert_eq!(waiting.await, Ok(0));
        let refused = hold(walls, &Sandbox::default()).await.unwrap_err();
        assert!(refused.contains("no program"), "{refused}");
        let (_, never) = watch::channel(None);
        assert!(hold(never, &sandbox).await.is_err());
    }
}
