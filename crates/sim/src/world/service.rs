//! What the gateway does: it relays, keeps or drops, says who is away, closes websockets about
//! each hour and sessions that carry nothing, and answers API calls.

use adit_wire::MessageType;
use bytes::Bytes;
use rand::RngExt as _;

use super::{Answer, Event, World};
use crate::Time;
use crate::gateway::{Record, word};
use crate::link::Frame;
use crate::peer::Peer;
use crate::scenario::{Side, Way};

/// How long an API call waits for an answer that does not come.
const CALL_TIMEOUT: Time = Time::from_secs(5);

impl World {
    /// Passes a message on.
    pub(super) fn relay(&mut self, session: usize, to: Side, message: Bytes) {
        self.records[session].traffic = self.now;
        match self.records[session].socket(to) {
            Some(socket) if !self.records[session].has_backlog(to) => {
                if self.sockets[socket].pipes[Way::Out as usize].is_writable() {
                    self.send(socket, Way::Out, Frame::Message(message));
                } else {
                    self.records[session].keep(to, message);
                }
            }
            Some(_) => self.records[session].keep(to, message),
            None if self.scenario.gateway.buffers => self.records[session].keep(to, message),
            None => self.totals.lost += 1,
        }
    }

    /// Sends what waits for a side; true when something moved.
    pub(super) fn flush(&mut self, session: usize, to: Side) -> bool {
        let mut moved = false;
        while let Some(socket) = self.records[session].socket(to)
            && self.records[session].has_backlog(to)
            && self.sockets[socket].pipes[Way::Out as usize].is_writable()
            && let Some(message) = self.records[session].take(to)
        {
            self.send(socket, Way::Out, Frame::Message(message));
            moved = true;
        }
        moved
    }

    /// A side is there.
    pub(super) fn appeared(&mut self, session: usize) {
        let record = &self.records[session];
        let both = record.socket(Side::Client).is_some() && record.socket(Side::Agent).is_some();
        if both {
            self.publish(session, Side::Client, MessageType::StartPublication);
            self.publish(session, Side::Agent, MessageType::StartPublication);
        } else {
            for side in [Side::Client, Side::Agent] {
                if self.records[session].socket(side).is_some() {
                    self.publish(session, side, MessageType::PausePublication);
                }
            }
        }
    }

    /// A side is gone.
    pub(super) fn left(&mut self, session: usize, side: Side) {
        if !self.scenario.gateway.buffers {
            self.records[session].drop_backlog(side);
        }
        self.publish(session, side.other(), MessageType::PausePublication);
    }

    fn publish(&mut self, session: usize, to: Side, kind: MessageType) {
        if self.scenario.gateway.publishes
            && let Some(socket) = self.records[session].socket(to)
        {
            self.send(socket, Way::Out, Frame::Message(word(kind, b"{}")));
        }
    }

    /// The service closes a websocket with code 1000, and means no end by it.
    pub(super) fn bye(&mut self, socket: usize) -> bool {
        let (session, side) = (self.sockets[socket].session, self.sockets[socket].side);
        if self.records[session].socket(side) != Some(socket) {
            return false;
        }
        self.records[session].set_socket(side, None);
        self.close_from_gateway(socket, 1000, false);
        self.left(session, side);
        self.settle(session);
        true
    }

    /// The service looks whether a session carried nothing for too long.
    pub(super) fn look_for_idleness(&mut self, session: usize) -> bool {
        let record = &self.records[session];
        if record.over {
            return false;
        }
        let end = record.traffic + self.scenario.gateway.idle;
        if end > self.now {
            self.at(end, Event::Idle(session));
            return false;
        }
        self.note("idle", session, 0, 0);
        self.end_session(session);
        true
    }

    /// A session is over.
    pub(super) fn end_session(&mut self, session: usize) {
        if std::mem::replace(&mut self.records[session].over, true) {
            return;
        }
        self.note("session over", session, 0, 0);
        let body = br#"{"MessageId":"","CreatedDate":"0","DestinationId":"","SessionId":"","MessageType":"channel_closed","SchemaVersion":1,"Output":"over"}"#;
        let closed = word(MessageType::ChannelClosed, body);
        // The agent hears it on its control channel.
        self.hosts[session].peer.receive(self.now, closed.clone());
        self.records[session].drop_backlog(Side::Agent);
        self.relay(session, Side::Client, closed);
        self.flush(session, Side::Client);
        // Nobody has anything more to say on these.
        for side in [Side::Client, Side::Agent] {
            if let Some(socket) = self.records[session].set_socket(side, None) {
                self.close_from_gateway(socket, 1000, false);
            }
        }
        self.settle(session);
    }

    /// Calls ResumeSession: when it answers, and what.
    pub(super) fn call_resume(&mut self, session: usize) -> (Time, Answer) {
        let (wait, success) = self.call();
        let answer = if !success {
            Answer::Failed
        } else if self.records[session].over {
            Answer::Over
        } else {
            // That counts as a sign of life.
            self.records[session].traffic = self.now;
            Answer::Token(self.records[session].issue(self.now))
        };
        (wait, answer)
    }

    /// How long a call takes, and whether it is answered well.
    pub(super) fn call(&mut self) -> (Time, bool) {
        let wait = self.scenario.gateway.call.mul_f64(0.5 + self.rng.random::<f64>());
        let leg = &self.legs[Side::Client as usize];
        if self.now < leg.outage_until {
            return (if leg.hangs { CALL_TIMEOUT } else { Time::from_millis(10) }, false);
        }
        if self.throttled > 0 {
            self.throttled -= 1;
            self.unhealthy_until = self.unhealthy_until.max(self.now);
            return (wait, false);
        }
        (wait, self.now >= self.api_down_until)
    }

    /// The service's part of a started session: the record, and the agent that is told of it.
    pub(super) fn create_session(&mut self) -> (usize, u64) {
        let session = self.records.len();
        let mut record = Record::new(self.now);
        let token = record.issue(self.now);
        self.records.push(record);
        let peer = Peer::new(self.scenario.peer.clone(), self.rng.random(), self.now);
        self.hosts.push(super::Host {
            peer,
            timer: None,
            socket: None,
            dialled: self.now,
            streams: std::collections::BTreeMap::new(),
            blocked: std::collections::BTreeSet::new(),
        });
        self.client.lanes.push(None);
        self.after(self.scenario.gateway.idle, Event::Idle(session));
        (session, token)
    }
}
