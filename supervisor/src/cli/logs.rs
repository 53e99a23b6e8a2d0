//! `openclaw logs`. Reads the files: works while no gateway runs, and says what the last one did.

use super::{CliError, out};
use crate::audit::Line;
use crate::audit::read::{Changes, Log};
use crate::config::Source;
use anyhow::Context as _;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

/// Show what was logged.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Go on with what comes, until interrupted.
    #[arg(short, long)]
    follow: bool,
    /// Only what is about one session, such as agent:main:main.
    #[arg(long, alias = "session-key")]
    session: Option<String>,
    /// What is on record instead: processes started, refusals, approvals, limits, denied
    /// connections, answers that could not be delivered.
    #[arg(long)]
    audit: bool,
    /// So many of the last lines.
    #[arg(short = 'n', long, default_value_t = 100)]
    lines: usize,
    /// Print JSON, one object a line.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<ExitCode, CliError> {
    let path = file(args.audit);
    // Watched before it is read, so that nothing that comes meanwhile is missed.
    let changes = args.follow.then(|| Changes::of(&path));
    let failed = || format!("failed to read {}", path.display());
    let opened = Log::open(&path, args.lines, |line| args.wants(line));
    let (lines, mut log) = opened.with_context(failed)?;
    if lines.is_empty() && !path.exists() {
        out::tell(&format!(
            "nothing is logged yet: there is no {}; openclaw gateway writes it",
            path.display()
        ));
    }
    args.show(&lines)?;
    let Some(changes) = changes else {
        return Ok(ExitCode::SUCCESS);
    };
    loop {
        let mut news = log.news().with_context(failed)?;
        news.retain(|line| args.wants(line));
        args.show(&news)?;
        changes.wait();
    }
}

/// Where it is. A configuration that is wrong is a reason to look at the log, not one against it.
fn file(audit: bool) -> PathBuf {
    let source = Source::of_process();
    if audit {
        return source.paths().audit_log();
    }
    match source.load() {
        Ok(config) => config.logging.file,
        Err(_) => source.paths().log_file(),
    }
}

impl Args {
    fn wants(&self, line: &str) -> bool {
        match &self.session {
            None => true,
            Some(session) if self.audit => is_on_record_for(line, session),
            Some(session) => names(line, session),
        }
    }

    fn show(&self, lines: &[String]) -> Result<(), CliError> {
        for line in lines {
            match (self.audit, self.json) {
                (true, true) | (false, false) => out::line(line)?,
                (true, false) => out::line(&in_words(line))?,
                (false, true) => out::line(&as_json(line))?,
            }
        }
        Ok(())
    }
}

/// Whether a line of the audit log is about a session.
fn is_on_record_for(line: &str, session: &str) -> bool {
    serde_json::from_str::<serde_json::Value>(line).is_ok_and(|line| line["session"] == session)
}

/// Whether a line of the log names a session, and not one whose key only begins like it.
fn names(line: &str, session: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, ':' | '_' | '-' | '@' | '.');
    line.match_indices(session).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let mut after = line[at + session.len()..].chars();
        let next = after.next();
        // A full stop or colon may end a sentence's part.
        let goes_on = match next {
            Some('.' | ':') => after.next().is_some_and(is_part),
            Some(c) => is_part(c),
            None => false,
        };
        !before.is_some_and(is_part) && !goes_on
    })
}

/// A line of the audit log for people. One that a newer gateway wrote, or that was torn, as it is.
fn in_words(line: &str) -> String {
    let Ok(read) = serde_json::from_str::<Line>(line) else {
        return line.to_owned();
    };
    let at = match read.at.parse::<Timestamp>() {
        Ok(at) => at
            .to_zoned(TimeZone::system())
            .strftime("%Y-%m-%d %H:%M:%S")
            .to_string(),
        Err(_) => read.at.clone(),
    };
    let session = read.event.session().map(ToString::to_string);
    let session = session.unwrap_or_else(|| "gateway".to_owned());
    // One line, whatever a title or a command holds.
    let words = read.event.in_words().replace(['\n', '\r'], " ");
    format!("{at}  {session:<24}  {words}")
}

/// A line of the log in its parts.
fn as_json(line: &str) -> String {
    let parts = line.split_once(' ').and_then(|(at, rest)| {
        at.parse::<Timestamp>().ok()?;
        let (level, text) = rest.trim_start().split_once(' ')?;
        Some(json!({ "at": at, "level": level.to_lowercase(), "text": text }))
    });
    parts.unwrap_or_else(|| json!({ "text": line })).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_not_taken_for_one_whose_key_begins_alike() {
        let key = "agent:main:main";
        for line in [
            "agent process exited session=agent:main:main",
            "hello child=openclaw-agent [agent:main:main]",
            "child=\"openclaw-toolbox [agent:main:main job-1]\"",
            "failed in agent:main:main: no",
            "agent:main:main.",
        ] {
            assert!(names(line, key), "{line}");
        }
        for line in [
            "session=agent:main:main2",
            "session=agent:main:main:thread:1",
            "session=subagent:main:main",
            "session=agent:main:main-x",
        ] {
            assert!(!names(line, key), "{line}");
        }
    }

    #[test]
    fn a_line_on_record_is_one_line_for_people() {
        let line = r#"{"at":"2026-11-22T17:49:40.123Z","event":"refused","session":"agent:main:main","tool":"exec","reason":"no\nway"}"#;
        assert!(is_on_record_for(line, "agent:main:main"));
        assert!(!is_on_record_for(line, "agent:main"));
        let words = in_words(line);
        assert!(
            words.ends_with("agent:main:main           exec refused: no way"),
            "{words}"
        );
        assert_eq!(in_words("{\"at\":\"x"), "{\"at\":\"x");
        assert_eq!(
            in_words(r#"{"at":"x","event":"new"}"#),
            r#"{"at":"x","event":"new"}"#
        );
    }

    #[test]
    fn a_log_line_has_its_parts() {
        let json = as_json("2026-11-22T17:49:40.123456Z  INFO stopping");
        assert_eq!(
            json,
            r#"{"at":"2026-11-22T17:49:40.123456Z","level":"info","text":"stopping"}"#
        );
        assert_eq!(as_json("and more"), r#"{"text":"and more"}"#);
    }
}
