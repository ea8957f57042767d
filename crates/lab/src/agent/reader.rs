use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use adit_wire::{Ack, DecodeError, Header, Message, MessageType, PayloadType};
use bytes::Bytes;
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::channel::DataChannel;
use super::config::{AgentConfig, Quirks, draw};
use super::handler::{Handled, Handler};
use super::handshake::{Handshake, Response};
use crate::gateway::leg::Leg;
use crate::gateway::seam::{AgentGateway, AttachError};

/// The shortest message that the agent can read (`agentmessage.go`, `getUInteger` wants a byte
/// behind the field).
const MIN_LEN: usize = 117;

/// Attempts to open a websocket (`session/config/config.go` `DataChannelNumMaxAttempts`, which
/// does not count the first).
const ATTEMPTS: u32 = 6;

/// The agent's one reader of a data channel: it handles one message after the other, so whatever
/// blocks a handler blocks acknowledgements, flags and the rest of the session
/// (`websocketchannel.go` `Open`, `datachannel.go` `dataChannelIncomingMessageHandler`).
pub(super) struct Reader<G> {
    pub(super) channel: Arc<DataChannel>,
    pub(super) handshake: Arc<Handshake>,
    pub(super) quirks: Quirks,
    pub(super) dialer: Dialer<G>,
    pub(super) handler: LateHandler,
    pub(super) incoming: Incoming,
    /// Cancelled when the client or the service ends the session on the data channel.
    pub(super) ended: CancellationToken,
}

/// The port handler, which comes some time after the handshake.
pub(super) enum LateHandler {
    Awaited(oneshot::Receiver<Handler>),
    Ready(Handler),
}

/// Input stream data by its sequence numbers.
pub(super) struct Incoming {
    expected: i64,
    /// What came before its turn; acknowledged already.
    early: BTreeMap<i64, Message>,
    capacity: usize,
}

/// A message that is neither acknowledged nor counted as received; the client sends it again.
struct Rejected;

impl Incoming {
    pub(super) fn new(config: &AgentConfig) -> Self {
        Self { expected: 0, early: BTreeMap::new(), capacity: config.limits.incoming }
    }
}

impl<G: AgentGateway> Reader<G> {
    /// Reads until the websocket is gone for good, or a defect has struck.
    pub(super) async fn run(mut self, mut socket: mpsc::Receiver<Bytes>) {
        loop {
            while let Some(message) = socket.recv().await {
                self.receive(message).await;
            }
            self.channel.detach();
            // The official agent logs it and keeps its session, until the control channel says
            // otherwise.
            let Ok(leg) = self.dialer.dial().await else { return };
            self.channel.attach(leg.tx);
            socket = leg.rx;
            if !self.quirks.reconnects_without_resending {
                self.channel.resend_all().await;
            }
        }
    }

    async fn receive(&mut self, bytes: Bytes) {
        if bytes.len() < MIN_LEN {
            return;
        }
        let len = bytes.len();
        let message = match Message::decode(bytes) {
            Ok(message) => message,
            Err(DecodeError::HeaderLength(at))
                if self.quirks.dies_of_bad_header && at as usize + 4 > len =>
            {
                tracing::debug!("header length behind the end: the reader is gone");
                return std::future::pending().await;
            }
            Err(error) => return tracing::debug!(%error, "message dropped"),
        };
        if message.header.created_ms == 0 {
            return tracing::debug!("message without a date dropped");
        }
        if !self.quirks.ignores_digests && !message.digest_matches() {
            return tracing::debug!("message with a wrong digest dropped");
        }
        match message.header.message_type {
            MessageType::InputStreamData => self.stream_data(message).await,
            MessageType::Acknowledge => {
                self.unpause();
                match Ack::decode(&message.payload) {
                    Ok(ack) => {
                        self.channel.acknowledged(ack.acknowledged_message_sequence_number);
                    }
                    Err(error) => tracing::debug!(%error, "acknowledgement dropped"),
                }
            }
            MessageType::ChannelClosed => self.ended.cancel(),
            MessageType::PausePublication => self.channel.set_paused(true),
            MessageType::StartPublication => self.channel.set_paused(false),
            other => tracing::debug!(?other, "message of another type dropped"),
        }
    }

    fn unpause(&self) {
        if self.quirks.resumes_on_any_message {
            self.channel.set_paused(false);
        }
    }

