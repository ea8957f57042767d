//! Where local clients connect.

mod failure;
#[cfg(test)]
mod tests;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
#[cfg(unix)]
use std::path::{Path, PathBuf};
use std::task::{Context, Poll};

use tokio::net::TcpListener;
#[cfg(unix)]
use tokio::net::UnixListener;

pub(crate) use self::failure::AcceptFailure;
pub use self::failure::ListenError;
use crate::local::Local;

/// The sockets on which local clients connect; closed when dropped.
#[derive(Debug)]
pub struct Listener {
    tcp: Vec<TcpListener>,
    #[cfg(unix)]
    unix: Option<UnixSocket>,
}

/// A listening Unix socket whose file goes with it.
#[cfg(unix)]
#[derive(Debug)]
struct UnixSocket {
    listener: UnixListener,
    path: PathBuf,
}

#[cfg(unix)]
impl Drop for UnixSocket {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::debug!(%error, "cannot remove the socket file");
        }
    }
}

/// Whether a path is a socket on which nobody listens: what a program leaves that was killed.
#[cfg(unix)]
fn is_abandoned(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt as _;

    std::fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket())
        && std::os::unix::net::UnixStream::connect(path)
            .is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}

impl Listener {
    /// Listens on TCP addresses. Where several ask for port 0, all get the port that the first got.
    pub async fn bind(addresses: &[SocketAddr]) -> Result<Self, ListenError> {
        let mut tcp: Vec<TcpListener> = Vec::with_capacity(addresses.len());
        for address in addresses {
            let mut address = *address;
            if let (0, Some(first)) = (address.port(), tcp.first()) {
                address.set_port(first.local_addr().map_or(0, |first| first.port()));
            }
            let listener = TcpListener::bind(address)
                .await
                .map_err(|e| ListenError::new(address.to_string(), e))?;
            tcp.push(listener);
        }
        Ok(Self {
            tcp,
            #[cfg(unix)]
            unix: None,
        })
    }

    /// Listens on a port of 127.0.0.1; 0 takes any free one.
    pub async fn loopback(port: u16) -> Result<Self, ListenError> {
        Self::bind(&[SocketAddr::from((Ipv4Addr::LOCALHOST, port))]).await
    }

    /// Listens on a Unix socket that only its owner may use; the file is removed with the listener.
    /// A socket of that name on which nobody listens any more is replaced.
    #[cfg(unix)]
    pub fn unix(path: &Path) -> Result<Self, ListenError> {
        use std::os::unix::fs::PermissionsExt as _;

        let failed = |error| ListenError::new(path.display().to_string(), error);
        let listener = match UnixListener::bind(path) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_abandoned(path) => {
                std::fs::remove_file(path).and_then(|()| UnixListener::bind(path))
            }
            bound => bound,
        };
        let listener = listener.map_err(failed)?;
        let socket = UnixSocket { listener, path: path.to_owned() };
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).map_err(failed)?;
        Ok(Self { tcp: Vec::new(), unix: Some(socket) })
    }

    /// The TCP addresses, with the ports they got.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.tcp.iter().filter_map(|listener| listener.local_addr().ok()).collect()
    }

    /// The next local client on any of the sockets.
    pub(crate) fn poll_accept(
        &self,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<(Local, Option<SocketAddr>)>> {
        for listener in &self.tcp {
            if let Poll::Ready(accepted) = listener.poll_accept(cx) {
                return Poll::Ready(
                    accepted.map(|(stream, peer)| (Local::tcp(stream), Some(peer))),
                );
            }
        }
        #[cfg(unix)]
        if let Some(socket) = &self.unix
            && let Poll::Ready(accepted) = socket.listener.poll_accept(cx)
        {
            return Poll::Ready(accepted.map(|(stream, _)| (Local::unix(stream), None)));
        }
        Poll::Pending
    }

    /// The failure of a socket that accepts no more.
    pub(crate) fn broken(&self, error: io::Error) -> ListenError {
        let address = self.addresses().first().map_or("the socket".to_owned(), ToString::to_string);
        ListenError::new(address, error)
    }
}
