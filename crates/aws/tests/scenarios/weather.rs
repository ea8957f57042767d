//! An AWS that shows late what was made, and asks for fewer calls.

use adit_lab::FaultRequest;

use crate::support::census::{Census, ONE_TARGET, WITH_ENDPOINTS};
use crate::support::network::Way;
use crate::support::{World, desired};

/// Longer than the first pauses between two looks, so that each wait needs several.
fn late() -> FaultRequest {
    FaultRequest { consistency_ms: Some(700), page_size: Some(Some(1)), ..all(300) }
}

fn in_time() -> FaultRequest {
    FaultRequest { consistency_ms: Some(0), page_size: Some(None), ..all(0) }
}

fn all(ms: u64) -> FaultRequest {
    FaultRequest {
        boot_ms: Some(ms),
        agent_ms: Some(ms),
        release_ms: Some(ms),
        ..FaultRequest::default()
    }
}

/// What was made last may be seen a little later than `init` is done with it.
async fn expect_in_the_end(world: &World, expected: Census) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_mins(1);
    loop {
        let census = world.census().await;
        if census == expected {
            return;
        }
        assert!(std::time::Instant::now() < deadline, "{census:?}, and not {expected:?}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn all_is_made_and_removed_where_everything_is_seen_late() {
    let world = World::start().await;
    let vpc = world.network(Way::Nat, &["us-east-1a", "us-east-1b"]).await;
    let group = world.group(&vpc, "orders").await;
    let desired = desired(&vpc, &[world.database(&vpc, "orders", &[&group]).await]);
    world.fault(late());
    let applied = world.init(&desired).await;
    assert!(applied.is_online);
    world.fault(in_time());
    expect_in_the_end(&world, ONE_TARGET).await;
    world.fault(late());
    world.cleanup_all().await;
}

#[tokio::test]
async fn endpoints_are_made_and_removed_where_everything_is_seen_late() {
    let world = World::start().await;
    let vpc = world.network(Way::Isolated, &["us-east-1a", "us-east-1b"]).await;
    let group = world.group(&vpc, "orders").await;
    let mut desired = desired(&vpc, &[world.database(&vpc, "orders", &[&group]).await]);
    desired.options.create_endpoints = true;
    world.fault(late());
    assert!(world.init(&desired).await.is_online);
    world.fault(in_time());
    expect_in_the_end(&world, WITH_ENDPOINTS).await;
    world.fault(late());
    world.cleanup_all().await;
}

#[tokio::test]
async fn a_service_that_asks_for_fewer_calls_is_obeyed() {
    let world = World::start().await;
    let vpc = world.network(Way::Nat, &["us-east-1a", "us-east-1b"]).await;
    let group = world.group(&vpc, "orders").await;
    let desired = desired(&vpc, &[world.database(&vpc, "orders", &[&group]).await]);
    let throttle = || FaultRequest { throttle: Some(8), ..FaultRequest::default() };
    world.fault(throttle());
    let plan = world.plan(&desired).await;
    world.fault(throttle());
    let applied = Box::pin(adit_aws::bastion::apply(&world.aws, &plan, |_| ())).await;
    assert!(applied.expect("all is set up").is_online);
    assert_eq!(world.census().await, ONE_TARGET);
    world.fault(throttle());
    world.cleanup_all().await;
}
