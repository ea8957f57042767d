//! What can be said on the command line, and what is answered when it makes no sense.

use std::process::Output;

use crate::common::process::adit;

fn run(arguments: &[&str]) -> Output {
    let home = tempfile::tempdir().expect("a temporary folder");
    adit(home.path()).args(arguments).output().expect("the program runs")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

#[test]
fn help_goes_to_standard_output() {
    for arguments in [
        &["--help"][..],
        &["help"],
        &["connect", "--help"],
        &["init", "--help"],
        &["list", "--help"],
        &["cleanup", "--help"],
        &["bench", "--help"],
        &["lab", "--help"],
        &["demo", "--help"],
        &["help", "connect"],
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert!(text(&output.stdout).contains("Usage: adit"), "{arguments:?}");
        assert_eq!(text(&output.stderr), "", "{arguments:?}");
        let widest = text(&output.stdout).lines().map(|line| line.chars().count()).max();
        assert!(widest <= Some(100), "{arguments:?}: a line of {widest:?} characters");
    }
}

#[test]
fn the_version_is_the_packages() {
    for flag in ["--version", "-V"] {
        let output = run(&[flag]);
        assert_eq!(output.status.code(), Some(0));
        assert_eq!(text(&output.stdout), concat!("adit ", env!("CARGO_PKG_VERSION"), "\n"));
    }
}

#[test]
fn arguments_that_make_no_sense_end_with_2_and_say_why() {
    let connect = ["connect", "--bastion", "i-0ad17000000000001"];
    let cases: [(&[&str], &str); 20] = [
        (&[], "Usage"),
        (&["conect"], "connect"),
        (&["--no-such-flag"], "--no-such-flag"),
        (&["connect", "--port", "1"], "--bastion"),
        (&[connect[0], connect[1], connect[2], "--host", "db"], "--port"),
        (&["connect", "--bastion", "jump", "--port", "1"], "tag:KEY=VALUE"),
        (&["connect", "--target", "rds:orders", "--port", "1"], "--port"),
        (&["connect", "--target", "rds:orders", "--host", "db"], "--host"),
        (&["connect", "--target", "orders"], "rds:orders"),
        (&["connect", "--target", "rsd:orders"], "`rsd` is not a kind of target"),
        (&["init", "--target", "ec2:i-1"], "ec2:ID:PORT"),
        (&["init", "--tag", "team"], "KEY=VALUE"),
        (&["list", "host"], "cannot be listed"),
        (&["cleanup", "--public-ip", "no"], "--public-ip"),
        (&[connect[0], connect[1], connect[2], "--port", "0"], "--port"),
        (&[connect[0], connect[1], connect[2], "--port", "65536"], "--port"),
        (
            &[connect[0], connect[1], connect[2], "--port", "1", "--local-port", "9-1"],
            "--local-port",
        ),
        (&["lab", "--map", "db=127.0.0.1:1"], "--map"),
        (&["lab", "--pace", "quick"], "--pace"),
        (&["lab", "--listen", "everywhere"], "--listen"),
    ];
    for (arguments, word) in cases {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert_eq!(text(&output.stdout), "", "{arguments:?}");
        assert!(text(&output.stderr).contains(word), "{arguments:?}: {}", text(&output.stderr));
    }
}

/// Nothing is asked where nobody can answer, and nothing is looked up first.
#[test]
fn without_a_target_and_a_terminal_an_answer_is_missing() {
    for arguments in [
        &["connect"][..],
        &["connect", "--bastion", "i-0ad17000000000001"],
        &["connect", "--json", "--bastion", "i-1"],
        &["init"],
        &["init", "--yes"],
    ] {
        let output = run(arguments);
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(14), "{arguments:?}: {stderr}");
        assert!(stderr.contains("--target rds:orders"), "{arguments:?}: {stderr}");
        let is_told = text(&output.stdout).contains(r#""code":14,"kind":"input""#);
        assert_eq!(is_told, arguments.contains(&"--json"), "{}", text(&output.stdout));
    }
}

#[test]
fn what_a_lab_cannot_do_has_its_own_exit_code() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    let taken = taken.local_addr().expect("bound").to_string();
    let tls = ["--tls-listen", "127.0.0.1:0"];
    let cases: [(&[&str], i32, &str); 5] = [
        (&["--listen", "0.0.0.0:0"], 2, "loopback"),
        (&["--tls-listen", "0.0.0.0:0"], 2, "loopback"),
        (&[tls[0], tls[1], "--ca-out", "/nonexistent/ca.pem"], 3, "/nonexistent/ca.pem"),
        (&["--listen", &taken], 9, "127.0.0.1"),
        (&["--ca-out", "ca.pem"], 2, "--tls-listen"),
    ];
    for (flags, code, word) in cases {
        let output = run(&[&["lab"], flags].concat());
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{flags:?}: {stderr}");
        assert!(stderr.contains(word), "{flags:?}: {stderr}");
        assert!(code == 2 || stderr.contains("hint: "), "{flags:?}: {stderr}");
    }
}

/// The lab and the demo lead nowhere else, and say so before they do anything.
#[test]
fn destinations_of_the_lab_are_on_this_machine() {
    for arguments in [
        &["lab", "--map", "db.internal:5432=10.0.0.1:5432"][..],
        &["lab", "--map", "db.internal:5432=[fd00::1]:5432"],
        &["demo", "--target", "10.0.0.1:5432"],
        &["demo", "--target", "0.0.0.0:5432"],
    ] {
        let output = run(arguments);
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {stderr}");
        assert!(stderr.contains("not a loopback address"), "{arguments:?}: {stderr}");
        assert_eq!(text(&output.stdout), "");
    }
}

#[test]
fn an_empty_name_is_none() {
    for flag in ["--bastion", "--host"] {
        let mut arguments = vec!["connect", "--port", "1", flag, ""];
        if flag == "--host" {
            arguments.extend(["--bastion", "i-1"]);
        }
        let output = run(&arguments);
        assert_eq!(output.status.code(), Some(2), "{flag}");
        assert!(text(&output.stderr).contains(flag), "{flag}: {}", text(&output.stderr));
    }
}

/// A program that reads events learns of wrong arguments as of any other failure.
#[test]
fn arguments_that_make_no_sense_are_an_event_with_json() {
    for arguments in [
        &["--json"][..],
        &["connect", "--port", "1", "--json"],
        &["--json", "connect", "--bastion", "i-1", "--port", "0"],
        &["--json", "conect"],
        &["connect", "--bastion", "i-1", "--port", "1", "--bind", "0.0.0.0", "--json"],
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let lines: Vec<&str> = text(&output.stdout).lines().collect();
        assert_eq!(lines.len(), 1, "{arguments:?}: {lines:?}");
        let event: serde_json::Value = serde_json::from_str(lines[0]).expect("JSON");
        assert_eq!(event["event"], "error", "{event}");
        assert_eq!((&event["code"], &event["kind"]), (&2.into(), &"usage".into()), "{event}");
        assert!(event["message"].as_str().is_some_and(|text| !text.is_empty()), "{event}");
        assert!(event["hints"].as_array().is_some_and(|hints| !hints.is_empty()), "{event}");
        assert_ne!(text(&output.stderr), "", "{arguments:?}");
    }
}

#[test]
fn a_tunnel_for_the_whole_network_needs_to_be_permitted() {
    let output = run(&["connect", "--bastion", "i-1", "--port", "1", "--bind", "0.0.0.0"]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("--allow-remote"), "{}", text(&output.stderr));
}
