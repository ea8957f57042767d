//! A client that acknowledges what comes and does nothing else with it.
//!
//! It checks no digest, keeps no byte and writes to no socket but the gateway's, so its rate is
//! the most that any client could get out of this lab on this machine, and its pings take what the
//! lab itself does.

use std::time::{Duration, Instant, UNIX_EPOCH};

use adit_wire::channel::{MESSAGE_SCHEMA_VERSION, OpenDataChannel};
use adit_wire::handshake::{HandshakeResponse, ProcessedAction, status};
use adit_wire::smux::{self, Frame};
use adit_wire::{
    Ack, AckedMessage, Header, Message, MessageId, MessageType, PayloadType, encode, flags,
};
use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use futures_util::{FutureExt, SinkExt, StreamExt};
use tokio_tungstenite::tungstenite::Message as WsMessage;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::destination::{Kind, Order};
use crate::gateway::{self, BoxedStream};
use crate::lab::Lab;
use crate::measure::{BYTE_LIMIT, MAX_PINGS};

/// One that the agent multiplexes for, without keep-alives.
const CLIENT_VERSION: &str = "1.2.764.0";

/// How long the agent's port handler may take after the handshake: what comes earlier is lost,
/// and this client sends nothing twice.
const HANDLER: Duration = Duration::from_millis(500);

/// The official client's first.
const FIRST_STREAM: u32 = 3;

/// Downloads over several streams at once; gives bytes a second.
pub(crate) fn download(lab: &Lab, streams: u64, total: u64, limit: Duration) -> Result<f64> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let run = async {
            let mut sink = NullSink::open(lab).await?;
            sink.order(Kind::Source, streams, total / streams).await?;
            sink.count(total / streams * streams).await
        };
        tokio::time::timeout(limit, run).await.with_context(|| format!("not within {limit:?}"))?
    })
}

/// Round trips of single bytes through a stream of their own, as [`crate::measure::pings`] makes
/// them through a client.
pub(crate) fn pings(lab: &Lab, span: Duration) -> Result<Vec<Duration>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut sink = NullSink::open(lab).await?;
        sink.order(Kind::Echo, 1, 0).await?;
        let mut bodies = Bodies::default();
        // The first one waits for the destination's connection.
        sink.ping(&mut bodies).await.context("the first ping")?;
        let end = Instant::now() + span;
        let mut times = Vec::new();
        while times.is_empty() || (Instant::now() < end && times.len() < MAX_PINGS) {
            let sent = Instant::now();
            sink.ping(&mut bodies).await.with_context(|| format!("ping {}", times.len() + 1))?;
            times.push(sent.elapsed());
        }
        Ok(times)
    })
}

struct NullSink {
    socket: WebSocketStream<BoxedStream>,
    sequence: i64,
    /// The next that has not been seen; what is resent is acknowledged and not counted.
    expected: i64,
    ids: u64,
}

impl NullSink {
    async fn open(lab: &Lab) -> Result<Self> {
        let session = gateway::start_session(lab).await?;
        let stream = gateway::connect(lab, &session.stream_url).await?;
        let (mut socket, _) = client_async(&session.stream_url, stream).await?;
        let open = OpenDataChannel {
            message_schema_version: MESSAGE_SCHEMA_VERSION.to_owned(),
            request_id: MessageId::from_random([1; 16]).to_string(),
            token_value: session.token_value,
            client_id: Some(MessageId::from_random([2; 16]).to_string()),
            client_version: Some(CLIENT_VERSION.to_owned()),
            client_instance_id: None,
        };
        socket.send(WsMessage::text(serde_json::to_string(&open)?)).await?;
        let mut sink = Self { socket, sequence: 0, expected: 0, ids: 0 };
        sink.shake_hands().await?;
        Ok(sink)
    }

    async fn shake_hands(&mut self) -> Result<()> {
        loop {
            match self.next_data().await?.header.payload_type {
                PayloadType::HandshakeRequest => {
                    let response = HandshakeResponse {
                        client_version: CLIENT_VERSION.to_owned(),
                        processed_client_actions: vec![ProcessedAction {
                            action_type: "SessionType".to_owned(),
                            action_status: status::SUCCESS,
                            action_result: None,
                            error: String::new(),
                        }],
                        errors: None,
                    };
                    let payload = serde_json::to_vec(&response)?;
                    self.send(PayloadType::HandshakeResponse, &payload).await?;
                }
                PayloadType::HandshakeComplete => break,
                _ => {}
            }
        }
        self.socket.flush().await?;
        tokio::time::sleep(HANDLER).await;
        Ok(())
    }

    /// Opens streams and gives each its order, for its part of the noise.
    async fn order(&mut self, kind: Kind, streams: u64, len: u64) -> Result<()> {
        let mut payload = Vec::new();
        for index in 0..streams {
            let stream = index as u32 * 2 + FIRST_STREAM;
            let order = Order { kind, position: index * len, len }.encode();
            payload.extend(Frame::Syn { stream }.encode());
            payload.extend(Frame::Psh { stream, len: order.len() as u16 }.encode());
            payload.extend(order);
        }
        self.send(PayloadType::Output, &payload).await
    }

