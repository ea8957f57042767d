//! Several tunnels of one command.

use rustix::process::Signal;
use serde_json::Value;

use super::{Team, address_of, connections, end, events, expect_echo};
use crate::common::wait::until;

#[test]
fn a_group_is_opened_with_a_line_for_each_and_one_identity() {
    let team = Team::start();
    let program = team.start_program(&["connect", "all"]);
    let addresses = until("two lines", || {
        let stdout = program.stdout();
        Some([address_of(&stdout, "one")?, address_of(&stdout, "two")?])
    });
    for address in &addresses {
        expect_echo(address);
    }
    let stderr = program.stderr();
    assert!(stderr.contains("one: starting a session"), "{stderr}");
    assert_eq!(team.lab.calls("StartSession"), 2);
    assert_eq!(end(program, Signal::INT), Some(130));
    team.lab.expect_nothing_left();
}

#[test]
fn every_event_names_its_connection() {
    let team = Team::start();
    let program = team.start_program(&["connect", "--all", "--json"]);
    until("both to be ready", || {
        let ready = events(&program.stdout()).iter().filter(|one| one["event"] == "ready").count();
        (ready == 2).then_some(())
    });
    program.signal(Signal::TERM);
    let mut program = program;
    assert_eq!(program.wait().code(), Some(143));
    for event in events(&program.stdout()) {
        let name = event["connection"].as_str();
        assert!(matches!(name, Some("one" | "two")), "{event}");
    }
}

/// One whose bastion is unknown beside one that works.
fn with_a_broken_one(team: &Team) {
    let text = connections(&["one", "two"]);
    let broken = "[connections.two]\nbastion = \"i-0bad0000000000bad\"\n";
    team.write(&text.replace("[connections.two]\n", broken));
}

#[test]
fn one_that_fails_stops_no_other_unless_all_are_wanted() {
    let team = Team::start();
    with_a_broken_one(&team);
    let program = team.start_program(&["connect", "all"]);
    let address = until("the first", || address_of(&program.stdout(), "one"));
    until("the other's failure", || program.stderr().contains("error: two: ").then_some(()));
    expect_echo(&address);
    assert_eq!(end(program, Signal::INT), Some(130));

    let ran = team.run(&["connect", "all", "--all-or-nothing"]).expect(15);
    assert!(ran.stderr.contains("1 of 2 connections failed: two"), "{ran:#?}");
    team.lab.expect_nothing_left();
}

#[test]
fn names_are_checked_before_anything_is_asked_of_aws() {
    let team = Team::start();
    let ran = team.run(&["connect", "ome"]).expect(2);
    assert!(ran.stderr.contains("did you mean `one`?"), "{ran:#?}");
    let ran = team.run(&["connect", "one", "two", "--local-port", "5432"]).expect(2);
    assert!(ran.stderr.contains("--local-port"), "{ran:#?}");
    team.run(&["connect", "one", "--target", "rds:orders"]).expect(2);
    team.run(&["connect", "--all", "--target", "rds:orders"]).expect(2);
    let state: Value = team.lab.state();
    assert_eq!(state["api_calls"].as_object().map(serde_json::Map::len), Some(0), "{state:#}");
}

#[test]
fn without_a_terminal_the_names_are_told_and_nobody_is_asked() {
    let team = Team::start();
    let ran = team.run(&["connect"]).expect(14);
    assert!(ran.stderr.contains("one, two"), "{ran:#?}");
    let wanted =
        connections(&["one"]).replace("[defaults]\n", "[defaults]\nreason = \"required\"\n");
    team.write(&wanted);
    let ran = team.run(&["connect", "one"]).expect(14);
    assert!(ran.stderr.contains("--reason"), "{ran:#?}");
    let program = team.start_program(&["connect", "one", "--reason", "ticket 7"]);
    until("a tunnel", || address_of(&program.stdout(), "one"));
    assert_eq!(team.lab.session()["reason"], "ticket 7");
    assert_eq!(end(program, Signal::INT), Some(130));
}

#[test]
fn both_loopback_addresses_and_a_folder_of_sockets() {
    let team = Team::start();
    let program = team.start_program(&["connect", "one", "--bind", "localhost"]);
    let address = until("a tunnel", || address_of(&program.stdout(), "one"));
    expect_echo(&address);
    let port = address.rsplit_once(':').expect("a port").1.to_owned();
    // A machine without IPv6 has the one address alone.
    if std::net::TcpListener::bind("[::1]:0").is_ok() {
        expect_echo(&format!("[::1]:{port}"));
    }
    assert_eq!(end(program, Signal::INT), Some(130));

    let folder = team.path("sockets/");
    std::fs::create_dir(&folder).expect("a folder");
    let program =
        team.start_program(&["connect", "one", "--socket", folder.to_str().expect("text")]);
    let address = until("a tunnel", || address_of(&program.stdout(), "one"));
    assert!(address.ends_with("/.s.PGSQL.5432"), "{address}");
    std::os::unix::net::UnixStream::connect(&address).expect("a socket");
    assert_eq!(end(program, Signal::INT), Some(130));
    assert!(!super::is_there(address.as_ref()));
}

#[test]
fn limits_end_a_tunnel_with_their_own_codes() {
    let team = Team::start();
    let ran = team.run(&["connect", "one", "--idle-timeout", "1s", "--json"]).expect(12);
    let ended: Vec<Value> = events(&ran.stdout);
    let causes: Vec<&str> = ended.iter().filter_map(|event| event["cause"].as_str()).collect();
    assert_eq!(causes, ["idle_limit"], "{ran:#?}");
    let ran = team.run(&["connect", "one", "--max-duration", "1s"]).expect(13);
    assert!(ran.stderr.contains("--max-duration"), "{ran:#?}");
    team.lab.expect_nothing_left();

    team.write(
        &connections(&["one"]).replace("[defaults]\n", "[defaults]\nmax-duration = \"8h\"\n"),
    );
    let ran = team.run(&["connect", "one", "--max-duration", "24h"]).expect(2);
    assert!(ran.stderr.contains("8h") && ran.stderr.contains("adit.toml:"), "{ran:#?}");
}
