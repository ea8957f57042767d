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
    /// How many characters stand before each block of bytes: counting from the beginning of a line
    /// for each value of a file of one line would take the square of its length.
    blocks: Vec<usize>,
    /// Whether a secret may go over lines, so that no line of a broken file can be shown.
    hides_lines: bool,
}

/// The bytes of a block.
const BLOCK: usize = 256;

/// Lines are looked at for secrets before they are shown; what stands further behind is not shown.
const LOOKED_AT: usize = 4096;

/// The most characters of a line that are shown, and how many of them before the mark.
const WIDTH: usize = 100;
const BEFORE: usize = 60;

impl Source {
    pub(crate) fn new(file: &Path, layer: Layer, text: &str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text).to_owned();
        let ends = text.match_indices('\n').map(|(at, _)| at + 1);
        let lines = std::iter::once(0).chain(ends).collect();
        let mut count = 0;
        let blocks = text.as_bytes().chunks(BLOCK).map(|block| {
            let before = count;
            count += characters(block);
            before
        });
        let blocks = blocks.collect();
        let hides_lines = secret::spans_lines(&text);
        Self { file: file.into(), layer, text, lines, blocks, hides_lines }
    }

    pub(crate) fn is_shared(&self) -> bool {
        self.layer == Layer::Shared
    }

    /// Where the byte at `offset` stands.
    pub(crate) fn place(&self, offset: usize) -> Place {
        let (line, start, offset) = self.line_of(offset);
        let column = self.characters_before(offset) - self.characters_before(start) + 1;
        Place { file: Arc::clone(&self.file), line: line + 1, column }
    }

    /// A problem with what stands at `span`.
    pub(crate) fn problem(&self, span: Range<usize>, message: impl Into<String>) -> Problem {
        let place = self.place(span.start);
        let snippet = self.snippet(&span, None);
        Problem::at(&place, message.into(), snippet)
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
        Problem::at(&self.place(span.start), message.into(), snippet)
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

    fn characters_before(&self, offset: usize) -> usize {
        let block = offset / BLOCK;
        match self.blocks.get(block) {
            Some(before) => before + characters(&self.text.as_bytes()[block * BLOCK..offset]),
            // The end of a text that fills its blocks.
            None => self.blocks.last().map_or(0, |before| {
                before + characters(&self.text.as_bytes()[(block - 1) * BLOCK..])
            }),
        }
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

    fn snippet(&self, span: &Range<usize>, mask: Option<&Range<usize>>) -> Option<Snippet> {
        let (number, start, offset) = self.line_of(span.start);
        if offset - start > LOOKED_AT {
            return None;
        }
        let end = self.lines.get(number + 1).map_or(self.text.len(), |next| next - 1);
        let line = &self.text[start..end];
        let line = line.strip_suffix('\r').unwrap_or(line);
        let line = &line[..line.floor_char_boundary(LOOKED_AT)];
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
        Some(cut(line, at..to, &hidden))
    }
}

/// How many characters begin in these bytes of a text.
fn characters(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| byte.cast_signed() >= -0x40).count()
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
    fn columns_are_counted_over_blocks() {
        for text in [
            "a".repeat(600),
            "é".repeat(300),
            format!("x{}\n漢", "漢é".repeat(200)),
            "a".repeat(BLOCK),
        ] {
            let source = source(&text);
            for (at, _) in text.char_indices().chain([(text.len(), ' ')]) {
                let line = text[..at].rsplit('\n').next().unwrap();
                assert_eq!(source.place(at).column, line.chars().count() + 1, "{at}");
            }
        }
    }

    #[test]
    fn the_mark_stands_below_what_it_means_also_after_an_escape() {
        let text = "a\u{1b} = oops # x";
        let at = text.find("oops").unwrap();
        let snippet = source(text).snippet(&(at..at + 4), None).unwrap();
        assert_eq!(snippet.text, "a\\u{1b} = oops # x");
        assert_eq!((snippet.column, snippet.width), (snippet.text.find("oops").unwrap(), 4));
    }

    #[test]
    fn long_lines_are_cut_around_the_mark() {
        let text = format!("{} = oops{}", "é".repeat(500), "x".repeat(500));
        let at = text.find("oops").unwrap();
        let snippet = source(&text).snippet(&(at..at + 4), None).unwrap();
        assert!(snippet.text.chars().count() <= WIDTH + 2);
        let marked: String = snippet.text.chars().skip(snippet.column).take(4).collect();
        assert_eq!(marked, "oops");
    }

    #[test]
    fn what_is_masked_shows_neither_text_nor_length() {
        let snippet = source("id = 'abc' # x").snippet(&(5..10), Some(&(5..10))).unwrap();
        assert_eq!(snippet.text, "id = ******** # x");
        assert_eq!((snippet.column, snippet.width), (5, 8));
    }
}
