//! What sessions use now, printed once: aligned for people, JSON for programs.

use super::columns::{ALL, Column, fit};
use super::feed;
use super::order::Order;
use super::summary;
use crate::cli::client::Client;
use crate::cli::{CliError, figures, on_one_thread, out, paths};
use ipc::meter::{SessionUsage, UsageReport};
use ratatui::crossterm::terminal;
use std::io::{self, IsTerminal as _};

/// Prints it.
///
/// # Errors
/// When no gateway answers.
pub(super) fn print(order: Order, filter: &str, json: bool) -> Result<(), CliError> {
    let mut report = on_one_thread(async {
        let mut client = Client::connect(&paths()).await?;
        feed::report(&mut client).await
    })?;
    report.sessions = order
        .rows(&report.sessions, filter)
        .into_iter()
        .cloned()
        .collect();
    if json {
        out::line(&crate::cli::json(&report)?)?;
        return Ok(());
    }
    // Without a terminal there is no edge, and nobody who looks at the past.
    let terminal = io::stdout().is_terminal().then(terminal::size);
    let width = terminal.and_then(Result::ok).map(|(width, _)| width.into());
    out::print(&table(&report, order.column, width))?;
    Ok(())
}

/// The summary, and a row a session; what does not fit in `width` gives way.
fn table(report: &UsageReport, sorted: Column, width: Option<usize>) -> String {
    let columns = match width {
        Some(width) => fit(width, sorted, widest(&report.sessions, Column::Session)),
        None => every(&report.sessions),
    };
    let mut text = summary::lines(report).join("\n") + "\n\n";
    text += &line(&columns, |column, _| column.title().to_owned());
    for session in &report.sessions {
        text += &line(&columns, |column, width| column.cell(session, width));
    }
    text
}

/// Every column but the past, as wide as the widest in it.
fn every(sessions: &[SessionUsage]) -> Vec<(Column, usize)> {
    let columns = ALL.into_iter().filter(|column| *column != Column::History);
    columns
        .map(|column| (column, widest(sessions, column).max(column.title().len())))
        .collect()
}

fn widest(sessions: &[SessionUsage], column: Column) -> usize {
    let cells = sessions.iter().map(|session| column.cell(session, 0));
    cells.map(|cell| figures::width(&cell)).max().unwrap_or(0)
}

fn line(columns: &[(Column, usize)], cell: impl Fn(Column, usize) -> String) -> String {
    let cells = columns.iter().map(|(column, width)| {
        let text = cell(*column, *width);
        figures::padded(&figures::fitted(&text, *width), *width, !column.is_text())
    });
    let cells: Vec<String> = cells.collect();
    cells.join(" ").trim_end().to_owned() + "\n"
}

#[cfg(test)]
mod tests {
    use super::super::samples::report;
    use super::*;

    #[test]
    fn a_script_is_given_all_of_every_column() {
        insta::assert_snapshot!(table(&report(), Column::Cpu, None));
    }

    #[test]
    fn a_person_is_given_what_fits() {
        insta::assert_snapshot!(table(&report(), Column::Cpu, Some(80)));
    }

    #[test]
    fn a_row_is_a_line_whatever_a_session_is_called() {
        let mut report = report();
        report.sessions[0].session = "a\nb\u{1b}[2J\tc".into();
        let text = table(&report, Column::Cpu, None);
        assert_eq!(text.lines().count(), 8);
        assert!(
            !text.contains(|c: char| c.is_control() && c != '\n'),
            "{text:?}"
        );
    }
}
