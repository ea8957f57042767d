//! How a lab says that it is there.

use std::net::{Ipv4Addr, TcpListener};
use std::process::Command;

use rustix::process::Signal;
use serde_json::Value;

use crate::common::lab::Lab;
use crate::common::process::{Program, adit};

#[test]
fn a_ready_file_of_a_killed_lab_does_not_stay_for_one_that_cannot_start() {
    let home = tempfile::tempdir().expect("a temporary folder");
    let ready = home.path().join("ready");
    std::fs::write(&ready, r#"{"endpoint":"http://127.0.0.1:1"}"#).expect("written");
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a loopback port");
    let address = taken.local_addr().expect("bound").to_string();
    let output = adit(home.path())
        .args(["lab", "--listen", &address, "--ready-file"])
        .arg(&ready)
        .output()
        .expect("the program runs");
    let stderr = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(9), "{stderr}");
    assert!(stderr.contains(&address) && stderr.to_lowercase().contains("in use"), "{stderr}");
    assert!(!ready.exists(), "the file speaks of a lab that is not there");
}

#[test]
fn the_ready_file_is_there_when_the_lab_is_announced_and_goes_with_it() {
    let home = tempfile::tempdir().expect("a temporary folder");
    let ready = home.path().join("ready");
    let mut command = adit(home.path());
    command.args(["lab", "--listen", "127.0.0.1:0", "--json", "--ready-file"]).arg(&ready);
    let mut lab = Program::start(&mut command).telling_secrets();
    let event: Value =
        lab.expect_line("the announcement", |line| Some(serde_json::from_str(line).expect("JSON")));
    let text = std::fs::read_to_string(&ready).expect("the ready file");
    let file: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!((&event["event"], &event["endpoint"]), (&"lab".into(), &file["endpoint"]));
    lab.signal(Signal::INT);
    assert_eq!(lab.wait().code(), Some(130));
    assert!(!ready.exists());
}

#[test]
fn what_the_lab_prints_turns_a_shell_to_it_whatever_was_set() {
    let lab = Lab::builder().start();
    let output = Command::new("sh")
        .args(["-euc", "eval \"$1\"; env", "sh", &lab.stdout()])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .envs([
            ("AWS_ACCESS_KEY_ID", "old"),
            ("AWS_SESSION_TOKEN", "old"),
            ("AWS_SECURITY_TOKEN", "old"),
            ("AWS_CREDENTIAL_EXPIRATION", "2001-01-01T00:00:00Z"),
            ("AWS_PROFILE", "old"),
        ])
        .output()
        .expect("a shell");
    assert!(output.status.success(), "{output:?}");
    let variables = String::from_utf8(output.stdout).expect("UTF-8");
    let mut names: Vec<&str> = variables
        .lines()
        .filter_map(|line| line.split_once('='))
        .filter(|(name, _)| name.starts_with("AWS_"))
        .map(|(name, _)| name)
        .collect();
    names.sort_unstable();
    let expected =
        ["ACCESS_KEY_ID", "DEFAULT_REGION", "ENDPOINT_URL", "REGION", "SECRET_ACCESS_KEY"];
    assert_eq!(names, expected.map(|name| format!("AWS_{name}")));
    assert!(!variables.contains("=old"), "{variables}");
    assert!(variables.contains(&format!("AWS_ENDPOINT_URL={}\n", lab.endpoint())), "{variables}");
}
