//! The agent's own websocket: when it is lost, six tries with doubling pauses, then none.

use std::time::Duration;

/// Tries before the agent gives up, and is deaf from then on.
const TRIES: u32 = 6;

/// How the agent stands with the gateway.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Connection {
    Up,
    /// Waits before the next try.
    Waiting {
        until: Duration,
        tries: u32,
    },
    /// A websocket is being opened.
    Dialling {
        tries: u32,
    },
    /// It has given up.
    Deaf,
}

impl Connection {
    /// The websocket is gone: the first try follows at once.
    pub(super) fn lost(now: Duration) -> Self {
        Self::Waiting { until: now, tries: 0 }
    }

    /// A try has failed. `chance` is between 0 and 1.
    pub(super) fn failed(self, now: Duration, chance: f64) -> Self {
        let Self::Dialling { tries } = self else { return self };
        if tries + 1 >= TRIES {
            return Self::Deaf;
        }
        let first = Duration::from_millis(100) + Duration::from_millis(100).mul_f64(chance);
        Self::Waiting { until: now + first * (1 << tries), tries: tries + 1 }
    }

    /// When something is due.
    pub(super) fn next(self) -> Option<Duration> {
        match self {
            Self::Waiting { until, .. } => Some(until),
            Self::Up | Self::Dialling { .. } | Self::Deaf => None,
        }
    }
}
