use std::time::{Duration, Instant};

use super::{Lane, Load};

/// How long after a connection has gone the bulk that a lane has carried is taken for that connection's:
/// what a [`Meter`] takes to forget it.
pub(super) const FORGOTTEN: Duration = Duration::from_secs(2);

/// What a lane has against it; less is better.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Rank {
    is_taken: bool,
    is_stalled: bool,
    is_bulk: bool,
    connections: usize,
    queued: usize,
    /// Whether clients that have ended still get much.
    is_parting: bool,
}

impl Rank {
    /// Whether nobody is in the way there.
    pub(super) fn is_free(self) -> bool {
        self.connections == 0 && !self.is_stalled && !self.is_parting
    }

    /// Whether who comes there suffers, or makes others suffer.
    pub(super) fn is_busy(self) -> bool {
        self.is_taken || self.is_stalled || self.is_bulk
    }
}

/// What speaks against a lane for who comes now.
pub(super) fn rank(now: Instant, lane: &Lane, load: Load) -> Rank {
    let is_over = now.saturating_duration_since(lane.free) < FORGOTTEN;
    Rank {
        is_taken: load.is_single && lane.connections + lane.parting > 0,
        is_stalled: load.is_stalled,
        is_bulk: load.is_bulk,
        connections: lane.connections,
        queued: load.queued,
        is_parting: load.is_bulk && lane.parting > 0 && !is_over,
    }
}
