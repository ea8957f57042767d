//! Messages that are lost, doubled, late, wrong, or of no known kind.

use data_encoding::BASE64;
use serde_json::json;

use crate::row::Proves::{Handlings, None as Inseparable};
use crate::row::{Connections, Outcome, ROW, Row, Streams};
use crate::stage::{Setup, Stage};

/// Gives the client a message.
fn inject(stage: &Stage, message: &[u8]) {
    stage.lab.fault(json!({"inject": BASE64.encode(message)}));
}

/// A message of this type with the header's length as it stands in the protocol, or another one.
fn message(
    kind: &str,
    header_length: u32,
    sequence: i64,
    payload_type: u32,
    payload: &[u8],
) -> Vec<u8> {
    use sha2::{Digest as _, Sha256};
    let mut message = header_length.to_be_bytes().to_vec();
    message.extend(format!("{kind:<32}").bytes());
    message.extend(1_u32.to_be_bytes());
    message.extend(1_700_000_000_000_u64.to_be_bytes());
    message.extend(sequence.to_be_bytes());
    message.extend(3_u64.to_be_bytes());
    message.extend([7; 16]);
    message.extend(Sha256::digest(payload));
    message.extend(payload_type.to_be_bytes());
    message.extend((payload.len() as u32).to_be_bytes());
    message.extend(payload);
    message
}

fn share(stage: &mut Stage, member: &str, share: f64) -> Outcome {
    stage.fault(&json!({member: share}))
}

/// How many messages of all sessions were lost.
fn lost(stage: &Stage) -> u64 {
    let state = stage.lab.state();
    let sessions = state["sessions"].as_array().expect("a list");
    sessions.iter().filter_map(|session| session["counts"]["dropped"].as_u64()).sum()
}

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "messages/doubled",
        what: "each fifth message arrives twice, in both directions",
        proves: Handlings("duplicates"),
        fault: |stage| share(stage, "duplicate", 0.2),
        ..ROW
    },
    Row {
        name: "messages/reordered",
        what: "each fifth message is overtaken by the next one, in both directions",
        proves: Handlings("order"),
        fault: |stage| share(stage, "reorder", 0.2),
        ..ROW
    },
    Row {
        name: "messages/lost",
        what: "all messages are lost for a moment, and then each twentieth, in both directions",
        proves: Handlings("resend"),
        within_s: 60,
        fault: |stage| {
            // Of so many, some are the client's.
            share(stage, "drop", 1.0)?;
            stage.until("lost messages", |stage| (lost(stage) >= 10).then_some(()))?;
            share(stage, "drop", 0.05)
        },
        ..ROW
    },
    Row {
        name: "messages/acknowledgements-lost",
        what: "each fifth acknowledgement is lost, in both directions",
        proves: Handlings("duplicates"),
        fault: |stage| share(stage, "drop_acks", 0.2),
        ..ROW
    },
    Row {
        name: "messages/lost-with-the-websocket",
        what: "the websocket is reset again and again, and what is under way is lost with it",
        proves: Handlings("resume"),
        events: &["resuming", "resumed", "resuming", "resumed", "resuming", "resumed"],
        within_s: 30,
        set_up: |setup| setup.lab(&["--lossy-resume"]),
        fault: |stage| {
            for times in 1..=3 {
                stage.until_taken_on()?;
                stage.lab.fault(json!({"cut": "client"}));
                stage.expect_times("resumed", times)?;
            }
            Ok(())
        },
        ..ROW
    },
    Row {
        name: "messages/wrong-digest",
        what: "each twentieth message of the agent has a wrong byte, which its digest shows",
        proves: Handlings("digest"),
        within_s: 30,
        fault: |stage| share(stage, "corrupt", 0.05),
        ..ROW
    },
    Row {
        name: "messages/too-large",
        what: "what is sent with more than 1,024 bytes is not taken, and nobody says so",
        proves: Inseparable(
            "what may be lost that way are messages that carry nothing, sent to find it out",
        ),
        set_up: Setup::small,
        ..ROW
    },
    Row {
        name: "messages/malformed",
        what: "nothing, noise, a header that is cut off, and headers of lengths that none has",
        proves: Handlings("malformed"),
        fault: |stage| {
            let whole = message("output_stream_data", 116, 1 << 40, 1, b"x");
            inject(stage, b"");
            inject(stage, b"noise");
            inject(stage, &whole[..100]);
            inject(stage, &message("output_stream_data", 0, 1 << 40, 1, b"x"));
            inject(stage, &message("output_stream_data", 117, 1 << 40, 1, b"x"));
            inject(stage, &message("output_stream_data", u32::MAX, 1 << 40, 1, b"x"));
            Ok(())
        },
        ..ROW
    },
    Row {
        name: "messages/unknown-kind",
        what: "messages of a type that nobody knows",
        proves: Handlings("malformed"),
        fault: |stage| {
            inject(stage, &message("something_new", 116, 0, 0, b"{}"));
            inject(stage, &message("something_new", 116, 1 << 40, 99, b"{}"));
            Ok(())
        },
        ..ROW
    },
    Row {
        name: "messages/handshake-again",
        what: "the agent asks for the handshake once more",
        proves: Inseparable(
            "it is dropped as a double, and would be answered with the same words otherwise",
        ),
        fault: |stage| {
            let again = br#"{"AgentVersion":"3.3.987.0","RequestedClientActions":[]}"#;
            inject(stage, &message("output_stream_data", 116, 0, 5, again));
            Ok(())
        },
        ..ROW
    },
    Row {
        name: "messages/short-header",
        what: "the word that the session is over comes with a header of 112 bytes, as the service writes it",
        proves: Handlings("header"),
        streams: Streams::Closed("session_gone"),
        connections: Connections::Served,
        events: &["replacing", "replaced"],
        fault: |stage| {
            stage.lab.fault(json!({"close_session": "all"}));
            stage.expect("replaced")
        },
        ..ROW
    },
];
