//! `adit extend`: more time for tunnels that are open, as far as their ceilings go.

use jiff::Timestamp;
use rustix::process::Signal;
use serde_json::Value;

use super::{Ran, Team, connections, end, events};
use crate::common::wait::until;

/// Opens tunnels in the background.
fn open(team: &Team, arguments: &[&str]) {
    team.run(&[&["connect", "--detach"], arguments].concat()).expect(0);
}

fn extended(ran: &Ran) -> Vec<Value> {
    let events = events(&ran.stdout);
    assert!(events.iter().all(|event| event["event"] == "extended"), "{ran:#?}");
    events
}

#[test]
fn a_tunnel_is_extended_up_to_its_ceiling_and_no_further() {
    let team = Team::start();
    open(&team, &["one", "--max-duration", "2h", "--max-duration-ceiling", "5h"]);
    let opened = Timestamp::now();
    let ran = team.run(&["extend", "--json"]).expect(0);
    let event = extended(&ran).remove(0);
    assert_eq!((&event["connection"], &event["by_s"]), (&"one".into(), &7200.into()));
    assert_eq!(event["cut"], false);
    let until_text = event["until"].as_str().expect("a time");
    let until: Timestamp = until_text.parse().expect("a time");
    let hours = opened.duration_until(until).as_secs_f64() / 3600.0;
    assert!((hours - 4.0).abs() < 0.05, "{hours} hours");

    let ran = team.run(&["extend", "one"]).expect(0);
    assert!(
        ran.stdout.starts_with("one: extended by 1 h, all that its ceiling leaves"),
        "{ran:#?}"
    );
    let ran = team.run(&["extend", "one", "--by", "1m"]).expect(13);
    assert!(ran.stderr.contains("one ends after 5h"), "{ran:#?}");
    assert!(ran.stderr.contains("max-duration-ceiling"), "{ran:#?}");
    assert_eq!(ran.stdout, "");
    let log = team.run(&["logs", "one"]).expect(0).stdout;
    assert!(log.contains("one: extended by 2 h") || log.contains(" extended by 2 h"), "{log}");
    team.run(&["down", "--all"]).expect(0);
}

#[test]
fn without_a_ceiling_nothing_is_extended() {
    let team = Team::start();
    open(&team, &["one"]);
    let ran = team.run(&["extend"]).expect(13);
    assert!(ran.stderr.contains("one ends after 12h, and may not be extended"), "{ran:#?}");
    team.run(&["down", "--all"]).expect(0);
}

#[test]
fn several_are_named_or_all_are_meant() {
    let team = Team::start();
    let text = connections(&["one", "two"]);
    let one = "[connections.one]\nmax-duration = \"1h\"\nmax-duration-ceiling = \"2h\"\n";
    team.write(&text.replace("[connections.one]\n", one));
    open(&team, &["one", "two"]);
    let ran = team.run(&["extend"]).expect(2);
    assert!(ran.stderr.contains("one, two"), "{ran:#?}");
    let ran = team.run(&["extend", "ome"]).expect(6);
    assert!(ran.stderr.contains("did you mean one?"), "{ran:#?}");
    let ran = team.run(&["extend", "one", "--by", "30m", "--json"]).expect(0);
    assert_eq!(extended(&ran)[0]["by_s"], 1800);
    // One of them has no ceiling.
    let ran = team.run(&["extend", "--all"]).expect(15);
    assert!(ran.stdout.starts_with("one: extended by 30 min, all that"), "{ran:#?}");
    assert!(ran.stderr.contains("1 of 2 tunnels could not be extended"), "{ran:#?}");
    team.run(&["extend", "--all"]).expect(13);
    team.run(&["down", "--all"]).expect(0);
    team.run(&["extend", "one"]).expect(6);
    let ran = team.run(&["extend"]).expect(6);
    assert!(ran.stderr.contains("no tunnel is open"), "{ran:#?}");
}

#[test]
fn a_tunnel_in_front_tells_that_it_was_extended() {
    let team = Team::start();
    let limits = ["--max-duration", "2h", "--max-duration-ceiling", "3h"];
    let program = team.start_program(&[&["connect", "one", "--json"], &limits[..]].concat());
    until("a tunnel", || program.stdout().contains("\"ready\"").then_some(()));
    team.run(&["extend", "--by", "10m"]).expect(0);
    let event: Value = program.expect_line("it", |line| {
        line.contains("\"extended\"").then(|| serde_json::from_str(line).expect(line))
    });
    assert_eq!((&event["connection"], &event["by_s"]), (&"one".into(), &600.into()));
    let stderr = program.stderr();
    assert!(stderr.contains("extended by 10 min; open until "), "{stderr}");
    assert_eq!(end(program, Signal::INT), Some(130));
}

#[test]
fn the_time_of_one_that_waits_does_not_run() {
    let team = Team::start();
    open(&team, &["one", "--lazy", "--local-port", "auto", "--max-duration-ceiling", "24h"]);
    let ran = team.run(&["extend"]).expect(6);
    assert!(ran.stderr.contains("not ready"), "{ran:#?}");
    team.run(&["down", "--all"]).expect(0);
}

#[test]
fn a_flag_cannot_go_beyond_the_ceiling_of_a_file() {
    let team = Team::start();
    let limits = "[defaults]\nmax-duration = \"2h\"\nmax-duration-ceiling = \"3h\"\n";
    team.write(&connections(&["one"]).replace("[defaults]\n", limits));
    let ran = team.run(&["connect", "one", "--max-duration-ceiling", "4h"]).expect(2);
    assert!(ran.stderr.contains("more than the 3h that adit.toml permits"), "{ran:#?}");
    let mut command = team.adit(&["connect", "one"]);
    let ran = super::finish(command.env("ADIT_MAX_DURATION_CEILING", "4h")).expect(2);
    assert!(ran.stderr.contains("more than the 3h that adit.toml permits"), "{ran:#?}");
    open(&team, &["one"]);
    let ran = team.run(&["extend", "--by", "9h", "--json"]).expect(0);
    assert_eq!(
        (&extended(&ran)[0]["by_s"], &extended(&ran)[0]["cut"]),
        (&3600.into(), &true.into())
    );
    team.run(&["down", "--all"]).expect(0);
}
