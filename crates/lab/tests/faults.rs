//! What `POST /_lab/faults` does.

use adit_lab::{DEFAULT_INSTANCE, FaultRequest};
use adit_wire::MessageType;
use serde_json::json;

use crate::support::binary::{ack, input, kind, output, sequence};
use crate::support::client::{open, present, resume, start};
use crate::support::http::{answered, call, control, fault, refused};
use crate::support::session::{Sides, joined};
use crate::support::socket::{End, dial};
use crate::support::{lab, until};

#[tokio::test]
async fn an_unknown_fault_is_answered_with_the_known_ones() {
    let lab = lab().await;
    let (status, text) = control(&lab, "faults", &json!({ "cutt": "client" })).await;
    assert_eq!(status, 400);
    assert!(text.contains("`cutt`") && text.contains("`refuse_upgrade`"), "{text}");
    for bad in [
        json!({ "duplicate": 1.5 }),
        json!({ "reorder": -0.1 }),
        json!({ "drop": -1 }),
        json!({ "latency_ms": 3_600_001 }),
        json!({ "latency_ms": u64::MAX }),
        json!({ "latency_ms": -1 }),
        json!({ "offline": "i-unknown" }),
        json!({ "close_session": "unknown" }),
        json!({ "refuse_upgrade": 200 }),
        json!({ "stall": "everyone" }),
        json!({ "drop_acks": 2 }),
        json!({ "corrupt": -1 }),
        json!({ "fail": 404 }),
        json!({ "inject": "?" }),
        json!({ "map": { "db.internal": null } }),
    ] {
        assert_eq!(control(&lab, "faults", &bad).await.0, 400, "{bad}");
    }
    assert_eq!(control(&lab, "fault", &json!({})).await.0, 404);
}

#[tokio::test]
async fn a_rate_that_is_no_number_is_refused() {
    let lab = lab().await;
    let nothing = || FaultRequest::default();
    for bad in [
        FaultRequest { duplicate: Some(f64::NAN), ..nothing() },
        FaultRequest { reorder: Some(f64::NAN), ..nothing() },
        FaultRequest { drop: Some(f64::INFINITY), ..nothing() },
        FaultRequest { drop: Some(-f64::MIN_POSITIVE), ..nothing() },
    ] {
        lab.faults().apply(bad.clone()).expect_err(&format!("{bad:?}"));
    }
}

#[tokio::test]
async fn a_session_goes_on_after_the_longest_latency() {
    let lab = lab().await;
    let Sides { agent: _agent, mut near, mut far, .. } = joined(&lab).await;
    fault(&lab, json!({ "latency_ms": 3_600_000 })).await;
    near.binary(input(0, b"for later")).await;
    until(&lab, |state| state.sessions[0].counts.input_stream_data == 1).await;
    fault(&lab, json!({ "latency_ms": 0 })).await;
    far.binary(output(0, b"at once")).await;
    assert_eq!(near.next().await, output(0, b"at once"));
}

#[tokio::test]
async fn the_clock_can_be_moved_further_than_it_goes() {
    let lab = lab().await;
    let ticket = start(&lab, DEFAULT_INSTANCE).await;
    for _ in 0..3 {
        let (status, _) = control(&lab, "clock", &json!({ "advance_ms": u64::MAX })).await;
        assert_eq!(status, 200);
    }
    lab.faults().advance_clock(std::time::Duration::MAX);
    until(&lab, |state| state.session(&ticket.id).is_some_and(|s| s.state == "Terminated")).await;
    start(&lab, DEFAULT_INSTANCE).await;
}

#[tokio::test]
async fn a_cut_is_a_reset_or_a_close_frame() {
    let lab = lab().await;
    let Sides { agent: _agent, mut near, mut far, ticket } = joined(&lab).await;
    fault(&lab, json!({ "cut": "client", "code": 1000 })).await;
    assert_eq!(near.end().await, End::Closed(1000));
    near = open(&resume(&lab, &ticket.id).await).await;
    assert_eq!(kind(&near.next().await), MessageType::StartPublication);
    fault(&lab, json!({ "cut": "both" })).await;
    assert_eq!((near.end().await, far.end().await), (End::Lost, End::Lost));
    assert_eq!(lab.state().sessions[0].state, "Disconnected");
}

#[tokio::test]
async fn every_message_can_arrive_twice_in_both_directions_acknowledgements_too() {
    let lab = lab().await;
    let Sides { agent: _agent, mut near, mut far, .. } = joined(&lab).await;
    fault(&lab, json!({ "duplicate": 1.0 })).await;
    for message in [output(0, b"x"), ack(0), output(1, b"y")] {
        far.binary(message.clone()).await;
        assert_eq!([near.next().await, near.next().await], [message.clone(), message]);
    }
    near.binary(input(0, b"x")).await;
    assert_eq!([far.next().await, far.next().await], [input(0, b"x"), input(0, b"x")]);
    assert_eq!(lab.state().sessions[0].counts.resends_from_agent, 0, "no resends of the agent's");
}

