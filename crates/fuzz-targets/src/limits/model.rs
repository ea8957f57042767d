use adit_engine::{Limit, LimitEvent};

use super::ms;

/// How long before an end it is warned of, in milliseconds.
const WARNINGS: [u64; 2] = [300_000, 60_000];

/// The rules of the limits over the whole history, in milliseconds from the start and looked up anew
/// each time: too simple to be wrong in the same way.
pub(super) struct Model {
    idle: Option<u64>,
    ceiling: u64,
    last: u64,
    maximum: u64,
    /// Warnings that were told, or are not to be: the limit, its end, and how long before it.
    told: Vec<(Limit, u64, u64)>,
    ended: bool,
}

impl Model {
    pub(super) fn new(idle: Option<u64>, max: u64, ceiling: u64) -> Self {
        let maximum = max.min(ceiling);
        Self { idle, ceiling, last: 0, maximum, told: Vec::new(), ended: false }
    }

    pub(super) fn activity(&mut self, at: u64) {
        self.last = self.last.max(at);
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    pub(super) fn maximum(&self) -> u64 {
        self.maximum
    }

    /// Each limit, how long it is, and when it ends.
    pub(super) fn ends(&self) -> Vec<(Limit, u64, u64)> {
        let idle = self.idle.map(|idle| (Limit::Idle, idle, self.last + idle));
        idle.into_iter().chain([(Limit::Maximum, self.maximum, self.maximum)]).collect()
    }

    fn due(&self, now: u64, limit: Limit) -> Vec<(Limit, u64, u64)> {
        let ends = self.ends();
        let of_limit = ends.iter().filter(|(it, ..)| *it == limit);
        of_limit
            .flat_map(|(_, length, end)| {
                WARNINGS
                    .into_iter()
                    .filter(move |before| length > before && now + before >= *end)
                    .map(move |before| (limit, *end, before))
            })
            .filter(|warning| !self.told.contains(warning))
            .collect()
    }

    /// What is told at that time.
    pub(super) fn handle(&mut self, now: u64) -> Vec<LimitEvent> {
        if self.ended {
            return Vec::new();
        }
        let mut passed: Vec<_> = self.ends().into_iter().filter(|(.., end)| *end <= now).collect();
        passed.sort_by_key(|(limit, _, end)| (*end, *limit == Limit::Idle));
        if let Some((limit, ..)) = passed.first() {
            self.ended = true;
            return vec![LimitEvent::Ended { limit: *limit }];
        }
        let mut events = Vec::new();
        for (limit, _, end) in self.ends() {
            let due = self.due(now, limit);
            if !due.is_empty() {
                events.push(LimitEvent::Warning { limit, left: ms(end - now) });
            }
            self.told.extend(due);
        }
        events
    }

    /// The time that was granted; none when the answer is no.
    pub(super) fn extend(&mut self, by: u64, now: u64) -> Option<u64> {
        if self.ended || self.ends().iter().any(|(.., end)| *end <= now) {
            return None;
        }
        let granted = by.min(self.ceiling.checked_sub(self.maximum).filter(|left| *left > 0)?);
        self.maximum += granted;
        if granted > 0 {
            self.told.extend(self.due(now, Limit::Maximum));
        }
        Some(granted)
    }
}
