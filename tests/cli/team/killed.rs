//! What a process leaves that is killed: the next one ends its sessions and removes its files.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Signal;
use serde_json::{Value, json};

use super::{Team, end, events, expect_echo, is_there};
use crate::common::lab::Lab;
use crate::common::process::Program;
use crate::common::wait::until;

const NONE: [PathBuf; 0] = [];

/// What is in a folder; nothing where there is none.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    entries.map(|entry| entry.expect("an entry").path()).collect()
}

fn journals(team: &Team) -> Vec<PathBuf> {
    files(&team.path("home/.local/state/adit/journals"))
}

/// The sessions of a lab, the oldest first, with how they stand.
fn sessions(lab: &Lab) -> Vec<(String, String)> {
    let state = lab.state();
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let sessions = state["sessions"].as_array().expect("a list");
    sessions.iter().map(|one| (text(&one["id"]), text(&one["state"]))).collect()
}

fn is_over(lab: &Lab, id: &str) -> bool {
    sessions(lab).iter().any(|(one, state)| one == id && state == "Terminated")
}

/// Starts a command and waits until its tunnel can be used; gives the session's id too.
fn open(command: &mut Command) -> (Program, String) {
    let program = Program::start(command);
    let id = program.expect_line("a session", |line| {
        let event: Value = serde_json::from_str(line).expect(line);
        (event["event"] == "session").then(|| event["id"].as_str().expect("an id").to_owned())
    });
    program.expect_line("ready", |line| line.contains("\"ready\"").then_some(()));
    (program, id)
}

fn connect(team: &Team, more: &[&str]) -> Command {
    team.adit(&[&["connect", "one", "--json"], more].concat())
}

/// Kills a program, and waits until nobody holds its journal any more.
fn kill(team: &Team, mut program: Program) {
    program.signal(Signal::KILL);
    program.wait();
    assert_eq!(journals(team).len(), 1, "it had no time to remove it");
}

#[test]
fn the_next_start_ends_the_session_and_removes_the_files() {
    let team = Team::start();
    let (ready, sockets) = (team.path("ready"), team.path("sockets"));
    std::fs::create_dir(&sockets).expect("a folder");
    let socket = sockets.join("one.sock");
    let (ready_text, socket_text) =
        (ready.to_str().expect("UTF-8"), socket.to_str().expect("UTF-8"));
    let more = ["--ready-file", ready_text, "--socket", socket_text];
    let (program, killed) = open(&mut connect(&team, &more));
    until("the ready file", || is_there(&ready).then_some(()));
    kill(&team, program);
    let left = files(&team.path("run/adit"));
    assert!(left.len() == 1 && is_there(&ready) && is_there(&socket), "{left:?}");
    assert!(!is_over(&team.lab, &killed), "nobody has ended it yet");

    let (program, own) = open(&mut connect(&team, &[]));
    until("the session's end", || is_over(&team.lab, &killed).then_some(()));
    assert!(!is_there(&left[0]) && !is_there(&ready) && !is_there(&socket));
    assert!(!is_over(&team.lab, &own));
    until("its journal alone", || (journals(&team).len() == 1).then_some(()));
    assert_eq!(end(program, Signal::INT), Some(130));
    assert_eq!(journals(&team), NONE);
    team.lab.expect_nothing_left();
}

#[test]
fn a_command_with_a_tunnel_and_a_cleanup_do_so_too() {
    let team = Team::start();
    for command in [&["exec", "one", "--", "sleep", "60"][..], &["cleanup", "--yes"]] {
        let (program, killed) = open(&mut connect(&team, &[]));
        kill(&team, program);
        let mut program = team.start_program(command);
        until("the session's end", || is_over(&team.lab, &killed).then_some(()));
        if command[0] == "exec" {
            until("its journal alone", || (journals(&team).len() == 1).then_some(()));
            program.signal(Signal::TERM);
        }
        program.wait();
        assert_eq!(journals(&team), NONE, "{command:?}");
    }
    let (program, killed) = open(&mut connect(&team, &[]));
    kill(&team, program);
    team.run(&["cleanup", "--plan"]).expect(0);
    assert!(!is_over(&team.lab, &killed), "a plan changes nothing");
}

#[test]
fn two_that_start_at_once_end_it_once() {
    let team = Team::start();
    let (program, killed) = open(&mut connect(&team, &[]));
    kill(&team, program);
    // Both find it while the first is asking.
    team.lab.fault(json!({"answer_ms": 300}));
    let both: Vec<Program> = (0..2).map(|_| Program::start(&mut connect(&team, &[]))).collect();
    for program in &both {
        program.expect_line("ready", |line| line.contains("\"ready\"").then_some(()));
    }
    until("the session's end", || is_over(&team.lab, &killed).then_some(()));
    until("their journals alone", || (journals(&team).len() == 2).then_some(()));
    assert_eq!(team.lab.calls("TerminateSession"), 1);
    for program in both {
        assert_eq!(end(program, Signal::INT), Some(130));
    }
    assert_eq!(journals(&team), NONE);
}

#[test]
fn what_lives_is_left_alone() {
    let team = Team::start();
    let (first, id) = open(&mut connect(&team, &[]));
    let (second, _) = open(&mut connect(&team, &[]));
    let address = team.status()[0]["address"].as_str().expect("an address").to_owned();
    assert_eq!(end(second, Signal::INT), Some(130));
    expect_echo(&address);
    assert!(!is_over(&team.lab, &id));
    let held: Vec<bool> = journals(&team)
        .iter()
        .map(|path| {
            let file = File::open(path).expect("a journal");
            matches!(file.try_lock(), Err(TryLockError::WouldBlock))
        })
        .collect();
    assert_eq!(held, [true]);
    assert_eq!(end(first, Signal::INT), Some(130));
}

