//! The session chosen, closer.

use crate::cli::out;
use crate::cli::top::detail::{self, Kind};
use crate::cli::top::look::Look;
use crate::cli::top::state::{Pane, State};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Paragraph, Wrap};

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, state: &State, pane: &Pane, look: Look) {
    let name = state.chosen.as_ref().map(|key| out::one_line(key.as_str()));
    let title = format!(" {} ", name.unwrap_or_default());
    let block = Block::new()
        .borders(Borders::TOP)
        .title(Span::styled(title, look.heading()));
    let inside = block.inner(area);
    frame.render_widget(block, area);
    let Some(told) = state.told() else {
        let words = pane.untold.as_deref().unwrap_or("asking the gateway …");
        let words = Paragraph::new(out::one_line(words)).wrap(Wrap { trim: true });
        frame.render_widget(words, inside);
        return;
    };
    let columns = detail::columns(told, frame.area().width, pane.job.as_ref());
    // The tree of processes is the widest.
    let widths = [Constraint::Fill(3), Constraint::Fill(2)];
    let widths = widths.into_iter().take(columns.len());
    let areas = Layout::horizontal(widths).spacing(2).split(inside);
    for (lines, area) in columns.iter().zip(areas.iter()) {
        let shown = lines.iter().skip(pane.scroll);
        let shown = shown.map(|line| Line::styled(line.text.as_str(), style(line.kind, look)));
        let shown: Vec<_> = shown.take(area.height.into()).collect();
        frame.render_widget(Paragraph::new(shown), *area);
    }
}

fn style(kind: Kind, look: Look) -> Style {
    match kind {
        Kind::Heading => look.strong(),
        Kind::Plain => Style::new(),
        Kind::Picked => look.chosen(),
        Kind::Denied => look.warning(),
    }
}
