mod acks;
mod busy;
mod demux;
mod envelope;
mod first;
mod frame;
mod frames;
mod handshake;
mod inbound;
mod line;
mod linger;
mod outbound;
mod probe;
mod publication;
mod receive;
mod room;
mod rtt;
mod stream_api;
mod streams;
mod timeout;
mod transmit;
mod transport;
mod turns;
mod window;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::time::Instant;

use adit_wire::smux::Frame;
use adit_wire::{Flag, PayloadType};

use self::acks::Acks;
use self::demux::Refusals;
use self::envelope::Envelope;
use self::first::First;
use self::frame::Partial;
use self::frames::Decoder;
use self::handshake::Pending;
use self::inbound::Inbound;
use self::line::Line;
use self::outbound::Outbound;
use self::probe::Probe;
use self::rtt::Rtt;
use self::streams::Streams;
use self::transmit::{Letter, Role};
use self::transport::Link;
use self::window::Window;
use crate::pool::{Pool, SMALL_PAYLOAD};
use crate::timers::{KEEPALIVE, Timer, Timers};
use crate::{Activity, Cipher, CloseReason, Epoch, Event, Mode, SessionConfig, Stats, version};

/// One Session Manager session, seen from the client.
///
/// It survives its websockets: what is not acknowledged when one is lost is sent again on the
/// next, and the streams notice nothing.
pub struct Session {
    config: SessionConfig,
    phase: Phase,
    link: Link,
    /// Until when the peer could not be heard lately, for our reasons and not for its own.
    deaf_until: Option<Instant>,
    agent: Option<Agent>,
    envelope: Envelope,
    cipher: Option<Box<dyn Cipher>>,
    pool: Pool,
    timers: Timers,
    events: VecDeque<Event>,
    counters: Stats,

    inbound: Inbound,
    outbound: Outbound,
    acks: Acks,
    rtt: Rtt,
    window: Window,
    /// When a message was last acknowledged for the first time, or the oldest that waits was sent.
    progress: Option<Instant>,
    /// When the oldest message was last acknowledged, or all were sent again.
    advanced: Option<Instant>,
    /// When a message moved last, in either direction.
    moved: Option<Instant>,
    repair: Repair,
    /// Since when nothing has come on a websocket that the session was resumed with.
    unheard: Option<Instant>,
    /// Whether the service asked for silence.
    paused: bool,
    /// Since when it does, over one websocket and the next, and nothing has come from the agent.
    away: Option<Instant>,
    /// Whether the agent is to be asked if that is still so, with a message of its own.
    question: bool,
    /// How often the last acknowledgement is to be repeated yet.
    reminders: u8,

    /// Messages that are no session bytes, and go out before them.
    letters: VecDeque<Letter>,
    /// Frames without data, which go out before those with data.
    control: VecDeque<Frame>,
    /// What is left of a frame that goes out in pieces.
    partial: Option<Partial>,
    /// Until when frames are short, so that sparse ones wait for less.
    short_until: Option<Instant>,
    first: First,
    probe: Probe,
    /// Payload bytes per message, framing included.
    payload_size: usize,
    streams: Streams,
    /// Streams opened.
    opened: u64,
    /// Whether the session was too busy for another stream, and will tell when it is not.
    opener_waits: bool,
    decoder: Decoder,
    refusals: Refusals,
    line: Line,
    ending: Ending,
    /// How busy it was at its end.
    last_activity: Option<Activity>,
}

/// How far the session is.
#[derive(Debug)]
enum Phase {
    /// The agent speaks first.
    Greeting,
    /// The agent wants encryption, and the key is being fetched.
    Key(Pending),
    /// The agent has our answer.
    Answered,
    /// The handshake is complete; whether the agent takes data remains to be seen.
    Settling,
    Ready,
    Closed,
}

/// What the agent said about itself and the session.
#[derive(Debug)]
struct Agent {
    version: String,
    mode: Mode,
    properties: BTreeMap<String, String>,
}

/// What follows a resend timeout.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Repair {
    No,
    /// Nothing was acknowledged since.
    Silence,
    /// Something was that had been sent again. Either the rest is lost as well, or it was all
    /// late, and the first sendings of the rest are about to be acknowledged.
    Doubt,
}

/// How far our own end of the session is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Ending {
    No,
    /// No more streams; the flag is not sent, or the agent is too old for it.
    Asked,
    /// The flag is this message.
    Sent(i64),
}

impl Session {
    /// A session that waits for its first websocket. `seed` is all the randomness it has; message
    /// ids come from it and need not be secret.
    pub fn client(config: SessionConfig, seed: u64, epoch: Epoch) -> Self {
        Self {
            phase: Phase::Greeting,
            link: Link::default(),
            deaf_until: None,
            agent: None,
            envelope: Envelope::new(seed, epoch),
            cipher: None,
            pool: Pool::new(config.window_max),
            timers: Timers::default(),
            events: VecDeque::new(),
            counters: Stats::default(),
            inbound: Inbound::new(config.reorder_budget),
            outbound: Outbound::default(),
            acks: Acks::default(),
            rtt: Rtt::default(),
            window: Window::new(config.window_max),
            progress: None,
            advanced: None,
            moved: None,
            repair: Repair::No,
            unheard: None,
            paused: false,
            away: None,
            question: false,
            reminders: 0,
            letters: VecDeque::new(),
            control: VecDeque::new(),
            first: First::NotYet,
            partial: None,
            short_until: None,
            probe: Probe::default(),
            payload_size: SMALL_PAYLOAD,
            streams: Streams::default(),
            opened: 0,
            opener_waits: false,
            decoder: Decoder::default(),
            refusals: Refusals::default(),
            line: Line::default(),
            ending: Ending::No,
            last_activity: None,
            config,
        }
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called, unless something happens
    /// before.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next().into_iter().chain(self.streams.next_linger()).min()
    }

