//! The program against moto: another's idea of the same API.
//!
//! Sessions are the lab's. What moto cannot do is listed in `CONTRIBUTING.md`.

mod account;
mod credentials;
mod denied;
mod killed;

use serde_json::json;

use self::account::{Account, EC2, IAM};
use crate::common::cloud::text;
use crate::common::servers::Server;
use crate::common::stories::Story;

pub(crate) const STORIES: &[Story] = &[
    ("a_private_database_is_reached_and_all_is_removed", a_private_database_is_reached),
    ("two_targets_share_a_bastion", two_targets_share_a_bastion),
    ("a_stopped_bastion_is_started", a_stopped_bastion_is_started),
    ("what_others_use_stays", what_others_use_stays),
    ("names_of_others_are_left_alone", names_of_others_are_left_alone),
    ("a_code_and_two_roles_lead_to_credentials", credentials::by_a_code_and_two_roles),
    ("init_is_killed_before_each_call", || killed::init("before")),
    ("init_is_killed_after_each_call", || killed::init("after")),
    ("cleanup_is_killed_before_each_call", || killed::cleanup("before")),
    ("cleanup_is_killed_after_each_call", || killed::cleanup("after")),
    ("init_is_denied_each_call", denied::init),
    ("connect_is_denied_each_call", denied::connect),
    ("cleanup_is_denied_each_call", denied::cleanup),
];

const INIT: [&str; 4] = ["init", "--target", "rds:orders", "--yes"];

/// A run of `init` leaves one instance, its group, the rules in and out with the way to the
/// service, one role, one profile.
const ALL: [usize; 5] = [1, 1, 3, 1, 1];
const NOTHING: [usize; 5] = [0; 5];

/// Whether a call makes, changes or removes something.
fn writes(action: &str) -> bool {
    let (_, operation) = action.split_once(':').expect("a service");
    !["Describe", "Get", "List"].iter().any(|reads| operation.starts_with(reads))
}

fn a_private_database_is_reached() {
    let server = Server::echo();
    let account = Account::start(&server);
    let network = account.network();
    account.database(&network, "orders");
    account.run(&INIT).expect(0);
    assert_eq!(account.ours(), ALL);

    account.release();
    let again = account.run(&["init", "--target", "rds:orders", "--json"]).expect(0);
    assert_eq!(again.event("plan")["steps"], json!([]));
    let calls = account.calls();
    assert!(!calls.is_empty() && !calls.iter().any(|(action, _)| writes(action)), "{calls:?}");

    account.use_tunnel("rds:orders");
    account.run(&["cleanup", "--yes"]).expect(0);
    assert_eq!(account.ours(), NOTHING);
    assert_eq!(account.bastions(), ["terminated"]);
    let nothing = account.run(&["cleanup"]).expect(0);
    assert!(nothing.stderr.contains("nothing of adit"), "{nothing:#?}");
    account.lab.expect_nothing_left();
}

fn two_targets_share_a_bastion() {
    let server = Server::echo();
    let account = Account::start(&server);
    let network = account.network();
    account.database(&network, "orders");
    account.database(&network, "users");
    account.run(&INIT).expect(0);
    account.release();
    account.run(&["init", "--target", "rds:users", "--yes"]).expect(0);
    let calls = account.calls();
    let written = calls.iter().filter(|(action, _)| writes(action));
    let written: Vec<_> = written.map(|(action, count)| (action.as_str(), *count)).collect();
    // The way out is there and takes a note, the way in is the target's own.
    assert_eq!(written, [("ec2:CreateTags", 1), ("ec2:AuthorizeSecurityGroupIngress", 1)]);
    assert_eq!(account.bastions(), ["running"]);
    for target in ["rds:orders", "rds:users"] {
        account.use_tunnel(target);
    }

    account.run(&["cleanup", "--target", "rds:orders", "--yes"]).expect(0);
    assert_eq!(account.bastions(), ["running"]);
    account.use_tunnel("rds:users");
    let left = account.run(&["init", "--target", "rds:users"]).expect(0);
    assert!(left.stderr.contains("nothing to do"), "{left:#?}");
    account.run(&["cleanup", "--yes"]).expect(0);
    assert_eq!(account.ours(), NOTHING);
}

