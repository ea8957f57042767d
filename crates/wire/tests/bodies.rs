//! JSON bodies: the exact text where it is known, and what else must be understood.

use std::fmt::Debug;

use adit_wire::channel::{AgentSessionState, ChannelClosed, OpenControlChannel, OpenDataChannel};
use adit_wire::control::{
    AgentJob, AgentJobAck, AgentJobReply, AgentJobReplyAck, AgentTaskAcknowledge,
    AgentTaskComplete, InteractiveShell, SessionTask,
};
use adit_wire::encryption::EncChallenge;
use adit_wire::handshake::{
    HandshakeComplete, HandshakeRequest, HandshakeResponse, KmsParameters, RequestedAction,
};
use adit_wire::{Ack, Size};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

fn read<T: DeserializeOwned>(text: &str) -> T {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Holds a text to be read and written back byte for byte.
#[track_caller]
fn same<T: DeserializeOwned + Serialize>(text: &str) {
    assert_eq!(serde_json::to_string(&read::<T>(text)).expect("JSON"), text);
}

/// Texts of the official agent and client, as their encoders write them.
#[test]
fn texts_of_the_official_ends_survive() {
    same::<HandshakeRequest>(
        r#"{"AgentVersion":"3.3.987.0","RequestedClientActions":[{"ActionType":"SessionType","ActionParameters":{"SessionType":"Standard_Stream","Properties":{}}},{"ActionType":"KMSEncryption","ActionParameters":{"KMSKeyId":"k","Challenge":"AAAA"}}]}"#,
    );
    same::<HandshakeResponse>(
        r#"{"ClientVersion":"1.2.694.0","ProcessedClientActions":[{"ActionType":"SessionType","ActionStatus":1,"ActionResult":null,"Error":""},{"ActionType":"KMSEncryption","ActionStatus":1,"ActionResult":{"KMSCipherTextKey":"AAAA","KMSCipherTextHash":null},"Error":""}],"Errors":null}"#,
    );
    same::<HandshakeComplete>(r#"{"HandshakeTimeToComplete":1184749,"CustomerMessage":""}"#);
    same::<EncChallenge>(r#"{"Challenge":"AAAA"}"#);
    same::<Size>(r#"{"cols":80,"rows":24}"#);
    same::<ChannelClosed>(
        r#"{"MessageId":"m","CreatedDate":"1700000000123","DestinationId":"d","SessionId":"s","MessageType":"channel_closed","SchemaVersion":1}"#,
    );
    same::<AgentSessionState>(
        r#"{"SchemaVersion":1,"SessionState":"Terminating","SessionId":"s"}"#,
    );
    same::<OpenControlChannel>(
        r#"{"Cookie":null,"MessageSchemaVersion":"1.0","RequestId":"r","TokenValue":"t","AgentVersion":"3.3.0.0","PlatformType":"linux"}"#,
    );
    same::<AgentTaskComplete>(
        r#"{"SchemaVersion":1,"TaskId":"s","Topic":"agent_task_complete","FinalTaskStatus":"Success","IsRoutingFailure":false,"AwsAccountId":"","InstanceId":"mi-0123456789abcdef0","Output":"","S3Bucket":"","S3UrlSuffix":"","CwlGroup":"","CwlStream":"","RetryNumber":1}"#,
    );
    same::<AgentTaskAcknowledge>(
        r#"{"SchemaVersion":1,"MessageId":"m","TaskId":"s","Topic":"agent_task_complete"}"#,
    );
    same::<InteractiveShell>(
        r#"{"Content":"{}","TaskId":"s","Topic":"aws.ssm.startSession","SchemaVersion":1}"#,
    );
    same::<AgentJob>(
        r#"{"Content":"{}","JobId":"j","Topic":"aws.ssm.sendCommand","SchemaVersion":1}"#,
    );
    same::<AgentJobAck>(
        r#"{"jobId":"j","acknowledgedMessageId":"m","createdDate":"1","statusCode":"200","errorMessage":""}"#,
    );
    same::<AgentJobReply>(r#"{"schemaVersion":1,"jobId":"j","content":"{}","topic":"t"}"#);
    same::<AgentJobReplyAck>(r#"{"jobId":"j","acknowledgedMessageId":"m"}"#);
}

/// P-CTL-3: the document that the official agent took.
#[test]
fn a_session_task_survives() {
    same::<SessionTask>(
        r#"{"DocumentName":"AWS-StartPortForwardingSession","DocumentContent":{"schemaVersion":"1.0","description":"d","sessionType":"Port","inputs":{"runAsEnabled":false,"s3BucketName":""},"parameters":{"portNumber":{"type":"String","default":"80","allowedPattern":"^[0-9]+$"}},"properties":{"portNumber":"{{ portNumber }}","type":"LocalPortForwarding"}},"SessionId":"s","Parameters":{"portNumber":"8080"},"RunAsUser":"","SessionOwner":"arn"}"#,
    );
}

/// P-WS-4: agents, complete clients, and clients that send three members only.
#[test]
fn every_form_of_the_first_frame_is_read() {
    let agent: OpenDataChannel = read(
        r#"{"MessageSchemaVersion":"1.0","RequestId":"r","TokenValue":"t","ClientInstanceId":"i-1","ClientId":""}"#,
    );
    assert_eq!(agent.client_instance_id.as_deref(), Some("i-1"));
    assert_eq!(agent.client_id.as_deref(), Some(""));
    let client: OpenDataChannel = read(
        r#"{"MessageSchemaVersion":"1.0","RequestId":"r","TokenValue":"t","ClientId":"c","ClientVersion":"1.2.764.0"}"#,
    );
    assert_eq!(client.client_version.as_deref(), Some("1.2.764.0"));
    assert_eq!(client.client_instance_id, None);
    same::<OpenDataChannel>(
        r#"{"MessageSchemaVersion":"1.0","RequestId":"r","TokenValue":"t","ClientId":"c","ClientVersion":"1.2.764.0"}"#,
    );
    same::<OpenDataChannel>(r#"{"MessageSchemaVersion":"1.0","RequestId":"r","TokenValue":"t"}"#);
}

/// P-HS-4: unknown actions, whatever their parameters are, and known ones that make no sense.
#[test]
fn unknown_actions_keep_their_name() {
    for parameters in ["null", "7", "true", "\"text\"", "[1,[2]]", r#"{"a":{"b":[]}}"#] {
        for name in ["Future", "SessionType", "KMSEncryption", ""] {
            for text in [
                format!(r#"{{"ActionType":"{name}","ActionParameters":{parameters}}}"#),
                format!(r#"{{"ActionParameters":{parameters},"ActionType":"{name}"}}"#),
                format!(r#"{{"ActionType":"{name}"}}"#),
            ] {
                let action: RequestedAction = read(&text);
                assert_eq!(action, RequestedAction::Other { action_type: name.into() }, "{text}");
                assert_eq!(action.name(), name);
            }
        }
    }
}

/// P-HS-4: one action that is not understood leaves the others readable.
#[test]
fn an_unknown_action_hides_no_other() {
    let request: HandshakeRequest = read(
        r#"{"AgentVersion":"9.0.0.0","Future":[1],"RequestedClientActions":[
            {"ActionType":"Future","ActionParameters":{"x":[1,2]},"Extra":1},
            {"ActionParameters":{"SessionType":"Port","Properties":{"portNumber":"1"},"X":{}},"ActionType":"SessionType"}]}"#,
    );
    let names: Vec<_> =
        request.requested_client_actions.iter().map(RequestedAction::name).collect();
    assert_eq!(names, ["Future", "SessionType"]);
    let RequestedAction::SessionType(parameters) = &request.requested_client_actions[1] else {
        panic!("{request:?}")
    };
    assert_eq!(parameters.session_type, "Port");
    assert_eq!(parameters.properties["portNumber"], "1");
}

/// P-HS-1: properties of shells have nested values, of which no port session knows.
#[test]
fn properties_that_are_not_strings_are_left_out() {
    for (properties, expected) in [
        (r#"{"a":"1","b":{"c":"2"},"d":3,"e":null,"f":[""]}"#, json!({"a": "1"})),
        ("null", json!({})),
        ("{}", json!({})),
    ] {
        let text = format!(
            r#"{{"ActionType":"SessionType","ActionParameters":{{"SessionType":"x","Properties":{properties}}}}}"#
        );
        let RequestedAction::SessionType(parameters) = read(&text) else { panic!("{text}") };
        assert_eq!(json!(parameters.properties), expected);
    }
    let bare: RequestedAction =
        read(r#"{"ActionType":"SessionType","ActionParameters":{"SessionType":"Port"}}"#);
    assert!(matches!(bare, RequestedAction::SessionType(p) if p.properties.is_empty()));
}

/// P-HS-8: members that older or careless peers leave out, or send as null.
#[test]
fn absent_members_have_defaults() {
    let same_as_empty = |texts: &[&str]| {
        for text in texts {
            let request: HandshakeRequest = read(text);
            assert_eq!(
                (request.agent_version.as_str(), request.requested_client_actions),
                ("", vec![])
            );
        }
    };
    same_as_empty(&[
        "{}",
        r#"{"RequestedClientActions":null}"#,
        r#"{"RequestedClientActions":[]}"#,
    ]);

    for text in ["{}", r#"{"ProcessedClientActions":null,"Errors":null}"#] {
        let response: HandshakeResponse = read(text);
        assert_eq!(response.client_version, "");
        assert_eq!(response.processed_client_actions, []);
        assert_eq!(response.errors, None);
    }
    let complete: HandshakeComplete = read("{}");
    assert_eq!(complete.customer_message, "");

    let older: RequestedAction =
        read(r#"{"ActionType":"KMSEncryption","ActionParameters":{"KMSKeyId":"k"}}"#);
    let without = KmsParameters { kms_key_id: "k".into(), challenge: None };
    assert_eq!(older, RequestedAction::KmsEncryption(without));

    let closed: ChannelClosed = read(r#"{"SessionId":"s"}"#);
    assert_eq!((closed.session_id.as_str(), closed.output), ("s", None));
}

/// P-HS-4: the official client's answer to an action that it does not know.
#[test]
fn a_result_that_is_no_data_key_is_absent() {
    for result in ["3", "null", "\"\"", "[]", "{}"] {
        let text = format!(
            r#"{{"ProcessedClientActions":[{{"ActionType":"Future","ActionResult":{result},"Error":"Unsupported"}}]}}"#
        );
        let response: HandshakeResponse = read(&text);
        let [action] = &response.processed_client_actions[..] else { panic!("{response:?}") };
        assert_eq!((action.action_status, &action.action_result), (0, &None));
        assert_eq!(action.error, "Unsupported");
    }
}

/// P-ACK-4: the sequence number is all that counts.
#[test]
fn an_acknowledgement_needs_type_and_sequence() {
    let ack = Ack::decode(
        br#" { "Extra" : [1] , "AcknowledgedMessageSequenceNumber" : 7 , "AcknowledgedMessageType" : "input_stream_data" } "#,
    )
    .expect("an acknowledgement");
    assert_eq!(ack.acknowledged_message_sequence_number, 7);
    for broken in [&b""[..], b"{}", b"null", br#"{"AcknowledgedMessageType":"input_stream_data"}"#]
    {
        assert!(Ack::decode(broken).is_err());
    }
}

/// Tokens are never shown.
#[test]
fn debug_shows_no_token() {
    fn hidden(body: &impl Debug) {
        let shown = format!("{body:?} {body:#?}");
        assert!(shown.contains("request_id") && !shown.contains("5ecret"), "{shown}");
    }
    let text = r#"{"MessageSchemaVersion":"1.0","RequestId":"r","TokenValue":"5ecret"}"#;
    hidden(&read::<OpenDataChannel>(text));
    hidden(&read::<OpenControlChannel>(text));
}
