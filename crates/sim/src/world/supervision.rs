//! What the supervisor decides is carried out: sessions are started and resumed, websockets opened
//! and exchanged.

use adit_engine::{
    Action, Activity, Closing, Epoch, Event as Told, Loss, Resumption, Session, Setback,
    Supervised, Supervisor, Trouble,
};
use rand::RngExt as _;

use super::{Answer, End, Event, World};
use crate::Time;
use crate::client::Lane;
use crate::link::Frame;
use crate::oracle::Promise;
use crate::scenario::{Sabotage, Side, Way};

/// When somebody opens another tunnel after one that is over.
const AGAIN: Time = Time::from_secs(1);
/// The client pings so often, and gives up what was silent for twice that.
const PING: Time = Time::from_secs(30);

impl World {
    /// Does what the supervisor says, until it says nothing more.
    pub(super) fn supervise(&mut self) {
        loop {
            if let Some(action) = self.client.supervisor.poll_action() {
                self.act(action);
            } else if let Some(event) = self.client.supervisor.poll_event() {
                self.supervised(event);
            } else {
                break;
            }
        }
        let Some(next) = self.client.supervisor.poll_timeout() else { return };
        let at = self.client.time(next).max(self.now);
        if self.client.timer.is_none_or(|timer| timer > at) {
            self.client.timer = Some(at);
            self.at(at, Event::Supervise);
        }
    }

    /// The supervisor's timer.
    pub(super) fn supervisor_timer(&mut self, at: Time) -> bool {
        if self.client.timer != Some(at) {
            return false;
        }
        self.client.timer = None;
        let instant = self.client.instant(self.now);
        if self.client.supervisor.poll_timeout().is_none_or(|due| due > instant) {
            self.supervise();
            return false;
        }
        let activity = self.activity();
        self.client.supervisor.handle_timeout(instant, &activity);
        if self.client.supervisor.poll_timeout().is_some_and(|next| next <= instant) {
            let text = "the supervisor's next timeout is not later than the one handled".to_owned();
            self.fail(Promise::Calm, text);
        }
        self.supervise();
        true
    }

    fn activity(&self) -> Activity {
        let lane = self.client.current.and_then(|it| self.client.lanes[it].as_ref());
        let mut activity = lane.map_or_else(Activity::default, |lane| lane.session.activity());
        activity.proven |= self.client.proven;
        activity
    }

    fn act(&mut self, action: Action) {
        if self.sabotage == Some(Sabotage::ForgetsResume) {
            return;
        }
        let generation = self.client.generation;
        match action {
            Action::Start => {
                let (wait, success) = self.call();
                self.after(wait, Event::Started(generation, success));
            }
            Action::Resume => {
                if let Some(session) = self.client.current {
                    let (wait, answer) = self.call_resume(session);
                    self.after(wait, Event::Answer(generation, answer));
                }
            }
            Action::Dial => {
                if let Some(session) = self.client.current {
                    let (wait, stands) = self.dial(Side::Client);
                    self.after(wait, Event::ClientDialled(generation, session, stands));
                }
            }
            Action::Carry => self.carry(),
            Action::Discard => {
                if let Some(lane) = self.client.current.and_then(|it| self.client.lane(it))
                    && let Some((guest, _)) = lane.guest.take()
                {
                    self.hang_up(guest);
                }
            }
            Action::Abandon { may_live } => {
                self.client.generation += 1;
                if let Some(session) = self.client.current.take() {
                    self.lane_over(session);
                    if may_live {
                        let (wait, success) = self.call();
                        if success {
                            self.after(wait, Event::TaskComplete(session));
                        }
                    }
                }
            }
        }
    }

    fn supervised(&mut self, event: Supervised) {
        match event {
            Supervised::RolledOver => self.totals.rollovers += 1,
            Supervised::Replaced { .. } => self.totals.replacements += 1,
            Supervised::Resumed { .. } => self.totals.resumes += 1,
            Supervised::Dormant { .. } => {
                self.note("dormant", 0, 0, 0);
                if !self.client.waiting.is_empty() {
                    let instant = self.client.instant(self.now);
                    self.client.supervisor.wanted(instant);
                }
            }
            Supervised::Over(_) => {
                self.note("tunnel over", 0, 0, 0);
                self.totals.tunnels += 1;
                self.client.over = true;
                self.client.generation += 1;
                if let Some(session) = self.client.current.take() {
                    self.lane_over(session);
                }
                self.refuse_waiting();
                self.after(AGAIN, Event::NewTunnel);
            }
            Supervised::Resuming { .. }
            | Supervised::Retrying
            | Supervised::Replacing { .. }
            | Supervised::Waking => {}
        }
    }

    /// Somebody opens a tunnel again.
    pub(super) fn new_tunnel(&mut self) {
        let seed = self.rng.random();
        let instant = self.client.instant(self.now);
        self.client.supervisor = Supervisor::new(self.scenario.supervisor, seed, instant);
        self.client.over = false;
        self.client.proven = false;
        self.supervise();
    }

    /// A session has something to tell that concerns the supervisor.
    pub(super) fn tell_supervisor(&mut self, session: usize, told: &Told) {
        if self.client.current != Some(session) {
            return;
        }
        let instant = self.client.instant(self.now);
        let activity = self.activity();
        match told {
            Told::Ready { .. } => self.client.supervisor.ready(instant),
            Told::Closed(reason) => {
                self.client.supervisor.closed(instant, Closing::of(reason), &activity);
            }
            Told::ConnectRefused { .. } => {
                self.client.supervisor.dial_failed(instant, &activity);
            }
            _ => {}
        }
        self.supervise();
    }

