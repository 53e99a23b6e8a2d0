//! The logs of a gateway: begun when the state directory is ours, ended last of all.

use crate::audit::{Audit, Event, log, redact};
use crate::config::{Config, mend, secrets};

/// Opens the log file and the audit log. Whatever is in the way of either is told, and stops nothing.
pub(super) fn begin(config: &Config) -> Audit {
    follow(config);
    let audit = Audit::open(&config.paths.audit_log());
    audit.record(Event::Started {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
    });
    audit
}

/// Logs as a configuration says.
pub(super) fn follow(config: &Config) {
    redact::know(secrets(config));
    let logging = &config.logging;
    redact::look_for_shapes(logging.redact_shapes);
    log::at_level(logging.level);
    let file = log::LogFile {
        path: logging.file.clone(),
        max_bytes: logging.max_file_bytes,
    };
    if let Err(error) = log::write_to(file) {
        let path = logging.file.display();
        tracing::error!("failed to open the log file {path}: {}", mend(&error));
    }
}

/// The last line of the audit log.
pub(super) fn end(audit: &Audit) {
    audit.record(Event::Stopped);
    audit.flush();
}
