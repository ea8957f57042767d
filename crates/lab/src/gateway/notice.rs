//! The messages that the gateway itself makes.

use adit_wire::channel::ChannelClosed;
use adit_wire::control::{AgentTaskAcknowledge, AgentTaskComplete, InteractiveShell, SessionTask};
use adit_wire::{Header, MessageId, MessageType, PayloadType, encode, flags};
use bytes::{BufMut, Bytes, BytesMut};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// The id and date of a message that is being made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stamp {
    pub(crate) id: MessageId,
    pub(crate) unix_ms: u64,
}

/// Asks for no more stream data, or for it again: the form that every peer can parse, with a
/// payload, a real date and the right digest.
pub(crate) fn publication(start: bool, stamp: Stamp) -> Bytes {
    let kind = if start { MessageType::StartPublication } else { MessageType::PausePublication };
    long(kind, stamp, b"{}")
}

/// Tells the client that the session is over, in the service's own form: a 112-byte header, the
/// type padded with NULs.
pub(crate) fn closed_for_client(stamp: Stamp, session_id: &str, output: &str) -> Bytes {
    let body = closed(stamp, session_id, session_id, Some(output.to_owned()));
    short(MessageType::ChannelClosed, stamp, &json(&body))
}

/// Tells an agent on its control channel to end a session.
pub(crate) fn closed_for_agent(stamp: Stamp, session_id: &str, instance_id: &str) -> Bytes {
    let body = closed(stamp, session_id, instance_id, None);
    long(MessageType::ChannelClosed, stamp, &json(&body))
}

fn closed(
    stamp: Stamp,
    session_id: &str,
    destination: &str,
    output: Option<String>,
) -> ChannelClosed {
    ChannelClosed {
        message_id: stamp.id.to_string(),
        created_date: stamp.unix_ms.to_string(),
        destination_id: destination.to_owned(),
        session_id: session_id.to_owned(),
        message_type: "channel_closed".to_owned(),
        schema_version: 1,
        output,
    }
}

/// Starts a session on an agent's control channel.
pub(crate) fn interactive_shell(stamp: Stamp, task: &SessionTask) -> Bytes {
    let body = InteractiveShell {
        content: String::from_utf8_lossy(&json(task)).into_owned(),
        task_id: task.session_id.clone(),
        topic: "aws.ssm.startSession".to_owned(),
        schema_version: 1,
    };
    long(MessageType::InteractiveShell, stamp, &json(&body))
}

/// Answers `agent_task_complete`, whose header id it repeats.
pub(crate) fn task_acknowledge(stamp: Stamp, of: MessageId, task: &AgentTaskComplete) -> Bytes {
    let body = AgentTaskAcknowledge {
        schema_version: 1,
        message_id: of.to_string(),
        task_id: task.task_id.clone(),
        topic: task.topic.clone(),
    };
    long(MessageType::AgentTaskAcknowledge, stamp, &json(&body))
}

/// These bodies are maps of strings and numbers, which always serialise.
fn json(body: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(body).unwrap_or_default()
}

fn long(message_type: MessageType, stamp: Stamp, payload: &[u8]) -> Bytes {
    let header = Header {
        message_type,
        created_ms: stamp.unix_ms,
        sequence: 0,
        flags: flags::NONE,
        id: stamp.id,
        payload_type: PayloadType::Undefined,
    };
    encode(&header, payload)
}

fn short(message_type: MessageType, stamp: Stamp, payload: &[u8]) -> Bytes {
    let field = message_type.to_field();
    let name = field.trim_ascii_end();
    let mut out = BytesMut::with_capacity(116 + payload.len());
    out.put_u32(112);
    out.put_slice(name);
    out.put_bytes(0, 32 - name.len());
    out.put_u32(1);
    out.put_u64(stamp.unix_ms);
    out.put_i64(0);
    out.put_u64(flags::NONE);
    out.put_slice(&stamp.id.to_wire());
    out.put_slice(&Sha256::digest(payload));
    out.put_u32(u32::try_from(payload.len()).unwrap_or(u32::MAX));
    out.put_slice(payload);
    out.freeze()
}

#[cfg(test)]
mod tests {
    use adit_wire::Message;

    use super::*;

    fn stamp() -> Stamp {
        Stamp { id: MessageId::from_bytes([7; 16]), unix_ms: 1_700_000_000_123 }
    }

    #[test]
    fn every_notice_decodes_with_its_digest() {
        for (kind, message) in [
            (MessageType::StartPublication, publication(true, stamp())),
            (MessageType::PausePublication, publication(false, stamp())),
            (MessageType::ChannelClosed, closed_for_client(stamp(), "s", "")),
            (MessageType::ChannelClosed, closed_for_agent(stamp(), "s", "i")),
        ] {
            assert!(message.len() >= 120, "the official client needs 120 bytes");
            let message = Message::decode(message).expect("a message");
            assert_eq!(message.header.message_type, kind);
            assert_eq!(message.header.created_ms, 1_700_000_000_123);
            assert!(!message.payload.is_empty() && message.digest_matches());
        }
    }

    #[test]
    fn the_client_is_told_in_the_services_own_form() {
        let message = closed_for_client(stamp(), "s", "bye");
        assert_eq!(message[..4], [0, 0, 0, 112]);
        assert_eq!(message[4..36], *b"channel_closed\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
        let body: ChannelClosed = serde_json::from_slice(&message[116..]).expect("JSON");
        assert_eq!(body.output.as_deref(), Some("bye"));
        assert_eq!(body.schema_version, 1);
    }
}