fn a_stopped_bastion_is_started() {
    let server = Server::echo();
    let account = Account::start(&server);
    account.database(&account.network(), "orders");
    let made = account.run(&[INIT.as_slice(), &["--json"]].concat()).expect(0);
    let bastion = made.event("initialised")["bastion"].as_str().expect("an id").to_owned();
    // The first time nobody knows where the target is, the second time it is remembered.
    for _ in 0..2 {
        account.call(EC2, "StopInstances", &[("InstanceId.1", &bastion)]);
        let ran = account.use_tunnel("rds:orders");
        assert!(ran.stderr.contains("starting the bastion"), "{ran:#?}");
        assert_eq!(account.bastions(), ["running"]);
    }
    account.lab.expect_nothing_left();
}

fn what_others_use_stays() {
    let server = Server::echo();
    let account = Account::start(&server);
    let network = account.network();
    let database = account.database(&network, "orders");
    account.run(&INIT).expect(0);
    let ours = [("Filter.1.Name", "group-name"), ("Filter.1.Value.1", "adit-bastion")];
    let group = text(&account.call(EC2, "DescribeSecurityGroups", &ours), "groupId").to_owned();
    let theirs = account.group(&network, "theirs");
    account.let_in(&theirs, &group);
    account.let_in(&database, &theirs);

    let ran = account.run(&["cleanup", "--yes"]).expect(15);
    assert!(ran.stdout.contains("STILL THERE"), "{ran:#?}");
    let by_hand = format!("aws ec2 revoke-security-group-ingress --group-id {theirs}");
    assert!(ran.stdout.contains(&by_hand), "{ran:#?}");
    // The group with its two rules stands, and nothing else.
    assert_eq!(account.ours(), [0, 1, 2, 0, 0]);
    let rules = [("Filter.1.Name", "group-id"), ("Filter.1.Value.1", &*database)];
    let rules = account.call(EC2, "DescribeSecurityGroupRules", &rules);
    assert!(rules.contains(&theirs) && !rules.contains(&group), "{rules}");

    let rule = [
        ("GroupId", &*theirs),
        ("IpPermissions.1.IpProtocol", "tcp"),
        ("IpPermissions.1.FromPort", "5432"),
        ("IpPermissions.1.ToPort", "5432"),
        ("IpPermissions.1.Groups.1.GroupId", &group),
    ];
    account.call(EC2, "RevokeSecurityGroupIngress", &rule);
    account.run(&["cleanup", "--yes"]).expect(0);
    assert_eq!(account.ours(), NOTHING);
}

fn names_of_others_are_left_alone() {
    let server = Server::echo();
    let account = Account::start(&server);
    let network = account.network();
    account.database(&network, "orders");
    let group = account.group(&network, "adit-bastion");
    let name = format!("adit-bastion-{}", network.vpc);
    let trust = json!({"Version": "2012-10-17", "Statement": []}).to_string();
    let role = [("RoleName", &*name), ("AssumeRolePolicyDocument", &trust)];
    account.call(IAM, "CreateRole", &role);
    account.call(IAM, "CreateInstanceProfile", &[("InstanceProfileName", &name)]);

    account.run(&INIT).expect(0);
    assert_eq!(account.ours(), ALL);
    account.use_tunnel("rds:orders");
    account.run(&["cleanup", "--yes"]).expect(0);
    assert_eq!(account.ours(), NOTHING);
    account.call(IAM, "GetRole", &[("RoleName", &name)]);
    account.call(IAM, "GetInstanceProfile", &[("InstanceProfileName", &name)]);
    account.call(EC2, "DescribeSecurityGroups", &[("GroupId.1", &group)]);
}
