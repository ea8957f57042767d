//! The client: its sessions with their websockets, and the supervisor that decides about them.
//! What carries out its decisions is in `world`.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use adit_engine::{Session, StreamId, Supervisor};

use crate::Time;
use crate::oracle::Watch;

/// A session of the client.
#[derive(Debug)]
pub struct Lane {
    /// The engine.
    pub session: Session,
    /// Its websocket.
    pub socket: Option<usize>,
    /// Whether anything came on it.
    pub served: bool,
    /// The one before, which is read until it ends.
    pub old: Option<usize>,
    /// One that has not been given its token.
    pub guest: Option<(usize, u64)>,
    /// The token for the next one.
    pub ticket: u64,
    /// When something was heard.
    pub heard: Time,
    /// When the engine's timer is set.
    pub timer: Option<Time>,
    /// Whether the session is over.
    pub over: bool,
    /// What watches it.
    pub watch: Watch,
    /// Streams, by their conversation.
    pub streams: BTreeMap<StreamId, usize>,
    /// When it last could not be read, or its agent could not.
    pub clogged: Time,
    /// Messages that it had handed out again when that was counted last.
    pub counted_resends: u64,
    /// Messages that its agent had sent again, and that it had received in order, when the agent's
    /// repair last got on; and when that was.
    pub repair: (u64, u64, Time),
}

/// All of the client.
#[derive(Debug)]
pub struct Client {
    /// The beginning of the world on the engine's clock.
    pub origin: Instant,
    /// What decides about sessions and websockets.
    pub supervisor: Supervisor,
    /// When its timer is set.
    pub timer: Option<Time>,
    /// Counts what made all that was asked for before void.
    pub generation: u64,
    /// Its sessions, by the service's count; `None` before the start was answered.
    pub lanes: Vec<Option<Lane>>,
    /// The session that takes new streams.
    pub current: Option<usize>,
    /// Whether the tunnel is over; somebody opens another one then.
    pub over: bool,
    /// Whether a byte has come from a destination ever.
    pub proven: bool,
    /// Conversations that wait for a session.
    pub waiting: VecDeque<usize>,
}

impl Client {
    /// A client that is about to open its tunnel.
    pub fn new(origin: Instant, supervisor: Supervisor) -> Self {
        Self {
            origin,
            supervisor,
            timer: None,
            generation: 0,
            lanes: Vec::new(),
            current: None,
            over: false,
            proven: false,
            waiting: VecDeque::new(),
        }
    }

    /// A moment on the engine's clock.
    pub fn instant(&self, now: Time) -> Instant {
        self.origin + now
    }

    /// A moment of the engine's on ours.
    pub fn time(&self, at: Instant) -> Time {
        at.saturating_duration_since(self.origin)
    }

    /// A lane.
    pub fn lane(&mut self, index: usize) -> Option<&mut Lane> {
        self.lanes.get_mut(index)?.as_mut()
    }
}

impl Lane {
    /// A lane for a new session.
    pub fn new(session: Session, ticket: u64, now: Time) -> Self {
        Self {
            session,
            socket: None,
            served: false,
            old: None,
            guest: None,
            ticket,
            heard: now,
            timer: None,
            over: false,
            watch: Watch::default(),
            streams: BTreeMap::new(),
            clogged: now,
            counted_resends: 0,
            repair: (0, 0, Time::ZERO),
        }
    }
}
