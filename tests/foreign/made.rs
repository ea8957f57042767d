//! What `adit init` makes and `adit cleanup` removes, as the AWS CLI and boto3 see it.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::aws_cli::Cli;
use crate::common::cloud::{Cloud, ec2, text};
use crate::common::lab::Lab;
use crate::common::servers::Server;
use crate::common::stories::Story;
use crate::python::python;

pub(crate) const STORIES: &[Story] = &[
    ("boto3_sees_what_was_made", boto3_sees_what_was_made),
    ("the_aws_cli_sees_what_was_made", the_aws_cli_sees_what_was_made),
];

/// A lab with a database in a group of its own, made reachable.
struct Made {
    cloud: Cloud,
    group: String,
}

impl Made {
    fn new(server: &Server) -> Self {
        let cloud = Cloud::start(Lab::builder());
        let group =
            [("GroupName", "database"), ("GroupDescription", "database"), ("VpcId", &cloud.vpc)];
        let group = text(&ec2(&cloud.lab, "CreateSecurityGroup", &group), "groupId").to_owned();
        cloud.database_in(&group, "orders", server.address());
        let init = ["init", "--target", "rds:orders", "--tag", "team=data", "--idle-stop", "7m"];
        cloud.run(&[&init[..], &["--yes"]].concat()).expect(0);
        Self { cloud, group }
    }

    /// Runs a function of `boto3_made.py`.
    fn ask(&self, story: &str) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign/boto3_made.py");
        let mut command = Command::new(python().program);
        command.env_clear().arg("-B").arg(script).args([story, &self.cloud.vpc, &self.group]);
        self.cloud.lab.credentials(&mut command);
        command
            .env("AWS_ENDPOINT_URL", self.cloud.lab.endpoint())
            .env("AWS_DEFAULT_REGION", "us-east-1");
        let output = command.output().expect("Python runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

fn boto3_sees_what_was_made() {
    let server = Server::echo();
    let made = Made::new(&server);
    made.ask("what_stands");
    made.cloud.run(&["cleanup", "--yes"]).expect(0);
    made.ask("what_is_left");
}

fn the_aws_cli_sees_what_was_made() {
    let server = Server::echo();
    let Made { cloud, group } = Made::new(&server);
    let cli = Cli::of(&cloud.lab);
    let ask =
        |arguments: &str| -> Value { cli.answer_of(&arguments.split(' ').collect::<Vec<_>>()) };
    let found = ask("ec2 describe-instances --filters Name=tag:adit:purpose,Values=bastion");
    let bastion = &found["Reservations"][0]["Instances"][0];
    assert_eq!(bastion["State"]["Name"], "running", "{found:#}");
    assert_eq!(bastion["MetadataOptions"]["HttpTokens"], "required", "{found:#}");
    assert_eq!(bastion["KeyName"], json!(null), "{found:#}");
    let own = bastion["SecurityGroups"][0]["GroupId"].as_str().expect("a group");

    let found = ask(&format!("ec2 describe-security-groups --group-ids {own}"));
    assert_eq!(found["SecurityGroups"][0]["IpPermissions"], json!([]), "{found:#}");
    let found = ask(&format!(
        "ec2 describe-security-group-rules --filters Name=group-id,Values={group} Name=tag-key,Values=adit:target"
    ));
    let rules = found["SecurityGroupRules"].as_array().expect("a list");
    assert_eq!(rules.len(), 1, "{found:#}");
    assert_eq!(rules[0]["ReferencedGroupInfo"]["GroupId"], own, "{found:#}");
    assert_eq!(rules[0]["FromPort"], 5432, "{found:#}");

    let name = format!("adit-bastion-{}", cloud.vpc);
    let found = ask(&format!("iam get-role --role-name {name}"));
    assert_eq!(found["Role"]["Path"], "/adit/", "{found:#}");
    let found = ask(&format!("iam get-instance-profile --instance-profile-name {name}"));
    assert_eq!(found["InstanceProfile"]["Roles"][0]["RoleName"], *name, "{found:#}");
    let found =
        ask(&format!("iam get-role-policy --role-name {name} --policy-name session-manager"));
    let actions = found["PolicyDocument"]["Statement"][0]["Action"].as_array().expect("a list");
    assert_eq!(actions.len(), 5, "{found:#}");
    assert!(actions.contains(&json!("ssmmessages:OpenDataChannel")), "{found:#}");
}
