//! Environments that lack something.

use std::process::Command;

use crate::common::process::adit;

#[test]
fn an_empty_environment_is_enough_for_help_and_demo() {
    for arguments in [&["--help"][..], &["demo", "--once"]] {
        let output = Command::new(env!("CARGO_BIN_EXE_adit"))
            .env_clear()
            .args(arguments)
            .output()
            .expect("the program runs");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {stderr}");
    }
}

#[test]
fn without_home_and_keys_connect_says_that_credentials_are_missing() {
    let output = Command::new(env!("CARGO_BIN_EXE_adit"))
        .env_clear()
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .args(["connect", "--bastion", "i-0ad17000000000001", "--port", "1"])
        .args(["--region", "us-east-1", "--local-port", "auto"])
        .output()
        .expect("the program runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{stderr}");
    assert!(stderr.contains("hint: "), "{stderr}");
}

#[test]
fn without_a_region_connect_says_so() {
    let home = tempfile::tempdir().expect("a temporary folder");
    let output = adit(home.path())
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "nobody's")
        .args(["connect", "--bastion", "i-0ad17000000000001", "--port", "1"])
        .args(["--local-port", "auto"])
        .output()
        .expect("the program runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{stderr}");
    assert!(stderr.contains("--region"), "{stderr}");
}

#[test]
fn flags_can_be_variables() {
    let home = tempfile::tempdir().expect("a temporary folder");
    let output = adit(home.path())
        .env("ADIT_BASTION", "i-0ad17000000000001")
        .env("ADIT_PORT", "1")
        .env("ADIT_LOCAL_PORT", "none")
        .arg("connect")
        .output()
        .expect("the program runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("--local-port"), "{stderr}");
}
