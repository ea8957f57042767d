//! What stands already, and what has to be woken.

use adit_aws::bastion::{self, Cause, State};

use crate::support::census::{Census, ONE_TARGET};
use crate::support::network::{Peer, Way};
use crate::support::targets::imagined;
use crate::support::{World, desired};

#[tokio::test]
async fn a_second_init_asks_and_changes_nothing() {
    let world = World::start().await;
    let vpc = world.network(Way::Nat, &["us-east-1a", "us-east-1b"]).await;
    let group = world.group(&vpc, "orders").await;
    let desired = desired(&vpc, &[world.database(&vpc, "orders", &[&group]).await]);
    let applied = world.init(&desired).await;
    assert!(applied.is_online, "{applied:?}");
    assert_eq!(world.census().await, ONE_TARGET);

    let before = world.calls();
    let again = world.init(&desired).await;
    assert_eq!(again.bastion, applied.bastion);
    assert!(again.done.is_empty(), "{:?}", again.done);
    let called = world.called_since(&before);
    let asks = |name: &str| ["Describe", "Get", "List"].iter().any(|verb| name.starts_with(verb));
    assert!(called.iter().all(|name| asks(name)), "{called:?}");
    assert!(called.len() > 10, "{called:?}");
}

/// A rule that somebody made does as well as one of adit's, and no other is added.
#[tokio::test]
async fn a_target_that_lets_the_bastion_in_needs_no_rule() {
    let world = World::start().await;
    let vpc = world.network(Way::Nat, &["us-east-1a"]).await;
    world.init(&desired(&vpc, &[])).await;
    let bastion = bastion::find(&world.aws, Some(&vpc)).await.expect("bastions").own.remove(0);
    let group = world.group(&vpc, "orders").await;
    world.let_in(&group, 5432, Peer::Group(&bastion.groups[0])).await;
    world.init(&desired(&vpc, &[imagined(&vpc, "orders", 5432, &group)])).await;
    assert_eq!(world.census().await, Census { access: 0, ..ONE_TARGET });
}

#[tokio::test]
async fn a_stopped_bastion_is_started_and_answers() {
    let world = World::start().await;
    let vpc = world.network(Way::Nat, &["us-east-1a"]).await;
    let id = world.init(&desired(&vpc, &[])).await.bastion.expect("a bastion");
    world.ec2().stop_instances().instance_ids(&id).send().await.expect("stopped");
    let found = bastion::find(&world.aws, None).await.expect("bastions").own;
    assert_eq!((found.len(), found[0].state), (1, State::Stopped));
    let diagnosis = Box::pin(bastion::diagnose(&world.aws, &id)).await.expect("a diagnosis");
    assert_eq!(diagnosis.cause, Cause::Stopped);

    let mut told = Vec::new();
    Box::pin(bastion::start(&world.aws, &id, |progress| told.push(progress)))
        .await
        .expect("it runs");
    let text = format!("{told:?}");
    assert!(text.contains(&format!("starting the bastion {id}")), "{text}");
    let diagnosis = Box::pin(bastion::diagnose(&world.aws, &id)).await.expect("a diagnosis");
    assert_eq!(diagnosis.cause, Cause::None);
    assert!(world.plan(&desired(&vpc, &[])).await.steps.is_empty());
}

/// The token of its launch would bring it back.
#[tokio::test]
async fn what_was_a_bastion_and_has_neither_profile_nor_group_any_more_is_left_alone() {
    let world = World::start().await;
    let vpc = world.network(Way::Nat, &["us-east-1a"]).await;
    let group = world.group(&vpc, "others").await;
    let before = world.init(&desired(&vpc, &[])).await.bastion.expect("a bastion");
    let ec2 = world.ec2();
    let links = ec2.describe_iam_instance_profile_associations().send().await.expect("links");
    let link = links.iam_instance_profile_associations()[0].association_id().expect("its id");
    ec2.disassociate_iam_instance_profile().association_id(link).send().await.expect("gone");
    let call = ec2.modify_instance_attribute().instance_id(&before).groups(&group);
    call.send().await.expect("another group");

    let applied = world.init(&desired(&vpc, &[])).await;
    assert!(applied.is_online, "{applied:?}");
    assert_ne!(applied.bastion.expect("a bastion"), before);
    let found = bastion::find(&world.aws, Some(&vpc)).await.expect("bastions");
    assert_eq!((found.own.len(), found.strangers.len()), (1, 1));
    assert_eq!(found.strangers[0].id, before);
    assert_eq!(found.strangers[0].state, State::Running);
}

/// A bastion that runs and is not heard: what is certain is said first.
#[tokio::test]
async fn a_bastion_that_is_not_heard_says_why() {
    let world = World::start().await;
    let vpc = world.network(Way::Nat, &["us-east-1a"]).await;
    let id = world.init(&desired(&vpc, &[])).await.bastion.expect("a bastion");
    let ec2 = world.ec2();
    let nats = ec2.describe_nat_gateways().send().await.expect("NAT gateways");
    let nat = nats.nat_gateways()[0].nat_gateway_id().expect("its id");
    ec2.delete_nat_gateway().nat_gateway_id(nat).send().await.expect("deleted");
    let diagnosis = Box::pin(bastion::diagnose(&world.aws, &id)).await.expect("a diagnosis");
    assert_eq!(diagnosis.cause, Cause::Offline, "{diagnosis:?}");
    assert!(
        diagnosis.message.starts_with(&format!("the bastion {id} runs, but its agent was last"))
    );
    assert!(diagnosis.hints[0].contains("leads to no Session Manager"), "{diagnosis:?}");

    let links = ec2.describe_iam_instance_profile_associations().send().await.expect("links");
    let link = links.iam_instance_profile_associations()[0].association_id().expect("its id");
    ec2.disassociate_iam_instance_profile().association_id(link).send().await.expect("gone");
    let diagnosis = Box::pin(bastion::diagnose(&world.aws, &id)).await.expect("a diagnosis");
    assert!(diagnosis.hints[0].contains("it has no instance profile"), "{diagnosis:?}");
    assert!(diagnosis.hints[1].contains("leads to no Session Manager"), "{diagnosis:?}");

    let unknown = bastion::diagnose(&world.aws, "i-0123456789abcdef0");
    assert_eq!(Box::pin(unknown).await.expect("a diagnosis").cause, Cause::Unknown);
}
