//! Every duration of the engine with its reason, and the deadlines that are set.

use std::time::{Duration, Instant};

/// What a duration from outside is at most, as in tokio: no addition overflows, and nothing runs longer.
pub(crate) const LONGEST: Duration = Duration::from_hours(24 * 365 * 30);

/// From the websocket to [`Event::Ready`](crate::Event::Ready). The agent itself gives up after
/// 15 s; the official client waits for ever.
pub(crate) const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(30);
/// From the completed handshake to the first message. The agent says complete before its port handler
/// stands, and what comes in between is rejected, or acknowledged and dropped.
pub(crate) const SETTLE: Duration = Duration::from_millis(20);
/// The same where the first message carries user data, which must not be dropped: a round trip,
/// but at least this.
pub(crate) const SETTLE_DATA: Duration = Duration::from_millis(50);
/// The least time between two sendings of the first message: a handler that was late is found
/// quickly, and an agent that answers slowly is not flooded.
pub(crate) const FIRST_RESEND_MIN: Duration = Duration::from_millis(30);
/// The round-trip time that is assumed before one was measured, as in both official ends.
pub(crate) const RTT_GUESS: Duration = Duration::from_millis(100);

/// Resend timeout before a round trip was measured, as in both official ends.
pub(crate) const RTO_FIRST: Duration = Duration::from_millis(200);
/// The least by which it exceeds the round trip, and so the least that it is: below, scheduling
/// on a busy agent looks like loss.
pub(crate) const RTO_MIN: Duration = Duration::from_millis(50);
/// The least time that an acknowledgement may be behind the one before it while the agent works
/// through what has arrived.
pub(crate) const DOUBT_MIN: Duration = Duration::from_millis(5);
/// Above this, recovery would wait longer than people do.
pub(crate) const RTO_MAX: Duration = Duration::from_secs(5);

/// The least time that user data waits for the payload probe; three round trips if that is more.
pub(crate) const PROBE_MIN: Duration = Duration::from_millis(200);
/// Between two resends of the head while the service asks for silence.
pub(crate) const PAUSE_PROBE: Duration = Duration::from_secs(1);
/// How often, each so long after the one before, a single connection repeats its last
/// acknowledgement on a new websocket.
pub(crate) const REMINDERS: u8 = 3;
/// Between two keep-alives for agents that expect them; they drop sessions that were silent for
/// 30 s twice.
pub(crate) const KEEPALIVE: Duration = Duration::from_secs(10);
/// How long the peer may be silent on a finished stream before the end is passed on, and then
/// before it is given up.
pub(crate) const LINGER: Duration = Duration::from_secs(30);
/// The same on a single connection while another local one waits for it: whoever closed entirely
/// looks like whoever still wants the answer, and only the silence tells them apart.
pub(crate) const LINGER_WANTED: Duration = Duration::from_secs(1);
/// How long a refusal waits for the FIN that tells its stream. The FIN passes the agent's socket
/// buffers and its pump of 1 KiB per millisecond; the refusal does not.
pub(crate) const REFUSAL: Duration = Duration::from_secs(2);
/// How long the first data of a single connection may be unanswered: the agent's worker dies
/// when the destination refuses, and the service reports that a minute later.
pub(crate) const SILENCE: Duration = Duration::from_secs(5);
/// How long nothing may come after an acknowledged disconnect before the next connection: the
/// agent's pump may hold one message that it had read before.
pub(crate) const QUIET: Duration = Duration::from_millis(100);
/// The same when a websocket was lost in between: the agent resends what died with it after at
/// most its longest timeout of 1 s and a tick of 100 ms.
pub(crate) const QUIET_AFTER_LOSS: Duration = Duration::from_millis(1500);

/// Acknowledgements this much older than the last one are not repeated on a new websocket: what
/// an agent sent before has been acknowledged on the old one.
pub(crate) const ACK_MEMORY: Duration = Duration::from_secs(5);
/// The same where a websocket took over from one that still worked: a long round trip.
pub(crate) const MOVE_MEMORY: Duration = Duration::from_millis(300);
/// Messages that come again within this go on with the same loss of acknowledgements: the agent's
/// longest timeout, a long round trip, and some.
pub(crate) const AGAIN: Duration = Duration::from_secs(3);
/// The least time after which an acknowledgement that the agent does not have is lost: it looks for what
/// is late each 100 ms.
pub(crate) const SETTLED_MIN: Duration = Duration::from_millis(100);
/// Between two measurements of the round trip without our own queue in it.
pub(crate) const RTT_EPOCH: Duration = Duration::from_secs(20);
/// The time that our data may queue behind our own on the way to the agent. Long enough to keep a
/// jittery path busy, short enough not to be felt in another stream.
pub(crate) const QUEUE_TARGET: Duration = Duration::from_millis(30);

/// How long after a sparse frame beside others frames stay short: who types goes on within it.
pub(crate) const SHORT_FRAMES: Duration = Duration::from_secs(1);

/// What can be due.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Timer {
    /// The handshake takes too long.
    Handshake,
    /// The agent has had its time to settle.
    Settle,
    /// The first message is to be sent again.
    FirstResend,
    /// What is not acknowledged is to be sent again.
    Rto,
    /// The payload probe takes too long.
    Probe,
    /// The head may be sent again although the service asked for silence.
    PauseProbe,
    /// The last acknowledgement is to be repeated on a new websocket.
    Reminder,
    /// An old agent wants a sign of life.
    Keepalive,
    /// The service is to see that the session is in use.
    InUse,
    /// A refusal was not followed by the end of a stream.
    Refusal,
    /// The first data of a single connection is unanswered.
    Silence,
    /// A disconnected single connection can be followed by the next.
    Quiet,
}

const COUNT: usize = Timer::Quiet as usize + 1;

/// The deadlines that are set.
#[derive(Default, Debug)]
pub(crate) struct Timers([Option<Instant>; COUNT]);

impl Timers {
    pub(crate) fn set(&mut self, timer: Timer, at: Instant) {
        self.0[timer as usize] = Some(at);
    }

    pub(crate) fn stop(&mut self, timer: Timer) {
        self.0[timer as usize] = None;
    }

    pub(crate) fn stop_all(&mut self) {
        *self = Self::default();
    }

    /// Whether `timer` is due, which stops it.
    pub(crate) fn expire(&mut self, timer: Timer, now: Instant) -> bool {
        self.0[timer as usize].take_if(|at| *at <= now).is_some()
    }

    pub(crate) fn next(&self) -> Option<Instant> {
        self.0.iter().flatten().min().copied()
    }
}
