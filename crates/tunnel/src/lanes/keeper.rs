use std::sync::Arc;

use adit_engine::LaneId;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::dial::Dialer;
use crate::driver::Driver;
use crate::{End, SessionSource, Shared, TunnelError, TunnelEvent, TunnelOptions};

/// The one task of a tunnel, which opens lanes and closes them; each has a task of its own.
pub(crate) struct Keeper<S> {
    shared: Arc<Shared>,
    source: Arc<S>,
    options: Arc<TunnelOptions>,
    dialer: Arc<Dialer>,
    lanes: JoinSet<()>,
}

impl<S: SessionSource> Keeper<S> {
    pub(crate) fn new(
        shared: Arc<Shared>,
        source: S,
        options: Arc<TunnelOptions>,
        dialer: Dialer,
    ) -> Self {
        let (source, dialer) = (Arc::new(source), Arc::new(dialer));
        Self { shared, source, options, dialer, lanes: JoinSet::new() }
    }

    /// Keeps lanes until the tunnel is over and nothing is left of it.
    pub(crate) async fn run(mut self) {
        let finish = Finish(Arc::clone(&self.shared));
        self.open(LaneId(0));
        self.keep().await;
        while let Some(ended) = self.lanes.join_next().await {
            drop(ended);
        }
        // Of a tunnel that has not come to a session, whoever opens it tells.
        if self.shared.has_begun()
            && let Some(end) = self.shared.ended_how()
        {
            tracing::info!(tunnel = %self.options.name, cause = %end.cause(), "tunnel ended");
            self.shared.emit(TunnelEvent::Ended(end));
        }
        drop(finish);
    }

    async fn keep(&mut self) {
        let shared = Arc::clone(&self.shared);
        while !shared.ended.is_cancelled() {
            let (open, due) = shared.look();
            for id in open {
                self.open(id);
            }
            tokio::select! {
                () = shared.ended.cancelled() => {}
                () = shared.attention.notified() => {}
                () = until(due) => {}
                ended = self.lanes.join_next() => {
                    // The last one ends the tunnel, unless it has panicked.
                    if ended.is_none_or(|ended| ended.is_err()) {
                        shared.end(End::Failed(TunnelError::Internal("a session's task is gone")));
                    }
                }
            }
        }
    }

    fn open(&mut self, id: LaneId) {
        let orders = self.shared.add(id);
        let (shared, source) = (Arc::clone(&self.shared), Arc::clone(&self.source));
        let (options, dialer) = (Arc::clone(&self.options), Arc::clone(&self.dialer));
        self.lanes.spawn(Driver::new(id, shared, source, options, dialer, orders).run());
    }
}

async fn until(due: Option<std::time::Instant>) {
    match due {
        Some(due) => sleep_until(Instant::from_std(due)).await,
        None => std::future::pending().await,
    }
}

/// Lets nobody wait for a task that is gone, even if it panicked.
struct Finish(Arc<Shared>);

impl Drop for Finish {
    fn drop(&mut self) {
        self.0.end(End::Failed(TunnelError::Internal("the session's task is gone")));
        self.0.finished.cancel();
    }
}
