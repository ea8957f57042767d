//! A session that is gone costs its connections, and the tunnel goes on with another one.

use std::time::Duration;

use adit_tunnel::{End, Loss, Rejection, StreamEnd, TunnelError, TunnelEvent};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

use crate::forward::{closed, echo};
use crate::support::agent::Destination;
use crate::support::gateway::{Cut, Gateway};
use crate::support::source::{Answer, SESSION, session};
use crate::support::{World, options, pattern, soon, world, world_with};

fn replacing(event: &TunnelEvent) -> Option<String> {
    match event {
        TunnelEvent::Replacing { cause, .. } => Some(cause.clone()),
        _ => None,
    }
}

fn replaced(event: &TunnelEvent) -> Option<()> {
    matches!(event, TunnelEvent::Replaced { .. }).then_some(())
}

fn dormant(event: &TunnelEvent) -> Option<String> {
    match event {
        TunnelEvent::Dormant { cause, .. } => Some(cause.clone()),
        _ => None,
    }
}

async fn connected(world: &World) -> TcpStream {
    soon(echo(world.connect().await, pattern(10))).await.0
}

/// The old connection is broken off, and a new one is carried to the end.
async fn goes_on(world: &mut World, mut old: TcpStream) {
    soon(old.read(&mut [0; 1])).await.expect_err("no end in order");
    assert_eq!(world.events.next(closed).await.2, StreamEnd::SessionGone);
    world.events.next(replaced).await;
    let (_, back) = soon(echo(world.connect().await, pattern(3_000))).await;
    assert!(back == pattern(3_000));
    assert_eq!(world.tunnel.session_id(), Some(session(2)));
    let stats = world.tunnel.stats();
    assert_eq!((stats.replacements, stats.session.bytes_in), (1, 3_010), "all sessions count");
}

#[tokio::test]
async fn a_session_that_is_over_while_it_is_used_is_replaced() {
    let mut world = world().await;
    let stream = connected(&world).await;
    world.source.resume_answers([Answer::Over]);
    world.gateway.cut(Cut::Close(1000));
    goes_on(&mut world, stream).await;
    assert_eq!(world.source.terminated(), Vec::<String>::new(), "there is nothing to terminate");
    assert_eq!(world.source.started(), 2);
    world.close().await;
}

#[tokio::test]
async fn what_the_service_says_at_the_end_is_told() {
    let mut world = world().await;
    let stream = connected(&world).await;
    world.gateway.close_channel("Session timed out.\n");
    let cause = world.events.next(replacing).await;
    assert_eq!(cause, "the service ended the session: Session timed out.");
    goes_on(&mut world, stream).await;
    assert_eq!(world.source.resumed(), 0);
    world.close().await;
}

#[tokio::test]
async fn a_name_that_is_unknown_for_a_moment_is_no_end() {
    let mut world = world().await;
    let stream = connected(&world).await;
    world.gateway.close_channel("lookup db.internal on 10.0.0.2:53: no such host");
    goes_on(&mut world, stream).await;
    world.close().await;
}

#[tokio::test]
async fn tokens_that_are_refused_again_and_again_lead_to_another_session() {
    let mut world = world().await;
    let stream = connected(&world).await;
    world.gateway.refuse(&[403, 403, 403]);
    world.gateway.cut(Cut::Reset);
    goes_on(&mut world, stream).await;
    assert_eq!(world.source.resumed(), 3);
    assert_eq!(world.source.terminated(), [SESSION], "it may still live");
    world.close().await;
}

#[tokio::test]
async fn who_may_not_resume_starts_another_session() {
    let mut world = world().await;
    let stream = connected(&world).await;
    world.source.resume_answers([Answer::Denied]);
    world.gateway.cut(Cut::Close(1000));
    goes_on(&mut world, stream).await;
    assert_eq!(world.source.terminated(), [SESSION]);
    world.close().await;
}

