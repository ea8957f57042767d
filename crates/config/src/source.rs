//! The text of a file, and lines of it that problems show.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use crate::place::Place;
use crate::problem::{Problem, Snippet};
use crate::secret;
use crate::shown::escaped;

/// Whose file it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Layer {
    /// `adit.toml` of a team.
    Shared,
    /// `config.toml` of a person.
    Own,
}

/// A file that was read.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) file: Arc<Path>,
    pub(crate) layer: Layer,
    pub(crate) text: String,
    /// Where each line begins.
    lines: Vec<usize>,
    /// Whether a secret may go over lines, so that no line of a broken file can be shown.
    hides_lines: bool,
}

/// The most characters of a line that are shown, and how many of them before the mark.
const WIDTH: usize = 100;
const BEFORE: usize = 60;

impl Source {
    pub(crate) fn new(file: &Path, layer: Layer, text: &str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text).to_owned();
        let ends = text.match_indices('\n').map(|(at, _)| at + 1);
        let lines = std::iter::once(0).chain(ends).collect();
        let hides_lines = secret::spans_lines(&text);
        Self { file: file.into(), layer, text, lines, hides_lines }
    }

    pub(crate) fn is_shared(&self) -> bool {
        self.layer == Layer::Shared
    }

    /// Where the byte at `offset` stands.
    pub(crate) fn place(&self, offset: usize) -> Place {
        let (line, start, offset) = self.line_of(offset);
        let column = self.text[start..offset].chars().count() + 1;
        Place { file: Arc::clone(&self.file), line: line + 1, column }
    }

    /// A problem with what stands at `span`.
    pub(crate) fn problem(&self, span: Range<usize>, message: impl Into<String>) -> Problem {
        let place = self.place(span.start);
        let snippet = self.snippet(&span, None);
        Problem::at(&place, message.into(), Some(snippet))
    }

    /// The same where what stands there must not be shown.
    pub(crate) fn masked(&self, span: Range<usize>, message: impl Into<String>) -> Problem {
        self.hiding(span.clone(), span, message)
    }

    /// A problem with what stands at `span`, where what stands at `hidden` must not be shown.
    pub(crate) fn hiding(
        &self,
        span: Range<usize>,
        hidden: Range<usize>,
        message: impl Into<String>,
    ) -> Problem {
        let snippet = self.snippet(&span, Some(&hidden));
        Problem::at(&self.place(span.start), message.into(), Some(snippet))
    }

    /// A problem with the word at a place that was found earlier.
    pub(crate) fn problem_at(&self, place: &Place, message: impl Into<String>) -> Problem {
        let start = self.lines.get(place.line - 1).copied().unwrap_or_default();
        let rest = &self.text[start..];
        let at = rest.char_indices().nth(place.column - 1).map_or(rest.len(), |(at, _)| at);
        let word = rest[at..].find([' ', '\t', '\r', '\n', ',', ']']).unwrap_or(rest.len() - at);
        self.problem(start + at..start + at + word, message)
    }

    /// A problem of a file that could not be read to its end: what its lines are is not sure.
    pub(crate) fn broken(&self, span: Range<usize>, message: impl Into<String>) -> Problem {
        if self.hides_lines {
            return Problem::at(&self.place(span.start), message.into(), None);
        }
        self.problem(span, message)
    }

    /// The line, its beginning, and the offset brought to the nearest character.
    fn line_of(&self, offset: usize) -> (usize, usize, usize) {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let line = self.lines.partition_point(|start| *start <= offset).saturating_sub(1);
        (line, self.lines.get(line).copied().unwrap_or_default(), offset)
    }

    fn snippet(&self, span: &Range<usize>, mask: Option<&Range<usize>>) -> Snippet {
        let (_, start, offset) = self.line_of(span.start);
        let line = self.text[start..].split('\n').next().unwrap_or_default();
        let line = line.strip_suffix('\r').unwrap_or(line);
        let at = (offset - start).min(line.len());
        let to = span.end.saturating_sub(start).clamp(at, line.len());
        let mut hidden = secret::hidden_ranges(line);
        if let Some(mask) = mask {
            // A value may go on below its line, and a table begin above it.
            let within = |offset: usize| offset.saturating_sub(start).min(line.len());
            if mask.start >= span.start {
                hidden.push(within(mask.start)..within(mask.end));
            }
        }
        cut(line, at..to, &hidden)
    }
}

/// The line as it can be shown, and where the mark goes.
fn cut(line: &str, marked: Range<usize>, hidden: &[Range<usize>]) -> Snippet {
    let first = line[..marked.start].chars().count().saturating_sub(BEFORE);
    let mut text = String::new();
    let (mut column, mut end) = (0, None);
    if first > 0 {
        text.push('…');
    }
    let mut was_hidden = false;
    for (number, (at, c)) in line.char_indices().enumerate().skip(first) {
        if at == marked.start {
            column = text.chars().count();
        }
        if at >= marked.end && end.is_none() {
            end = Some(text.chars().count());
        }
        if number - first >= WIDTH {
            text.push('…');
            break;
        }
        let is_hidden = hidden.iter().any(|range| range.contains(&at));
        match c {
            _ if is_hidden && was_hidden => {}
            _ if is_hidden => text.push_str(secret::MASK),
            '\t' => text.push(' '),
            c => text.push_str(&escaped(c.encode_utf8(&mut [0; 4]))),
        }
        was_hidden = is_hidden;
    }
    let length = text.chars().count();
    if marked.start >= line.len() {
        column = length;
    }
    let width = end.unwrap_or(length).saturating_sub(column).max(1);
    Snippet { text, column, width }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Source {
        Source::new(Path::new("adit.toml"), Layer::Shared, text)
    }

    #[test]
    fn columns_count_characters() {
        let place = source("a = 1\r\né漢x = 2").place(12);
        assert_eq!((place.line, place.column), (2, 3));
        assert_eq!(source("\u{feff}a").place(0).column, 1);
    }

    #[test]
    fn the_mark_stands_below_what_it_means_also_after_an_escape() {
        let text = "a\u{1b} = oops # x";
        let at = text.find("oops").unwrap();
        let snippet = source(text).snippet(&(at..at + 4), None);
        assert_eq!(snippet.text, "a\\u{1b} = oops # x");
        assert_eq!((snippet.column, snippet.width), (snippet.text.find("oops").unwrap(), 4));
    }

    #[test]
    fn long_lines_are_cut_around_the_mark() {
        let text = format!("{} = oops{}", "é".repeat(500), "x".repeat(500));
        let at = text.find("oops").unwrap();
        let snippet = source(&text).snippet(&(at..at + 4), None);
        assert!(snippet.text.chars().count() <= WIDTH + 2);
        let marked: String = snippet.text.chars().skip(snippet.column).take(4).collect();
        assert_eq!(marked, "oops");
    }

    #[test]
    fn what_is_masked_shows_neither_text_nor_length() {
        let snippet = source("id = 'abc' # x").snippet(&(5..10), Some(&(5..10)));
        assert_eq!(snippet.text, "id = ******** # x");
        assert_eq!((snippet.column, snippet.width), (5, 8));
    }
}
