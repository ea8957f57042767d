use std::time::{Duration, Instant};

use crate::timers::{QUEUE_TARGET, RTT_EPOCH};

/// The first window: some fifty official messages, which no buffer on the way minds.
const FIRST: usize = 64 << 10;
/// The smallest window before it has grown: one message of the largest size.
const LEAST: usize = 32 << 10;
/// The smallest window once a larger one was carried without much of a queue: on such a path
/// fewer than eight messages of the largest size would not cover the jitter of a busy agent.
const LEAST_GROWN: usize = 256 << 10;

/// How much the window grows for each byte that arrives, before it is steered. Two is a window
/// three times as large after each round trip: on a path of 40 ms and 100 MB/s that saves a third
/// of the time that the start takes, and what it overshoots is a queue of two round trips, once.
const GROWTH: usize = 2;

/// How many payload bytes may be in flight.
///
/// The window grows threefold each round trip until our own bytes queue up, and is then steered so that
/// they queue for [`QUEUE_TARGET`]. Loss hardly tells anything on a path of TCP connections; time
/// does. The agent acknowledges when it has written to its pipe, so a destination that is slower
/// than the path shows up as time as well.
#[derive(Debug)]
pub(crate) struct Window {
    size: usize,
    most: usize,
    grown: bool,
    slow_start: bool,
    shortest: Shortest,
    round: Round,
    drain: Drain,
    /// A loss before this sequence number belongs to one that has been answered.
    cut_until: i64,
}

/// The shortest round-trip time of this epoch and the last.
#[derive(Default, Debug)]
struct Shortest {
    current: Option<Duration>,
    previous: Option<Duration>,
    rotated: Option<Instant>,
}

/// The messages of one round trip.
#[derive(Default, Debug)]
struct Round {
    /// The round is over when this or a later message is acknowledged.
    until: i64,
    shortest: Option<Duration>,
    /// Whether the window held data back.
    limited: bool,
    /// Whether it did in the round before, whose messages this round acknowledges.
    was_limited: bool,
    /// The window when the round began, and when the round before did.
    windows: [usize; 2],
}

/// A pause in which our own queue empties, so that the path can be measured without it.
#[derive(Debug)]
enum Drain {
    No,
    /// Until no more than this is in flight.
    Emptying {
        /// Bytes: less than the path holds without a queue.
        limit: usize,
    },
    /// Ends when this or a later message is acknowledged.
    Measuring {
        /// As before.
        limit: usize,
        /// The first message of the next round.
        until: i64,
    },
    /// The window is open again, but for so many rounds the times are still those of an empty
    /// path.
    Refilling(u32),
}

/// What one acknowledgement says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Progress {
    /// The acknowledged message.
    pub(crate) sequence: i64,
    /// Its payload bytes.
    pub(crate) bytes: usize,
    /// Its round-trip time, if it was sent once.
    pub(crate) rtt: Option<Duration>,
    /// The next message's sequence number.
    pub(crate) next: i64,
    /// Payload bytes that are still in flight.
    pub(crate) in_flight: usize,
}

impl Window {
    pub(crate) fn new(most: usize) -> Self {
        let most = most.max(LEAST);
        Self {
            size: FIRST.min(most),
            most,
            grown: false,
            slow_start: true,
            shortest: Shortest::default(),
            round: Round::default(),
            drain: Drain::No,
            cut_until: 0,
        }
    }

    /// The window in bytes.
    pub(crate) fn size(&self) -> usize {
        match self.drain {
            Drain::No | Drain::Refilling(_) => self.size,
            Drain::Emptying { limit } | Drain::Measuring { limit, .. } => self.size.min(limit),
        }
    }

    /// The shortest round-trip time lately.
    pub(crate) fn shortest_rtt(&self) -> Option<Duration> {
        self.shortest.get()
    }

    /// Notes that data waits for the window.
    pub(crate) fn hold_back(&mut self) {
        self.round.limited = true;
    }

