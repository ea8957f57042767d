//! Websockets: opened, carrying messages, broken.

use adit_engine::Loss;
use adit_wire::{Message, MessageType};
use rand::RngExt as _;

use super::{End, Event, World};
use crate::Time;
use crate::link::{Frame, Path, Pipe, Sent};
use crate::scenario::{Sabotage, Side, Way};

/// How long somebody waits for a dial that nobody answers.
const DIAL_TIMEOUT: Time = Time::from_secs(10);
/// How long the gateway keeps a websocket that shows no token.
const GUEST: Time = Time::from_secs(15);

/// The network between the gateway and one side.
#[derive(Debug)]
pub(super) struct Leg {
    /// To the gateway, and from it.
    pub(super) ways: [Path; 2],
    pub(super) outage_until: Time,
    pub(super) hangs: bool,
}

impl Leg {
    pub(super) fn new(ways: &[Path; 2]) -> Self {
        Self { ways: ways.clone(), outage_until: Time::ZERO, hangs: false }
    }
}

/// One websocket.
#[derive(Debug)]
pub(super) struct Socket {
    pub(super) session: usize,
    pub(super) side: Side,
    /// To the gateway, and from it.
    pub(super) pipes: [Pipe; 2],
    /// The network carries nothing any more.
    pub(super) broken: bool,
    /// Whether either end still reads.
    pub(super) far_reads: bool,
    pub(super) gateway_reads: bool,
    /// Whether it has shown a token.
    pub(super) is_attached: bool,
}

impl World {
    /// How long it takes to open a websocket, and whether that succeeds, as far as can be told at
    /// its beginning.
    pub(super) fn dial(&mut self, side: Side) -> (Time, bool) {
        let leg = &self.legs[side as usize];
        if self.now < leg.outage_until {
            return (if leg.hangs { DIAL_TIMEOUT } else { Time::from_millis(10) }, false);
        }
        let trip: Time = leg.ways.iter().map(|way| way.latency).sum();
        // TCP, TLS, the upgrade.
        (trip * 3 + Time::from_millis(5), true)
    }

    /// A websocket stands, whose session the gateway does not know yet.
    pub(super) fn open_socket(&mut self, session: usize, side: Side) -> usize {
        let id = self.sockets.len();
        self.sockets.push(Socket {
            session,
            side,
            pipes: [Pipe::default(), Pipe::default()],
            broken: false,
            far_reads: true,
            gateway_reads: true,
            is_attached: false,
        });
        self.note("websocket", session, id as i64, side as u64);
        if side == Side::Client {
            self.after(GUEST, Event::Guest(id));
        }
        id
    }

    /// A websocket that shows no token is closed.
    pub(super) fn look_at_guest(&mut self, socket: usize) -> bool {
        let it = &self.sockets[socket];
        if it.is_attached || it.broken {
            return false;
        }
        self.close_from_gateway(socket, 1008, false);
        true
    }

    /// A websocket has shown a token.
    pub(super) fn show_token(&mut self, socket: usize, token: u64) {
        let (session, side) = (self.sockets[socket].session, self.sockets[socket].side);
        if self.records[session].redeem(self.now, token, &self.scenario.gateway) {
            self.attach(session, side, socket);
        } else {
            self.close_from_gateway(socket, 1008, false);
        }
    }

    /// A websocket is a side's from now on.
    pub(super) fn attach(&mut self, session: usize, side: Side, socket: usize) {
        self.sockets[socket].is_attached = true;
        let config = &self.scenario.gateway;
        let jitter = config.bye_jitter.mul_f64(self.rng.random());
        let lasts = config.bye_after.saturating_sub(jitter);
        self.after(lasts, Event::Bye(socket));
        let before = self.scenario.burst_before;
        self.after(lasts.saturating_sub(before), Event::Burst(socket));
        // A new one takes the place of the old.
        if let Some(old) = self.records[session].set_socket(side, Some(socket)) {
            self.close_from_gateway(old, 1000, true);
        }
        self.appeared(session);
    }

