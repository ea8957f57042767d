use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use adit_wire::channel::AgentSessionState;
use adit_wire::{
    Ack, AckedMessage, HEADER_LEN, Header, MessageId, MessageType, PayloadType, encode, flags,
    write_header,
};
use bytes::{Bytes, BytesMut};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::{Notify, mpsc, watch};

use super::config::{AgentConfig, Pace};
use super::outgoing::Outgoing;

/// The most bytes of a destination that one message carries (`session/config/config.go`
/// `StreamDataPayloadSize`).
pub(super) const CHUNK: usize = 1024;

/// How many messages an agent without a pace keeps unacknowledged. The official one knows no
/// such limit, and at its pace needs none: what a websocket can lose is what it sends in a
/// round trip.
const UNPACED_WINDOW: usize = 4096;

/// How often the agent looks for overdue messages (`session/config/config.go`
/// `ResendSleepInterval`).
const RESEND_INTERVAL: Duration = Duration::from_millis(100);

/// The sending half of the agent's data channel (`datachannel.go`).
#[derive(Debug)]
pub(super) struct DataChannel {
    session_id: String,
    /// Held while messages are written, so that they leave in the order of their numbers: a
    /// websocket that takes no more holds up whoever wants to send.
    sequence: tokio::sync::Mutex<Sequence>,
    /// Ids of messages outside the sequence, which have to leave while it is held.
    ids: Mutex<StdRng>,
    outgoing: Mutex<Outgoing>,
    socket: watch::Sender<Option<mpsc::Sender<Bytes>>>,
    paused: AtomicBool,
    resends_only_the_oldest: bool,
    stores_after_writing: bool,
    /// Whether output waits for a websocket when there is none.
    waits: bool,
    /// How many messages may be unacknowledged before output waits.
    window: usize,
    /// Told of each acknowledgement.
    answered: Notify,
}

#[derive(Debug)]
struct Sequence {
    next: i64,
    ids: StdRng,
}

impl DataChannel {
    pub(super) fn new(session_id: &str, config: &AgentConfig, seed: u64) -> Self {
        let mut ids = StdRng::seed_from_u64(seed);
        Self {
            session_id: session_id.to_owned(),
            sequence: tokio::sync::Mutex::new(Sequence { next: 0, ids: ids.fork() }),
            ids: Mutex::new(ids),
            outgoing: Mutex::new(Outgoing::new(config.limits.outgoing)),
            socket: watch::Sender::new(None),
            paused: AtomicBool::new(false),
            resends_only_the_oldest: config.quirks.resends_only_the_oldest
                && config.pace == Pace::Official,
            stores_after_writing: config.quirks.stores_after_writing,
            waits: !config.quirks.reads_on_while_disconnected || config.pace == Pace::Off,
            window: match config.pace {
                Pace::Official => usize::MAX,
                Pace::Off => UNPACED_WINDOW,
            },
            answered: Notify::new(),
        }
    }

    /// Takes a new websocket into use, and ends a pause.
    pub(super) fn attach(&self, socket: mpsc::Sender<Bytes>) {
        self.socket.send_replace(Some(socket));
        self.set_paused(false);
    }

    /// Notes that the websocket is gone.
    pub(super) fn detach(&self) {
        self.socket.send_replace(None);
    }

    pub(super) fn is_paused(&self) -> bool {
        self.paused.load(Ordering::Relaxed)
    }

    pub(super) fn set_paused(&self, paused: bool) {
        self.paused.store(paused, Ordering::Relaxed);
    }

    /// Sends one message of any payload type; an empty one is ignored.
    pub(super) async fn send(&self, kind: PayloadType, payload: &[u8]) {
        if !payload.is_empty() {
            self.send_chunks(kind, payload, payload.len()).await;
        }
    }

    /// Sends bytes of the destination, in messages of at most [`CHUNK`] bytes.
    pub(super) async fn send_output(&self, bytes: &[u8]) {
        while self.outgoing().len() >= self.window {
            self.answered.notified().await;
        }
        self.send_chunks(PayloadType::Output, bytes, CHUNK).await;
    }

    async fn send_chunks(&self, kind: PayloadType, bytes: &[u8], chunk: usize) {
        let mut sequence = self.sequence.lock().await;
        let first = sequence.next;
        let messages = sequence.seal(kind, bytes, chunk);
        if !self.stores_after_writing {
            let now = Instant::now();
            let mut outgoing = self.outgoing();
            for (number, message) in (first..).zip(&messages) {
                outgoing.store(now, number, message.clone());
            }
        }
        // What is not written because of a pause is stored all the same, and comes as a resend.
        if !self.is_paused() {
            let waits = self.waits && kind == PayloadType::Output;
            self.write_all(&messages, waits).await;
        }
        if self.stores_after_writing {
            let now = Instant::now();
            let mut outgoing = self.outgoing();
            for (number, message) in (first..).zip(messages) {
                outgoing.store(now, number, message);
            }
        }
    }

