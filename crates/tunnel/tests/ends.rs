//! A tunnel that carries nothing says so and ends.

use std::time::Duration;

use adit_tunnel::{End, StreamEnd, Tunnel, TunnelError, TunnelEvent};
use tokio::io::AsyncReadExt as _;
use tokio::time::timeout;

use crate::forward::{closed, echo};
use crate::support::agent::Destination;
use crate::support::gateway::{Cut, Gateway};
use crate::support::source::{Answer, FakeSource, SESSION, fatal};
use crate::support::{World, open_error, options, pattern, soon, world, world_with};

/// A listener that accepts longer than this after the end is a zombie.
const ZOMBIE: Duration = Duration::from_secs(1);

/// Waits for the end; the local connection sees an error, and the listener is closed in time.
async fn ends(mut world: World, stream: tokio::net::TcpStream) -> (TunnelError, World) {
    let end = soon(world.tunnel.ended()).await;
    let refused = timeout(ZOMBIE, async {
        while world.accepts().await {
            tokio::task::yield_now().await;
        }
    });
    refused.await.expect("the listener is closed within a second");
    let mut stream = stream;
    soon(stream.read(&mut [0; 1])).await.expect_err("no end in order");
    assert_eq!(world.events.next(closed).await.2, StreamEnd::TunnelEnded);
    let told = world
        .events
        .next(|e| match e {
            TunnelEvent::Ended(end) => Some(end.clone()),
            _ => None,
        })
        .await;
    assert_eq!(told.cause(), end.cause());
    let served = std::mem::replace(&mut world.served, tokio::spawn(async { End::Closed }));
    assert_eq!(soon(served).await.expect("no panic").cause(), end.cause());
    match end {
        End::Failed(error) => (error, world),
        End::Closed => panic!("nobody closed it"),
    }
}

async fn connected(world: &World) -> tokio::net::TcpStream {
    soon(echo(world.connect().await, pattern(10))).await.0
}

