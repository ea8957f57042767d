//! The service between the two ends, as far as it is state: sessions, tokens, who is there, and
//! what waits for whom. What it does with it is in `world`.

use std::collections::VecDeque;

use adit_wire::{Header, MessageId, MessageType, PayloadType, encode, flags};
use bytes::Bytes;

use crate::Time;
use crate::scenario::{GatewayConfig, Side};

/// Bytes that wait for one side before the other is not read any more.
const BACKLOG: usize = 1 << 20;

/// One session, as the service knows it.
#[derive(Debug, Default)]
pub struct Record {
    /// The token that was given out last, until it is used, and when.
    token: Option<(u64, Time)>,
    tokens: u64,
    /// The websockets of client and agent.
    sockets: [Option<usize>; 2],
    /// What waits for client and agent.
    backlog: [VecDeque<Bytes>; 2],
    waiting: [usize; 2],
    /// When stream data passed last.
    pub traffic: Time,
    /// Whether the session is over.
    pub over: bool,
    /// Whether the service meant that by a close: what is lost then, is lost with reason.
    pub lost: u64,
}

impl Record {
    /// A session that was just started.
    pub fn new(now: Time) -> Self {
        Self { traffic: now, ..Self::default() }
    }

    /// A new token; those before are void.
    pub fn issue(&mut self, now: Time) -> u64 {
        self.tokens += 1;
        self.token = Some((self.tokens, now));
        self.tokens
    }

    /// Whether a token opens a websocket: once, and while it is fresh.
    pub fn redeem(&mut self, now: Time, token: u64, config: &GatewayConfig) -> bool {
        let good = self.token.is_some_and(|(id, issued)| {
            id == token && now.saturating_sub(issued) <= config.token_life
        });
        if good {
            self.token = None;
        }
        good && !self.over
    }

    /// A side's websocket.
    pub fn socket(&self, side: Side) -> Option<usize> {
        self.sockets[side as usize]
    }

    /// Sets a side's websocket, and returns the one before.
    pub fn set_socket(&mut self, side: Side, socket: Option<usize>) -> Option<usize> {
        std::mem::replace(&mut self.sockets[side as usize], socket)
    }

    /// Whether what comes for a side must wait behind other messages.
    pub fn has_backlog(&self, side: Side) -> bool {
        !self.backlog[side as usize].is_empty()
    }

    /// Whether more may wait for a side.
    pub fn has_room(&self, side: Side) -> bool {
        self.waiting[side as usize] < BACKLOG
    }

    /// Keeps a message for a side.
    pub fn keep(&mut self, side: Side, message: Bytes) {
        self.waiting[side as usize] += message.len();
        self.backlog[side as usize].push_back(message);
    }

    /// The next message that waits for a side.
    pub fn take(&mut self, side: Side) -> Option<Bytes> {
        let message = self.backlog[side as usize].pop_front()?;
        self.waiting[side as usize] -= message.len();
        Some(message)
    }

    /// Drops what waits for a side.
    pub fn drop_backlog(&mut self, side: Side) {
        self.lost += self.backlog[side as usize].len() as u64;
        self.backlog[side as usize].clear();
        self.waiting[side as usize] = 0;
    }
}

/// A message of the service's own.
pub fn word(kind: MessageType, body: &[u8]) -> Bytes {
    let header = Header {
        message_type: kind,
        created_ms: 1_700_000_000_000,
        sequence: 0,
        flags: flags::NONE,
        id: MessageId::default(),
        payload_type: PayloadType::Undefined,
    };
    encode(&header, body)
}
