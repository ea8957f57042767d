use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why a control refuses.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct ControlError(pub(crate) String);

/// Why a lab does not start, or not do what it was asked for. Each text ends with its cause, for
/// those who print one line only.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LabError {
    /// The lab has no access control worth the name, so it stays on this machine.
    #[error("{0} is not a loopback address")]
    NotLoopback(SocketAddr),
    /// A delay that no session outlives.
    #[error("a latency of more than an hour")]
    Latency,
    /// An address that cannot be bound.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// No certificate.
    #[error("cannot set up TLS: {0}")]
    Tls(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Something that the lab's own cloud refused.
    #[error("{message} ({code})")]
    Cloud {
        /// The service's code.
        code: &'static str,
        /// What it says.
        message: String,
    },
    /// A file that cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}
