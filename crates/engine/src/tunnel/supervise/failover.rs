//! Destinations that are not reached any more.
//!
//! The agent looks a name up once, when the session begins. After a failover it goes on dialling the
//! address of before, and only a new session has the name looked up again.

use std::time::{Duration, Instant};

use super::{Gone, Phase, Supervisor};
use crate::{Activity, Handling};

/// Dials in a row that failed before a new session is tried.
const FAILED: u32 = 2;
/// Between two new sessions for that; doubles up to the longest: a destination may simply be down.
const PAUSE: Duration = Duration::from_secs(30);
const LONGEST_PAUSE: Duration = Duration::from_mins(5);

#[derive(Default, Debug)]
pub(super) struct Failover {
    failed: u32,
    /// Before that no session is replaced for it, and what follows the next one.
    not_before: Option<Instant>,
    pause: Duration,
}

impl Supervisor {
    /// A local connection has ended without a byte from the destination: the agent could not connect
    /// to it, or has not for a long time.
    pub fn dial_failed(&mut self, now: Instant, activity: &Activity) {
        self.failover.failed += 1;
        let may = self.failover.not_before.is_none_or(|at| at <= now);
        // What others still carry is worth more than what might be.
        let may = may && !self.lacks(Handling::Failover);
        if self.phase == Phase::Up && self.failover.failed >= FAILED && may && activity.streams == 0
        {
            let pause = (self.failover.pause * 2).clamp(PAUSE, LONGEST_PAUSE);
            self.failover = Failover { failed: 0, not_before: Some(now + pause), pause };
            self.gone(now, Gone::Unreached, activity);
        }
    }

    /// A byte has come from the destination.
    pub fn dial_worked(&mut self) {
        self.failover = Failover::default();
    }
}
