//! Where local clients connect.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
#[cfg(unix)]
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::net::TcpListener;
#[cfg(unix)]
use tokio::net::UnixListener;

use crate::error::SharedIo;
use crate::local::Local;

/// Why local clients cannot connect.
#[derive(Clone, Debug, thiserror::Error)]
#[error("cannot listen on {address}: {source}")]
pub struct ListenError {
    /// The address or path.
    pub address: String,
    /// The error.
    pub source: SharedIo,
}

impl ListenError {
    fn new(address: String, error: io::Error) -> Self {
        Self { address, source: Arc::new(error) }
    }

    /// Whether something else listens there.
    pub fn is_taken(&self) -> bool {
        self.source.kind() == io::ErrorKind::AddrInUse
    }

    /// What the user can do, in one line.
    pub fn next_step(&self) -> &'static str {
        match self.source.kind() {
            _ if self.address.contains('/') => "use another path for the socket",
            io::ErrorKind::AddrInUse => "stop what listens there, or use --local-port auto",
            io::ErrorKind::PermissionDenied => "use --local-port auto, or a local port above 1023",
            io::ErrorKind::AddrNotAvailable => "use an address of this machine",
            _ => "use another local port",
        }
    }
}

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

/// What to do after a failed accept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AcceptFailure {
    /// Only that client is affected.
    Client,
    /// The machine lacks descriptors or memory for the moment.
    Exhausted,
    /// The socket itself may be broken.
    Unknown,
}

impl AcceptFailure {
    /// Linux passes errors that are pending on the new connection through accept(2); they say
    /// nothing about the listener.
    pub(crate) fn of(error: &io::Error) -> Self {
        use io::ErrorKind as Kind;

        match error.kind() {
            Kind::ConnectionAborted
            | Kind::ConnectionReset
            | Kind::Interrupted
            | Kind::HostUnreachable
            | Kind::NetworkUnreachable
            | Kind::NetworkDown
            | Kind::TimedOut => Self::Client,
            Kind::OutOfMemory => Self::Exhausted,
            _ if is_exhausted(error) => Self::Exhausted,
            _ => Self::Unknown,
        }
    }
}

#[cfg(unix)]
fn is_exhausted(error: &io::Error) -> bool {
    use rustix::io::Errno;

    error.raw_os_error().is_some_and(|code| {
        [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM]
            .contains(&Errno::from_raw_os_error(code))
    })
}

#[cfg(windows)]
fn is_exhausted(error: &io::Error) -> bool {
    // WSAEMFILE and WSAENOBUFS.
    matches!(error.raw_os_error(), Some(10024 | 10055))
}

#[cfg(all(test, unix))]
mod tests {
    use rustix::io::Errno;

    use super::*;

    #[test]
    fn accept_errors_are_told_apart() {
        let of = |errno: Errno| AcceptFailure::of(&io::Error::from(errno));
        for errno in [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM] {
            assert_eq!(of(errno), AcceptFailure::Exhausted, "{errno}");
        }
        for errno in [Errno::CONNABORTED, Errno::INTR, Errno::HOSTUNREACH] {
            assert_eq!(of(errno), AcceptFailure::Client, "{errno}");
        }
        assert_eq!(of(Errno::BADF), AcceptFailure::Unknown);
    }

    #[tokio::test]
    async fn several_addresses_share_the_port_that_was_free() {
        let listener =
            Listener::bind(&["127.0.0.1:0".parse().unwrap(), "[::1]:0".parse().unwrap()])
                .await
                .unwrap();
        let ports: Vec<u16> = listener.addresses().iter().map(SocketAddr::port).collect();
        assert_eq!(ports.len(), 2);
        assert!(ports[0] != 0 && ports[0] == ports[1]);
    }

    #[tokio::test]
    async fn a_taken_port_is_named() {
        let first = Listener::loopback(0).await.unwrap();
        let port = first.addresses()[0].port();
        let error = Listener::loopback(port).await.unwrap_err();
        assert!(error.is_taken());
        assert!(error.to_string().contains(&format!("127.0.0.1:{port}")), "{error}");
        assert!(error.next_step().contains("auto"));
    }
}
