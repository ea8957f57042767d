//! An account of moto's with a network in it, and the lab that its sessions lead to.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Command;

use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::cloud::{Ran, text};
use crate::common::connect::{dial, echo};
use crate::common::lab::Lab;
use crate::common::process::{Program, adit};
use crate::common::secrets::watch;
use crate::common::servers::Server;
use crate::common::{BASTION, http};
use crate::python::python;

/// The services that the tests call themselves, and the versions of their APIs.
pub(super) const EC2: (&str, &str) = ("ec2", "2016-11-15");
pub(super) const IAM: (&str, &str) = ("iam", "2010-05-08");
pub(super) const RDS: (&str, &str) = ("rds", "2014-10-31");

/// Keys that nobody checks, and the user that moto takes their holder for.
const ANYBODY: (&str, &str) = ("AKIAANYBODY000000000", "not-a-secret");

/// A running moto.
pub(super) struct Account {
    pub(super) lab: Lab,
    moto: Program,
    address: SocketAddr,
    home: TempDir,
    keys: (String, String),
}

/// A VPC whose private subnets lead out through a NAT gateway, in two zones.
pub(super) struct Network {
    pub(super) vpc: String,
    private: [String; 2],
}

impl Account {
    /// Starts moto; whatever database is reached there is really `server`.
    pub(super) fn start(server: &Server) -> Self {
        let mut lab = Lab::builder().arg("--no-sigv4");
        for id in ["orders", "users"] {
            let map = format!("{}:5432={}", host(id), server.address());
            lab = lab.arg("--map").arg(map);
        }
        let lab = lab.start();
        let home = tempfile::tempdir().expect("a temporary folder");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign/moto/server.py");
        let mut command = Command::new(python().program);
        command.env_clear().env("HOME", home.path()).current_dir(home.path());
        command.arg("-B").arg(script).args([&lab.endpoint(), BASTION]);
        let moto = Program::start(&mut command);
        let port: u16 = moto.expect_line("moto's port", |line| line.parse().ok());
        let address = (Ipv4Addr::LOCALHOST, port).into();
        let keys = (ANYBODY.0.to_owned(), ANYBODY.1.to_owned());
        Self { lab, moto, address, home, keys }
    }

    /// The program with the account's keys and endpoint.
    pub(super) fn adit(&self, arguments: &[&str]) -> Command {
        let mut command = adit(self.home.path());
        command
            .env("AWS_ACCESS_KEY_ID", &self.keys.0)
            .env("AWS_SECRET_ACCESS_KEY", &self.keys.1)
            .env("AWS_REGION", "us-east-1")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_ENDPOINT_URL", format!("http://{}", self.address))
            .args(arguments);
        command
    }

    /// Runs the program to its end.
    pub(super) fn run(&self, arguments: &[&str]) -> Ran {
        let mut program = Program::start(&mut self.adit(arguments));
        let code = program.wait().code();
        Ran { code, stdout: program.stdout(), stderr: program.stderr() }
    }

