//! A driver that does what the supervisor asks for, and keeps book of it.

use std::time::{Duration, Instant};

use adit_engine::{
    Action, Activity, Closing, Loss, Resumption, Setback, Supervised, Supervisor, SupervisorConfig,
    Trouble,
};

use crate::engine::origin;

/// More steps than any way back takes, or any end, with the longest pauses.
const ROUNDS: usize = 10_000;

/// Beyond a budget: the longest pause, and some for the attempt at its end.
const SLACK: Duration = Duration::from_secs(30);

/// A budget above it is not waited for.
const ENDLESS: Duration = Duration::from_hours(24);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Asked {
    Start,
    Resume,
    Dial,
}

pub(super) struct Driver {
    supervisor: Supervisor,
    config: SupervisorConfig,
    now: Instant,
    pub(super) activity: Activity,
    asked: Option<Asked>,
    /// Whether there is a session, and whether it is ready.
    has_session: bool,
    is_ready: bool,
    /// Whether a websocket carries it.
    link: bool,
    /// Whether a websocket was dialled that carries nothing yet.
    spare: bool,
    /// Whether the last word was that the websocket, or the session, is being brought back.
    resuming: bool,
    replacing: bool,
    is_over: bool,
}

impl Driver {
    pub(super) fn new(config: SupervisorConfig, seed: u64) -> Self {
        let now = origin();
        let mut driver = Self {
            supervisor: Supervisor::new(config, seed, now),
            config,
            now,
            activity: Activity::default(),
            asked: None,
            has_session: false,
            is_ready: false,
            link: false,
            spare: false,
            resuming: false,
            replacing: false,
            is_over: false,
        };
        driver.check();
        driver
    }

    pub(super) fn ago(&self, time: Duration) -> Option<Instant> {
        self.now.checked_sub(time)
    }

    /// What was asked for succeeds.
    pub(super) fn succeed(&mut self, resumption: Resumption) {
        let Some(asked) = self.asked.take() else { return };
        match asked {
            Asked::Start => {
                self.has_session = true;
                self.supervisor.started(self.now, Ok(()), &self.activity);
            }
            Asked::Resume => self.supervisor.resumed(self.now, Ok(resumption), &self.activity),
            Asked::Dial => {
                self.spare = true;
                self.supervisor.dialled(self.now, Ok(()), &self.activity);
            }
        }
    }

    /// What was asked for fails.
    pub(super) fn fail(&mut self, setback: Setback) {
        let Some(asked) = self.asked.take() else { return };
        match asked {
            Asked::Start => self.supervisor.started(self.now, Err(setback), &self.activity),
            Asked::Resume => self.supervisor.resumed(self.now, Err(setback), &self.activity),
            Asked::Dial => self.supervisor.dialled(self.now, Err(setback), &self.activity),
        }
    }

    /// An answer to something that is not wanted any more.
    pub(super) fn answer_unasked(&mut self, which: u8) {
        let (now, activity) = (self.now, self.activity);
        match which % 3 {
            0 if self.asked != Some(Asked::Start) => {
                self.supervisor.started(now, Ok(()), &activity);
            }
            1 if self.asked != Some(Asked::Resume) => {
                self.supervisor.resumed(now, Ok(Resumption::Over), &activity);
            }
            2 if self.asked != Some(Asked::Dial) => {
                self.supervisor.dialled(now, Err(Trouble::Lasting.into()), &activity);
            }
            _ => {}
        }
        assert_eq!(self.supervisor.poll_action(), None, "something follows from nothing");
        assert_eq!(self.supervisor.poll_event(), None, "something follows from nothing");
    }

    pub(super) fn lose(&mut self, loss: Loss, served: bool) {
        if std::mem::take(&mut self.link) {
            self.supervisor.lost(self.now, loss, served);
        }
    }

    pub(super) fn become_ready(&mut self) {
        if self.link && !std::mem::replace(&mut self.is_ready, true) {
            self.supervisor.ready(self.now);
        }
    }

    /// The session ends by itself, or by a word from the service.
    pub(super) fn close(&mut self, closing: Closing) {
        if self.has_session && (self.link || self.is_ready) {
            self.supervisor.closed(self.now, closing, &self.activity);
        }
    }

    /// A local connection ends without a byte, or gets one.
    pub(super) fn dial(&mut self, worked: bool) {
        if !self.is_ready {
            return;
        }
        if worked {
            self.supervisor.dial_worked();
        } else {
            self.supervisor.dial_failed(self.now, &self.activity);
        }
    }

    pub(super) fn want(&mut self) {
        self.supervisor.wanted(self.now);
    }

    pub(super) fn wait(&mut self, time: Duration) {
        self.now += time;
        self.handle_timeout();
    }

    pub(super) fn wait_until_due(&mut self) {
        if let Some(at) = self.supervisor.poll_timeout() {
            self.now = self.now.max(at);
            self.handle_timeout();
        }
    }

