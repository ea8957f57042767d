//! One session of a tunnel: the engine behind its one lock, and who waits for it.

mod streams;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

use adit_engine::{
    Activity, Cause, CloseReason, Event, Load, Loss, Meter, Mode, Session, Stats, StreamId,
};
use bytes::Bytes;
use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;

use crate::TunnelEvent;

/// The most bytes handed to the websocket in one turn: enough to fill a few TLS records, little
/// enough that acknowledgements which come in meanwhile do not wait long.
const TURN_BYTES: usize = 64 * 1024;
/// The most messages handed to the websocket in one turn.
const TURN_MESSAGES: usize = 128;
/// What waits at least to be sent or acknowledged where a lane carries much to the agent: more than talk.
const UPLOAD: usize = 64 * 1024;
/// How long nothing may be acknowledged before new connections go elsewhere.
const STALLED: Duration = Duration::from_secs(2);

/// How long after a local client has said something its answer is not kept waiting.
const SPOKEN: Duration = Duration::from_millis(250);
/// How long after a resumption new connections wait for a word on it: that the agent is there, or away.
/// The service need not say that it is there.
const WORD: Duration = Duration::from_millis(500);

/// What the driver and the local connections share of one session.
///
/// The lock is held for single engine calls and never across an await.
pub(crate) struct Lane {
    state: Mutex<State>,
    events: UnboundedSender<TunnelEvent>,
    pub(crate) session_id: String,
    /// Wakes the driver: the engine has something to send, or time to look again.
    pub(crate) driver: Notify,
    /// Told when it begins to carry bulk.
    attention: Arc<Notify>,
    /// Local connections are to break off at once.
    pub(crate) abort: CancellationToken,
}

struct State {
    session: Session,
    meter: Meter,
    /// When a local client last said something.
    spoke: Option<Instant>,
    streams: BTreeMap<StreamId, Waiters>,
    openers: Vec<Waker>,
    /// The agent's version, once streams can be opened.
    ready: Option<String>,
    /// Why the engine closed, once it did.
    closed: Option<CloseReason>,
    /// Whether it carries nothing any more.
    is_gone: bool,
}

#[derive(Default)]
struct Waiters {
    readable: Option<Waker>,
    writable: Option<Waker>,
    /// How the stream ended, once the engine has forgotten it.
    closed: Option<Cause>,
}

impl Waiters {
    fn wake(&mut self) {
        wake(&mut self.readable);
        wake(&mut self.writable);
    }
}

/// What a turn of the driver got from the engine.
pub(crate) struct Turn {
    /// When the engine wants to be called again.
    pub(crate) timeout: Option<Instant>,
    /// Whether the gateway is not listened to because local clients do not read.
    pub(crate) unread: bool,
    /// Whether nothing waits to be sent or acknowledged.
    pub(crate) drained: bool,
    /// Whether more was left than one turn takes.
    pub(crate) more: bool,
    /// Whether the engine has closed.
    pub(crate) closed: bool,
    /// Whether nothing but a download goes through it.
    pub(crate) calm: bool,
    /// Whether it has become ready, which nobody has asked for yet.
    pub(crate) ready: bool,
}

impl Turn {
    fn look(session: &Session) -> Self {
        Self {
            timeout: session.poll_timeout(),
            unread: session.is_unread_full(),
            drained: session.is_drained(),
            more: false,
            closed: false,
            calm: false,
            ready: false,
        }
    }

    fn note(&mut self, state: &State) {
        self.closed = state.closed.is_some();
        self.ready = state.ready.is_some();
    }
}

impl Lane {
    /// A session that waits for its first websocket; `abort` ends its connections with the tunnel's.
    pub(crate) fn new(
        session: Session,
        session_id: String,
        events: UnboundedSender<TunnelEvent>,
        attention: Arc<Notify>,
        abort: CancellationToken,
    ) -> Self {
        Self {
            state: Mutex::new(State {
                session,
                meter: Meter::default(),
                spoke: None,
                streams: BTreeMap::new(),
                openers: Vec::new(),
                ready: None,
                closed: None,
                is_gone: false,
            }),
            events,
            session_id,
            driver: Notify::new(),
            attention,
            abort,
        }
    }

