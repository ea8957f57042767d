//! `adit connect --lazy`: nothing before somebody connects, and everything back when nobody does.

use rustix::process::Signal;
use serde_json::{Value, json};

use super::{Team, address_of, connections, end, events, expect_echo};
use crate::common::wait::until;

#[test]
fn fifty_listen_without_a_call_and_the_first_connection_starts_one_session() {
    let team = Team::start();
    let names: Vec<String> = (0..50).map(|number| format!("db{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    // The port to reach is known; where there is none, the file names one.
    team.write(&connections(&names));
    let program = team.start_program(&["connect", "--all", "--lazy"]);
    let addresses = until("all of them", || {
        let stdout = program.stdout();
        names.iter().map(|name| address_of(&stdout, name)).collect::<Option<Vec<_>>>()
    });
    let calls = |team: &Team| -> Vec<String> {
        let state: Value = team.lab.state();
        let calls = state["api_calls"].as_object().expect("calls");
        calls.keys().filter(|name| *name != "GetCallerIdentity").cloned().collect()
    };
    assert_eq!(calls(&team), Vec::<String>::new());
    expect_echo(&addresses[17]);
    expect_echo(&addresses[17]);
    assert_eq!(team.lab.calls("StartSession"), 1);
    assert_eq!(end(program, Signal::INT), Some(130));
    team.lab.expect_nothing_left();
}

#[test]
fn an_idle_one_is_given_back_and_opened_again() {
    let team = Team::start();
    let program =
        team.start_program(&["connect", "one", "--lazy", "--idle-timeout", "1s", "--json"]);
    let address = until("the listener", || {
        let ready = events(&program.stdout()).into_iter().find(|one| one["event"] == "ready")?;
        Some(ready["address"].as_str()?.to_owned())
    });
    for round in 1..=2 {
        expect_echo(&address);
        assert_eq!(team.lab.calls("StartSession"), round);
        until("the session to be given back", || {
            let dormant =
                events(&program.stdout()).iter().filter(|one| one["event"] == "dormant").count();
            (dormant as u64 == round).then_some(())
        });
        team.lab.expect_nothing_left();
    }
    assert_eq!(end(program, Signal::TERM), Some(143));
}

#[test]
fn who_waits_for_one_that_cannot_be_opened_is_turned_away_and_the_next_is_served() {
    let team = Team::start();
    let program = team.start_program(&["connect", "one", "--lazy"]);
    let address = until("the listener", || address_of(&program.stdout(), "one"));
    team.lab.fault(json!({"deny": ["ssm:StartSession"]}));
    let mut stream = std::net::TcpStream::connect(&address).expect("it listens");
    stream.set_read_timeout(Some(crate::common::wait::PATIENCE)).expect("a TCP option");
    let read = std::io::Read::read(&mut stream, &mut [0; 1]);
    assert!(matches!(&read, Ok(0) | Err(_)), "{read:?}");
    until("the failure to be told", || program.stderr().contains("error: ").then_some(()));
    // Those who come in the meantime are turned away at once, and AWS is not asked for each.
    let asked = team.lab.calls("StartSession");
    for _ in 0..20 {
        // It may be turned away before the connection is seen to be made.
        let turned_away = std::net::TcpStream::connect(&address).and_then(|mut stream| {
            stream.set_read_timeout(Some(crate::common::wait::PATIENCE))?;
            std::io::Read::read(&mut stream, &mut [0; 1])
        });
        match turned_away {
            Ok(count) => assert_eq!(count, 0, "an answer"),
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{error}"),
        }
    }
    let more = team.lab.calls("StartSession") - asked;
    assert!(more < 10, "AWS was asked {more} times");
    team.lab.fault(json!({"deny": []}));
    until("it to be tried again", || has_echo(&address).then_some(()));
    assert_eq!(end(program, Signal::INT), Some(130));
}

fn has_echo(address: &str) -> bool {
    use std::io::{Read as _, Write as _};

    let Ok(mut stream) = std::net::TcpStream::connect(address) else { return false };
    stream.set_read_timeout(Some(crate::common::wait::PATIENCE)).expect("a TCP option");
    let mut back = [0; 4];
    stream.write_all(b"echo").is_ok() && stream.read_exact(&mut back).is_ok() && &back == b"echo"
}

#[test]
fn a_port_that_only_aws_knows_has_to_be_given() {
    let team = Team::start();
    let ran = team.run(&["connect", "--target", "rds:orders", "--lazy"]).expect(2);
    assert!(ran.stderr.contains("--local-port"), "{ran:#?}");
}
