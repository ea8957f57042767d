//! The lanes of a tunnel: who carries connections, and who sees to it that somebody does.

mod keeper;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use adit_engine::{LaneAction, LaneId, Load, Place};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout_at;
use tokio_util::sync::CancellationToken;

pub(crate) use self::keeper::Keeper;
use crate::lane::Lane;
use crate::shared::State;
use crate::{Rejection, Shared};

/// What comes after it is all the same: no time overflows.
const LONGEST: Duration = Duration::from_hours(24 * 365);

/// Payload bytes that several lanes together may have under way to the agent.
const WINDOW: usize = 12 << 20;
/// The same where one lane alone carries much to the agent: 450 MB/s at 42 ms there and back. It is in use on
/// paths that carry as much, and on no others.
const WINDOW_ALONE: usize = 20 << 20;
/// How often that is shared out anew while anything is carried: nobody tells of an upload that is over.
const SHARE_AGAIN: Duration = Duration::from_millis(250);
/// No lane has less than the eighth of it.
const MOST_SHARERS: usize = 8;

/// What a local connection has found out about the destination.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Dial {
    Worked,
    Failed,
}

/// A lane as its tunnel knows it.
pub(crate) struct Slot {
    /// Its session, whether it carries connections or not.
    pub(crate) lane: Option<Arc<Lane>>,
    dials: UnboundedSender<Dial>,
    retire: CancellationToken,
}

/// What the task of a lane is told.
pub(crate) struct Orders {
    pub(crate) dials: UnboundedReceiver<Dial>,
    /// The lane is to end: nobody needs it.
    pub(crate) retire: CancellationToken,
}

/// A local connection's place in a lane, as long as it is carried.
pub(crate) struct Seat {
    shared: Arc<Shared>,
    id: LaneId,
    pub(crate) lane: Arc<Lane>,
    is_parting: bool,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.shared.lock().lanes.depart(Instant::now(), self.id, self.is_parting);
        self.shared.changed();
    }
}

impl Seat {
    /// The lane's number.
    pub(crate) fn number(&self) -> u32 {
        self.id.0
    }

    /// The local client has ended.
    pub(crate) fn part(&mut self) {
        if !std::mem::replace(&mut self.is_parting, true) {
            self.shared.lock().lanes.part(Instant::now(), self.id);
            self.shared.changed();
        }
    }

    /// Tells what has become of the connection to the destination.
    pub(crate) fn dialled(&self, dial: Dial) {
        let state = self.shared.lock();
        if let Some(slot) = state.slots.get(&self.id)
            && slot.has(&self.lane)
        {
            let _ended = slot.dials.send(dial);
        }
    }

    /// Waits until the lane's session is not the one that carries connections any more.
    pub(crate) async fn passed_over(&self) {
        let mut changes = self.shared.changes.subscribe();
        loop {
            let is_there = {
                let state = self.shared.lock();
                let slot = state.slots.get(&self.id).filter(|_| state.end.is_none());
                slot.is_some_and(|slot| slot.has(&self.lane) && state.lanes.is_up(self.id))
            };
            if !is_there || changes.changed().await.is_err() {
                return;
            }
        }
    }
}

impl Slot {
    fn has(&self, lane: &Arc<Lane>) -> bool {
        self.lane.as_ref().is_some_and(|mine| Arc::ptr_eq(mine, lane))
    }
}

/// What lanes keep until it is acknowledged is bounded for all of them together, so that eight busy ones
/// take no more memory for that than one. Those that carry much to the agent have equal shares, and another
/// one what it would have if it began to.
fn share(slots: &BTreeMap<LaneId, Slot>) {
    let lanes = slots.values().filter_map(|slot| slot.lane.as_ref());
    let lanes: Vec<_> = lanes.map(|lane| (lane, lane.uploads())).collect();
    let busy = lanes.iter().filter(|(_, uploads)| *uploads).count();
    for (lane, uploads) in lanes {
        let sharers = if uploads { busy } else { busy + 1 };
        lane.set_window_max(match sharers {
            0 | 1 => WINDOW_ALONE,
            _ => WINDOW / sharers.min(MOST_SHARERS),
        });
    }
}

/// How busy each lane is.
fn load(slots: &BTreeMap<LaneId, Slot>, now: Instant) -> impl Fn(LaneId) -> Load {
    move |id| {
        let lane = slots.get(&id).and_then(|slot| slot.lane.as_ref());
        lane.map_or_else(Load::default, |lane| lane.load(now))
    }
}

impl Shared {
    /// Something about the lanes is not as it was.
    fn changed(&self) {
        self.changes.send_replace(());
        self.attention.notify_one();
    }

    // ---- for who keeps the lanes ----

    /// There is a lane, which has no session yet.
    fn add(&self, id: LaneId) -> Orders {
        let (dials, dialled) = unbounded_channel();
        let retire = CancellationToken::new();
        let slot = Slot { lane: None, dials, retire: retire.clone() };
        let mut state = self.lock();
        state.slots.insert(id, slot);
        share(&state.slots);
        drop(state);
        Orders { dials: dialled, retire }
    }

    /// Opens and closes lanes as need be; returns those to be opened, and when to look again.
    fn look(&self) -> (Vec<LaneId>, Option<Instant>) {
        let now = Instant::now();
        let mut state = self.lock();
        let State { lanes, slots, .. } = &mut *state;
        lanes.look(now, load(slots, now));
        share(slots);
        let mut open = Vec::new();
        while let Some(action) = lanes.poll_action() {
            match action {
                LaneAction::Open(id) => open.push(id),
                LaneAction::Close(id) => {
                    if let Some(slot) = slots.get(&id) {
                        slot.retire.cancel();
                    }
                }
            }
        }
        let is_busy =
            slots.values().filter_map(|slot| slot.lane.as_ref()).any(|lane| lane.load(now).is_bulk);
        let again = is_busy.then(|| now + SHARE_AGAIN);
        (open, lanes.poll_timeout().into_iter().chain(again).min())
    }

