//! Runs that are denied each of their calls, one after the other.

use super::account::Account;
use super::{ALL, INIT, NOTHING, writes};
use crate::common::servers::Server;

/// Each is told by its name. What was made before it stays, and the next run goes on from there: it
/// gets as far as the next denial.
pub(super) fn init() {
    let server = Server::echo();
    let mut account = Account::start(&server);
    let network = account.network();
    account.database(&network, "orders");
    account.become_user();
    let actions = actions(&account, &INIT);
    account.run(&["cleanup", "--yes"]).expect(0);
    let denied = |action: &str| {
        let ran = account.run_denied(&[action], &INIT).expect(5);
        assert!(ran.stderr.contains(action), "{action}: {ran:#?}");
    };
    // Only the run that starts the bastion asks for its agent.
    let (agent, others): (Vec<_>, Vec<_>) =
        actions.iter().partition(|action| *action == "ssm:DescribeInstanceInformation");
    others.into_iter().for_each(|action| denied(action));
    account.run(&["cleanup", "--yes"]).expect(0);
    agent.into_iter().for_each(|action| denied(action));
    account.run_denied(&[], &INIT).expect(0);
    assert_eq!(account.ours(), ALL);
}

pub(super) fn connect() {
    let server = Server::echo();
    let mut account = Account::start(&server);
    account.database(&account.network(), "orders");
    account.run(&INIT).expect(0);
    account.become_user();
    let connect = ["connect", "--target", "rds:orders", "--local-port", "auto"];
    for action in ["rds:DescribeDBInstances", "ec2:DescribeInstances", "ssm:StartSession"] {
        let ran = account.run_denied(&[action], &connect).expect(5);
        assert!(ran.stderr.contains(action), "{action}: {ran:#?}");
    }
    account.use_tunnel("rds:orders");
}

/// What may not be looked at ends it; what may not be removed leaves the rest to be removed.
pub(super) fn cleanup() {
    let server = Server::echo();
    let mut account = Account::start(&server);
    account.database(&account.network(), "orders");
    account.become_user();
    account.run(&INIT).expect(0);
    let actions = actions(&account, &["cleanup", "--yes"]);
    let mut is_whole = false;
    for action in actions {
        if !is_whole {
            account.run(&INIT).expect(0);
        }
        is_whole = !writes(&action);
        let ran = account.run_denied(&[&action], &["cleanup", "--yes"]);
        assert!(matches!(ran.code, Some(5 | 15)), "{action}: {ran:#?}");
        assert!(ran.stderr.contains(&action) || ran.stdout.contains(&action), "{action}: {ran:#?}");
        assert_ne!(account.ours(), NOTHING);
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
