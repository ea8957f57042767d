//! The exit code of the program.

use crate::failure::Kind;

/// How a command came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// It did what it was asked for.
    Done,
    /// Ctrl-C ended it.
    Interrupted,
    /// SIGTERM ended it.
    Terminated,
    /// It failed.
    Failed(Kind),
    /// A command that it has run ended with this code.
    Command(u8),
}

impl Exit {
    /// What `adit exec` ends with when it fails itself, lest its codes be taken for the command's.
    pub(crate) fn of_exec(kind: Kind) -> Self {
        match kind {
            Kind::Idle | Kind::Maximum | Kind::Expired => Self::Command(124),
            Kind::NotExecutable | Kind::NotFound => Self::Failed(kind),
            _ => Self::Command(125),
        }
    }

    /// The exit code; no other place knows one.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Done | Self::Failed(Kind::BrokenPipe) => 0,
            Self::Failed(Kind::Internal) => 1,
            Self::Failed(Kind::Usage) => 2,
            Self::Failed(Kind::Config) => 3,
            Self::Failed(Kind::Credentials) => 4,
            Self::Failed(Kind::Permission) => 5,
            Self::Failed(Kind::Target) => 6,
            Self::Failed(Kind::Bastion | Kind::Offline) => 7,
            Self::Failed(Kind::Destination) => 8,
            Self::Failed(Kind::Listener) => 9,
            Self::Failed(Kind::Service) => 10,
            Self::Failed(Kind::Lost) => 11,
            Self::Failed(Kind::Idle) => 12,
            Self::Failed(Kind::Maximum | Kind::Expired) => 13,
            Self::Failed(Kind::Input) => 14,
            Self::Failed(Kind::Partial) => 15,
            Self::Failed(Kind::NotExecutable) => 126,
            Self::Failed(Kind::NotFound) => 127,
            Self::Command(code) => code,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }
}

/// The code that a process ended with, as shells tell it: 128 and the signal that ended it.
pub(crate) fn code_of(status: std::process::ExitStatus) -> u8 {
    #[cfg(unix)]
    {
        use std::os::unix::process::ExitStatusExt as _;

        if let Some(signal) = status.signal() {
            return u8::try_from(128 + signal).unwrap_or(u8::MAX);
        }
    }
    status.code().and_then(|code| u8::try_from(code & 0xff).ok()).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The codes are an interface: scripts compare them.
    #[test]
    fn codes_are_the_documented_ones() {
        let kinds = [
            (Kind::BrokenPipe, 0),
            (Kind::Internal, 1),
            (Kind::Usage, 2),
            (Kind::Config, 3),
            (Kind::Credentials, 4),
            (Kind::Permission, 5),
            (Kind::Target, 6),
            (Kind::Bastion, 7),
            (Kind::Offline, 7),
            (Kind::Destination, 8),
            (Kind::Listener, 9),
            (Kind::Service, 10),
            (Kind::Lost, 11),
            (Kind::Idle, 12),
            (Kind::Maximum, 13),
            (Kind::Expired, 13),
            (Kind::Input, 14),
            (Kind::Partial, 15),
        ];
        for (kind, code) in kinds {
            assert_eq!(Exit::Failed(kind).code(), code, "{kind:?}");
        }
        for (kind, code) in [
            (Kind::Idle, 124),
            (Kind::Maximum, 124),
            (Kind::Expired, 124),
            (Kind::Bastion, 125),
            (Kind::Config, 125),
            (Kind::NotExecutable, 126),
            (Kind::NotFound, 127),
        ] {
            assert_eq!(Exit::of_exec(kind).code(), code, "{kind:?}");
        }
        assert_eq!(Exit::Command(3).code(), 3);
        assert_eq!(Exit::Done.code(), 0);
        assert_eq!(Exit::Interrupted.code(), 130);
        assert_eq!(Exit::Terminated.code(), 143);
    }
}
