use std::io;
use std::net::SocketAddr;
#[cfg(unix)]
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};

use tokio::net::TcpListener;
#[cfg(unix)]
use tokio::net::UnixListener;

use super::Client;
#[cfg(unix)]
use super::ListenError;
use crate::local::Local;

/// Unexplained failures in a row after which a socket counts as broken.
const UNKNOWN_LIMIT: u32 = 16;

/// One listening socket.
#[derive(Debug)]
pub(super) struct Socket {
    kind: Kind,
    /// Unexplained failures since the last client.
    unknown: AtomicU32,
}

#[derive(Debug)]
enum Kind {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixSocket),
}

impl Socket {
    pub(super) fn tcp(listener: TcpListener) -> Self {
        Self { kind: Kind::Tcp(listener), unknown: AtomicU32::new(0) }
    }

    #[cfg(unix)]
    pub(super) fn unix(socket: UnixSocket) -> Self {
        Self { kind: Kind::Unix(socket), unknown: AtomicU32::new(0) }
    }

    pub(super) fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<Client>> {
        let accepted = match &self.kind {
            Kind::Tcp(listener) => listener
                .poll_accept(cx)
                .map_ok(|(stream, peer)| Client { local: Local::tcp(stream), peer: Some(peer) }),
            #[cfg(unix)]
            Kind::Unix(socket) => socket
                .listener
                .poll_accept(cx)
                .map_ok(|(stream, _)| Client { local: Local::unix(stream), peer: None }),
        };
        if let Poll::Ready(Ok(_)) = accepted {
            self.unknown.store(0, Ordering::Relaxed);
        }
        accepted
    }

    /// Counts an unexplained failure; tells whether the socket counts as broken.
    pub(super) fn is_broken(&self) -> bool {
        self.unknown.fetch_add(1, Ordering::Relaxed) >= UNKNOWN_LIMIT
    }

    pub(super) fn address(&self) -> Option<SocketAddr> {
        match &self.kind {
            Kind::Tcp(listener) => listener.local_addr().ok(),
            #[cfg(unix)]
            Kind::Unix(_) => None,
        }
    }

    #[cfg(unix)]
    pub(super) fn path(&self) -> Option<&Path> {
        match &self.kind {
            Kind::Tcp(_) => None,
            Kind::Unix(socket) => socket.file.path(),
        }
    }

    /// The address or path.
    pub(super) fn name(&self) -> String {
        let name = self.address().map(|address| address.to_string());
        #[cfg(unix)]
        let name = name.or_else(|| self.path().map(|path| path.display().to_string()));
        name.unwrap_or_else(|| "a socket without a name".to_owned())
    }
}

/// A listening Unix socket.
#[cfg(unix)]
#[derive(Debug)]
pub(super) struct UnixSocket {
    listener: UnixListener,
    file: SocketFile,
}

/// Whose a socket's file is.
#[cfg(unix)]
#[derive(Debug)]
enum SocketFile {
    /// It goes with the socket.
    Ours(PathBuf),
    /// Whoever made it needs it again. Not all sockets have one.
    Given(Option<PathBuf>),
}

#[cfg(unix)]
impl SocketFile {
    fn path(&self) -> Option<&Path> {
        match self {
            Self::Ours(path) => Some(path),
            Self::Given(path) => path.as_deref(),
        }
    }
}

#[cfg(unix)]
impl Drop for UnixSocket {
    fn drop(&mut self) {
        if let SocketFile::Ours(path) = &self.file
            && let Err(error) = std::fs::remove_file(path)
        {
            tracing::debug!(%error, "cannot remove the socket file");
        }
    }
}

#[cfg(unix)]
impl UnixSocket {
    /// Listens at `path`, for its owner alone.
    pub(super) fn bind(path: &Path) -> Result<Self, ListenError> {
        use std::os::unix::fs::PermissionsExt as _;

        let failed = |error| ListenError::new(path.display().to_string(), error);
        let listener = match UnixListener::bind(path) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_abandoned(path) => {
                std::fs::remove_file(path).and_then(|()| UnixListener::bind(path))
            }
            bound => bound,
        };
        let listener = listener.map_err(failed)?;
        let socket = Self { listener, file: SocketFile::Ours(path.to_owned()) };
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).map_err(failed)?;
        Ok(socket)
    }

    /// Takes a socket that another made.
    pub(super) fn given(listener: std::os::unix::net::UnixListener) -> Result<Self, ListenError> {
        let address = listener.local_addr();
        let path = address.ok().and_then(|address| address.as_pathname().map(Path::to_owned));
        let file = SocketFile::Given(path);
        let listener = check_listening(&listener)
            .and_then(|()| listener.set_nonblocking(true))
            .and_then(|()| UnixListener::from_std(listener))
            .map_err(|error| {
                let path = file.path().map(|path| path.display().to_string());
                ListenError::new(path.unwrap_or_else(|| "a Unix socket".to_owned()), error)
            })?;
        Ok(Self { listener, file })
    }
}

/// Fails for a socket that does not listen, such as a service manager hands over where it accepts
/// by itself: no client would ever come, and nobody would know why.
#[cfg(target_os = "linux")]
pub(super) fn check_listening(socket: &impl std::os::fd::AsFd) -> io::Result<()> {
    if rustix::net::sockopt::socket_acceptconn(socket)? {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "the socket does not listen"))
}

/// Elsewhere systems do not tell.
#[cfg(not(target_os = "linux"))]
#[expect(clippy::unnecessary_wraps, reason = "as on Linux")]
pub(super) fn check_listening<S>(_socket: &S) -> io::Result<()> {
    Ok(())
}

/// Whether a path is a socket on which nobody listens: what a program leaves that was killed.
#[cfg(unix)]
fn is_abandoned(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt as _;

    std::fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket())
        && std::os::unix::net::UnixStream::connect(path)
            .is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}
