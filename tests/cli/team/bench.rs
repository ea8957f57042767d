//! `adit bench`: a tunnel is measured, and nothing of it is left.

use std::fs::{read_to_string, write};

use rustix::process::Signal;
use serde_json::Value;

use super::{Ran, Team, events, finish, is_there};
use crate::common::connect::Connect;
use crate::common::lab::Lab;
use crate::common::process::adit;
use crate::common::servers::Server;
use crate::common::wait::until;
use crate::common::{BASTION, HOST};

/// All that can limit a run.
const LIMITS: [&str; 12] = [
    "too_little",
    "local_reader",
    "sessions_refused",
    "loss",
    "agent_pace",
    "shared",
    "destination",
    "unpaced",
    "window",
    "path",
    "uplink",
    "program",
];

/// What a command has measured, as the one event of it.
#[track_caller]
fn measured(ran: &Ran) -> Value {
    let mut found = events(&ran.stdout).into_iter().filter(|event| event["event"] == "bench");
    let measured = found.next().unwrap_or_else(|| panic!("no event: {ran:#?}"));
    assert!(found.next().is_none(), "{ran:#?}");
    measured
}

#[test]
fn without_a_command_it_tells_how_long_things_take_and_how_to_measure_more() {
    let team = Team::start();
    let ran = team.run(&["bench", "one"]).expect(0);
    for words in ["credentials and lookup", "StartSession", "in all", "the agent", "20"] {
        assert!(ran.stdout.contains(words), "{words}: {ran:#?}");
    }
    assert!(ran.stdout.contains("the target (PostgreSQL by its port)"), "{ran:#?}");
    assert!(!ran.stdout.contains("listening"), "nobody is to use it: {ran:#?}");
    assert!(ran.stderr.contains("`adit bench one -- pg_dump"), "{ran:#?}");
    assert_eq!(team.lab.calls("StartSession"), 1);
    team.lab.expect_nothing_left();
}

#[test]
fn programs_get_the_same_as_one_event() {
    let team = Team::start();
    let ran = team.run(&["bench", "one", "--json"]).expect(0);
    let measured = measured(&ran);
    assert_eq!(measured["connection"], "one");
    let ready = &measured["ready"];
    let phases = ["lookup_ms", "start_session_ms", "handshake_ms", "check_ms"];
    let sum: f64 = phases.iter().map(|name| ready[name].as_f64().expect("a time")).sum();
    let total = ready["total_ms"].as_f64().expect("a time");
    assert!((sum - total).abs() < 0.1, "{ready:#}");
    let latency = &measured["latency"];
    assert!(latency["agent_least_ms"].as_f64() > Some(0.0), "{latency:#}");
    let first = &latency["first_byte"];
    assert_eq!((&first["protocol"], &first["tries"]), (&"PostgreSQL".into(), &20.into()));
    let times = ["least_ms", "p50_ms", "p99_ms"].map(|name| first[name].as_f64().expect("a time"));
    assert!(times.is_sorted(), "{first:#}");
    assert_eq!(measured["runs"], serde_json::json!([]));
    // One session carries one connection after the other.
    let sessions = events(&ran.stdout).iter().filter(|event| event["event"] == "session").count();
    assert_eq!(sessions, 1, "{ran:#?}");
    team.lab.expect_nothing_left();
}

/// What a connection to the destination brings.
const BROUGHT: usize = 600_000;

#[test]
fn a_command_is_run_alone_and_several_times_at_once() {
    let server = Server::close_first(vec![7; BROUGHT]);
    let lab = Lab::builder().map(5434, server.address()).start();
    let home = tempfile::tempdir().expect("a temporary folder");
    let mut command = adit(home.path());
    lab.credentials(&mut command);
    command.env("PATH", std::env::var_os("PATH").expect("a search path"));
    command.args(["bench", "--json", "--endpoint-url", &lab.endpoint(), "--bastion", BASTION]);
    command.args(["--host", HOST, "--port", "5434", "--parallel", "2", "--", "bash", "-c"]);
    command.arg("cat < /dev/tcp/$ADIT_DB_INTERNAL_5434_HOST/$ADIT_DB_INTERNAL_5434_PORT");
    let ran = finish(&mut command).expect(0);
    let measured = measured(&ran);
    assert_eq!(measured["latency"]["first_byte"], Value::Null);
    assert!(measured["latency"]["unavailable"].is_string(), "{measured:#}");
    let runs = measured["runs"].as_array().expect("runs");
    assert_eq!(runs.len(), 2, "{measured:#}");
    for (run, count) in runs.iter().zip([1, 2]) {
        assert_eq!(run["commands"], count);
        assert_eq!(run["codes"], serde_json::json!(vec![0; count]));
        assert_eq!(run["bytes_in"], count * BROUGHT, "{run:#}");
        let sessions = run["sessions"].as_array().expect("sessions");
        let sum: u64 = sessions.iter().filter_map(|one| one["bytes_in"].as_u64()).sum();
        assert_eq!(sum, (count * BROUGHT) as u64, "{run:#}");
        assert!(run["down_mb_s"].as_f64() > Some(0.0), "{run:#}");
        let limit = run["limit"].as_str().expect("a name");
        assert!(LIMITS.contains(&limit), "{run:#}");
        assert_ne!(run["why"], "", "{run:#}");
    }
    assert_eq!(server.accepted(), 3, "nobody else was asked");
    lab.expect_nothing_left();
}

