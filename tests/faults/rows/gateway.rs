//! The message gateway: upgrades that are refused, tokens that are worthless, and outages.

use serde_json::json;

use crate::row::Proves::{Handlings, None as Inseparable};
use crate::row::{Connections, End, Moment, Outcome, ROW, Row, Streams};
use crate::stage::Stage;

/// Refuses upgrades until one was refused.
fn refuse(stage: &mut Stage, status: u16) -> Outcome {
    stage.lab.fault(json!({"refuse_upgrade": status, "cut": "client"}));
    stage.expect("retrying")
}

fn let_in(stage: &mut Stage) -> Outcome {
    stage.fault(&json!({"refuse_upgrade": null}))
}

/// What is refused for a moment.
const REFUSED: Row = Row {
    proves: Handlings("retry"),
    connections: Connections::Held,
    events: &["resuming", "retrying", "resumed"],
    mend: let_in,
    ..ROW
};

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "gateway/upgrade-400",
        what: "the upgrade to a websocket is answered with 400 for a moment",
        fault: |stage| refuse(stage, 400),
        ..REFUSED
    },
    Row {
        name: "gateway/upgrade-403",
        what: "the upgrade to a websocket is answered with 403 for a moment",
        fault: |stage| refuse(stage, 403),
        ..REFUSED
    },
    Row {
        name: "gateway/upgrade-429",
        what: "the upgrade to a websocket is answered with 429 for a moment",
        fault: |stage| refuse(stage, 429),
        ..REFUSED
    },
    Row {
        name: "gateway/upgrade-500",
        what: "the upgrade to a websocket is answered with 500 for a moment",
        fault: |stage| refuse(stage, 500),
        ..REFUSED
    },
    Row {
        name: "gateway/upgrade-503",
        what: "the upgrade to a websocket is answered with 503 for a moment",
        fault: |stage| refuse(stage, 503),
        ..REFUSED
    },
    Row {
        name: "gateway/upgrade-503-for-good",
        what: "the upgrade to a websocket is answered with 503 for longer than the budget",
        proves: Inseparable(
            "what it shows is that nothing pretends to work when all else is in vain",
        ),
        streams: Streams::Closed("tunnel_ended"),
        connections: Connections::Refused,
        end: End::Exit(11),
        events: &["resuming", "retrying", "ended", "error"],
        set_up: |setup| setup.arguments(&["--resume-budget", "1s"]),
        fault: |stage| refuse(stage, 503),
        mend: let_in,
        ..ROW
    },
    Row {
        name: "gateway/upgrade-refused-at-start",
        what: "the upgrade of the first websocket is answered with 403, with a signature and without one",
        proves: Inseparable("whoever opens a tunnel is told at once, and nothing is left behind"),
        moment: Moment::Start,
        streams: Streams::None,
        connections: Connections::Refused,
        end: End::Exit(10),
        events: &["retrying", "ended", "error"],
        fault: |stage| stage.fault(&json!({"refuse_upgrade": 403})),
        mend: let_in,
        ..ROW
    },
    Row {
        name: "gateway/unsigned",
        what: "upgrades with a signature are refused, as where a policy does not permit them",
        proves: Handlings("unsigned"),
        moment: Moment::Start,
        streams: Streams::None,
        events: &["warning"],
        fault: |stage| stage.fault(&json!({"deny": ["ssmmessages:OpenDataChannel"]})),
        ..ROW
    },
    Row {
        name: "gateway/tokens-refused",
        what: "each of three fresh tokens is refused",
        proves: Handlings("replace"),
        streams: Streams::Closed("session_gone"),
        connections: Connections::Held,
        events: &["resuming", "retrying", "replacing", "replaced"],
        fault: |stage| {
            stage.lab.fault(json!({
                "refuse_upgrade": 403, "cut": "client",
                "hold": {"call": 1, "when": "before"}, "operation": "StartSession"
            }));
            stage.expect("replacing")
        },
        mend: |stage| stage.fault(&json!({"refuse_upgrade": null, "hold": null})),
        ..ROW
    },
    Row {
        name: "gateway/stale-token",
        what: "a token is worthless by the time that it is presented",
        proves: Handlings("resume"),
        events: &["resuming", "resumed", "resuming", "resumed"],
        fault: |stage| {
            stage.lab.fault(json!({
                "hold": {"call": 1, "when": "after"}, "operation": "ResumeSession", "cut": "client"
            }));
            stage.until("the answer to be held", |stage| {
                (stage.lab.state()["held"] == "ResumeSession").then_some(())
            })?;
            stage.lab.fault(json!({"expire_tokens": true, "hold": null}));
            stage.expect_times("resumed", 2)
        },
        ..ROW
    },
    Row {
        name: "gateway/down-for-a-moment",
        what: "the gateway and the API are down for a moment",
        proves: Handlings("retry"),
        connections: Connections::Held,
        events: &["resuming", "retrying", "resumed"],
        fault: |stage| {
            stage.lab.fault(json!({"gateway": "down"}));
            stage.expect("retrying")
        },
        mend: |stage| stage.fault(&json!({"gateway": "up"})),
        ..ROW
    },
    Row {
        name: "gateway/down-for-good",
        what: "the gateway and the API are down for longer than the budget",
        proves: Inseparable(
            "what it shows is that nothing pretends to work when all else is in vain",
        ),
        streams: Streams::Closed("tunnel_ended"),
        connections: Connections::Refused,
        end: End::Exit(11),
        events: &["resuming", "retrying", "warning", "ended", "error"],
        within_s: 30,
        set_up: |setup| setup.arguments(&["--resume-budget", "1s"]),
        fault: |stage| stage.fault(&json!({"gateway": "down"})),
        mend: |stage| stage.fault(&json!({"gateway": "up"})),
        ..ROW
    },
    Row {
        name: "gateway/no-holding",
        what: "the same for a moment, and connections are not to wait (`--hold 0s`)",
        proves: Inseparable("it shows the switch that whoever does not want to wait has"),
        connections: Connections::TurnedAway("no_session"),
        events: &["resuming", "retrying", "resumed"],
        set_up: |setup| setup.arguments(&["--hold", "0s"]),
        fault: |stage| {
            stage.lab.fault(json!({"gateway": "down"}));
            stage.expect("retrying")
        },
        mend: |stage| {
            stage.lab.fault(json!({"gateway": "up"}));
            stage.expect("resumed")
        },
        ..ROW
    },
    Row {
        name: "gateway/connections-wait",
        what: "the same for a moment, and somebody connects meanwhile",
        proves: Handlings("hold"),
        connections: Connections::Held,
        events: &["resuming", "retrying", "resumed"],
        fault: |stage| {
            stage.lab.fault(json!({"gateway": "down"}));
            stage.expect("retrying")
        },
        mend: |stage| stage.fault(&json!({"gateway": "up"})),
        ..ROW
    },
];
