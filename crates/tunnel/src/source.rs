//! The seam towards the AWS API: where sessions come from.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use zeroize::Zeroizing;

/// A string that is wiped when dropped and never shown.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the secret over.
    pub fn new(value: String) -> Self {
        Self(Zeroizing::new(value))
    }

    /// Gives the value to the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl From<String> for Secret {
    fn from(value: String) -> Self {
        Self::new(value)
    }
}

/// What `StartSession` and `ResumeSession` answer: a session and the right to attach to it.
#[derive(Clone, Debug)]
pub struct Ticket {
    /// The session's id.
    pub session_id: String,
    /// Where to dial; used verbatim, query included.
    pub stream_url: String,
    /// The secret of the first frame.
    pub token: Secret,
}

/// What became of a session that is to be resumed.
#[derive(Clone, Debug)]
pub enum Resumption {
    /// It lives; dial with this ticket.
    Resumed(Ticket),
    /// It is over and cannot come back.
    Over,
}

/// Why a source could not answer.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// It may work later.
    #[error("{message}")]
    Retry {
        /// How long to wait at least; the tunnel's own back-off when absent.
        after: Option<Duration>,
        /// One line for the user.
        message: String,
    },
    /// It will not work without a change.
    #[error(transparent)]
    Fatal(#[from] Fatal),
}

/// A failure that retrying does not mend.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fatal {
    /// The class, which decides the exit code.
    pub kind: FatalKind,
    /// One line for the user.
    pub message: String,
    /// What the user can do, one line each.
    pub hints: Vec<String>,
}

/// The class of a [`Fatal`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FatalKind {
    /// No usable credentials.
    Credentials,
    /// The credentials do not permit it.
    Permission,
    /// The target is unknown or not usable.
    Target,
    /// The bastion is unknown or cannot be used.
    Bastion,
    /// The bastion is not connected at the moment.
    Offline,
    /// The service failed.
    Service,
    /// The configuration is wrong.
    Config,
    /// A fault of the program.
    Internal,
}

/// Where a tunnel gets its sessions from.
///
/// Calls are dropped when the tunnel is closed while they run, but for [`start`](Self::start): a
/// session that it may have started is given back.
pub trait SessionSource: Send + Sync + 'static {
    /// Finds out how a session is started in the place of one that is gone: resolves the target anew,
    /// finds and starts the bastion. Comes before each [`start`](Self::start) but the first.
    fn prepare(&self) -> impl Future<Output = Result<(), SourceError>> + Send {
        std::future::ready(Ok(()))
    }

    /// Where the `StreamUrl` of a session will lead if all is as usual; its path does not matter. It is
    /// connected to while the first session is started.
    fn likely_gateway(&self) -> Option<String> {
        None
    }

    /// Starts a session.
    fn start(&self) -> impl Future<Output = Result<Ticket, SourceError>> + Send;

    /// Starts a session beside others. Where it is not to be had now, that is best told at once: whoever
    /// wants it can do without.
    fn start_beside(&self) -> impl Future<Output = Result<Ticket, SourceError>> + Send {
        self.start()
    }

    /// Asks for a fresh ticket of a session whose websocket is gone.
    fn resume(
        &self,
        session_id: &str,
    ) -> impl Future<Output = Result<Resumption, SourceError>> + Send;

    /// Ends a session through the API.
    fn terminate(&self, session_id: &str) -> impl Future<Output = Result<(), SourceError>> + Send;

    /// Signs the upgrade request to `url`, afresh for each dial; `None` dials unsigned.
    fn sign_upgrade(
        &self,
        url: &str,
    ) -> impl Future<Output = Result<Option<Vec<(HeaderName, HeaderValue)>>, SourceError>> + Send;
}