#[test]
fn a_session_of_elsewhere_waits_for_somebody_who_is_there() {
    let team = Team::start();
    let other = Lab::builder().start();
    let (program, killed) = open(&mut connect(&team, &[]));
    kill(&team, program);
    // Another endpoint, and at the same one another key.
    let mut elsewhere = team.adit(&["cleanup", "--yes"]);
    elsewhere.env("AWS_ENDPOINT_URL", other.endpoint());
    other.credentials(&mut elsewhere);
    super::finish(&mut elsewhere).expect(0);
    assert_eq!(other.calls("TerminateSession"), 0);
    let mut region = team.adit(&["cleanup", "--yes", "--region", "eu-west-1"]);
    super::finish(region.env("AWS_REGION", "eu-west-1"));
    assert!(!is_over(&team.lab, &killed));
    assert_eq!(journals(&team).len(), 1);
    team.run(&["cleanup", "--yes"]).expect(0);
    assert!(is_over(&team.lab, &killed));
    assert_eq!(journals(&team), NONE);
}

#[test]
fn who_may_not_end_it_leaves_it_to_the_next_and_fails_not() {
    let team = Team::start();
    let (program, killed) = open(&mut connect(&team, &[]));
    kill(&team, program);
    team.lab.fault(json!({"deny": ["ssm:TerminateSession"]}));
    let (program, _) = open(&mut connect(&team, &["-v"]));
    until("the refusal to be told", || {
        program
            .stderr()
            .contains("not permitted to end what a killed process has left")
            .then_some(())
    });
    team.lab.fault(json!({"deny": []}));
    assert_eq!(end(program, Signal::INT), Some(130));
    assert_eq!(journals(&team).len(), 1);
    assert!(!is_over(&team.lab, &killed));
    team.run(&["cleanup", "--yes"]).expect(0);
    assert!(is_over(&team.lab, &killed));
    assert_eq!(journals(&team), NONE);
}

#[test]
fn an_end_that_leaves_a_session_leaves_its_journal() {
    let team = Team::start();
    let (program, id) = open(&mut connect(&team, &[]));
    // Nothing ends it, in band or by a call.
    team.lab.fault(json!({"gateway": "down"}));
    assert_eq!(end(program, Signal::INT), Some(130));
    team.lab.fault(json!({"gateway": "up"}));
    assert!(!is_over(&team.lab, &id), "nothing has ended it");
    assert_eq!(journals(&team).len(), 1);
    team.run(&["cleanup", "--yes"]).expect(0);
    assert!(is_over(&team.lab, &id));
    assert_eq!(journals(&team), NONE);
}

#[test]
fn odd_journals_are_in_nobodys_way() {
    let team = Team::start();
    let (program, killed) = open(&mut connect(&team, &[]));
    kill(&team, program);
    let path = journals(&team).remove(0);
    let text = std::fs::read_to_string(&path).expect("a journal");
    // Half a line, as of a kill in the middle of it.
    std::fs::write(&path, format!("{text}{{\"began\":{{\"sess")).expect("written");
    let folder = path.parent().expect("a folder");
    let later = folder.join("1-00000000.journal");
    let of_later =
        "{\"journal\":{\"version\":9,\"pid\":1,\"program\":\"9\",\"at\":\"\"}}\n{\"odd\":1}\n";
    std::fs::write(&later, of_later).expect("written");
    let old = folder.join("2-00000000.journal");
    std::fs::write(&old, &text).expect("written");
    let week = std::time::Duration::from_hours(8 * 24);
    let file = File::options().write(true).open(&old).expect("a file");
    file.set_modified(std::time::SystemTime::now() - week).expect("a time");
    let ran = team.run(&["cleanup", "--yes"]).expect(0);
    assert!(is_over(&team.lab, &killed), "{ran:#?}");
    assert_eq!(journals(&team), [later]);
    assert_eq!(team.lab.calls("TerminateSession"), 1, "the old one is not read");
}

#[test]
fn without_a_place_for_journals_tunnels_open_all_the_same() {
    let team = Team::start();
    let state = team.path("home/.local/state/adit");
    std::fs::create_dir_all(&state).expect("a folder");
    std::fs::write(state.join("journals"), "in the way").expect("a file");
    let ran = team.run(&["exec", "one", "-vv", "--", "true"]).expect(0);
    assert!(ran.stderr.contains("there is no journal"), "{ran:#?}");
    let quiet = team.run(&["exec", "one", "--", "true"]).expect(0);
    assert!(!quiet.stderr.contains("journal"), "{quiet:#?}");
    team.lab.expect_nothing_left();
}

#[test]
fn a_journal_is_private_and_holds_no_secret() {
    use std::os::unix::fs::PermissionsExt as _;

    let team = Team::start();
    let (program, id) = open(&mut connect(&team, &[]));
    let path = journals(&team).remove(0);
    let mode =
        |path: &Path| std::fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(path.parent().expect("a folder")), 0o700);
    let text = std::fs::read_to_string(&path).expect("a journal");
    assert!(!text.contains(team.lab.keys().1), "{text}");
    let began =
        events(&text).into_iter().find(|line| line["began"].is_object()).expect("a session");
    assert_eq!(began["began"]["session"], id.as_str());
    assert_eq!(began["began"]["endpoint"], team.lab.endpoint());
    assert_eq!(end(program, Signal::INT), Some(130));
}
