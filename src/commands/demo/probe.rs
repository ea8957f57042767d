//! Whether a service that the demo knows nothing about can be reached through the tunnel.

use std::io;
use std::time::Duration;

use adit_tunnel::TunnelEvent;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::sync::mpsc::UnboundedReceiver;

/// How long a service that waits for its client is listened to.
///
/// A refused connection is told within a round trip; a service on this machine that has not
/// refused by then has accepted.
const PATIENCE: Duration = Duration::from_secs(1);

/// What a connection through the tunnel showed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Probe {
    /// The service spoke first; so many bytes came.
    Spoke(usize),
    /// The service took the connection and waits for its client.
    Waits,
    /// The bastion could not connect.
    Refused,
}

/// Connects to the local end and watches what becomes of it.
pub(crate) async fn connect(
    address: &str,
    news: &mut UnboundedReceiver<TunnelEvent>,
) -> io::Result<Probe> {
    let mut stream = TcpStream::connect(address).await?;
    let mut first = [0; 1024];
    tokio::select! {
        biased;
        () = refused(news) => Ok(Probe::Refused),
        read = stream.read(&mut first) => match read {
            Ok(bytes @ 1..) => Ok(Probe::Spoke(bytes)),
            // The news of a refusal may come behind the end of the connection.
            ended => match tokio::time::timeout(PATIENCE, refused(news)).await {
                Ok(()) => Ok(Probe::Refused),
                Err(_) => ended.map(|_| Probe::Waits),
            },
        },
        () = tokio::time::sleep(PATIENCE) => Ok(Probe::Waits),
    }
}

/// Waits until the bastion could not connect.
async fn refused(news: &mut UnboundedReceiver<TunnelEvent>) {
    loop {
        match news.recv().await {
            Some(TunnelEvent::ConnectRefused { .. }) => return,
            Some(_) => {}
            None => std::future::pending().await,
        }
    }
}
