//! What keeps a tunnel alive: when its session is started, resumed, replaced, or let go.
//!
//! A state machine with the contract of the session's: after each call that changes it, carry out
//! what [`poll_action`](Supervisor::poll_action) says, tell what
//! [`poll_event`](Supervisor::poll_event) says, then wait until
//! [`poll_timeout`](Supervisor::poll_timeout). One thing at most is asked for at a time, and
//! answered with [`started`](Supervisor::started), [`resumed`](Supervisor::resumed) or
//! [`dialled`](Supervisor::dialled).

mod answers;
mod backoff;
mod ends;
mod failover;
mod interface;
mod rollover;
#[cfg(test)]
mod tests;
mod verdict;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use self::backoff::Backoff;
use self::failover::Failover;
pub use self::interface::{Action, Gone, Over, Resumption, Setback, Supervised, SupervisorConfig};
use self::rollover::Rollover;
pub use self::verdict::{Closing, Trouble};
use crate::timers::LONGEST;
use crate::{Activity, Handling, Loss};

/// Dials at the start before the failure is told: a user waits.
const OPEN_ATTEMPTS: u32 = 3;
/// Fresh tokens that may be refused before something else is tried.
const TOKEN_ATTEMPTS: u32 = 3;
/// A websocket that lasted this long earns its successor an immediate first dial.
const STEADY: Duration = Duration::from_secs(1);
/// A session that lasted this long earns its successor an immediate start, and new patience.
const STEADY_SESSION: Duration = Duration::from_mins(1);
/// A session that was silent for this long when it ended is not missed before somebody connects.
const FORGOTTEN: Duration = Duration::from_mins(1);

/// What was asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Asked {
    Start,
    Resume,
    Dial,
}

/// How the tunnel stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    /// Its first session is not ready yet.
    Opening,
    Up,
    /// The websocket is gone.
    Down {
        /// Since when.
        since: Instant,
    },
    /// The session is gone.
    Replacing {
        since: Instant,
    },
    /// The session is gone, and nobody needs another one.
    Dormant,
    Over,
}

/// What happens next if nothing else does.
#[derive(Clone, Copy, Debug)]
enum Next {
    Ask(Asked),
    GiveUp,
}

/// Decides what a tunnel does about its session.
#[derive(Debug)]
pub struct Supervisor {
    config: SupervisorConfig,
    phase: Phase,
    backoff: Backoff,
    asked: Option<Asked>,
    next: Option<(Instant, Next)>,
    /// Attempts and refused tokens since something succeeded.
    attempts: u32,
    refusals: u32,
    /// Since when the websocket is up.
    link: Option<Instant>,
    /// Since when the session is ready.
    ready: Option<Instant>,
    /// Whether a session of the tunnel was ready ever.
    established: bool,
    /// Whether the session that is being started takes the place of none.
    was_dormant: bool,
    /// Since when the trouble lasts that the latest attempts are about.
    trouble: Instant,
    rollover: Rollover,
    failover: Failover,
    actions: VecDeque<Action>,
    events: VecDeque<Supervised>,
}

impl Supervisor {
    /// The supervisor of a tunnel that is to be opened now. `seed` is all its randomness.
    pub fn new(config: SupervisorConfig, seed: u64, now: Instant) -> Self {
        let mut supervisor = Self {
            phase: Phase::Opening,
            backoff: Backoff::new(seed),
            asked: None,
            next: None,
            attempts: 0,
            refusals: 0,
            link: None,
            ready: None,
            established: false,
            was_dormant: false,
            trouble: now,
            rollover: Rollover::new(&config, seed),
            failover: Failover::default(),
            actions: VecDeque::new(),
            events: VecDeque::new(),
            config,
        };
        supervisor.schedule(now, Asked::Start, None);
        supervisor.handle_timeout(now, &Activity::default());
        supervisor
    }

    /// The next thing to do.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// The next thing to tell.
    pub fn poll_event(&mut self) -> Option<Supervised> {
        self.events.pop_front()
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let next = self.next.map(|(at, _)| at);
        next.into_iter().chain(self.rollover_due()).min()
    }

    /// When patience ends, while there is no websocket: what is asked for is not waited for longer.
    pub fn deadline(&self) -> Option<Instant> {
        self.link.is_none().then(|| self.trouble + self.budget())
    }

    /// Attempts that failed since something succeeded.
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Whether connections can be carried now.
    pub fn is_up(&self) -> bool {
        self.phase == Phase::Up
    }

    /// Whether there is no session because nobody needs one.
    pub fn is_dormant(&self) -> bool {
        self.phase == Phase::Dormant
    }

