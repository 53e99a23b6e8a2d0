//! Which sessions are shown, and in which order.

use super::columns::{ALL, Column};
use ipc::meter::SessionUsage;

/// By what sessions are sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Order {
    pub(super) column: Column,
    /// Against what is natural: numbers from the greatest, text from A.
    pub(super) reversed: bool,
}

impl Order {
    /// Whether the smaller come first.
    pub(super) fn rises(self) -> bool {
        self.column.is_text() != self.reversed
    }

    /// By this column; said again, the other way round.
    pub(super) fn by(self, column: Column) -> Self {
        Self {
            column,
            reversed: self.column == column && !self.reversed,
        }
    }

    /// By the column so many to the right of this one, around the edge.
    pub(super) fn moved(self, right: isize) -> Self {
        let at = ALL.iter().position(|column| *column == self.column);
        let at = at.unwrap_or(0).cast_signed() + right;
        let at = at.rem_euclid(ALL.len().cast_signed()).cast_unsigned();
        Self {
            column: ALL[at],
            reversed: false,
        }
    }

    /// The sessions that match `filter`, in this order; those alike by their names.
    pub(super) fn rows<'a>(self, of: &'a [SessionUsage], filter: &str) -> Vec<&'a SessionUsage> {
        let filter = filter.to_lowercase();
        let mut rows: Vec<_> = of.iter().filter(|one| matches(one, &filter)).collect();
        rows.sort_by(|one, other| {
            let by = self.column.compare(one, other);
            let by = if self.rises() { by } else { by.reverse() };
            by.then_with(|| one.session.cmp(&other.session))
        });
        rows
    }
}

/// Whether its name, its state or its tool has these (small) letters in it.
fn matches(session: &SessionUsage, filter: &str) -> bool {
    let tool = session.tool.as_ref().map(|tool| tool.name.as_str());
    let of = [
        session.session.as_str(),
        &session.state,
        tool.unwrap_or_default(),
    ];
    of.iter().any(|text| text.to_lowercase().contains(filter))
}
