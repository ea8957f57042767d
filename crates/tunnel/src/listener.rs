//! Where local clients connect.

mod bind;
mod failure;
mod kept;
mod socket;
#[cfg(test)]
mod tests;

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::sleep;

use self::failure::AcceptFailure;
pub use self::failure::ListenError;
use self::kept::Kept;
use self::socket::Socket;
use crate::local::Local;

/// The pause after an accept that failed for lack of descriptors or memory: long enough for
/// connections to end, short enough for a client that waits in the backlog.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(200);

/// The sockets on which local clients connect, TCP and Unix; closed when dropped.
///
/// Clients that connect while nobody [serves](crate::Tunnel::serve) wait in the system's backlog.
/// One at a time may accept from a listener: a tunnel, or [`first`](Self::first).
#[derive(Debug)]
pub struct Listener {
    /// Never empty.
    sockets: Vec<Socket>,
    /// The socket that is asked first.
    turn: AtomicUsize,
    kept: Kept,
}

/// An accepted client.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) local: Local,
    /// Where it connects from; `None` on Unix sockets.
    pub(crate) peer: Option<SocketAddr>,
}

/// An accept that failed.
struct Failed<'a> {
    socket: &'a Socket,
    error: io::Error,
}

impl Failed<'_> {
    /// The error to pause for before the next accept, if there is to be a pause; fails when the
    /// socket is broken.
    fn pause(self) -> Result<Option<io::Error>, ListenError> {
        match AcceptFailure::of(&self.error) {
            AcceptFailure::Client => Ok(None),
            AcceptFailure::Unknown if self.socket.is_broken() => {
                Err(ListenError::new(self.socket.name(), self.error))
            }
            AcceptFailure::Exhausted | AcceptFailure::Unknown => Ok(Some(self.error)),
        }
    }
}

impl Listener {
    fn of(sockets: Vec<Socket>) -> Result<Self, ListenError> {
        if sockets.is_empty() {
            let none = io::Error::new(io::ErrorKind::InvalidInput, "no address and no socket");
            return Err(ListenError::new("nothing".to_owned(), none));
        }
        Ok(Self { sockets, turn: AtomicUsize::new(0), kept: Kept::default() })
    }

    /// The sockets of both.
    pub fn and(mut self, other: Self) -> Self {
        self.sockets.extend(other.sockets);
        self.kept.append(other.kept);
        self
    }

    /// The TCP addresses, with the ports they got.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.sockets.iter().filter_map(Socket::address).collect()
    }

    /// The paths of the Unix sockets. One that was handed in may have none.
    pub fn paths(&self) -> Vec<PathBuf> {
        #[cfg(unix)]
        let paths = self.sockets.iter().filter_map(Socket::path).map(ToOwned::to_owned).collect();
        #[cfg(not(unix))]
        let paths = Vec::new();
        paths
    }

    /// The address or path of each socket, to be shown.
    pub fn describe(&self) -> Vec<String> {
        self.sockets.iter().map(Socket::name).collect()
    }

    /// Waits for a local client and keeps it, unread, for whoever accepts next; there may be one
    /// already. Failed accepts are skipped or waited out as while a tunnel is served.
    ///
    /// Nobody looks after a kept client: one that goes away is noticed when it is carried.
    pub async fn first(&self) -> Result<(), ListenError> {
        if self.is_waiting() {
            return Ok(());
        }
        let mut told = false;
        let client = self.accept_new(|error| {
            if !std::mem::replace(&mut told, true) {
                tracing::warn!(%error, "local clients have to wait");
            }
        });
        self.kept.push(client.await?);
        Ok(())
    }

    /// Whether a client is kept.
    pub fn is_waiting(&self) -> bool {
        !self.kept.is_empty()
    }

    /// Closes kept clients, so that they need not wait for what will not come. Those on TCP see a
    /// reset, as they do when a listener is dropped that keeps them.
    pub fn turn_away(&self) {
        self.kept.abort();
    }

    /// The next local client, a kept one first. Clients that fail on their own are skipped, and
    /// what the machine lacks is waited for; `troubled` is told of each such pause.
    pub(crate) async fn accept(
        &self,
        troubled: impl FnMut(&io::Error),
    ) -> Result<Client, ListenError> {
        match self.kept.pop() {
            Some(client) => Ok(client),
            None => self.accept_new(troubled).await,
        }
    }

    async fn accept_new(
        &self,
        mut troubled: impl FnMut(&io::Error),
    ) -> Result<Client, ListenError> {
        loop {
            match poll_fn(|cx| self.poll_accept(cx)).await {
                Ok(client) => return Ok(client),
                Err(failed) => {
                    if let Some(error) = failed.pause()? {
                        troubled(&error);
                        sleep(EXHAUSTED_PAUSE).await;
                    }
                }
            }
        }
    }

    /// The next client on any of the sockets, which take turns in being asked first: a busy one
    /// does not starve the others.
    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<Result<Client, Failed<'_>>> {
        let turn = self.turn.load(Ordering::Relaxed);
        let (before, from) = self.sockets.split_at_checked(turn).unwrap_or((&[], &self.sockets));
        let sockets = (turn..).zip(from).chain((0..).zip(before));
        for (index, socket) in sockets {
            if let Poll::Ready(accepted) = socket.poll_accept(cx) {
                self.turn.store((index + 1) % self.sockets.len(), Ordering::Relaxed);
                return Poll::Ready(accepted.map_err(|error| Failed { socket, error }));
            }
        }
        Poll::Pending
    }
}
