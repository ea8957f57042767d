//! Why a tunnel could not open, or is over.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use adit_engine::{CloseReason, Closing, HandshakeError, ProtocolError};

use crate::dial::DialError;
use crate::listener::ListenError;
use crate::source::Fatal;

/// How a tunnel ended.
#[derive(Clone, Debug)]
pub enum End {
    /// [`Tunnel::close`](crate::Tunnel::close) was called, or the last handle dropped.
    Closed,
    /// It ended by itself.
    Failed(TunnelError),
}

impl End {
    /// The cause in one line.
    pub fn cause(&self) -> String {
        match self {
            Self::Closed => "closed".to_owned(),
            Self::Failed(error) => error.to_string(),
        }
    }
}

/// Why a tunnel failed. `Display` gives the cause in one line, [`next_step`](Self::next_step) what
/// to do about it.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TunnelError {
    /// The source of sessions gave up.
    #[error(transparent)]
    Source(#[from] Fatal),
    /// The source kept asking for patience until it was used up.
    #[error("no session after {} s: {last}", after.as_secs())]
    NoSession {
        /// How long it was tried.
        after: Duration,
        /// What was said last.
        last: String,
    },
    /// The gateway could not be dialled.
    #[error(transparent)]
    Dial(DialError),
    /// The gateway refused each of several fresh tokens.
    #[error("the service refuses the session's tokens (HTTP {status})")]
    TokenRefused {
        /// The last HTTP status, 401 or 403.
        status: u16,
    },
    /// Agent and client did not complete the handshake in time: one of them did not hear the other.
    #[error("agent and client did not complete their handshake in time")]
    HandshakeTimeout,
    /// The agent's handshake is not one of a port session.
    #[error("handshake with the agent failed: {0}")]
    Handshake(HandshakeError),
    /// The agent's byte stream cannot be read any further.
    #[error("the agent broke the protocol: {0}")]
    Protocol(ProtocolError),
    /// The destination is unknown, forbidden, or closed in a session of one connection.
    #[error("the destination cannot be reached from the bastion: {output}")]
    Refused {
        /// What the agent said, in one line.
        output: String,
    },
    /// The service ended the session.
    #[error("the service ended the session{}", colon(output))]
    SessionOver {
        /// Its text for the user in one line, often empty.
        output: String,
    },
    /// The service has ended a session that was idle for as long as the tunnel's own limit.
    #[error("closed: nothing has moved for {} minutes", after.as_secs() / 60)]
    IdleAtService {
        /// How long.
        after: Duration,
    },
    /// The session could not be resumed within the budget.
    #[error("lost for more than {} s: {last}", after.as_secs())]
    Lost {
        /// The time since the connection was lost.
        after: Duration,
        /// The last failure.
        last: String,
    },
    /// The local listener failed.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// A fault of the program.
    #[error("internal error: {0}")]
    Internal(&'static str),
}

impl TunnelError {
    /// What the user can do, in one line.
    pub fn next_step(&self) -> &str {
        match self {
            Self::Source(fatal) => fatal.hints.first().map_or("see the message above", |h| h),
            Self::NoSession { .. } => "check that the target is online, then try again",
            Self::Dial(error) => error.next_step(),
            Self::TokenRefused { .. } => {
                "check the clock of this machine and that the credentials may open data channels"
            }
            Self::HandshakeTimeout => "check the SSM agent on the target, then try again",
            Self::Handshake(_) | Self::Protocol(_) => {
                "check the session document and update the SSM agent on the target"
            }
            Self::Refused { .. } => {
                "check host and port, which the bastion looks up in its own network, and that security groups let it reach them"
            }
            Self::SessionOver { .. } => "open the tunnel again",
            Self::IdleAtService { .. } => "open the tunnel again when it is needed",
            Self::Lost { .. } => "check the network, then open the tunnel again",
            Self::Listen(error) => error.next_step(),
            Self::Internal(_) => "report it, with the log of a run at debug level",
        }
    }

    /// Whether the service may still hold the session, so that it should be told to end it.
    pub(crate) fn session_may_live(&self) -> bool {
        !matches!(self, Self::SessionOver { .. } | Self::IdleAtService { .. })
    }

    /// What the engine's reason means for the user.
    pub(crate) fn from_close(reason: CloseReason) -> Self {
        let closing = Closing::of(&reason);
        match (reason, closing) {
            // The agent's advice is for users of another client.
            (_, Closing::Unanswered) => Self::HandshakeTimeout,
            (CloseReason::ChannelClosed { output }, Closing::Unreachable) => {
                Self::Refused { output: one_line(&output) }
            }
            (CloseReason::ChannelClosed { output }, _) => {
                Self::SessionOver { output: one_line(&output) }
            }
            (CloseReason::DestinationRefused, _) => {
                Self::Refused { output: "the agent's worker went silent on it".to_owned() }
            }
            (CloseReason::Handshake(error), _) => Self::Handshake(error),
            (CloseReason::Protocol(error), _) => Self::Protocol(error),
            (CloseReason::Terminated, _) => Self::SessionOver { output: "terminated".to_owned() },
            (reason, _) => Self::SessionOver { output: reason.to_string() },
        }
    }
}

/// An I/O error that several may look at.
pub(crate) type SharedIo = Arc<io::Error>;

/// Folds a text of several lines into one, without control characters, at most 500 characters:
/// it comes from the network and goes to a terminal.
pub(crate) fn one_line(text: &str) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let mut line = clean.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((cut, _)) = line.char_indices().nth(500) {
        line.truncate(cut);
        line.push('…');
    }
    line
}

fn colon(output: &str) -> String {
    if output.is_empty() { String::new() } else { format!(": {output}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closed(output: &str) -> TunnelError {
        TunnelError::from_close(CloseReason::ChannelClosed { output: output.to_owned() })
    }

    #[test]
    fn texts_of_a_refused_destination_are_told_apart() {
        for output in [
            "Forwarding to IP address 169.254.169.254 is forbidden.",
            "lookup db.internal on 10.0.0.2:53: no such host",
            "document process failed unexpectedly: ipc messaging received timeout signal",
        ] {
            assert!(matches!(closed(output), TunnelError::Refused { .. }), "{output}");
        }
        let slow =
            "----ERROR---- Encountered error while initiating handshake. Handshake timed out.";
        assert!(matches!(closed(slow), TunnelError::HandshakeTimeout));
        assert!(matches!(closed(""), TunnelError::SessionOver { .. }));
        assert!(matches!(closed("Session timed out"), TunnelError::SessionOver { .. }));
    }

    #[test]
    fn outputs_become_one_plain_line() {
        let error = closed("\n----ERROR----\n\x1b[31mTimed\tout\r\n");
        assert_eq!(error.to_string(), "the service ended the session: ----ERROR---- [31mTimed out");
        assert_eq!(closed("").to_string(), "the service ended the session");
    }
}
