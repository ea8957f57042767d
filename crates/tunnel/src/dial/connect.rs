//! Name resolution and TCP.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::tcp::Tcp;
use super::{BoxIo, DialError, Place, Stage};

/// The head start of an address before the next is tried beside it (RFC 8305 recommends 250 ms).
const HEAD_START: Duration = Duration::from_millis(250);

/// Bounds one step of a dial.
pub(super) async fn within<F: Future>(
    limit: Duration,
    stage: Stage,
    step: F,
) -> Result<F::Output, DialError> {
    timeout(limit, step).await.map_err(|_| DialError::Timeout { stage, after: limit })
}

/// Connects to the first address of `place` that answers.
pub(super) async fn tcp(place: &Place, limit: Duration) -> Result<BoxIo, DialError> {
    within(limit, Stage::Connect, async {
        let host = place.host.as_str();
        let addresses = tokio::net::lookup_host((host, place.port))
            .await
            .map_err(|e| DialError::Resolve { host: host.to_owned(), source: Arc::new(e) })?;
        let stream = race(alternate(addresses.collect())).await.map_err(|e| {
            DialError::Connect { host: host.to_owned(), port: place.port, source: Arc::new(e) }
        })?;
        // Keystrokes must not wait for the acknowledgement of the ones before.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot switch Nagle's algorithm off");
        }
        Ok(Box::new(Tcp::new(stream)) as BoxIo)
    })
    .await?
}

/// Tries the addresses, each with a head start before the next.
async fn race(addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    let mut waiting = addresses.into_iter();
    let mut running = FuturesUnordered::new();
    loop {
        if running.is_empty() {
            match waiting.next() {
                Some(address) => running.push(TcpStream::connect(address)),
                None => return Err(last),
            }
        }
        tokio::select! {
            Some(connected) = running.next() => match connected {
                Ok(stream) => return Ok(stream),
                Err(error) => {
                    last = error;
                    running.extend(waiting.next().map(TcpStream::connect));
                }
            },
            () = sleep(HEAD_START), if waiting.len() > 0 => {
                running.extend(waiting.next().map(TcpStream::connect));
            }
        }
    }
}

/// Alternates between the address families, so that a broken one costs one head start.
fn alternate(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (mut first, mut second): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| address.is_ipv6() == first_is_v6);
    first.reverse();
    second.reverse();
    let mut ordered = Vec::with_capacity(first.len() + second.len());
    while !first.is_empty() || !second.is_empty() {
        ordered.extend(first.pop());
        ordered.extend(second.pop());
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_alternate_from_the_resolvers_first() {
        let addresses: Vec<SocketAddr> = ["[::1]:1", "[::2]:1", "127.0.0.1:1", "127.0.0.2:1"]
            .iter()
            .map(|a| a.parse().unwrap())
            .collect();
        let ordered: Vec<_> = alternate(addresses).iter().map(ToString::to_string).collect();
        assert_eq!(ordered, ["[::1]:1", "127.0.0.1:1", "[::2]:1", "127.0.0.2:1"]);
    }

    #[tokio::test]
    async fn a_dead_first_address_does_not_hide_a_live_second() {
        let live = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = live.local_addr().unwrap();
        let dead = {
            let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            closed.local_addr().unwrap()
        };
        let stream = race(vec![dead, address]).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), address);
    }
}
