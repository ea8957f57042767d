//! `init`, `list` and `cleanup`: what they print, ask, make and remove.

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::common::cloud::{Cloud, Ran, ec2, text};
use crate::common::connect::{dial, echo};
use crate::common::lab::Lab;
use crate::common::process::Program;
use crate::common::servers::Server;

/// Calls that make or change something.
const WRITES: [&str; 6] = [
    "CreateRole",
    "CreateInstanceProfile",
    "CreateSecurityGroup",
    "AuthorizeSecurityGroupIngress",
    "RunInstances",
    "TerminateInstances",
];

fn writes(cloud: &Cloud) -> Vec<&'static str> {
    WRITES.into_iter().filter(|call| cloud.lab.calls(call) > 0).collect()
}

fn kinds(ran: &Ran) -> Vec<String> {
    let kind = |event: &Value| event["event"].as_str().expect("a kind").to_owned();
    ran.events().iter().map(kind).collect()
}

#[test]
fn a_plan_says_who_does_what_where_and_why_and_changes_nothing() {
    let cloud = Cloud::start(Lab::builder());
    let ran = cloud.run(&["init", "--target", &cloud.target(), "--plan"]).expect(0);
    let first = ran.stdout.lines().next().expect("a line");
    assert!(first.contains("account 111122223333, region us-east-1, as arn:"), "{ran:#?}");
    assert!(ran.stdout.contains(&cloud.target()), "{ran:#?}");
    let steps = ran.stdout.lines().skip_while(|line| !line.starts_with('#'));
    let steps: Vec<&str> = steps.take_while(|line| !line.is_empty()).collect();
    assert!(steps[0].contains("STEP") && steps[0].contains("WHY"), "{ran:#?}");
    assert!(steps.len() > 5, "{ran:#?}");
    for (number, step) in steps.iter().enumerate().skip(1) {
        assert_eq!(step.split_whitespace().next(), Some(number.to_string().as_str()), "{ran:#?}");
    }
    assert_eq!(writes(&cloud), [""; 0]);
}

#[test]
fn without_a_terminal_the_plan_is_shown_and_the_answer_is_missing() {
    let cloud = Cloud::start(Lab::builder());
    for (arguments, hint) in [
        (&["init", "--target", &cloud.target()][..], "--yes"),
        (&["init", "--target", &cloud.target(), "--no-input"], "--yes"),
        (&["init", "--vpc", &cloud.vpc], "adit init --vpc vpc-"),
    ] {
        let ran = cloud.run(arguments).expect(14);
        assert!(ran.stdout.contains("STEP"), "{ran:#?}");
        assert!(ran.stderr.contains("hint: ") && ran.stderr.contains(hint), "{ran:#?}");
    }
    assert_eq!(writes(&cloud), [""; 0]);
}

#[test]
fn a_bastion_is_made_used_and_removed() {
    let server = Server::echo();
    let cloud = Cloud::start(Lab::builder().serve(&server));
    let target = cloud.target();

    let made = cloud.run(&["init", "--target", &target, "--yes", "--json"]).expect(0);
    let steps = made.event("plan")["steps"].as_array().expect("a list").len();
    let done = kinds(&made).iter().filter(|kind| *kind == "step_done").count();
    assert_eq!(done, steps, "{made:#?}");
    let bastion = made.event("initialised")["bastion"].clone();
    assert_eq!(cloud.bastions(), ["running"]);
    assert!(made.stderr.contains(&format!("next: adit connect --target {target}")), "{made:#?}");

    let again = cloud.run(&["init", "--target", &target]).expect(0);
    assert!(again.stderr.contains("nothing to do"), "{again:#?}");
    assert!(!again.stdout.contains("STEP"), "{again:#?}");
    let again = cloud.run(&["init", "--target", &target, "--json"]).expect(0);
    assert_eq!(again.event("plan")["steps"], json!([]));

    let used = use_tunnel(&cloud, &target);
    assert_eq!(used.event("bastion")["id"], bastion);

    let removed = cloud.run(&["cleanup", "--yes", "--json"]).expect(0);
    let plan = removed.event("removal_plan");
    let resources: Vec<&Value> =
        plan["steps"].as_array().expect("a list").iter().map(|step| &step["resource"]).collect();
    assert!(resources.contains(&&bastion), "{plan:#}");
    let done = kinds(&removed).iter().filter(|kind| *kind == "step_done").count();
    assert_eq!(done, resources.len(), "{removed:#?}");
    assert_eq!(cloud.bastions(), ["terminated"]);
    let nothing = cloud.run(&["cleanup"]).expect(0);
    assert_eq!(nothing.stdout, "");
    assert!(nothing.stderr.contains("nothing of adit in us-east-1"), "{nothing:#?}");
}

