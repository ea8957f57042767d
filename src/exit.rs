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
}

impl Exit {
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
            Self::Failed(Kind::Expired) => 13,
            Self::Failed(Kind::Input) => 14,
            Self::Failed(Kind::Partial) => 15,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }
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
            (Kind::Expired, 13),
            (Kind::Input, 14),
            (Kind::Partial, 15),
        ];
        for (kind, code) in kinds {
            assert_eq!(Exit::Failed(kind).code(), code, "{kind:?}");
        }
        assert_eq!(Exit::Done.code(), 0);
        assert_eq!(Exit::Interrupted.code(), 130);
        assert_eq!(Exit::Terminated.code(), 143);
    }
}
