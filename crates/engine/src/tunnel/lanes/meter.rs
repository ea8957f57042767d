use std::time::{Duration, Instant};

/// Above this level a lane carries bulk: more than any page of results, and with the agent's pace a
/// third of a second of a download.
const BULK: u64 = 256 * 1024;
/// The level is at most this, so that bulk is forgotten two seconds after it has ended.
const FULL: u64 = 2 * BULK;
/// Bytes that are forgotten each second.
const LEAK: u64 = 128 * 1024;

/// Tells bulk from talk: a bucket that user data fills and that leaks 128 KiB each second.
#[derive(Clone, Copy, Default, Debug)]
pub struct Meter {
    level: u64,
    /// Bytes counted so far.
    total: u64,
    at: Option<Instant>,
}

impl Meter {
    /// Notes that `total` bytes of user data have been carried until now; tells whether it has become
    /// bulk by that.
    pub fn note(&mut self, now: Instant, total: u64) -> bool {
        let was_bulk = self.is_bulk(now);
        let before = self.level_at(now);
        let more = total.saturating_sub(self.total);
        (self.level, self.total, self.at) = ((before + more).min(FULL), total, Some(now));
        !was_bulk && self.level > BULK
    }

    /// Whether much was carried lately.
    pub fn is_bulk(&self, now: Instant) -> bool {
        self.level_at(now) > BULK
    }

    fn level_at(&self, now: Instant) -> u64 {
        let passed = self.at.map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        let micros = u64::try_from(passed.as_micros()).unwrap_or(u64::MAX);
        self.level.saturating_sub(micros.saturating_mul(LEAK) / 1_000_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_clock::origin;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn what_was_carried_is_forgotten_within_two_seconds() {
        let start = origin();
        let mut meter = Meter::default();
        assert!(!meter.note(start, BULK), "as much as that is none yet");
        assert!(meter.note(start, BULK + 1));
        assert!(!meter.note(start, 100 * BULK), "it is no news twice");
        assert!(meter.is_bulk(start + SECOND));
        assert!(!meter.is_bulk(start + 2 * SECOND));
        assert!(meter.note(start + 2 * SECOND, 100 * BULK + 1), "it takes little to be it again");
    }

    #[test]
    fn talk_is_never_bulk() {
        let start = origin();
        let mut meter = Meter::default();
        let mut total = 0;
        for turn in 0..10_000_u32 {
            total += LEAK / 10;
            assert!(!meter.note(start + turn * SECOND / 10, total));
        }
    }
}
