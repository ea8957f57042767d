use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Client;

/// Clients that were accepted and wait to be carried: one, unless listeners were put together.
#[derive(Default, Debug)]
pub(super) struct Kept(Mutex<VecDeque<Client>>);

impl Kept {
    fn lock(&self) -> MutexGuard<'_, VecDeque<Client>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    pub(super) fn push(&self, client: Client) {
        self.lock().push_back(client);
    }

    pub(super) fn pop(&self) -> Option<Client> {
        self.lock().pop_front()
    }

    #[expect(clippy::needless_pass_by_value, reason = "nothing is left of the other")]
    pub(super) fn append(&self, other: Self) {
        self.lock().append(&mut other.lock());
    }

    /// Closes all, with an error where the socket knows one.
    pub(super) fn abort(&self) {
        self.lock().drain(..).for_each(|client| client.local.abort());
    }
}

impl Drop for Kept {
    /// An end in order would look like an empty answer.
    fn drop(&mut self) {
        self.abort();
    }
}
