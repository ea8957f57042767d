//! `init` and `cleanup` that are cut short: the next run goes on from there, doubles nothing and
//! leaves nothing.

use std::collections::BTreeSet;

use rustix::process::Signal;
use serde_json::json;

use crate::common::calls::Calls;
use crate::common::cloud::{Cloud, Ran};
use crate::common::lab::Lab;
use crate::common::process::Program;
use crate::common::servers::Server;
use crate::common::wait::until;

const TARGET: &str = "rds:orders";
const INIT: [&str; 4] = ["init", "--target", TARGET, "--yes"];
const CLEANUP: [&str; 2] = ["cleanup", "--yes"];

/// A lab with a database.
fn cloud(server: &Server) -> Cloud {
    let cloud = Cloud::start(Lab::builder());
    cloud.database("orders", server.address());
    cloud
}

/// Runs a command to its end; gives the calls that it makes, in order.
fn calls_of(cloud: &Cloud, command: &[&str]) -> Vec<String> {
    let earlier = Calls::of(&cloud.lab);
    cloud.run(command).expect(0);
    let calls = Calls::of(&cloud.lab).since(&earlier);
    calls.0.into_iter().map(|call| call.operation).collect()
}

/// Kills a command at its first call of an operation.
fn kill_at(cloud: &Cloud, command: &[&str], operation: &str, when: &str) {
    let hold = json!({"call": 1, "when": when});
    cloud.lab.fault(json!({"hold": hold, "operation": operation}));
    let mut program = cloud.start_program(command);
    until(operation, || {
        assert!(program.is_running(), "{operation}: {}", program.stderr());
        (cloud.lab.state()["held"] == operation).then_some(())
    });
    program.signal(Signal::KILL);
    program.wait();
    until("the lab to notice", || cloud.lab.state()["held"].is_null().then_some(()));
    cloud.lab.fault(json!({"hold": null}));
}

/// Whether an operation changes anything.
fn writes(operation: &str) -> bool {
    !["Describe", "Get", "List"].iter().any(|prefix| operation.starts_with(prefix))
}

/// When a command is killed at its calls: at each operation that changes something before and after
/// it is done. What reads is the same before and after, so these take turns.
fn moments(calls: &[String]) -> Vec<(&str, &'static str)> {
    let operations: BTreeSet<&str> = calls.iter().map(String::as_str).collect();
    let mut moments = Vec::new();
    for (index, operation) in operations.into_iter().enumerate() {
        match (writes(operation), index % 2) {
            (true, _) => moments.extend([(operation, "before"), (operation, "after")]),
            (false, 0) => moments.push((operation, "before")),
            (false, _) => moments.push((operation, "after")),
        }
    }
    moments
}

#[test]
fn an_init_that_is_killed_at_any_kind_of_call_is_finished_by_the_next() {
    let server = Server::echo();
    let cloud = cloud(&server);
    let calls = calls_of(&cloud, &INIT);
    let whole = cloud.made();
    assert!(whole.len() > 5, "{whole:#?}");
    cloud.run(&CLEANUP).expect(0);
    assert_eq!(cloud.made(), [""; 0]);

    let moments = moments(&calls);
    assert!(moments.iter().filter(|(operation, _)| writes(operation)).count() > 12, "{moments:?}");
    for (operation, when) in moments {
        kill_at(&cloud, &INIT, operation, when);
        cloud.run(&INIT).expect(0);
        assert_eq!(cloud.made(), whole, "{when} {operation}");
        cloud.run(&CLEANUP).expect(0);
        assert_eq!(cloud.made(), [""; 0], "{when} {operation}");
    }
}

#[test]
fn a_cleanup_that_is_killed_at_any_kind_of_call_is_finished_by_the_next() {
    let server = Server::echo();
    let cloud = cloud(&server);
    cloud.run(&INIT).expect(0);
    let whole = cloud.made();
    let calls = calls_of(&cloud, &CLEANUP);

    let moments = moments(&calls);
    assert!(moments.iter().filter(|(operation, _)| writes(operation)).count() > 8, "{moments:?}");
    for (operation, when) in moments {
        cloud.run(&INIT).expect(0);
        assert_eq!(cloud.made(), whole, "{when} {operation}");
        kill_at(&cloud, &CLEANUP, operation, when);
        cloud.run(&CLEANUP).expect(0);
        assert_eq!(cloud.made(), [""; 0], "{when} {operation}");
    }
}

