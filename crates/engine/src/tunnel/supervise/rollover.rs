//! The websocket's exchange before the service closes it.
//!
//! The service closes about every hour, and what is under way then is lost or late. A websocket that
//! comes near that age is exchanged before: the next one is dialled beside it, and takes over at a
//! moment when nothing is under way in either direction.

use std::time::{Duration, Instant};

use super::{Asked, Gone, Phase, Supervised, Supervisor, SupervisorConfig};
use crate::{Activity, Handling};

/// How long nothing has moved in a quiet moment: what was sent before has arrived, as far as times
/// differ between two connections of the same two ends.
const QUIET: Duration = Duration::from_millis(20);
/// Between two looks for a quiet moment.
const LOOK: Duration = Duration::from_millis(5);
/// How long a dialled websocket waits for it: gateways do not keep silent guests for long.
const POISED: Duration = Duration::from_secs(10);
/// Between two attempts.
const PAUSE: Duration = Duration::from_mins(1);
/// After the age from which it is tried: whatever is under way, the exchange is better than the close.
const URGENT: Duration = Duration::from_mins(7);
/// By how much it is spread, so that those who began together do not roll together.
const SPREAD: u64 = 120;
/// How long the agent may leave messages unanswered before the service is asked about the session: the
/// bastion may be gone, or its destination may have stopped reading, which looks the same.
const UNANSWERED: Duration = Duration::from_mins(1);
/// Between two such questions.
const ASK_AGAIN: Duration = Duration::from_mins(5);
/// How often it is looked whether there is one.
const GLANCE: Duration = Duration::from_secs(5);
/// How long the agent may be away from a session with connections that it may have kept, and that nobody
/// else waits for: they are lost with the session.
const AWAY_IN_USE: Duration = Duration::from_mins(1);

#[derive(Debug)]
enum State {
    /// There is no websocket, or none that is exchanged.
    No,
    /// It is tried at that time.
    Due(Instant),
    /// A ticket or a websocket is being got.
    Preparing,
    /// There is a websocket that can take over.
    Poised(Instant),
}

#[derive(Debug)]
pub(super) struct Rollover {
    age: Option<Duration>,
    state: State,
    /// When it is done whatever is under way.
    urgent: Option<Instant>,
    /// How long the agent may be away from a session on which nobody has had an answer.
    away: Duration,
    /// How often it is looked for that, and for one that does not answer.
    every: Duration,
    /// When it is looked for an agent that does not answer, or for a quiet moment.
    glance: Option<Instant>,
    /// When the service was asked about one last.
    questioned: Option<Instant>,
}

impl Rollover {
    pub(super) fn new(config: &SupervisorConfig, seed: u64) -> Self {
        let age = config.rollover.map(|age| age + Duration::from_secs(seed % SPREAD));
        let away = config.away.max(LOOK);
        let every = GLANCE.min(away);
        Self { age, state: State::No, urgent: None, away, every, glance: None, questioned: None }
    }

    /// A websocket is up.
    pub(super) fn begin(&mut self, now: Instant) {
        self.state = self.age.map_or(State::No, |age| State::Due(now + age));
        self.urgent = self.age.map(|age| now + age + URGENT);
        self.glance = Some(now + self.every);
    }

    /// There is no websocket any more.
    pub(super) fn end(&mut self) {
        (self.state, self.urgent, self.glance) = (State::No, None, None);
    }

    /// It could not be prepared.
    pub(super) fn postpone(&mut self, now: Instant) {
        self.state = State::Due(now + PAUSE);
    }

    /// It will not be possible later either: the service closes this one.
    pub(super) fn forgo(&mut self) {
        (self.state, self.urgent) = (State::No, None);
    }

    /// The other websocket stands.
    pub(super) fn poise(&mut self, now: Instant) {
        self.state = State::Poised(now);
        self.glance = Some(now + LOOK);
    }

    /// The websocket is lost; tells whether another one stands already.
    pub(super) fn take_spare(&mut self) -> bool {
        let is_spare = matches!(self.state, State::Poised(_));
        self.end();
        is_spare
    }
}

impl Supervisor {
    pub(super) fn rollover_due(&self) -> Option<Instant> {
        if self.phase != Phase::Up {
            return None;
        }
        let due = match self.rollover.state {
            State::Due(at) => Some(at),
            State::Poised(_) | State::No | State::Preparing => None,
        };
        due.into_iter().chain(self.rollover.glance).min()
    }

    /// Prepares the exchange when it is due, and makes it at the first quiet moment.
    pub(super) fn roll(&mut self, now: Instant, activity: &Activity) {
        if self.phase != Phase::Up {
            return;
        }
        if self.rollover.glance.is_some_and(|at| at <= now) {
            if self.is_abandoned(now, activity) {
                return self.gone(now, Gone::Away, activity);
            }
            self.glance(now, activity);
        }
        match self.rollover.state {
            State::Due(at) if at <= now && self.asked.is_none() => {
                self.rollover.state = State::Preparing;
                self.ask(Asked::Resume);
            }
            State::Poised(since) => self.look(now, since, activity),
            State::No | State::Due(_) | State::Preparing => {}
        }
    }

    fn look(&mut self, now: Instant, since: Instant, activity: &Activity) {
        let quiet = activity.quiet_since.map(|quiet| now.saturating_duration_since(quiet));
        let is_urgent = self.rollover.urgent.is_some_and(|at| at <= now);
        if quiet.is_some_and(|quiet| quiet >= QUIET) || is_urgent {
            self.rollover.end();
            self.connected(now);
            self.events.push_back(Supervised::RolledOver);
        } else if now.saturating_duration_since(since) >= POISED {
            self.rollover.postpone(now);
            self.actions.push_back(super::Action::Discard);
            self.rollover.glance = Some(now + self.rollover.every);
        } else {
            let left = QUIET.saturating_sub(quiet.unwrap_or_default());
            self.rollover.glance = Some(now + left.max(LOOK));
        }
    }

    /// Whether the agent has been away for so long that it will hardly come back. The service may keep
    /// such a session for as long as somebody is connected to it, and say nothing.
    fn is_abandoned(&self, now: Instant, activity: &Activity) -> bool {
        let is_in_use = activity.established > 0 && activity.held == 0;
        let patience =
            if is_in_use { AWAY_IN_USE.max(self.rollover.away) } else { self.rollover.away };
        let away = activity.away_since.map(|since| now.saturating_duration_since(since));
        away.is_some_and(|away| away >= patience) && !self.lacks(Handling::Away)
    }

    /// Has an agent that does not answer asked after: the way there is that of an exchange, at once.
    fn glance(&mut self, now: Instant, activity: &Activity) {
        self.rollover.glance = Some(now + self.rollover.every);
        let silent = activity.unanswered_since.map(|since| now.saturating_duration_since(since));
        let is_new = self
            .rollover
            .questioned
            .is_none_or(|at| now.saturating_duration_since(at) >= ASK_AGAIN);
        let is_idle = matches!(self.rollover.state, State::No | State::Due(_));
        let is_idle = is_idle && !self.lacks(Handling::Question);
        if silent.is_some_and(|silent| silent >= UNANSWERED) && is_new && is_idle {
            self.rollover.questioned = Some(now);
            self.rollover.urgent = Some(now);
            self.rollover.state = State::Due(now);
        }
    }
}
