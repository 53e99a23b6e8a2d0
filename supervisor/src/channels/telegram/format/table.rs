//! Tables: aligned where a phone has room for them, else as lists.

use super::layout::{Gap, Held, Layout};
use super::styled::{Inner, Style, Styled};
use pulldown_cmark::Alignment;
use unicode_width::UnicodeWidthStr;

/// Widest table that is shown as one, in columns of a phone's screen.
const MAX_WIDTH: usize = 40;
/// Between two columns.
const BORDER: &str = " | ";
/// The same, under the header.
const CROSSING: &str = "-+-";

/// A table being read.
#[derive(Debug)]
pub(super) struct Table {
    align: Vec<Alignment>,
    head: Vec<Styled>,
    rows: Vec<Vec<Styled>>,
    row: Vec<Styled>,
    held: Held,
    gap: Gap,
}

// === impl Table ===

impl Table {
    pub(super) fn new(align: Vec<Alignment>, layout: &mut Layout, gap: Gap) -> Self {
        Self {
            align,
            head: Vec::new(),
            rows: Vec::new(),
            row: Vec::new(),
            held: layout.hold(),
            gap,
        }
    }

    pub(super) fn end_cell(&mut self, cell: Styled) {
        self.row.push(cell);
    }

    pub(super) fn end_head(&mut self) {
        self.head = std::mem::take(&mut self.row);
    }

    /// Adds to the last cell what stands in cells that have no column: the parser leaves them out.
    pub(super) fn add(&mut self, text: &str) {
        if let Some(cell) = self.row.last_mut() {
            cell.push(BORDER, Style::default());
            cell.push(text, Style::default());
        }
    }

    pub(super) fn end_row(&mut self) {
        self.rows.push(std::mem::take(&mut self.row));
    }

    /// Writes it where it began.
    pub(super) fn write(self, layout: &mut Layout) {
        let Self {
            align,
            head,
            rows,
            held,
            gap,
            ..
        } = self;
        layout.release(held);
        match widths(&head, &rows) {
            Some(widths) => layout.verbatim(&aligned(&align, &widths, &head, &rows), None, gap),
            None => list(layout, &head, &rows, gap),
        }
    }
}

/// How wide each column is; none if there is no room for all, or if a cell holds what a block of
/// letters of one width can not show: a link, a line break.
fn widths(head: &[Styled], rows: &[Vec<Styled>]) -> Option<Vec<usize>> {
    let mut widths: Vec<usize> = vec![0; head.len()];
    let borders = head.len().saturating_sub(1) * BORDER.len();
    let room = MAX_WIDTH.checked_sub(borders)?;
    for row in rows.iter().map(Vec::as_slice).chain([head]) {
        for (width, cell) in widths.iter_mut().zip(row) {
            if !fits(cell) {
                return None;
            }
            *width = cell.text().width().max(*width);
        }
    }
    (widths.iter().sum::<usize>() <= room).then_some(widths)
}

fn fits(cell: &Styled) -> bool {
    let mut runs = cell.runs(0..cell.text().len());
    let odd = |style: Style| style.spoiler || matches!(style.inner, Inner::Link(_));
    cell.text().len() <= MAX_WIDTH * 8
        && !cell.text().contains('\n')
        && !runs.any(|(_, style)| odd(style))
}

fn aligned(align: &[Alignment], widths: &[usize], head: &[Styled], rows: &[Vec<Styled>]) -> String {
    let mut out = String::new();
    line(&mut out, align, widths, head);
    let rule: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
    out.push('\n');
    out.push_str(&rule.join(CROSSING));
    for row in rows {
        out.push('\n');
        line(&mut out, align, widths, row);
    }
    out
}

fn line(out: &mut String, align: &[Alignment], widths: &[usize], row: &[Styled]) {
    for (index, width) in widths.iter().enumerate() {
        let text = row.get(index).map_or("", Styled::text);
        let space = width.saturating_sub(text.width());
        let (left, right) = match align.get(index).unwrap_or(&Alignment::None) {
            Alignment::None | Alignment::Left => (0, space),
            Alignment::Right => (space, 0),
            Alignment::Center => (space / 2, space - space / 2),
        };
        let is_last = index + 1 == widths.len();
        out.push_str(&" ".repeat(left));
        out.push_str(text);
        if !is_last {
            out.push_str(&" ".repeat(right));
            out.push_str(BORDER);
        }
    }
    if out.ends_with(' ') {
        out.truncate(out.trim_end_matches(' ').len());
    }
}

/// One item a row, each of its cells with its header before it.
fn list(layout: &mut Layout, head: &[Styled], rows: &[Vec<Styled>], gap: Gap) {
    // A header as long as that would be read again and again.
    let is_short = head.iter().all(|cell| cell.text().len() <= MAX_WIDTH * 2);
    let labels = if is_short && !rows.is_empty() {
        head
    } else {
        item(layout, &[], head, gap);
        &[]
    };
    for (index, row) in rows.iter().enumerate() {
        let gap = if index == 0 { gap } else { Gap::Line };
        item(layout, labels, row, gap);
    }
}

fn item(layout: &mut Layout, labels: &[Styled], row: &[Styled], gap: Gap) {
    let bold = Style {
        bold: true,
        ..Style::default()
    };
    let cells = row.iter().enumerate();
    let mut cells = cells
        .filter(|(_, cell)| !cell.text().trim().is_empty())
        .peekable();
    if cells.peek().is_none() {
        return;
    }
    layout.open_item("• ", gap);
    for (nth, (index, cell)) in cells.enumerate() {
        if nth > 0 {
            layout.line();
        }
        let label = labels.get(index).map_or("", Styled::text).trim();
        if !label.is_empty() {
            layout.words(label, bold);
            layout.words(": ", Style::default());
        }
        layout.styled(cell);
    }
    layout.close_item();
}
