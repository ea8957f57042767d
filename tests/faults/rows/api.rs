//! The API: what is throttled, fails, takes long, or is not permitted.

use serde_json::json;

use crate::row::Proves::{Handlings, None as Inseparable};
use crate::row::{Connections, End, Moment, ROW, Row, Streams};

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "api/start-throttled",
        what: "StartSession is throttled once",
        proves: Inseparable("the SDK tries it again, slower"),
        moment: Moment::Start,
        streams: Streams::None,
        within_s: 40,
        fault: |stage| stage.fault(&json!({"throttle": 1})),
        ..ROW
    },
    Row {
        name: "api/resume-throttled",
        what: "ResumeSession is throttled once",
        proves: Handlings("resume"),
        events: &["resuming", "resumed"],
        within_s: 40,
        fault: |stage| {
            stage.lab.fault(json!({"throttle": 1, "cut": "client"}));
            stage.expect("resuming")
        },
        ..ROW
    },
    Row {
        name: "api/resume-fails",
        what: "ResumeSession is answered with 500 for a moment",
        proves: Handlings("retry"),
        connections: Connections::Held,
        events: &["resuming", "retrying", "resumed"],
        within_s: 40,
        fault: |stage| {
            stage.lab.fault(json!({"fail": 500, "operation": "ResumeSession", "cut": "client"}));
            stage.expect("retrying")
        },
        mend: |stage| stage.fault(&json!({"fail": null})),
        ..ROW
    },
    Row {
        name: "api/start-fails-while-replacing",
        what: "the session is gone, and StartSession is answered with 503 for a moment",
        proves: Handlings("retry"),
        streams: Streams::Closed("session_gone"),
        connections: Connections::Held,
        events: &["replacing", "retrying", "replaced"],
        within_s: 40,
        fault: |stage| {
            stage.lab.fault(json!({
                "fail": 503, "operation": "StartSession", "close_session": "all"
            }));
            stage.expect("retrying")
        },
        mend: |stage| stage.fault(&json!({"fail": null})),
        ..ROW
    },
    Row {
        name: "api/slow",
        what: "every call takes a second and a half",
        proves: Handlings("resume"),
        events: &["resuming", "resumed"],
        fault: |stage| stage.fault(&json!({"answer_ms": 1500, "cut": "client"})),
        ..ROW
    },
    Row {
        name: "api/no-token",
        what: "ResumeSession answers without a token: the session is over",
        proves: Handlings("replace"),
        streams: Streams::Closed("session_gone"),
        events: &["resuming", "replacing", "replaced"],
        fault: |stage| {
            stage.lab.fault(json!({"resume": false, "cut": "client"}));
            stage.expect("replacing")
        },
        ..ROW
    },
    Row {
        name: "api/resume-denied",
        what: "a policy permits StartSession and no ResumeSession",
        proves: Handlings("replace"),
        streams: Streams::Closed("session_gone"),
        events: &["resuming", "replacing", "replaced"],
        fault: |stage| {
            stage.lab.fault(json!({"deny": ["ssm:ResumeSession"], "cut": "client"}));
            stage.expect("replacing")
        },
        ..ROW
    },
    Row {
        name: "api/start-denied-by-then",
        what: "the session is gone, and a policy permits no new one any more",
        proves: Inseparable("access that was taken away ends what it was for"),
        streams: Streams::Closed("session_gone"),
        connections: Connections::Refused,
        end: End::Exit(5),
        events: &["replacing", "ended", "error"],
        fault: |stage| stage.fault(&json!({"deny": ["ssm:StartSession"], "close_session": "all"})),
        mend: |stage| stage.fault(&json!({"deny": []})),
        ..ROW
    },
    Row {
        name: "api/key-revoked",
        what: "the credentials are worthless by the time that the session is to be resumed",
        proves: Inseparable("access that was taken away ends what it was for"),
        streams: Streams::Closed("tunnel_ended"),
        connections: Connections::Refused,
        end: End::Exit(4),
        events: &["resuming", "warning", "ended", "error"],
        set_up: |setup| setup.user(),
        fault: |stage| {
            let (id, _) = stage.key.take().expect("a user");
            stage.control("revoke", &json!({"access_key_id": id}))?;
            stage.fault(&json!({"cut": "client"}))
        },
        ..ROW
    },
    Row {
        name: "api/clock-skew",
        what: "the machine's clock is an hour ahead by the time that the session is to be resumed",
        proves: Handlings("unsigned"),
        events: &["resuming", "warning", "resumed"],
        set_up: |setup| setup.clock().arguments(&["--idle-timeout", "8h"]),
        fault: |stage| {
            stage.clock.as_ref().expect("a clock").advance(3600);
            stage.lab.fault(json!({"cut": "client"}));
            stage.expect("resumed")
        },
        ..ROW
    },
];