    /// Takes note of a message that arrived.
    pub(crate) fn acknowledged(&mut self, now: Instant, progress: Progress) {
        if let Some(rtt) = progress.rtt {
            self.shortest.sample(rtt);
            self.round.shortest = Some(self.round.shortest.map_or(rtt, |least| least.min(rtt)));
            // The round's shortest time tells only in the next round, when all has grown.
            let shortest = self.shortest.get().unwrap_or(rtt);
            self.slow_start &= rtt.saturating_sub(shortest) <= QUEUE_TARGET;
        }
        // A burst of acknowledgements can come before anything is sent in this round.
        if self.slow_start && (self.round.limited || self.round.was_limited) {
            self.resize(self.size + GROWTH * progress.bytes);
        }
        match self.drain {
            Drain::Emptying { limit } if progress.in_flight <= limit => {
                self.drain = Drain::Measuring { limit, until: progress.next };
            }
            Drain::Measuring { until, .. } if progress.sequence >= until => {
                self.drain = Drain::Refilling(2);
                self.round.until = progress.next;
            }
            _ => {}
        }
        if progress.sequence >= self.round.until {
            self.end_round(now);
            self.round = Round {
                until: progress.next,
                shortest: None,
                limited: false,
                was_limited: self.round.limited,
                windows: [self.size, self.round.windows[0]],
            };
        }
    }

    /// A message was overtaken by later ones: something on the way dropped it.
    pub(crate) fn lost(&mut self, sequence: i64, next: i64) {
        if sequence >= self.cut_until {
            self.cut_until = next;
            self.slow_start = false;
            self.resize(self.size / 2);
        }
    }

    /// Nothing was acknowledged for a whole resend timeout.
    pub(crate) fn stalled(&mut self) {
        self.grown = false;
        self.slow_start = true;
        self.drain = Drain::No;
        self.resize((self.size / 2).max(FIRST));
    }

    /// A new websocket, perhaps by another way.
    pub(crate) fn new_path(&mut self) {
        self.shortest = Shortest::default();
        self.round = Round { until: self.round.until, ..Round::default() };
        self.drain = Drain::No;
        self.slow_start = true;
    }

    fn end_round(&mut self, now: Instant) {
        let (Some(rtt), Some(shortest)) = (self.round.shortest, self.shortest.get()) else {
            return;
        };
        let queue = rtt.saturating_sub(shortest);
        self.grown |= self.round.windows[1] >= LEAST_GROWN && queue <= QUEUE_TARGET;
        if queue > QUEUE_TARGET / 2 {
            self.slow_start = false;
        }
        match self.drain {
            Drain::No if !self.slow_start => self.steer(rtt, shortest),
            Drain::Refilling(0) => self.drain = Drain::No,
            Drain::Refilling(rounds) => self.drain = Drain::Refilling(rounds - 1),
            _ => {}
        }
        if self.shortest.rotate(now) && self.round.limited && queue > QUEUE_TARGET / 4 {
            // Three quarters of what was in flight without the queue.
            let limit = self.size as u128 * shortest.as_nanos() / rtt.as_nanos().max(1);
            self.drain = Drain::Emptying { limit: (limit as usize * 3 / 4).max(LEAST) };
        }
    }

    /// Moves the window half-way to where the queue would last for the target, at most by a half
    /// down and a quarter up.
    fn steer(&mut self, rtt: Duration, shortest: Duration) {
        const UNIT: u128 = 1024;
        let aim = (shortest + QUEUE_TARGET).as_nanos() * UNIT / rtt.as_nanos().max(1);
        let factor = u128::midpoint(aim, UNIT).clamp(UNIT / 2, UNIT + UNIT / 4);
        if factor < UNIT || self.round.limited {
            self.resize((self.size as u128 * factor / UNIT) as usize);
        }
    }

    fn resize(&mut self, size: usize) {
        let least = if self.grown { LEAST_GROWN } else { LEAST };
        self.size = size.max(least).min(self.most);
    }
}

impl Shortest {
    fn get(&self) -> Option<Duration> {
        self.current.into_iter().chain(self.previous).min()
    }

    fn sample(&mut self, rtt: Duration) {
        self.current = Some(self.current.map_or(rtt, |least| least.min(rtt)));
    }

