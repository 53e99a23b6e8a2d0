//! Draws the state on a screen of any size. Decides nothing.
//!
//! ```text
//! head       what the machine and the gateway do
//! table      a row a session
//! pane       one session, closer; all the room where there is little
//! foot       what the keys do, or a word
//! ```

mod head;
mod table;
mod pane;
mod foot;
mod popup;

use super::look::Look;
use super::state::{Front, SMALLEST, State};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::widgets::{Paragraph, Wrap};

/// A body with fewer lines has no room for table and pane.
const BOTH_FROM: u16 = 16;

/// Draws everything.
pub(super) fn draw(frame: &mut Frame<'_>, state: &State, look: Look) {
    let screen = frame.area();
    if screen.width < SMALLEST.width || screen.height < SMALLEST.height {
        too_small(frame, screen);
        return;
    }
    let rows = [
        Constraint::Length(head::HEIGHT),
        Constraint::Fill(1),
        Constraint::Length(1),
    ];
    let [head, body, foot] = Layout::vertical(rows).areas(screen);
    head::draw(frame, head, state, look);
    draw_body(frame, body, state, look);
    foot::draw(frame, foot, state, look);
    match &state.front {
        Front::Table | Front::Typing { .. } => {}
        Front::Help => popup::help(frame, screen, look),
        Front::Asking(deed) => popup::question(frame, screen, deed, look),
    }
}

fn draw_body(frame: &mut Frame<'_>, body: Rect, state: &State, look: Look) {
    let Some(open) = &state.pane else {
        table::draw(frame, body, state, look);
        return;
    };
    if body.height < BOTH_FROM {
        pane::draw(frame, body, state, open, look);
        return;
    }
    let rows = [Constraint::Percentage(35), Constraint::Fill(1)];
    let [above, below] = Layout::vertical(rows).areas(body);
    table::draw(frame, above, state, look);
    pane::draw(frame, below, state, open, look);
}

fn too_small(frame: &mut Frame<'_>, screen: Rect) {
    let words = format!(
        "too small: {} columns and {} lines are needed; q leaves",
        SMALLEST.width, SMALLEST.height
    );
    frame.render_widget(Paragraph::new(words).wrap(Wrap { trim: true }), screen);
}

#[cfg(test)]
mod tests;
