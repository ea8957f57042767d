//! Tunnels in the background: `--detach`, `status`, `wait`, `logs` and `down`.

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::{Team, address_of, events, expect_echo};
use crate::common::wait::until;

fn pid(tunnel: &Value) -> Pid {
    let pid = tunnel["pid"].as_i64().and_then(|pid| i32::try_from(pid).ok());
    Pid::from_raw(pid.expect("a number")).expect("a process")
}

#[test]
fn a_tunnel_goes_to_the_background_and_is_ended_from_anywhere() {
    let team = Team::start();
    let ran = team.run(&["connect", "one", "two", "--detach"]).expect(0);
    let address = address_of(&ran.stdout, "one").expect("a line");
    expect_echo(&address);
    let tunnels = team.status();
    let names: Vec<&str> = tunnels.iter().filter_map(|one| one["connection"].as_str()).collect();
    assert_eq!(names, ["one", "two"]);
    assert!(tunnels.iter().all(|one| one["state"] == "ready" && one["detached"] == true));
    assert_eq!(tunnels[0]["address"], Value::from(address.as_str()));
    until("its bytes to be counted", || {
        (team.status()[0]["bytes_in"].as_u64() >= Some(16)).then_some(())
    });
    team.run(&["wait", "one", "two"]).expect(0);

    team.run(&["down", "one"]).expect(0);
    assert!(std::net::TcpStream::connect(&address).is_err(), "it listens on");
    let open = team.status();
    assert_eq!(open.len(), 1, "{open:#?}");
    assert_eq!((&open[0]["connection"], &open[0]["state"]), (&"two".into(), &"ready".into()));
    // It is not there any more, whoever asks.
    team.run(&["down", "one"]).expect(6);
    team.run(&["wait", "one"]).expect(6);
    let ran = team.run(&["logs", "one"]).expect(0);
    assert!(ran.stdout.contains(&format!("one: ready {address}")), "{ran:#?}");
    assert!(ran.stdout.contains("one: closed"), "{ran:#?}");
    team.run(&["down", "--all"]).expect(0);
    assert!(team.status().is_empty());
    team.lab.expect_nothing_left();
    team.run(&["wait", "one", "--closed"]).expect(0);
}

#[test]
fn a_live_tunnel_goes_before_a_dead_one_of_its_name() {
    let team = Team::start();
    let path = team.repository().join("adit.toml");
    let text = std::fs::read_to_string(&path).expect("a file");
    let ran = team.run(&["connect", "one", "--detach"]).expect(0);
    let address = address_of(&ran.stdout, "one").expect("a line");
    let (_, port) = address.rsplit_once(':').expect("a port");
    team.write(&text.replacen("\"auto\"", port, 1));
    let ran = team.run(&["connect", "one"]).expect(9);
    assert!(ran.stderr.contains("is open already, in process"), "{ran:#?}");
    team.run(&["connect", "one", "two", "--detach"]).expect(15);
    team.run(&["wait", "one", "--timeout", "5s"]).expect(0);
    team.run(&["wait", "one", "--closed", "--timeout", "1s"]).expect(11);
    team.run(&["down", "one"]).expect(0);
    team.run(&["down", "one"]).expect(6);
    team.run(&["down", "--all"]).expect(0);
    team.lab.expect_nothing_left();
}

#[test]
fn what_fails_before_it_is_there_fails_in_front() {
    let team = Team::start();
    let ran = team.run(&["connect", "nobody", "--detach"]).expect(2);
    assert!(ran.stderr.contains("nobody"), "{ran:#?}");
    let path = team.repository().join("adit.toml");
    let text = std::fs::read_to_string(&path).expect("a file");
    team.write(&text.replace("i-0ad17000000000001", "i-0bad0000000000bad"));
    let ran = team.run(&["connect", "one", "--detach"]).expect(7);
    assert!(ran.stderr.contains("error: "), "{ran:#?}");
    assert!(team.status().is_empty());
}

#[test]
fn one_in_front_is_seen_too_and_can_be_ended() {
    let team = Team::start();
    let mut program = team.start_program(&["connect", "one", "--json"]);
    until("a tunnel", || program.stdout().contains("\"ready\"").then_some(()));
    assert_eq!(team.status()[0]["detached"], false);
    team.run(&["down", "one"]).expect(0);
    assert_eq!(program.wait().code(), Some(0));
    let last = events(&program.stdout()).pop().expect("an event");
    assert_eq!((&last["event"], &last["cause"]), (&"ended".into(), &"down".into()));
}