#[test]
fn a_command_that_moves_nothing_is_told_as_that() {
    let team = Team::start();
    let ran = team.run(&["bench", "one", "--parallel", "1", "--", "true"]).expect(0);
    assert!(ran.stdout.contains("one alone: too little has moved"), "{ran:#?}");
    assert!(!ran.stdout.contains("at once"), "{ran:#?}");
    team.lab.expect_nothing_left();
}

#[test]
fn the_output_of_the_command_is_thrown_away() {
    let team = Team::start();
    let script = "cat; echo on standard output; echo on standard error >&2";
    let ran = team.run(&["bench", "one", "--", "sh", "-c", script]).expect(0);
    assert!(!ran.stdout.contains("standard output"), "{ran:#?}");
    assert_eq!(ran.stderr.matches("on standard error").count(), 5, "one, and four: {ran:#?}");
}

#[test]
fn a_command_that_fails_is_told_with_what_it_has_moved() {
    let team = Team::start();
    let ran = team.run(&["bench", "one", "--json", "--", "sh", "-c", "exit 3"]).expect(15);
    let measured = measured(&ran);
    assert_eq!(measured["runs"].as_array().map(Vec::len), Some(1), "not four more: {measured:#}");
    assert_eq!(measured["runs"][0]["codes"], serde_json::json!([3]));
    let told = events(&ran.stdout).into_iter().find(|event| event["event"] == "error");
    assert_eq!(told.expect("an error")["kind"], "partial");
    team.lab.expect_nothing_left();
}

#[test]
fn a_command_that_would_go_on_is_ended_in_time() {
    let team = Team::start();
    let ran = team.run(&["bench", "one", "--json", "--for", "1s", "--", "sleep", "600"]).expect(0);
    let measured = measured(&ran);
    for (run, count) in measured["runs"].as_array().expect("runs").iter().zip([1, 4]) {
        assert_eq!((&run["cut"], &run["limit"]), (&true.into(), &"too_little".into()));
        assert_eq!(run["codes"], serde_json::json!(vec![143; count]));
    }
    team.lab.expect_nothing_left();
}

#[test]
fn one_that_fails_beside_others_is_told_though_they_are_ended_in_time() {
    let team = Team::start();
    // The one that is alone goes on, and of two one does not.
    let script = "mkdir alone || { mkdir first && exit 3; }; exec sleep 600";
    let flags = ["bench", "one", "--json", "--parallel", "2", "--for", "3s"];
    let ran = team.run(&[&flags[..], &["--", "sh", "-c", script]].concat()).expect(15);
    let measured = measured(&ran);
    assert_eq!(measured["runs"][0]["codes"], serde_json::json!([143]));
    let mut codes = measured["runs"][1]["codes"].as_array().expect("codes").clone();
    codes.sort_by_key(Value::as_u64);
    assert_eq!(codes, [3, 143], "{measured:#}");
    team.lab.expect_nothing_left();
}

#[test]
fn what_was_measured_before_an_interrupt_is_shown() {
    let team = Team::start();
    let script = "mkdir alone && exit; echo $$ > pid.new; mv pid.new pid; exec sleep 600";
    let repository = team.repository();
    for (flag, told) in [("--parallel=2", "one alone"), ("--json", "\"event\":\"bench\"")] {
        let arguments = ["bench", "one", flag, "--", "sh", "-c", script];
        let mut program = team.start_program(&arguments);
        let file = repository.join("pid");
        until("the second command", || file.exists().then_some(()));
        program.signal(Signal::INT);
        assert_eq!(program.wait().code(), Some(130));
        assert!(program.stdout().contains(told), "{}", program.stdout());
        std::fs::remove_file(&file).expect("a file");
        std::fs::remove_dir(repository.join("alone")).expect("a folder");
    }
    team.lab.expect_nothing_left();
}

