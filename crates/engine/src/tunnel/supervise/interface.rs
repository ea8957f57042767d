//! What the supervisor is told, and what it says.

use std::time::Duration;

use super::{Closing, Trouble};
use crate::{Loss, Without};

/// How patient a tunnel is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SupervisorConfig {
    /// How long the first session is tried to be had.
    pub start_budget: Duration,
    /// How long a tunnel that stood is tried to be brought back.
    pub resume_budget: Duration,
    /// The tunnel's own idle limit: a session that the service ends close to it was idle for as
    /// long as it may be.
    pub idle: Option<Duration>,
    /// The age from which a websocket is exchanged for another one at a quiet moment; `None` waits
    /// for the service to close it.
    pub rollover: Option<Duration>,
    /// How long the agent may be away from a session on which nobody has had an answer, or that
    /// somebody waits for, before another session takes its place; 15 s. It comes back within six attempts, which are 6 s and
    /// what it waits for the network.
    pub away: Duration,
    /// What tests leave out.
    #[doc(hidden)]
    pub without: Without,
}

impl Default for SupervisorConfig {
    fn default() -> Self {
        Self {
            start_budget: Duration::from_mins(2),
            resume_budget: Duration::from_mins(10),
            idle: None,
            // The service closes after about an hour, which has been seen to be a few minutes less.
            rollover: Some(Duration::from_mins(50)),
            away: Duration::from_secs(15),
            without: Without::default(),
        }
    }
}

/// What is to be done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// Get a session: [`started`](super::Supervisor::started) answers.
    Start,
    /// Get a fresh ticket for the session: [`resumed`](super::Supervisor::resumed) answers.
    Resume,
    /// Open a websocket for the ticket, and present nothing on it yet:
    /// [`dialled`](super::Supervisor::dialled) answers.
    Dial,
    /// Present the ticket on the websocket that was dialled last, and carry the session over it. One
    /// that is still there from before is read until it ends.
    Carry,
    /// Close the websocket that was dialled last: it is not needed.
    Discard,
    /// Forget the session, its websockets, and what is asked for.
    Abandon {
        /// Whether the service may still hold it, and is to be told to end it.
        may_live: bool,
    },
}

/// What became of a session that was to be resumed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Resumption {
    /// There is a ticket.
    Ticket,
    /// It is over.
    Over,
}

/// An attempt that failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Setback {
    /// For what.
    pub trouble: Trouble,
    /// How long the other side asks to be left alone.
    pub after: Option<Duration>,
}

impl From<Trouble> for Setback {
    fn from(trouble: Trouble) -> Self {
        Self { trouble, after: None }
    }
}

/// Why a session is gone.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Gone {
    /// The service does not resume it.
    NotResumed,
    /// It has ended.
    Closed(Closing),
    /// It may not be resumed.
    Denied,
    /// The gateway refuses its tokens.
    Tokens,
    /// It could not be started, and there was none before it.
    NotStarted,
    /// The destination is not reached through it any more: the agent looked its name up once, when
    /// the session began.
    Unreached,
    /// Its agent is away, and does not come back.
    Away,
}

/// Why a tunnel is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Over {
    /// The last answer, which was a failure, says why.
    Failed,
    /// The budget is used up.
    Patience {
        /// How long the trouble has lasted.
        after: Duration,
    },
    /// The gateway refused each of several fresh tokens.
    Tokens,
    /// The session is gone, and nothing is to take its place.
    Gone(Gone),
    /// The service has ended a session that was idle for as long as the tunnel's own limit.
    Idle {
        /// How long.
        after: Duration,
    },
}

/// What happens to a tunnel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Supervised {
    /// The websocket is gone; the session is being resumed.
    Resuming {
        /// Why.
        cause: Loss,
    },
    /// The session goes on.
    Resumed {
        /// The time without a websocket.
        gap: Duration,
    },
    /// An attempt failed, another one follows.
    Retrying,
    /// The websocket was exchanged for a new one, at a moment of the tunnel's own choice.
    RolledOver,
    /// The session is gone; another one is being started.
    Replacing {
        /// Why.
        cause: Gone,
    },
    /// Somebody needs a session again; it is being started.
    Waking,
    /// There is a new session.
    Replaced {
        /// The time without one.
        gap: Duration,
    },
    /// The session is gone; another one is started when somebody connects.
    Dormant {
        /// Why.
        cause: Gone,
    },
    /// The tunnel is over. Comes once, as the last event.
    Over(Over),
}
