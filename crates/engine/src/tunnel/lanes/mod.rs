//! Which session of a tunnel carries a new connection, and how many sessions there are.
//!
//! The agent reads from destinations at one pace for each session, however many connections a session
//! carries, and what it has read waits in one line. So several connections at once get a session of
//! their own each, a *lane*, as long as there may be another one: then a query does not wait behind a
//! dump, and eight dumps take little longer than one. A connection cannot change its lane.
//!
//! A state machine like the others: after each call carry out what
//! [`poll_action`](Lanes::poll_action) says, and call [`look`](Lanes::look) at
//! [`poll_timeout`](Lanes::poll_timeout).

mod meter;
mod rank;
mod supply;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

pub use self::meter::Meter;
use self::rank::rank;

/// How long a connection waits for a lane that is being opened while it could share a quiet one: about
/// what a start takes; and how long while it could share a busy one: what a start takes that is
/// throttled at first.
const PATIENCE: Duration = Duration::from_secs(1);
const PATIENCE_WITH_BUSY: Duration = Duration::from_secs(5);
/// How long it waits before another lane is opened for it: who has closed one connection and opens the
/// next at once is done with the first, which may be noticed a moment later.
const MOMENT: Duration = Duration::from_millis(30);
/// How often it is looked whether an agent is there again: nothing is told of it.
const LOOK: Duration = Duration::from_millis(250);
/// The least time that a lane which nobody uses is kept.
const LEAST_IDLE: Duration = Duration::from_millis(1);
/// How long no other lane is tried after one could not be had: at first, and at most.
const REFUSED_MIN: Duration = Duration::from_secs(15);
const REFUSED_MAX: Duration = Duration::from_mins(5);

/// A lane of a tunnel, counted from 0 through its life.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LaneId(pub u32);

/// How many lanes a tunnel has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LanesConfig {
    /// The most at once; at least one.
    pub most: usize,
    /// How long one that nobody uses is kept, beside the last.
    pub idle: Duration,
}

impl Default for LanesConfig {
    fn default() -> Self {
        Self { most: 1, idle: Duration::from_mins(1) }
    }
}

/// How busy a lane is.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Load {
    /// Bytes that wait: to be sent, to be acknowledged, or to be read by local clients.
    pub queued: usize,
    /// Whether it has carried much lately: see [`Meter`].
    pub is_bulk: bool,
    /// Whether nothing gets through.
    pub is_stalled: bool,
    /// Whether nothing can get through, since its agent is away.
    pub is_away: bool,
    /// Whether it was resumed a moment ago, and whether its agent is there will be known in another.
    pub is_unheard: bool,
    /// Whether it takes no other connection while it has one: agents of old carry one at a time.
    pub is_single: bool,
}

/// Where a new connection goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// To this lane, which counts it from now on.
    Lane(LaneId),
    /// Nowhere yet: ask again when something has changed, and at that time, if there is one.
    Wait(Option<Instant>),
}

/// What is to be done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LaneAction {
    /// Open this lane: [`up`](Lanes::up) or [`refused`](Lanes::refused) answers.
    Open(LaneId),
    /// End this lane, which carries nothing: [`left`](Lanes::left) answers.
    Close(LaneId),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Standing {
    /// It has never carried anything yet.
    Opening,
    Up,
    /// It has no websocket, or no session, and is being brought back.
    Down,
    Closing,
}

#[derive(Clone, Copy, Debug)]
struct Lane {
    standing: Standing,
    connections: usize,
    /// Those whose local client has ended, and which count no more unless they carry bulk.
    parting: usize,
    /// Since when it has none.
    free: Instant,
    /// It leads to where the destination was before.
    is_outdated: bool,
    /// It is opened to see whether there are lanes again.
    is_trial: bool,
}

impl Lane {
    fn opening(now: Instant, is_trial: bool) -> Self {
        let standing = Standing::Opening;
        Self { standing, connections: 0, parting: 0, free: now, is_outdated: false, is_trial }
    }

