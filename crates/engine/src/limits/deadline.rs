use std::time::{Duration, Instant};

/// How long before an end it is warned of: time to finish, and then time to save.
const WARNINGS: [Duration; 2] = [Duration::from_mins(5), Duration::from_mins(1)];

/// The end of a limit, and which warnings of it are to come.
#[derive(Clone, Debug)]
pub(super) struct Deadline {
    end: Instant,
    /// Those of [`WARNINGS`] that are still to come.
    to_come: &'static [Duration],
    /// A warning that nobody has taken: what was left.
    untold: Option<Duration>,
}

impl Deadline {
    /// Ends `length` after `from`. A limit is not warned of at its very beginning.
    pub(super) fn new(from: Instant, length: Duration) -> Self {
        let to_come = WARNINGS.partition_point(|warning| *warning >= length);
        Self { end: from + length, to_come: &WARNINGS[to_come..], untold: None }
    }

    pub(super) fn end(&self) -> Instant {
        self.end
    }

    /// When something is due.
    pub(super) fn next(&self) -> Instant {
        let warning = self.to_come.first().and_then(|before| self.end.checked_sub(*before));
        warning.unwrap_or(self.end)
    }

    /// Raises what is due; only the last of it remains to be told.
    pub(super) fn warn(&mut self, now: Instant) {
        if self.forgo_warnings(now) {
            self.untold = Some(self.end.saturating_duration_since(now));
        }
    }

    /// Drops the warnings that are due; tells whether there were any.
    pub(super) fn forgo_warnings(&mut self, now: Instant) -> bool {
        let left = self.end.saturating_duration_since(now);
        let due = self.to_come.partition_point(|warning| *warning >= left);
        self.to_come = &self.to_come[due..];
        due > 0
    }

    pub(super) fn take_warning(&mut self) -> Option<Duration> {
        self.untold.take()
    }
}
