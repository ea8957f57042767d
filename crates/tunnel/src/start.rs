//! The beginning of a tunnel's task: it gets a session, then drives it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use crate::backoff::Backoff;
use crate::dial::Dialer;
use crate::driver::{Driver, Finish, terminate};
use crate::{
    End, SessionSource, Shared, SourceError, Ticket, TunnelError, TunnelEvent, TunnelOptions,
};

/// How long the answer to a call that is under way is waited for when the tunnel is closed: the
/// session that it may have started is to be terminated.
const ANSWER: Duration = Duration::from_secs(4);

/// Runs a tunnel to its end.
pub(crate) async fn run<S: SessionSource>(
    shared: Arc<Shared>,
    source: S,
    options: Arc<TunnelOptions>,
    dialer: Dialer,
) {
    let finish = Finish(Arc::clone(&shared));
    match start(&source, &options, &shared).await {
        Ok(ticket) => {
            let id = ticket.session_id.clone();
            // The only place that sets it.
            let _first = shared.session_id.set(id.clone());
            shared.emit(TunnelEvent::Session { id });
            Driver::new(shared, source, options, dialer, ticket).run().await;
        }
        Err(end) => shared.end(end),
    }
    drop(finish);
}

/// Starts a session, with as much patience as the source asks for within the budget, unless the
/// tunnel is closed meanwhile.
async fn start<S: SessionSource>(
    source: &S,
    options: &TunnelOptions,
    shared: &Shared,
) -> Result<Ticket, End> {
    let began = Instant::now();
    let mut backoff = Backoff::new(options.seed);
    let mut attempts = 0;
    // The first delay is none, and this is after the first attempt.
    backoff.next();
    loop {
        let (after, message) = match ask(source, shared).await? {
            Ok(ticket) => return Ok(ticket),
            Err(SourceError::Fatal(fatal)) => return Err(End::Failed(TunnelError::Source(fatal))),
            Err(SourceError::Retry { after, message }) => (after, message),
        };
        attempts += 1;
        shared.emit(TunnelEvent::Retrying { attempts, cause: message.clone() });
        let delay = backoff.next().max(after.unwrap_or_default());
        if began.elapsed() + delay >= options.start_budget {
            let after = began.elapsed();
            return Err(End::Failed(TunnelError::NoSession { after, last: message }));
        }
        tokio::select! {
            biased;
            () = shared.closing.cancelled() => return Err(End::Closed),
            () = sleep(delay) => {}
        }
    }
}

/// Asks once. When the tunnel is closed meanwhile, what the answer brings is given back.
async fn ask<S: SessionSource>(
    source: &S,
    shared: &Shared,
) -> Result<Result<Ticket, SourceError>, End> {
    let mut call = std::pin::pin!(source.start());
    tokio::select! {
        biased;
        () = shared.closing.cancelled() => {}
        answer = &mut call => return Ok(answer),
    }
    if let Ok(Ok(ticket)) = timeout(ANSWER, call).await {
        terminate(source, &ticket.session_id, shared).await;
    }
    Err(End::Closed)
}
