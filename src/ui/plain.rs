//! Text that comes from elsewhere (arguments, the service, the far end), made fit for a terminal.
//!
//! A terminal obeys what it is sent: an escape sequence retitles it, clears it or answers in the
//! user's name, a carriage return overwrites what was said before, and a change of direction makes
//! a name read as another one.

use std::fmt::Write;

/// The most characters of one line; what is longer was not written by us.
const LINE_LIMIT: usize = 2_000;

/// One line: line breaks and tabs become spaces, other controls are spelled out, the rest of an
/// endless text is left out.
pub(crate) fn line(text: &str) -> String {
    let mut plain = String::with_capacity(text.len().min(LINE_LIMIT));
    for (count, c) in text.chars().enumerate() {
        if count == LINE_LIMIT {
            plain.push('…');
            break;
        }
        match c {
            '\n' | '\r' | '\t' => plain.push(' '),
            c if is_control(c) => plain.extend(c.escape_unicode()),
            c => plain.push(c),
        }
    }
    plain
}

/// Lines that are meant as such, each on its own.
pub(crate) fn lines(text: &str) -> String {
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

/// The same text in JSON, with the controls escaped that JSON lets through.
pub(crate) fn json(text: String) -> String {
    if !text.contains(is_control) {
        return text;
    }
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if is_control(c) {
            // All of them are in the basic plane. Writing to a string cannot fail.
            let _ = write!(escaped, "\\u{:04x}", u32::from(c));
        } else {
            escaped.push(c);
        }
    }
    escaped
}

/// Whether a terminal could take it for an order: C0, DEL and C1, marks and overrides of
/// direction, separators of lines.
pub(crate) fn is_control(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_are_spelled_out() {
        assert_eq!(line("\u{1b}]0;owned\u{7}"), "\\u{1b}]0;owned\\u{7}");
        assert_eq!(line("a\u{9b}2Jb\u{7f}"), "a\\u{9b}2Jb\\u{7f}");
        assert_eq!(line("moc.\u{202e}evil\u{2066}"), "moc.\\u{202e}evil\\u{2066}");
    }

    #[test]
    fn a_line_stays_one() {
        assert_eq!(line("one\r\nerror: two\tthree"), "one  error: two three");
        assert_eq!(lines("one\n\u{1b}two"), "one\n\\u{1b}two");
    }

    #[test]
    fn ordinary_text_is_left_alone() {
        for text in ["Grüße, 你好, שלום, 👩‍🚀", ""] {
            assert_eq!(line(text), text);
        }
    }

    #[test]
    fn an_endless_text_is_cut() {
        let cut = line(&"x".repeat(LINE_LIMIT + 1));
        assert_eq!(cut.chars().count(), LINE_LIMIT + 1);
        assert!(cut.ends_with('…'));
        assert_eq!(line(&"x".repeat(LINE_LIMIT)), "x".repeat(LINE_LIMIT));
    }

    #[test]
    fn json_means_the_same_as_before() {
        let text = "C1 \u{9b}, DEL \u{7f}, bidi \u{202e}, ESC \u{1b}";
        let escaped = json(serde_json::to_string(text).unwrap());
        assert!(!escaped.contains(is_control), "{escaped:?}");
        assert_eq!(serde_json::from_str::<String>(&escaped).unwrap(), text);
    }
}