    /// Does what is due at `now`.
    pub fn handle_timeout(&mut self, now: Instant, activity: &Activity) {
        // A session may be given up by it, and another one be due at once.
        self.roll(now, activity);
        if let Some((_, next)) = self.next.take_if(|(at, _)| *at <= now) {
            match next {
                Next::Ask(asked) => self.ask(asked),
                Next::GiveUp => {
                    let after = now.saturating_duration_since(self.trouble);
                    self.give_up(now, after);
                }
            }
        }
    }

    /// A websocket is gone. `served` tells whether it gave anything: one that takes the token and
    /// closes again at once has given nothing back.
    pub fn lost(&mut self, now: Instant, loss: Loss, served: bool) {
        let Some(since) = self.link.take() else { return };
        if self.phase == Phase::Over {
            return;
        }
        if now.saturating_duration_since(since) >= STEADY {
            self.trouble = now;
            self.backoff.reset();
        } else if served {
            // What comes and goes is one trouble, and has one budget.
            self.backoff.ease();
        }
        if self.phase == Phase::Up {
            self.phase = Phase::Down { since: now };
        }
        if self.lacks(Handling::Resume) {
            return self.end(Over::Gone(Gone::NotResumed));
        }
        self.events.push_back(Supervised::Resuming { cause: loss });
        if self.rollover.take_spare() {
            // What ended the one may have ended the other, unless the service did it.
            if matches!(loss, Loss::Closed { .. }) {
                return self.connected(now);
            }
            self.actions.push_back(Action::Discard);
        }
        if self.asked.is_none() {
            self.schedule(now, Asked::Resume, None);
        }
    }

    /// A local connection has come that there is no session for.
    pub fn wanted(&mut self, now: Instant) {
        if self.phase == Phase::Dormant {
            self.phase = Phase::Replacing { since: now };
            self.was_dormant = true;
            self.trouble = now;
            self.events.push_back(Supervised::Waking);
            self.schedule(now, Asked::Start, None);
        }
    }

    /// Whether a test leaves that out.
    fn lacks(&self, handling: Handling) -> bool {
        self.config.without.has(handling)
    }

    fn ask(&mut self, asked: Asked) {
        self.asked = Some(asked);
        self.actions.push_back(match asked {
            Asked::Start => Action::Start,
            Asked::Resume => Action::Resume,
            Asked::Dial => Action::Dial,
        });
    }

    /// How long attempts go on, counted from the beginning of the trouble.
    fn budget(&self) -> Duration {
        match self.phase {
            // A user waits.
            Phase::Opening => self.config.start_budget.min(self.config.resume_budget),
            _ => self.config.resume_budget,
        }
        .min(LONGEST)
    }

    /// Asks after a delay, unless that is too late.
    fn schedule(&mut self, now: Instant, asked: Asked, after: Option<Duration>) {
        let budget = self.budget();
        // Others may ask to be left alone for centuries; beyond the budget it is all the same.
        let after = after.unwrap_or_default().min(budget);
        let at = now + self.backoff.next().max(after);
        let deadline = self.trouble + budget;
        let is_first = self.attempts == 0 && at == now;
        self.next = Some(if at < deadline || is_first {
            (at, Next::Ask(asked))
        } else {
            (deadline.max(now), Next::GiveUp)
        });
    }

    /// A websocket stands.
    fn connected(&mut self, now: Instant) {
        self.link = Some(now);
        self.next = None;
        self.rollover.begin(now);
        self.actions.push_back(Action::Carry);
        if let Phase::Down { since } = self.phase {
            (self.attempts, self.refusals) = (0, 0);
            self.phase = Phase::Up;
            let gap = now.saturating_duration_since(since);
            self.events.push_back(Supervised::Resumed { gap });
        }
    }

    /// The session has completed its handshake.
    pub fn ready(&mut self, now: Instant) {
        self.established = true;
        self.ready = Some(now);
        self.was_dormant = false;
        (self.attempts, self.refusals) = (0, 0);
        if self.phase == Phase::Opening {
            // What opening took is not to be taken off from what comes later.
            self.trouble = now;
            self.backoff.reset();
        }
        if let Phase::Replacing { since } = self.phase {
            let gap = now.saturating_duration_since(since);
            self.events.push_back(Supervised::Replaced { gap });
        }
        match self.phase {
            Phase::Opening | Phase::Replacing { .. } if self.link.is_some() => {
                self.phase = Phase::Up;
            }
            Phase::Opening | Phase::Replacing { .. } => self.phase = Phase::Down { since: now },
            Phase::Up | Phase::Down { .. } | Phase::Dormant | Phase::Over => {}
        }
    }
}
