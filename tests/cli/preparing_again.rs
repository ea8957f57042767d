//! What `init`, `list`, `connect` and `cleanup` do when things are not as they were left.

use std::io::{Read, Write};

use serde_json::{Value, json};

use crate::common::cloud::{Cloud, Ran, ec2, rds, text};
use crate::common::connect::{dial, echo};
use crate::common::lab::Lab;
use crate::common::process::Program;
use crate::common::servers::Server;
use crate::common::wait::until;
use rustix::process::Signal;

/// The last event of a run.
fn last(ran: &Ran) -> Value {
    ran.events().last().expect("an event").clone()
}

/// The commands that a run suggests, as the words of a shell.
fn suggested(ran: &Ran) -> Vec<String> {
    ran.stderr.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn prepared(cloud: &Cloud, target: &str) -> String {
    let made = cloud.run(&["init", "--target", target, "--yes", "--json"]).expect(0);
    made.event("initialised")["bastion"].as_str().expect("an id").to_owned()
}

/// It runs, but Session Manager does not reach it yet: that is no reason to give up.
#[test]
fn a_bastion_whose_agent_is_not_up_yet_is_waited_for() {
    let server = Server::echo();
    let cloud = Cloud::start(Lab::builder().serve(&server));
    let target = cloud.target();
    let bastion = prepared(&cloud, &target);
    // The first time nobody knows where the target is, the second time it is remembered.
    for pass in 1..=2 {
        ec2(&cloud.lab, "StopInstances", &[("InstanceId.1", &bastion)]);
        cloud.lab.fault(json!({"agent_ms": 3_000}));
        ec2(&cloud.lab, "StartInstances", &[("InstanceId.1", &bastion)]);
        let arguments = ["connect", "--target", &target, "--local-port", "auto", "--json"];
        let mut program = Program::start(&mut cloud.adit(&arguments));
        let address = program.expect_line("ready", |line| {
            let event: Value = serde_json::from_str(line).expect("JSON");
            (event["event"] == "ready")
                .then(|| event["address"].as_str().expect("an address").parse().expect("one"))
        });
        echo(&mut dial(address), b"hello");
        program.signal(Signal::INT);
        assert_eq!(program.wait().code(), Some(130), "{}", program.stderr());
        assert!(program.stderr().contains("waiting for it"), "{}", program.stderr());
        assert_eq!(cloud.lab.calls("StartSession"), 2 * pass, "one more attempt, no more");
        let ran = Ran { code: None, stdout: program.stdout(), stderr: program.stderr() };
        assert_eq!(ran.event("ended")["cause"], "interrupted");
    }
    cloud.lab.expect_nothing_left();
}

/// Nobody is asked whether to remove what would stay all the same.
#[test]
fn a_bastion_in_use_stays_without_a_question() {
    let server = Server::echo();
    let cloud = Cloud::start(Lab::builder().serve(&server));
    let target = cloud.target();
    let bastion = prepared(&cloud, &target);
    let arguments = ["connect", "--target", &target, "--local-port", "auto"];
    let mut tunnel = Program::start(&mut cloud.adit(&arguments));
    tunnel.expect_line("the tunnel", |line| line.contains("listening").then_some(()));

    let ran = cloud.run(&["cleanup"]).expect(15);
    assert!(ran.stdout.contains(&format!("1 session is live on {bastion}")), "{ran:#?}");
    assert!(ran.stderr.contains("--force"), "{ran:#?}");
    assert_eq!(cloud.bastions(), ["running"]);
    let ran = cloud.run(&["cleanup", "--force"]).expect(14);
    assert!(ran.stdout.contains("terminate the bastion"), "{ran:#?}");
    assert_eq!(cloud.bastions(), ["running"]);

    tunnel.signal(Signal::INT);
    assert_eq!(tunnel.wait().code(), Some(130), "{}", tunnel.stderr());
    cloud.run(&["cleanup", "--yes"]).expect(0);
    cloud.lab.expect_nothing_left();
}

/// The target is another one now, and the session to where it was is being given back.
#[test]
fn a_session_that_is_given_up_is_given_back_also_when_somebody_stops() {
    let server = Server::echo();
    let cloud = Cloud::start(Lab::builder());
    cloud.database("orders", server.address());
    let target = format!("rds:tag:lab:address={}", server.address());
    prepared(&cloud, &target);
    let connect = || {
        let arguments = ["connect", "--target", &target, "--local-port", "auto", "--json"];
        cloud.start_program(&arguments)
    };
    let mut first = connect();
    first.expect_line("ready", |line| line.contains("\"ready\"").then_some(()));
    first.signal(Signal::INT);
    first.wait();

    let gone = [("DBInstanceIdentifier", "orders"), ("SkipFinalSnapshot", "true")];
    rds(&cloud.lab, "DeleteDBInstance", &gone);
    cloud.database("users", server.address());
    cloud
        .lab
        .fault(json!({"hold": {"call": 1, "when": "before"}, "operation": "TerminateSession"}));
    let mut second = connect();
    until("the end of the session", || {
        (cloud.lab.state()["held"] == "TerminateSession").then_some(())
    });
    second.signal(Signal::INT);
    // It waits for the session's end, which comes when it is let through.
    second.expect_line("the new attempt", |line| line.contains("\"replacing\"").then_some(()));
    cloud.lab.fault(json!({"hold": null}));
    assert_eq!(second.wait().code(), Some(130), "{}", second.stderr());
    let ran = Ran { code: None, stdout: second.stdout(), stderr: second.stderr() };
    assert_eq!(last(&ran)["cause"], "interrupted", "{ran:#?}");
    assert_eq!(ran.event("ended")["cause"], "interrupted");
    cloud.lab.expect_nothing_left();
}

#[test]
fn a_suggested_command_has_the_flags_that_were_given() {
    let cloud = Cloud::start(Lab::builder());
    let target = cloud.target();
    let ran = cloud
        .run(&["init", "--region", "us-east-1", "--target", &target, "--tag", "team=data people"])
        .expect(14);
    let again = &suggested(&ran)[0];
    for words in [target.as_str(), "--region us-east-1", "team=data people", "--endpoint-url"] {
        assert!(again.contains(words), "{words}: {again}");
    }
    assert!(again.starts_with("adit init --target ") && again.ends_with(" --yes"), "{again}");

    let ran = cloud
        .run(&["connect", "--region", "us-east-1", "--target", &target, "--local-port", "auto"])
        .expect(7);
    let init = &suggested(&ran)[0];
    assert!(init.starts_with(&format!("adit init --target {target}")), "{init}");
    assert!(init.contains("--region us-east-1") && !init.contains("--local-port"), "{init}");

    prepared(&cloud, &target);
    let ran = cloud.run(&["cleanup", "--region", "us-east-1", "--vpc", &cloud.vpc]).expect(14);
    let again = &suggested(&ran)[0];
    assert!(again.starts_with("adit cleanup --vpc vpc-"), "{again}");
    assert!(again.contains("--region us-east-1"), "{again}");
}

/// Rules are known by the instance's id, whatever it was called when they were made.
#[test]
fn what_was_prepared_by_name_is_removed_by_name() {
    let cloud = Cloud::start(Lab::builder());
    let image = ec2(&cloud.lab, "DescribeImages", &[("Owner.1", "amazon")]);
    let xml = ec2(
        &cloud.lab,
        "RunInstances",
        &[
            ("ImageId", text(&image, "imageId")),
            ("InstanceType", "t4g.micro"),
            ("MinCount", "1"),
            ("MaxCount", "1"),
            ("TagSpecification.1.ResourceType", "instance"),
            ("TagSpecification.1.Tag.1.Key", "Name"),
            ("TagSpecification.1.Tag.1.Value", "web"),
        ],
    );
    let instance = text(&xml, "instanceId").to_owned();
    prepared(&cloud, "ec2:web:22");
    let ready = cloud.run(&["list", "ec2", "--json"]).expect(0);
    assert_eq!(ready.event("target")["initialised"], true, "{ready:#?}");

    // That it is stopped does not matter.
    ec2(&cloud.lab, "StopInstances", &[("InstanceId.1", &instance)]);
    let ran = cloud.run(&["cleanup", "--target", "ec2:web:22", "--yes", "--json"]).expect(0);
    let cleaned = ran.event("cleaned");
    assert!(cleaned["removed"].as_u64() > Some(0), "{cleaned}");
    assert_eq!(last(&ran), cleaned);
    assert_eq!(cloud.run(&["list", "ec2", "--json"]).event("target")["initialised"], false);

    prepared(&cloud, "ec2:web:22");
    ec2(&cloud.lab, "TerminateInstances", &[("InstanceId.1", &instance)]);
    let gone = format!("ec2:{instance}:22");
    let ran = cloud.run(&["cleanup", "--target", &gone, "--yes", "--json"]).expect(0);
    assert!(ran.event("cleaned")["removed"].as_u64() > Some(0), "{ran:#?}");
}

#[test]
fn ids_are_found_in_any_case_and_a_variable_narrows_nothing() {
    let server = Server::echo();
    let cloud = Cloud::start(Lab::builder());
    cloud.database("orders", server.address());
    prepared(&cloud, "rds:orders");
    let ran = cloud.run(&["cleanup", "--target", "rds:Orders", "--plan", "--json"]).expect(0);
    assert!(!ran.event("removal_plan")["steps"].as_array().expect("a list").is_empty());

    let count = |target: Option<&str>| {
        let mut command = cloud.adit(&["cleanup", "--plan", "--json"]);
        command.envs(target.map(|target| ("ADIT_TARGET", target)));
        let output = command.output().expect("the program runs");
        let stdout = String::from_utf8(output.stdout).expect("UTF-8");
        let plan: Value =
            serde_json::from_str(stdout.lines().next().expect("a line")).expect("JSON");
        plan["steps"].as_array().expect("a list").len()
    };
    assert_eq!(count(Some("rds:orders")), count(None));
}

/// The reader of a serverless cache has a port of its own.
#[test]
fn an_endpoint_with_another_port_is_prepared_by_itself() {
    let cloud = Cloud::start(Lab::builder());
    cloud.cache("carts");
    let reader = "elasticache:carts/reader";
    let connect = |target: &str| {
        cloud.start_program(&["connect", "--target", target, "--local-port", "auto"])
    };
    let made = cloud.run(&["init", "--target", reader, "--yes"]).expect(0);
    assert!(made.stdout.contains(reader), "{made:#?}");
    assert!(made.stderr.contains(&format!("next: adit connect --target {reader}")), "{made:#?}");
    let listed = cloud.run(&["list", "elasticache", "--json"]).expect(0);
    assert_eq!(listed.event("target")["initialised"], false, "its usual port is closed");

    let mut program = connect("elasticache:carts");
    program.expect_line("ready", |line| line.contains("listening").then_some(()));
    program.signal(Signal::INT);
    program.wait();
    let told = program.stderr();
    assert!(told.contains("at 6380, not at 6379; `adit init --target elasticache:carts"), "{told}");
    cloud.run(&["init", "--target", "elasticache:carts", "--yes"]).expect(0);
    let listed = cloud.run(&["list", "elasticache", "--json"]).expect(0);
    assert_eq!(listed.event("target")["initialised"], true);
}

#[test]
fn a_plan_is_no_failure_whatever_stays() {
    let cloud = Cloud::start(Lab::builder());
    prepared(&cloud, &cloud.target());
    let filter = [("Filter.1.Name", "tag:adit:purpose"), ("Filter.1.Value.1", "bastion-group")];
    let ours = ec2(&cloud.lab, "DescribeSecurityGroups", &filter);
    let filter = [("Filter.1.Name", "group-name"), ("Filter.1.Value.1", "default")];
    let theirs = ec2(&cloud.lab, "DescribeSecurityGroups", &filter);
    ec2(
        &cloud.lab,
        "AuthorizeSecurityGroupIngress",
        &[
            ("GroupId", text(&theirs, "groupId")),
            ("IpPermissions.1.IpProtocol", "tcp"),
            ("IpPermissions.1.FromPort", "22"),
            ("IpPermissions.1.ToPort", "22"),
            ("IpPermissions.1.Groups.1.GroupId", text(&ours, "groupId")),
        ],
    );
    let ran = cloud.run(&["cleanup", "--yes", "--json"]).expect(15);
    assert_eq!(ran.event("cleaned")["left"], 1, "{ran:#?}");
    assert_eq!(last(&ran)["kind"], "partial");
    let ran = cloud.run(&["cleanup", "--plan"]).expect(0);
    assert_eq!(ran.stdout.matches("STAYS").count(), 1, "{ran:#?}");
    cloud.run(&["cleanup", "--yes"]).expect(15);
}

#[test]
fn every_stream_of_events_has_an_end() {
    let cloud = Cloud::start(Lab::builder());
    let target = cloud.target();
    let bastion = prepared(&cloud, &target);
    let ran = cloud.run(&["init", "--target", &target, "--json"]).expect(0);
    assert_eq!(last(&ran)["event"], "initialised");
    assert_eq!(last(&ran)["bastion"], bastion.as_str());

    for arguments in [
        &["init", "--target", &target, "--json"][..],
        &["cleanup", "--json"],
        &["connect", "--target", &target, "--local-port", "auto", "--json"],
    ] {
        cloud.lab.fault(json!({"hold": {"call": 1, "when": "before"}}));
        let mut program = Program::start(&mut cloud.adit(arguments));
        until("the call that is held", || cloud.lab.state()["held"].as_str().map(drop));
        program.signal(Signal::INT);
        let code = program.wait().code();
        let ran = Ran { code, stdout: program.stdout(), stderr: program.stderr() }.expect(130);
        assert_eq!(last(&ran)["cause"], "interrupted", "{arguments:?}");
        cloud.lab.fault(json!({"hold": null}));
    }
    cloud.run(&["cleanup", "--yes"]).expect(0);
    let nothing = cloud.run(&["cleanup", "--yes", "--json"]).expect(0);
    assert_eq!(last(&nothing)["removed"], 0);
}

/// A proxy would be asked for the credentials of the machine that it runs on.
#[test]
fn credentials_of_a_container_are_fetched_without_the_proxy() {
    let lab = Lab::builder().start();
    let mut keys = std::process::Command::new("true");
    lab.credentials(&mut keys);
    let key = |name: &str| {
        let mut variables = keys.get_envs().filter(|(known, _)| *known == name);
        let (_, value) = variables.next().expect("a variable");
        value.and_then(|value| value.to_str()).expect("a value").to_owned()
    };
    let body = json!({
        "AccessKeyId": key("AWS_ACCESS_KEY_ID"),
        "SecretAccessKey": key("AWS_SECRET_ACCESS_KEY"),
        "Token": "",
        "Expiration": "2099-01-01T00:00:00Z",
    })
    .to_string();
    let source = Server::start(move |mut stream| {
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read == 1) {
            head.extend(byte);
        }
        let length = body.len();
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}");
        drop(stream.write_all(answer.as_bytes()));
    });
    let proxy = Server::start(drop);
    let home = tempfile::tempdir().expect("a temporary folder");
    let output = crate::common::process::adit(home.path())
        .env("AWS_REGION", "us-east-1")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_CONTAINER_CREDENTIALS_FULL_URI", format!("http://{}/keys", source.address()))
        .env("HTTP_PROXY", format!("http://{}", proxy.address()))
        .env("ADIT_ENDPOINT_URL", lab.endpoint())
        .args(["list", "ec2"])
        .output()
        .expect("the program runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(source.accepted() > 0, "{stderr}");
    assert_eq!(proxy.accepted(), 0, "{stderr}");
}

/// What the README shows is what a lab prints.
#[test]
fn the_plan_in_the_readme_is_the_programs() {
    let readme = include_str!("../../README.md");
    let (_, shown) = readme.split_once("```text\naccount ").expect("a sample");
    let (shown, _) = shown.split_once("\n…\n```").expect("its end, below which there is more");
    let server = Server::echo();
    let cloud = Cloud::start(Lab::builder());
    cloud.database("orders", server.address());
    let ran = cloud.run(&["init", "--target", "rds:orders", "--plan"]).expect(0);
    let printed = ran.stdout.strip_prefix("account ").expect("who does it");
    assert!(printed.starts_with(shown) && printed.len() > shown.len(), "{}", ran.stdout);
}
