//! What is removed, what stays, and what is said of it.

use adit_aws::bastion::{RemovalAction, Scope};

use crate::support::census::{Census, ONE_TARGET};
use crate::support::network::{Peer, Way};
use crate::support::targets::imagined;
use crate::support::{World, desired};

#[tokio::test]
async fn targets_share_a_bastion_and_go_one_by_one() {
    let world = World::start().await;
    let vpc = world.network(Way::Nat, &["us-east-1a", "us-east-1b"]).await;
    let (one, two) = (world.group(&vpc, "orders").await, world.group(&vpc, "users").await);
    let orders = world.database(&vpc, "orders", &[&one]).await;
    let users = world.database(&vpc, "users", &[&two]).await;
    world.init(&desired(&vpc, &[orders])).await;
    let both = world.init(&desired(&vpc, std::slice::from_ref(&users))).await;
    // The way out is the same; the rule notes that it is for both.
    assert_eq!(world.census().await, Census { access: 2, ..ONE_TARGET });

    let of = |target: &str| Scope { target: Some(target.to_owned()), vpc: None };
    let (_, removed) = world.cleanup(&of("rds:orders")).await;
    assert!(removed.failed.is_empty(), "{:?}", removed.failed);
    assert_eq!(world.census().await, ONE_TARGET);
    let plan = world.plan(&desired(&vpc, &[users])).await;
    assert!(plan.steps.is_empty(), "{:?}", plan.steps);
    assert_eq!(plan.bastion.map(|one| one.id), both.bastion);

    world.cleanup(&of("rds:users")).await;
    assert_eq!(world.census().await, Census { access: 0, egress: 1, ..ONE_TARGET });
    assert!(world.leftovers(&of("rds:users")).await.removals.is_empty());
    world.cleanup_all().await;
}

#[tokio::test]
async fn what_others_made_stays() {
    let world = World::start().await;
    let vpc = world.network(Way::Nat, &["us-east-1a"]).await;
    let group = world.group(&vpc, "orders").await;
    world.let_in(&group, 5432, Peer::Block("10.0.0.0/16")).await;
    let desired = desired(&vpc, &[imagined(&vpc, "orders", 5432, &group)]);
    world.init(&desired).await;
    let plan = world.plan(&desired).await;
    let bastion_group = plan.bastion.expect("a bastion").groups.remove(0);
    let admin = world.group(&vpc, "admin").await;
    world.let_in(&admin, 22, Peer::Group(&bastion_group)).await;

    let (leftovers, removed) = world.cleanup(&Scope::default()).await;
    assert!(removed.failed.is_empty(), "{:?}", removed.failed);
    assert_eq!(leftovers.kept.len(), 1, "{:?}", leftovers.kept);
    let kept = &leftovers.kept[0];
    assert_eq!(kept.resource, bastion_group);
    assert_eq!(kept.why, format!("a rule of admin ({admin}) that adit did not make names it"));
    assert!(kept.command.contains(&format!("--group-id {admin} ")), "{}", kept.command);
    assert_eq!(world.census().await, Census { groups: 1, egress: 2, ..Census::default() });
    let groups = world.ec2().describe_security_groups().group_ids(&group).send().await;
    let groups = groups.expect("the target's group");
    let rules = groups.security_groups()[0].ip_permissions();
    assert_eq!(rules.len(), 1, "{rules:?}");
    assert_eq!(rules[0].ip_ranges()[0].cidr_ip(), Some("10.0.0.0/16"));

    // When the rule in the way is gone, the same again removes the rest.
    let ec2 = world.ec2();
    ec2.delete_security_group().group_id(&admin).send().await.expect("deleted");
    world.cleanup_all().await;
    let groups = ec2.describe_security_groups().group_ids(&group).send().await;
    assert_eq!(groups.expect("the target's group").security_groups().len(), 1);
}

/// Who may not remove one thing removes the rest, hears what is left, and finishes later.
#[tokio::test]
async fn cleanup_goes_on_after_a_failure_and_says_what_is_left() {
    let world = World::start().await;
    let vpc = world.network(Way::Nat, &["us-east-1a"]).await;
    let group = world.group(&vpc, "orders").await;
    let desired = desired(&vpc, &[imagined(&vpc, "orders", 5432, &group)]);

    let id = world.init(&desired).await.bastion.expect("a bastion");
    world.deny(&["ec2:TerminateInstances"]);
    let (_, removed) = world.cleanup(&Scope::default()).await;
    let failed: Vec<_> = removed.failed.iter().map(|one| one.removal.resource.as_str()).collect();
    let bastion_group = failed[1].to_owned();
    let role = format!("adit-bastion-{vpc}");
    assert_eq!(failed, [&id, &bastion_group, &role, &role]);
    assert!(removed.failed[0].error.denial.is_some(), "{:?}", removed.failed[0].error);
    assert_eq!(
        removed.failed[0].command,
        format!("aws ec2 terminate-instances --instance-ids {id}")
    );
    for one in &removed.failed[1..] {
        let message = &one.error.message;
        assert!(message.contains(&format!("a bastion of {vpc} is still there")), "{message}");
    }
    assert_eq!(world.census().await, Census { access: 0, ..ONE_TARGET });

    world.deny(&["iam:DeleteRolePolicy"]);
    let (_, removed) = world.cleanup(&Scope::default()).await;
    assert_eq!(removed.failed.len(), 1, "{:?}", removed.failed);
    let left = &removed.failed[0];
    assert_eq!(left.removal.action, RemovalAction::DeleteRole { role });
    assert_eq!(world.census().await, Census { roles: 1, ..Census::default() });

    world.deny(&[]);
    world.cleanup_all().await;
}

#[tokio::test]
async fn one_vpc_is_cleaned_up_without_another() {
    let world = World::start().await;
    let one = world.network(Way::Nat, &["us-east-1a"]).await;
    let two = world.network(Way::Public, &["us-east-1b"]).await;
    world.init(&desired(&one, &[])).await;
    world.init(&desired(&two, &[])).await;
    let scope = Scope { vpc: Some(one.clone()), target: None };
    let (_, removed) = world.cleanup(&scope).await;
    assert!(removed.failed.is_empty(), "{:?}", removed.failed);
    assert_eq!(world.census().await, Census { access: 0, egress: 1, ..ONE_TARGET });
    assert!(world.plan(&desired(&two, &[])).await.steps.is_empty());
    world.cleanup_all().await;
}
