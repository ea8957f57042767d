//! Sessions that end.

use serde_json::json;

use crate::row::Proves::Handlings;
use crate::row::{Connections, End, Moment, Outcome, ROW, Row, Streams};
use crate::stage::Stage;

fn close(stage: &mut Stage) -> Outcome {
    stage.fault(&json!({"close_session": "all", "output": "Session timed out"}))
}

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "session/over-in-use",
        what: "the service ends the session while bytes move",
        proves: Handlings("replace"),
        streams: Streams::Closed("session_gone"),
        events: &["replacing", "replaced"],
        fault: |stage| {
            close(stage)?;
            stage.expect("replacing")
        },
        ..ROW
    },
    Row {
        name: "session/over-while-idle",
        what: "the service ends the session while nobody is connected; the next connection has another one started",
        proves: Handlings("replace"),
        moment: Moment::Idle,
        streams: Streams::None,
        events: &["dormant", "replaced"],
        fault: |stage| {
            close(stage)?;
            stage.expect("dormant")
        },
        ..ROW
    },
    Row {
        name: "session/nobody-needs-another",
        what: "the service ends the session while nobody is connected; none is started for nobody",
        proves: Handlings("dormant"),
        moment: Moment::Idle,
        streams: Streams::None,
        events: &["dormant", "replaced"],
        fault: |stage| {
            close(stage)?;
            stage.until("the end to be noticed", |stage| {
                (stage.count("dormant") + stage.count("replaced") > 0).then_some(())
            })?;
            match stage.lab.calls("StartSession") {
                1 => Ok(()),
                more => Err(format!("{more} sessions were started")),
            }
        },
        ..ROW
    },
    Row {
        name: "session/over-at-the-idle-limit",
        what: "the service ends a session that was idle for nearly as long as the tunnel may be",
        proves: Handlings("idle"),
        moment: Moment::Idle,
        streams: Streams::None,
        connections: Connections::Refused,
        end: End::Exit(12),
        events: &["ended", "error"],
        within_s: 60,
        set_up: |setup| setup.arguments(&["--idle-timeout", "30s"]),
        fault: |stage| {
            // A tenth of the limit is as good as all of it.
            std::thread::sleep(std::time::Duration::from_millis(27_700));
            stage.deadline += std::time::Duration::from_millis(27_700);
            close(stage)
        },
        ..ROW
    },
    Row {
        name: "session/over-again-and-again",
        what: "three sessions in a row end as soon as they are there, in use",
        proves: Handlings("replace"),
        streams: Streams::Closed("session_gone"),
        events: &["replacing", "replaced", "replacing", "replaced", "replacing", "replaced"],
        fault: |stage| {
            for times in 1..=3 {
                stage.until("somebody to be connected", |stage| {
                    if times > 1 && stage.count("opened") < times - 1 {
                        let flow = crate::traffic::Flow::open(stage.address(), 9).ok()?;
                        stage.kept.push(flow);
                        return None;
                    }
                    Some(())
                })?;
                close(stage)?;
                stage.expect_times("replaced", times)?;
            }
            Ok(())
        },
        ..ROW
    },
    Row {
        name: "session/terminated",
        what: "somebody else terminates the session through the API",
        proves: Handlings("replace"),
        streams: Streams::Closed("session_gone"),
        events: &["replacing", "replaced"],
        set_up: |setup| setup.lab(&["--no-sigv4"]),
        fault: |stage| {
            let id = stage.lab.session()["id"].as_str().unwrap_or_default().to_owned();
            let headers = [
                ("X-Amz-Target", "AmazonSSM.TerminateSession"),
                ("Content-Type", "application/x-amz-json-1.1"),
            ];
            let body = json!({"SessionId": id}).to_string();
            let answer =
                crate::common::http::request(stage.lab.address(), "POST", "/", &headers, &body)
                    .map_err(|error| error.to_string())?;
            if answer.status == 200 {
                stage.expect("replacing")
            } else {
                Err(format!("{answer:?}"))
            }
        },
        ..ROW
    },
    Row {
        name: "session/over-while-cut",
        what: "the session ends while the websocket is gone",
        proves: Handlings("replace"),
        streams: Streams::Closed("session_gone"),
        connections: Connections::Held,
        events: &["resuming", "retrying", "replacing", "replaced"],
        fault: |stage| {
            stage.lab.fault(json!({"gateway": "down"}));
            stage.expect("retrying")?;
            close(stage)
        },
        mend: |stage| stage.fault(&json!({"gateway": "up"})),
        ..ROW
    },
];
