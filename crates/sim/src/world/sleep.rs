//! A machine that sleeps, and limits that count on.
//!
//! While it sleeps nothing happens at the client: what arrives waits, timers are late, answers come
//! when it wakes. The service and the agent go on.

use adit_engine::{Limit, LimitEvent, Limits, Loss};

use super::{End, Event, World};
use crate::Time;
use crate::oracle::Promise;
use crate::scenario::{Sabotage, Side};

/// How late a limit may fire on a machine that is awake.
const LATE: Time = Time::from_secs(1);

/// The limits of the tunnel, and what the world knows of them itself.
#[derive(Debug)]
pub(super) struct Watched {
    limits: Limits,
    timer: Option<Time>,
    /// When a byte moved last at the local end, and at either end.
    pub(super) moved_locally: Time,
    pub(super) moved: Time,
    /// Which was reached, and when.
    pub(super) reached: Option<(Limit, Time)>,
}

impl Watched {
    pub(super) fn new(limits: Limits) -> Self {
        let (moved_locally, moved) = (Time::ZERO, Time::ZERO);
        Self { limits, timer: None, moved_locally, moved, reached: None }
    }
}

impl World {
    /// Whether the client's machine sleeps.
    pub(super) fn sleeps(&self) -> bool {
        self.now < self.asleep_until
    }

    /// It falls asleep.
    pub(super) fn fall_asleep(&mut self, length: Time) {
        self.asleep_until = self.asleep_until.max(self.now + length);
        self.at(self.asleep_until, Event::WakeUp);
    }

    /// Keeps an event from a client that sleeps; true when it did.
    pub(super) fn sleeps_through(&mut self, event: Event) -> bool {
        if !self.sleeps() {
            return false;
        }
        match event {
            // All alarms are set anew when it wakes.
            Event::Arrive(socket, End::Far) if self.sockets[socket].side == Side::Client => true,
            Event::ClientTimer(_) | Event::Supervise | Event::Limits | Event::Local(_) => true,
            Event::Lost(socket, End::Far) if self.sockets[socket].side == Side::Client => {
                self.at(self.asleep_until, event);
                true
            }
            Event::Ping(_)
            | Event::ClientDialled(..)
            | Event::Answer(..)
            | Event::Started(..)
            | Event::NewTunnel
            | Event::Open(_)
            | Event::Burst(_) => {
                self.at(self.asleep_until, event);
                true
            }
            _ => false,
        }
    }

    /// The machine wakes, and notices that its clock has moved.
    pub(super) fn wake_up(&mut self) -> bool {
        if self.sleeps() {
            return false;
        }
        self.note("wakes", 0, 0, 0);
        self.unhealthy_until = self.unhealthy_until.max(self.now);
        for socket in &mut self.sockets {
            if socket.side == Side::Client {
                socket.pipes.iter_mut().for_each(|pipe| pipe.wake = None);
            }
        }
        self.client.timer = None;
        if let Some(watched) = &mut self.limits {
            watched.timer = None;
        }
        // A night with the lid closed counts, before anything else does.
        self.mind_limits();
        for session in 0..self.records.len() {
            let Some(lane) = self.client.lane(session) else { continue };
            lane.timer = None;
            if let Some(socket) = lane.socket {
                self.lose_end(socket, End::Far, Some(Loss::Slept));
            }
            self.settle(session);
        }
        for talk in self.active.clone() {
            self.talks[talk].local.wake = None;
            self.serve_local(talk);
        }
        for session in 0..self.records.len() {
            self.settle(session);
        }
        self.supervise();
        true
    }

    /// Which limit was reached, and when.
    pub fn limit_reached(&self) -> Option<(Limit, Time)> {
        self.limits.as_ref()?.reached
    }

    /// The limits' timer.
    pub(super) fn limits_timer(&mut self, at: Time) -> bool {
        match &mut self.limits {
            Some(watched) if watched.timer == Some(at) => watched.timer = None,
            _ => return false,
        }
        self.mind_limits();
        true
    }

    /// Does what the limits say, and sets their timer.
    pub(super) fn mind_limits(&mut self) {
        let (now, instant) = (self.now, self.client.instant(self.now));
        let Some(watched) = &mut self.limits else { return };
        if watched.reached.is_some() || self.sabotage == Some(Sabotage::IgnoresLimits) {
            return;
        }
        watched.limits.handle_timeout(instant);
        let mut reached = None;
        while let Some(event) = watched.limits.poll_event() {
            if let LimitEvent::Ended { limit } = event {
                reached = Some((limit, now));
            }
        }
        watched.reached = reached;
        if let Some(next) = watched.limits.poll_timeout() {
            let at = next.saturating_duration_since(self.client.origin).max(now);
            watched.timer = Some(at);
            self.at(at, Event::Limits);
        }
        if let Some((limit, _)) = reached {
            self.note("limit", limit as usize, 0, 0);
            self.check_limit(limit);
            self.close_tunnel();
        }
    }

    /// User data has moved, as the engine tells it.
    pub(super) fn tell_limits(&mut self, session: usize) {
        let Some(lane) = self.client.lanes[session].as_ref() else { return };
        if let (Some(watched), Some(last)) = (&mut self.limits, lane.session.stats().last_payload) {
            watched.limits.activity(last);
        }
    }

    /// A limit must not be early.
    fn check_limit(&mut self, limit: Limit) {
        let (Some(watched), Some(config)) = (&self.limits, self.scenario.limits) else { return };
        let moment = match limit {
            Limit::Maximum => config.max,
            Limit::Idle => watched.moved_locally + config.idle.unwrap_or_default(),
        };
        if self.now < moment {
            self.fail(Promise::Limit, format!("{limit:?} is early, its moment is {moment:?}"));
        }
    }

    /// Nor late, on a machine that is awake.
    pub(super) fn check_limits(&mut self) {
        let (Some(watched), Some(config)) = (&self.limits, self.scenario.limits) else { return };
        if watched.reached.is_some() || self.sleeps() {
            return;
        }
        let idle = config.idle.map(|idle| watched.moved + idle);
        let moment = idle.into_iter().chain([config.max]).min().unwrap_or_default();
        if self.now > moment.max(self.asleep_until) + LATE {
            self.fail(Promise::Limit, format!("none has fired, the moment was {moment:?}"));
        }
    }

    /// The tunnel is closed, for good.
    fn close_tunnel(&mut self) {
        let instant = self.client.instant(self.now);
        self.client.over = true;
        self.client.generation += 1;
        if let Some(session) = self.client.current.take() {
            if let Some(lane) = self.client.lane(session) {
                lane.session.terminate(instant);
            }
            self.settle(session);
            self.lane_over(session);
            let (wait, _) = self.call();
            self.after(wait, Event::TaskComplete(session));
        }
        self.refuse_waiting();
    }
}
