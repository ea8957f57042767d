//! The operations of sessions and instances, and what each refuses.

use std::sync::Arc;

use adit_lab::{DEFAULT_INSTANCE, Lab};
use http::Method;
use serde_json::{Value, json};

use crate::support::agent::{Agent, ID};
use crate::support::client::{resume, start};
use crate::support::http::{Signer, answered, control, json_of, operation, refused, request, send};
use crate::support::{lab, lab_with};

#[tokio::test]
async fn a_session_starts_with_a_url_and_a_token() {
    let lab = lab().await;
    let ticket = start(&lab, DEFAULT_INSTANCE).await;
    let digits = ticket.id.strip_prefix("lab-").expect("the prefix");
    assert_eq!(digits.len(), 17);
    let host = lab.endpoint().replace("http://", "");
    let base =
        format!("ws://{host}/v1/data-channel/{}?role=publish_subscribe&cell-number=", ticket.id);
    assert!(ticket.url.starts_with(&base), "{}", ticket.url);
    assert!(ticket.token.len() > 64);
    let state = lab.state();
    let session = state.session(&ticket.id).expect("the session");
    assert_eq!(session.document, "AWS-StartPortForwardingSession");
    assert_eq!(session.parameters["portNumber"], ["5432"]);
    assert!(!format!("{state:?}").contains(&ticket.token));
}

#[tokio::test]
async fn every_document_reaches_the_agent_with_its_placeholders() {
    let lab = lab().await;
    let mut agent = Agent::connect(&lab).await;
    let forwarding = json!({ "portNumber": ["5432"], "host": ["db.internal"] });
    for (document, parameters, session_type, properties) in [
        (
            Some("AWS-StartPortForwardingSessionToRemoteHost"),
            forwarding,
            "Port",
            json!({
                "host": "{{ host }}",
                "portNumber": "{{ portNumber }}",
                "localPortNumber": "{{ localPortNumber }}",
                "type": "LocalPortForwarding",
            }),
        ),
        (
            Some("AWS-StartSSHSession"),
            json!({}),
            "Port",
            json!({ "portNumber": "{{ portNumber }}" }),
        ),
        (None, json!({}), "Standard_Stream", json!({})),
    ] {
        let mut body = json!({ "Target": ID, "Parameters": parameters, "Reason": "a test" });
        if let Some(document) = document {
            body["DocumentName"] = document.into();
        }
        let answer = answered(&lab, "StartSession", body).await;
        let task = agent.task().await;
        assert_eq!(task.session_id, answer["SessionId"]);
        assert_eq!(task.document_name, document.unwrap_or("SSM-SessionManagerRunShell"));
        assert_eq!(task.document_content.session_type, session_type);
        assert_eq!(json!(task.document_content.properties), properties);
        assert_eq!(task.document_content.schema_version, "1.0");
        assert_eq!(task.document_content.inputs["runAsEnabled"], false);
        for (name, list) in parameters.as_object().expect("a map") {
            assert_eq!(task.parameters[name], list[0], "plain strings towards the agent");
        }
        assert_eq!(task.session_owner, "arn:aws:iam::111122223333:user/lab");
    }
}

#[tokio::test]
async fn what_start_session_does_not_take() {
    let lab = lab().await;
    let port = |parameters: Value| {
        json!({
            "Target": DEFAULT_INSTANCE,
            "DocumentName": "AWS-StartPortForwardingSession",
            "Parameters": parameters,
        })
    };
    let command = "AWS-StartInteractiveCommand";
    for (body, kind, part) in [
        (json!({}), "ValidationException", "'target'"),
        (json!({ "Target": "" }), "ValidationException", "'target'"),
        (json!({ "Target": "i-1", "Reason": "" }), "ValidationException", "'reason'"),
        (json!({ "Target": 7 }), "SerializationException", ""),
        (json!({ "Target": "i-0123" }), "TargetNotConnected", "i-0123 is not connected."),
        (
            json!({ "Target": DEFAULT_INSTANCE, "DocumentName": "AWS-Unknown" }),
            "InvalidDocument",
            "AWS-Unknown",
        ),
        (port(json!({ "port": ["1"] })), "InvalidParameters", "\"port\""),
        (port(json!({ "portNumber": ["0"] })), "InvalidParameters", "\"portNumber\""),
        (port(json!({ "portNumber": ["80", "81"] })), "InvalidParameters", "exactly one"),
        (port(json!({ "portNumber": "80" })), "SerializationException", ""),
        (
            json!({ "Target": DEFAULT_INSTANCE, "DocumentName": command }),
            "InvalidParameters",
            "\"command\"",
        ),
    ] {
        let (name, message) = refused(&lab, "StartSession", body.clone()).await;
        assert_eq!(name, kind, "{body}");
        assert!(message.contains(part), "{body}: {message}");
    }
    assert!(lab.state().sessions.is_empty());
    assert_eq!(lab.state().api_calls["StartSession"], 11);
}