#[tokio::test]
async fn a_budget_that_is_spent_ends_the_tunnel() {
    let mut options = options();
    options.resume_budget = Duration::from_millis(600);
    let world = world_with(Gateway::start().await, options).await;
    let stream = connected(&world).await;
    world.source.resume_always(Answer::Retry);
    world.gateway.cut(Cut::Reset);
    let (error, world) = ends(world, stream).await;
    match error {
        TunnelError::Lost { after, last } => {
            assert!(after >= Duration::from_millis(600), "{after:?}");
            assert_eq!(last, "slow down");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(world.source.terminated(), [SESSION], "it may still live");
}

#[tokio::test]
async fn a_gateway_that_takes_tokens_and_closes_again_is_given_up() {
    let mut options = options();
    options.resume_budget = Duration::from_millis(600);
    let world = world_with(Gateway::start().await, options).await;
    let stream = connected(&world).await;
    world.gateway.turn_away();
    world.gateway.cut(Cut::Reset);
    let (error, world) = ends(world, stream).await;
    assert!(matches!(error, TunnelError::Lost { .. }), "{error:?}");
    assert!(world.gateway.hellos().len() >= 3, "it was tried again");
    assert_eq!(world.source.terminated(), [SESSION]);
}

#[tokio::test]
async fn such_a_gateway_does_not_keep_an_open_waiting() {
    let gateway = Gateway::start().await;
    gateway.turn_away();
    let mut options = options();
    options.start_budget = Duration::from_millis(600);
    let source = FakeSource::new(gateway.url());
    let (error, _) = open_error(source.clone(), options).await;
    assert!(matches!(error, TunnelError::Lost { .. }), "{error:?}");
    assert_eq!(source.terminated(), [SESSION]);
}

#[tokio::test]
async fn a_signature_that_does_not_come_is_not_waited_for() {
    let mut options = options();
    options.resume_budget = Duration::from_millis(900);
    options.dial.handshake_timeout = Duration::from_millis(200);
    let world = world_with(Gateway::start().await, options).await;
    let stream = connected(&world).await;
    world.source.hold();
    world.gateway.cut(Cut::Reset);
    let (error, _) = ends(world, stream).await;
    let TunnelError::Lost { last, .. } = error else { panic!("{error:?}") };
    assert!(last.contains("credentials"), "{last}");
}

#[tokio::test]
async fn a_session_whose_start_is_answered_too_late_is_given_back() {
    let gateway = Gateway::start().await;
    let source = FakeSource::new(gateway.url());
    source.hold();
    let (sender, mut events) = tokio::sync::mpsc::unbounded_channel();
    let opening = tokio::spawn(Tunnel::open(source.clone(), options(), sender));
    assert!(matches!(soon(events.recv()).await, Some(TunnelEvent::Starting)));
    let asked = async {
        while source.started() == 0 {
            tokio::task::yield_now().await;
        }
    };
    soon(asked).await;
    opening.abort();
    soon(opening).await.expect_err("aborted");
    source.release();
    assert!(soon(events.recv()).await.is_none(), "nothing more is told");
    assert_eq!(source.terminated(), [SESSION]);
    assert_eq!(gateway.hellos().len(), 0);
}

#[tokio::test]
async fn lost_credentials_end_the_tunnel() {
    let world = world().await;
    let stream = connected(&world).await;
    world.source.resume_answers([Answer::Fatal]);
    world.gateway.cut(Cut::Reset);
    let (error, _) = ends(world, stream).await;
    assert!(matches!(error, TunnelError::Source(ref found) if *found == fatal()), "{error:?}");
}

#[tokio::test]
async fn closing_terminates_in_band_and_by_the_api_and_leaves_nothing_open() {
    let mut world = world().await;
    let mut stream = connected(&world).await;
    soon(async { tokio::join!(world.tunnel.close(), world.tunnel.close()) }).await;
    assert!(world.gateway.agent().terminated);
    assert_eq!(world.gateway.agent().open_streams(), 0);
    assert_eq!(world.source.terminated(), [SESSION]);
    world.gateway.until(|gateway| gateway.open() == 0).await;
    assert!(!world.accepts().await);
    soon(stream.read(&mut [0; 1])).await.expect_err("broken off");
    assert!(matches!(soon(&mut world.served).await, Ok(End::Closed)));
    let ended = |e: &TunnelEvent| matches!(e, TunnelEvent::Ended(End::Closed)).then_some(());
    world.events.next(ended).await;
    soon(world.tunnel.close()).await;
    assert_eq!(world.source.terminated(), [SESSION], "once");
}

#[tokio::test]
async fn closing_during_a_gap_does_not_wait_for_it() {
    let mut world = world().await;
    let _stream = connected(&world).await;
    world.source.resume_always(Answer::Retry);
    world.gateway.cut(Cut::Reset);
    let resuming = |e: &TunnelEvent| matches!(e, TunnelEvent::Resuming { .. }).then_some(());
    world.events.next(resuming).await;
    soon(world.tunnel.close()).await;
    assert_eq!(world.source.terminated(), [SESSION]);
    world.close().await;
}

#[tokio::test]
async fn the_last_handle_closes_the_tunnel() {
    let gateway = Gateway::start().await;
    let source = FakeSource::new(gateway.url());
    let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
    let tunnel = soon(Tunnel::open(source.clone(), options(), sender)).await.expect("opens");
    let other = tunnel.clone();
    drop(tunnel);
    assert_eq!(gateway.open(), 1);
    drop(other);
    let mut events = crate::support::Events::new(receiver);
    events.next(|e| matches!(e, TunnelEvent::Ended(End::Closed)).then_some(())).await;
    assert_eq!(source.terminated(), [SESSION]);
    assert!(gateway.agent().terminated);
}

#[tokio::test]
async fn a_session_closed_before_it_is_ready_fails_the_open() {
    let gateway = Gateway::with(Destination::Echo).await;
    gateway.agent().close_channel("lookup db.internal: no such host");
    let (error, _) = open_error(FakeSource::new(gateway.url()), options()).await;
    assert!(matches!(error, TunnelError::Refused { .. }), "{error:?}");
}
