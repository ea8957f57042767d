//! The bastion: stopped, and replaced.

use serde_json::json;

use crate::common::cloud::ec2;
use crate::row::Proves::Handlings;
use crate::row::{Moment, Outcome, ROW, Row, Streams};
use crate::stage::Stage;

/// Stops it: its sessions end, as with whatever is gone.
fn power_off(stage: &mut Stage, action: &str) -> Outcome {
    let bastion = stage.bastion();
    ec2(&stage.lab, action, &[("InstanceId.1", &bastion)]);
    stage.fault(&json!({"close_session": "all"}))
}

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "bastion/stopped-in-use",
        what: "somebody stops it while bytes move; it is started again at once",
        proves: Handlings("anew"),
        streams: Streams::Closed("session_gone"),
        events: &["replacing", "replaced"],
        within_s: 30,
        set_up: |setup| setup.made(),
        fault: |stage| {
            power_off(stage, "StopInstances")?;
            stage.expect("replacing")
        },
        ..ROW
    },
    Row {
        name: "bastion/stopped-while-idle",
        what: "it stops itself when nobody uses it; the next connection starts it",
        proves: Handlings("anew"),
        moment: Moment::Idle,
        streams: Streams::None,
        events: &["dormant", "replaced"],
        within_s: 30,
        set_up: |setup| setup.made(),
        fault: |stage| {
            power_off(stage, "StopInstances")?;
            stage.expect("dormant")?;
            match stage.lab.calls("StartInstances") {
                0 => Ok(()),
                more => Err(format!("it was started {more} times for nobody")),
            }
        },
        ..ROW
    },
    Row {
        name: "bastion/replaced",
        what: "another instance takes its place",
        proves: Handlings("anew"),
        streams: Streams::Closed("session_gone"),
        events: &["replacing", "retrying", "replaced"],
        within_s: 30,
        set_up: |setup| setup.made(),
        fault: |stage| {
            let before = stage.bastion();
            ec2(&stage.lab, "TerminateInstances", &[("InstanceId.1", &before)]);
            stage.lab.fault(json!({"close_session": "all"}));
            stage.expect("retrying")?;
            stage.make_bastion()?;
            let after = stage.bastion();
            if before == after {
                return Err("it is the same one".to_owned());
            }
            Ok(())
        },
        ..ROW
    },
];
