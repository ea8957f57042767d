//! The AWS CLI.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::BASTION;
use crate::common::lab::Lab;
use crate::common::stories::Story;
use crate::python::python;

pub(crate) const STORIES: &[Story] = &[
    ("a_session_is_handed_to_the_plugin", a_session_is_handed_to_the_plugin),
    ("without_a_plugin_the_session_is_ended", without_a_plugin_the_session_is_ended),
    ("sessions_and_instances_are_described", sessions_and_instances_are_described),
    ("refusals_have_their_codes", refusals_have_their_codes),
];

const TO_HOST: [&str; 4] = [
    "--document-name",
    "AWS-StartPortForwardingSessionToRemoteHost",
    "--parameters",
    r#"{"host":["db.internal"],"portNumber":["5432"]}"#,
];

/// The AWS CLI with a home and a folder for programs of its own.
pub(crate) struct Cli<'a> {
    lab: &'a Lab,
    home: TempDir,
}

impl<'a> Cli<'a> {
    pub(crate) fn of(lab: &'a Lab) -> Self {
        let home = tempfile::tempdir().expect("a temporary folder");
        fs::create_dir(home.path().join("bin")).expect("a folder");
        Self { lab, home }
    }

    /// A stand-in for the plugin, which writes down what it is given.
    fn with_plugin(self) -> Self {
        let plugin = self.home.path().join("bin/session-manager-plugin");
        let script = "#!/bin/sh\n\
            [ \"$1\" = --version ] && echo 1.2.764.0 && exit\n\
            printf '%s' \"$AWS_SSM_START_SESSION_RESPONSE\" > \"$HOME/response\"\n\
            for argument; do printf '%s\\0' \"$argument\"; done > \"$HOME/arguments\"\n";
        fs::write(&plugin, script).expect("a file");
        fs::set_permissions(&plugin, fs::Permissions::from_mode(0o755)).expect("a mode");
        self
    }

    /// What the stand-in wrote down.
    fn arguments(&self) -> Vec<String> {
        let text = fs::read_to_string(self.home.path().join("arguments")).expect("it was started");
        text.split_terminator('\0').map(str::to_owned).collect()
    }

    /// Runs a command of `aws ssm`.
    fn run(&self, arguments: &[&str]) -> Output {
        self.run_any(&[&["ssm"], arguments].concat())
    }

    fn run_any(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(python().aws);
        command.env_clear().env("HOME", self.home.path());
        command.env("PATH", format!("{}:/usr/bin:/bin", self.home.path().join("bin").display()));
        self.lab.credentials(&mut command);
        command
            .env("AWS_ENDPOINT_URL", self.lab.endpoint())
            .env("AWS_DEFAULT_REGION", "us-east-1")
            .args(arguments)
            .args(["--output", "json"])
            .output()
            .expect("the AWS CLI runs")
    }

    /// The answer of a command that succeeds.
    fn answer(&self, arguments: &[&str]) -> Value {
        self.answer_of(&[&["ssm"], arguments].concat())
    }

    /// The same of any service.
    pub(crate) fn answer_of(&self, arguments: &[&str]) -> Value {
        let output = self.run_any(arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {errors}");
        serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{arguments:?}: {e}"))
    }

    /// What a command that fails says.
    fn refusal(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(!output.status.success(), "{arguments:?} was answered");
        String::from_utf8(output.stderr).expect("text")
    }
}

fn a_session_is_handed_to_the_plugin() {
    let lab = Lab::builder().start();
    let cli = Cli::of(&lab).with_plugin();
    let output = cli.run(&[["start-session", "--target", BASTION].as_slice(), &TO_HOST].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let arguments = cli.arguments();
    let [response, region, operation, profile, request, endpoint] = arguments.as_slice() else {
        panic!("{arguments:?}")
    };
    let response = if response == "AWS_SSM_START_SESSION_RESPONSE" {
        fs::read_to_string(cli.home.path().join("response")).expect("the variable")
    } else {
        response.clone()
    };
    let response: Value = serde_json::from_str(&response).expect("JSON");
    assert_eq!(response["SessionId"], lab.session()["id"]);
    assert!(response["TokenValue"].is_string() && response["StreamUrl"].is_string());
    assert_eq!((region.as_str(), operation.as_str()), ("us-east-1", "StartSession"));
    assert_eq!((profile.as_str(), endpoint.as_str()), ("", lab.endpoint().as_str()));
    let request: Value = serde_json::from_str(request).expect("JSON");
    assert_eq!(request["Target"], BASTION);
    assert_eq!(request["Parameters"]["portNumber"], json!(["5432"]));
}

fn without_a_plugin_the_session_is_ended() {
    let lab = Lab::builder().start();
    let text = Cli::of(&lab).refusal(&["start-session", "--target", BASTION]);
    assert!(text.contains("SessionManagerPlugin is not found"), "{text}");
    assert_eq!(lab.calls("TerminateSession"), 1);
    lab.expect_nothing_left();
}

fn sessions_and_instances_are_described() {
    let lab = Lab::builder().start();
    let cli = Cli::of(&lab).with_plugin();
    cli.run(&[["start-session", "--target", BASTION].as_slice(), &TO_HOST].concat());
    let active = cli.answer(&["describe-sessions", "--state", "Active"]);
    assert_eq!(active["Sessions"].as_array().map(Vec::len), Some(1), "{active}");
    let id = active["Sessions"][0]["SessionId"].as_str().expect("an id");
    assert_eq!(lab.session()["id"], id);

    let resumed = cli.answer(&["resume-session", "--session-id", id]);
    assert!(resumed["TokenValue"].is_string(), "{resumed}");
    assert_eq!(cli.answer(&["terminate-session", "--session-id", id])["SessionId"], id);
    let history = cli.answer(&["describe-sessions", "--state", "History"]);
    assert_eq!(history["Sessions"][0]["SessionId"], id, "{history}");
    let active = cli.answer(&["describe-sessions", "--state", "Active"]);
    assert_eq!(active["Sessions"], json!([]), "{active}");

    let instances = cli.answer(&["describe-instance-information"]);
    assert_eq!(instances["InstanceInformationList"][0]["InstanceId"], BASTION, "{instances}");
    let status = cli.answer(&["get-connection-status", "--target", BASTION]);
    assert_eq!(status["Status"].as_str().map(str::to_lowercase).as_deref(), Some("connected"));
}

fn refusals_have_their_codes() {
    let lab = Lab::builder().start();
    let cli = Cli::of(&lab).with_plugin();
    let table: [(&[&str], &str); 4] = [
        (&["start-session", "--target", "i-00000000000000000"], "TargetNotConnected"),
        (
            &["start-session", "--target", BASTION, "--document-name", "AWS-NoSuchDocument"],
            "InvalidDocument",
        ),
        (&["describe-sessions", "--state", "Sleeping"], "ValidationException"),
        (&["resume-session", "--session-id", "nobody-0123"], "DoesNotExistException"),
    ];
    for (arguments, code) in table {
        let text = cli.refusal(arguments);
        assert!(text.contains(code), "{arguments:?}: {text}");
    }
    assert!(!Path::exists(&cli.home.path().join("arguments")), "no plugin was started");
}
