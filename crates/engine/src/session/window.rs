use std::time::{Duration, Instant};

use crate::timers::{QUEUE_TARGET, RTT_EPOCH};

/// The first window: some fifty official messages, which no buffer on the way minds.
const FIRST: usize = 64 << 10;
/// The smallest window before it has grown: one message of the largest size.
const LEAST: usize = 32 << 10;
/// The smallest window once a larger one was carried without much of a queue: on such a path
/// fewer than eight messages of the largest size would not cover the jitter of a busy agent.
const LEAST_GROWN: usize = 256 << 10;
/// So many rounds in a row in which the smallest window queues are no jitter: the path, or the
/// destination behind it, has become slow.
const SLOW_ROUNDS: u32 = 3;

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
    /// Rounds in a row in which even the smallest window meant a queue.
    slow_rounds: u32,
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
    /// Payload bytes that are still in flight. What is beside the window is in neither count.
    pub(crate) in_flight: usize,
}

impl Window {
    pub(crate) fn new(most: usize) -> Self {
        let most = most.max(LEAST);
        Self {
            size: FIRST.min(most),
            most,
            grown: false,
            slow_rounds: 0,
            slow_start: true,
            shortest: Shortest::default(),
            round: Round::default(),
            drain: Drain::No,
            cut_until: 0,
        }
    }

    /// Changes what it is at most: sessions that work together share their memory.
    pub(crate) fn set_most(&mut self, most: usize) {
        self.most = most.max(LEAST);
        self.size = self.size.min(self.most);
    }

    /// The window in bytes.
    pub(crate) fn size(&self) -> usize {
        match self.drain {
            Drain::No | Drain::Refilling(_) => self.size,
            Drain::Emptying { limit } | Drain::Measuring { limit, .. } => self.size.min(limit),
        }
    }

    /// Whether a message of the largest size takes a while on this path.
    pub(crate) fn is_small(&self) -> bool {
        self.size < LEAST_GROWN
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
        let is_slow = self.size <= LEAST_GROWN && queue > QUEUE_TARGET * 2;
        self.slow_rounds = if is_slow { self.slow_rounds + 1 } else { 0 };
        self.grown &= self.slow_rounds < SLOW_ROUNDS;
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
mod tests;
