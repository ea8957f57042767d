//! How many calls of the AWS API come one after the other until a tunnel is ready. Answers take a
//! while, so that calls made at once overlap.

use std::collections::BTreeSet;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::common::calls::Calls;
use crate::common::cloud::{Cloud, Ran, ec2};
use crate::common::lab::Lab;
use crate::common::servers::Server;

/// How long answers take: far longer than the program needs between calls that it makes at once.
const ANSWER_MS: u64 = 500;

/// Connects and disconnects; gives the calls up to the moment when the tunnel was ready.
fn connect(cloud: &Cloud, arguments: &[&str]) -> Calls {
    cloud.lab.fault(json!({"answer_ms": ANSWER_MS}));
    let earlier = Calls::of(&cloud.lab);
    let common = ["connect", "--local-port", "auto", "--json"];
    let program = cloud.start_program(&[&common, arguments].concat());
    program.expect_line("ready", |line| {
        let event: Value = serde_json::from_str(line).expect("JSON");
        (event["event"] == "ready").then_some(())
    });
    let calls = Calls::of(&cloud.lab).since(&earlier);
    cloud.lab.fault(json!({"answer_ms": 0}));
    program.signal(Signal::INT);
    Ran::to_the_end(program).expect(130);
    calls
}

/// Runs a command beside a tunnel; gives the calls up to the moment when the command ran.
fn exec(cloud: &Cloud, target: &str) -> Calls {
    cloud.lab.fault(json!({"answer_ms": ANSWER_MS}));
    let earlier = Calls::of(&cloud.lab);
    let script = "echo here; exec /bin/sleep 60";
    let program = cloud.start_program(&[
        "exec",
        "--target",
        target,
        "--local-port",
        "auto",
        "--",
        "/bin/sh",
        "-c",
        script,
    ]);
    program.expect_line("the command", |line| (line == "here").then_some(()));
    let calls = Calls::of(&cloud.lab).since(&earlier);
    cloud.lab.fault(json!({"answer_ms": 0}));
    program.signal(Signal::TERM);
    Ran::to_the_end(program).expect(143);
    calls
}

#[test]
fn a_command_runs_two_calls_after_its_start_and_one_when_the_target_is_remembered() {
    let server = Server::echo();
    let (cloud, target) = cloud(&server, |cloud| {
        cloud.database("orders", server.address());
        "rds:orders".to_owned()
    });
    let operations = ["DescribeDBInstances", "DescribeInstances", "StartSession"];
    expect(&exec(&cloud, &target), &operations, 2);
    expect(&exec(&cloud, &target), &operations, 1);
}

#[track_caller]
fn expect(calls: &Calls, operations: &[&str], round_trips: usize) {
    let expected: BTreeSet<&str> = operations.iter().copied().collect();
    assert_eq!(calls.operations(), expected, "{calls:#?}");
    assert_eq!(calls.round_trips(), round_trips, "{calls:#?}");
}

/// A lab with a bastion for a target.
fn cloud(server: &Server, target: impl Fn(&Cloud) -> String) -> (Cloud, String) {
    let cloud = Cloud::start(Lab::builder().serve(server));
    let target = target(&cloud);
    cloud.run(&["init", "--target", &target, "--yes"]).expect(0);
    (cloud, target)
}

#[test]
fn a_database_is_two_away_and_one_when_it_is_remembered() {
    let server = Server::echo();
    let (cloud, target) = cloud(&server, |cloud| {
        cloud.database("orders", server.address());
        "rds:orders".to_owned()
    });
    let operations = ["DescribeDBInstances", "DescribeInstances", "StartSession"];
    expect(&connect(&cloud, &["--target", &target]), &operations, 2);
    expect(&connect(&cloud, &["--target", &target]), &operations, 1);

    // A tag is looked for in all pages, which are more calls and not more round trips.
    let elsewhere = Server::echo();
    cloud.database("another", elsewhere.address());
    cloud.lab.fault(json!({"page_size": 1}));
    let tagged = format!("rds:tag:lab:address={}", server.address());
    let calls = connect(&cloud, &["--target", &tagged]);
    expect(&calls, &operations, 2);
    let pages = calls.0.iter().filter(|call| call.operation == "DescribeDBInstances").count();
    assert_eq!(pages, 2, "{calls:#?}");
}

/// Of all kinds, these take the longest to be found: they name their subnets and not their VPC.
#[test]
fn a_serverless_cache_is_three_away_and_two_when_it_is_remembered() {
    let server = Server::echo();
    let (cloud, target) = cloud(&server, |cloud| {
        cloud.cache("sessions");
        "elasticache:sessions".to_owned()
    });
    let operations = [
        "DescribeCacheClusters",
        "DescribeCacheSubnetGroups",
        "DescribeInstances",
        "DescribeReplicationGroups",
        "DescribeSecurityGroupRules",
        "DescribeServerlessCaches",
        "DescribeSubnets",
        "StartSession",
    ];
    expect(&connect(&cloud, &["--target", &target]), &operations, 3);
    expect(&connect(&cloud, &["--target", &target]), &operations, 2);
}

#[test]
fn a_host_is_two_away_and_what_is_named_in_full_one() {
    let server = Server::echo();
    let (cloud, target) = cloud(&server, Cloud::target);
    let operations = ["DescribeInstances", "StartSession"];
    expect(&connect(&cloud, &["--target", &target]), &operations, 2);
    expect(&connect(&cloud, &["--target", &target]), &operations, 1);

    let bastion = cloud.bastion_id();
    let direct = ["--bastion", &bastion, "--host", "db.internal", "--port", "5432"];
    expect(&connect(&cloud, &direct), &["StartSession"], 1);
}

/// A stopped bastion is looked at, started, looked at until it runs, and asked until its agent
/// answers. Here it runs and answers at once.
#[test]
fn a_stopped_bastion_takes_four_more() {
    let server = Server::echo();
    let (cloud, target) = cloud(&server, Cloud::target);
    let bastion = cloud.bastion_id();
    let operations =
        ["DescribeInstanceInformation", "DescribeInstances", "StartInstances", "StartSession"];
    for _ in 0..2 {
        ec2(&cloud.lab, "StopInstances", &[("InstanceId.1", &bastion)]);
        let calls = connect(&cloud, &["--target", &target]);
        expect(&calls, &operations, 6);
        // One that was started for nothing does not start a second one.
        let starts = calls.0.iter().filter(|call| call.operation == "StartInstances").count();
        assert_eq!(starts, 1, "{calls:#?}");
    }
}