    /// Begins a new epoch when the old one is over.
    fn rotate(&mut self, now: Instant) -> bool {
        let since = *self.rotated.get_or_insert(now);
        let over = now.saturating_duration_since(since) >= RTT_EPOCH;
        if over {
            self.rotated = Some(now);
            self.previous = self.current.take();
        }
        over
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;
    use crate::test_clock::origin;

    const MESSAGE: usize = 32 << 10;

    /// A path with a delay and a rate, saturated for `length`: returns the bytes delivered, the
    /// largest and the last window, and the longest queueing time in the second half.
    fn saturate(
        window: &mut Window,
        delay: Duration,
        bytes_per_second: usize,
        length: Duration,
    ) -> (usize, usize, Duration) {
        let mut now = origin();
        let end = now + length;
        let half = now + length / 2;
        let mut flight: VecDeque<(i64, Instant, Instant)> = VecDeque::new();
        let mut free = now;
        let (mut next, mut largest, mut worst) = (0, 0, Duration::ZERO);
        while now < end {
            while (flight.len() + 1) * MESSAGE <= window.size() {
                free = free.max(now)
                    + Duration::from_secs_f64(MESSAGE as f64 / bytes_per_second as f64);
                flight.push_back((next, now, free + delay));
                next += 1;
            }
            window.hold_back();
            let Some((sequence, sent, acked)) = flight.pop_front() else {
                panic!("the window of {} lets nothing through", window.size())
            };
            now = acked;
            let rtt = acked - sent;
            if now > half {
                worst = worst.max(rtt.saturating_sub(delay));
            }
            let in_flight = flight.len() * MESSAGE;
            let progress = Progress { sequence, bytes: MESSAGE, rtt: Some(rtt), next, in_flight };
            window.acknowledged(now, progress);
            largest = largest.max(window.size());
        }
        ((next as usize - flight.len()) * MESSAGE, largest, worst)
    }

    #[test]
    fn a_fast_path_is_filled_within_the_limit() {
        let most = 12 << 20;
        for delay in [0, 1, 5, 20, 40] {
            let mut window = Window::new(most);
            let delay = Duration::from_millis(delay);
            let (bytes, largest, _) =
                saturate(&mut window, delay, 250_000_000, Duration::from_secs(10));
            assert!(bytes / 10 > 200_000_000, "{delay:?}: {} bytes per second", bytes / 10);
            assert!(largest <= most, "{delay:?}: window of {largest}");
        }
    }

    #[test]
    fn the_queue_on_a_slow_path_stays_near_the_target() {
        for (delay, rate) in [(0, 2_000_000), (20, 2_000_000), (50, 10_000_000), (100, 20_000_000)]
        {
            let mut window = Window::new(4 << 20);
            let delay = Duration::from_millis(delay);
            let (bytes, _, worst) = saturate(&mut window, delay, rate, Duration::from_mins(1));
            assert!(bytes / 60 > rate * 8 / 10, "{delay:?}: {} of {rate}", bytes / 60);
            assert!(worst <= QUEUE_TARGET * 3, "{delay:?} at {rate}: queue of {worst:?}");
        }
    }

    /// As a busy reader does, all acknowledgements of a round trip come in one burst.
    #[test]
    fn it_grows_threefold_each_round_trip_also_when_acknowledgements_come_in_bursts() {
        let mut window = Window::new(12 << 20);
        let rtt = Duration::from_millis(40);
        let (mut now, mut sent) = (origin(), 0);
        for round in 0..4 {
            let messages = (window.size() / MESSAGE) as i64;
            assert_eq!(window.size(), FIRST * 3usize.pow(round));
            window.hold_back();
            let next = sent + messages;
            now += rtt;
            for sequence in sent..next {
                let progress =
                    Progress { sequence, bytes: MESSAGE, rtt: Some(rtt), next, in_flight: 0 };
                window.acknowledged(now, progress);
            }
            sent = next;
        }
    }

    #[test]
    fn an_idle_window_does_not_grow() {
        let mut window = Window::new(4 << 20);
        let now = origin();
        for sequence in 0..10_000 {
            let rtt = Some(Duration::from_millis(20));
            let progress = Progress { sequence, bytes: 1, rtt, next: sequence + 1, in_flight: 0 };
            window.acknowledged(now, progress);
        }
        assert_eq!(window.size(), FIRST);
    }

    #[test]
    fn one_loss_per_round_halves_it_and_a_stall_restarts_it() {
        let mut window = Window::new(4 << 20);
        window.resize(4 << 20);
        window.grown = true;
        window.lost(10, 20);
        assert_eq!(window.size(), 2 << 20);
        window.lost(19, 30);
        assert_eq!(window.size(), 2 << 20, "the same round");
        window.lost(20, 40);
        assert_eq!(window.size(), 1 << 20);
        (0..10).for_each(|round| window.lost(round * 100 + 100, round * 100 + 200));
        assert_eq!(window.size(), LEAST_GROWN, "never below, once grown");
        (0..10).for_each(|_| window.stalled());
        assert_eq!(window.size(), FIRST);
    }
}
