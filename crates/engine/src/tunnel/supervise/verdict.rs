//! What follows from each failure and each end, in one place.

use super::Asked;
use crate::CloseReason;

/// What an attempt failed for, as far as it decides what follows.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Trouble {
    /// It may pass: no network, throttling, a fault of the service.
    Passing,
    /// The bastion is not connected to the service at the moment.
    Offline,
    /// The call is not permitted.
    Denied,
    /// The gateway refuses the token, or the signature of the upgrade.
    Token,
    /// What is on the way to the gateway is not trusted, or not let through: lasting where the
    /// tunnel never stood, and where it did perhaps a network that wants a login first.
    Way,
    /// It lasts: no credentials, no such target, a wrong setting.
    Lasting,
}

/// What follows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    /// Another attempt.
    Again,
    /// A new session in the place of this one.
    Replace,
    /// The same, if anybody needs it.
    Gone,
    /// The end of the tunnel.
    End,
}

/// What follows from an attempt that failed. `established` is a tunnel that could be used before.
pub(super) fn of_attempt(asked: Asked, trouble: Trouble, established: bool) -> Verdict {
    use Verdict::{Again, End, Replace};
    match (asked, trouble) {
        // Whoever waits for a first session can do something about it.
        (Asked::Start, Trouble::Offline) | (Asked::Dial, Trouble::Way) if !established => End,
        (_, Trouble::Passing)
        | (Asked::Start | Asked::Resume, Trouble::Offline)
        | (Asked::Dial, Trouble::Token | Trouble::Way) => Again,
        // Policies that permit a start and no resumption are common.
        (Asked::Resume, Trouble::Denied) => Replace,
        (_, Trouble::Lasting)
        | (Asked::Start | Asked::Dial, Trouble::Denied)
        | (Asked::Dial, Trouble::Offline)
        | (Asked::Start | Asked::Resume, Trouble::Token | Trouble::Way) => End,
    }
}

/// The end of a session, as far as it decides what follows.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Closing {
    /// The service ended it: idle, at its longest, terminated, or the bastion gone.
    Service,
    /// The agent cannot reach the destination: unknown, forbidden, or refused to the only
    /// connection.
    Unreachable,
    /// Agent and client did not hear each other in time.
    Unanswered,
    /// The agent is none for port sessions.
    Incompatible,
    /// The agent's bytes cannot be read any further.
    Garbled,
    /// This end asked for it.
    Own,
}

impl Closing {
    /// Tells an unreachable destination from other ends by the agent's texts: it forbids some
    /// addresses, passes the resolver's message on, and where it takes one connection at a time its
    /// worker crashes when the first dial is refused.
    pub fn of(reason: &CloseReason) -> Self {
        const UNREACHABLE: [&str; 5] = [
            "is forbidden",
            "no such host",
            "lookup ",
            "document process failed unexpectedly",
            "connection refused",
        ];
        match reason {
            CloseReason::ChannelClosed { output } => {
                let output = output.to_lowercase();
                // The agent's own patience of 15 s is shorter than the session's.
                if output.contains("handshake timed out") {
                    Self::Unanswered
                } else if UNREACHABLE.iter().any(|mark| output.contains(mark)) {
                    Self::Unreachable
                } else {
                    Self::Service
                }
            }
            CloseReason::HandshakeTimeout => Self::Unanswered,
            CloseReason::Handshake(_) => Self::Incompatible,
            CloseReason::Protocol(_) => Self::Garbled,
            CloseReason::DestinationRefused => Self::Unreachable,
            CloseReason::Terminated => Self::Own,
        }
    }

    /// What follows. `proven` is a tunnel on which something has come from the destination.
    pub(super) fn verdict(self, established: bool, proven: bool) -> Verdict {
        match self {
            Self::Service if established => Verdict::Gone,
            Self::Unanswered | Self::Garbled if established => Verdict::Replace,
            // Names of databases that fail over are unknown for a moment.
            Self::Unreachable if proven => Verdict::Replace,
            Self::Own
            | Self::Incompatible
            | Self::Service
            | Self::Unanswered
            | Self::Garbled
            | Self::Unreachable => Verdict::End,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::HandshakeError;

    #[test]
    fn every_failure_has_its_verdict() {
        use Asked::{Dial, Resume, Start};
        use Trouble::{Denied, Lasting, Offline, Passing, Token, Way};
        use Verdict::{Again, End, Replace};
        // What failed, for what, and what follows before and after the tunnel stood.
        let table = [
            (Start, Passing, Again, Again),
            (Start, Offline, End, Again),
            (Start, Denied, End, End),
            (Start, Lasting, End, End),
            (Resume, Passing, Again, Again),
            (Resume, Offline, Again, Again),
            (Resume, Denied, Replace, Replace),
            (Resume, Lasting, End, End),
            (Dial, Passing, Again, Again),
            (Dial, Token, Again, Again),
            (Dial, Way, End, Again),
            (Dial, Lasting, End, End),
        ];
        for (asked, trouble, before, after) in table {
            assert_eq!(of_attempt(asked, trouble, false), before, "{asked:?} {trouble:?}");
            assert_eq!(of_attempt(asked, trouble, true), after, "{asked:?} {trouble:?}");
        }
    }

    fn of_text(output: &str) -> Closing {
        Closing::of(&CloseReason::ChannelClosed { output: output.to_owned() })
    }

    #[test]
    fn every_end_has_its_verdict() {
        use Verdict::{End, Gone, Replace};
        // The end, and what follows: opening, open, and after a byte from the destination.
        let table = [
            (of_text(""), End, Gone, Gone),
            (of_text("Session timed out"), End, Gone, Gone),
            (of_text("lookup db on 10.0.0.2:53: no such host"), End, End, Replace),
            (of_text("Forwarding to IP address 169.254.169.254 is forbidden."), End, End, Replace),
            (of_text("document process failed unexpectedly: ipc"), End, End, Replace),
            (of_text("initiating handshake. Handshake timed out."), End, Replace, Replace),
            (Closing::of(&CloseReason::HandshakeTimeout), End, Replace, Replace),
            (Closing::of(&CloseReason::DestinationRefused), End, End, Replace),
            (Closing::of(&CloseReason::Handshake(HandshakeError::NoSessionType)), End, End, End),
            (Closing::of(&CloseReason::Terminated), End, End, End),
        ];
        for (closing, opening, open, proven) in table {
            let verdicts = [(false, false), (true, false), (true, true)]
                .map(|(established, proven)| closing.verdict(established, proven));
            assert_eq!(verdicts, [opening, open, proven], "{closing:?}");
        }
    }
}
