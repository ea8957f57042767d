//! A lab with a network in it, and what the tests ask of its AWS themselves.

use std::net::SocketAddr;
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::http;
use super::lab::{Lab, LabBuilder};
use super::process::{Program, adit};
use super::secrets::expect_none_of_fixtures;

/// The versions of APIs, by which a request without a signature is known.
const EC2: &str = "2016-11-15";
const RDS: &str = "2014-10-31";
const IAM: &str = "2010-05-08";
const ELASTICACHE: &str = "2015-02-02";

/// A lab that things are made in, and a home for the program that makes them.
pub(crate) struct Cloud {
    pub(crate) lab: Lab,
    /// The VPC that every account has.
    pub(crate) vpc: String,
    home: TempDir,
}

impl Cloud {
    /// Starts a lab where instances take no time.
    pub(crate) fn start(builder: LabBuilder) -> Self {
        let lab = builder.arg("--no-sigv4").start();
        lab.fault(json!({"boot_ms": 0, "agent_ms": 0, "release_ms": 0}));
        let vpc = text(&ec2(&lab, "DescribeVpcs", &[]), "vpcId").to_owned();
        Self { lab, vpc, home: tempfile::tempdir().expect("a temporary folder") }
    }

    /// A port of `db.internal`, as a target in the VPC.
    pub(crate) fn target(&self) -> String {
        format!("host:db.internal:5432@{}", self.vpc)
    }

    /// The program with the lab's keys and endpoint.
    pub(crate) fn adit(&self, arguments: &[&str]) -> Command {
        let mut command = adit(self.home.path());
        self.lab.credentials(&mut command);
        command.env("ADIT_ENDPOINT_URL", self.lab.endpoint()).args(arguments);
        command
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        let output = self.adit(arguments).output().expect("the program runs");
        Ran::of(output)
    }

    /// Makes a PostgreSQL database in the VPC, which is really at `address`.
    pub(crate) fn database(&self, id: &str, address: SocketAddr) {
        self.make_database(&[], id, address);
    }

    /// The same with a security group of its own.
    pub(crate) fn database_in(&self, group: &str, id: &str, address: SocketAddr) {
        self.make_database(&[("VpcSecurityGroupIds.VpcSecurityGroupId.1", group)], id, address);
    }

    fn make_database(&self, more: &[(&str, &str)], id: &str, address: SocketAddr) {
        let xml = ec2(&self.lab, "DescribeSubnets", &[]);
        let subnets: Vec<&str> =
            xml.split("<subnetId>").skip(1).filter_map(|rest| rest.split('<').next()).collect();
        let group = format!("group-of-{id}");
        let rds = |action, parameters: &[(&str, &str)]| {
            call(&self.lab, RDS, action, parameters);
        };
        rds(
            "CreateDBSubnetGroup",
            &[
                ("DBSubnetGroupName", &group),
                ("DBSubnetGroupDescription", "tests"),
                ("SubnetIds.SubnetIdentifier.1", subnets[0]),
                ("SubnetIds.SubnetIdentifier.2", subnets[1]),
            ],
        );
        let address = address.to_string();
        let database = [
            ("DBInstanceIdentifier", id),
            ("DBInstanceClass", "db.t4g.micro"),
            ("Engine", "postgres"),
            ("MasterUsername", "postgres"),
            ("MasterUserPassword", "not-a-secret"),
            ("AllocatedStorage", "20"),
            ("DBSubnetGroupName", &group),
            ("Tags.Tag.1.Key", "lab:address"),
            ("Tags.Tag.1.Value", &address),
        ];
        rds("CreateDBInstance", &[&database[..], more].concat());
    }

    /// Makes a serverless cache in the VPC.
    pub(crate) fn cache(&self, name: &str) {
        let parameters = [("ServerlessCacheName", name), ("Engine", "valkey")];
        call(&self.lab, ELASTICACHE, "CreateServerlessCache", &parameters);
    }

    /// Starts the program, and does not wait for it.
    pub(crate) fn start_program(&self, arguments: &[&str]) -> Program {
        Program::start(&mut self.adit(arguments))
    }

