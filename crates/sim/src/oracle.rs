//! What must hold after every step, whatever the network did.

use std::fmt;

use adit_engine::{SessionConfig, Stats};

use crate::Time;

/// Which promise was broken.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Promise {
    /// What one end reads is a prefix of what the other wrote.
    Prefix,
    /// What ended properly was delivered whole.
    Whole,
    /// Every received data message is acknowledged.
    Acknowledged,
    /// No buffer exceeds its limit.
    Budget,
    /// After a timeout was handled the next one is later, and timeouts do something.
    Calm,
    /// With nothing in the way, everything moves on within a bound.
    Prompt,
    /// Nobody waits for what never comes.
    NoZombie,
    /// A limit fires in time.
    Limit,
}

/// A broken promise.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    /// Which.
    pub promise: Promise,
    /// When.
    pub at: Time,
    /// In which way.
    pub text: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} at {:.6} s: {}", self.promise, self.at.as_secs_f64(), self.text)
    }
}

/// Messages beyond the window: control frames, flags and probes ask for no room in it.
const WINDOW_SLACK: usize = 64 << 10;
/// What one message more may bring: a KiB, and what each of its frames costs.
const MESSAGE_SLACK: usize = 16 << 10;
/// Timeouts that may pass within a second without anything being sent or received.
const TIMEOUTS_PER_SECOND: u32 = 100;

/// Watches one session.
#[derive(Debug, Default)]
pub struct Watch {
    /// Received and not acknowledged.
    unacknowledged: Vec<i64>,
    dropped_for_room: u64,
    /// Timeouts since something moved, and since when they are counted.
    timeouts: u32,
    counted_since: Time,
}

impl Watch {
    /// A data message was handed to the session.
    pub fn received(&mut self, sequence: i64) {
        self.unacknowledged.push(sequence);
        self.timeouts = 0;
    }

    /// The session handed out an acknowledgement.
    pub fn acknowledged(&mut self, sequence: i64) {
        if let Some(at) = self.unacknowledged.iter().position(|it| *it == sequence) {
            self.unacknowledged.swap_remove(at);
        }
    }

    /// The session handed something out.
    pub fn sent(&mut self) {
        self.timeouts = 0;
    }

    /// The websocket is gone, and with it what was to be sent on it.
    pub fn cut(&mut self, stats: &Stats) {
        self.unacknowledged.clear();
        self.dropped_for_room = stats.dropped_for_room;
    }

    /// The session has nothing more to send at the moment.
    pub fn drained(&mut self, stats: &Stats) -> Option<String> {
        let excused = (stats.dropped_for_room - self.dropped_for_room) as usize;
        self.dropped_for_room = stats.dropped_for_room;
        let missing = std::mem::take(&mut self.unacknowledged);
        (missing.len() > excused)
            .then(|| format!("messages {missing:?} were received and not acknowledged"))
    }

    /// A timeout was handled at `now`; the next one is at `next`.
    pub fn timeout(&mut self, now: Time, next: Option<Time>) -> Option<String> {
        if next.is_some_and(|next| next <= now) {
            return Some("the next timeout is not later than the one that was handled".to_owned());
        }
        if now.saturating_sub(self.counted_since) >= Time::from_secs(1) {
            self.counted_since = now;
            self.timeouts = 0;
        }
        self.timeouts += 1;
        (self.timeouts > TIMEOUTS_PER_SECOND)
            .then(|| format!("{} timeouts in a second, and nothing moved", self.timeouts))
    }
}

/// Whether a session keeps its budgets.
pub fn budgets(stats: &Stats, config: &SessionConfig) -> Option<String> {
    // What waited for a missing message comes in at once.
    let early = if stats.reordered > 0 { config.reorder_budget } else { 0 };
    let limits = [
        ("in flight", stats.in_flight, config.window_max.max(32 << 10) + WINDOW_SLACK),
        ("unread", stats.unread, config.inbound_budget + early + MESSAGE_SLACK),
        (
            "waiting",
            stats.waiting,
            (stats.streams * (config.stream_buffer + (32 << 10))).min((16 << 20) + (64 << 20)),
        ),
    ];
    limits
        .into_iter()
        .find(|(_, is, most)| is > most)
        .map(|(what, is, most)| format!("{is} bytes {what}, at most {most} are allowed"))
}
