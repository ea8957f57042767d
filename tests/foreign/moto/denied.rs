//! Runs that are denied each of their calls, one after the other.

use super::account::{Account, EC2};
use super::{ALL, INIT, NOTHING, writes};
use crate::common::servers::Server;

/// What tells of name servers: whoever may not see it is told so where it matters, and goes on.
const DISPENSABLE: [&str; 2] = ["ec2:DescribeDhcpOptions", "ec2:DescribeVpcAttribute"];

/// Each is told by its name. What was made before it stays, and the next run goes on from there: it
/// gets as far as the next denial.
pub(super) fn init() {
    let server = Server::echo();
    let mut account = Account::start(&server);
    let network = account.network();
    account.database(&network, "orders");
    account.become_user();
    let mut actions = actions(&account, &INIT);
    actions.retain(|action| !DISPENSABLE.contains(&action.as_str()));
    account.run(&["cleanup", "--yes"]).expect(0);
    let denied = |action: &str| {
        let ran = account.run_denied(&[action], &INIT).expect(5);
        assert!(ran.stderr.contains(action), "{action}: {ran:#?}");
    };
    // Only the run that starts the bastion asks for its agent.
    let (agent, others): (Vec<_>, Vec<_>) =
        actions.iter().partition(|action| *action == "ssm:DescribeInstanceInformation");
    for action in others {
        denied(action);
    }
    account.run(&["cleanup", "--yes"]).expect(0);
    for action in agent {
        denied(action);
    }
    account.run_denied(&DISPENSABLE, &INIT).expect(0);
    assert_eq!(account.ours(), ALL);
}

pub(super) fn connect() {
    let server = Server::echo();
    let mut account = Account::start(&server);
    account.database(&account.network(), "orders");
    let made = account.run(&[INIT.as_slice(), &["--json"]].concat()).expect(0);
    let bastion = made.event("initialised")["bastion"].as_str().expect("an id").to_owned();
    account.become_user();
    let denied = |action: &str| {
        let connect = ["connect", "--target", "rds:orders", "--local-port", "auto"];
        let ran = account.run_denied(&[action], &connect).expect(5);
        assert!(ran.stderr.contains(action), "{action}: {ran:#?}");
    };
    for action in ["rds:DescribeDBInstances", "ec2:DescribeInstances", "ssm:StartSession"] {
        denied(action);
    }
    account.call(EC2, "StopInstances", &[("InstanceId.1", &bastion)]);
    denied("ec2:StartInstances");
    account.use_tunnel("rds:orders");
}

/// What may not be looked at or removed is told, and all that does not hang on it is removed.
pub(super) fn cleanup() {
    let server = Server::echo();
    let mut account = Account::start(&server);
    account.database(&account.network(), "orders");
    account.become_user();
    account.run(&INIT).expect(0);
    let actions = actions(&account, &["cleanup", "--yes"]);
    for action in actions {
        if account.ours() != ALL {
            account.run(&INIT).expect(0);
        }
        let ran = account.run_denied(&[&action], &["cleanup", "--yes"]);
        assert!(matches!(ran.code, Some(5 | 15)), "{action}: {ran:#?}");
        assert!(ran.stderr.contains(&action) || ran.stdout.contains(&action), "{action}: {ran:#?}");
        assert!(!writes(&action) || account.ours() != NOTHING, "{action}: {ran:#?}");
    }
    account.run_denied(&[], &["cleanup", "--yes"]).expect(0);
    assert_eq!(account.ours(), NOTHING);
}

/// The actions that a run needs. That of who asks cannot be denied.
fn actions(account: &Account, command: &[&str]) -> Vec<String> {
    account.release();
    account.run(command).expect(0);
    let calls = account.calls().into_iter().map(|(action, _)| action);
    let actions: Vec<_> = calls.filter(|action| action != "sts:GetCallerIdentity").collect();
    assert!(actions.len() > 10, "{actions:?}");
    actions
}
