//! Cleaning up where somebody is connected.

use adit_aws::bastion::{self, Scope};
use adit_aws::{SessionApi, StartSession};

use crate::support::census::{Census, ONE_TARGET};
use crate::support::network::Way;
use crate::support::targets::imagined;
use crate::support::{World, desired};

/// A VPC with a bastion and a target; gives the bastion.
async fn set_up(world: &World) -> String {
    let vpc = world.network(Way::Nat, &["us-east-1a"]).await;
    let group = world.group(&vpc, "orders").await;
    let desired = desired(&vpc, &[imagined(&vpc, "orders", 5432, &group)]);
    world.init(&desired).await.bastion.expect("a bastion")
}

async fn connect(world: &World, bastion: &str) {
    let request = StartSession {
        target: bastion.to_owned(),
        document: "AWS-StartPortForwardingSession".to_owned(),
        parameters: vec![("portNumber".to_owned(), "5432".to_owned())],
        reason: None,
    };
    SessionApi::new(&world.aws).start_session(request).await.expect("a session");
}

#[tokio::test]
async fn a_bastion_with_a_live_session_keeps_all_that_it_works_with() {
    let world = World::start().await;
    let bastion = set_up(&world).await;
    connect(&world, &bastion).await;
    // What is elsewhere goes all the same.
    let elsewhere = world.network(Way::Public, &["us-east-1b"]).await;
    world.init(&desired(&elsewhere, &[])).await;

    let (leftovers, removed) = world.cleanup(&Scope::default()).await;
    assert_eq!(leftovers.sessions[&bastion], 1);
    assert_eq!(world.census().await, ONE_TARGET);
    assert!(removed.done.iter().all(|one| one.vpc == elsewhere), "{:?}", removed.done);
    assert!(removed.failed.is_empty(), "{:?}", removed.failed);
    assert_eq!(leftovers.kept.len(), 5, "bastion, rule, group, profile, role");
    let why = format!("1 session is live on {bastion}");
    assert!(leftovers.kept.iter().all(|one| one.why == why), "{:?}", leftovers.kept);

    let leftovers = world.leftovers(&Scope::default()).await;
    let removed = Box::pin(bastion::remove(&world.aws, &leftovers, true, |_| ())).await;
    assert!(removed.failed.is_empty(), "{:?}", removed.failed);
    assert_eq!(world.census().await, Census::default());
}

#[tokio::test]
async fn who_may_not_see_sessions_has_to_say_that_they_may_end() {
    let world = World::start().await;
    let bastion = set_up(&world).await;
    world.deny(&["ssm:DescribeSessions"]);
    let (leftovers, removed) = world.cleanup(&Scope::default()).await;
    let unasked = leftovers.unasked.as_ref().expect("it is told");
    assert_eq!(unasked.bastions, std::slice::from_ref(&bastion));
    assert!(unasked.why.contains("may not ssm:DescribeSessions"), "{}", unasked.why);
    assert_eq!(world.census().await, ONE_TARGET);
    assert!(removed.done.is_empty(), "{:?}", removed.done);
    assert_eq!(leftovers.kept[0].resource, bastion);
    let why = format!("whether sessions are live on {bastion} is not known");
    assert!(leftovers.kept.iter().all(|one| one.why == why), "{:?}", leftovers.kept);
    assert!(unasked.hints[0].contains(r#""Action":"ssm:DescribeSessions""#), "{:?}", unasked.hints);

    let leftovers = world.leftovers(&Scope::default()).await;
    let removed = Box::pin(bastion::remove(&world.aws, &leftovers, true, |_| ())).await;
    assert!(removed.failed.is_empty(), "{:?}", removed.failed);
    assert_eq!(world.census().await, Census::default());
}