#[tokio::test]
async fn messages_can_be_overtaken_and_none_is_lost() {
    let lab = lab().await;
    let Sides { agent: _agent, mut near, mut far, .. } = joined(&lab).await;
    fault(&lab, json!({ "reorder": 0.2, "duplicate": 0.1 })).await;
    for n in 0..500 {
        far.binary(output(n, b"x")).await;
    }
    fault(&lab, json!({ "reorder": 0.0, "duplicate": 0.0 })).await;
    far.binary(output(500, b"last")).await;
    let mut order = Vec::new();
    while order.last() != Some(&500) {
        order.push(sequence(&near.next().await));
    }
    let overtaken = order.windows(2).filter(|pair| pair[1] < pair[0]).count();
    assert!((40..160).contains(&overtaken), "{overtaken} of 500 at 20 %");
    assert!((520..590).contains(&order.len()), "{} of 501 at 10 %", order.len());
    order.sort_unstable();
    order.dedup();
    assert_eq!(order, (0..=500).collect::<Vec<i64>>());
}

#[tokio::test]
async fn messages_are_lost_only_when_asked() {
    let lab = lab().await;
    let Sides { agent: _agent, mut near, mut far, .. } = joined(&lab).await;
    fault(&lab, json!({ "drop": 1.0 })).await;
    far.binary(output(0, b"lost")).await;
    until(&lab, |state| state.sessions[0].counts.dropped == 1).await;
    fault(&lab, json!({ "drop": 0.0 })).await;
    far.binary(output(1, b"not lost")).await;
    assert_eq!(near.next().await, output(1, b"not lost"));
}

#[tokio::test]
async fn payloads_of_the_client_can_be_too_large() {
    let lab = lab().await;
    let Sides { agent: _agent, mut near, mut far, .. } = joined(&lab).await;
    fault(&lab, json!({ "max_input": 1024 })).await;
    near.binary(input(0, &[0; 1025])).await;
    near.binary(input(0, &[0; 1024])).await;
    assert_eq!(far.next().await, input(0, &[0; 1024]), "the larger one was dropped");
    far.binary(output(0, &[0; 1025])).await;
    assert_eq!(near.next().await, output(0, &[0; 1025]), "the agent's have no limit");
    until(&lab, |state| state.sessions[0].counts.output_stream_data == 1).await;
    let counts = lab.state().sessions[0].counts;
    assert_eq!((counts.dropped, counts.largest_input), (1, 1024));
    assert_eq!(counts.resends_from_client, 0, "what is not taken is not counted");
    fault(&lab, json!({ "max_input": null })).await;
    near.binary(input(1, &[0; 1025])).await;
    assert_eq!(far.next().await, input(1, &[0; 1025]));
}

#[tokio::test]
async fn a_stalled_side_gets_everything_afterwards() {
    let lab = lab().await;
    let Sides { agent: _agent, mut near, mut far, .. } = joined(&lab).await;
    fault(&lab, json!({ "stall": "client" })).await;
    far.binary(output(0, b"held")).await;
    near.binary(input(0, b"held too")).await;
    until(&lab, |state| state.sessions[0].counts.output_stream_data == 1).await;
    assert_eq!(lab.state().sessions[0].counts.input_stream_data, 0, "nothing is taken either");
    assert!(lab.state().sessions[0].client_connected);
    fault(&lab, json!({ "stall": null })).await;
    assert_eq!(near.next().await, output(0, b"held"));
    assert_eq!(far.next().await, input(0, b"held too"));
}

#[tokio::test]
async fn publication_can_be_paused_and_started() {
    let lab = lab().await;
    let Sides { agent: _agent, mut near, mut far, .. } = joined(&lab).await;
    fault(&lab, json!({ "pause": "agent" })).await;
    assert_eq!(kind(&far.next().await), MessageType::PausePublication);
    fault(&lab, json!({ "start": "agent", "pause": "client" })).await;
    assert_eq!(kind(&far.next().await), MessageType::StartPublication);
    assert_eq!(kind(&near.next().await), MessageType::PausePublication);
}