    /// What carries adit's tags or name and has not been removed, one line each, sorted.
    pub(crate) fn made(&self) -> Vec<String> {
        let tagged = [("Filter.1.Name", "tag-key"), ("Filter.1.Value.1", "adit:purpose")];
        let mut made = Vec::new();
        let is_there = |state: &String| !matches!(state.as_str(), "terminated" | "shutting-down");
        made.extend(self.bastions().iter().filter(|state| is_there(state)).cloned());
        let groups = ec2(&self.lab, "DescribeSecurityGroups", &tagged);
        made.extend(texts(&groups, "groupName").map(|name| format!("group {name}")));
        let rules = ec2(&self.lab, "DescribeSecurityGroupRules", &tagged);
        made.extend(rules.split("<securityGroupRuleId>").skip(1).map(|rule| {
            let way = if text(rule, "isEgress") == "true" { "out" } else { "in" };
            format!("rule {way} {}", text(rule, "fromPort"))
        }));
        let roles = call(&self.lab, IAM, "ListRoles", &[]);
        let ours = |name: &&str| name.starts_with("adit-");
        made.extend(texts(&roles, "RoleName").filter(ours).map(|name| format!("role {name}")));
        let profiles = call(&self.lab, IAM, "ListInstanceProfiles", &[]);
        let names = texts(&profiles, "InstanceProfileName");
        made.extend(names.filter(ours).map(|name| format!("profile {name}")));
        made.sort();
        made
    }

    /// The id of the bastion that runs or could.
    pub(crate) fn bastion_id(&self) -> String {
        let filter = [("Filter.1.Name", "tag:adit:purpose"), ("Filter.1.Value.1", "bastion")];
        text(&ec2(&self.lab, "DescribeInstances", &filter), "instanceId").to_owned()
    }

    /// The states of the instances that carry a tag of this value.
    pub(crate) fn bastions(&self) -> Vec<String> {
        let filter = [("Filter.1.Name", "tag:adit:purpose"), ("Filter.1.Value.1", "bastion")];
        let xml = ec2(&self.lab, "DescribeInstances", &filter);
        let states = xml.split("<instanceState>").skip(1);
        states.map(|rest| text(rest, "name").to_owned()).collect()
    }
}

/// How the program ended, and what it said.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// Waits for the end of a program.
    pub(crate) fn to_the_end(mut program: Program) -> Self {
        let code = program.wait().code();
        Self { code, stdout: program.stdout(), stderr: program.stderr() }
    }

    pub(crate) fn of(output: Output) -> Self {
        expect_none_of_fixtures("standard output", &output.stdout);
        expect_none_of_fixtures("standard error", &output.stderr);
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("UTF-8"),
        }
    }

    /// The events on standard output, which has nothing else.
    pub(crate) fn events(&self) -> Vec<Value> {
        let parse = |line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {self:#?}"));
        self.stdout.lines().map(parse).collect()
    }

    /// The only event of a kind.
    pub(crate) fn event(&self, kind: &str) -> Value {
        let mut events = self.events();
        events.retain(|event| event["event"] == kind);
        assert_eq!(events.len(), 1, "{kind}: {self:#?}");
        events.remove(0)
    }

    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }
}

/// Calls EC2 and gives the answer, which is a success.
pub(crate) fn ec2(lab: &Lab, action: &str, parameters: &[(&str, &str)]) -> String {
    call(lab, EC2, action, parameters)
}

/// The same with RDS.
pub(crate) fn rds(lab: &Lab, action: &str, parameters: &[(&str, &str)]) -> String {
    call(lab, RDS, action, parameters)
}

fn call(lab: &Lab, version: &str, action: &str, parameters: &[(&str, &str)]) -> String {
    let mut form = format!("Action={action}&Version={version}");
    for (name, value) in parameters {
        form = format!("{form}&{name}={value}");
    }
    let headers = [("Content-Type", "application/x-www-form-urlencoded")];
    let answer = http::request(lab.address(), "POST", "/", &headers, &form).expect("an answer");
    assert_eq!(answer.status, 200, "{form}: {}", answer.body);
    answer.body
}

/// What stands in all elements of a name.
fn texts<'a>(xml: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let start = format!("<{name}>");
    let rests: Vec<&str> = xml.split(start.as_str()).skip(1).collect();
    rests.into_iter().filter_map(|rest| rest.split('<').next())
}

/// What stands in the first element of a name.
pub(crate) fn text<'a>(xml: &'a str, name: &str) -> &'a str {
    let (_, rest) = xml.split_once(&format!("<{name}>")).unwrap_or_else(|| panic!("{name}: {xml}"));
    rest.split('<').next().unwrap_or_default()
}
