//! The limits of one tunnel: how long it may carry nothing, and how long it may last.
//!
//! A state machine of its own beside the session, with the same contract: after each call that
//! changes it, drain [`poll_event`](Limits::poll_event), then sleep until
//! [`poll_timeout`](Limits::poll_timeout).

mod deadline;
#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use self::deadline::Deadline;
use crate::timers::LONGEST;

/// What a tunnel may do, counted from its start. Durations above 30 years count as that.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LimitsConfig {
    /// How long no payload byte may move in either direction; `None` is for ever.
    pub idle: Option<Duration>,
    /// How long the tunnel may last. The ceiling counts where that is lower.
    pub max: Duration,
    /// How far a person may extend that, counted from the start as well.
    pub ceiling: Duration,
}

/// One of the limits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Limit {
    /// The time without a payload byte.
    Idle,
    /// The time since the start.
    Maximum,
}

/// What happens to a limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LimitEvent {
    /// The end is near. Comes five minutes and one minute before it, where the limit is longer
    /// than that; of those that are late only the last comes.
    Warning {
        /// The limit.
        limit: Limit,
        /// What is left: less than the full minutes where the warning is late.
        left: Duration,
    },
    /// The tunnel is to be closed. Comes once, and nothing after it.
    Ended {
        /// The limit that was reached; where both were, the one that was reached first.
        limit: Limit,
    },
}

/// What is left at some moment, zero where the end has passed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Remaining {
    /// Until the tunnel has been idle for too long, if nothing moves; `None` where it may be.
    pub idle: Option<Duration>,
    /// Until the maximum.
    pub maximum: Duration,
}

/// An extension that was granted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Extension {
    /// When the maximum is reached now.
    pub end: Instant,
    /// How much was added.
    pub by: Duration,
    /// Whether more was asked for than the ceiling leaves.
    pub is_cut: bool,
}

/// Why the maximum is not extended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ExtendError {
    /// The maximum is at the ceiling already.
    #[error("the tunnel's maximum is at its ceiling of {} minutes", ceiling.as_secs().div_ceil(60))]
    AtCeiling {
        /// The ceiling, from the tunnel's start.
        ceiling: Duration,
    },
    /// A limit has been reached.
    #[error("the tunnel has reached a limit")]
    Ended,
}

/// The limits of one tunnel.
///
/// Its `Instant`s are the caller's, who adds the time that the machine slept: a night with the lid
/// closed counts. A limit is reached at the first
/// [`handle_timeout`](Self::handle_timeout) that is not before its end, never without one. So a
/// caller that was late and first tells of [`activity`](Self::activity) has not been idle, and one
/// to whom the gap counts calls `handle_timeout` first.
#[derive(Clone, Debug)]
pub struct Limits {
    start: Instant,
    ceiling: Duration,
    idle: Option<Idle>,
    maximum: Deadline,
    end: End,
}

#[derive(Clone, Debug)]
struct Idle {
    limit: Duration,
    /// When the last payload byte moved.
    last: Instant,
    deadline: Deadline,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    NotYet,
    Untold(Limit),
    Told,
}

impl Limits {
    /// The limits of a tunnel that starts now.
    pub fn new(config: LimitsConfig, now: Instant) -> Self {
        let ceiling = config.ceiling.min(LONGEST);
        let idle = config.idle.map(|limit| {
            let limit = limit.min(LONGEST);
            Idle { limit, last: now, deadline: Deadline::new(now, limit) }
        });
        let maximum = Deadline::new(now, config.max.min(ceiling));
        Self { start: now, ceiling, idle, maximum, end: End::NotYet }
    }

    /// A payload byte moved at that time, and the idle limit counts from there. What is not later
    /// than the last such moment changes nothing.
    pub fn activity(&mut self, at: Instant) {
        if let Some(idle) = &mut self.idle
            && at > idle.last
        {
            idle.last = at;
            idle.deadline = Deadline::new(at, idle.limit);
        }
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.end != End::NotYet {
            return;
        }
        if let Some(limit) = self.reached(now) {
            self.end = End::Untold(limit);
            return;
        }
        if let Some(idle) = &mut self.idle {
            idle.deadline.warn(now);
        }
        self.maximum.warn(now);
    }

    /// The limit whose end is not after `now`; of two the one that ended first.
    fn reached(&self, now: Instant) -> Option<Limit> {
        let idle = self.idle.as_ref().map(|idle| (idle.deadline.end(), Limit::Idle));
        [Some((self.maximum.end(), Limit::Maximum)), idle]
            .into_iter()
            .flatten()
            .filter(|(end, _)| *end <= now)
            .min_by_key(|(end, _)| *end)
            .map(|(_, limit)| limit)
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<LimitEvent> {
        match self.end {
            End::Told => return None,
            End::Untold(limit) => {
                self.end = End::Told;
                return Some(LimitEvent::Ended { limit });
            }
            End::NotYet => {}
        }
        let idle = self.idle.as_mut().and_then(|idle| idle.deadline.take_warning());
        if let Some(left) = idle {
            return Some(LimitEvent::Warning { limit: Limit::Idle, left });
        }
        let left = self.maximum.take_warning()?;
        Some(LimitEvent::Warning { limit: Limit::Maximum, left })
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called; later than `now` once it was
    /// called with that, and `None` once a limit is reached.
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.end != End::NotYet {
            return None;
        }
        let idle = self.idle.as_ref().map(|idle| idle.deadline.next());
        idle.into_iter().chain([self.maximum.next()]).min()
    }

    /// Moves the maximum's end by that much, or by what the ceiling leaves. Its warnings come
    /// again, except those whose time has passed for the new end too: whoever extends knows what
    /// is left.
    pub fn extend(&mut self, by: Duration, now: Instant) -> Result<Extension, ExtendError> {
        if self.end != End::NotYet || self.reached(now).is_some() {
            return Err(ExtendError::Ended);
        }
        let ceiling = self.start + self.ceiling;
        let room = ceiling.saturating_duration_since(self.maximum.end());
        if room.is_zero() {
            return Err(ExtendError::AtCeiling { ceiling: self.ceiling });
        }
        let granted = by.min(room);
        if !granted.is_zero() {
            let length = self.maximum.end() + granted - self.start;
            self.maximum = Deadline::new(self.start, length);
            self.maximum.forgo_warnings(now);
        }
        Ok(Extension { end: self.maximum.end(), by: granted, is_cut: granted < by })
    }

    /// What is left at `now`.
    pub fn remaining(&self, now: Instant) -> Remaining {
        let left = |deadline: &Deadline| deadline.end().saturating_duration_since(now);
        Remaining {
            idle: self.idle.as_ref().map(|idle| left(&idle.deadline)),
            maximum: left(&self.maximum),
        }
    }
}