#[tokio::test]
async fn a_session_that_nobody_uses_is_replaced_when_somebody_does() {
    let mut world = world().await;
    world.gateway.close_channel("");
    assert_eq!(world.events.next(dormant).await, "the service ended the session");
    assert_eq!(world.source.started(), 1, "nobody needs one");
    assert_eq!(world.tunnel.session_id(), None);
    let (_, back) = soon(echo(world.connect().await, pattern(3_000))).await;
    assert!(back == pattern(3_000));
    assert_eq!(world.source.started(), 2);
    world.close().await;
}

#[tokio::test]
async fn one_that_was_idle_for_the_tunnels_own_limit_ends_it() {
    let mut options = options();
    options.idle = Some(Duration::ZERO);
    let mut world = world_with(Gateway::start().await, options).await;
    world.gateway.close_channel("");
    let end = soon(world.tunnel.ended()).await;
    assert!(matches!(end, End::Failed(TunnelError::IdleAtService { .. })), "{end:?}");
    soon(&mut world.served).await.expect("serve ends");
    assert!(!world.accepts().await);
}

#[tokio::test]
async fn connections_wait_for_the_next_session_but_not_for_ever() {
    let mut options = options();
    options.hold = Duration::from_millis(300);
    let mut world = world_with(Gateway::start().await, options).await;
    let stream = connected(&world).await;
    world.source.hold();
    world.gateway.close_channel("");
    world.events.next(replacing).await;
    let mut waiting = world.connect().await;
    soon(waiting.read(&mut [0; 1])).await.expect_err("broken off");
    let rejected = |event: &TunnelEvent| match event {
        TunnelEvent::Rejected { cause, .. } => Some(*cause),
        _ => None,
    };
    assert_eq!(world.events.next(rejected).await, Rejection::NoSession);
    let waiting = world.connect().await;
    world.source.release();
    let (_, back) = soon(echo(waiting, pattern(2_000))).await;
    assert!(back == pattern(2_000));
    goes_on_after(&mut world, stream).await;
    world.close().await;
}

async fn goes_on_after(world: &mut World, mut old: TcpStream) {
    soon(old.read(&mut [0; 1])).await.expect_err("no end in order");
    assert_eq!(world.source.started(), 2);
}

#[tokio::test]
async fn a_destination_that_is_not_reached_any_more_is_looked_up_by_another_session() {
    let mut world = world_with(Gateway::with(Destination::Refuse).await, options()).await;
    for _ in 0..2 {
        let mut stream = world.connect().await;
        soon(stream.read(&mut [0; 1])).await.expect_err("refused");
    }
    assert_eq!(world.events.next(replacing).await, "the bastion does not reach the destination");
    world.events.next(replaced).await;
    assert_eq!(world.source.terminated(), [SESSION], "the one before is not left behind");
    world.close().await;
}

#[tokio::test]
async fn a_websocket_that_comes_of_age_is_exchanged_while_nothing_moves() {
    let mut options = options();
    // The age is spread by the seed: not at all by this one.
    options.seed = 0;
    options.rollover = Some(Duration::from_millis(200));
    let mut world = world_with(Gateway::start().await, options).await;
    let (mut stream, _) = soon(echo(world.connect().await, pattern(10))).await;
    let rolled =
        |event: &TunnelEvent| matches!(event, TunnelEvent::RolledOver { .. }).then_some(());
    for round in 1..=3 {
        world.events.next(rolled).await;
        let back;
        (stream, back) = soon(echo(stream, pattern(20_000))).await;
        assert!(back == pattern(20_000));
        world.gateway.until(|gateway| gateway.open() == 1).await;
        assert!(world.gateway.hellos().len() > round);
    }
    let lost = |event: &TunnelEvent| {
        matches!(event, TunnelEvent::Resuming { cause: Loss::Closed { .. }, .. })
    };
    assert_eq!(world.events.count(lost), 0, "the one before is let go without a word");
    assert_eq!(world.tunnel.stats().session.resends, 0);
    world.close().await;
}
