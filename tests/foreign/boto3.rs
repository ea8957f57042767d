//! boto3: each story is a function of `boto3_calls.py` or `boto3_cloud.py`.

use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::common::lab::Lab;
use crate::common::stories::Story;
use crate::python::python;

pub(crate) const STORIES: &[Story] = &[
    ("lives_of_sessions", || story("lives_of_sessions", &Lab::builder().start())),
    ("sessions_by_filter", || story("sessions_by_filter", &Lab::builder().start())),
    ("instances", || story("instances", &Lab::builder().start())),
    ("refusals", || story("refusals", &Lab::builder().start())),
    ("throttled_calls_are_tried_again", throttled_calls_are_tried_again),
    ("calls_over_tls", calls_over_tls),
    ("instances_come_online_where_they_can", || cloud("instances_come_online_where_they_can")),
    ("instances_are_made_once_for_a_token", || cloud("instances_are_made_once_for_a_token")),
    ("groups_in_use_stay", || cloud("groups_in_use_stay")),
    ("databases_are_found_by_page", || cloud("databases_are_found_by_page")),
    ("roles_in_use_stay", || cloud("roles_in_use_stay")),
];

fn throttled_calls_are_tried_again() {
    let lab = Lab::builder().start();
    lab.fault(json!({"throttle": 2}));
    story("throttled_calls_are_tried_again", &lab);
    assert_eq!(lab.calls("DescribeSessions"), 3);
}

fn calls_over_tls() {
    let lab = Lab::builder().tls().start();
    let mut command = command("instances", &lab);
    command.env("AWS_ENDPOINT_URL", lab.tls_endpoint()).env("AWS_CA_BUNDLE", lab.ca());
    run(&mut command);
}

fn story(name: &str, lab: &Lab) {
    run(&mut command(name, lab));
}

/// A story of the control plane.
fn cloud(name: &str) {
    run(&mut call("boto3_cloud.py", name, &Lab::builder().start()));
}

fn command(name: &str, lab: &Lab) -> Command {
    call("boto3_calls.py", name, lab)
}

fn call(script: &str, name: &str, lab: &Lab) -> Command {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign").join(script);
    let mut command = Command::new(python().program);
    command.env_clear().arg("-B").arg(script).arg(name);
    lab.credentials(&mut command);
    // botocore knows no AWS_REGION.
    command.env("AWS_ENDPOINT_URL", lab.endpoint()).env("AWS_DEFAULT_REGION", "us-east-1");
    command
}

fn run(command: &mut Command) {
    let output = command.output().expect("Python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
