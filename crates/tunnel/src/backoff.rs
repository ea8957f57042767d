//! Delays between attempts.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

/// The first delay: long enough to spare the service, short enough not to be felt.
const FIRST: Duration = Duration::from_millis(100);
/// The longest delay: a network that comes back is noticed within ten seconds.
const LONGEST: Duration = Duration::from_secs(10);

/// Doubling delays with jitter, the first one zero.
pub(crate) struct Backoff {
    rng: StdRng,
    attempt: u32,
}

impl Backoff {
    pub(crate) fn new(seed: u64) -> Self {
        Self { rng: StdRng::seed_from_u64(seed), attempt: 0 }
    }

    /// The delay before the next attempt: none at first, then between half and the whole of
    /// 100 ms, 200 ms, … 10 s, so that many clients cut at once do not return at once.
    pub(crate) fn next(&mut self) -> Duration {
        let attempt = self.attempt;
        self.attempt = attempt.saturating_add(1);
        let Some(doublings) = attempt.checked_sub(1) else { return Duration::ZERO };
        let ceiling = FIRST.saturating_mul(1 << doublings.min(10)).min(LONGEST);
        ceiling.mul_f64(self.rng.random_range(0.5..=1.0))
    }

    /// Starts over after a success.
    pub(crate) fn reset(&mut self) {
        self.attempt = 0;
    }

    /// Starts over after a success that did not last: with the first delay.
    pub(crate) fn restart(&mut self) {
        self.attempt = self.attempt.min(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_at_once_doubles_and_stays_below_ten_seconds() {
        let mut backoff = Backoff::new(7);
        assert_eq!(backoff.next(), Duration::ZERO);
        let mut ceiling = FIRST;
        for _ in 0..12 {
            let delay = backoff.next();
            assert!(delay >= ceiling.mul_f64(0.5) && delay <= ceiling, "{delay:?} of {ceiling:?}");
            ceiling = (ceiling * 2).min(LONGEST);
        }
        backoff.restart();
        let delay = backoff.next();
        assert!(delay >= FIRST.mul_f64(0.5) && delay <= FIRST, "{delay:?}");
        backoff.reset();
        assert_eq!(backoff.next(), Duration::ZERO);
    }
}
