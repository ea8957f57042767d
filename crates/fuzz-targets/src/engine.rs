//! What the targets of the engine have in common: a clock that stands still, messages of an agent, and
//! sessions that have shaken hands.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use adit_engine::{Epoch, Event, Session, SessionConfig};
use adit_wire::{
    Ack, AckedMessage, Header, Message, MessageId, MessageType, PayloadType, encode, flags,
};
use bytes::Bytes;

/// More messages than any step can leave to be sent.
const MOST_MESSAGES: usize = 100_000;

/// The beginning of all times here.
pub(crate) fn origin() -> Instant {
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    *ORIGIN.get_or_init(Instant::now)
}

pub(crate) fn new_session(config: SessionConfig) -> Session {
    Session::client(config, 7, Epoch { instant: origin(), unix_ms: 1_700_000_000_123 })
}

fn header(message_type: MessageType, sequence: i64, payload_type: PayloadType) -> Header {
    Header {
        message_type,
        created_ms: 1_700_000_000_123,
        sequence,
        flags: flags::NONE,
        id: MessageId::from_bytes([7; 16]),
        payload_type,
    }
}

/// A data message of the agent.
pub(crate) fn data(sequence: i64, kind: PayloadType, payload: &[u8]) -> Bytes {
    encode(&header(MessageType::OutputStreamData, sequence, kind), payload)
}

/// A message of the service, or of anyone.
pub(crate) fn word(kind: MessageType, payload: &[u8]) -> Bytes {
    encode(&header(kind, 0, PayloadType::Undefined), payload)
}

/// The agent has a message of the client.
pub(crate) fn ack(sequence: i64) -> Bytes {
    let mut body = Vec::new();
    Ack::new(AckedMessage::InputStreamData, MessageId::default(), sequence)
        .encode_into(&mut body)
        .expect("a vector takes all");
    word(MessageType::Acknowledge, &body)
}

/// The agent's first message.
pub(crate) fn request(version: &str, kind: &str) -> String {
    format!(
        r#"{{"AgentVersion":"{version}","RequestedClientActions":[{{"ActionType":"SessionType","ActionParameters":{{"SessionType":"Port","Properties":{{"portNumber":"80","type":"{kind}"}}}}}}]}}"#
    )
}

/// All that the session has to send now; it has to come to an end.
pub(crate) fn drain(session: &mut Session, now: Instant) -> Vec<Bytes> {
    let messages: Vec<Bytes> =
        std::iter::from_fn(|| session.poll_transmit(now)).take(MOST_MESSAGES).collect();
    assert!(messages.len() < MOST_MESSAGES, "there is always another message");
    messages
}

/// All that the session has to tell.
pub(crate) fn events(session: &mut Session) -> Vec<Event> {
    let events: Vec<Event> =
        std::iter::from_fn(|| session.poll_event()).take(MOST_MESSAGES).collect();
    assert!(events.len() < MOST_MESSAGES, "there is always another event");
    events
}

/// Does what is due, and checks the promise that goes with it.
pub(crate) fn handle_timeout(session: &mut Session, now: Instant) {
    session.handle_timeout(now);
    if let Some(next) = session.poll_timeout() {
        assert!(next > now, "due at once after all that was due was done");
    }
}

/// A session that has shaken hands and is ready, what it has sent, and the number of the agent's next
/// message.
pub(crate) fn ready(
    config: SessionConfig,
    version: &str,
    kind: &str,
    now: &mut Instant,
) -> (Session, Vec<Bytes>, i64) {
    let mut session = new_session(config);
    let mut sent = Vec::new();
    session.transport_up(*now);
    let request = request(version, kind);
    session.receive(*now, data(0, PayloadType::HandshakeRequest, request.as_bytes()));
    sent.extend(drain(&mut session, *now));
    session.receive(*now, ack(0));
    session.receive(*now, data(1, PayloadType::HandshakeComplete, b"{}"));
    *now += Duration::from_millis(200);
    handle_timeout(&mut session, *now);
    sent.extend(drain(&mut session, *now));
    // The first message of a multiplexed session, which is a NOP.
    session.receive(*now, ack(1));
    let told = events(&mut session);
    assert!(matches!(told.as_slice(), [Event::Ready { .. }]), "{told:?}");
    (session, sent, 2)
}

/// The number of a data message of the client.
pub(crate) fn data_of_client(message: &Bytes) -> Option<Message> {
    let message = Message::decode(message.clone()).expect("the session sends messages");
    (message.header.message_type == MessageType::InputStreamData).then_some(message)
}
