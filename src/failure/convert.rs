//! What failures of the other crates mean for a user.

use std::io;

use adit_aws::{AwsError, AwsErrorKind};
use adit_lab::LabError;
use adit_tunnel::{DialError, Fatal, FatalKind, ListenError, TunnelError};

use super::{Failure, Kind};

impl From<AwsError> for Failure {
    fn from(error: AwsError) -> Self {
        let kind = match &error.kind {
            AwsErrorKind::CodeNeeded | AwsErrorKind::Cancelled => Kind::Input,
            kind => kind_of_aws(kind).into(),
        };
        Self { kind, message: error.message, hints: error.hints }
    }
}

/// The class of an AWS failure, in the terms of the seam between tunnel and AWS.
pub(crate) fn kind_of_aws(kind: &AwsErrorKind) -> FatalKind {
    match kind {
        AwsErrorKind::NoCredentials
        | AwsErrorKind::ExpiredCredentials
        | AwsErrorKind::UnknownProfile
        | AwsErrorKind::SignInNeeded { .. }
        | AwsErrorKind::CodeNeeded
        | AwsErrorKind::CodeFailed
        | AwsErrorKind::Cancelled => FatalKind::Credentials,
        AwsErrorKind::AccessDenied | AwsErrorKind::PolicyRefused => FatalKind::Permission,
        AwsErrorKind::TargetNotConnected => FatalKind::Offline,
        AwsErrorKind::InvalidTarget => FatalKind::Bastion,
        AwsErrorKind::TargetNotFound
        | AwsErrorKind::TargetAmbiguous
        | AwsErrorKind::TargetUnusable => FatalKind::Target,
        AwsErrorKind::NoRegion | AwsErrorKind::Config => FatalKind::Config,
        AwsErrorKind::Internal => FatalKind::Internal,
        _ => FatalKind::Service,
    }
}

impl From<FatalKind> for Kind {
    fn from(kind: FatalKind) -> Self {
        match kind {
            FatalKind::Credentials => Self::Credentials,
            FatalKind::Permission => Self::Permission,
            FatalKind::Target => Self::Target,
            FatalKind::Bastion => Self::Bastion,
            FatalKind::Offline => Self::Offline,
            FatalKind::Service => Self::Service,
            FatalKind::Config => Self::Config,
            FatalKind::Internal => Self::Internal,
        }
    }
}

impl From<Fatal> for Failure {
    fn from(fatal: Fatal) -> Self {
        Self { kind: fatal.kind.into(), message: fatal.message, hints: fatal.hints }
    }
}

impl From<TunnelError> for Failure {
    fn from(error: TunnelError) -> Self {
        if let TunnelError::Source(fatal) = error {
            return fatal.into();
        }
        let kind = match &error {
            TunnelError::Refused { .. } => Kind::Destination,
            TunnelError::Listen(_) => Kind::Listener,
            TunnelError::Lost { .. } => Kind::Lost,
            TunnelError::IdleAtService { .. } => Kind::Idle,
            TunnelError::HandshakeTimeout => Kind::Bastion,
            TunnelError::Internal(_) => Kind::Internal,
            TunnelError::Dial(DialError::ProxySetting | DialError::Roots(_)) => Kind::Config,
            _ => Kind::Service,
        };
        Self::new(kind, error.to_string()).hint(error.next_step())
    }
}

impl From<ListenError> for Failure {
    fn from(error: ListenError) -> Self {
        TunnelError::Listen(error).into()
    }
}

impl From<LabError> for Failure {
    fn from(error: LabError) -> Self {
        let (kind, hint) = match &error {
            LabError::NotLoopback(_) => {
                (Kind::Usage, "--listen and --tls-listen take loopback addresses: 127.0.0.1:0")
            }
            LabError::Latency => (Kind::Usage, "--latency takes milliseconds, an hour at most"),
            LabError::Listen { .. } => (Kind::Listener, "port 0 takes one that is free"),
            LabError::Tls(_) => (Kind::Config, "--tls-name takes a host name"),
            LabError::Write { .. } => (Kind::Config, "--ca-out takes a file that can be written"),
            _ => (Kind::Internal, "report it, with the log of a run at debug level"),
        };
        Self::new(kind, error.to_string()).hint(hint)
    }
}

/// Standard output is gone or broken: the reader's wish, or a fault of the system.
pub(crate) fn of_output(error: &io::Error) -> Failure {
    if error.kind() == io::ErrorKind::BrokenPipe {
        Failure::new(Kind::BrokenPipe, "standard output was closed")
    } else {
        Failure::new(Kind::Internal, format!("cannot write to standard output: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn kind(error: TunnelError) -> Kind {
        Failure::from(error).kind
    }

    #[test]
    fn tunnel_errors_have_the_documented_kinds() {
        let text = || "because".to_owned();
        let minutes = Duration::from_mins(10);
        assert_eq!(kind(TunnelError::Refused { output: text() }), Kind::Destination);
        assert_eq!(kind(TunnelError::Lost { after: minutes, last: text() }), Kind::Lost);
        assert_eq!(kind(TunnelError::IdleAtService { after: minutes }), Kind::Idle);
        assert_eq!(kind(TunnelError::HandshakeTimeout), Kind::Bastion);
        assert_eq!(kind(TunnelError::SessionOver { output: text() }), Kind::Service);
        assert_eq!(kind(TunnelError::TokenRefused { status: 403 }), Kind::Service);
        assert_eq!(kind(TunnelError::Dial(DialError::ProxyRefused { status: 407 })), Kind::Service);
        assert_eq!(kind(TunnelError::Dial(DialError::ProxySetting)), Kind::Config);
    }

    #[test]
    fn every_tunnel_error_comes_with_a_next_step() {
        let failure = Failure::from(TunnelError::HandshakeTimeout);
        assert_eq!(failure.hints.len(), 1);
    }

    #[test]
    fn what_the_source_says_is_passed_on_whole() {
        let fatal = Fatal {
            kind: FatalKind::Bastion,
            message: "the bastion is off".to_owned(),
            hints: vec!["start it".to_owned(), "or use another".to_owned()],
        };
        let failure = Failure::from(TunnelError::Source(fatal));
        assert_eq!(failure.kind, Kind::Bastion);
        assert_eq!(failure.hints, ["start it", "or use another"]);
    }
}
