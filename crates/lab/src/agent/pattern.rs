//! The regular expressions that session documents use for their parameters: groups,
//! alternatives, classes, anchors and quantifiers of RE2's syntax, and no more.

use std::iter::Peekable;
use std::str::Chars;

/// A compiled expression, which may match anywhere unless it is anchored.
#[derive(Debug)]
pub(super) struct Pattern(Node);

/// An expression that cannot be compiled.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("error parsing regexp: {0}")]
pub(super) struct PatternError(&'static str);

#[derive(Debug)]
enum Node {
    Start,
    End,
    One(Class),
    Sequence(Vec<Self>),
    Either(Vec<Self>),
    Repeat { node: Box<Self>, min: usize, max: usize },
}

#[derive(Clone, Debug, Default)]
struct Class {
    negated: bool,
    ranges: Vec<(char, char)>,
}

impl Pattern {
    pub(super) fn parse(text: &str) -> Result<Self, PatternError> {
        let mut parser = Parser(text.chars().peekable());
        let node = parser.either()?;
        match parser.0.next() {
            None => Ok(Self(node)),
            Some(_) => Err(PatternError("unexpected )")),
        }
    }

    pub(super) fn matches(&self, text: &str) -> bool {
        let text: Vec<char> = text.chars().collect();
        (0..=text.len()).any(|from| !self.0.ends(&text, &[from]).is_empty())
    }
}

impl Node {
    /// Every position at which this may end when it begins at one of `starts`; ordered, each
    /// once, so that the work is bounded by the length of text and expression.
    fn ends(&self, text: &[char], starts: &[usize]) -> Vec<usize> {
        let mut ends: Vec<usize> = match self {
            Self::Start => starts.iter().copied().filter(|&at| at == 0).collect(),
            Self::End => starts.iter().copied().filter(|&at| at == text.len()).collect(),
            Self::One(class) => starts
                .iter()
                .filter(|&&at| text.get(at).is_some_and(|&c| class.contains(c)))
                .map(|at| at + 1)
                .collect(),
            Self::Sequence(nodes) => {
                nodes.iter().fold(starts.to_vec(), |starts, node| node.ends(text, &starts))
            }
            Self::Either(nodes) => nodes.iter().flat_map(|node| node.ends(text, starts)).collect(),
            Self::Repeat { node, min, max } => {
                let mut ends = if *min == 0 { starts.to_vec() } else { Vec::new() };
                let mut current = starts.to_vec();
                // Beyond the text's length only empty repetitions are left.
                for count in 1..=(*max).min(min + text.len()) {
                    current = node.ends(text, &current);
                    if current.is_empty() {
                        break;
                    }
                    if count >= *min {
                        ends.extend_from_slice(&current);
                    }
                }
                ends
            }
        };
        ends.sort_unstable();
        ends.dedup();
        ends
    }
}

impl Class {
    fn of(ranges: &[(char, char)]) -> Self {
        Self { negated: false, ranges: ranges.to_vec() }
    }

    fn contains(&self, c: char) -> bool {
        self.ranges.iter().any(|(from, to)| (*from..=*to).contains(&c)) != self.negated
    }
}

struct Parser<'a>(Peekable<Chars<'a>>);