#[test]
fn what_a_killed_one_leaves_is_noticed_and_removed() {
    let team = Team::start();
    team.run(&["connect", "one", "--detach"]).expect(0);
    let tunnels = team.status();
    kill_process(pid(&tunnels[0]), Signal::KILL).expect("it runs");
    let ran = until("its end to be noticed", || {
        let ran = team.run(&["status"]).expect(0);
        ran.stderr.contains("has ended without closing its tunnels").then_some(ran)
    });
    assert!(!ran.stdout.contains("one"), "{ran:#?}");
    assert!(!team.run(&["status"]).stderr.contains("without closing"), "it is told once");
    assert_eq!(std::fs::read_dir(team.path("run/adit")).expect("a folder").count(), 0);
}

#[test]
fn who_has_waited_is_in_nobodys_way() {
    let team = Team::start();
    team.run(&["connect", "one", "--detach"]).expect(0);
    for _ in 0..40 {
        team.run(&["wait", "one"]).expect(0);
    }
    assert_eq!(team.status().len(), 1);
    team.run(&["down", "one"]).expect(0);
    team.lab.expect_nothing_left();
}

#[test]
fn a_second_down_does_not_cut_the_goodbyes_short() {
    let team = Team::start();
    team.run(&["connect", "one", "--detach"]).expect(0);
    team.lab.fault(serde_json::json!({"latency_ms": 500}));
    let first = team.start_program(&["down", "--all"]);
    let second = team.start_program(&["down", "--all"]);
    for mut down in [first, second] {
        assert_eq!(down.wait().code(), Some(0), "{}", down.stderr());
    }
    team.lab.fault(serde_json::json!({"latency_ms": 0}));
    team.lab.expect_nothing_left();
    assert_eq!(team.lab.calls("TerminateSession"), 1);
}

#[test]
fn what_waits_for_a_failure_hears_its_code() {
    let team = Team::start();
    team.lab.fault(serde_json::json!({"answer_ms": 1_500}));
    let path = team.repository().join("adit.toml");
    let text = std::fs::read_to_string(&path).expect("a file");
    team.write(&text.replace("i-0ad17000000000001", "i-0bad0000000000bad"));
    let mut failing = team.start_program(&["connect", "one"]);
    until("it to be there", || (team.status().len() == 1).then_some(()));
    let mut waiting = team.start_program(&["wait", "one"]);
    assert_eq!(failing.wait().code(), Some(7));
    assert_eq!(waiting.wait().code(), Some(7), "{}", waiting.stderr());
}

#[test]
fn nobody_else_can_ask() {
    use std::os::unix::fs::PermissionsExt as _;

    let team = Team::start();
    team.run(&["connect", "one", "--detach"]).expect(0);
    let mode = |path: &std::path::Path| {
        std::fs::metadata(path).expect("it is there").permissions().mode() & 0o777
    };
    let folder = team.path("run/adit");
    assert_eq!(mode(&folder), 0o700);
    for entry in std::fs::read_dir(&folder).expect("a folder") {
        assert_eq!(mode(&entry.expect("an entry").path()), 0o600);
    }
    let logs = team.path("home/.local/state/adit/logs");
    assert_eq!(mode(&logs), 0o700);
    for entry in std::fs::read_dir(&logs).expect("a folder") {
        assert_eq!(mode(&entry.expect("an entry").path()), 0o600);
    }
    team.run(&["down", "--all"]).expect(0);
}

#[test]
fn what_is_not_there_is_named() {
    let team = Team::start();
    assert_eq!(team.run(&["status"]).expect(0).stdout, "");
    team.run(&["down", "one"]).expect(6);
    team.run(&["wait", "one", "--timeout", "1s"]).expect(6);
    team.run(&["logs"]).expect(6);
    team.run(&["connect", "one", "--detach"]).expect(0);
    let ran = team.run(&["down", "ome"]).expect(6);
    assert!(ran.stderr.contains("did you mean one?"), "{ran:#?}");
    let ran = team.run(&["wait", "one", "--closed", "--timeout", "1s"]).expect(11);
    assert!(ran.stderr.contains("not closed within 1 s"), "{ran:#?}");
    team.run(&["down", "--all"]).expect(0);
}
