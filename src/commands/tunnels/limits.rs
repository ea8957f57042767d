//! The limits of one tunnel, kept to by the clock that runs while the machine sleeps.

use std::time::{Duration, Instant};

use adit_tunnel::{Limit, LimitEvent, Limits, LimitsConfig, SuspendClock, Tunnel};

use crate::failure::{Failure, Kind};
use crate::ui::long_span;

/// How often it is looked whether the machine has slept: a limit that passes meanwhile is kept to
/// within this time.
const GLANCE: Duration = Duration::from_secs(1);

/// What the time has come for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LimitTick {
    /// A limit comes near.
    Warning { limit: Limit, left: Duration },
    /// It is reached.
    Ended(Limit),
}

/// Watches one tunnel.
pub(super) struct LimitWatch {
    limits: Limits,
    tunnel: Tunnel,
    clock: SuspendClock,
    /// What had slept before, and is of no account.
    slept_before: Duration,
    /// What has slept since.
    slept: Duration,
    seen: Option<Instant>,
}

impl LimitWatch {
    /// Begins now.
    pub(super) fn new(config: LimitsConfig, tunnel: &Tunnel) -> Self {
        let clock = SuspendClock::system();
        let slept_before = clock.suspended();
        let limits = Limits::new(config, Instant::now());
        Self {
            limits,
            tunnel: tunnel.clone(),
            clock,
            slept_before,
            slept: Duration::ZERO,
            seen: None,
        }
    }

    /// Waits for the next of the moments; may be dropped and called again.
    pub(super) async fn next(&mut self) -> LimitTick {
        loop {
            let slept = self.clock.suspended().saturating_sub(self.slept_before);
            let now = Instant::now() + slept;
            if slept > self.slept {
                // A sleep counts, whatever has moved since it ended.
                self.slept = slept;
                self.limits.handle_timeout(now);
            }
            let last = self.tunnel.stats().session.last_payload;
            if last != self.seen
                && let Some(at) = last
            {
                self.limits.activity(at + slept);
                self.seen = last;
            }
            self.limits.handle_timeout(now);
            match self.limits.poll_event() {
                Some(LimitEvent::Warning { limit, left }) => {
                    return LimitTick::Warning { limit, left };
                }
                Some(LimitEvent::Ended { limit }) => return LimitTick::Ended(limit),
                None => {}
            }
            let wait = self.limits.poll_timeout().map(|at| at.saturating_duration_since(now));
            tokio::time::sleep(wait.unwrap_or(GLANCE).min(GLANCE)).await;
        }
    }
}

/// Why a tunnel was closed by one of its limits.
pub(super) fn reached(limit: Limit, config: LimitsConfig) -> Failure {
    match limit {
        Limit::Idle => {
            let span = config.idle.map(long_span).unwrap_or_default();
            Failure::new(Kind::Idle, format!("closed: nothing has moved for {span}"))
                .hint("connect again when it is needed; --idle-timeout changes how long it waits")
        }
        Limit::Maximum => {
            let span = long_span(config.max);
            Failure::new(Kind::Maximum, format!("closed: it has been open for {span}, its longest"))
                .hint("connect again; --max-duration changes how long it may last")
        }
    }
}

/// What `ended` says of it.
pub(super) fn cause(limit: Limit) -> &'static str {
    match limit {
        Limit::Idle => "idle_limit",
        Limit::Maximum => "maximum_limit",
    }
}
