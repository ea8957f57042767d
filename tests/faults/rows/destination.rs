//! The destination: refusing, silent, moved, unknown, and slow to read.

use std::sync::atomic::Ordering;

use serde_json::json;

use crate::row::Proves::{Handlings, None as Inseparable};
use crate::row::{Connections, End, Moment, Outcome, ROW, Row, Streams};
use crate::stage::Stage;
use crate::traffic::Flow;

/// Where the name leads in later sessions.
fn move_to(stage: &Stage, to: &serde_json::Value) {
    stage.lab.fault(json!({"map": {"db.internal:5432": to}}));
}

/// Connects twice in vain.
fn until_replaced(stage: &mut Stage) -> Outcome {
    for _ in 0..2 {
        Flow::turned_away(stage.address(), 4, stage.deadline)?;
    }
    stage.expect("replaced")
}

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "destination/refuses",
        what: "nobody listens at the destination for a moment",
        proves: Inseparable("the agent's word is passed on, and the tunnel has nothing to mend"),
        moment: Moment::Idle,
        streams: Streams::None,
        connections: Connections::TurnedAway("refused"),
        fault: |stage| {
            stage.destination.refuse();
            Ok(())
        },
        mend: |stage| {
            stage.destination.accept();
            Ok(())
        },
        ..ROW
    },
    Row {
        name: "destination/fails-over",
        what: "the name leads elsewhere, and nobody listens at the address that the session has looked up",
        proves: Handlings("failover"),
        moment: Moment::Idle,
        streams: Streams::None,
        events: &["replacing", "replaced"],
        fault: |stage| {
            stage.destination.refuse();
            move_to(stage, &json!(stage.other.address().to_string()));
            until_replaced(stage)
        },
        ..ROW
    },
    Row {
        name: "destination/black-hole",
        what: "connections to the address that the session has looked up are never answered",
        proves: Handlings("failover"),
        moment: Moment::Start,
        streams: Streams::None,
        events: &["replacing", "replaced"],
        within_s: 60,
        fault: |stage| stage.fault(&json!({"dial_delay_ms": 600_000})),
        connections: Connections::Held,
        mend: |stage| {
            stage.ready()?;
            stage.lab.fault(json!({"dial_delay_ms": 0}));
            // Two clients that ask, wait, and give up.
            let address = stage.address();
            let patient = [3, 4].map(|seed| {
                std::thread::spawn(move || {
                    let Ok(mut flow) = Flow::open(address, seed) else { return };
                    let patience = std::time::Instant::now() + std::time::Duration::from_secs(6);
                    flow.round(crate::traffic::SHORT, patience);
                    flow.give_up();
                })
            });
            for patient in patient {
                patient.join().expect("no panic");
            }
            stage.expect("replaced")
        },
        ..ROW
    },
    Row {
        name: "destination/unknown-at-start",
        what: "nobody knows the name when a tunnel is to be opened",
        proves: Inseparable(
            "whoever opens a tunnel is told at once, and can do something about it",
        ),
        moment: Moment::Start,
        streams: Streams::None,
        connections: Connections::Refused,
        end: End::Exit(8),
        events: &["ended", "error"],
        fault: |stage| {
            move_to(stage, &json!(null));
            Ok(())
        },
        mend: |stage| {
            move_to(stage, &json!(stage.destination.address().to_string()));
            Ok(())
        },
        ..ROW
    },
    Row {
        name: "destination/unknown-for-a-moment",
        what: "the session is gone, and nobody knows the name for a moment, as in a failover",
        proves: Handlings("retry"),
        streams: Streams::Closed("session_gone"),
        connections: Connections::Held,
        events: &["replacing", "replaced"],
        fault: |stage| {
            move_to(stage, &json!(null));
            stage.lab.fault(json!({"close_session": "all"}));
            // The first session, and two in its place that did not find it.
            stage.until("sessions in vain", |stage| {
                (stage.lab.calls("StartSession") > 2).then_some(())
            })
        },
        mend: |stage| {
            move_to(stage, &json!(stage.destination.address().to_string()));
            Ok(())
        },
        ..ROW
    },
    Row {
        name: "destination/stops-reading",
        what: "it does not read for a moment",
        proves: Inseparable(
            "nothing is thrown away anywhere on the way, and what is under way waits",
        ),
        connections: Connections::Held,
        fault: |stage| {
            stage.destination.shared.deaf.store(true, Ordering::SeqCst);
            Ok(())
        },
        mend: |stage| {
            stage.destination.shared.deaf.store(false, Ordering::SeqCst);
            Ok(())
        },
        ..ROW
    },
    Row {
        name: "destination/breaks-off",
        what: "it breaks its connections off, as a database that is restarted",
        proves: Inseparable(
            "the stream ends with its connection, and the tunnel has nothing to mend",
        ),
        streams: Streams::Closed("finished"),
        fault: |stage| {
            stage.destination.reset();
            Ok(())
        },
        ..ROW
    },
];
