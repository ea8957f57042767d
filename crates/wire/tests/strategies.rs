//! Arbitrary values of everything that crosses the wire.

use std::collections::BTreeMap;

use adit_wire::channel::{AgentSessionState, ChannelClosed, OpenControlChannel, OpenDataChannel};
use adit_wire::control::{
    AgentJob, AgentJobAck, AgentJobReply, AgentJobReplyAck, AgentTaskAcknowledge,
    AgentTaskComplete, InteractiveShell, ParameterDefinition, SessionDocument, SessionTask,
};
use adit_wire::encryption::EncChallenge;
use adit_wire::handshake::{
    HandshakeComplete, HandshakeRequest, HandshakeResponse, KmsParameters, KmsResult,
    ProcessedAction, RequestedAction, SessionTypeParameters,
};
use adit_wire::smux::Frame;
use adit_wire::{Ack, AckedMessage, Header, MessageId, MessageType, PayloadType, Size};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use serde_json::Value;

fn text() -> impl Strategy<Value = String> + Clone {
    prop_oneof![".{0,12}", "[ -~]{0,40}", "[\"\\\\\\x00-\\x1f]{0,6}"]
}

fn texts() -> impl Strategy<Value = BTreeMap<String, String>> {
    btree_map(text(), text(), 0..4)
}

fn values() -> impl Strategy<Value = BTreeMap<String, Value>> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    let value = leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Value::from),
            btree_map(text(), inner, 0..3).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    });
    btree_map(text(), value, 0..4)
}

pub(crate) fn message_id() -> impl Strategy<Value = MessageId> {
    any::<[u8; 16]>().prop_map(MessageId::from_bytes)
}

pub(crate) fn payload_type() -> impl Strategy<Value = PayloadType> {
    prop_oneof![0..14_u32, any::<u32>()].prop_map(PayloadType::from)
}

pub(crate) fn message_type() -> impl Strategy<Value = MessageType> {
    let known = prop::sample::select(vec![
        MessageType::InputStreamData,
        MessageType::OutputStreamData,
        MessageType::Acknowledge,
        MessageType::ChannelClosed,
        MessageType::StartPublication,
        MessageType::PausePublication,
        MessageType::AgentSessionState,
        MessageType::InteractiveShell,
        MessageType::AgentTaskComplete,
        MessageType::AgentTaskAcknowledge,
        MessageType::AgentJob,
        MessageType::AgentJobAck,
        MessageType::AgentJobReply,
        MessageType::AgentJobReplyAck,
    ]);
    prop_oneof![4 => known, 1 => any::<[u8; 32]>().prop_map(MessageType::from_field)]
}

pub(crate) fn header() -> impl Strategy<Value = Header> {
    let numbers = (any::<u64>(), any::<i64>(), any::<u64>());
    (message_type(), numbers, message_id(), payload_type()).prop_map(
        |(message_type, (created_ms, sequence, flags), id, payload_type)| Header {
            message_type,
            created_ms,
            sequence,
            flags,
            id,
            payload_type,
        },
    )
}

pub(crate) fn frame() -> impl Strategy<Value = Frame> {
    let stream = any::<u32>();
    prop_oneof![
        stream.prop_map(|stream| Frame::Syn { stream }),
        stream.prop_map(|stream| Frame::Fin { stream }),
        (stream, any::<u16>()).prop_map(|(stream, len)| Frame::Psh { stream, len }),
        Just(Frame::Nop),
    ]
}

pub(crate) fn ack() -> impl Strategy<Value = Ack> {
    let kind =
        prop_oneof![Just(AckedMessage::InputStreamData), Just(AckedMessage::OutputStreamData)];
    (kind, message_id(), any::<i64>(), any::<bool>()).prop_map(
        |(kind, id, sequence, is_sequential_message)| Ack {
            is_sequential_message,
            ..Ack::new(kind, id, sequence)
        },
    )
}

pub(crate) fn size() -> impl Strategy<Value = Size> {
    any::<(u32, u32)>().prop_map(|(cols, rows)| Size { cols, rows })
}

pub(crate) fn handshake_request() -> impl Strategy<Value = HandshakeRequest> {
    let action = prop_oneof![
        (text(), texts()).prop_map(|(session_type, properties)| {
            RequestedAction::SessionType(SessionTypeParameters { session_type, properties })
        }),
        (text(), option::of(text())).prop_map(|(kms_key_id, challenge)| {
            RequestedAction::KmsEncryption(KmsParameters { kms_key_id, challenge })
        }),
        text().prop_map(|action_type| RequestedAction::Other { action_type }),
    ];
    (text(), vec(action, 0..4)).prop_map(|(agent_version, requested_client_actions)| {
        HandshakeRequest { agent_version, requested_client_actions }
    })
}

pub(crate) fn handshake_response() -> impl Strategy<Value = HandshakeResponse> {
    let result = (text(), option::of(text()), option::of(any::<bool>())).prop_map(
        |(cipher_text_key, cipher_text_hash, challenge_acknowledgement)| KmsResult {
            cipher_text_key,
            cipher_text_hash,
            challenge_acknowledgement,
        },
    );
    let action = (text(), any::<u32>(), option::of(result), text()).prop_map(
        |(action_type, action_status, action_result, error)| ProcessedAction {
            action_type,
            action_status,
            action_result,
            error,
        },
    );
    (text(), vec(action, 0..4), option::of(vec(text(), 0..3))).prop_map(
        |(client_version, processed_client_actions, errors)| HandshakeResponse {
            client_version,
            processed_client_actions,
            errors,
        },
    )
}