    fn is_established(&self) -> bool {
        matches!(self.standing, Standing::Up | Standing::Down)
    }

    /// Whether it may be given connections.
    fn is_open(&self) -> bool {
        self.standing == Standing::Up && !self.is_outdated
    }
}

/// The lanes of a tunnel.
#[derive(Debug)]
pub struct Lanes {
    config: LanesConfig,
    all: BTreeMap<LaneId, Lane>,
    next: u32,
    /// Before this no lane is opened, since one was refused.
    not_before: Option<Instant>,
    /// How long that is the next time; `None` while all is well.
    refusal: Option<Duration>,
    /// When lanes that are kept as a reserve are looked at again.
    again: Option<Instant>,
    actions: VecDeque<LaneAction>,
}

impl Lanes {
    /// A tunnel that opens its first lane, which is not asked for.
    pub fn new(config: LanesConfig, now: Instant) -> Self {
        Self {
            config: LanesConfig { most: config.most.max(1), idle: config.idle.max(LEAST_IDLE) },
            all: BTreeMap::from([(LaneId(0), Lane::opening(now, false))]),
            next: 1,
            not_before: None,
            refusal: None,
            again: None,
            actions: VecDeque::new(),
        }
    }

    /// The next thing to do.
    pub fn poll_action(&mut self) -> Option<LaneAction> {
        self.actions.pop_front()
    }

    // ---- what has become of lanes ----

    /// A lane can carry connections.
    pub fn up(&mut self, now: Instant, id: LaneId) {
        let Some(lane) = self.all.get_mut(&id) else { return };
        if lane.standing == Standing::Opening {
            lane.free = now;
            if lane.is_trial {
                (self.not_before, self.refusal) = (None, None);
            }
        }
        if lane.standing != Standing::Closing {
            lane.standing = Standing::Up;
        }
    }

    /// A lane has a new session, whose agent has looked the destination's name up anew.
    pub fn renewed(&mut self, now: Instant, id: LaneId) {
        if let Some(lane) = self.all.get_mut(&id) {
            lane.is_outdated = false;
        }
        self.up(now, id);
    }

    /// A lane carries nothing for now.
    pub fn down(&mut self, id: LaneId) {
        if let Some(lane) = self.all.get_mut(&id)
            && lane.standing == Standing::Up
        {
            lane.standing = Standing::Down;
        }
    }

    /// A lane that was to be opened is not to be had. Tells whether that is news: whether it is the
    /// first since one was.
    pub fn refused(&mut self, now: Instant, id: LaneId) -> bool {
        self.all.remove(&id);
        // Several that are tried at once are refused for one reason.
        if self.not_before.is_some_and(|at| now < at) {
            return false;
        }
        let is_news = self.refusal.is_none();
        let delay = self.refusal.map_or(REFUSED_MIN, |delay| (delay * 2).min(REFUSED_MAX));
        self.refusal = Some(delay);
        self.not_before = Some(now + delay);
        is_news
    }

    /// A lane is no more, and its connections are not either.
    pub fn left(&mut self, id: LaneId) {
        self.all.remove(&id);
    }

    /// Whether a lane can carry connections now.
    pub fn is_up(&self, id: LaneId) -> bool {
        self.all.get(&id).is_some_and(|lane| lane.standing == Standing::Up)
    }

    /// Whether the tunnel can do without a lane: another one carries connections, or has and is being
    /// brought back.
    pub fn can_spare(&self, id: LaneId) -> bool {
        self.all
            .iter()
            .any(|(other, lane)| *other != id && lane.is_established() && !lane.is_outdated)
    }

    /// Whether the tunnel goes on when a lane cannot be had any more: another one carries connections, if
    /// only those it has. One that leads elsewhere is better than none.
    pub fn goes_on_without(&mut self, id: LaneId) -> bool {
        if self.can_spare(id) {
            return true;
        }
        let mut others =
            self.all.iter_mut().filter(|(other, _)| **other != id).map(|(_, lane)| lane);
        let goes_on = others.any(|lane| lane.is_established());
        if goes_on {
            self.all.values_mut().for_each(|lane| lane.is_outdated = false);
        }
        goes_on
    }