#[test]
fn who_names_no_target_is_told_how_to_measure_one() {
    let team = Team::start();
    let ran = team.run(&["bench", "--no-config"]).expect(14);
    assert!(ran.stderr.contains("`adit bench --target rds:orders --no-config`"), "{ran:#?}");
}

#[test]
fn a_signal_ends_the_command_and_the_tunnel() {
    let team = Team::start();
    let script = "echo $$ > pid.new; mv pid.new pid; exec sleep 600";
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let mut program = team.start_program(&["bench", "one", "--json", "--", "sh", "-c", script]);
        let file = team.repository().join("pid");
        let pid = until("the command", || read_to_string(&file).ok());
        std::fs::remove_file(&file).expect("a file");
        program.signal(signal);
        assert_eq!(program.wait().code(), Some(code));
        let told = events(&program.stdout());
        let ends: Vec<&Value> = told.iter().filter(|event| event["event"] == "ended").collect();
        assert_eq!(ends.len(), 1, "{told:#?}");
        assert_ne!(ends[0]["cause"], "done", "{told:#?}");
        let process = format!("/proc/{}", pid.trim());
        assert!(!is_there(process.as_ref()), "the command was left behind");
    }
    team.lab.expect_nothing_left();
}

#[test]
fn what_makes_no_sense_opens_nothing() {
    let team = Team::start();
    let unknown = team.run(&["connect", "nobody"]).code;
    let plain = team.path("plain");
    write(&plain, "text").expect("a file");
    let plain = plain.to_str().expect("text");
    for (arguments, code) in [
        (&["nobody"][..], unknown),
        (&["one", "--", "no-such-command"], Some(127)),
        (&["one", "--", plain], Some(126)),
        (&["all"], Some(2)),
        (&["one", "two"], Some(2)),
        (&["one", "--target", "rds:orders"], Some(2)),
        (&["one", "--parallel", "0"], Some(2)),
        (&["one", "--local-port", "5432"], Some(2)),
        (&[], Some(14)),
    ] {
        let ran = team.run(&[&["bench"], arguments].concat());
        assert_eq!(ran.code, code, "{arguments:?}: {ran:#?}");
        assert_eq!(ran.stdout, "", "{arguments:?}");
        assert!(ran.stderr.starts_with("error: "), "{arguments:?}: {ran:#?}");
    }
    assert_eq!(team.lab.calls("StartSession"), 0);
}

#[test]
fn a_bastion_that_is_not_there_fails_as_it_does_for_connect() {
    let server = Server::echo();
    let lab = Lab::builder().serve(&server).start();
    let connect = Connect::to(&lab).bastion("i-0bad0000000000bad").run();
    let home = tempfile::tempdir().expect("a temporary folder");
    let mut command = adit(home.path());
    lab.credentials(&mut command);
    command.args(["bench", "--endpoint-url", &lab.endpoint(), "--host", HOST, "--port", "5432"]);
    let ran = finish(command.args(["--bastion", "i-0bad0000000000bad"]));
    assert_eq!(ran.code, connect.code, "{ran:#?}");
    assert_eq!(server.accepted(), 0);
}

/// Groups are several connections, and one is measured.
#[test]
fn a_shell_is_offered_connections_alone() {
    let team = Team::start();
    let offered = |command: &str| {
        let mut adit = team.adit(&["--", "adit", command, ""]);
        adit.env("ADIT_COMPLETE", "bash")
            .env("_CLAP_COMPLETE_INDEX", "2")
            .env("_CLAP_COMPLETE_COMP_TYPE", "9")
            .env("_CLAP_COMPLETE_SPACE", "false")
            .env("_CLAP_IFS", "\n");
        finish(&mut adit).expect(0).stdout
    };
    let has = |text: &str, word: &str| text.lines().any(|line| line == word);
    let (of_connect, of_bench) = (offered("connect"), offered("bench"));
    assert!(has(&of_connect, "one") && has(&of_connect, "all"), "{of_connect}");
    assert!(has(&of_bench, "one") && !has(&of_bench, "all"), "{of_bench}");
}
