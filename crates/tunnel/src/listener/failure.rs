//! What goes wrong with a listener.

use std::io;
use std::sync::Arc;

use crate::error::SharedIo;

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
    pub(super) fn new(address: String, error: io::Error) -> Self {
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
            io::ErrorKind::InvalidInput => "use a port, or a path for a socket",
            io::ErrorKind::AddrNotAvailable => "use an address of this machine",
            _ => "use another local port",
        }
    }
}

/// What to do after a failed accept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum AcceptFailure {
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
    pub(super) fn of(error: &io::Error) -> Self {
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

/// Whether the machine has no such address, or no such family at all.
pub(super) fn is_no_address_here(error: &io::Error) -> bool {
    #[cfg(unix)]
    let no_family = rustix::io::Errno::AFNOSUPPORT.raw_os_error();
    // WSAEAFNOSUPPORT.
    #[cfg(windows)]
    let no_family = 10047;
    error.kind() == io::ErrorKind::AddrNotAvailable || error.raw_os_error() == Some(no_family)
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
}
