//! Sessions that are gone, and the end of the tunnel.

use std::time::{Duration, Instant};

use super::verdict::Verdict;
use super::{
    Action, Activity, Asked, Closing, FORGOTTEN, Gone, Over, Phase, STEADY_SESSION, Supervised,
    Supervisor,
};
use crate::Handling;

/// By how much the service's idle limit may come before the tunnel's own and count as that.
const IDLE_MARGIN: Duration = Duration::from_mins(1);

impl Supervisor {
    /// The session is over, and has said why.
    pub fn closed(&mut self, now: Instant, closing: Closing, activity: &Activity) {
        self.gone(now, Gone::Closed(closing), activity);
    }

    pub(super) fn gone(&mut self, now: Instant, cause: Gone, activity: &Activity) {
        if matches!(self.phase, Phase::Over | Phase::Dormant) {
            return;
        }
        let verdict = match cause {
            Gone::Closed(closing) => closing.verdict(self.established, activity.proven),
            Gone::NotResumed if self.established => Verdict::Gone,
            Gone::NotResumed => Verdict::End,
            Gone::Away => Verdict::Gone,
            Gone::Denied | Gone::Tokens | Gone::NotStarted | Gone::Unreached => Verdict::Replace,
        };
        match verdict {
            Verdict::End => self.end(Over::Gone(cause)),
            _ if self.lacks(Handling::Replace) => self.end(Over::Gone(cause)),
            Verdict::Replace | Verdict::Again => self.replace(now, cause),
            Verdict::Gone => {
                let since = activity.last_payload.max(self.ready).unwrap_or(now);
                let idle = now.saturating_duration_since(since);
                // With the agent away nothing could move, and whoever wants another session says so.
                let is_away = cause == Gone::Away;
                let is_missed = activity.streams > 0 && idle < FORGOTTEN && !is_away;
                if self.is_at_idle_limit(idle) && !is_away {
                    self.end(Over::Idle { after: idle });
                } else if !is_missed && !self.lacks(Handling::Dormant) {
                    self.abandon(now, cause);
                    self.phase = Phase::Dormant;
                    self.events.push_back(Supervised::Dormant { cause });
                } else {
                    self.replace(now, cause);
                }
            }
        }
    }

    /// Whether that long is as good as the tunnel's own limit.
    fn is_at_idle_limit(&self, idle: Duration) -> bool {
        // Of a short limit, a tenth.
        let is_near = |limit: Duration| idle + IDLE_MARGIN.min(limit / 10) >= limit;
        self.config.idle.is_some_and(is_near) && !self.lacks(Handling::Idle)
    }

    /// Starts another session.
    pub(super) fn replace(&mut self, now: Instant, cause: Gone) {
        let since = match self.phase {
            Phase::Down { since } | Phase::Replacing { since } => since,
            _ => now,
        };
        // Another session has tokens of its own.
        self.refusals = 0;
        let was_replacing = matches!(self.phase, Phase::Replacing { .. });
        self.abandon(now, cause);
        self.phase = Phase::Replacing { since };
        if !was_replacing {
            self.events.push_back(Supervised::Replacing { cause });
        }
        self.schedule(now, Asked::Start, None);
    }

    /// Lets the session go with all that belongs to it.
    fn abandon(&mut self, now: Instant, cause: Gone) {
        let lived = self.ready.take().map(|ready| now.saturating_duration_since(ready));
        if lived >= Some(STEADY_SESSION) || matches!(cause, Gone::Unreached | Gone::Away) {
            self.backoff.reset();
            self.trouble = now;
        }
        // Else, sessions that end as soon as they are there are the trouble, and so are those that do
        // not come to be: the delays go on growing, and the budget goes on being used up.
        (self.link, self.asked, self.next) = (None, None, None);
        self.rollover.end();
        let may_live = !matches!(
            cause,
            Gone::NotResumed | Gone::Closed(Closing::Service | Closing::Unreachable)
        );
        self.actions.push_back(Action::Abandon { may_live });
    }

    /// The budget is used up.
    pub(super) fn give_up(&mut self, now: Instant, after: Duration) {
        if !self.was_dormant {
            return self.end(Over::Patience { after });
        }
        // Whoever has connected is turned away; the next one may have more luck.
        self.abandon(now, Gone::NotStarted);
        self.backoff.reset();
        self.was_dormant = false;
        (self.attempts, self.refusals) = (0, 0);
        self.phase = Phase::Dormant;
        self.events.push_back(Supervised::Dormant { cause: Gone::NotStarted });
    }

    /// Nothing more is done.
    pub(super) fn end(&mut self, over: Over) {
        self.phase = Phase::Over;
        (self.asked, self.next) = (None, None);
        self.rollover.end();
        self.events.push_back(Supervised::Over(over));
    }
}
