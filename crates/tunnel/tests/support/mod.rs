//! A gateway, an agent, a proxy and a source of sessions for the tests.

pub mod agent;
pub mod gateway;
pub mod pki;
pub mod proxy;
pub mod source;

use std::net::SocketAddr;
use std::time::Duration;

use adit_tunnel::{Listener, Tunnel, TunnelError, TunnelEvent, TunnelOptions};
use tokio::net::TcpStream;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use gateway::Gateway;
use source::FakeSource;

/// Longer than any test may take; only a failing one waits for it.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Fails the test instead of hanging.
pub async fn soon<F: Future>(future: F) -> F::Output {
    timeout(PATIENCE, future).await.expect("took too long")
}

pub fn options() -> TunnelOptions {
    TunnelOptions::new("test", 7)
}

/// A tunnel with its listener, events, gateway and source.
pub struct World {
    pub gateway: Gateway,
    pub source: FakeSource,
    pub tunnel: Tunnel,
    pub address: SocketAddr,
    pub served: JoinHandle<adit_tunnel::End>,
    pub events: Events,
}

/// The events of a tunnel, all kept.
pub struct Events {
    receiver: UnboundedReceiver<TunnelEvent>,
    /// With whether it was picked.
    seen: Vec<(TunnelEvent, bool)>,
}

impl Events {
    pub fn new(receiver: UnboundedReceiver<TunnelEvent>) -> Self {
        Self { receiver, seen: Vec::new() }
    }

    /// Waits for the first event that `pick` takes and that was not picked before.
    pub async fn next<T>(&mut self, pick: impl Fn(&TunnelEvent) -> Option<T>) -> T {
        let mut looked_at = 0;
        soon(async {
            loop {
                while let Some((event, picked)) = self.seen.get_mut(looked_at) {
                    looked_at += 1;
                    if let Some(found) = pick(event).filter(|_| !*picked) {
                        *picked = true;
                        return found;
                    }
                }
                let event = self.receiver.recv().await.expect("no such event came");
                self.seen.push((event, false));
            }
        })
        .await
    }

    /// How many of all events so far `pick` takes.
    pub fn count(&mut self, pick: impl Fn(&TunnelEvent) -> bool) -> usize {
        while let Ok(event) = self.receiver.try_recv() {
            self.seen.push((event, false));
        }
        self.seen.iter().filter(|(event, _)| pick(event)).count()
    }
}

/// Opens a tunnel through `gateway` and serves it on a free port.
pub async fn world_with(gateway: Gateway, options: TunnelOptions) -> World {
    let source = FakeSource::new(gateway.url());
    let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
    let tunnel = soon(Tunnel::open(source.clone(), options, sender)).await.expect("opens");
    let listener = Listener::loopback(0).await.expect("a free port");
    let address = listener.addresses()[0];
    let handle = tunnel.clone();
    let served = tokio::spawn(async move { handle.serve(listener).await });
    World { gateway, source, tunnel, address, served, events: Events::new(receiver) }
}

pub async fn world() -> World {
    world_with(Gateway::start().await, options()).await
}

/// Opens a tunnel that is expected to fail.
pub async fn open_error(source: FakeSource, options: TunnelOptions) -> (TunnelError, Events) {
    let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
    let error = soon(Tunnel::open(source, options, sender)).await.expect_err("fails");
    (error, Events::new(receiver))
}

impl World {
    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("the listener accepts")
    }

    /// Whether the listener still accepts.
    pub async fn accepts(&self) -> bool {
        TcpStream::connect(self.address).await.is_ok()
    }

    pub async fn close(self) {
        soon(self.tunnel.close()).await;
        soon(self.served).await.expect("serve ends");
    }
}

/// Bytes in which every position can be told from its neighbours.
pub fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}
