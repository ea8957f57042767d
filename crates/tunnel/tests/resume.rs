//! A websocket that is lost costs no byte and no connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use adit_tunnel::{Loss, SuspendClock, TunnelEvent};

use crate::forward::echo;
use crate::support::gateway::{Cut, Gateway};
use crate::support::{options, pattern, soon, world, world_with};

fn resuming(event: &TunnelEvent) -> Option<Loss> {
    match event {
        TunnelEvent::Resuming { cause, .. } => Some(*cause),
        _ => None,
    }
}

fn resumed(event: &TunnelEvent) -> Option<Duration> {
    match event {
        TunnelEvent::Resumed { gap, .. } => Some(*gap),
        _ => None,
    }
}

#[tokio::test]
async fn a_close_with_any_code_is_no_end() {
    let mut world = world().await;
    let (mut stream, _) = soon(echo(world.connect().await, pattern(10))).await;
    for (cut, code) in [(1000, Some(1000)), (1001, Some(1001)), (1011, Some(1011))] {
        world.gateway.cut(Cut::Close(cut));
        assert_eq!(world.events.next(resuming).await, Loss::Closed { code });
        world.events.next(resumed).await;
        let back;
        (stream, back) = soon(echo(stream, pattern(3_000))).await;
        assert!(back == pattern(3_000));
    }
    let hellos = world.gateway.hellos();
    assert_eq!(hellos.len(), 4);
    assert!(hellos.iter().all(|hello| hello.client_id == hellos[0].client_id));
    assert_eq!(hellos[3].token_value, "token-1-3", "each dial has a fresh token");
    assert_ne!(hellos[0].request_id, hellos[1].request_id);
    assert_eq!(world.tunnel.stats().resumes, 3);
    world.close().await;
}

#[tokio::test]
async fn the_gateway_is_connected_to_while_the_ticket_is_asked_for() {
    // Closed again, such a connection costs nothing but itself.
    for closed in [0, 1] {
        let mut world = world().await;
        let (stream, _) = soon(echo(world.connect().await, pattern(10))).await;
        assert_eq!(world.gateway.accepted(), 1);
        // The signature is held back, and with it the upgrade.
        world.source.hold();
        world.gateway.close_next(closed);
        world.gateway.cut(Cut::Close(1000));
        soon(world.gateway.until_accepted(2)).await;
        assert_eq!(world.gateway.upgrades().len(), 1);
        world.source.release();
        world.events.next(resumed).await;
        soon(echo(stream, pattern(3_000))).await;
        assert_eq!((world.gateway.accepted(), world.source.resumed()), (2 + closed, 1));
        world.close().await;
    }
}

#[tokio::test]
async fn a_reset_is_no_end() {
    let mut world = world().await;
    let (stream, _) = soon(echo(world.connect().await, pattern(10))).await;
    world.gateway.cut(Cut::Reset);
    world.events.next(resuming).await;
    world.events.next(resumed).await;
    let (_, back) = soon(echo(stream, pattern(3_000))).await;
    assert!(back == pattern(3_000));
    world.close().await;
}

#[tokio::test]
async fn cuts_in_the_middle_of_a_transfer_lose_and_repeat_nothing() {
    let gateway = Gateway::start().await;
    // A megabyte is about 60 messages once larger payloads are in use.
    let cuts: Vec<_> =
        (0..5).map(|n| (4 + n, if n % 2 == 0 { Cut::Close(1000) } else { Cut::Reset })).collect();
    gateway.cut_after(&cuts);
    let world = world_with(gateway, options()).await;
    let data = pattern(1_000_000);
    let (_, back) = soon(echo(world.connect().await, data.clone())).await;
    assert!(back == data);
    assert_eq!(world.tunnel.stats().resumes, 5);
    world.close().await;
}

#[tokio::test]
async fn connections_that_come_during_the_gap_are_carried_after_it() {
    let mut world = world().await;
    world.gateway.refuse(&[503, 503]);
    world.gateway.cut(Cut::Reset);
    world.events.next(resuming).await;
    let (_, back) = soon(echo(world.connect().await, pattern(2_000))).await;
    assert!(back == pattern(2_000));
    assert_eq!(world.events.count(|e| matches!(e, TunnelEvent::Retrying { .. })), 2);
    world.close().await;
}

#[tokio::test]
async fn a_silent_gateway_is_left() {
    let mut options = options();
    options.ping_interval = Duration::from_millis(100);
    options.silence_limit = Duration::from_millis(400);
    let mut world = world_with(Gateway::start().await, options).await;
    let (stream, _) = soon(echo(world.connect().await, pattern(10))).await;
    world.gateway.cut(Cut::Silence);
    assert_eq!(world.events.next(resuming).await, Loss::Silent);
    let (_, back) = soon(echo(stream, pattern(10))).await;
    assert!(back == pattern(10));
    world.close().await;
}

#[tokio::test]
async fn pings_keep_an_idle_websocket() {
    let mut options = options();
    options.ping_interval = Duration::from_millis(20);
    options.silence_limit = Duration::from_millis(500);
    let mut world = world_with(Gateway::start().await, options).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(world.events.count(|e| resuming(e).is_some()), 0);
    world.close().await;
}

#[tokio::test]
async fn a_machine_that_slept_dials_anew() {
    let slept = Arc::new(AtomicU64::new(0));
    let seconds = Arc::clone(&slept);
    let mut options = options();
    options.clock =
        SuspendClock::from_fn(move || Duration::from_secs(seconds.load(Ordering::SeqCst)));
    let mut world = world_with(Gateway::start().await, options).await;
    slept.store(4, Ordering::SeqCst);
    let (stream, _) = soon(echo(world.connect().await, pattern(10))).await;
    assert_eq!(world.events.count(|e| resuming(e).is_some()), 0, "4 s are no sleep");
    slept.store(3_600, Ordering::SeqCst);
    assert_eq!(world.events.next(resuming).await, Loss::Slept);
    world.events.next(resumed).await;
    let (_, back) = soon(echo(stream, pattern(10))).await;
    assert!(back == pattern(10));
    world.close().await;
}
