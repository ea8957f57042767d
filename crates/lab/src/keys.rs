use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// An access key of the lab's one account.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The access key id.
    pub access_key_id: String,
    /// The secret.
    pub secret_access_key: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("access_key_id", &self.access_key_id)
            .finish_non_exhaustive()
    }
}

/// What the lab knows of an access key.
#[derive(Clone)]
pub(crate) struct Key {
    pub(crate) secret: String,
    /// Temporary keys come with one.
    pub(crate) session_token: Option<String>,
    /// When it stops working, on the lab's clock.
    pub(crate) expires: Option<Duration>,
    /// Whom it belongs to.
    pub(crate) owner: String,
}

/// All access keys that were ever issued.
#[derive(Default)]
pub(crate) struct Keys(Mutex<BTreeMap<String, Key>>);

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").finish_non_exhaustive()
    }
}

impl Keys {
    pub(crate) fn add(&self, id: String, key: Key) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id, key);
    }

    pub(crate) fn get(&self, id: &str) -> Option<Key> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }
}
