//! `adit exec`: a command with tunnels beside it.

use std::io::Write as _;
use std::time::Instant;

use rustix::process::Signal;
use serde_json::json;

use super::{Team, connections, end, events, finish};
use crate::common::wait::until;

#[test]
fn the_command_finds_its_tunnels_and_its_code_is_returned() {
    let team = Team::start();
    let script = "echo $ADIT_ONE_HOST:$ADIT_ONE_PORT $ADIT_TWO_PORT; exit 7";
    let ran = team.run(&["exec", "all", "--", "sh", "-c", script]).expect(7);
    let (one, two) = ran.stdout.trim().split_once(' ').expect("two words");
    assert!(one.starts_with("127.0.0.1:") && one.len() > 10, "{ran:#?}");
    assert!(two.parse::<u16>().is_ok(), "{ran:#?}");
    team.lab.expect_nothing_left();
}

#[test]
fn standard_streams_are_the_commands() {
    let team = Team::start();
    let mut command = team.adit(&["exec", "one", "--json", "--", "cat"]);
    command
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    let mut child = command.spawn().expect("the program runs");
    child.stdin.take().expect("piped").write_all(b"as it was").expect("written");
    let ran = super::Ran::of(&child.wait_with_output().expect("its end")).expect(0);
    assert_eq!(ran.stdout, "as it was");
    let names: Vec<String> =
        events(&ran.stderr).iter().map(|event| event["event"].to_string()).collect();
    assert!(names.contains(&"\"ready\"".to_owned()), "{names:?}");
}

#[test]
fn what_cannot_be_run_is_told_apart_before_anything_is_opened() {
    let team = Team::start();
    team.run(&["exec", "one", "--", "no-such-command"]).expect(127);
    let file = team.path("plain");
    std::fs::write(&file, "text").expect("a file");
    team.run(&["exec", "one", "--", file.to_str().expect("text")]).expect(126);
    team.run(&["exec", "one"]).expect(125);
    assert_eq!(team.lab.calls("StartSession"), 0);
}

#[test]
fn what_adit_fails_at_is_125_and_a_limit_124() {
    let team = Team::start();
    team.write(&connections(&["one"]).replace("i-0ad17000000000001", "i-0bad0000000000bad"));
    let ran = team.run(&["exec", "one", "--", "true"]).expect(125);
    assert!(ran.stderr.contains("error: "), "{ran:#?}");
    team.run(&["exec", "nobody", "--", "true"]).expect(125);

    team.write(&connections(&["one"]));
    let began = Instant::now();
    let command = ["exec", "one", "--max-duration", "1s", "--", "sleep", "60"];
    team.run(&command).expect(124);
    assert!(began.elapsed().as_secs() < 30, "the command was not ended");
    team.lab.expect_nothing_left();
}

#[test]
fn signals_reach_the_command() {
    let team = Team::start();
    let script = "trap 'echo told; exit 5' TERM; echo here; while :; do sleep 0.05; done";
    let program = team.start_program(&["exec", "one", "--", "sh", "-c", script]);
    program.expect_line("the command", |line| (line == "here").then_some(()));
    assert_eq!(end(program, Signal::TERM), Some(5));

    let program =
        team.start_program(&["exec", "one", "--", "sh", "-c", "echo here; kill -KILL $$"]);
    program.expect_line("the command", |line| (line == "here").then_some(()));
    let mut program = program;
    assert_eq!(program.wait().code(), Some(137));
    team.lab.expect_nothing_left();
}

#[test]
fn signals_reach_the_command_as_they_are() {
    let team = Team::start();
    for (name, signal) in [("HUP", Signal::HUP), ("USR1", Signal::USR1), ("QUIT", Signal::QUIT)] {
        let script =
            format!("trap 'echo told; exit 5' {name}; echo here; while :; do sleep 0.05; done");
        let mut program = team.start_program(&["exec", "one", "--", "sh", "-c", &script]);
        program.expect_line("the command", |line| (line == "here").then_some(()));
        program.signal(signal);
        assert_eq!(program.wait().code(), Some(5), "{name}");
        assert!(program.stdout().contains("told"), "{name}");
    }
    team.lab.expect_nothing_left();
}

#[test]
fn what_would_be_the_same_variable_is_refused() {
    let team = Team::start();
    team.write(&connections(&["prod-db", "prod_db"]));
    let ran = team.run(&["exec", "all", "--", "true"]).expect(125);
    assert!(ran.stderr.contains("ADIT_PROD_DB"), "{ran:#?}");
    assert_eq!(team.lab.calls("StartSession"), 0);
    team.run(&["exec", "--nonsense", "--", "true"]).expect(125);
}

#[test]
fn a_signal_before_the_command_runs_ends_adit() {
    let team = Team::start();
    team.lab.fault(json!({"answer_ms": 60_000}));
    let program = team.start_program(&["exec", "one", "--", "touch", "ran"]);
    until("a call", || {
        (team.lab.calls("StartSession") > 0
            || program.stderr().contains("starting")
            || program.stderr().contains("looking"))
        .then_some(())
    });
    assert_eq!(end(program, Signal::TERM), Some(143));
    team.lab.fault(json!({"answer_ms": 0}));
    assert!(!super::is_there(&team.repository().join("ran")));
}

#[test]
fn a_target_that_does_not_answer_is_waited_for_and_told() {
    let team = Team::start();
    // The echo answers whatever is asked.
    team.run(&["exec", "one", "--wait-for=30s", "--", "true"]).expect(0);
    let nowhere = connections(&["one"]).replace("port = 5432", "port = 5433");
    team.write(&nowhere);
    let ran = team.run(&["exec", "one", "--wait-for=2s", "--", "touch", "ran"]).expect(125);
    assert!(ran.stderr.contains("did not answer within 2 s"), "{ran:#?}");
    assert!(!super::is_there(&team.repository().join("ran")));
}

#[test]
fn secrets_for_adit_are_not_passed_on() {
    let team = Team::start();
    let mut command = team.adit(&["exec", "one", "--", "env"]);
    command.env("ADIT_MFA_CODE", "123456").env("ADIT_MFA_COMMAND", "echo 123456");
    let ran = finish(&mut command).expect(0);
    assert!(!ran.stdout.contains("123456"), "{ran:#?}");
}