/// Starts a command, and waits until its first call of an operation is held.
fn held_at(cloud: &Cloud, command: &[&str], operation: &str) -> Program {
    let hold = json!({"call": 1, "when": "before"});
    cloud.lab.fault(json!({"hold": hold, "operation": operation}));
    let program = cloud.start_program(&[command, &["--json"]].concat());
    until(operation, || (cloud.lab.state()["held"] == operation).then_some(()));
    program
}

/// Interrupts a command in the middle of a call, which is answered afterwards.
fn interrupt_at(cloud: &Cloud, command: &[&str], operation: &str) -> Ran {
    let program = held_at(cloud, command, operation);
    program.signal(Signal::INT);
    until("what is said of it", || {
        program.stderr().contains("stopping when the request").then_some(())
    });
    cloud.lab.fault(json!({"hold": null}));
    Ran::to_the_end(program).expect(130)
}

#[test]
fn an_interrupted_init_says_what_stands_and_the_next_one_goes_on() {
    let server = Server::echo();
    let cloud = cloud(&server);
    cloud.run(&INIT).expect(0);
    let whole = cloud.made();
    cloud.run(&CLEANUP).expect(0);

    let ran = interrupt_at(&cloud, &INIT, "CreateSecurityGroup");
    let done: Vec<_> =
        ran.events().into_iter().filter(|event| event["event"] == "step_done").collect();
    // The step that was under way has been done, and none after it was begun.
    let last = done.last().expect("a step")["resource"].as_str().expect("a name").to_owned();
    assert!(last.contains("sg-"), "{ran:#?}");
    assert_eq!(ran.stderr.matches("it stays: ").count(), done.len(), "{ran:#?}");
    assert!(ran.stderr.contains(&last), "{ran:#?}");
    assert!(ran.stderr.contains("`adit init --target rds:orders "), "{ran:#?}");
    assert!(ran.stderr.contains("` goes on from there; `adit cleanup "), "{ran:#?}");
    assert!(cloud.made().len() < whole.len());

    let ran = cloud.run(&INIT).expect(0);
    assert!(!ran.stdout.contains("make the role"), "{ran:#?}");
    assert_eq!(cloud.made(), whole);
}

#[test]
fn an_interrupted_cleanup_says_how_far_it_came_and_the_next_one_goes_on() {
    let server = Server::echo();
    let cloud = cloud(&server);
    cloud.run(&INIT).expect(0);
    let before = cloud.made().len();

    let ran = interrupt_at(&cloud, &CLEANUP, "TerminateInstances");
    assert!(ran.stderr.contains("stopped after "), "{ran:#?}");
    assert!(ran.stderr.contains("`adit cleanup "), "{ran:#?}");
    assert!(ran.stderr.contains("` goes on from there"), "{ran:#?}");
    let left = cloud.made().len();
    assert!(left > 0 && left < before, "{left} of {before}");
    cloud.run(&CLEANUP).expect(0);
    assert_eq!(cloud.made(), [""; 0]);
}

/// AWS cannot be reached any more: that is another failure than a refusal, and what was made is
/// told all the same.
#[test]
fn an_init_that_loses_the_network_says_what_stands() {
    let server = Server::echo();
    let mut cloud = cloud(&server);
    let program = held_at(&cloud, &INIT, "RunInstances");
    cloud.lab.kill();
    let ran = Ran::to_the_end(program).expect(10);
    let error = ran.event("error");
    let message = error["message"].as_str().expect("a message");
    assert!(message.contains("could not start the bastion"), "{ran:#?}");
    let hints = error["hints"].to_string();
    assert!(hints.contains("the same command again goes on from there"), "{ran:#?}");
}

#[test]
fn a_cleanup_that_loses_the_network_says_what_is_gone_and_what_is_not() {
    let server = Server::echo();
    let mut cloud = cloud(&server);
    cloud.run(&INIT).expect(0);
    let program = held_at(&cloud, &CLEANUP, "DeleteSecurityGroup");
    cloud.lab.kill();
    let ran = Ran::to_the_end(program).expect(15);
    let kinds = ran.events();
    let count = |kind: &str| kinds.iter().filter(|event| event["event"] == kind).count();
    let (done, failed) = (count("step_done"), count("step_failed"));
    assert!(done > 0 && failed > 0, "{ran:#?}");
    let steps = ran.event("removal_plan")["steps"].as_array().map(Vec::len);
    assert_eq!(steps, Some(done + failed), "{ran:#?}");
    let message = ran.event("error")["message"].as_str().expect("a message").to_owned();
    let expected = format!("{done} removed, {failed} still there in us-east-1");
    assert_eq!(message, expected, "{ran:#?}");
}
