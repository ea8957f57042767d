use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::identity::{Caller, Principal};

/// How long a key that has ended is told from one that never was.
const REMEMBERED: Duration = Duration::from_hours(36);

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
    pub(crate) caller: Caller,
    /// Since the Unix epoch.
    pub(crate) created: Duration,
    /// A key that is not is refused as if there were none.
    pub(crate) active: bool,
}

/// All access keys that were issued, and neither deleted nor long since ended.
#[derive(Default)]
pub(crate) struct Keys(Mutex<BTreeMap<String, Key>>);

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").finish_non_exhaustive()
    }
}

impl Keys {
    fn table(&self) -> MutexGuard<'_, BTreeMap<String, Key>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a key, at this time of the lab, and forgets those that ended long ago.
    pub(crate) fn add(&self, id: String, key: Key, now: Duration) {
        let mut table = self.table();
        table.retain(|_, key| key.expires.is_none_or(|at| now < at + REMEMBERED));
        table.insert(id, key);
    }

    pub(crate) fn get(&self, id: &str) -> Option<Key> {
        self.table().get(id).cloned()
    }

    /// The keys of a user that last, with their ids, oldest first.
    pub(crate) fn of_user(&self, user: &str) -> Vec<(String, Key)> {
        let table = self.table();
        let is_his = |key: &Key| {
            key.session_token.is_none() && key.caller.principal == Principal::User(user.to_owned())
        };
        let mut keys: Vec<_> = table
            .iter()
            .filter(|(_, key)| is_his(key))
            .map(|(id, key)| (id.clone(), key.clone()))
            .collect();
        keys.sort_by_key(|(_, key)| key.created);
        keys
    }

    /// Makes a key work, or not; false when there is none.
    pub(crate) fn set_active(&self, id: &str, active: bool) -> bool {
        self.table().get_mut(id).map(|key| key.active = active).is_some()
    }

    /// Forgets a key; false when there is none.
    pub(crate) fn remove(&self, id: &str) -> bool {
        self.table().remove(id).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_ended_long_ago_are_forgotten() {
        let key = |expires| Key {
            secret: String::new(),
            session_token: None,
            expires,
            caller: Caller::nobody(),
            created: Duration::ZERO,
            active: true,
        };
        let (keys, hour) = (Keys::default(), Duration::from_hours(1));
        keys.add("lasts".to_owned(), key(None), Duration::ZERO);
        keys.add("ends".to_owned(), key(Some(hour)), Duration::ZERO);
        let there = |now| {
            keys.add("new".to_owned(), key(None), now);
            ["lasts", "ends"].map(|id| keys.get(id).is_some())
        };
        // One that has ended is still known as such for a while.
        assert_eq!(there(hour * 36), [true, true]);
        assert_eq!(there(hour * 37), [true, false]);
    }
}
