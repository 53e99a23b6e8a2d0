//! The machine, the gateway, and how the figures are known.

use crate::cli::top::look::Look;
use crate::cli::top::state::State;
use crate::cli::top::summary;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

/// Lines it takes.
pub(super) const HEIGHT: u16 = 3;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, state: &State, look: Look) {
    let lines = summary::lines(&state.report);
    let mut lines: Vec<Line<'_>> = lines.into_iter().map(Line::from).collect();
    if let Some((why, since)) = state.trouble() {
        let words = format!(
            "gateway away: {} (figures are {} s old; it is tried again)",
            crate::cli::out::one_line(why),
            since.as_secs()
        );
        lines[0] = Line::from(Span::styled(words, look.bad()));
    }
    frame.render_widget(Paragraph::new(lines), area);
}
