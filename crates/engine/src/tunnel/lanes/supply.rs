//! How many lanes there are: opening one ahead of need, and closing those that nobody needs.

use std::time::Instant;

use super::{Lane, LaneAction, LaneId, Lanes, Load, Standing};

impl Lanes {
    /// Opens a lane ahead of need, and closes those that nobody needs. To be called when a lane has
    /// become bulk, when one is up, down or gone, when a connection is gone, and when time is up.
    pub fn look(&mut self, now: Instant, load: impl Fn(LaneId) -> Load) {
        let is_reserve = |id: &LaneId, lane: &Lane| {
            let load = load(*id);
            let is_used = lane.connections + lane.parting > 0;
            let is_busy = load.is_stalled || (load.is_bulk && is_used);
            lane.is_open() && !is_busy
        };
        let reserves = self.all.iter().filter(|(id, lane)| is_reserve(id, lane)).count();
        // Agents of old connect to the destination at once, which would wonder.
        let connects_at_once = self.all.keys().any(|id| load(*id).is_single);
        if reserves == 0 && self.opening() == 0 && !connects_at_once {
            self.open_for(now, 1);
        }
        self.close_idle(now, reserves, is_reserve);
    }

    /// When [`look`](Self::look) is to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.again
    }

    /// Lanes that are being opened.
    pub(super) fn opening(&self) -> usize {
        self.all.values().filter(|lane| lane.standing == Standing::Opening).count()
    }

    /// Whether one more may be opened.
    pub(super) fn may_open(&self, now: Instant) -> bool {
        // Without any that works, trouble is general, and more of the same makes it greater.
        self.all.values().any(|lane| lane.standing == Standing::Up)
            && self.not_before.is_none_or(|at| at <= now)
            && self.all.len() < self.config.most
    }

    /// Sees to it that as many lanes are being opened, as far as there may be more.
    pub(super) fn open_for(&mut self, now: Instant, wanted: usize) {
        // After a refusal one is tried, not all of them.
        let wanted = if self.refusal.is_some() { wanted.min(1) } else { wanted };
        for _ in self.opening()..wanted {
            if !self.may_open(now) {
                return;
            }
            let id = LaneId(self.next);
            self.next += 1;
            self.all.insert(id, Lane::opening(now, self.refusal.is_some()));
            self.actions.push_back(LaneAction::Open(id));
        }
    }

    /// Closes what nobody has used for a while, but for the last one and one in reserve.
    fn close_idle(
        &mut self,
        now: Instant,
        mut reserves: usize,
        is_reserve: impl Fn(&LaneId, &Lane) -> bool,
    ) {
        self.again = None;
        let is_current = |lane: &&Lane| lane.is_established() && !lane.is_outdated;
        let mut current = self.all.values().filter(is_current).count();
        let newest_first: Vec<LaneId> = self.all.keys().rev().copied().collect();
        for id in newest_first {
            let Some(lane) = self.all.get_mut(&id) else { continue };
            let spared = current > usize::from(!lane.is_outdated);
            let is_used = lane.connections + lane.parting > 0;
            if lane.standing != Standing::Up || is_used || !spared {
                continue;
            }
            let counts = is_reserve(&id, lane);
            let due = if lane.is_outdated { lane.free } else { lane.free + self.config.idle };
            if counts && reserves <= 1 {
                // Load changes without a word.
                let again = due.max(now + self.config.idle);
                self.again = Some(self.again.map_or(again, |at| at.min(again)));
            } else if due <= now {
                lane.standing = Standing::Closing;
                self.actions.push_back(LaneAction::Close(id));
                reserves -= usize::from(counts);
                current -= usize::from(!lane.is_outdated);
            } else {
                self.again = Some(self.again.map_or(due, |at| at.min(due)));
            }
        }
    }
}