    /// `datachannel.go` `handleStreamDataMessage`.
    async fn stream_data(&mut self, message: Message) {
        self.unpause();
        let sequence = message.header.sequence;
        let expected = self.incoming.expected;
        if sequence < expected {
            self.channel.acknowledge(&message.header).await;
        } else if sequence > expected {
            if self.incoming.early.len() < self.incoming.capacity {
                self.channel.acknowledge(&message.header).await;
                self.incoming.early.insert(sequence, message);
            }
        } else if let Ok(handled) = self.process(&message).await {
            let written = self.channel.acknowledge(&message.header).await;
            if !written && self.quirks.repeats_after_failed_acknowledgement {
                return;
            }
            self.incoming.expected += 1;
            self.follow_up(handled);
            self.drain().await;
        }
    }

    /// Processes what had come before its turn. What the handler rejects here stays where it is:
    /// it is acknowledged, so nobody sends it again (`processIncomingMessageBufferItems`).
    async fn drain(&mut self) {
        while let Some(message) = self.incoming.early.get(&self.incoming.expected).cloned() {
            let Ok(handled) = self.process(&message).await else { return };
            self.incoming.early.remove(&self.incoming.expected);
            self.incoming.expected += 1;
            self.follow_up(handled);
        }
    }

    /// `datachannel.go` `processStreamDataMessage`.
    async fn process(&mut self, message: &Message) -> Result<Handled, Rejected> {
        let Header { payload_type, sequence, .. } = message.header;
        match payload_type {
            PayloadType::HandshakeResponse => {
                let response = Response::decode(&message.payload).map_err(|error| {
                    tracing::debug!(%error, "handshake response rejected");
                    Rejected
                })?;
                if self.handshake.is_waiting() {
                    return Ok(Handled::Response(response));
                }
                if self.quirks.blocks_on_second_response {
                    tracing::debug!(sequence, "second handshake response: the reader blocks");
                    std::future::pending::<()>().await;
                }
                Ok(Handled::Done)
            }
            // Without encryption the agent waits for no challenge; its handler would dereference
            // a missing cipher.
            PayloadType::EncChallengeResponse => Err(Rejected),
            _ if !self.handshake.is_complete() => {
                if self.quirks.discards_before_handshake {
                    tracing::debug!(sequence, "stream data before the handshake is lost");
                    Ok(Handled::Done)
                } else {
                    Err(Rejected)
                }
            }
            _ => match self.handler.ready() {
                Some(handler) => handler.handle(message).await.ok_or(Rejected),
                // `port.go` `InputStreamMessageHandler`: ErrHandlerNotReady.
                None => Err(Rejected),
            },
        }
    }

    /// What other tasks learn only once the message is acknowledged, so that the
    /// acknowledgement is not lost with the end that it brings about.
    fn follow_up(&self, handled: Handled) {
        match handled {
            Handled::Done => {}
            Handled::Response(response) => self.handshake.respond(response),
            Handled::Terminate => self.ended.cancel(),
        }
    }
}

impl LateHandler {
    fn ready(&mut self) -> Option<&mut Handler> {
        if let Self::Awaited(awaited) = self
            && let Ok(handler) = awaited.try_recv()
        {
            *self = Self::Ready(handler);
        }
        match self {
            Self::Ready(handler) => Some(handler),
            Self::Awaited(_) => None,
        }
    }
}

/// Opens websockets, with the official agent's patience (`datachannel.go` `SetWebSocket`,
/// `retryer.go`).
pub(super) struct Dialer<G> {
    gateway: G,
    session_id: String,
    retry_delay: RangeInclusive<Duration>,
    rng: StdRng,
}

impl<G: AgentGateway> Dialer<G> {
    pub(super) fn new(
        gateway: G,
        session_id: String,
        retry_delay: RangeInclusive<Duration>,
        seed: u64,
    ) -> Self {
        Self { gateway, session_id, retry_delay, rng: StdRng::seed_from_u64(seed) }
    }

    pub(super) async fn dial(&mut self) -> Result<Leg, AttachError> {
        let mut delay = draw(&mut self.rng, &self.retry_delay);
        let mut attempt = 1;
        loop {
            match self.gateway.attach(&self.session_id).await {
                Err(AttachError::Unavailable) if attempt < ATTEMPTS => {
                    tokio::time::sleep(delay).await;
                    delay *= 2;
                    attempt += 1;
                }
                last => return last,
            }
        }
    }
}
