//! How text of others is shown: a file of a stranger must not write to the terminal what it likes.

use std::path::Path;

use crate::secret;

/// The longest text that a message repeats.
const LONGEST: usize = 80;

/// A name or value for a message: whatever looks like a secret is gone, what a terminal would obey is
/// escaped, and what is long is cut.
pub(crate) fn shown(text: &str) -> String {
    // What is cut off below is far from being shown.
    let text = &text[..text.floor_char_boundary(20 * LONGEST)];
    let mut text = secret::hidden(text);
    if let Some((end, _)) = text.char_indices().nth(LONGEST) {
        text.truncate(end);
        text.push('…');
    }
    escaped(&text)
}

/// A whole message of a library, which may repeat what it read.
pub(crate) fn shown_message(text: &str) -> String {
    let text = text.lines().next().unwrap_or_default();
    escaped(&secret::hidden(text).chars().take(300).collect::<String>())
}

/// A path, with what a terminal would obey escaped.
pub(crate) fn shown_path(path: &Path) -> String {
    escaped(&path.to_string_lossy())
}

/// The text with what a terminal would obey escaped.
pub(crate) fn escaped(text: &str) -> String {
    let mut to = String::with_capacity(text.len());
    for c in text.chars() {
        if is_obeyed(c) { to.extend(c.escape_unicode()) } else { to.push(c) }
    }
    to
}

/// Whether a terminal or an editor does something on this character but show it: controls, and the
/// marks that turn the direction of what follows or take no room at all.
pub(crate) fn is_obeyed(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_escaped() {
        assert_eq!(shown("a\u{1b}[31mb\u{202e}c"), "a\\u{1b}[31mb\\u{202e}c");
        assert_eq!(shown("\u{9b}2J"), "\\u{9b}2J");
        assert_eq!(shown("é漢"), "é漢");
    }

    #[test]
    fn what_is_long_is_cut() {
        assert_eq!(shown(&"é".repeat(300)).chars().count(), LONGEST + 1);
    }

    #[test]
    fn what_looks_like_a_secret_is_not_repeated() {
        let shown = shown("AKIAIOSFODNN7EXAMPLE");
        assert!(!shown.contains("AKIA"), "{shown}");
    }
}
