//! How a command fails: a kind, which decides the exit code, a one-line cause, and next steps.

mod convert;

pub(crate) use convert::{kind_of_aws, of_output};

use serde::Serialize;

/// The class of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// A fault of the program.
    Internal,
    /// The arguments make no sense.
    Usage,
    /// A setting or a file of settings cannot be used.
    Config,
    /// No usable AWS credentials.
    Credentials,
    /// The credentials do not permit it.
    Permission,
    /// The target is unknown or not usable.
    Target,
    /// The bastion is unknown, offline, or does not answer.
    Bastion,
    /// The same, where waiting for it may help: Session Manager does not reach it now.
    #[serde(rename = "bastion")]
    Offline,
    /// The destination cannot be reached from the bastion.
    Destination,
    /// The local side cannot be listened on.
    Listener,
    /// The service, or the way to it, failed.
    Service,
    /// The connection was lost for longer than the resume budget.
    Lost,
    /// Nothing has moved for as long as a tunnel may be idle.
    Idle,
    /// The tunnel has been open for as long as it may be.
    Maximum,
    /// The time that access was granted for is over.
    Expired,
    /// An answer is needed, and there is nobody to ask.
    Input,
    /// Some of it is done, and some could not be.
    Partial,
    /// There is no such command to run.
    NotFound,
    /// It is there, and cannot be run.
    NotExecutable,
    /// Nobody reads standard output any more.
    BrokenPipe,
}

impl Kind {
    /// The kind behind an exit code, as far as one can tell.
    pub(crate) fn of_code(code: u8) -> Option<Self> {
        const KINDS: [Kind; 15] = [
            Kind::Internal,
            Kind::Usage,
            Kind::Config,
            Kind::Credentials,
            Kind::Permission,
            Kind::Target,
            Kind::Bastion,
            Kind::Destination,
            Kind::Listener,
            Kind::Service,
            Kind::Lost,
            Kind::Idle,
            Kind::Maximum,
            Kind::Input,
            Kind::Partial,
        ];
        KINDS.into_iter().find(|kind| crate::exit::Exit::Failed(*kind).code() == code)
    }
}

/// A failed command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// The class.
    pub(crate) kind: Kind,
    /// The cause in one line.
    pub(crate) message: String,
    /// What to do next, one line each.
    pub(crate) hints: Vec<String>,
}

impl Failure {
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hints: Vec::new() }
    }

    /// Adds a next step, unless it is there already.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        let hint = hint.into();
        if !self.hints.contains(&hint) {
            self.hints.push(hint);
        }
        self
    }

    /// Says what was being done when it failed.
    pub(crate) fn context(mut self, doing: &str) -> Self {
        self.message = format!("{doing}: {}", self.message);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_is_given_once() {
        let failure = Failure::new(Kind::Service, "no").hint("again").hint("again");
        assert_eq!(failure.hints, ["again"]);
    }
}