    fn handle_timeout(&mut self) {
        self.supervisor.handle_timeout(self.now, &self.activity);
        if let Some(next) = self.supervisor.poll_timeout() {
            assert!(next > self.now, "due at once after all that was due was done");
        }
    }

    /// Takes what is said, and checks that it makes sense.
    pub(super) fn check(&mut self) {
        let actions = std::iter::from_fn(|| self.supervisor.poll_action());
        for action in actions.collect::<Vec<_>>() {
            assert!(!self.is_over, "{action:?} after the end");
            self.action(action);
        }
        let events = std::iter::from_fn(|| self.supervisor.poll_event());
        for event in events.collect::<Vec<_>>() {
            assert!(!self.is_over, "{event:?} after the end");
            self.event(event);
        }
        if self.is_over {
            assert_eq!(self.supervisor.poll_timeout(), None, "something is due after the end");
            return;
        }
        assert!(
            !self.supervisor.is_up() || (self.link && self.is_ready),
            "up, and carries nothing"
        );
        let is_shaking_hands = self.link && !self.is_ready;
        let waits = self.asked.is_some()
            || self.supervisor.poll_timeout().is_some()
            || self.supervisor.is_dormant()
            || is_shaking_hands;
        assert!(waits || self.supervisor.is_up(), "nothing will happen: {:?}", self.supervisor);
    }

    fn action(&mut self, action: Action) {
        let asked = match action {
            Action::Start => {
                assert!(!self.has_session, "a second session");
                Asked::Start
            }
            Action::Resume => {
                assert!(self.has_session, "there is nothing to resume");
                Asked::Resume
            }
            Action::Dial => {
                assert!(self.has_session && !self.spare, "there is nothing to dial for");
                Asked::Dial
            }
            Action::Carry => {
                assert!(std::mem::take(&mut self.spare), "there is nothing to carry with");
                return self.link = true;
            }
            Action::Discard => {
                return assert!(std::mem::take(&mut self.spare), "there is nothing to discard");
            }
            Action::Abandon { .. } => {
                (self.has_session, self.is_ready) = (false, false);
                (self.link, self.spare, self.asked) = (false, false, None);
                return;
            }
        };
        assert_eq!(self.asked.replace(asked), None, "two things at a time");
    }

    fn event(&mut self, event: Supervised) {
        match event {
            Supervised::Resuming { .. } => self.resuming = true,
            Supervised::Resumed { .. } => {
                assert!(std::mem::take(&mut self.resuming), "resumed what was there");
            }
            Supervised::Replacing { .. } | Supervised::Waking => {
                (self.resuming, self.replacing) = (false, true);
            }
            Supervised::Replaced { .. } => {
                // A session that somebody wanted takes the place of one that nobody missed.
                (self.resuming, self.replacing) = (false, false);
            }
            Supervised::Dormant { .. } => {
                assert!(self.supervisor.is_dormant() && !self.has_session);
                (self.resuming, self.replacing) = (false, false);
            }
            Supervised::Over(_) => self.is_over = true,
            Supervised::Retrying | Supervised::RolledOver => {}
        }
    }

    /// From now on all that is tried succeeds: the tunnel is up soon, if it is not over.
    pub(super) fn all_works(&mut self) {
        for _ in 0..ROUNDS {
            if self.is_over || self.supervisor.is_up() {
                return;
            }
            if self.supervisor.is_dormant() {
                self.want();
            } else if self.asked.is_some() {
                self.succeed(Resumption::Ticket);
            } else if self.link && !self.is_ready {
                self.become_ready();
            } else {
                self.wait_until_due();
            }
            self.check();
        }
        panic!("all works, and the tunnel does not: {:?}", self.supervisor);
    }

    /// From now on nothing works: the tunnel is over when its patience is, and says so.
    pub(super) fn nothing_works(&mut self) {
        let passing = Setback { trouble: Trouble::Passing, after: None };
        // A session that is about to be ready has its own time for it, and says when that is over.
        if self.link && !self.is_ready {
            self.close(Closing::Unanswered);
            self.check();
        }
        self.lose(Loss::Failed, false);
        self.check();
        let budget = self.config.start_budget.max(self.config.resume_budget);
        let until = self.now + budget.min(ENDLESS) + SLACK;
        for _ in 0..ROUNDS {
            if self.is_over || self.supervisor.is_dormant() {
                return;
            }
            assert!(
                budget > ENDLESS || self.now <= until,
                "patience has no end: {:?}",
                self.supervisor
            );
            if self.asked.is_some() {
                self.fail(passing);
            } else if self.link {
                // One that was dialled before took over.
                self.lose(Loss::Failed, false);
            } else {
                self.wait_until_due();
            }
            self.check();
        }
        assert!(budget > ENDLESS, "nothing works, and the tunnel goes on: {:?}", self.supervisor);
    }
}