/// Opens a tunnel to a target, uses it, and closes it.
fn use_tunnel(cloud: &Cloud, target: &str) -> Ran {
    let arguments = ["connect", "--target", target, "--local-port", "auto", "--json"];
    let mut program = Program::start(&mut cloud.adit(&arguments));
    let address = program.expect_line("ready", |line| {
        let event: Value = serde_json::from_str(line).expect("JSON");
        let is_ready = event["event"] == "ready" && event["target"] == target;
        is_ready.then(|| event["address"].as_str().expect("an address").parse().expect("one"))
    });
    echo(&mut dial(address), b"hello");
    program.signal(Signal::INT);
    let code = program.wait().code();
    Ran { code, stdout: program.stdout(), stderr: program.stderr() }.expect(130)
}

#[test]
fn a_stopped_bastion_is_started_for_a_tunnel() {
    let server = Server::echo();
    let cloud = Cloud::start(Lab::builder().serve(&server));
    let target = cloud.target();
    let made = cloud.run(&["init", "--target", &target, "--yes", "--json"]).expect(0);
    let bastion = made.event("initialised")["bastion"].as_str().expect("an id").to_owned();
    // The first time nobody knows where the target is, the second time it is remembered.
    for _ in 0..2 {
        ec2(&cloud.lab, "StopInstances", &[("InstanceId.1", &bastion)]);
        let ran = use_tunnel(&cloud, &target);
        assert!(ran.stderr.contains("starting the bastion"), "{ran:#?}");
        assert_eq!(cloud.bastions(), ["running"]);
    }
    cloud.lab.expect_nothing_left();
}

/// What was looked up last time is tried at once, in as many calls as before but at the same time,
/// and it is given up when it is of no use any more.
#[test]
fn what_is_remembered_is_checked_before_the_tunnel_is_announced() {
    let server = Server::echo();
    let cloud = Cloud::start(Lab::builder().serve(&server));
    let target = cloud.target();
    cloud.run(&["init", "--target", &target, "--yes"]).expect(0);
    let first = use_tunnel(&cloud, &target);
    assert!(first.stderr.contains("looking up"), "{first:#?}");
    let second = use_tunnel(&cloud, &target);
    assert!(!second.stderr.contains("looking up"), "{second:#?}");
    assert_eq!(cloud.lab.calls("StartSession"), 2);

    cloud.run(&["cleanup", "--yes"]).expect(0);
    cloud.run(&["init", "--target", &target, "--yes"]).expect(0);
    let third = use_tunnel(&cloud, &target);
    let kinds = kinds(&third);
    let at = |kind: &str| kinds.iter().position(|one| one == kind);
    assert!(at("replacing").is_some() && at("replacing") < at("ready"), "{third:#?}");
    assert_eq!(third.event("ended")["cause"], "interrupted");

    // What leads nowhere is forgotten.
    cloud.run(&["cleanup", "--yes"]).expect(0);
    let gone = cloud.run(&["connect", "--target", &target, "--local-port", "auto"]).expect(7);
    assert!(gone.stderr.contains("adit init --target"), "{gone:#?}");
    cloud.run(&["init", "--target", &target, "--yes"]).expect(0);
    let fourth = use_tunnel(&cloud, &target);
    assert!(fourth.stderr.contains("looking up"), "{fourth:#?}");
    cloud.lab.expect_nothing_left();
}