    // ---- for the tasks of lanes ----

    /// A lane has another session, or none.
    pub(crate) fn set_session(&self, id: LaneId, lane: Option<Arc<Lane>>) {
        let mut state = self.lock();
        state.has_begun |= lane.is_some();
        let Some(slot) = state.slots.get_mut(&id) else { return };
        let before = std::mem::replace(&mut slot.lane, lane);
        share(&state.slots);
        if let Some(before) = before {
            state.past = before.counters().0.after(&state.past);
        }
    }

    /// A lane can carry connections.
    pub(crate) fn up(&self, id: LaneId) {
        self.lock().lanes.up(Instant::now(), id);
        self.changed();
    }

    /// A lane has another session, which can carry connections.
    pub(crate) fn renewed(&self, id: LaneId) {
        self.lock().lanes.renewed(Instant::now(), id);
        self.changed();
    }

    /// A lane carries nothing for now.
    pub(crate) fn down(&self, id: LaneId) {
        self.lock().lanes.down(id);
        self.changed();
    }

    /// Whether any lane carries connections.
    pub(crate) fn is_up(&self) -> bool {
        let state = self.lock();
        state.end.is_none() && state.slots.keys().any(|id| state.lanes.is_up(*id))
    }

    /// Lets a lane go if the tunnel can do without it; tells whether that is so.
    pub(crate) fn leave(&self, id: LaneId) -> bool {
        let mut state = self.lock();
        let can_spare = state.end.is_none() && state.lanes.can_spare(id);
        if can_spare {
            state.lanes.left(id);
        }
        drop(state);
        self.changed();
        can_spare
    }

    /// Lets a lane go that cannot be had any more, if that is not the end of the tunnel; tells whether it
    /// is not.
    pub(crate) fn leave_for_good(&self, id: LaneId) -> bool {
        let mut state = self.lock();
        let goes_on = state.end.is_none() && state.lanes.goes_on_without(id);
        if goes_on {
            state.lanes.left(id);
        }
        drop(state);
        self.changed();
        goes_on
    }

    /// A lane that was to be opened is not to be had; tells whether that is news.
    pub(crate) fn refused(&self, id: LaneId) -> bool {
        let is_news = self.lock().lanes.refused(Instant::now(), id);
        self.changed();
        is_news
    }

    /// The other lanes lead to where the destination was before.
    pub(crate) fn outdate_others(&self, id: LaneId) {
        self.lock().lanes.outdate_others(id);
        self.changed();
    }

    /// A lane is no more; what it has counted is kept.
    pub(crate) fn remove(&self, id: LaneId) {
        self.set_session(id, None);
        let mut state = self.lock();
        state.lanes.left(id);
        state.slots.remove(&id);
        share(&state.slots);
        drop(state);
        self.changed();
    }

    /// Local connections that wait for this lane, since no other one can carry them.
    pub(crate) fn held(&self, id: LaneId) -> usize {
        let waiting = self.waiting();
        if waiting == 0 {
            return 0;
        }
        let state = self.lock();
        let has_another = state.lanes.has_another(id, load(&state.slots, Instant::now()));
        if has_another { 0 } else { waiting }
    }

    /// Of all lanes so far: whether anything has come from the destination, and when a byte moved last.
    pub(crate) fn history(&self) -> (bool, Option<Instant>) {
        let stats = self.stats().session;
        (stats.bytes_in > 0, stats.last_payload)
    }

    // ---- for the local connections ----

    /// A place in a lane, waited for until then where there is none.
    pub(crate) async fn seat(
        self: &Arc<Self>,
        deadline: tokio::time::Instant,
    ) -> Result<Seat, Rejection> {
        let mut changes = self.changes.subscribe();
        let since = Instant::now();
        let _counted = self.wait();
        loop {
            changes.mark_unchanged();
            let again = match self.place(since, deadline.into_std())? {
                Ok(seat) => return Ok(seat),
                Err(again) => again.map_or(deadline, |at| deadline.min(at.into())),
            };
            if tokio::time::Instant::now() >= deadline {
                return Err(Rejection::NoSession);
            }
            self.wanted.notify_one();
            let _changed = timeout_at(again, changes.changed()).await;
        }
    }

    /// A place in a lane, or when to ask again at the latest.
    fn place(
        self: &Arc<Self>,
        since: Instant,
        deadline: Instant,
    ) -> Result<Result<Seat, Option<Instant>>, Rejection> {
        let now = Instant::now();
        let mut state = self.lock();
        if state.end.is_some() {
            return Err(Rejection::TunnelEnded);
        }
        let State { lanes, slots, .. } = &mut *state;
        let place = lanes.place(now, (since, deadline), self.waiting(), load(slots, now));
        // Another lane may be wanted.
        self.attention.notify_one();
        match place {
            Place::Wait(again) => Ok(Err(again)),
            Place::Lane(id) => {
                let slot = state.slots.get(&id).and_then(|slot| slot.lane.clone());
                let Some(lane) = slot else {
                    // None is up without a session.
                    state.lanes.depart(now, id, false);
                    return Ok(Err(None));
                };
                Ok(Ok(Seat { shared: Arc::clone(self), id, lane, is_parting: false }))
            }
        }
    }
}

/// When a connection that comes now has waited long enough.
pub(crate) fn deadline(hold: Duration) -> tokio::time::Instant {
    tokio::time::Instant::now() + hold.min(LONGEST)
}
