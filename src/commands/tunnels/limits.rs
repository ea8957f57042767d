//! The limits of one tunnel, kept to by the clock that runs while the machine sleeps.

use std::time::Duration;

use adit_aws::Clock;
use adit_tunnel::{Limit, LimitEvent, LimitsConfig, Tunnel};

use super::leash::{Extended, Leash, Turn};
use crate::failure::{Failure, Kind};
use crate::ui::long_span;

/// How often it is looked whether the machine has slept: a limit that passes meanwhile is kept to
/// within this time.
const GLANCE: Duration = Duration::from_secs(1);

/// What the time has come for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum LimitTick {
    /// A limit comes near.
    Warning { limit: Limit, left: Duration },
    /// It is reached.
    Ended(Limit),
    /// Somebody has extended the maximum.
    Extended(Extended),
}

/// Watches one tunnel.
pub(super) struct LimitWatch {
    leash: Leash,
    tunnel: Tunnel,
    clock: Clock,
}

impl LimitWatch {
    pub(super) fn new(leash: Leash, tunnel: &Tunnel, clock: &Clock) -> Self {
        Self { leash, tunnel: tunnel.clone(), clock: clock.clone() }
    }

    /// Waits for the next of the moments; may be dropped and called again.
    pub(super) async fn next(&mut self) -> LimitTick {
        loop {
            let wait = match self.leash.turn(self.tunnel.stats().session.last_payload) {
                Turn::Extended(extended) => return LimitTick::Extended(extended),
                Turn::Event(LimitEvent::Warning { limit, left }) => {
                    return LimitTick::Warning { limit, left };
                }
                Turn::Event(LimitEvent::Ended { limit }) => return LimitTick::Ended(limit),
                Turn::Nothing(wait) => wait,
            };
            tokio::select! {
                () = tokio::time::sleep(wait.unwrap_or(GLANCE).min(GLANCE)) => {}
                () = self.leash.changed() => {}
                () = self.clock.moved_on() => {}
            }
        }
    }
}

/// Why a tunnel was closed by one of its limits.
/// `lasted` is its whole time, extensions included.
pub(super) fn reached(limit: Limit, config: LimitsConfig, lasted: Duration) -> Failure {
    match limit {
        Limit::Idle => {
            let span = config.idle.map(long_span).unwrap_or_default();
            Failure::new(Kind::Idle, format!("closed: nothing has moved for {span}"))
                .hint("connect again when it is needed; --idle-timeout changes how long it waits")
        }
        Limit::Maximum => {
            let span = long_span(lasted);
            Failure::new(Kind::Maximum, format!("closed: it has been open for {span}, its longest"))
                .hint(
                    "connect again; --max-duration changes how long it may last, and \
                       --max-duration-ceiling how far `adit extend` goes",
                )
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