pub(crate) fn handshake_complete() -> impl Strategy<Value = HandshakeComplete> {
    (any::<i64>(), text()).prop_map(|(handshake_time_to_complete, customer_message)| {
        HandshakeComplete { handshake_time_to_complete, customer_message }
    })
}

pub(crate) fn enc_challenge() -> impl Strategy<Value = EncChallenge> {
    text().prop_map(|challenge| EncChallenge { challenge })
}

pub(crate) fn open_data_channel() -> impl Strategy<Value = OpenDataChannel> {
    let optional = || option::of(text());
    (text(), text(), text(), optional(), optional(), optional()).prop_map(
        |(version, request_id, token_value, client_id, client_version, client_instance_id)| {
            OpenDataChannel {
                message_schema_version: version,
                request_id,
                token_value,
                client_id,
                client_version,
                client_instance_id,
            }
        },
    )
}

pub(crate) fn open_control_channel() -> impl Strategy<Value = OpenControlChannel> {
    (option::of(text()), text(), text(), text(), text(), text()).prop_map(
        |(cookie, version, request_id, token_value, agent_version, platform_type)| {
            OpenControlChannel {
                cookie,
                message_schema_version: version,
                request_id,
                token_value,
                agent_version,
                platform_type,
            }
        },
    )
}

pub(crate) fn channel_closed() -> impl Strategy<Value = ChannelClosed> {
    (text(), text(), text(), text(), text(), any::<u32>(), option::of(text())).prop_map(
        |(message_id, created_date, destination_id, session_id, message_type, version, output)| {
            ChannelClosed {
                message_id,
                created_date,
                destination_id,
                session_id,
                message_type,
                schema_version: version,
                output,
            }
        },
    )
}

pub(crate) fn agent_session_state() -> impl Strategy<Value = AgentSessionState> {
    (any::<u32>(), text(), text()).prop_map(|(schema_version, session_state, session_id)| {
        AgentSessionState { schema_version, session_state, session_id }
    })
}

pub(crate) fn interactive_shell() -> impl Strategy<Value = InteractiveShell> {
    (text(), text(), text(), any::<u32>()).prop_map(|(content, task_id, topic, schema_version)| {
        InteractiveShell { content, task_id, topic, schema_version }
    })
}

pub(crate) fn session_task() -> impl Strategy<Value = SessionTask> {
    (text(), session_document(), text(), texts(), text(), text()).prop_map(
        |(document_name, document_content, session_id, parameters, run_as_user, session_owner)| {
            SessionTask {
                document_name,
                document_content,
                session_id,
                parameters,
                run_as_user,
                session_owner,
            }
        },
    )
}

fn session_document() -> impl Strategy<Value = SessionDocument> {
    let definition = (text(), text(), option::of(text()), option::of(text())).prop_map(
        |(kind, description, default, allowed_pattern)| ParameterDefinition {
            kind,
            description,
            default,
            allowed_pattern,
        },
    );
    let parameters = btree_map(text(), definition, 0..3);
    (text(), text(), text(), values(), parameters, values()).prop_map(
        |(schema_version, description, session_type, inputs, parameters, properties)| {
            SessionDocument {
                schema_version,
                description,
                session_type,
                inputs,
                parameters,
                properties,
            }
        },
    )
}

pub(crate) fn agent_task_complete() -> impl Strategy<Value = AgentTaskComplete> {
    (any::<(u32, bool, u32)>(), prop::array::uniform10(text())).prop_map(
        |((schema_version, is_routing_failure, retry_number), texts)| {
            let [
                task_id,
                topic,
                status,
                account,
                instance_id,
                output,
                bucket,
                suffix,
                group,
                stream,
            ] = texts;
            AgentTaskComplete {
                schema_version,
                task_id,
                topic,
                final_task_status: status,
                is_routing_failure,
                aws_account_id: account,
                instance_id,
                output,
                s3_bucket: bucket,
                s3_url_suffix: suffix,
                cwl_group: group,
                cwl_stream: stream,
                retry_number,
            }
        },
    )
}

pub(crate) fn agent_task_acknowledge() -> impl Strategy<Value = AgentTaskAcknowledge> {
    (any::<u32>(), text(), text(), text()).prop_map(
        |(schema_version, message_id, task_id, topic)| AgentTaskAcknowledge {
            schema_version,
            message_id,
            task_id,
            topic,
        },
    )
}

pub(crate) fn agent_job() -> impl Strategy<Value = AgentJob> {
    (text(), text(), text(), any::<u32>()).prop_map(|(content, job_id, topic, schema_version)| {
        AgentJob { content, job_id, topic, schema_version }
    })
}

pub(crate) fn agent_job_ack() -> impl Strategy<Value = AgentJobAck> {
    prop::array::uniform5(text()).prop_map(
        |[job_id, acknowledged_message_id, created_date, status_code, error_message]| AgentJobAck {
            job_id,
            acknowledged_message_id,
            created_date,
            status_code,
            error_message,
        },
    )
}

pub(crate) fn agent_job_reply() -> impl Strategy<Value = AgentJobReply> {
    (any::<u32>(), text(), text(), text()).prop_map(|(schema_version, job_id, content, topic)| {
        AgentJobReply { schema_version, job_id, content, topic }
    })
}

pub(crate) fn agent_job_reply_ack() -> impl Strategy<Value = AgentJobReplyAck> {
    (text(), text()).prop_map(|(job_id, acknowledged_message_id)| AgentJobReplyAck {
        job_id,
        acknowledged_message_id,
    })
}
