use adit_wire::channel::{AgentSessionState, ChannelClosed, OpenControlChannel, OpenDataChannel};
use adit_wire::control::{
    AgentJob, AgentJobAck, AgentJobReply, AgentJobReplyAck, AgentTaskAcknowledge,
    AgentTaskComplete, InteractiveShell, SessionTask,
};
use adit_wire::encryption::{EncChallenge, OVERHEAD, Sealed};
use adit_wire::handshake::{HandshakeComplete, HandshakeRequest, HandshakeResponse};
use adit_wire::smux::{self, Frame};
use adit_wire::{Ack, Flag, MessageId, Size};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Any bytes as each kind of payload: what can be read is written, and reads as the same again.
pub fn payloads(data: &[u8]) {
    bodies(data);
    flag(data);
    sealed(data);
    frames(data);
    if let Ok(id) = str::from_utf8(data).unwrap_or_default().parse::<MessageId>() {
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(MessageId::from_wire(id.to_wire()), id);
    }
}

fn bodies(data: &[u8]) {
    if let Some(ack) = survives::<Ack>(data) {
        let mut written = Vec::new();
        ack.encode_into(&mut written).expect("a vector takes all");
        assert_eq!(Ack::decode(&written).ok(), Some(ack));
    }
    macro_rules! survive {
        ($($body:ty),* $(,)?) => { $(survives::<$body>(data);)* };
    }
    survive!(
        Size,
        HandshakeRequest,
        HandshakeResponse,
        HandshakeComplete,
        EncChallenge,
        OpenDataChannel,
        OpenControlChannel,
        ChannelClosed,
        AgentSessionState,
        InteractiveShell,
        AgentTaskComplete,
        AgentTaskAcknowledge,
        AgentJob,
        AgentJobAck,
        AgentJobReply,
        AgentJobReplyAck,
    );
    // Its fractions may change in the last digit, so it is not compared.
    if let Ok(task) = serde_json::from_slice::<SessionTask>(data) {
        let text = serde_json::to_vec(&task).expect("JSON");
        assert!(serde_json::from_slice::<SessionTask>(&text).is_ok());
    }
}

/// Not every body shows all of itself in `Debug`, since secrets are left out.
fn survives<T: Serialize + DeserializeOwned + PartialEq>(data: &[u8]) -> Option<T> {
    let body: T = serde_json::from_slice(data).ok()?;
    let text = serde_json::to_vec(&body).expect("JSON");
    let again: T = serde_json::from_slice(&text).expect("what was written can be read");
    assert!(again == body, "{} reads as something else", String::from_utf8_lossy(&text));
    Some(body)
}

fn flag(data: &[u8]) {
    match Flag::decode(data) {
        Ok(flag) => assert_eq!(flag.encode(), data),
        Err(error) => assert!(error.0 == data.len() && data.len() != 4),
    }
}

fn sealed(data: &[u8]) {
    match Sealed::parse(data) {
        Some(sealed) => {
            let whole = [&sealed.nonce[..], sealed.ciphertext, &sealed.tag[..]].concat();
            assert_eq!(whole, data);
        }
        None => assert!(data.len() < OVERHEAD),
    }
}

fn frames(data: &[u8]) {
    for header in data.as_chunks::<{ smux::HEADER_LEN }>().0 {
        let Ok(frame) = Frame::decode(*header) else { continue };
        // The number of a NOP says nothing, and is not kept.
        assert!(frame == Frame::Nop || frame.encode() == *header);
        assert_eq!(Frame::decode(frame.encode()), Ok(frame));
    }
}
