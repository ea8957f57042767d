use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

/// The first delay: long enough to spare the service, short enough not to be felt.
const FIRST: Duration = Duration::from_millis(100);
/// Where the delays stop growing at first: most outages are over within a second or two, and nobody
/// should wait as long again for the attempt that finds out.
const PLATEAU: Duration = Duration::from_millis(400);
/// The last attempt on the plateau: some four seconds after the first.
const PLATEAU_END: u32 = 12;
/// The longest delay: a network that comes back is noticed within ten seconds.
const LONGEST: Duration = Duration::from_secs(10);

/// Growing delays with jitter, the first one zero.
#[derive(Debug)]
pub(super) struct Backoff {
    rng: StdRng,
    attempt: u32,
}

impl Backoff {
    pub(super) fn new(seed: u64) -> Self {
        Self { rng: StdRng::seed_from_u64(seed), attempt: 0 }
    }

    /// The delay before the next attempt: none at first, then between half and the whole of 100,
    /// 200 and 400 ms, for some seconds, and from there doubling to 10 s; so that many clients that
    /// were cut at once do not return at once.
    pub(super) fn next(&mut self) -> Duration {
        let attempt = self.attempt;
        self.attempt = attempt.saturating_add(1);
        let Some(doublings) = attempt.checked_sub(1) else { return Duration::ZERO };
        let ceiling = if attempt <= PLATEAU_END {
            FIRST.saturating_mul(1 << doublings.min(10)).min(PLATEAU)
        } else {
            PLATEAU.saturating_mul(1 << (attempt - PLATEAU_END).min(10)).min(LONGEST)
        };
        ceiling.mul_f64(self.rng.random_range(0.5..=1.0))
    }

    /// Starts over after a success.
    pub(super) fn reset(&mut self) {
        self.attempt = 0;
    }

    /// After a success that did not last: delays stay below a second.
    pub(super) fn ease(&mut self) {
        self.attempt = self.attempt.min(PLATEAU_END + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_at_once_stays_short_for_seconds_and_ends_at_ten_seconds() {
        let mut backoff = Backoff::new(7);
        assert_eq!(backoff.next(), Duration::ZERO);
        let millis = [100, 200, 400, 400, 400, 400, 400, 400, 400, 400, 400, 400, 800, 1600, 3200];
        for millis in millis.into_iter().chain([6400, 10_000, 10_000]) {
            let (delay, ceiling) = (backoff.next(), Duration::from_millis(millis));
            assert!(delay >= ceiling.mul_f64(0.5) && delay <= ceiling, "{delay:?} of {ceiling:?}");
        }
        backoff.ease();
        let (delay, ceiling) = (backoff.next(), PLATEAU * 2);
        assert!(delay >= ceiling.mul_f64(0.5) && delay <= ceiling, "{delay:?}");
        backoff.reset();
        assert_eq!(backoff.next(), Duration::ZERO);
    }
}