    /// Opens a tunnel to a target, uses it, and closes it.
    pub(super) fn use_tunnel(&self, target: &str) -> Ran {
        let arguments = ["connect", "--target", target, "--local-port", "auto", "--json"];
        let mut program = Program::start(&mut self.adit(&arguments));
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

    /// Makes the network.
    pub(super) fn network(&self) -> Network {
        let made = |action, parameters: &[(&str, &str)], id| {
            text(&self.call(EC2, action, parameters), id).to_owned()
        };
        let vpc = made("CreateVpc", &[("CidrBlock", "10.20.0.0/16")], "vpcId");
        let subnet = |block, zone| {
            let parameters = [("VpcId", &*vpc), ("CidrBlock", block), ("AvailabilityZone", zone)];
            made("CreateSubnet", &parameters, "subnetId")
        };
        let public = subnet("10.20.1.0/24", "us-east-1a");
        let private = [subnet("10.20.2.0/24", "us-east-1a"), subnet("10.20.3.0/24", "us-east-1b")];
        let lead = |subnets: &[&str], way: (&str, &str)| {
            let table = made("CreateRouteTable", &[("VpcId", &vpc)], "routeTableId");
            let route = [("RouteTableId", &*table), ("DestinationCidrBlock", "0.0.0.0/0"), way];
            self.call(EC2, "CreateRoute", &route);
            for subnet in subnets {
                let both = [("RouteTableId", &*table), ("SubnetId", *subnet)];
                self.call(EC2, "AssociateRouteTable", &both);
            }
        };
        let internet = made("CreateInternetGateway", &[], "internetGatewayId");
        let both = [("InternetGatewayId", &*internet), ("VpcId", &*vpc)];
        self.call(EC2, "AttachInternetGateway", &both);
        lead(&[&public], ("GatewayId", &internet));
        let address = made("AllocateAddress", &[("Domain", "vpc")], "allocationId");
        let nat = [("SubnetId", &*public), ("AllocationId", &*address)];
        let nat = made("CreateNatGateway", &nat, "natGatewayId");
        lead(&[&private[0], &private[1]], ("NatGatewayId", &nat));
        Network { vpc, private }
    }

    /// Makes a private database with a security group of its own, and gives the group.
    pub(super) fn database(&self, network: &Network, id: &str) -> String {
        let group = self.group(network, &format!("group-of-{id}"));
        let name = format!("subnets-of-{id}");
        let subnets = [
            ("DBSubnetGroupName", &*name),
            ("DBSubnetGroupDescription", "tests"),
            ("SubnetIds.SubnetIdentifier.1", &network.private[0]),
            ("SubnetIds.SubnetIdentifier.2", &network.private[1]),
        ];
        self.call(RDS, "CreateDBSubnetGroup", &subnets);
        let instance = [
            ("DBInstanceIdentifier", id),
            ("DBInstanceClass", "db.t4g.micro"),
            ("Engine", "postgres"),
            ("MasterUsername", "owner"),
            ("MasterUserPassword", "not-a-secret"),
            ("AllocatedStorage", "20"),
            ("DBSubnetGroupName", &name),
            ("VpcSecurityGroupIds.VpcSecurityGroupId.1", &group),
            ("PubliclyAccessible", "false"),
        ];
        let made = self.call(RDS, "CreateDBInstance", &instance);
        assert_eq!(text(&made, "Address"), host(id));
        group
    }

    /// Makes a security group without tags.
    pub(super) fn group(&self, network: &Network, name: &str) -> String {
        let parameters =
            [("GroupName", name), ("GroupDescription", "tests"), ("VpcId", &network.vpc)];
        text(&self.call(EC2, "CreateSecurityGroup", &parameters), "groupId").to_owned()
    }

    /// Lets members of one group in to another group's port 5432, by somebody else's rule.
    pub(super) fn let_in(&self, group: &str, member: &str) {
        let parameters = [
            ("GroupId", group),
            ("IpPermissions.1.IpProtocol", "tcp"),
            ("IpPermissions.1.FromPort", "5432"),
            ("IpPermissions.1.ToPort", "5432"),
            ("IpPermissions.1.Groups.1.GroupId", member),
        ];
        self.call(EC2, "AuthorizeSecurityGroupIngress", &parameters);
    }

    /// The states of adit's instances in the account.
    pub(super) fn bastions(&self) -> Vec<String> {
        let filter = [("Filter.1.Name", "tag:adit:purpose"), ("Filter.1.Value.1", "bastion")];
        let xml = self.call(EC2, "DescribeInstances", &filter);
        let states = xml.split("<instanceState>").skip(1);
        states.map(|rest| text(rest, "name").to_owned()).collect()
    }

    /// What there is of adit's, by kind: instances that are not gone, groups, rules, roles, profiles.
    pub(super) fn ours(&self) -> [usize; 5] {
        let tagged = [("Filter.1.Name", "tag-key"), ("Filter.1.Value.1", "adit:purpose")];
        let groups = self.call(EC2, "DescribeSecurityGroups", &tagged);
        let rules = self.call(EC2, "DescribeSecurityGroupRules", &tagged);
        let roles = self.call(IAM, "ListRoles", &[]);
        // moto knows no prefix of paths here.
        let profiles = self.call(IAM, "ListInstanceProfiles", &[]);
        let instances = self.bastions();
        [
            instances.iter().filter(|state| *state != "terminated").count(),
            groups.matches("<groupName>").count(),
            rules.matches("<securityGroupRuleId>").count(),
            roles.matches(":role/adit/").count(),
            profiles.matches(":instance-profile/adit/").count(),
        ]
    }

    /// Forgets everything that was made.
    pub(super) fn reset(&self) {
        self.ask("POST", "/moto-api/reset", "");
    }

    /// Holds the Nth call from here on before or after it is done; counts calls anew.
    pub(super) fn hold(&self, call: usize, when: &str) {
        self.ask("POST", "/switches", &json!({"call": call, "when": when}).to_string());
    }

    /// Holds nothing; a held call is given up. Counts calls anew.
    pub(super) fn release(&self) {
        self.ask("POST", "/switches", "{}");
    }

    /// How many calls have been held so far.
    pub(super) fn holds(&self) -> usize {
        self.moto.stdout().lines().filter(|line| line.starts_with("held ")).count()
    }

    /// The actions that were called since they were last counted anew, in the order in which each
    /// first came, and how often.
    pub(super) fn calls(&self) -> Vec<(String, u64)> {
        let calls = self.ask("GET", "/switches", "");
        serde_json::from_str(&calls).expect("names with counts")
    }

    /// From here on the program is a user who may do everything but what is denied.
    pub(super) fn become_user(&mut self) {
        let name = [("UserName", "someone")];
        self.call(IAM, "CreateUser", &name);
        let key = self.call(IAM, "CreateAccessKey", &name);
        let of = |element| text(&key, element).to_owned();
        self.keys = (of("AccessKeyId"), of("SecretAccessKey"));
        watch(&self.keys.1);
    }

    /// The program's key and its secret.
    pub(super) fn keys(&self) -> (&str, &str) {
        (&self.keys.0, &self.keys.1)
    }

    /// Gives the program's home an `~/.aws/config`.
    pub(super) fn configure(&self, text: &str) {
        let folder = self.home.path().join(".aws");
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(folder.join("config"), text).expect("a file");
    }

    /// Denies the user these actions, and has signatures and policies checked for one run.
    pub(super) fn run_denied(&self, actions: &[&str], arguments: &[&str]) -> Ran {
        let mut statements = vec![json!({"Effect": "Allow", "Action": "*", "Resource": "*"})];
        if !actions.is_empty() {
            statements.push(json!({"Effect": "Deny", "Action": actions, "Resource": "*"}));
        }
        let document = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
        let policy =
            [("UserName", "someone"), ("PolicyName", "all-but"), ("PolicyDocument", &document)];
        self.call(IAM, "PutUserPolicy", &policy);
        self.ask("POST", "/moto-api/reset-auth", "0");
        let ran = self.run(arguments);
        self.ask("POST", "/moto-api/reset-auth", "inf");
        ran
    }

    /// Makes a call and gives the answer, which is a success. moto finds the service by the scope
    /// of a signature, and looks at nothing else of it.
    pub(super) fn call(
        &self,
        (service, version): (&str, &str),
        action: &str,
        parameters: &[(&str, &str)],
    ) -> String {
        let mut form = format!("Action={action}&Version={version}");
        for (name, value) in parameters {
            form = format!("{form}&{name}={}", escaped(value));
        }
        let scope = format!("{}/20261121/us-east-1/{service}/aws4_request", ANYBODY.0);
        let signed = format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=, Signature=");
        let headers =
            [("Content-Type", "application/x-www-form-urlencoded"), ("Authorization", &*signed)];
        let answer = http::request(self.address, "POST", "/", &headers, &form).expect("an answer");
        assert_eq!(answer.status, 200, "{form}: {}", answer.body);
        answer.body
    }

    fn ask(&self, method: &str, path: &str, body: &str) -> String {
        let answer = http::request(self.address, method, path, &[], body).expect("an answer");
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.body
    }
}

/// How moto names the endpoint of a database.
fn host(id: &str) -> String {
    format!("{id}.aaaaaaaaaa.us-east-1.rds.amazonaws.com")
}

/// A value in a form.
fn escaped(value: &str) -> String {
    value.bytes().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_alphanumeric() {
            text.push(char::from(byte));
        } else {
            write!(text, "%{byte:02X}").expect("a string takes everything");
        }
        text
    })
}
