//! Variables beside flags. Somebody's profile must not make a flag an error.

use std::process::Output;

use serde_json::Value;

use crate::common::BASTION;
use crate::common::process::{Program, adit};

const CONNECT: [&str; 5] = ["connect", "--bastion", BASTION, "--port", "1"];

/// Runs to its end, which without a region comes after the arguments were understood.
fn run(variables: &[(&str, &str)], arguments: &[&str]) -> Output {
    let home = tempfile::tempdir().expect("a temporary folder");
    adit(home.path())
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .envs(variables.iter().copied())
        .args(arguments)
        .output()
        .expect("the program runs")
}

fn expect_code(variables: &[(&str, &str)], arguments: &[&str], code: i32) {
    let output = run(variables, &[&CONNECT[..], arguments].concat());
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{variables:?} {arguments:?}: {stderr}");
}

#[test]
fn only_flags_contradict_flags() {
    let socket = ["--socket", "here"];
    let port = ["--local-port", "auto"];
    expect_code(&[], &[&socket[..], &port].concat(), 2);
    expect_code(&[], &["--socket", "here", "--bind", "127.0.0.1"], 2);
    // Understood, so that the missing region is what fails.
    expect_code(&[("ADIT_LOCAL_PORT", "auto")], &socket, 3);
    expect_code(&[("ADIT_BIND", "0.0.0.0")], &socket, 3);
    expect_code(&[("ADIT_SOCKET", "/nonexistent/here")], &port, 3);
    expect_code(&[("ADIT_SOCKET", "here"), ("ADIT_LOCAL_PORT", "auto")], &[], 3);
}

/// What is said to be reached, by a missing region: a target, whose port is not known, or a port,
/// which is taken first.
#[test]
fn a_target_goes_before_host_and_port_unless_those_are_flags() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    let port = taken.local_addr().expect("bound").port().to_string();
    let to_port = [("ADIT_BASTION", BASTION), ("ADIT_PORT", port.as_str())];
    let to_target = [("ADIT_TARGET", "rds:orders")];
    let both = [&to_port[..], &to_target].concat();
    for (variables, arguments, code) in [
        (&to_port[..], &[][..], 9),
        (&to_target, &[], 3),
        (&both, &[], 3),
        (&both, &["--port", &port], 9),
        (&to_port, &["--target", "rds:orders"], 3),
    ] {
        let output = run(variables, &[&["connect"], arguments].concat());
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{variables:?} {arguments:?}: {stderr}");
    }
}

#[test]
fn an_empty_variable_is_none() {
    let names = [
        "ADIT_LOCAL_PORT",
        "ADIT_BIND",
        "ADIT_ALLOW_REMOTE",
        "ADIT_SOCKET",
        "ADIT_HOST",
        "ADIT_REASON",
        "ADIT_RESUME_BUDGET",
        "ADIT_EXIT_ZERO_ON_SIGTERM",
        "ADIT_PROFILE",
        "ADIT_REGION",
        "ADIT_ENDPOINT_URL",
        "ADIT_CA_BUNDLE",
        "ADIT_TARGET",
        "ADIT_NO_INPUT",
        "ADIT_JSON",
        "ADIT_QUIET",
        "ADIT_VERBOSE",
    ];
    let variables = names.map(|name| (name, ""));
    expect_code(&variables, &["--local-port", "auto"], 3);
    let output = run(&[("ADIT_BASTION", ""), ("ADIT_PORT", "1")], &["connect"]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr.contains("--bastion"), "{stderr}");
}

/// The instances of a lab that is started like this.
fn instances(variables: &[(&str, &str)], arguments: &[&str]) -> Value {
    let home = tempfile::tempdir().expect("a temporary folder");
    let mut command = adit(home.path());
    command.envs(variables.iter().copied()).args(["lab", "--json"]).args(arguments);
    let program = Program::start(&mut command).telling_secrets();
    program.expect_line("the lab", |line| {
        let event: Value = serde_json::from_str(line).ok()?;
        Some(event["instances"].clone())
    })
}

#[test]
fn a_lab_takes_the_flag_when_a_variable_says_otherwise() {
    let one = ["--instance", "i-1"];
    for variables in [
        &[("ADIT_LAB_EMPTY", "0")][..],
        &[("ADIT_LAB_EMPTY", "1")],
        &[("ADIT_LAB_INSTANCE", "i-2")],
        &[("ADIT_LAB_CA_OUT", "ca.pem")],
        &[("ADIT_LAB_TLS_NAME", "lab.internal"), ("ADIT_LAB_LISTEN", ""), ("ADIT_LAB_SEED", "")],
    ] {
        assert_eq!(instances(variables, &one), serde_json::json!(["i-1"]), "{variables:?}");
    }
    let none = serde_json::json!([]);
    assert_eq!(instances(&[("ADIT_LAB_INSTANCE", "i-2")], &["--empty"]), none);
    assert_eq!(instances(&[("ADIT_LAB_INSTANCE", "i-2"), ("ADIT_LAB_EMPTY", "1")], &[]), none);
    assert_eq!(instances(&[("ADIT_LAB_INSTANCE", "")], &[]), serde_json::json!([BASTION]));
}
