//! What stands before everything else: the help, and questions.

use crate::cli::out;
use crate::cli::top::columns::ALL;
use crate::cli::top::event::Deed;
use crate::cli::top::look::Look;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Text};
use ratatui::widgets::{Block, Clear, Paragraph, Wrap};

const HELP: &str = "\
↑ ↓ j k      choose a session      Home End g G   the first, the last
Enter        look at it closer     PgUp PgDn      scroll
/            filter by name, state or tool; Esc clears it
← → < >      sort by another column; r reverses
s            stop its turn
t            kill the tool that runs, or the job that Tab picked
K            stop it, with all its tools and its agent process
Ctrl-L       draw anew             Ctrl-Z         back to the shell
q Ctrl-C     leave";

/// What the keys do.
pub(super) fn help(frame: &mut Frame<'_>, screen: Rect, look: Look) {
    let sorts = ALL.iter().filter_map(|column| {
        let key = column.key()?;
        Some(format!("{key} {}", column.title()))
    });
    let sorts: Vec<String> = sorts.collect();
    let mut text = Text::from(HELP);
    text.lines
        .push(Line::raw(format!("Sort by: {}", sorts.join(", "))));
    draw(
        frame,
        screen,
        " help: any key closes it ",
        text,
        look.heading(),
    );
}

/// Whether that is really meant.
pub(super) fn question(frame: &mut Frame<'_>, screen: Rect, deed: &Deed, look: Look) {
    let session = out::one_line(deed.session().as_str());
    let words = match deed {
        Deed::Stop { .. } => format!("Stop the turn of {session}?"),
        Deed::Kill { .. } => format!("Stop {session}, with all its tools and its agent process?"),
        Deed::KillJob { job, .. } => {
            format!("Kill {} of {session}?", out::one_line(job.as_str()))
        }
    };
    let text = Text::from(vec![
        Line::raw(words),
        Line::raw(""),
        Line::raw("y: yes    any other key: no"),
    ]);
    draw(frame, screen, " sure? ", text, look.bad());
}

fn draw(frame: &mut Frame<'_>, screen: Rect, title: &str, text: Text<'_>, style: Style) {
    let width = screen.width.saturating_sub(4).min(76);
    let lines: usize = text
        .lines
        .iter()
        .map(|line| {
            line.width()
                .div_ceil(usize::from(width.saturating_sub(2).max(1)))
                .max(1)
        })
        .sum();
    // Wrapping at words may take a line more.
    let height = u16::try_from(lines + 3)
        .unwrap_or(u16::MAX)
        .min(screen.height);
    let area = Rect {
        x: screen.x + (screen.width - width) / 2,
        y: screen.y + (screen.height - height) / 2,
        width,
        height,
    };
    let block = Block::bordered().title(title).border_style(style);
    frame.render_widget(Clear, area);
    frame.render_widget(
        Paragraph::new(text).wrap(Wrap { trim: false }).block(block),
        area,
    );
}
