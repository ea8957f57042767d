//! What the tasks of a tunnel share: its lanes, its listener's connections, and how it stands.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use adit_engine::{LaneId, Lanes, LanesConfig, Stats, StreamId};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::lanes::Slot;
use crate::{End, TunnelEvent};

pub(crate) struct Shared {
    events: UnboundedSender<TunnelEvent>,
    /// Changes whenever something about the lanes does.
    pub(crate) changes: watch::Sender<()>,
    /// The lanes are to be looked after.
    pub(crate) attention: Arc<Notify>,
    /// A local connection waits for a session, or did.
    pub(crate) wanted: Notify,
    waiting: AtomicUsize,
    /// Streams so far, of all sessions: what each of them calls its own begins anew.
    streams: AtomicU32,
    /// The tunnel has been open.
    pub(crate) ready: CancellationToken,
    /// Someone asked for the end.
    pub(crate) closing: CancellationToken,
    /// The tunnel carries nothing any more.
    pub(crate) ended: CancellationToken,
    /// Local connections are to break off at once.
    pub(crate) abort: CancellationToken,
    /// The sessions are terminated and their tasks gone.
    pub(crate) finished: CancellationToken,
    state: Mutex<State>,
}

pub(crate) struct State {
    pub(crate) lanes: Lanes,
    pub(crate) slots: BTreeMap<LaneId, Slot>,
    /// What sessions that are gone have counted.
    pub(crate) past: Stats,
    /// Whether there has been a session.
    pub(crate) has_begun: bool,
    /// The `StreamUrl` that was given last.
    gateway: Option<String>,
    resumes: u64,
    replacements: u64,
    pub(crate) end: Option<End>,
}

/// One local connection that waits.
pub(crate) struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A snapshot of a tunnel's counters.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct TunnelStats {
    /// The counters of all sessions so far, and the state of those there are.
    pub session: Stats,
    /// How often a session was resumed after its websocket was lost.
    pub resumes: u64,
    /// How often a session was replaced by another one.
    pub replacements: u64,
    /// Local connections open.
    pub connections: usize,
    /// Sessions there are.
    pub lanes: usize,
}

/// A snapshot of one lane: a session of a tunnel.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LaneStats {
    /// Its number, counted from 0 through the tunnel's life.
    pub lane: u32,
    /// The session's id.
    pub session_id: String,
    /// The session's counters.
    pub session: Stats,
    /// Local connections that it carries.
    pub connections: usize,
}

impl Shared {
    pub(crate) fn new(events: UnboundedSender<TunnelEvent>, lanes: LanesConfig) -> Self {
        Self {
            events,
            changes: watch::Sender::new(()),
            attention: Arc::new(Notify::new()),
            wanted: Notify::new(),
            waiting: AtomicUsize::new(0),
            streams: AtomicU32::new(0),
            ready: CancellationToken::new(),
            closing: CancellationToken::new(),
            ended: CancellationToken::new(),
            abort: CancellationToken::new(),
            finished: CancellationToken::new(),
            state: Mutex::new(State {
                lanes: Lanes::new(lanes, std::time::Instant::now()),
                slots: BTreeMap::new(),
                past: Stats::default(),
                has_begun: false,
                gateway: None,
                resumes: 0,
                replacements: 0,
                end: None,
            }),
        }
    }

    /// Where the next websocket will lead, if it leads where the last one did.
    pub(crate) fn gateway(&self) -> Option<String> {
        self.lock().gateway.clone()
    }

    pub(crate) fn set_gateway(&self, stream_url: &str) {
        self.lock().gateway = Some(stream_url.to_owned());
    }

    /// Held for single decisions, and taken before a lane's own lock where both are.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the caller; that it may have stopped listening is its own choice.
    pub(crate) fn emit(&self, event: TunnelEvent) {
        let _unheard = self.events.send(event);
    }

    pub(crate) fn events(&self) -> UnboundedSender<TunnelEvent> {
        self.events.clone()
    }

    pub(crate) fn count_resume(&self) {
        self.lock().resumes += 1;
    }

    pub(crate) fn count_replacement(&self) {
        self.lock().replacements += 1;
    }

    /// Counts a local connection as one that waits for a session.
    pub(crate) fn wait(&self) -> Waiting<'_> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        Waiting(&self.waiting)
    }

    /// How many local connections wait for a session.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Whether there has been a session.
    pub(crate) fn has_begun(&self) -> bool {
        self.lock().has_begun
    }

    /// Marks the tunnel as over, for the first reason given; everyone who waits learns it.
    pub(crate) fn end(&self, end: End) {
        let mut state = self.lock();
        state.end.get_or_insert(end);
        let lanes: Vec<_> = state.slots.values().filter_map(|slot| slot.lane.clone()).collect();
        drop(state);
        for lane in lanes {
            lane.give_up();
        }
        self.ended.cancel();
        self.changes.send_replace(());
    }

    /// How the tunnel ended, once it did.
    pub(crate) fn ended_how(&self) -> Option<End> {
        self.lock().end.clone()
    }

    /// The next stream's number in the tunnel.
    pub(crate) fn number(&self) -> StreamId {
        StreamId(self.streams.fetch_add(1, Ordering::Relaxed) + 1)
    }

    // ---- for the handle ----

    pub(crate) fn session_id(&self) -> Option<String> {
        let state = self.lock();
        state.slots.values().find_map(|slot| Some(slot.lane.as_ref()?.session_id.clone()))
    }

    pub(crate) fn stats(&self) -> TunnelStats {
        let state = self.lock();
        let lanes = state.lane_stats();
        let now = lanes.iter().map(|lane| lane.session).reduce(Stats::beside).unwrap_or_default();
        TunnelStats {
            session: now.after(&state.past),
            resumes: state.resumes,
            replacements: state.replacements,
            connections: lanes.iter().map(|lane| lane.connections).sum(),
            lanes: lanes.len(),
        }
    }

    pub(crate) fn lane_stats(&self) -> Vec<LaneStats> {
        self.lock().lane_stats()
    }
}

impl State {
    fn lane_stats(&self) -> Vec<LaneStats> {
        let of = |(id, slot): (&LaneId, &Slot)| {
            let lane = slot.lane.as_ref()?;
            let (session, connections) = lane.counters();
            let session_id = lane.session_id.clone();
            Some(LaneStats { lane: id.0, session_id, session, connections })
        };
        self.slots.iter().filter_map(of).collect()
    }
}
