//! The accept loop: one task per local connection.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use adit_engine::OpenError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use crate::listener::{Client, ListenError, Listener};
use crate::local::Local;
use crate::stream::{self, Carried};
use crate::{Rejection, Shared, TunnelEvent, TunnelOptions, Warning};

/// How long local clients may take to read what is left once the tunnel is dead.
const DEAD_GRACE: Duration = Duration::from_secs(5);

/// Accepts local connections until the tunnel ends or is closed; the listener is let go first, which
/// closes it unless somebody else has it too.
pub(crate) async fn serve(
    shared: &Arc<Shared>,
    options: &TunnelOptions,
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
    options: &TunnelOptions,
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
        };
        let Client { local, peer } = match listener.accept(troubled).await {
            Ok(client) => client,
            Err(error) => return error,
        };
        let shared = Arc::clone(shared);
        let (wait, linger) = (options.single_wait, options.linger);
        tracker.spawn(connection(shared, local, peer, wait, linger, permit));
    }
}

/// One local connection from accept to close.
async fn connection(
    shared: Arc<Shared>,
    local: Local,
    peer: Option<SocketAddr>,
    wait: Duration,
    linger: Duration,
    _permit: Option<OwnedSemaphorePermit>,
) {
    let open = poll_fn(|cx| shared.poll_open(cx));
    let opened = tokio::select! {
        biased;
        () = shared.abort.cancelled() => Err(Rejection::TunnelEnded),
        opened = timeout(wait, open) => match opened {
            Ok(Ok(id)) => Ok(id),
            Ok(Err(OpenError::Exhausted)) => Err(Rejection::Exhausted),
            Ok(Err(OpenError::Busy)) | Err(_) => Err(Rejection::Busy),
            Ok(Err(_)) => Err(Rejection::TunnelEnded),
        },
    };
    match opened {
        Ok(id) => {
            shared.emit(TunnelEvent::Opened { stream: id, peer });
            let carried = stream::carry(Arc::clone(&shared), id, local, linger).await;
            let Carried { bytes_in, bytes_out, end: cause } = carried;
            shared.emit(TunnelEvent::Closed { stream: id, bytes_in, bytes_out, cause });
        }
        Err(cause) => {
            local.abort();
            shared.emit(TunnelEvent::Rejected { peer, cause });
        }
    }
}
