//! Tunnels that are lost for longer than they may be.

use std::time::Duration;

use adit_lab::{FaultRequest, Power};
use adit_tunnel::{End, Tunnel, TunnelError, TunnelEvent, TunnelOptions};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::common::servers::Server;
use crate::in_process::{LabSource, lab, listener};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_stays_away_ends_the_tunnel_when_the_budget_is_spent() {
    let server = Server::echo();
    let lab = lab(server.address()).await;
    let (listener, address) = listener().await;
    let (events, mut told) = mpsc::unbounded_channel();
    let mut options = TunnelOptions::new("lost", 1);
    options.resume_budget = Duration::from_secs(2);
    let tunnel = Tunnel::open(LabSource::of(&lab), options, events).await.expect("a tunnel");
    let mut local = TcpStream::connect(address).await.expect("the listener is there");
    let down = FaultRequest { gateway: Some(Power::Down), ..FaultRequest::default() };
    lab.faults().apply(down).expect("a fault");

    let end = tunnel.serve(listener).await;
    assert!(matches!(end, End::Failed(TunnelError::Lost { .. })), "{end:?}");
    TcpStream::connect(address).await.expect_err("the listener is gone");
    assert_eq!(local.read(&mut [0; 1]).await.unwrap_or(0), 0);
    assert_eq!(lab.state().data_websockets_open, 0);

    let mut kinds = Vec::new();
    while !matches!(kinds.last(), Some(TunnelEvent::Ended(_))) {
        kinds.push(told.recv().await.expect("the end is told"));
    }
    assert!(kinds.iter().any(|event| matches!(event, TunnelEvent::Resuming { .. })), "{kinds:?}");
    assert!(!kinds.iter().any(|event| matches!(event, TunnelEvent::Resumed { .. })), "{kinds:?}");
}
