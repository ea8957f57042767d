//! What the two ends of a stream do: who writes how much and when, how fast each reads, and who
//! ends it. One plan describes echoes, bulk in either direction, slow readers, half-closers,
//! queries and steady feeds alike, as rounds of a request and a response.

use crate::Time;

/// What the two ends of one stream do.
#[derive(Clone, PartialEq, Debug)]
pub struct Plan {
    /// Bytes that the local end writes in a round. None: the other end speaks on its own.
    pub request: u64,
    /// Bytes that the destination answers with.
    pub response: u64,
    /// Rounds.
    pub rounds: u64,
    /// The local end's pause between two rounds.
    pub think: Time,
    /// The destination's pause before an answer; without requests the time between two.
    pub serve: Time,
    /// The destination answers while the request still comes.
    pub echo: bool,
    /// How fast the local end reads.
    pub local_pace: Option<Pace>,
    /// How fast the destination reads.
    pub remote_pace: Option<Pace>,
    /// Who ends it, and how.
    pub ending: Ending,
    /// What comes of the agent's dial.
    pub dial: Dial,
}

/// A reader that takes its time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pace {
    /// At most so many bytes at a time.
    pub bytes: usize,
    /// The time between.
    pub every: Time,
}

/// How a stream ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    /// The destination closes when it has answered all.
    RemoteCloses,
    /// The local end half-closes behind its last request; the destination answers, and closes.
    HalfClose,
    /// The local end half-closes when it has all answers, and the destination never closes.
    LocalLeaves,
    /// The local end breaks off when it has read so many bytes.
    LocalResets(u64),
}

/// What comes of a dial.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dial {
    /// It connects after that time.
    Connects(Time),
    /// It is refused at once.
    Refused,
    /// Nobody answers, and the agent gives up after that time.
    BlackHole(Time),
}

impl Plan {
    /// An ordinary conversation: rounds of requests and answers, and the destination closes.
    pub const fn rounds(request: u64, response: u64, rounds: u64) -> Self {
        Self {
            request,
            response,
            rounds,
            think: Time::ZERO,
            serve: Time::ZERO,
            echo: false,
            local_pace: None,
            remote_pace: None,
            ending: Ending::RemoteCloses,
            dial: Dial::Connects(Time::from_millis(1)),
        }
    }

    /// The destination sends `rate` bytes a second for a while, in a piece each 50 ms.
    pub const fn steady(rate: u64, seconds: u64) -> Self {
        let serve = Time::from_millis(50);
        Self { serve, ..Self::rounds(0, rate / 20, seconds * 20) }
    }

    /// Bytes that the local end writes in all.
    pub const fn up_total(&self) -> u64 {
        self.request * self.rounds
    }

    /// Bytes that the destination writes in all.
    pub const fn down_total(&self) -> u64 {
        self.response * self.rounds
    }
}

/// How a conversation came to its end, seen from the local side.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The end came.
    Ended,
    /// It broke off.
    Broken,
    /// The local end broke it off.
    Left,
}

/// A conversation under way.
#[derive(Debug)]
pub struct Conversation {
    /// What is to happen.
    pub plan: Plan,
    /// The local end.
    pub local: LocalEnd,
    /// The destination.
    pub remote: RemoteEnd,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// When something last moved.
    pub progress: Time,
    /// The pattern of the bytes, the destination's being the next one.
    pub key: u64,
}

/// The end at the local connection.
#[derive(Debug, Default)]
pub struct LocalEnd {
    /// Bytes written.
    pub written: u64,
    /// Bytes read.
    pub read: u64,
    /// Whether it has half-closed.
    pub finished: bool,
    /// It pauses until then.
    think_until: Time,
    /// It reads again then.
    pub read_at: Time,
    /// When it is woken next.
    pub wake: Option<Time>,
}

/// The end at the destination.
#[derive(Debug, Default)]
pub struct RemoteEnd {
    /// When it was connected.
    pub connected: Option<Time>,
    /// Bytes written.
    pub written: u64,
    /// Bytes read.
    pub read: u64,
    /// Whether its connection is closed, by whichever side.
    pub closed: bool,
    /// It answers then.
    serve_at: Time,
    /// It reads again then.
    pub read_at: Time,
    /// When it is woken next.
    pub wake: Option<Time>,
}

impl Conversation {
    /// A conversation that begins.
    pub fn new(plan: Plan, key: u64, now: Time) -> Self {
        let (local, remote) = (LocalEnd::default(), RemoteEnd::default());
        Self { plan, local, remote, outcome: None, progress: now, key }
    }