    /// Sends into a websocket, from one end to the other.
    pub(super) fn send(&mut self, socket: usize, way: Way, frame: Frame) {
        let Self { sockets, legs, rng, .. } = self;
        let Some(it) = sockets.get_mut(socket) else { return };
        let black = self.sabotage == Some(Sabotage::BlackHole) && it.side == Side::Agent;
        if it.broken || black {
            self.totals.lost += 1;
            return;
        }
        let path = &mut legs[it.side as usize].ways[way as usize];
        match it.pipes[way as usize].send(self.now, path, rng, frame) {
            Sent::Travels => {}
            Sent::Lost => {
                self.totals.lost += 1;
                self.unhealthy_until = self.unhealthy_until.max(self.now);
            }
            Sent::Cut => self.break_socket(socket, false),
        }
    }

    /// Sets the alarm for a websocket's next message.
    pub(super) fn wake(&mut self, socket: usize, way: Way) {
        let it = &mut self.sockets[socket];
        if it.pipes[way as usize].is_empty() {
            return;
        }
        let path = &self.legs[it.side as usize].ways[way as usize];
        let pipe = &mut it.pipes[way as usize];
        let Some(at) = pipe.next_arrival(path) else { return };
        let at = at.max(self.now);
        if pipe.wake.is_none_or(|wake| wake > at) {
            pipe.wake = Some(at);
            let end = if way == Way::In { End::Gateway } else { End::Far };
            self.at(at, Event::Arrive(socket, end));
        }
    }

    /// A message may have arrived.
    pub(super) fn arrive(&mut self, at: Time, socket: usize, end: End) -> bool {
        let way = if end == End::Gateway { Way::In } else { Way::Out };
        let it = &mut self.sockets[socket];
        let pipe = &mut it.pipes[way as usize];
        if pipe.wake != Some(at) {
            return false;
        }
        pipe.wake = None;
        let (session, side) = (it.session, it.side);
        let reads = if end == End::Gateway { it.gateway_reads } else { it.far_reads };
        if it.broken || !reads {
            pipe.drop_all();
            return false;
        }
        if !self.is_willing(session, side, end) {
            // Whoever becomes willing looks again.
            return false;
        }
        let path = &self.legs[side as usize].ways[way as usize];
        let Some(frame) = self.sockets[socket].pipes[way as usize].take(self.now, path) else {
            self.wake(socket, way);
            return false;
        };
        match (frame, end) {
            (Frame::Close(code), _) => {
                self.lose_end(socket, End::Far, Some(Loss::Closed { code: Some(code) }));
            }
            (Frame::Open(token), _) => {
                self.show_token(socket, token);
                self.wake(socket, way);
            }
            (Frame::Message(bytes), End::Gateway) => {
                self.relay(session, side.other(), bytes);
                self.wake(socket, way);
            }
            (Frame::Message(bytes), End::Far) => {
                if let Ok(message) = Message::decode(bytes.clone()) {
                    let data = message.header.message_type == MessageType::OutputStreamData;
                    let (sequence, len) = (message.header.sequence, bytes.len() as u64);
                    let what = if side == Side::Client { "to client" } else { "to agent" };
                    self.note(what, session, sequence, len);
                    let instant = self.client.instant(self.now);
                    match side {
                        Side::Client => {
                            if let Some(lane) = self.client.lane(session) {
                                if data {
                                    lane.watch.received(sequence);
                                }
                                lane.heard = at;
                                lane.served |= lane.socket == Some(socket);
                                lane.session.receive(instant, bytes);
                            }
                        }
                        Side::Agent => self.hosts[session].peer.receive(self.now, bytes),
                    }
                }
            }
        }
        self.settle(session);
        true
    }

    /// Whether whoever sits at an end of a websocket reads the next message.
    fn is_willing(&self, session: usize, side: Side, end: End) -> bool {
        match (end, side) {
            (End::Gateway, side) => self.records[session].has_room(side.other()),
            (End::Far, Side::Client) => {
                let lane = self.client.lanes[session].as_ref();
                !self.sleeps() && lane.is_some_and(|lane| lane.session.wants_input())
            }
            (End::Far, Side::Agent) => self.hosts[session].peer.wants_input(),
        }
    }