#[tokio::test]
async fn operations_that_are_not_known() {
    let lab = lab().await;
    for target in ["AmazonSSM.CancelEverything", "AmazonSQS.SendMessage", "nonsense"] {
        let mut request = operation(&lab, target, &json!({}));
        Signer::of(&lab, "ssm").sign(&mut request);
        let (status, body) = json_of(&send(request).await);
        assert_eq!((status, body), (400, json!({ "__type": "UnknownOperationException" })));
    }
}

#[tokio::test]
async fn resuming_gives_a_new_token_for_the_same_session() {
    let lab = lab().await;
    let ticket = start(&lab, DEFAULT_INSTANCE).await;
    let again = resume(&lab, &ticket.id).await;
    assert_eq!(again.id, ticket.id);
    assert!(again.token != ticket.token && again.url != ticket.url);
    let (kind, _) = refused(&lab, "ResumeSession", json!({ "SessionId": "unknown" })).await;
    assert_eq!(kind, "DoesNotExistException");
    answered(&lab, "TerminateSession", json!({ "SessionId": ticket.id })).await;
    let over = answered(&lab, "ResumeSession", json!({ "SessionId": ticket.id })).await;
    assert_eq!(over, json!({ "SessionId": ticket.id }));
}

#[tokio::test]
async fn sessions_are_listed_page_by_page_newest_first() {
    let lab = lab().await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(start(&lab, DEFAULT_INSTANCE).await.id);
    }
    let ended = ids.remove(1);
    answered(&lab, "TerminateSession", json!({ "SessionId": ended })).await;
    ids.reverse();
    let mut listed = Vec::new();
    let mut token = Value::Null;
    loop {
        let mut body = json!({ "State": "Active", "MaxResults": 3 });
        if token.is_string() {
            body["NextToken"] = token;
        }
        let answer = answered(&lab, "DescribeSessions", body).await;
        let page = answer["Sessions"].as_array().expect("a list");
        assert!(page.len() <= 3);
        listed.extend(page.iter().map(|s| s["SessionId"].as_str().expect("an id").to_owned()));
        token = answer["NextToken"].clone();
        if token.is_null() {
            break;
        }
    }
    assert_eq!(listed, ids);
    let body = json!({
        "State": "History",
        "Filters": [{ "key": "Target", "value": DEFAULT_INSTANCE }],
    });
    let history = answered(&lab, "DescribeSessions", body).await;
    let [session] = history["Sessions"].as_array().expect("a list").as_slice() else {
        panic!("one session: {history}")
    };
    assert_eq!((&session["SessionId"], &session["Status"]), (&json!(ended), &json!("Terminated")));
    assert!(session["EndDate"].as_f64() >= session["StartDate"].as_f64());
    for (body, kind) in [
        (json!({}), "ValidationException"),
        (json!({ "State": "Idle" }), "ValidationException"),
        (json!({ "State": "Active", "MaxResults": 201 }), "ValidationException"),
        (json!({ "State": "Active", "NextToken": "made up" }), "InvalidNextToken"),
        (
            json!({ "State": "Active", "Filters": [{ "key": "Colour", "value": "red" }] }),
            "ValidationException",
        ),
    ] {
        assert_eq!(refused(&lab, "DescribeSessions", body.clone()).await.0, kind, "{body}");
    }
}

async fn listed(lab: &Lab, body: Value) -> (Vec<String>, Value) {
    let answer = answered(lab, "DescribeInstanceInformation", body).await;
    let list = answer["InstanceInformationList"].as_array().expect("a list");
    let ids = list.iter().map(|i| i["InstanceId"].as_str().expect("an id").to_owned()).collect();
    (ids, answer)
}

#[tokio::test]
async fn instances_are_listed_by_filter_and_page() {
    let ids: Vec<String> = (0..12).map(|n| format!("i-0ad170000000000{n:02}")).collect();
    let instances = ids.clone();
    let lab = lab_with(move |config| config.instances = instances).await;
    control(&lab, "faults", &json!({ "offline": ids[3] })).await;
    let (first, answer) = listed(&lab, json!({ "MaxResults": 10 })).await;
    assert_eq!(first, ids[..10]);
    let (rest, answer) = listed(&lab, json!({ "NextToken": answer["NextToken"] })).await;
    assert_eq!((rest, answer.get("NextToken")), (ids[10..].to_vec(), None));
    let filter =
        json!({ "Filters": [{ "Key": "InstanceIds", "Values": [ids[3], ids[4], "i-9"] }] });
    let (some, answer) = listed(&lab, filter).await;
    assert_eq!(some, ids[3..5]);
    let pings = answer["InstanceInformationList"].as_array().expect("a list");
    let pings: Vec<_> = pings.iter().map(|i| i["PingStatus"].as_str().expect("text")).collect();
    assert_eq!(pings, ["ConnectionLost", "Online"]);
    let old = json!({ "InstanceInformationFilterList": [{ "key": "PingStatus", "valueSet": ["Online"] }] });
    assert_eq!(listed(&lab, old).await.0.len(), 11);
    let (kind, _) = refused(&lab, "DescribeInstanceInformation", json!({ "MaxResults": 4 })).await;
    assert_eq!(kind, "ValidationException");
    let status = answered(&lab, "GetConnectionStatus", json!({ "Target": ids[4] })).await;
    assert_eq!(status["Status"], "connected");
    let status = answered(&lab, "GetConnectionStatus", json!({ "Target": ids[3] })).await;
    assert_eq!(status["Status"], "notconnected");
}

