//! The accept loop: one task per local connection.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use adit_engine::{Handling, OpenError, StreamId};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::task::TaskTracker;

use crate::lanes::{self, Dial, Seat};
use crate::listener::{Client, ListenError, Listener};
use crate::local::Local;
use crate::stream::{self, Carried};
use crate::{Rejection, Shared, StreamEnd, TunnelEvent, TunnelOptions, Warning};

/// How long local clients may take to read what is left once the tunnel is dead.
const DEAD_GRACE: Duration = Duration::from_secs(5);

/// How long a client that got no answer at all must have waited for one: less is a client that had
/// nothing to ask.
const UNANSWERED: Duration = Duration::from_secs(5);

/// Accepts local connections until the tunnel ends or is closed; the listener is let go first, which
/// closes it unless somebody else has it too.
pub(crate) async fn serve(
    shared: &Arc<Shared>,
    options: &Arc<TunnelOptions>,
    listener: Arc<Listener>,
) -> Result<(), ListenError> {
    let tracker = TaskTracker::new();
    let accepted = tokio::select! {
        biased;
        () = shared.ended.cancelled() => Ok(()),
        () = shared.closing.cancelled() => Ok(()),
        error = accept(shared, options, &listener, &tracker) => Err(error),
    };
    drop(listener);
    tracker.close();
    if timeout(DEAD_GRACE, tracker.wait()).await.is_err() {
        shared.abort.cancel();
        tracker.wait().await;
    }
    accepted
}

/// Accepts until the listener breaks.
async fn accept(
    shared: &Arc<Shared>,
    options: &Arc<TunnelOptions>,
    listener: &Listener,
    tracker: &TaskTracker,
) -> ListenError {
    let room = Arc::new(Semaphore::new(options.max_connections.max(1)));
    loop {
        // The semaphore is never closed.
        let permit = Arc::clone(&room).acquire_owned().await.ok();
        let troubled = |error: &io::Error| {
            let cause = error.to_string();
            shared.emit(TunnelEvent::Warning(Warning::AcceptFailed { cause }));
            if options.without.has(Handling::Accept) {
                shared.closing.cancel();
            }
        };
        let Client { local, peer } = match listener.accept(troubled).await {
            Ok(client) => client,
            Err(error) => return error,
        };
        let (shared, options) = (Arc::clone(shared), Arc::clone(options));
        tracker.spawn(connection(shared, options, local, peer, permit));
    }
}

/// One local connection from accept to close.
async fn connection(
    shared: Arc<Shared>,
    options: Arc<TunnelOptions>,
    local: Local,
    peer: Option<SocketAddr>,
    _permit: Option<OwnedSemaphorePermit>,
) {
    let opened = tokio::select! {
        biased;
        () = shared.abort.cancelled() => Err(Rejection::TunnelEnded),
        opened = open(&shared, &options) => opened,
    };
    let (mut seat, stream) = match opened {
        Ok(opened) => opened,
        Err(cause) => {
            local.abort();
            return shared.emit(TunnelEvent::Rejected { peer, cause });
        }
    };
    let number = shared.number();
    shared.emit(TunnelEvent::Opened { stream: number, lane: seat.number(), peer });
    let began = Instant::now();
    let lane = Arc::clone(&seat.lane);
    let carried = stream::carry(lane, stream, local, options.linger, || seat.part()).await;
    if let Some(dial) = dial(&carried, began.elapsed()) {
        seat.dialled(dial);
    }
    let Carried { bytes_in, bytes_out, end } = carried;
    let cause = match end {
        StreamEnd::TunnelEnded
            if !shared.ended.is_cancelled() && !shared.closing.is_cancelled() =>
        {
            StreamEnd::SessionGone
        }
        end => end,
    };
    shared.emit(TunnelEvent::Closed { stream: number, bytes_in, bytes_out, cause });
}

/// A stream of a lane that carries connections now; both are waited for.
async fn open(
    shared: &Arc<Shared>,
    options: &TunnelOptions,
) -> Result<(Seat, StreamId), Rejection> {
    let deadline = lanes::deadline(options.hold);
    loop {
        let seat = shared.seat(deadline).await?;
        return match timeout(options.single_wait, poll_fn(|cx| seat.lane.poll_open(cx))).await {
            Ok(Ok(id)) => Ok((seat, id)),
            Ok(Err(OpenError::Exhausted)) => Err(Rejection::Exhausted),
            Ok(Err(OpenError::Busy)) | Err(_) => Err(Rejection::Busy),
            // It has gone this moment.
            Ok(Err(_)) => {
                let _in_time = timeout_at(deadline, seat.passed_over()).await;
                continue;
            }
        };
    }
}

/// What a connection has found out about the destination, if anything.
fn dial(carried: &Carried, lasted: Duration) -> Option<Dial> {
    if carried.bytes_in > 0 {
        return Some(Dial::Worked);
    }
    let is_unanswered = carried.bytes_out > 0
        && lasted >= UNANSWERED
        && matches!(carried.end, StreamEnd::LocalReset | StreamEnd::Lingered);
    (carried.end == StreamEnd::Refused || is_unanswered).then_some(Dial::Failed)
}
