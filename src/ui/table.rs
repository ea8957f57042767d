//! Tables that fit the terminal, and lines that programs can cut where there is none.

use comfy_table::presets::NOTHING;
use comfy_table::{Cell, ColumnConstraint, ContentArrangement, Table as Drawing, Width};
use console::Term;

use super::plain;

/// The narrowest that a table is made for; what is narrower wraps by itself.
const NARROWEST: u16 = 40;
/// The space between columns.
const GAP: u16 = 2;
/// The narrowest that a column of wrapped text may be.
const NARROWEST_COLUMN: u16 = 12;

/// A table: one line a row, unless the terminal is too narrow for it.
#[derive(Debug)]
pub(crate) struct Table {
    headers: Vec<&'static str>,
    rows: Vec<Vec<String>>,
    /// Columns to do without where there is no room for all, the first of them first.
    spare: &'static [&'static str],
}

impl Table {
    pub(crate) fn new(headers: &'static [&'static str]) -> Self {
        Self { headers: headers.to_vec(), rows: Vec::new(), spare: &[] }
    }

    /// Names columns to leave out on a terminal that is too narrow for all, one after the other:
    /// better than addresses that nobody can copy.
    pub(crate) fn or_without(mut self, headers: &'static [&'static str]) -> Self {
        self.spare = headers;
        self
    }

    /// Adds a row; an empty cell is shown as `-`, so that columns can be counted.
    pub(crate) fn row<const N: usize>(&mut self, cells: [&str; N]) {
        let shown = |cell: &str| if cell.is_empty() { "-".to_owned() } else { plain::line(cell) };
        self.rows.push(cells.map(shown).into());
    }

    /// The table as it looks on standard output: as wide as the terminal, or as wide as it needs
    /// to be where there is none.
    pub(crate) fn for_stdout(&self) -> String {
        self.draw(Term::stdout().size_checked().map(|(_, columns)| columns))
    }

    fn draw(&self, width: Option<u16>) -> String {
        let fits = |whole: &str| {
            let width = width.map_or(usize::MAX, usize::from);
            whole.lines().all(|line| console::measure_text_width(line) <= width)
        };
        let mut table = Self { headers: self.headers.clone(), rows: self.rows.clone(), spare: &[] };
        for header in self.spare {
            if fits(&table.arrange(None)) {
                break;
            }
            table.leave_out(header);
        }
        table.arrange(width)
    }

    fn leave_out(&mut self, header: &str) {
        if let Some(index) = self.headers.iter().position(|one| *one == header) {
            self.headers.remove(index);
            for row in &mut self.rows {
                row.remove(index);
            }
        }
    }

    fn arrange(&self, width: Option<u16>) -> String {
        let mut drawing = Drawing::new();
        drawing.load_style(NOTHING).set_header(self.headers.clone());
        for row in &self.rows {
            drawing.add_row(row.iter().map(Cell::new));
        }
        match width {
            Some(width) => {
                drawing
                    .set_content_arrangement(ContentArrangement::Dynamic)
                    .set_width(width.max(NARROWEST));
            }
            None => {
                drawing.set_content_arrangement(ContentArrangement::Disabled);
            }
        }
        let last = self.headers.len().saturating_sub(1);
        let widths = drawing.column_max_content_widths();
        for ((index, column), content) in drawing.column_iter_mut().enumerate().zip(widths) {
            column.set_padding((0, if index == last { 0 } else { GAP }));
            let Some(width) = width else { continue };
            // Names and ids are not to be torn apart; sentences can be.
            column.set_constraint(if content <= width / 3 && index != last {
                ColumnConstraint::ContentWidth
            } else {
                ColumnConstraint::LowerBoundary(Width::Fixed(NARROWEST_COLUMN))
            });
        }
        drawing.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(&["TARGET", "VPC", "WHAT"]);
        table.row(["rds:orders", "vpc-0123456789abcdef0", "a database that a long text describes"]);
        table.row(["host:a\u{1b}[2Jb", "", "short"]);
        table
    }

    #[test]
    fn without_a_terminal_a_row_is_a_line() {
        insta::assert_snapshot!(table().draw(None), @r"
        TARGET            VPC                    WHAT
        rds:orders        vpc-0123456789abcdef0  a database that a long text describes
        host:a\u{1b}[2Jb  -                      short
        ");
    }

    #[test]
    fn a_narrow_terminal_does_without_what_is_spare() {
        let whole = table().draw(None);
        let table = table().or_without(&["VPC", "WHAT"]);
        assert_eq!(table.draw(None), whole);
        insta::assert_snapshot!(table.draw(Some(64)), @r"
        TARGET            WHAT
        rds:orders        a database that a long text describes
        host:a\u{1b}[2Jb  short
        ");
        assert_eq!(table.draw(Some(40)).lines().next(), Some("TARGET"));
    }

    #[test]
    fn a_narrow_terminal_wraps_within_columns() {
        let drawn = table().draw(Some(64));
        assert!(drawn.lines().all(|line| line.chars().count() <= 64), "{drawn}");
        insta::assert_snapshot!(drawn, @r"
        TARGET            VPC                    WHAT
        rds:orders        vpc-0123456789abcdef0  a database that a long
                                                 text describes
        host:a\u{1b}[2Jb  -                      short
        ");
    }
}