#[tokio::test]
async fn every_documented_filter_key_of_instances_is_taken_and_no_other() {
    let lab = lab().await;
    let filters =
        |key: &str, value: &str| json!({ "Filters": [{ "Key": key, "Values": [value] }] });
    let old = |key: &str, value: &str| json!({ "InstanceInformationFilterList": [{ "key": key, "valueSet": [value] }] });
    for (key, value) in [
        ("InstanceIds", DEFAULT_INSTANCE),
        ("AgentVersion", "3.3.987.0"),
        ("PingStatus", "Online"),
        ("PlatformType", "Linux"),
        ("PlatformTypes", "Linux"),
        ("ResourceType", "EC2Instance"),
    ] {
        assert_eq!(listed(&lab, filters(key, value)).await.0, [DEFAULT_INSTANCE], "{key}");
        assert!(listed(&lab, filters(key, "another")).await.0.is_empty(), "{key}");
        if key != "PlatformType" {
            assert_eq!(listed(&lab, old(key, value)).await.0, [DEFAULT_INSTANCE], "{key}");
        }
    }
    // What the lab's instances do not have.
    for key in ["ActivationIds", "IamRole", "AssociationStatus"] {
        assert!(listed(&lab, filters(key, "x")).await.0.is_empty(), "{key}");
        assert!(listed(&lab, old(key, "x")).await.0.is_empty(), "{key}");
    }
    for key in ["SourceIds", "SourceTypes", "tag-key", "tag:Name"] {
        assert!(listed(&lab, filters(key, "x")).await.0.is_empty(), "{key}");
    }
    for (body, kind) in [
        (filters("Colour", "red"), "InvalidFilterKey"),
        (filters("tag:", "x"), "InvalidFilterKey"),
        (filters("instanceids", DEFAULT_INSTANCE), "InvalidFilterKey"),
        (old("Colour", "red"), "ValidationException"),
        // The older list knows no more than its enum.
        (old("PlatformType", "Linux"), "ValidationException"),
        (old("tag:Name", "x"), "ValidationException"),
        (old("SourceIds", "x"), "ValidationException"),
    ] {
        let (name, message) = refused(&lab, "DescribeInstanceInformation", body.clone()).await;
        assert_eq!(name, kind, "{body}");
        if kind == "ValidationException" {
            assert!(message.contains("enum value set: [InstanceIds, "), "{message}");
        }
    }
}

#[tokio::test]
async fn a_filter_key_is_checked_when_there_is_nothing_to_filter() {
    let lab = lab_with(|config| config.instances.clear()).await;
    let body = json!({ "Filters": [{ "Key": "Colour", "Values": ["red"] }] });
    let (name, _) = refused(&lab, "DescribeInstanceInformation", body).await;
    assert_eq!(name, "InvalidFilterKey");
    for (key, kind) in [("Colour", "ValidationException"), ("InvokedAfter", "InvalidFilterKey")] {
        let body = json!({ "State": "Active", "Filters": [{ "key": key, "value": "red" }] });
        assert_eq!(refused(&lab, "DescribeSessions", body).await.0, kind);
    }
}

#[tokio::test]
async fn polling_for_messages_takes_its_time() {
    let lab = Arc::new(lab().await);
    let body =
        json!({ "Destination": ID, "MessagesRequestId": "r", "VisibilityTimeoutInSeconds": 10 });
    let mut poll = operation(&lab, "EC2WindowsMessageDeliveryService.GetMessages", &body);
    Signer::of(&lab, "ec2messages").sign(&mut poll);
    let mut poll = tokio::spawn(send(poll));
    crate::support::until(&lab, |state| state.api_calls.contains_key("GetMessages")).await;
    control(&lab, "clock", &json!({ "advance_ms": 19_000 })).await;
    assert!(!poll.is_finished());
    control(&lab, "clock", &json!({ "advance_ms": 1_000 })).await;
    let (status, answer) = json_of(&(&mut poll).await.expect("an answer"));
    let expected = json!({ "Destination": ID, "Messages": [], "MessagesRequestId": "r" });
    assert_eq!((status, answer), (200, expected));
}

#[tokio::test]
async fn the_state_can_be_read_over_http() {
    let lab = lab().await;
    let ticket = start(&lab, DEFAULT_INSTANCE).await;
    let response = send(request(&lab, Method::GET, "/_lab/state", "")).await;
    let (status, state) = json_of(&response);
    assert_eq!(status, 200);
    assert_eq!(
        state["instances"][0],
        json!({ "id": DEFAULT_INSTANCE, "online": true, "emulated": true })
    );
    assert_eq!(state["sessions"][0]["id"], ticket.id.as_str());
    assert_eq!(state["sessions"][0]["counts"]["input_stream_data"], 0);
    assert_eq!(state["api_calls"], json!({ "StartSession": 1 }));
    assert_eq!(send(request(&lab, Method::GET, "/elsewhere", "")).await.status(), 404);
}
