//! The agent: away, restarted, late, and of another version.

use serde_json::json;

use crate::common::BASTION;
use crate::row::Proves::{Handlings, None as Inseparable};
use crate::row::{Connections, End, Moment, ROW, Row, Streams};

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "agent/offline-at-start",
        what: "the bastion is not connected when a tunnel is to be opened",
        proves: Inseparable(
            "whoever opens a tunnel is told at once, and can do something about it",
        ),
        moment: Moment::Start,
        streams: Streams::None,
        connections: Connections::Refused,
        end: End::Exit(7),
        events: &["error"],
        fault: |stage| stage.fault(&json!({"offline": BASTION})),
        mend: |stage| stage.fault(&json!({"online": BASTION})),
        ..ROW
    },
    Row {
        name: "agent/offline-for-a-moment",
        what: "the bastion loses its network for a moment, and its agent reconnects",
        proves: Inseparable(
            "the service keeps what is under way, and there is nothing to do but to wait",
        ),
        connections: Connections::Held,
        within_s: 40,
        fault: |stage| stage.fault(&json!({"offline": BASTION})),
        mend: |stage| stage.fault(&json!({"online": BASTION})),
        ..ROW
    },
    Row {
        name: "agent/gone-for-good",
        what: "the agent is away and does not come back, and the service keeps the session (1 s; else 15 s, and a minute where connections are open and nobody waits)",
        proves: Handlings("away"),
        moment: Moment::Idle,
        streams: Streams::None,
        events: &["dormant", "replaced"],
        set_up: |setup| setup.times("away=1000"),
        fault: |stage| {
            stage.fault(&json!({"offline": BASTION}))?;
            stage.expect("dormant")?;
            stage.fault(&json!({"online": BASTION}))
        },
        ..ROW
    },
    Row {
        name: "agent/gone-when-somebody-comes",
        what: "the same, and somebody connects before that is known",
        proves: Handlings("away"),
        moment: Moment::Idle,
        streams: Streams::None,
        connections: Connections::Held,
        events: &["dormant", "retrying", "replaced"],
        set_up: |setup| setup.times("away=1000"),
        fault: |stage| {
            stage.fault(&json!({"offline": BASTION}))?;
            stage.until("the service's word that the agent is away", |stage| {
                let state = stage.lab.state();
                let mut sessions = state["sessions"].as_array()?.iter();
                sessions.any(|session| session["counts"]["pauses_to_client"] != 0).then_some(())
            })
        },
        mend: |stage| {
            stage.expect("retrying")?;
            stage.fault(&json!({"online": BASTION}))
        },
        ..ROW
    },
    Row {
        name: "agent/offline-and-session-over",
        what: "the bastion is gone, its session too, and it comes back after a while",
        proves: Handlings("retry"),
        streams: Streams::Closed("session_gone"),
        connections: Connections::Held,
        events: &["replacing", "retrying", "replaced"],
        fault: |stage| {
            stage.lab.fault(json!({"offline": BASTION, "close_session": "all"}));
            stage.expect("retrying")
        },
        mend: |stage| stage.fault(&json!({"online": BASTION})),
        ..ROW
    },
    Row {
        name: "agent/restarted",
        what: "the agent is restarted, and its session is lost with it",
        proves: Handlings("replace"),
        streams: Streams::Closed("session_gone"),
        events: &["replacing", "replaced"],
        fault: |stage| {
            stage.lab.fault(json!({
                "offline": BASTION, "online": BASTION, "close_session": "all"
            }));
            stage.expect("replacing")
        },
        ..ROW
    },
    Row {
        name: "agent/another-version",
        what: "the next session's agent is one that carries one connection at a time",
        proves: Handlings("replace"),
        streams: Streams::Closed("session_gone"),
        events: &["replacing", "replaced"],
        fault: |stage| {
            stage.lab.fault(json!({"agent_version": "3.0.196.0", "close_session": "all"}));
            stage.expect("replaced")
        },
        ..ROW
    },
    Row {
        name: "agent/reconnects",
        what: "the agent's own websocket is reset",
        proves: Inseparable(
            "the service keeps what is under way, and there is nothing to do but to wait",
        ),
        within_s: 40,
        fault: |stage| stage.fault(&json!({"cut": "agent"})),
        ..ROW
    },
    Row {
        name: "agent/late-handler",
        what: "it says that it is ready 300 ms before it takes data, and rejects what comes before",
        proves: Handlings("first,resend"),
        moment: Moment::Start,
        streams: Streams::None,
        set_up: |setup| setup.early(),
        fault: |stage| stage.fault(&json!({"handler_delay_ms": [300, 300]})),
        ..ROW
    },
    Row {
        name: "agent/loses-early-data",
        what: "it acknowledges and drops what comes within 15 ms of the end of the handshake",
        proves: Inseparable("without it the first data is sent when the system wakes the program"),
        moment: Moment::Start,
        streams: Streams::None,
        set_up: |setup| setup.early(),
        fault: |stage| stage.fault(&json!({"completion_delay_ms": 15})),
        ..ROW
    },
    Row {
        name: "agent/far-away",
        what: "each message takes 400 ms one way, from the first of the handshake on",
        proves: Inseparable("timers follow the round trips that they measure, and have no switch"),
        moment: Moment::Start,
        streams: Streams::None,
        within_s: 60,
        fault: |stage| stage.fault(&json!({"latency_ms": 400})),
        ..ROW
    },
    Row {
        name: "agent/stalls",
        what: "nothing is taken from the agent or given to it for a moment, while its websocket stands",
        proves: Inseparable("what is under way waits in the service and in the agent"),
        connections: Connections::Held,
        fault: |stage| stage.fault(&json!({"stall": "agent"})),
        mend: |stage| stage.fault(&json!({"stall": null})),
        ..ROW
    },
];