    /// Whether the websocket should be read. False while the inbound budget is used up, so that
    /// the peer feels it, and when the session is over.
    pub fn wants_input(&self) -> bool {
        !matches!(self.phase, Phase::Closed) && !self.is_unread_full() && !self.acks.is_full()
    }

    /// Whether the inbound budget is used up: of the reasons not to want input, the one that
    /// lasts until streams are read. The other, acknowledgements that wait to be sent, goes away
    /// with [`poll_transmit`](Self::poll_transmit).
    pub fn is_unread_full(&self) -> bool {
        let (unread, budget) = self.inbound_room();
        unread >= budget
    }

    /// The mode, known after the agent's first message.
    pub fn mode(&self) -> Option<Mode> {
        self.agent.as_ref().map(|agent| agent.mode)
    }

    /// The agent's version, known after its first message.
    pub fn agent_version(&self) -> Option<&str> {
        self.agent.as_ref().map(|agent| &*agent.version)
    }

    /// A property of the session document after substitution, known after the agent's first
    /// message.
    pub fn property(&self, name: &str) -> Option<&str> {
        self.agent.as_ref()?.properties.get(name).map(String::as_str)
    }

    /// Asks the agent in band to end the session, and opens no more streams. Agents at or below
    /// 2.3.722.0 do not understand that; then only the API ends the session.
    pub fn terminate(&mut self, _now: Instant) {
        if self.is_ending() {
            return;
        }
        self.ending = Ending::Asked;
        match self.phase {
            // What comes before the agent's handler stands is lost, the flag too.
            Phase::Greeting | Phase::Key(_) | Phase::Answered | Phase::Settling => {
                self.close(CloseReason::Terminated);
            }
            Phase::Ready if self.agent_exceeds(version::TERMINATE_FLAG) => {
                self.letters.push_back(Letter::flag(Flag::TerminateSession, Role::Terminate));
            }
            Phase::Ready | Phase::Closed => {}
        }
    }

    fn is_ending(&self) -> bool {
        self.ending != Ending::No
    }

    fn agent_exceeds(&self, gate: [u64; 4]) -> bool {
        self.agent_version().is_some_and(|version| version::exceeds(version, gate))
    }

    /// Whether no data waits to be sent or acknowledged.
    pub fn is_drained(&self) -> bool {
        self.outbound.is_empty()
            && self.letters.is_empty()
            && self.control.is_empty()
            && self.streams.waiting() == 0
            && self.partial.is_none()
    }

    /// Changes the most payload bytes that may be unacknowledged, as
    /// [`window_max`](SessionConfig::window_max). What is in flight already stays so.
    pub fn set_window_max(&mut self, most: usize) {
        self.window.set_most(most);
        self.pool.set_window(most);
    }

    /// Bytes of user data that were carried so far, both ways.
    pub fn payload_bytes(&self) -> u64 {
        self.counters.bytes_in + self.counters.bytes_out
    }

    /// Bytes that wait to be sent or acknowledged.
    pub fn outgoing(&self) -> usize {
        self.streams.waiting() + self.outbound.in_flight()
    }

    /// Bytes that wait: to be sent, to be acknowledged, or to be read.
    pub fn queued(&self) -> usize {
        self.outgoing() + self.streams.unread()
    }

    /// The counters.
    pub fn stats(&self) -> Stats {
        Stats {
            rtt: self.rtt.smoothed(),
            rtt_min: self.window.shortest_rtt(),
            rto: self.rtt.rto(),
            window: self.window.size(),
            in_flight: self.outbound.in_flight(),
            payload_size: self.payload_size,
            waiting: self.streams.waiting(),
            unread: self.streams.unread(),
            paused: self.paused,
            streams: self.streams.len(),
            streams_opened: self.opened,
            ..self.counters
        }
    }

    /// Streams can be opened.
    fn become_ready(&mut self, now: Instant) {
        self.phase = Phase::Ready;
        self.timers.stop(Timer::Handshake);
        if self.mode() == Some(Mode::Mux) {
            if !self.agent_exceeds(version::NO_KEEPALIVE) {
                self.timers.set(Timer::Keepalive, now + KEEPALIVE);
            }
            if let Some(every) = self.config.keep_alive {
                self.timers.set(Timer::InUse, now + every);
            }
        }
        let agent_version = self.agent_version().unwrap_or_default().to_owned();
        tracing::debug!(agent_version, mode = ?self.mode(), "session ready");
        self.events.push_back(Event::Ready { agent_version });
    }

    /// The session is over; only the first reason counts.
    fn close(&mut self, reason: CloseReason) {
        if matches!(self.phase, Phase::Closed) {
            return;
        }
        tracing::debug!(?reason, "session closed");
        self.last_activity = Some(self.current_activity());
        self.phase = Phase::Closed;
        self.timers.stop_all();
        self.letters.clear();
        self.control.clear();
        self.outbound = Outbound::default();
        self.streams.break_all(&mut self.pool, &mut self.events);
        self.events.push_back(Event::Closed(reason));
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("phase", &self.phase)
            .field("link", &self.link)
            .field("agent", &self.agent)
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

/// Whether the client encrypts payloads of this type once it has a key.
const fn is_encrypted_out(kind: PayloadType) -> bool {
    matches!(kind, PayloadType::Output)
}

/// Whether the agent encrypts payloads of this type once it has a key.
const fn is_encrypted_in(kind: PayloadType) -> bool {
    matches!(kind, PayloadType::Output | PayloadType::StdErr | PayloadType::ExitCode)
}
