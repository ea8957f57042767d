use std::time::Duration;

use crate::timers::{RTO_FIRST, RTO_MAX, RTO_MIN, RTT_GUESS};

/// Round-trip time and resend timeout after RFC 6298.
///
/// Samples come only from messages that were sent once (Karn), and the doubling lasts until the
/// next sample.
#[derive(Default, Debug)]
pub(crate) struct Rtt {
    smoothed: Option<Duration>,
    variation: Duration,
    doublings: u32,
}

impl Rtt {
    pub(crate) fn sample(&mut self, rtt: Duration) {
        self.doublings = 0;
        match self.smoothed {
            None => {
                self.smoothed = Some(rtt);
                self.variation = rtt / 2;
            }
            Some(smoothed) => {
                self.variation = (self.variation * 3 + smoothed.abs_diff(rtt)) / 4;
                self.smoothed = Some((smoothed * 7 + rtt) / 8);
            }
        }
    }

    /// The smoothed round-trip time, if one was measured.
    pub(crate) fn smoothed(&self) -> Option<Duration> {
        self.smoothed
    }

    /// The smoothed round-trip time, or a guess.
    pub(crate) fn estimate(&self) -> Duration {
        self.smoothed.unwrap_or(RTT_GUESS)
    }

    /// The resend timeout, doublings included.
    pub(crate) fn rto(&self) -> Duration {
        (self.base_rto() * (1 << self.doublings)).min(RTO_MAX)
    }

    /// The resend timeout without doublings.
    pub(crate) fn base_rto(&self) -> Duration {
        self.smoothed
            .map_or(RTO_FIRST, |smoothed| (smoothed + RTO_MIN.max(self.variation * 4)).min(RTO_MAX))
    }

    pub(crate) fn double(&mut self) {
        // Seven doublings take the smallest timeout past the cap.
        self.doublings = (self.doublings + 1).min(7);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn first_sample_doubling_floor_and_cap() {
        // (samples, expirations, timeout)
        let table: [(&[u64], u32, u64); 10] = [
            (&[], 0, 200),
            (&[], 1, 400),
            (&[], 4, 3200),
            (&[], 5, 5000),
            (&[], 50, 5000),
            (&[0], 0, 50),
            (&[1], 0, 51),
            (&[100], 0, 300),
            (&[100], 1, 600),
            (&[10_000], 0, 5000),
        ];
        for (samples, expirations, rto) in table {
            let mut rtt = Rtt::default();
            for sample in samples {
                rtt.sample(ms(*sample));
            }
            (0..expirations).for_each(|_| rtt.double());
            assert_eq!(rtt.rto(), ms(rto), "{samples:?} then {expirations} expirations");
        }
    }

    #[test]
    fn a_steady_round_trip_brings_the_timeout_close_to_it() {
        let mut rtt = Rtt::default();
        (0..100).for_each(|_| rtt.sample(ms(100)));
        assert_eq!(rtt.smoothed(), Some(ms(100)));
        assert_eq!(rtt.rto(), ms(150));
    }

    #[test]
    fn a_sample_ends_the_doubling() {
        let mut rtt = Rtt::default();
        rtt.sample(ms(100));
        rtt.double();
        rtt.double();
        assert_eq!(rtt.rto(), ms(1200));
        rtt.sample(ms(100));
        assert_eq!(rtt.rto(), ms(250));
    }
}
