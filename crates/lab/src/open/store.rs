use std::collections::BTreeMap;
use std::time::Duration;

use crate::cloud::sts::Issued;

/// What was registered, approved and issued. Times are since the Unix epoch, on the lab's clock.
#[derive(Default)]
pub(crate) struct State {
    /// Clients of single sign-on, by id.
    pub(super) clients: BTreeMap<String, Client>,
    /// Devices that wait for somebody to approve them, by device code.
    pub(super) devices: BTreeMap<String, Device>,
    /// Access tokens of single sign-on.
    pub(super) tokens: BTreeMap<String, Token>,
    /// Refresh tokens of single sign-on.
    pub(super) refreshes: BTreeMap<String, Token>,
    pub(super) assignments: Vec<Assignment>,
    /// Sessions of `aws login`, by their refresh token.
    pub(super) logins: BTreeMap<String, Login>,
    /// Proofs that were seen: each is good once.
    pub(super) proofs: BTreeMap<String, Duration>,
    /// Tokens of the instance's metadata, with when they end.
    pub(super) metadata: BTreeMap<String, Duration>,
    /// ARN of the role that the instance has.
    pub(super) instance_role: Option<String>,
    pub(super) instance_credentials: Option<(Duration, Issued)>,
    /// Containers, by name.
    pub(super) containers: BTreeMap<String, Container>,
}

/// How long a device that has waited too long is told from one that never was.
const REMEMBERED: Duration = Duration::from_hours(1);

impl State {
    /// Forgets what has ended: whatever issues something does so first, so that nothing only grows.
    pub(super) fn sweep(&mut self, now: Duration) {
        self.clients.retain(|_, client| client.expires > now);
        self.devices.retain(|_, device| device.expires + REMEMBERED > now);
        self.tokens.retain(|_, token| token.expires > now);
        self.refreshes.retain(|_, token| token.session > now);
        self.logins.retain(|_, login| login.session > now);
        self.metadata.retain(|_, until| *until > now);
    }
}

// What is in here are secrets, nearly all of it.
impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").finish_non_exhaustive()
    }
}

#[derive(Clone)]
pub(super) struct Client {
    pub(super) secret: String,
    pub(super) expires: Duration,
    /// Whether its tokens can be renewed.
    pub(super) refreshes: bool,
}

#[derive(Clone)]
pub(super) struct Device {
    pub(super) client: String,
    pub(super) user_code: String,
    pub(super) expires: Duration,
    pub(super) asked: Option<Duration>,
    pub(super) decision: Decision,
}

/// What somebody said to a device.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Decision {
    Open,
    Approved { user: String },
    Denied,
}

#[derive(Clone)]
pub(super) struct Token {
    pub(super) user: String,
    pub(super) client: String,
    pub(super) expires: Duration,
    /// When the whole login ends.
    pub(super) session: Duration,
}

/// That a user may be a role in an account.
#[derive(Clone)]
pub(super) struct Assignment {
    pub(super) user: String,
    pub(super) account: String,
    /// As the portal calls it.
    pub(super) role: String,
    /// Name in IAM, as in `AWSReservedSSO_ops_0123456789abcdef`.
    pub(super) name: String,
    pub(super) life: Duration,
}

/// A session of `aws login`.
#[derive(Clone)]
pub(super) struct Login {
    pub(super) caller: crate::identity::Caller,
    pub(super) session: Duration,
    /// The key that proves come with: a point of P-256.
    pub(super) key: Vec<u8>,
}

/// A container that may ask for credentials.
#[derive(Clone)]
pub(crate) struct Container {
    pub(crate) role: String,
    pub(crate) token: String,
}

/// Gives the instance a role, by ARN, or takes it away.
pub(crate) fn give_instance_role(state: &mut State, role: Option<String>) {
    state.instance_role = role;
    state.instance_credentials = None;
}

/// Lets a container ask for credentials; gives the path where.
pub(crate) fn give_container(state: &mut State, name: &str, container: Container) -> String {
    state.containers.insert(name.to_owned(), container);
    format!("{}{name}", super::container::PATH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_ended_is_forgotten() {
        let at = Duration::from_mins;
        let mut state = State::default();
        let token = |expires, session| Token {
            user: "ada".to_owned(),
            client: "adit".to_owned(),
            expires,
            session,
        };
        let client = Client { secret: String::new(), expires: at(10), refreshes: true };
        let device = Device {
            client: "adit".to_owned(),
            user_code: String::new(),
            expires: at(10),
            asked: None,
            decision: Decision::Open,
        };
        state.clients.insert("a".to_owned(), client);
        state.devices.insert("a".to_owned(), device);
        state.tokens.insert("a".to_owned(), token(at(10), at(20)));
        state.refreshes.insert("a".to_owned(), token(at(10), at(20)));
        state.metadata.insert("a".to_owned(), at(10));
        let mut left = |now| {
            state.sweep(now);
            let State { clients, devices, tokens, refreshes, metadata, .. } = &state;
            [clients.len(), devices.len(), tokens.len(), refreshes.len(), metadata.len()]
        };
        assert_eq!(left(at(9)), [1, 1, 1, 1, 1]);
        // A login outlives its token, and a device that waited too long is told so.
        assert_eq!(left(at(10)), [0, 1, 0, 1, 0]);
        assert_eq!(left(at(20)), [0, 1, 0, 0, 0]);
        assert_eq!(left(at(70)), [0, 0, 0, 0, 0]);
    }
}
