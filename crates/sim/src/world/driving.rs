//! Driving the two state machines: what they hand out is sent, what they tell is acted upon, and
//! their timers are set.

use super::{Event, World};
use crate::Time;
use crate::link::Frame;
use crate::oracle::Promise;
use crate::peer::{PeerEvent, StreamEvent};
use crate::scenario::{Sabotage, Side, Way};
use adit_engine::Event as Told;
use adit_wire::{Ack, Message, MessageType};

impl World {
    /// Lets everything that can happen in a session at this moment happen.
    pub(super) fn settle(&mut self, session: usize) {
        loop {
            let mut moved = self.settle_client(session);
            moved |= self.settle_peer(session);
            moved |= self.flush(session, Side::Client);
            moved |= self.flush(session, Side::Agent);
            if !moved || self.violation.is_some() {
                break;
            }
        }
        self.arm_client(session);
        self.arm_peer(session);
        self.wake_session(session);
        self.check_session(session);
    }

    fn settle_client(&mut self, session: usize) -> bool {
        if self.sleeps() {
            return false;
        }
        let mut moved = false;
        while let Some(lane) = self.client.lane(session)
            && let Some(told) = lane.session.poll_event()
        {
            moved = true;
            self.client_told(session, &told);
        }
        moved | self.transmit_client(session)
    }

    fn client_told(&mut self, session: usize, told: &Told) {
        match *told {
            Told::Ready { .. } => {
                self.note("ready", session, 0, 0);
                self.tell_supervisor(session, told);
                self.open_waiting();
            }
            Told::Free => self.open_waiting(),
            Told::Readable(id) | Told::Writable(id) => {
                let lane = self.client.lane(session);
                if let Some(talk) = lane.and_then(|lane| lane.streams.get(&id).copied()) {
                    self.serve_local(talk);
                }
            }
            Told::StreamClosed { id, .. } => {
                if let Some(lane) = self.client.lane(session) {
                    lane.streams.remove(&id);
                }
            }
            Told::ConnectRefused { .. } => self.tell_supervisor(session, told),
            Told::Closed(_) => {
                self.note("closed", session, 0, 0);
                self.tell_supervisor(session, told);
                self.lane_over(session);
            }
            _ => {}
        }
    }

    /// Hands out what the session has to send, while its websocket takes it.
    fn transmit_client(&mut self, session: usize) -> bool {
        let instant = self.client.instant(self.now);
        let mut moved = false;
        while let Some(lane) = self.client.lane(session)
            && let Some(socket) = lane.socket
            && self.sockets[socket].pipes[Way::In as usize].is_writable()
        {
            let Some(lane) = self.client.lane(session) else { break };
            let Some(message) = lane.session.poll_transmit(instant) else {
                let stats = lane.session.stats();
                let missing = lane.watch.drained(&stats);
                if let Some(text) = missing {
                    self.fail(Promise::Acknowledged, text);
                }
                break;
            };
            moved = true;
            lane.watch.sent();
            if let Ok(decoded) = Message::decode(message.clone()) {
                let mut sequence = decoded.header.sequence;
                if decoded.header.message_type == MessageType::Acknowledge
                    && let Ok(ack) = Ack::decode(&decoded.payload)
                {
                    sequence = ack.acknowledged_message_sequence_number;
                    if self.sabotage == Some(Sabotage::HidesAck) {
                        self.sabotage = None;
                    } else {
                        lane.watch.acknowledged(sequence);
                    }
                }
                self.note("from client", session, sequence, message.len() as u64);
            }
            self.send(socket, Way::In, Frame::Message(message));
        }
        moved
    }

    fn settle_peer(&mut self, session: usize) -> bool {
        let mut moved = false;
        while let Some(event) = self.hosts[session].peer.poll_event() {
            moved = true;
            match event {
                PeerEvent::Connect => {
                    let (wait, stands) = self.dial(Side::Agent);
                    self.after(wait, Event::AgentDialled(session, stands));
                }
                PeerEvent::Stream(StreamEvent::Dial(id)) => self.dial_destination(session, id),
                PeerEvent::Stream(StreamEvent::Data(id)) => self.destination_has_data(session, id),
                PeerEvent::Stream(StreamEvent::Closed(id)) => {
                    if let Some(talk) = self.hosts[session].streams.get(&id).copied() {
                        self.talks[talk].remote.closed = true;
                        self.talks[talk].progress = self.now;
                    }
                }
                PeerEvent::Ended(_) => {
                    let wait = self.legs[Side::Agent as usize].ways[Way::In as usize].latency;
                    self.after(wait, Event::TaskComplete(session));
                }
            }
        }
        while let Some(socket) = self.hosts[session].socket
            && self.sockets[socket].pipes[Way::In as usize].is_writable()
            && let Some(message) = self.hosts[session].peer.poll_transmit()
        {
            moved = true;
            self.send(socket, Way::In, Frame::Message(message));
        }
        moved | self.unblock_destinations(session)
    }

    fn arm_client(&mut self, session: usize) {
        if self.sleeps() {
            return;
        }
        let Some(lane) = self.client.lane(session) else { return };
        let Some(next) = lane.session.poll_timeout() else { return };
        let next = self.client.time(next);
        let at = next.max(self.now);
        if let Some(lane) = self.client.lane(session)
            && lane.timer.is_none_or(|timer| timer > at)
        {
            lane.timer = Some(at);
            self.at(at, Event::ClientTimer(session));
        }
    }

    pub(super) fn arm_peer(&mut self, session: usize) {
        let host = &mut self.hosts[session];
        let Some(next) = host.peer.poll_timeout() else { return };
        let at = next.max(self.now);
        if host.timer.is_none_or(|timer| timer > at) {
            host.timer = Some(at);
            self.at(at, Event::PeerTimer(session));
        }
    }

    pub(super) fn client_timer(&mut self, at: Time, session: usize) -> bool {
        let now = self.now;
        let instant = self.client.instant(now);
        let Some(lane) = self.client.lane(session).filter(|lane| lane.timer == Some(at)) else {
            return false;
        };
        lane.timer = None;
        if lane.session.poll_timeout().is_none_or(|due| due > instant) {
            self.arm_client(session);
            return false;
        }
        lane.session.handle_timeout(instant);
        let next = lane.session.poll_timeout();
        let mut next = next.map(|next| self.client.time(next));
        if self.sabotage == Some(Sabotage::RepeatsTimeout) {
            next = Some(now);
        }
        self.note("client timer", session, 0, 0);
        if let Some(text) = self.client.lane(session).and_then(|it| it.watch.timeout(now, next)) {
            self.fail(Promise::Calm, text);
        }
        self.settle(session);
        true
    }

    pub(super) fn peer_timer(&mut self, at: Time, session: usize) -> bool {
        let now = self.now;
        let host = &mut self.hosts[session];
        if host.timer != Some(at) {
            return false;
        }
        host.timer = None;
        if host.peer.poll_timeout().is_none_or(|due| due > now) {
            self.arm_peer(session);
            return false;
        }
        host.peer.handle_timeout(now);
        self.note("agent timer", session, 0, 0);
        self.settle(session);
        true
    }

    pub(super) fn agent_dialled(&mut self, session: usize, stands: bool) {
        let there = self.now >= self.legs[Side::Agent as usize].outage_until;
        if stands && there && !self.records[session].over {
            let socket = self.open_socket(session, Side::Agent);
            self.hosts[session].socket = Some(socket);
            self.hosts[session].peer.socket_up(self.now);
            self.attach(session, Side::Agent, socket);
        } else {
            self.hosts[session].peer.dial_failed(self.now);
        }
        self.settle(session);
    }
}