    /// Tells the caller; that it may have stopped listening is its own choice.
    fn emit(&self, event: TunnelEvent) {
        let _unheard = self.events.send(event);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets `change` act on the engine, then hands out what the engine has to tell.
    fn with<R>(&self, change: impl FnOnce(&mut State, Instant) -> R) -> R {
        let mut state = self.lock();
        let result = change(&mut state, Instant::now());
        while let Some(event) = state.session.poll_event() {
            self.settle(&mut state, event);
        }
        result
    }

    fn settle(&self, state: &mut State, event: Event) {
        match event {
            Event::Ready { agent_version } => {
                state.ready = Some(agent_version);
                self.driver.notify_one();
            }
            Event::CustomerMessage(text) => self.emit(TunnelEvent::CustomerMessage(text)),
            Event::Readable(id) => {
                if let Some(waiters) = state.streams.get_mut(&id) {
                    wake(&mut waiters.readable);
                }
            }
            Event::Writable(id) => {
                if let Some(waiters) = state.streams.get_mut(&id) {
                    wake(&mut waiters.writable);
                }
            }
            Event::StreamClosed { id, cause } => {
                tracing::debug!(stream = id.0, ?cause, "stream closed");
                if let Some(waiters) = state.streams.get_mut(&id) {
                    waiters.closed = Some(cause);
                    waiters.wake();
                }
            }
            // A stream's end alone frees nothing: the agent has to disconnect first.
            Event::Free => state.openers.drain(..).for_each(Waker::wake),
            // Agents never ask for it in port sessions, whatever the preferences say.
            Event::KeyRequest(_) => {
                let refusal = "port sessions are not encrypted with KMS".to_owned();
                state.session.refuse_key(Instant::now(), refusal);
            }
            Event::ConnectRefused { stream } => self.emit(TunnelEvent::ConnectRefused { stream }),
            Event::Closed(reason) => {
                tracing::debug!(%reason, "session closed");
                state.closed = Some(reason);
                state.streams.values_mut().for_each(Waiters::wake);
                state.openers.drain(..).for_each(Waker::wake);
                self.driver.notify_one();
            }
            other => tracing::debug!(?other, "unknown event of the session"),
        }
    }

    // ---- for the driver ----

    pub(crate) fn transport_up(&self) {
        self.with(|state, now| state.session.transport_up(now));
    }

    /// Another websocket takes over from one that still works.
    pub(crate) fn transport_moved(&self) {
        self.with(|state, now| state.session.transport_moved(now));
    }

    pub(crate) fn transport_down(&self, loss: Loss) {
        self.with(|state, now| state.session.transport_down(now, loss));
    }

    /// Whether streams can be opened; with the agent's version the first time it is asked then.
    pub(crate) fn take_ready(&self) -> Option<(String, Mode)> {
        let mut state = self.lock();
        let version = state.ready.take()?;
        Some((version, state.session.mode().unwrap_or(Mode::Mux)))
    }

    /// Changes how much may be under way to the agent.
    pub(crate) fn set_window_max(&self, most: usize) {
        self.lock().session.set_window_max(most);
    }

    /// How busy it is, as far as new connections are concerned.
    pub(crate) fn load(&self, now: Instant) -> Load {
        let State { session, meter, .. } = &*self.lock();
        let unanswered = session.unanswered_since();
        let is_silent = unanswered.is_some_and(|at| now.saturating_duration_since(at) >= STALLED);
        Load {
            queued: session.queued(),
            is_bulk: meter.is_bulk(now),
            is_stalled: is_silent || session.is_unread_full(),
            is_away: session.away_since().is_some(),
            is_unheard: session.unheard_since().is_some_and(|at| now < at + WORD),
            is_single: session.mode() == Some(Mode::Single),
        }
    }

    /// Whether much is on its way to the agent, or waits for that.
    pub(crate) fn uploads(&self) -> bool {
        self.lock().session.outgoing() >= UPLOAD
    }

    /// How busy it is.
    pub(crate) fn activity(&self) -> Activity {
        self.lock().session.activity()
    }

    /// Hands one message to the engine; tells whether it takes more.
    pub(crate) fn receive(&self, message: Bytes) -> bool {
        self.with(|state, now| {
            state.session.receive(now, message);
            state.session.wants_input()
        })
    }

    /// Does what is due and moves messages to be sent into `outbox`, as many as one turn takes.
    pub(crate) fn turn(&self, outbox: &mut Vec<Bytes>) -> Turn {
        let mut turn = self.with(|state, now| {
            let session = &mut state.session;
            if session.poll_timeout().is_some_and(|due| due <= now) {
                session.handle_timeout(now);
            }
            let mut bytes = 0;
            let mut more = true;
            while bytes < TURN_BYTES && outbox.len() < TURN_MESSAGES {
                let Some(message) = session.poll_transmit(now) else {
                    more = false;
                    break;
                };
                bytes += message.len();
                outbox.push(message);
            }
            if state.meter.note(now, session.payload_bytes()) {
                self.attention.notify_one();
            }
            let silent = state.spoke.is_none_or(|at| now.saturating_duration_since(at) >= SPOKEN);
            let calm = silent && session.outgoing() == 0 && state.meter.is_bulk(now);
            Turn { more, calm, ..Turn::look(session) }
        });
        turn.note(&self.lock());
        turn
    }

    /// Does what is due while nothing can be sent.
    pub(crate) fn tick(&self) -> Turn {
        let mut turn = self.with(|state, now| {
            if state.session.poll_timeout().is_some_and(|due| due <= now) {
                state.session.handle_timeout(now);
            }
            Turn::look(&state.session)
        });
        turn.note(&self.lock());
        turn
    }

    /// Whether the websocket is to be read.
    pub(crate) fn wants_input(&self) -> bool {
        self.lock().session.wants_input()
    }

    /// Why the engine closed, if it did.
    pub(crate) fn closed(&self) -> Option<CloseReason> {
        self.lock().closed.clone()
    }

    /// Breaks every stream off and asks the agent to end the session.
    pub(crate) fn terminate(&self) {
        self.abort.cancel();
        self.with(|state, now| {
            for id in state.streams.keys().copied() {
                state.session.reset(now, id);
            }
            state.session.terminate(now);
            state.streams.values_mut().for_each(Waiters::wake);
        });
    }

    /// It carries nothing any more; everyone who waits learns it. What has come already can still be
    /// read.
    pub(crate) fn give_up(&self) {
        let mut state = self.lock();
        state.is_gone = true;
        state.streams.values_mut().for_each(Waiters::wake);
        state.openers.drain(..).for_each(Waker::wake);
    }

    /// What has got through so far, in messages.
    pub(crate) fn progress(&self) -> u64 {
        let stats = self.lock().session.stats();
        stats.messages_in + stats.acks_in
    }

    /// The engine's counters, and the local connections open.
    pub(crate) fn counters(&self) -> (Stats, usize) {
        let state = self.lock();
        (state.session.stats(), state.streams.len())
    }
}

fn wake(slot: &mut Option<Waker>) {
    if let Some(waker) = slot.take() {
        waker.wake();
    }
}