#[tokio::test]
async fn upgrades_can_be_refused() {
    let lab = lab().await;
    let ticket = start(&lab, DEFAULT_INSTANCE).await;
    fault(&lab, json!({ "refuse_upgrade": 403 })).await;
    let answer = dial(&ticket.url, &[]).await.err().expect("a refusal");
    assert_eq!(answer.status(), 403);
    fault(&lab, json!({ "refuse_upgrade": null })).await;
    let mut socket = dial(&ticket.url, &[]).await.expect("a websocket");
    present(&mut socket, &ticket.token).await;
    until(&lab, |state| state.sessions[0].client_connected).await;
}

#[tokio::test]
async fn the_next_calls_can_be_throttled() {
    let lab = lab().await;
    let status = json!({ "Target": DEFAULT_INSTANCE });
    fault(&lab, json!({ "throttle": 2 })).await;
    for _ in 0..2 {
        let (kind, text) = refused(&lab, "GetConnectionStatus", status.clone()).await;
        assert_eq!((kind.as_str(), text.as_str()), ("ThrottlingException", "Rate exceeded"));
    }
    answered(&lab, "GetConnectionStatus", status).await;
    assert_eq!(lab.state().api_calls["GetConnectionStatus"], 3);
}

#[tokio::test]
async fn there_can_be_a_limit_to_sessions() {
    let lab = lab().await;
    fault(&lab, json!({ "sessions": 1 })).await;
    let ticket = start(&lab, DEFAULT_INSTANCE).await;
    let another = json!({ "Target": DEFAULT_INSTANCE });
    let (kind, text) = refused(&lab, "StartSession", another.clone()).await;
    assert_eq!((kind.as_str(), text.as_str()), ("ThrottlingException", "Rate exceeded"));
    answered(&lab, "TerminateSession", json!({ "SessionId": ticket.id })).await;
    answered(&lab, "StartSession", another).await;
}

#[tokio::test]
async fn a_gateway_that_is_down_refuses_everything_and_comes_back() {
    let lab = lab().await;
    let Sides { agent, mut near, far: _far, ticket } = joined(&lab).await;
    let ticket = resume(&lab, &ticket.id).await;
    fault(&lab, json!({ "gateway": "down" })).await;
    assert_eq!(near.end().await, End::Lost);
    let (status, answer) = call(&lab, "ResumeSession", json!({ "SessionId": ticket.id })).await;
    assert_eq!((status, &answer["__type"]), (503, &json!("ServiceUnavailableException")));
    let refusal = dial(&ticket.url, &[]).await.err().expect("a refusal");
    assert_eq!(refusal.status(), 503);
    fault(&lab, json!({ "gateway": "up" })).await;
    let mut near = open(&ticket).await;
    assert_eq!(kind(&near.next().await), MessageType::PausePublication);
    agent.open(&lab, &ticket.id).await;
    assert_eq!(kind(&near.next().await), MessageType::StartPublication);
}

#[tokio::test]
async fn an_instance_can_go_offline() {
    let lab = lab().await;
    fault(&lab, json!({ "offline": DEFAULT_INSTANCE })).await;
    let (kind, text) = refused(&lab, "StartSession", json!({ "Target": DEFAULT_INSTANCE })).await;
    assert_eq!(kind, "TargetNotConnected");
    assert_eq!(text, format!("{DEFAULT_INSTANCE} is not connected."));
    fault(&lab, json!({ "online": DEFAULT_INSTANCE })).await;
    start(&lab, DEFAULT_INSTANCE).await;
}

#[tokio::test]
async fn resuming_can_be_switched_off() {
    let lab = lab().await;
    let ticket = start(&lab, DEFAULT_INSTANCE).await;
    lab.faults()
        .apply(FaultRequest { resume: Some(false), ..FaultRequest::default() })
        .expect("a fault");
    let answer = answered(&lab, "ResumeSession", json!({ "SessionId": ticket.id })).await;
    assert_eq!(answer, json!({ "SessionId": ticket.id }));
    fault(&lab, json!({ "resume": true })).await;
    resume(&lab, &ticket.id).await;
}

#[tokio::test]
async fn tokens_can_expire() {
    let lab = lab().await;
    let ticket = start(&lab, DEFAULT_INSTANCE).await;
    fault(&lab, json!({ "expire_tokens": true })).await;
    assert_eq!(open(&ticket).await.end().await, End::Closed(1008));
    let ticket = resume(&lab, &ticket.id).await;
    let (status, _) = control(&lab, "clock", &json!({ "advance_ms": 5 * 60 * 1000 })).await;
    assert_eq!(status, 200);
    assert_eq!(open(&ticket).await.end().await, End::Closed(1008), "too late");
    let ticket = resume(&lab, &ticket.id).await;
    open(&ticket).await.next().await;
    assert_eq!(open(&ticket).await.end().await, End::Closed(1008), "used up");
}