    /// The pattern of what the destination says.
    pub const fn answer_key(&self) -> u64 {
        !self.key
    }

    /// Rounds that the local end has all of.
    fn rounds_done(&self) -> u64 {
        self.local.read.checked_div(self.plan.response).unwrap_or(0)
    }

    /// Bytes that the local end has to write now.
    pub fn local_ready(&self, now: Time) -> u64 {
        if self.local.finished || now < self.local.think_until {
            return 0;
        }
        let rounds = (self.rounds_done() + 1).min(self.plan.rounds);
        (rounds * self.plan.request).saturating_sub(self.local.written)
    }

    /// The local end has read.
    pub fn local_has_read(&mut self, now: Time, bytes: u64) {
        let before = self.rounds_done();
        self.local.read += bytes;
        self.progress = now;
        if self.rounds_done() > before {
            self.local.think_until = now + self.plan.think;
        }
        if let Some(pace) = self.plan.local_pace {
            self.local.read_at = now + pace.every;
        }
    }

    /// Whether the local end half-closes now.
    pub fn local_finishes(&self) -> bool {
        let said_all = self.local.written == self.plan.up_total();
        !self.local.finished
            && match self.plan.ending {
                Ending::HalfClose => said_all,
                Ending::LocalLeaves => said_all && self.local.read == self.plan.down_total(),
                Ending::RemoteCloses | Ending::LocalResets(_) => false,
            }
    }

    /// Whether the local end breaks off now.
    pub fn local_resets(&self) -> bool {
        matches!(self.plan.ending, Ending::LocalResets(at) if self.local.read >= at)
    }

    /// When the local end does something by itself.
    pub fn local_wake(&self, now: Time) -> Option<Time> {
        let rounds_left = self.local.written < self.plan.up_total();
        let think = (rounds_left && self.local.think_until > now).then_some(self.local.think_until);
        let read = (self.local.read_at > now).then_some(self.local.read_at);
        [think, read].into_iter().flatten().min()
    }

    /// Bytes that the destination has to write now.
    pub fn remote_ready(&self, now: Time) -> u64 {
        let Some(connected) = self.remote.connected.filter(|_| !self.remote.closed) else {
            return 0;
        };
        let allowed = if self.plan.echo {
            self.remote.read
        } else if self.plan.request == 0 {
            let ticks =
                now.saturating_sub(connected).as_nanos() / self.plan.serve.as_nanos().max(1);
            self.plan.response * self.plan.rounds.min(ticks as u64 + 1)
        } else {
            let heard = self.remote.read.checked_div(self.plan.request).unwrap_or(0);
            let waits = u64::from(heard > 0 && now < self.remote.serve_at);
            self.plan.response * (heard - waits)
        };
        allowed.saturating_sub(self.remote.written)
    }

    /// The destination has read.
    pub fn remote_has_read(&mut self, now: Time, bytes: u64) {
        let round = |read: u64| read.checked_div(self.plan.request).unwrap_or(0);
        let crossed = round(self.remote.read + bytes) > round(self.remote.read);
        self.remote.read += bytes;
        self.progress = now;
        if crossed {
            self.remote.serve_at = now + self.plan.serve;
        }
        if let Some(pace) = self.plan.remote_pace {
            self.remote.read_at = now + pace.every;
        }
    }

    /// Whether the destination closes now.
    pub fn remote_closes(&self) -> bool {
        let closes = !matches!(self.plan.ending, Ending::LocalLeaves);
        closes
            && !self.remote.closed
            && self.remote.connected.is_some()
            && self.remote.written == self.plan.down_total()
            && self.remote.read == self.plan.up_total()
    }

    /// When the destination does something by itself.
    pub fn remote_wake(&self, now: Time) -> Option<Time> {
        let connected = self.remote.connected.filter(|_| !self.remote.closed)?;
        let more = self.remote.written < self.plan.down_total();
        let speak = if self.plan.request == 0 && self.plan.serve > Time::ZERO {
            let ticks = now.saturating_sub(connected).as_nanos() / self.plan.serve.as_nanos() + 1;
            Some(connected + self.plan.serve * u32::try_from(ticks).unwrap_or(u32::MAX))
        } else {
            (self.remote.serve_at > now).then_some(self.remote.serve_at)
        };
        let read = (self.remote.read_at > now).then_some(self.remote.read_at);
        [speak.filter(|_| more), read].into_iter().flatten().min()
    }

    /// Whether somebody does something by himself later, so that nothing need happen before.
    pub fn is_waiting_for_itself(&self, now: Time) -> bool {
        self.local_wake(now).is_some() || self.remote_wake(now).is_some()
    }
}
