//! Types and flags through their numbers and names.

use std::collections::HashSet;

use adit_wire::{Flag, FlagError, MessageType, PayloadType};

/// P-TYPE-1: the name of every type, as the header carries it.
#[test]
fn message_types_have_their_names() {
    let table: [(MessageType, &str); 14] = [
        (MessageType::InputStreamData, "input_stream_data"),
        (MessageType::OutputStreamData, "output_stream_data"),
        (MessageType::Acknowledge, "acknowledge"),
        (MessageType::ChannelClosed, "channel_closed"),
        (MessageType::StartPublication, "start_publication"),
        (MessageType::PausePublication, "pause_publication"),
        (MessageType::AgentSessionState, "agent_session_state"),
        (MessageType::InteractiveShell, "interactive_shell"),
        (MessageType::AgentTaskComplete, "agent_task_complete"),
        (MessageType::AgentTaskAcknowledge, "agent_task_acknowledge"),
        (MessageType::AgentJob, "agent_job"),
        (MessageType::AgentJobAck, "agent_job_ack"),
        (MessageType::AgentJobReply, "agent_job_reply"),
        (MessageType::AgentJobReplyAck, "agent_job_reply_ack"),
    ];
    for (message_type, name) in table {
        let field = format!("{name:32}");
        assert_eq!(message_type.to_field(), field.as_bytes());
        assert_eq!(MessageType::from_field(message_type.to_field()), message_type);
    }
}

/// P-TYPE-1: an unknown type survives as it came, so that it can be logged and passed on.
#[test]
fn an_unknown_message_type_keeps_its_bytes() {
    let fields: [[u8; 32]; 4] = [
        *b"agent_telemetry_in_thirty_two_by",
        *b"future_message\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        [0; 32],
        [0xff; 32],
    ];
    for field in fields {
        let message_type = MessageType::from_field(field);
        assert!(matches!(message_type, MessageType::Other(_)), "{message_type:?}");
        assert_eq!(message_type.to_field(), field);
    }
    let shown = format!("{:?}", MessageType::from_field(fields[1]));
    assert_eq!(shown, r#"Other("future_message")"#);
}

/// P-TYPE-2.
#[test]
fn payload_types_have_their_numbers() {
    let table = [
        PayloadType::Undefined,
        PayloadType::Output,
        PayloadType::Error,
        PayloadType::Size,
        PayloadType::Parameter,
        PayloadType::HandshakeRequest,
        PayloadType::HandshakeResponse,
        PayloadType::HandshakeComplete,
        PayloadType::EncChallengeRequest,
        PayloadType::EncChallengeResponse,
        PayloadType::Flag,
        PayloadType::StdErr,
        PayloadType::ExitCode,
    ];
    for (number, payload_type) in (0..).zip(table) {
        assert_eq!(u32::from(payload_type), number);
        assert_eq!(PayloadType::from(number), payload_type);
    }
    for number in [13, u32::MAX] {
        assert_eq!(PayloadType::from(number), PayloadType::Other(number));
        assert_eq!(u32::from(PayloadType::Other(number)), number);
    }
    let distinct: HashSet<_> = (0..100).map(PayloadType::from).collect();
    assert_eq!(distinct.len(), 100);
}

/// P-FLAG-1.
#[test]
fn flags_are_four_bytes() {
    let table = [
        (Flag::DisconnectToPort, [0, 0, 0, 1]),
        (Flag::TerminateSession, [0, 0, 0, 2]),
        (Flag::ConnectToPortError, [0, 0, 0, 3]),
        (Flag::Other(0), [0; 4]),
        (Flag::Other(u32::MAX), [0xff; 4]),
    ];
    for (flag, bytes) in table {
        assert_eq!(flag.encode(), bytes);
        assert_eq!(Flag::decode(&bytes), Ok(flag));
    }
    for payload in [&[][..], &[2], &[0, 0, 2], &[0, 0, 0, 2, 0]] {
        assert_eq!(Flag::decode(payload), Err(FlagError(payload.len())));
    }
}