#[test]
fn a_vpc_without_a_bastion_is_told_with_what_makes_one() {
    let cloud = Cloud::start(Lab::builder());
    let target = cloud.target();
    let ran = cloud.run(&["connect", "--target", &target, "--local-port", "auto"]).expect(7);
    let hint = format!("adit init --target {target}");
    assert!(ran.stderr.contains(&hint), "{ran:#?}");
}

#[test]
fn a_target_that_is_not_there_has_its_own_code() {
    let cloud = Cloud::start(Lab::builder());
    for arguments in [
        &["connect", "--local-port", "auto", "--target", "ec2:i-0bad0000000000bad:22"][..],
        &["init", "--plan", "--target", "ec2:i-0bad0000000000bad:22"],
        &["init", "--plan", "--vpc", "vpc-0bad0000000000bad"],
    ] {
        let ran = cloud.run(arguments).expect(6);
        assert!(ran.stderr.contains("0bad0000000000bad"), "{ran:#?}");
    }
}

#[test]
fn what_is_denied_is_told_with_its_action() {
    let cloud = Cloud::start(Lab::builder());
    cloud.lab.fault(json!({"deny": ["iam:CreateRole"]}));
    let ran = cloud.run(&["init", "--target", &cloud.target(), "--yes"]).expect(5);
    assert!(ran.stderr.contains("iam:CreateRole"), "{ran:#?}");
    assert_eq!(cloud.bastions(), [""; 0]);

    cloud.lab.fault(json!({"deny": []}));
    cloud.run(&["init", "--target", &cloud.target(), "--yes"]).expect(0);
    assert_eq!(cloud.bastions(), ["running"]);
}

#[test]
fn what_cannot_be_removed_is_told_and_the_rest_is_gone() {
    let cloud = Cloud::start(Lab::builder());
    cloud.run(&["init", "--vpc", &cloud.vpc, "--yes"]).expect(0);
    cloud.lab.fault(json!({"deny": ["iam:DeleteRole"]}));
    let ran = cloud.run(&["cleanup", "--yes"]).expect(15);
    assert_eq!(cloud.bastions(), ["terminated"]);
    assert!(ran.stdout.contains("STILL THERE"), "{ran:#?}");
    assert!(ran.stdout.contains("aws iam delete-role --role-name adit-bastion-"), "{ran:#?}");

    let ran = cloud.run(&["cleanup", "--yes", "--json"]).expect(15);
    assert_eq!(ran.event("error")["kind"], "partial");
    assert!(ran.event("step_failed")["command"].as_str().is_some(), "{ran:#?}");
    cloud.lab.fault(json!({"deny": []}));
    cloud.run(&["cleanup", "--yes"]).expect(0);
}

#[test]
fn a_run_that_is_interrupted_says_what_stands_and_the_next_one_finishes_it() {
    let cloud = Cloud::start(Lab::builder());
    cloud.lab.fault(json!({"agent_ms": 3_600_000}));
    let arguments = ["init", "--target", &cloud.target(), "--yes", "--json"];
    let mut program = Program::start(&mut cloud.adit(&arguments));
    program.expect_line("the wait for the agent", |line| {
        let event: Value = serde_json::from_str(line).expect("JSON");
        let what = event["what"].as_str().unwrap_or_default();
        (event["event"] == "waiting" && what.contains("agent")).then_some(())
    });
    program.signal(Signal::INT);
    assert_eq!(program.wait().code(), Some(130), "{}", program.stderr());
    let stderr = program.stderr();
    assert!(stderr.contains("it stays: ") && stderr.contains("`adit init --target"), "{stderr}");

    cloud.lab.fault(json!({"agent_ms": 0}));
    cloud.run(&arguments).expect(0);
    assert_eq!(cloud.bastions(), ["running"]);
    assert_eq!(cloud.lab.calls("RunInstances"), 1);
}

