//! One direction of one websocket, and the way that it takes.

use std::collections::VecDeque;

use bytes::Bytes;
use rand::RngExt as _;
use rand::rngs::StdRng;

use crate::Time;

/// Bytes that lie in the socket buffers of both ends before a write blocks.
const SOCKET_BUFFER: usize = 256 << 10;

/// One direction of the way between the gateway and an end. It outlives websockets.
#[derive(Clone, Debug)]
pub struct Path {
    /// The time that the first byte takes.
    pub latency: Time,
    /// At most so much more.
    pub jitter: Time,
    /// Bytes a second.
    pub rate: u64,
    /// Nothing arrives before.
    pub stalled_until: Time,
    /// So many messages that are sent next vanish.
    pub lose: u32,
    /// Longer messages vanish.
    pub largest: usize,
    /// While this lasts, messages vanish, double and overtake each other with those chances.
    pub weather: Weather,
}

/// What happens to single messages, until some moment.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Weather {
    /// When it ends.
    pub until: Time,
    /// The chance that a message vanishes.
    pub loss: f64,
    /// The chance that it arrives twice.
    pub duplication: f64,
    /// The chance that it is overtaken.
    pub reordering: f64,
}

impl Path {
    /// A way without faults.
    pub const fn new(latency: Time, jitter: Time, rate: u64) -> Self {
        let weather = Weather { until: Time::ZERO, loss: 0.0, duplication: 0.0, reordering: 0.0 };
        Self {
            latency,
            jitter,
            rate,
            stalled_until: Time::ZERO,
            lose: 0,
            largest: usize::MAX,
            weather,
        }
    }

    /// Whether nothing is wrong with it.
    pub fn is_healthy(&self, now: Time) -> bool {
        now >= self.stalled_until && self.lose == 0 && now >= self.weather.until
    }
}

/// What travels in a websocket.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Frame {
    /// A binary message.
    Message(Bytes),
    /// The first message: a token.
    Open(u64),
    /// The close frame with its code.
    Close(u16),
}

impl Frame {
    fn len(&self) -> usize {
        match self {
            Self::Message(bytes) => bytes.len(),
            Self::Open(_) => 300,
            Self::Close(_) => 4,
        }
    }
}

/// What became of a message that was sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sent {
    /// It is on its way.
    Travels,
    /// The network lost it.
    Lost,
    /// The websocket breaks in the middle of it, after as many bytes as were allowed.
    Cut,
}

/// One direction of one websocket.
#[derive(Debug, Default)]
pub struct Pipe {
    queue: VecDeque<(Time, Frame)>,
    last_arrival: Time,
    busy_until: Time,
    outstanding: usize,
    carried: u64,
    cut_at: Option<u64>,
    /// When its receiver is woken next, so that it is not woken twice.
    pub wake: Option<Time>,
}

impl Pipe {
    /// Whether a write would not block.
    pub fn is_writable(&self) -> bool {
        self.outstanding < SOCKET_BUFFER
    }

    /// The websocket is to break when so many more bytes have passed.
    pub fn cut_after(&mut self, bytes: u64) {
        self.cut_at = Some(self.carried + bytes);
    }

    /// Sends a message.
    pub fn send(&mut self, now: Time, path: &mut Path, rng: &mut StdRng, frame: Frame) -> Sent {
        let len = frame.len();
        self.carried += len as u64;
        if self.cut_at.is_some_and(|at| self.carried > at) {
            return Sent::Cut;
        }
        if len > path.largest {
            return Sent::Lost;
        }
        if path.lose > 0 && matches!(frame, Frame::Message(_)) {
            path.lose -= 1;
            return Sent::Lost;
        }
        let busy = Time::from_nanos(len as u64 * 1_000_000_000 / path.rate.max(1));
        self.busy_until = self.busy_until.max(now) + busy;
        let mut arrives = self.busy_until + path.latency;
        if !path.jitter.is_zero() {
            arrives += path.jitter.mul_f64(rng.random());
        }
        arrives = arrives.max(path.stalled_until);
        if now < path.weather.until && matches!(frame, Frame::Message(_)) {
            let Weather { loss, duplication, reordering, .. } = path.weather;
            if rng.random_bool(loss) {
                return Sent::Lost;
            }
            if rng.random_bool(duplication) {
                self.insert(arrives.max(self.last_arrival), frame.clone());
            }
            if rng.random_bool(reordering) {
                self.insert(arrives + (path.latency + Time::from_millis(5)) / 2, frame);
                return Sent::Travels;
            }
        }
        self.last_arrival = arrives.max(self.last_arrival);
        self.insert(self.last_arrival, frame);
        Sent::Travels
    }

    fn insert(&mut self, arrives: Time, frame: Frame) {
        self.outstanding += frame.len();
        let behind = self.queue.iter().rev().take_while(|(at, _)| *at > arrives).count();
        self.queue.insert(self.queue.len() - behind, (arrives, frame));
    }

    /// When the next message arrives, or has.
    pub fn next_arrival(&self, path: &Path) -> Option<Time> {
        self.queue.front().map(|(at, _)| (*at).max(path.stalled_until))
    }

    /// Takes the next message, if it has arrived.
    pub fn take(&mut self, now: Time, path: &Path) -> Option<Frame> {
        if self.next_arrival(path)? > now {
            return None;
        }
        let (_, frame) = self.queue.pop_front()?;
        self.outstanding -= frame.len();
        Some(frame)
    }

    /// All that was under way is lost.
    pub fn drop_all(&mut self) {
        self.queue.clear();
        self.outstanding = 0;
    }

    /// Whether anything is under way.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }
}
