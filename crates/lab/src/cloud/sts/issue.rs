use std::time::Duration;

use crate::cloud::state::iso;
use crate::cloud::{Element, node};
use crate::identity::Caller;
use crate::keys::Key;
use crate::service::Service;

/// Credentials as they are handed out once.
#[derive(Clone)]
pub(crate) struct Issued {
    pub(crate) key_id: String,
    pub(crate) secret: String,
    pub(crate) token: String,
    /// Since the Unix epoch.
    pub(crate) expires: Duration,
}

impl Issued {
    pub(crate) fn element(&self) -> Element {
        node("Credentials")
            .text("AccessKeyId", &self.key_id)
            .text("SecretAccessKey", &self.secret)
            .text("SessionToken", &self.token)
            .text("Expiration", iso(self.expires))
    }
}

/// Makes credentials that last for a while on the lab's clock.
pub(crate) fn issue(service: &Service, caller: Caller, life: Duration) -> Issued {
    let issued = Issued {
        key_id: format!("ASIA{}", service.entropy.key_id()),
        secret: service.entropy.secret(40),
        token: service.entropy.secret(356),
        expires: service.clock.unix() + life,
    };
    let key = Key {
        secret: issued.secret.clone(),
        session_token: Some(issued.token.clone()),
        expires: Some(service.clock.elapsed() + life),
        caller,
        created: service.clock.unix(),
        active: true,
    };
    service.keys.add(issued.key_id.clone(), key, service.clock.elapsed());
    issued
}