#[test]
fn a_list_has_a_line_for_each_target_and_leaves_bastions_out() {
    let cloud = Cloud::start(Lab::builder());
    cloud.run(&["init", "--vpc", &cloud.vpc, "--yes"]).expect(0);
    let ran = cloud.run(&["list", "ec2"]).expect(0);
    assert_eq!(ran.stdout, "", "the bastion is not a target: {ran:#?}");

    let server = Server::echo();
    cloud.database("orders", server.address());
    // In another group, as the rule for one is a way into all that share its group and port.
    let parameters =
        [("GroupName", "users"), ("GroupDescription", "tests"), ("VpcId", cloud.vpc.as_str())];
    let group = ec2(&cloud.lab, "CreateSecurityGroup", &parameters);
    cloud.database_in(text(&group, "groupId"), "users", server.address());
    cloud.run(&["init", "--target", "rds:orders", "--yes"]).expect(0);
    let ran = cloud.run(&["list"]).expect(0);
    let lines: Vec<&str> = ran.stdout.lines().collect();
    let (vpc, columns, targets) = (lines[0], lines[1], &lines[2..]);
    assert!(vpc.contains(&cloud.vpc) && vpc.contains(", bastion i-"), "{ran:#?}");
    assert!(columns.contains("TARGET") && columns.contains("READY"), "{ran:#?}");
    let starts: Vec<_> = targets.iter().map(|line| line.split_whitespace().take(2)).collect();
    let starts: Vec<String> =
        starts.into_iter().map(|words| words.collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(starts, ["rds:orders yes", "rds:users no"], "{ran:#?}");
    assert!(targets[0].ends_with(".rds.amazonaws.com:5432"), "{ran:#?}");

    cloud.lab.fault(json!({"deny": ["elasticache:*"]}));
    let ran = cloud.run(&["list", "--json"]).expect(0);
    let targets: Vec<Value> =
        ran.events().into_iter().filter(|event| event["event"] == "target").collect();
    assert_eq!(targets.len(), 2, "{ran:#?}");
    assert_eq!(targets[0]["target"], "rds:orders");
    assert_eq!(targets[0]["initialised"], true);
    assert_eq!(targets[0]["bastion_state"], "running");
    assert!(
        ran.event("warning")["message"].as_str().is_some_and(|text| text.contains("elasticache"))
    );

    // More calls fail than kinds were asked for, and one of the kinds is there.
    let ran = cloud.run(&["list", "rds", "elasticache"]).expect(0);
    assert!(ran.stdout.contains("rds:orders"), "{ran:#?}");

    cloud.lab.fault(json!({"deny": ["rds:*"]}));
    cloud.run(&["list", "rds", "aurora"]).expect(5);
    // What several kinds are denied alike is said once.
    let ran = cloud.run(&["list", "aurora", "docdb", "ec2"]).expect(0);
    assert_eq!(ran.stderr.matches("warning: ").count(), 1, "{ran:#?}");
    assert!(ran.stderr.contains("aurora, docdb cannot be listed"), "{ran:#?}");
}

/// From a VPC where nothing has been prepared to a database.
#[test]
fn two_commands_lead_to_a_private_database() {
    let server = Server::echo();
    let cloud = Cloud::start(Lab::builder());
    cloud.database("orders", server.address());
    cloud.run(&["init", "--target", "rds:orders", "--yes"]).expect(0);
    use_tunnel(&cloud, "rds:orders");
    cloud.run(&["cleanup", "--target", "rds:orders", "--yes"]).expect(0);
    assert_eq!(cloud.bastions(), ["running"]);
    cloud.run(&["cleanup", "--yes"]).expect(0);
    assert_eq!(cloud.bastions(), ["terminated"]);
}