    /// The destination is not where it was when the lanes were opened, and this one is opened anew for
    /// that: the others get no connections any more, and go when theirs have ended.
    ///
    /// Another one may have found that out before, and then it is that one which is opened anew.
    pub fn outdate_others(&mut self, id: LaneId) {
        if self.all.get(&id).is_none_or(|lane| lane.is_outdated) {
            return;
        }
        for (other, lane) in &mut self.all {
            lane.is_outdated = *other != id;
        }
    }

    /// Whether somebody could be carried by another lane than this one, or by one that is being opened.
    pub fn has_another(&self, id: LaneId, load: impl Fn(LaneId) -> Load) -> bool {
        let mut others = self.all.iter().filter(|(other, _)| **other != id);
        others.any(|(other, lane)| match lane.standing {
            Standing::Opening => true,
            Standing::Up => !lane.is_outdated && !load(*other).is_away,
            Standing::Down | Standing::Closing => false,
        })
    }

    // ---- connections ----

    /// Where a connection goes that waits from a time to another one. It counts among the `waiting`
    /// ones, which are all that have no place yet.
    pub fn place(
        &mut self,
        now: Instant,
        (since, deadline): (Instant, Instant),
        waiting: usize,
        load: impl Fn(LaneId) -> Load,
    ) -> Place {
        let open = self.all.iter().filter(|(_, lane)| lane.is_open());
        let loads = open.map(|(id, lane)| (*id, lane, load(*id)));
        let (absent, there): (Vec<_>, Vec<_>) =
            loads.partition(|(_, _, load)| load.is_away || (load.is_unheard && now < deadline));
        let ranks = there.into_iter().map(|(id, lane, load)| (rank(now, lane, load), id));
        let best = ranks.min_by_key(|(rank, id)| (!rank.is_free(), *rank, *id));
        let Some((rank, id)) = best else {
            if absent.is_empty() {
                return Place::Wait(None);
            }
            // An agent that reconnects is back in a second or two.
            let is_long = now >= since + PATIENCE;
            if is_long && absent.iter().any(|(_, _, load)| load.is_away) {
                self.open_for(now, waiting);
            }
            let again = now + LOOK;
            return Place::Wait((again < deadline).then_some(again));
        };
        if rank.is_free() {
            return self.take(id);
        }
        let settled = since + MOMENT;
        let is_early = now < settled.min(deadline) && self.opening() == 0;
        if is_early && !rank.is_busy() && self.may_open(now) {
            return Place::Wait(Some(settled.min(deadline)));
        }
        self.open_for(now, waiting);
        if self.opening() == 0 {
            return self.take(id);
        }
        let patience = if rank.is_busy() { PATIENCE_WITH_BUSY } else { PATIENCE };
        let until = (since + patience).min(deadline);
        if now < until { Place::Wait(Some(until)) } else { self.take(id) }
    }

    fn take(&mut self, id: LaneId) -> Place {
        if let Some(lane) = self.all.get_mut(&id) {
            lane.connections += 1;
        }
        Place::Lane(id)
    }

    /// The local client of a connection has ended, and mostly has all that it wanted: whoever comes next
    /// needs no other lane for it.
    pub fn part(&mut self, now: Instant, id: LaneId) {
        if let Some(lane) = self.all.get_mut(&id) {
            lane.free = now;
            lane.connections = lane.connections.saturating_sub(1);
            lane.parting += 1;
        }
    }

    /// A connection is gone, whose local client had ended before or not.
    pub fn depart(&mut self, now: Instant, id: LaneId, was_parting: bool) {
        if let Some(lane) = self.all.get_mut(&id) {
            let count = if was_parting { &mut lane.parting } else { &mut lane.connections };
            *count = count.saturating_sub(1);
            lane.free = now;
        }
    }
}