    /// Acknowledges a received message; says whether it was written.
    pub(super) async fn acknowledge(&self, header: &Header) -> bool {
        let ack = Ack::new(AckedMessage::InputStreamData, header.id, header.sequence);
        let mut payload = Vec::with_capacity(192);
        if ack.encode_into(&mut payload).is_err() {
            return false;
        }
        let message = self.control_message(MessageType::Acknowledge, &payload);
        self.write(message).await
    }

    /// Tells the service that the agent is there (`sessionplugin.go` `Execute`).
    pub(super) async fn announce(&self) {
        let state = AgentSessionState {
            schema_version: 1,
            session_state: "Connected".to_owned(),
            session_id: self.session_id.clone(),
        };
        if let Ok(payload) = serde_json::to_vec(&state) {
            self.write(self.control_message(MessageType::AgentSessionState, &payload)).await;
        }
    }

    /// Removes a message that was acknowledged.
    pub(super) fn acknowledged(&self, sequence: i64) {
        self.outgoing().acknowledge(Instant::now(), sequence);
        self.answered.notify_one();
    }

    /// Sends all unacknowledged messages again.
    pub(super) async fn resend_all(&self) {
        let messages = self.outgoing().all(Instant::now());
        self.write_all(&messages, false).await;
    }

    /// Sends overdue messages again, for ever.
    pub(super) async fn resend_overdue(&self) {
        loop {
            tokio::time::sleep(RESEND_INTERVAL).await;
            if !self.is_paused() {
                let overdue = self.outgoing().overdue(Instant::now(), self.resends_only_the_oldest);
                self.write_all(&overdue, false).await;
            }
        }
    }

    /// Waits until everything is acknowledged, in steps of the official agent's 10 ms.
    pub(super) async fn drained(&self) {
        while !self.outgoing().is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    fn outgoing(&self) -> MutexGuard<'_, Outgoing> {
        self.outgoing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn control_message(&self, message_type: MessageType, payload: &[u8]) -> Bytes {
        let id = self.ids.lock().unwrap_or_else(PoisonError::into_inner).random();
        let header = Header {
            message_type,
            created_ms: unix_ms(),
            sequence: 0,
            flags: flags::SYN_FIN,
            id: MessageId::from_random(id),
            payload_type: PayloadType::Undefined,
        };
        encode(&header, payload)
    }

    async fn write(&self, message: Bytes) -> bool {
        match self.socket(false).await {
            Some(socket) => socket.send(message).await.is_ok(),
            None => false,
        }
    }

    /// Writes messages in order; to a new websocket what the last one did not take, if it may
    /// wait for one.
    async fn write_all(&self, messages: &[Bytes], waits: bool) {
        let mut left = messages;
        while !left.is_empty() {
            let Some(socket) = self.socket(waits).await else { return };
            while let [message, rest @ ..] = left {
                if socket.send(message.clone()).await.is_err() {
                    break;
                }
                left = rest;
            }
            if !waits {
                return;
            }
        }
    }

    async fn socket(&self, waits: bool) -> Option<mpsc::Sender<Bytes>> {
        if waits {
            let mut socket = self.socket.subscribe();
            let is_open = |socket: &Option<mpsc::Sender<_>>| {
                socket.as_ref().is_some_and(|socket| !socket.is_closed())
            };
            return socket.wait_for(is_open).await.ok()?.clone();
        }
        self.socket.borrow().clone()
    }
}

impl Sequence {
    /// Makes numbered messages of a run of bytes, in one piece of memory.
    fn seal(&mut self, kind: PayloadType, bytes: &[u8], chunk: usize) -> Vec<Bytes> {
        let count = bytes.len().div_ceil(chunk);
        let mut memory = BytesMut::with_capacity(bytes.len() + count * HEADER_LEN);
        let created_ms = unix_ms();
        let mut messages = Vec::with_capacity(count);
        for payload in bytes.chunks(chunk) {
            let header = Header {
                message_type: MessageType::OutputStreamData,
                created_ms,
                sequence: self.next,
                flags: if self.next == 0 { flags::SYN } else { flags::NONE },
                id: MessageId::from_random(self.ids.random()),
                payload_type: kind,
            };
            let mut head = [0; HEADER_LEN];
            write_header(&mut head, &header, payload);
            memory.extend_from_slice(&head);
            memory.extend_from_slice(payload);
            messages.push(memory.split().freeze());
            self.next += 1;
        }
        messages
    }
}

fn unix_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64
}