    /// Sends a byte on the first stream and waits for it.
    async fn ping(&mut self, bodies: &mut Bodies) -> Result<()> {
        let back = bodies.bytes + 1;
        let round = async {
            let mut payload = Vec::from(Frame::Psh { stream: FIRST_STREAM, len: 1 }.encode());
            payload.push(0x2a);
            self.send(PayloadType::Output, &payload).await?;
            while bodies.bytes < back {
                let message = self.next_data().await?;
                if message.header.payload_type == PayloadType::Output {
                    bodies.pass(&message.payload)?;
                }
            }
            Ok(())
        };
        let outcome = tokio::time::timeout(BYTE_LIMIT, round).await;
        outcome.with_context(|| format!("nothing for {BYTE_LIMIT:?}"))?
    }

    /// Counts until all bytes have come.
    async fn count(&mut self, total: u64) -> Result<f64> {
        let mut bodies = Bodies::default();
        let mut first = None;
        while bodies.bytes < total {
            let message = self.next_data().await?;
            if message.header.payload_type == PayloadType::Output {
                bodies.pass(&message.payload)?;
                first.get_or_insert_with(Instant::now);
            }
        }
        let first = first.context("nothing came")?;
        Ok(total as f64 / first.elapsed().as_secs_f64())
    }

    /// The next new message of stream data; all are acknowledged.
    async fn next_data(&mut self) -> Result<Message> {
        loop {
            let frame = match self.socket.next().now_or_never() {
                Some(frame) => frame,
                // Acknowledgements leave together, as soon as nothing more is there.
                None => {
                    self.socket.flush().await?;
                    self.socket.next().await
                }
            };
            let WsMessage::Binary(bytes) = frame.context("the gateway closed")?? else { continue };
            let message = Message::decode(bytes)?;
            match message.header.message_type {
                MessageType::OutputStreamData => {}
                MessageType::ChannelClosed => {
                    let text = String::from_utf8_lossy(&message.payload).into_owned();
                    bail!("the session was closed: {text}")
                }
                _ => continue,
            }
            let sequence = message.header.sequence;
            let ack = Ack::new(AckedMessage::OutputStreamData, message.header.id, sequence);
            let mut payload = Vec::with_capacity(192);
            ack.encode_into(&mut payload)?;
            let id = self.next_id();
            let header = header(MessageType::Acknowledge, 0, flags::SYN_FIN, id);
            self.socket.feed(WsMessage::Binary(encode(&header, &payload))).await?;
            if sequence >= self.expected {
                ensure!(sequence == self.expected, "message {} is missing", self.expected);
                self.expected += 1;
                return Ok(message);
            }
        }
    }

    async fn send(&mut self, kind: PayloadType, payload: &[u8]) -> Result<()> {
        let flags = if self.sequence == 0 { flags::SYN } else { flags::NONE };
        let id = self.next_id();
        let header = header(MessageType::InputStreamData, self.sequence, flags, id);
        self.sequence += 1;
        let message = encode(&Header { payload_type: kind, ..header }, payload);
        self.socket.send(WsMessage::Binary(message)).await?;
        Ok(())
    }

    fn next_id(&mut self) -> MessageId {
        self.ids += 1;
        MessageId::from_random(u128::from(self.ids).to_be_bytes())
    }
}

fn header(message_type: MessageType, sequence: i64, flags: u64, id: MessageId) -> Header {
    // The agent ignores messages without a date.
    let created_ms = UNIX_EPOCH.elapsed().unwrap_or_default().as_millis() as u64;
    let payload_type = PayloadType::Undefined;
    Header { message_type, created_ms, sequence, flags, id, payload_type }
}

/// Counts the bodies of smux frames, whatever messages they are cut into.
#[derive(Default)]
struct Bodies {
    bytes: u64,
    /// Of the body that is under way.
    left: usize,
    /// A header that is not yet whole.
    header: Vec<u8>,
}

impl Bodies {
    fn pass(&mut self, payload: &Bytes) -> Result<()> {
        let mut rest = &payload[..];
        while !rest.is_empty() {
            if self.left > 0 {
                let count = self.left.min(rest.len());
                self.left -= count;
                self.bytes += count as u64;
                rest = &rest[count..];
                continue;
            }
            let count = (smux::HEADER_LEN - self.header.len()).min(rest.len());
            self.header.extend_from_slice(&rest[..count]);
            rest = &rest[count..];
            if let Ok(header) = <[u8; smux::HEADER_LEN]>::try_from(&self.header[..]) {
                self.header.clear();
                match Frame::decode(header)? {
                    Frame::Psh { len, .. } => self.left = usize::from(len),
                    Frame::Fin { .. } => bail!("the agent closed a stream"),
                    Frame::Syn { .. } | Frame::Nop => {}
                }
            }
        }
        Ok(())
    }
}
