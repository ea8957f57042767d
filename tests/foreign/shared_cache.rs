//! Credentials of roles in the AWS CLI's own cache, between it and adit.

use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::common::identity::{Home, User, trust_with_mfa};
use crate::common::lab::Lab;
use crate::common::stories::Story;
use crate::python::python;

pub(crate) const STORIES: &[Story] = &[
    ("the_cli_reads_what_adit_assumed", the_cli_reads_what_adit_assumed),
    ("adit_reads_what_the_cli_assumed", adit_reads_what_the_cli_assumed),
];

fn world() -> (Lab, User, Home) {
    let lab = Lab::builder().start();
    let ann = lab.user("ann", &["phone"]);
    let careful = lab.role("careful", json!({ "trust": trust_with_mfa() }));
    let plain = lab.role("plain", json!({}));
    let config = format!(
        "[profile keys]\naws_access_key_id = {}\naws_secret_access_key = {}\n\
         [profile careful]\nrole_arn = {careful}\nsource_profile = keys\nmfa_serial = {}\n\
         [profile plain]\nrole_arn = {plain}\nsource_profile = keys\nduration_seconds = 1800\n",
        ann.key, ann.secret, ann.devices[0],
    );
    let home = Home::new(&lab, &config);
    (lab, ann, home)
}

/// Who the AWS CLI is by a profile, with nobody to ask for a code.
fn caller(home: &Home, profile: &str) -> Value {
    let mut command = Command::new(python().aws);
    command.env_clear().env("HOME", home.path()).env("PATH", "/usr/bin:/bin");
    let Output { status, stdout, stderr } = command
        .envs(home.variables())
        .env("AWS_DEFAULT_REGION", "us-east-1")
        .args(["sts", "get-caller-identity", "--output", "json", "--profile", profile])
        .stdin(std::process::Stdio::null())
        .output()
        .expect("the AWS CLI runs");
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    serde_json::from_slice(&stdout).expect("JSON")
}

fn the_cli_reads_what_adit_assumed() {
    let (lab, ann, home) = world();
    let code = lab.code(&ann.devices[0]);
    let identity = home.whoami(&["--profile", "careful", "--mfa-code", &code]);
    let assumed = lab.calls("AssumeRole");
    assert_eq!(caller(&home, "careful")["Arn"], identity["arn"]);
    let identity = home.whoami(&["--profile", "plain"]);
    assert_eq!(caller(&home, "plain")["Arn"], identity["arn"]);
    assert_eq!(lab.calls("AssumeRole"), assumed + 1);
}

fn adit_reads_what_the_cli_assumed() {
    let (lab, _, home) = world();
    let caller = caller(&home, "plain");
    assert_eq!(lab.calls("AssumeRole"), 1);
    let identity = home.whoami(&["--profile", "plain"]);
    assert_eq!(identity["arn"], caller["Arn"]);
    assert!(identity["steps"].to_string().contains("the AWS CLI's cache"), "{identity}");
    assert_eq!(lab.calls("AssumeRole"), 1);
}
