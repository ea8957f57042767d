//! A source of sessions that writes down which there are.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use adit_aws::Aws;
use adit_tunnel::{Resumption, SessionSource, SourceError, Ticket};
use http::{HeaderName, HeaderValue};

use super::Notes;

/// Another source, written down.
#[derive(Debug)]
pub(crate) struct Journaled<S> {
    source: S,
    notes: Notes,
    aws: Aws,
    /// Those that live as far as anybody knows.
    live: Mutex<BTreeSet<String>>,
    /// Those that could not be ended.
    left: Mutex<BTreeSet<String>>,
}

impl<S> Journaled<S> {
    pub(super) fn new(source: S, notes: Notes, aws: Aws) -> Self {
        Self { source, notes, aws, live: Mutex::default(), left: Mutex::default() }
    }

    fn live(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn began(&self, ticket: Ticket) -> Ticket {
        self.live().insert(ticket.session_id.clone());
        self.notes.began(&ticket.session_id, &self.aws).await;
        ticket
    }

    fn is_over(&self, session: &str) {
        self.live().remove(session);
        self.notes.ended(session);
    }
}

/// Whoever has driven the sessions has asked for the end of those that may live: the others are over.
impl<S> Drop for Journaled<S> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        for session in self.live().difference(&left) {
            self.notes.ended(session);
        }
    }
}

impl<S: SessionSource> SessionSource for Journaled<S> {
    async fn prepare(&self) -> Result<(), SourceError> {
        self.source.prepare().await
    }

    async fn start(&self) -> Result<Ticket, SourceError> {
        Ok(self.began(self.source.start().await?).await)
    }

    async fn start_beside(&self) -> Result<Ticket, SourceError> {
        Ok(self.began(self.source.start_beside().await?).await)
    }

    async fn resume(&self, session_id: &str) -> Result<Resumption, SourceError> {
        let resumed = self.source.resume(session_id).await?;
        if matches!(resumed, Resumption::Over) {
            self.is_over(session_id);
        }
        Ok(resumed)
    }

    async fn terminate(&self, session_id: &str) -> Result<(), SourceError> {
        // Whoever waits for the answer may not wait for long.
        self.left.lock().unwrap_or_else(PoisonError::into_inner).insert(session_id.to_owned());
        self.source.terminate(session_id).await?;
        self.is_over(session_id);
        Ok(())
    }

    async fn sign_upgrade(
        &self,
        url: &str,
    ) -> Result<Option<Vec<(HeaderName, HeaderValue)>>, SourceError> {
        self.source.sign_upgrade(url).await
    }
}