    /// A byte has come from a destination.
    pub(super) fn destination_heard(&mut self) {
        self.client.proven = true;
        self.client.supervisor.dial_worked();
    }

    /// StartSession was answered.
    pub(super) fn started(&mut self, generation: u64, success: bool) {
        if generation != self.client.generation {
            return;
        }
        let mut answer = Err(Setback::from(Trouble::Passing));
        if success {
            let (session, token) = self.create_session();
            let epoch = Epoch { instant: self.client.origin, unix_ms: 1_700_000_000_000 };
            let seed = self.rng.random();
            let engine = Session::client(self.scenario.session.clone(), seed, epoch);
            self.client.lanes[session] = Some(Lane::new(engine, token, self.now));
            self.client.current = Some(session);
            self.note("started", session, 0, 0);
            self.arm_peer(session);
            answer = Ok(());
        }
        let (instant, activity) = (self.client.instant(self.now), self.activity());
        self.client.supervisor.started(instant, answer, &activity);
        self.supervise();
    }

    /// ResumeSession was answered.
    pub(super) fn answered(&mut self, generation: u64, answer: Answer) {
        if generation != self.client.generation {
            return;
        }
        let (instant, activity) = (self.client.instant(self.now), self.activity());
        let answer = match answer {
            Answer::Token(token) => {
                if let Some(lane) = self.client.current.and_then(|it| self.client.lane(it)) {
                    lane.ticket = token;
                }
                Ok(Resumption::Ticket)
            }
            Answer::Over => Ok(Resumption::Over),
            Answer::Failed => Err(Setback::from(Trouble::Passing)),
        };
        self.client.supervisor.resumed(instant, answer, &activity);
        self.supervise();
    }

    /// A dial has come to an end.
    pub(super) fn client_dialled(&mut self, generation: u64, session: usize, stands: bool) {
        if generation != self.client.generation {
            return;
        }
        let stands = stands && self.now >= self.legs[Side::Client as usize].outage_until;
        let mut answer = Err(Setback::from(Trouble::Passing));
        if stands {
            let socket = self.open_socket(session, Side::Client);
            if let Some(lane) = self.client.lane(session) {
                lane.guest = Some((socket, lane.ticket));
            }
            answer = Ok(());
        }
        let (instant, activity) = (self.client.instant(self.now), self.activity());
        self.client.supervisor.dialled(instant, answer, &activity);
        self.supervise();
    }

    /// The session goes over to the websocket that was dialled last.
    fn carry(&mut self) {
        let (now, instant) = (self.now, self.client.instant(self.now));
        let Some(session) = self.client.current else { return };
        let Some(lane) = self.client.lane(session) else { return };
        let Some((socket, token)) = lane.guest.take() else { return };
        let before = lane.socket.replace(socket);
        let older = std::mem::replace(&mut lane.old, before);
        lane.served = false;
        lane.heard = now;
        if before.is_some() {
            lane.session.transport_moved(instant);
        } else {
            lane.session.transport_up(instant);
        }
        if let Some(older) = older {
            self.hang_up(older);
        }
        self.note("carried", session, socket as i64, 0);
        self.send(socket, Way::In, Frame::Open(token));
        self.after(PING, Event::Ping(socket));
        self.settle(session);
    }

    /// The client closes a websocket.
    fn hang_up(&mut self, socket: usize) {
        self.sockets[socket].far_reads = false;
        self.break_socket(socket, false);
    }

    /// A websocket of the client is gone.
    pub(super) fn client_lost(&mut self, session: usize, socket: usize, loss: Option<Loss>) {
        let instant = self.client.instant(self.now);
        let loss = loss.unwrap_or(Loss::Failed);
        let Some(lane) = self.client.lane(session) else { return };
        if lane.old == Some(socket) {
            lane.old = None;
        }
        if lane.guest.is_some_and(|(guest, _)| guest == socket) {
            // Whoever takes it finds out.
            return;
        }
        if lane.socket != Some(socket) {
            return;
        }
        lane.socket = None;
        let stats = lane.session.stats();
        lane.watch.cut(&stats);
        lane.session.transport_down(instant, loss);
        let served = lane.served;
        self.totals.cuts += 1;
        self.note("client lost", session, socket as i64, 0);
        if self.client.current == Some(session) {
            self.client.supervisor.lost(instant, loss, served);
            self.supervise();
        }
    }

    /// The client pings, and gives up a websocket that was silent for too long.
    pub(super) fn ping(&mut self, socket: usize) -> bool {
        let it = &self.sockets[socket];
        let session = it.session;
        let leg = &self.legs[Side::Client as usize];
        let answers = !it.broken && leg.ways.iter().all(|way| self.now >= way.stalled_until);
        let now = self.now;
        let Some(lane) = self.client.lane(session).filter(|lane| lane.socket == Some(socket))
        else {
            return false;
        };
        if answers || !lane.session.wants_input() {
            lane.heard = now;
        }
        if now.saturating_sub(lane.heard) >= PING * 2 {
            self.note("silent", session, socket as i64, 0);
            self.sockets[socket].broken = true;
            self.after(Time::from_millis(1), Event::Lost(socket, End::Gateway));
            self.lose_end(socket, End::Far, Some(Loss::Silent));
        } else {
            self.after(PING, Event::Ping(socket));
        }
        true
    }

    /// A session is over for this client: so are its streams.
    pub(super) fn lane_over(&mut self, session: usize) {
        let Some(lane) = self.client.lane(session).filter(|lane| !lane.over) else { return };
        lane.over = true;
        let guest = lane.guest.take().map(|(guest, _)| guest);
        let sockets = [lane.socket.take(), lane.old.take(), guest];
        for socket in sockets.into_iter().flatten() {
            self.hang_up(socket);
        }
        self.break_streams(session);
    }
}
