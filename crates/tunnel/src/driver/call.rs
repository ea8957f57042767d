//! What the task asks for, beside carrying bytes.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use adit_engine::{Setback, Trouble};
use tokio::sync::oneshot;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::goodbye::terminate;
use crate::dial::{Ahead, DialError, Dialer, Stage, Upgraded};
use crate::{
    Fatal, FatalKind, Resumption, SessionSource, Shared, SourceError, Ticket, TunnelError,
};

/// The limit for one call of the source while a session is resumed.
const RESUME_CALL: Duration = Duration::from_secs(30);

pub(super) type Call = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// What a call has brought.
pub(super) enum Answer {
    Started(Result<Ticket, SourceError>),
    Resumed(Result<Resumption, SourceError>),
    Dialled(Result<Box<Upgraded>, DialError>),
}

/// Starts a session. One that takes the place of another is prepared first, for no longer than
/// `again`: there may be a bastion to wait for. One beside others is to be had at once or not at all. A
/// start that nobody waits for any more goes on among `goodbyes`, and what it brings is given back.
pub(super) fn start<S: SessionSource>(
    source: Arc<S>,
    is_beside: bool,
    again: Option<Duration>,
    goodbyes: TaskTracker,
    shared: Arc<Shared>,
) -> Call {
    Box::pin(async move {
        if let Some(limit) = again {
            let prepared = timeout(limit, source.prepare()).await;
            if let Err(error) = prepared.unwrap_or_else(|_| silence()) {
                return Answer::Started(Err(error));
            }
        }
        let (sender, answer) = oneshot::channel();
        let unwanted = (Arc::clone(&source), Arc::clone(&shared));
        goodbyes.spawn(async move {
            let started =
                if is_beside { source.start_beside().await } else { source.start().await };
            if let Err(Ok(unwanted)) = sender.send(started) {
                terminate(&*source, &unwanted.session_id, &shared).await;
            }
        });
        let mut awaited = Awaited { answer, source: unwanted.0, shared: unwanted.1, goodbyes };
        Answer::Started((&mut awaited.answer).await.unwrap_or_else(|_| silence()))
    })
}

/// The answer to a start. One that has come when nobody waits for it any more is given back.
struct Awaited<S: SessionSource> {
    answer: oneshot::Receiver<Result<Ticket, SourceError>>,
    source: Arc<S>,
    shared: Arc<Shared>,
    goodbyes: TaskTracker,
}

impl<S: SessionSource> Drop for Awaited<S> {
    fn drop(&mut self) {
        self.answer.close();
        if let Ok(Ok(unwanted)) = self.answer.try_recv() {
            let (source, shared) = (Arc::clone(&self.source), Arc::clone(&self.shared));
            self.goodbyes.spawn(async move {
                terminate(&*source, &unwanted.session_id, &shared).await;
            });
        }
    }
}

pub(super) fn resume<S: SessionSource>(
    source: Arc<S>,
    session_id: String,
    limit: Duration,
) -> Call {
    Box::pin(async move {
        let resumed = timeout(RESUME_CALL.min(limit), source.resume(&session_id)).await;
        Answer::Resumed(resumed.unwrap_or_else(|_| silence()))
    })
}

pub(super) fn dial<S: SessionSource>(
    dialer: Arc<Dialer>,
    source: Arc<S>,
    ticket: Ticket,
    request_id: String,
    ahead: Option<Ahead>,
    shared: Arc<Shared>,
) -> Call {
    Box::pin(async move {
        let upgraded = dialer.upgrade(&*source, &ticket, request_id, ahead, &shared).await;
        Answer::Dialled(upgraded.map(Box::new))
    })
}

/// A dial that is given up after so long.
pub(super) fn within(limit: Duration, dialling: Call) -> Call {
    Box::pin(async move {
        timeout(limit, dialling).await.unwrap_or_else(|_| {
            let error = DialError::Timeout { stage: Stage::Connect, after: limit };
            Answer::Dialled(Err(error))
        })
    })
}

fn silence<T>() -> Result<T, SourceError> {
    Err(SourceError::Retry { after: None, message: "the service did not answer".to_owned() })
}

/// What a failure of the source means for the supervisor.
pub(super) fn of_source(error: &SourceError) -> Setback {
    let (trouble, after) = match error {
        SourceError::Retry { after, .. } => (Trouble::Passing, *after),
        SourceError::Fatal(Fatal { kind, .. }) => (of_kind(*kind), None),
    };
    Setback { trouble, after }
}

fn of_kind(kind: FatalKind) -> Trouble {
    match kind {
        FatalKind::Permission => Trouble::Denied,
        FatalKind::Offline => Trouble::Offline,
        FatalKind::Credentials
        | FatalKind::Target
        | FatalKind::Bastion
        | FatalKind::Service
        | FatalKind::Config
        | FatalKind::Internal => Trouble::Lasting,
    }
}

/// What a dial that failed means for the supervisor.
pub(super) fn of_dial(error: &DialError) -> Setback {
    let trouble = if error.token_refused().is_some() {
        Trouble::Token
    } else if error.is_hopeless() {
        Trouble::Lasting
    } else if error.is_transient() {
        Trouble::Passing
    } else {
        Trouble::Way
    };
    trouble.into()
}

/// The failure in the user's terms.
pub(super) fn error_of(error: SourceError) -> TunnelError {
    match error {
        SourceError::Retry { message, .. } => {
            TunnelError::NoSession { after: Duration::ZERO, last: message }
        }
        SourceError::Fatal(fatal) => TunnelError::Source(fatal),
    }
}
