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
    let cases: [(&[&str], &str); 11] = [
        (&[], "Usage"),
        (&["conect"], "connect"),
        (&["--no-such-flag"], "--no-such-flag"),
        (&["connect"], "--bastion"),
        (&connect, "--port"),
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

/// Names come from scripts and other people's files; a terminal must not obey them.
#[test]
fn control_characters_in_arguments_are_not_echoed() {
    let evil = "\u{1b}]0;owned\u{7}\u{1b}[2J";
    for arguments in [
        &[evil][..],
        &["connect", "--local-port", evil],
        &["connect", "--bastion", evil, "--host", evil, "--port", "1"],
        &["connect", "--bastion", evil, "--port", "1", "--endpoint-url", evil],
        &["connect", "--bastion", "i-1", "--port", "1", "--profile", evil],
        &["connect", "--bastion", "i-1", "--port", "1", "--ca-bundle", evil],
        &["lab", "--map", evil],
        &["demo", "--target", evil],
    ] {
        let output = run(arguments);
        assert_ne!(output.status.code(), Some(0), "{arguments:?}");
        for bytes in [&output.stdout, &output.stderr] {
            let odd = bytes.iter().find(|byte| byte.is_ascii_control() && **byte != b'\n');
            assert_eq!(odd, None, "{arguments:?}: {:?}", text(bytes));
        }
    }
}

#[test]
fn a_lab_for_the_whole_network_is_refused() {
    for flags in [&["--listen", "0.0.0.0:0"][..], &["--tls-listen", "0.0.0.0:0"]] {
        let output = run(&[&["lab"], flags].concat());
        let code = output.status.code();
        assert!(code.is_some_and(|code| code != 0), "{code:?}");
        assert!(text(&output.stderr).contains("loopback"), "{}", text(&output.stderr));
    }
}

#[test]
fn a_tunnel_for_the_whole_network_needs_to_be_permitted() {
    let output = run(&["connect", "--bastion", "i-1", "--port", "1", "--bind", "0.0.0.0"]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("--allow-remote"), "{}", text(&output.stderr));
}