impl Parser<'_> {
    fn either(&mut self) -> Result<Node, PatternError> {
        let mut branches = vec![self.sequence()?];
        while self.0.next_if_eq(&'|').is_some() {
            branches.push(self.sequence()?);
        }
        Ok(Node::Either(branches))
    }

    fn sequence(&mut self) -> Result<Node, PatternError> {
        let mut nodes = Vec::new();
        while let Some(&c) = self.0.peek() {
            if c == '|' || c == ')' {
                break;
            }
            let node = self.one()?;
            nodes.push(self.quantified(node)?);
        }
        Ok(Node::Sequence(nodes))
    }

    fn one(&mut self) -> Result<Node, PatternError> {
        match self.0.next() {
            Some('^') => Ok(Node::Start),
            Some('$') => Ok(Node::End),
            Some('.') => Ok(Node::One(Class { negated: true, ranges: vec![('\n', '\n')] })),
            Some('(') => {
                if self.0.next_if_eq(&'?').is_some() && self.0.next() != Some(':') {
                    return Err(PatternError("invalid or unsupported group"));
                }
                let inner = self.either()?;
                match self.0.next() {
                    Some(')') => Ok(inner),
                    _ => Err(PatternError("missing closing )")),
                }
            }
            Some('[') => self.class().map(Node::One),
            Some('\\') => self.escape().map(Node::One),
            Some('*' | '+' | '?') => Err(PatternError("missing argument to repetition operator")),
            Some(c) => Ok(Node::One(Class::of(&[(c, c)]))),
            None => Err(PatternError("unexpected end")),
        }
    }

    fn quantified(&mut self, node: Node) -> Result<Node, PatternError> {
        let (min, max) = match self.0.peek() {
            Some('*') => (0, usize::MAX),
            Some('+') => (1, usize::MAX),
            Some('?') => (0, 1),
            Some('{') => {
                self.0.next();
                let bounds = self.bounds()?;
                return Ok(Node::Repeat { node: Box::new(node), min: bounds.0, max: bounds.1 });
            }
            _ => return Ok(node),
        };
        self.0.next();
        Ok(Node::Repeat { node: Box::new(node), min, max })
    }

    fn bounds(&mut self) -> Result<(usize, usize), PatternError> {
        const INVALID: PatternError = PatternError("invalid repeat count");
        let mut text = String::new();
        loop {
            match self.0.next() {
                Some('}') => break,
                Some(c) => text.push(c),
                None => return Err(INVALID),
            }
        }
        let number = |text: &str| text.parse::<usize>().map_err(|_| INVALID);
        match text.split_once(',') {
            None => number(&text).map(|count| (count, count)),
            Some((min, "")) => Ok((number(min)?, usize::MAX)),
            Some((min, max)) => Ok((number(min)?, number(max)?)),
        }
    }

    fn class(&mut self) -> Result<Class, PatternError> {
        const MISSING: PatternError = PatternError("missing closing ]");
        let negated = self.0.next_if_eq(&'^').is_some();
        let mut ranges = Vec::new();
        let mut first = true;
        loop {
            let from = match self.0.next().ok_or(MISSING)? {
                ']' if !first => return Ok(Class { negated, ranges }),
                '\\' => {
                    let escaped = self.escape()?;
                    match escaped.ranges[..] {
                        [(from, to)] if from == to && !escaped.negated => from,
                        _ if escaped.negated => return Err(PatternError("unsupported class")),
                        _ => {
                            ranges.extend(escaped.ranges);
                            first = false;
                            continue;
                        }
                    }
                }
                c => c,
            };
            first = false;
            let mut ahead = self.0.clone();
            let is_range = ahead.next() == Some('-') && ahead.next().is_some_and(|c| c != ']');
            let to = if is_range {
                self.0.next();
                match self.0.next().ok_or(MISSING)? {
                    '\\' => self.0.next().ok_or(MISSING)?,
                    c => c,
                }
            } else {
                from
            };
            ranges.push((from, to));
        }
    }

    fn escape(&mut self) -> Result<Class, PatternError> {
        let digits = [('0', '9')];
        let word = [('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')];
        let space = [('\t', '\n'), ('\u{c}', '\r'), (' ', ' ')];
        Ok(match self.0.next().ok_or(PatternError("trailing backslash"))? {
            'd' => Class::of(&digits),
            'D' => Class { negated: true, ..Class::of(&digits) },
            'w' => Class::of(&word),
            'W' => Class { negated: true, ..Class::of(&word) },
            's' => Class::of(&space),
            'S' => Class { negated: true, ..Class::of(&space) },
            'n' => Class::of(&[('\n', '\n')]),
            't' => Class::of(&[('\t', '\t')]),
            c if c.is_ascii_alphanumeric() => return Err(PatternError("invalid escape sequence")),
            c => Class::of(&[(c, c)]),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    /// From the documents `AWS-StartPortForwardingSession` and `…ToRemoteHost`.
    const PORT: &str = "^([1-9]|[1-9][0-9]{1,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])$";
    const HOST: &str = "^[^,$^&\\(\\)!;'\\\"<>\\`{}\\[\\]\\|#=]{3,}$";

    fn matches(pattern: &str, text: &str) -> bool {
        Pattern::parse(pattern).expect("a pattern").matches(text)
    }

    #[test]
    fn port_numbers_are_told_from_other_texts() {
        for port in ["1", "80", "5432", "10000", "59999", "64999", "65499", "65535"] {
            assert!(matches(PORT, port), "{port}");
        }
        for text in ["", "0", "080", "65536", "70000", "123456", "80a", " 80"] {
            assert!(!matches(PORT, text), "{text}");
        }
    }

    #[test]
    fn hosts_are_told_from_other_texts() {
        for host in ["db.internal", "10.0.0.1", "fd00::1"] {
            assert!(matches(HOST, host), "{host}");
        }
        for text in ["", "ab", "a;b;c", "db|x", "$(x)", "[::1]", "a\"b\"c"] {
            assert!(!matches(HOST, text), "{text}");
        }
    }

    #[test]
    fn a_pattern_without_anchors_matches_anywhere() {
        assert!(matches("b+", "abbc"));
        assert!(!matches("b+", "ac"));
        assert!(matches("^(?:ab|c)*$", "abcab"));
        assert!(matches("^[\\w.-]+$", "a.b-c_1"));
        assert!(matches("^a{2}$", "aa") && !matches("^a{2}$", "aaa"));
    }

    #[test]
    fn nested_repetition_of_nothing_ends() {
        assert!(matches("^(a*)*$", "aaaa"));
        assert!(!matches("^(a*)*b$", &"a".repeat(200)));
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for text in ["(", "[a", "*a", "a{x}", "a)", "\\q", "(?P<x>a)"] {
            assert!(Pattern::parse(text).is_err(), "{text}");
        }
    }
}
