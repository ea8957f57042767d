//! What happened lately, kept short enough to be kept always.

use std::collections::VecDeque;
use std::fmt::Write as _;

use crate::Time;

/// Lines that are kept.
const KEPT: usize = 400;

/// One thing that happened.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    /// When.
    pub at: Time,
    /// What.
    pub what: &'static str,
    /// To whom: a session, a stream, or a fault.
    pub who: usize,
    /// A sequence number, a length, or nothing.
    pub number: i64,
    /// The same.
    pub more: u64,
}

/// The last lines, and a digest of all.
#[derive(Debug, Default)]
pub struct Trace {
    lines: VecDeque<Line>,
    hash: u64,
}

impl Trace {
    /// Adds a line.
    pub fn note(&mut self, line: Line) {
        let mut word = |value: u64| {
            self.hash = (self.hash.rotate_left(5) ^ value).wrapping_mul(0x517c_c1b7_2722_0a95);
        };
        word(line.at.as_nanos() as u64);
        word(line.what.len() as u64 ^ u64::from(line.what.as_bytes()[0]) << 8);
        word(line.who as u64);
        word(line.number as u64);
        word(line.more);
        if self.lines.len() == KEPT {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }

    /// The digest: two runs with the same one did the same.
    pub const fn hash(&self) -> u64 {
        self.hash
    }

    /// The last `most` lines as text.
    pub fn text(&self, most: usize) -> String {
        let mut text = String::new();
        for line in self.lines.iter().skip(self.lines.len().saturating_sub(most)) {
            let Line { at, what, who, number, more } = line;
            // Writing to a string cannot fail.
            let _infallible =
                writeln!(text, "{:>14.6} {what:<24} {who:>3} {number:>8} {more}", at.as_secs_f64());
        }
        text
    }
}
