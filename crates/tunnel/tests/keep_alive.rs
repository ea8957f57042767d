//! A sign of life for the service, where one is wanted and somebody is connected.

use std::time::Duration;

use crate::support::gateway::Gateway;
use crate::support::{World, options, soon, world_with};

/// How many messages the agent has acknowledged.
fn acknowledged(world: &World) -> u64 {
    world.tunnel.stats().session.acks_in
}

#[tokio::test]
async fn it_is_shown_while_somebody_is_connected() {
    let mut options = options();
    options.keep_alive = Some(Duration::from_millis(20));
    let world = world_with(Gateway::start().await, options).await;
    let stream = world.connect().await;
    let before = acknowledged(&world);
    soon(async {
        while acknowledged(&world) < before + 4 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    assert_eq!(world.tunnel.stats().session.last_payload, None, "it is no payload");
    drop(stream);
    world.close().await;
}
