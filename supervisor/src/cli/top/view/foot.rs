//! The last line: what was done, the filter, what the keys do.

use crate::cli::top::look::Look;
use crate::cli::top::state::{Front, State};
use crate::cli::{figures, out};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

/// What the keys do, the most wanted first.
const KEYS: [&str; 9] = [
    "q quit",
    "? help",
    "Enter details",
    "/ filter",
    "←→ sort",
    "s stop turn",
    "t kill tool",
    "K kill session",
    "r reverse",
];

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, state: &State, look: Look) {
    if let Front::Typing { .. } = state.front {
        draw_typing(frame, area, &state.filter);
        return;
    }
    let line = match &state.notice {
        Some(notice) => {
            let style = if notice.is_bad {
                look.bad()
            } else {
                look.good()
            };
            Line::styled(out::one_line(&notice.words).into_owned(), style)
        }
        None => keys(area.width.into(), state, look),
    };
    frame.render_widget(line, area);
}

fn draw_typing(frame: &mut Frame<'_>, area: Rect, filter: &str) {
    let words = format!("filter: {}", out::one_line(filter));
    // The end is where the person writes.
    let over = figures::width(&words).saturating_sub(usize::from(area.width) - 1);
    let shown: String = words.chars().skip(over).collect();
    let width = u16::try_from(figures::width(&shown)).unwrap_or(u16::MAX);
    frame.set_cursor_position((area.x + width.min(area.width - 1), area.y));
    frame.render_widget(Line::raw(shown), area);
}

fn keys(room: usize, state: &State, look: Look) -> Line<'static> {
    let mut spans = Vec::new();
    let mut left = room;
    if !state.filter.is_empty() {
        let (shown, all) = (state.rows().len(), state.report.sessions.len());
        let filter = out::one_line(&state.filter);
        let filter = figures::fitted(&filter, room / 2);
        let words = format!("{shown} of {all} match {filter}  ");
        left = left.saturating_sub(figures::width(&words));
        spans.push(Span::styled(words, look.warning()));
    }
    for key in KEYS {
        let Some(rest) = left.checked_sub(figures::width(key)) else {
            break;
        };
        left = rest.saturating_sub(2);
        spans.push(Span::styled(key, look.quiet()));
        spans.push(Span::raw("  "));
    }
    Line::from(spans)
}
