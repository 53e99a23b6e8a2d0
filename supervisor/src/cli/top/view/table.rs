//! The table: a row a session.

use crate::cli::figures;
use crate::cli::top::columns::{Column, fit};
use crate::cli::top::look::Look;
use crate::cli::top::state::State;
use ipc::meter::SessionUsage;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, state: &State, look: Look) {
    let rows = state.rows();
    let name = |row: &&SessionUsage| figures::width(&Column::Session.cell(row, 0));
    let names = rows.iter().map(name);
    let columns = fit(
        area.width.into(),
        state.order.column,
        names.max().unwrap_or(0),
    );
    let mut lines = vec![titles(&columns, state, look)];
    if rows.is_empty() {
        lines.push(Line::from(Span::styled(nothing(state), look.quiet())));
    }
    let room = usize::from(area.height.saturating_sub(1));
    let first = first_shown(state.row(), rows.len(), room);
    for (at, row) in rows.iter().enumerate().skip(first).take(room) {
        let line = line(row, &columns, look);
        lines.push(if at == state.row() {
            line.patch_style(look.chosen())
        } else {
            line
        });
    }
    frame.render_widget(Paragraph::new(lines), area);
}

/// The row chosen stands in the middle where there are more than fit.
fn first_shown(chosen: usize, rows: usize, room: usize) -> usize {
    chosen
        .saturating_sub(room / 2)
        .min(rows.saturating_sub(room))
}

fn nothing(state: &State) -> &'static str {
    if state.report.sessions.is_empty() {
        "no session has a process now"
    } else {
        "no session matches the filter (Esc clears it)"
    }
}

fn titles(columns: &[(Column, usize)], state: &State, look: Look) -> Line<'static> {
    let mark = if state.order.rises() { "▲" } else { "▼" };
    let title = |(column, width): &(Column, usize)| {
        let is_sorted = *column == state.order.column;
        let text = if is_sorted {
            let room = width.saturating_sub(1);
            figures::fitted(column.title(), room).into_owned() + mark
        } else {
            column.title().to_owned()
        };
        let style = if is_sorted {
            look.heading()
        } else {
            look.strong()
        };
        Span::styled(placed(&text, *column, *width), style)
    };
    spaced(columns.iter().map(title))
}

fn line(row: &SessionUsage, columns: &[(Column, usize)], look: Look) -> Line<'static> {
    let cell = |(column, width): &(Column, usize)| {
        let text = column.cell(row, *width);
        Span::styled(placed(&text, *column, *width), style(row, *column, look))
    };
    spaced(columns.iter().map(cell))
}

fn style(row: &SessionUsage, column: Column, look: Look) -> Style {
    match column {
        Column::State => match row.state.as_str() {
            "in turn" => look.good(),
            "backoff" | "failed" => look.bad(),
            _ => Style::new(),
        },
        Column::Cpu if row.cpu >= 1000 => look.warning(),
        Column::Level if row.level.is_some_and(|level| level < 2) => look.bad(),
        Column::History => look.good(),
        Column::Session
        | Column::Tool
        | Column::Processes
        | Column::Cpu
        | Column::Time
        | Column::Memory
        | Column::Peak
        | Column::Read
        | Column::Written
        | Column::Received
        | Column::Sent
        | Column::Calls
        | Column::In
        | Column::Out
        | Column::Cost
        | Column::Age
        | Column::Level => Style::new(),
    }
}

/// Text to the left, numbers to the right; the past grows from the right, as the newest is there.
fn placed(text: &str, column: Column, width: usize) -> String {
    let is_left = column.is_text() && (column != Column::History || text == column.title());
    figures::padded(&figures::fitted(text, width), width, !is_left)
}

fn spaced(cells: impl Iterator<Item = Span<'static>>) -> Line<'static> {
    let mut spans = Vec::new();
    for cell in cells {
        if !spans.is_empty() {
            spans.push(Span::raw(" "));
        }
        spans.push(cell);
    }
    Line::from(spans)
}