    /// Sets the alarms of a session's websockets for whoever is willing to read.
    pub(super) fn wake_session(&mut self, session: usize) {
        let lane = self.client.lanes[session].as_ref();
        let client = lane
            .map_or([None; 3], |lane| [lane.socket, lane.old, lane.guest.map(|(guest, _)| guest)]);
        let agent = self.hosts[session].socket;
        for side in [Side::Client, Side::Agent] {
            let to_gateway = self.is_willing(session, side, End::Gateway);
            let to_end = self.is_willing(session, side, End::Far);
            let sockets = if side == Side::Client { client } else { [agent, None, None] };
            let attached = self.records[session].socket(side);
            let attached = attached.filter(|it| !sockets.contains(&Some(*it)));
            for socket in sockets.into_iter().chain([attached]).flatten() {
                if to_gateway {
                    self.wake(socket, Way::In);
                }
                if to_end {
                    self.wake(socket, Way::Out);
                }
            }
        }
    }

    /// The network breaks a websocket: all that is under way is lost.
    pub(super) fn break_socket(&mut self, socket: usize, silent: bool) {
        let it = &mut self.sockets[socket];
        if std::mem::replace(&mut it.broken, true) {
            return;
        }
        it.pipes.iter_mut().for_each(Pipe::drop_all);
        let (session, side) = (it.session, it.side);
        self.note("broken", session, socket as i64, u64::from(silent));
        let gateway = self.scenario.notice.mul_f64(self.rng.random());
        let far = self.scenario.notice.mul_f64(self.rng.random());
        if !silent {
            self.after(gateway, Event::Lost(socket, End::Gateway));
            self.after(far, Event::Lost(socket, End::Far));
            self.unhealthy_until = self.unhealthy_until.max(self.now + gateway.max(far));
            return;
        }
        // The client's ping finds out by itself; the agent's does after one or two minutes.
        let agent = Time::from_mins(1) + Time::from_secs(54).mul_f64(self.rng.random());
        if side == Side::Agent {
            self.after(agent, Event::Lost(socket, End::Far));
        }
        self.unhealthy_until = self.unhealthy_until.max(self.now + Time::from_mins(2));
    }

    /// The gateway closes a websocket.
    ///
    /// What it has written is on its way where another websocket takes over.
    pub(super) fn close_from_gateway(&mut self, socket: usize, code: u16, replaced: bool) {
        let buffers = self.scenario.gateway.buffers;
        let it = &mut self.sockets[socket];
        if !buffers {
            it.pipes[Way::In as usize].drop_all();
            if !replaced {
                it.pipes[Way::Out as usize].drop_all();
            }
            it.gateway_reads = false;
        }
        let session = it.session;
        self.note("closed by service", session, socket as i64, u64::from(code));
        self.send(socket, Way::Out, Frame::Close(code));
        self.wake(socket, Way::Out);
    }

    /// An end learns that its websocket is gone.
    pub(super) fn lose_end(&mut self, socket: usize, end: End, loss: Option<Loss>) {
        let it = &mut self.sockets[socket];
        let (session, side) = (it.session, it.side);
        match end {
            End::Gateway => {
                it.gateway_reads = false;
                if self.records[session].socket(side) == Some(socket) {
                    self.records[session].set_socket(side, None);
                    self.left(session, side);
                }
            }
            End::Far => {
                if !std::mem::replace(&mut it.far_reads, false) {
                    return;
                }
                match side {
                    Side::Client => self.client_lost(session, socket, loss),
                    Side::Agent => {
                        if self.hosts[session].socket == Some(socket) {
                            self.hosts[session].socket = None;
                            self.hosts[session].peer.socket_down(self.now);
                        }
                    }
                }
            }
        }
        self.settle(session);
    }
}
