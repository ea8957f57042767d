//! The handle on a tunnel.

use std::sync::Arc;

use adit_engine::LanesConfig;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::DropGuard;

use crate::dial::Dialer;
use crate::driver::random_uuid;
use crate::lanes::Keeper;
use crate::listener::Listener;
use crate::{
    End, LaneStats, SessionSource, Shared, TunnelError, TunnelEvent, TunnelOptions, TunnelStats,
    forward,
};

/// An open tunnel. Clones are handles on the same one; when the last is dropped, it closes.
#[derive(Clone)]
pub struct Tunnel {
    inner: Arc<Inner>,
}

struct Inner {
    shared: Arc<Shared>,
    options: Arc<TunnelOptions>,
    _close_when_dropped: DropGuard,
}

impl std::fmt::Debug for Tunnel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tunnel")
            .field("name", &self.inner.options.name)
            .field("session_id", &self.session_id())
            .finish_non_exhaustive()
    }
}

impl Tunnel {
    /// Starts a session, dials, and waits until connections can be carried.
    ///
    /// When it fails after the session was started, or its future is dropped, the session is
    /// terminated, even if its start had not been answered by then.
    pub async fn open<S: SessionSource>(
        source: S,
        options: TunnelOptions,
        events: UnboundedSender<TunnelEvent>,
    ) -> Result<Self, TunnelError> {
        let options = Arc::new(options);
        let client_id = random_uuid(&mut StdRng::seed_from_u64(options.seed));
        // What is wrong with proxies and certificates shows before anything is started.
        let dialer = Dialer::new(options.dial.clone(), client_id, options.client_version.clone())
            .map_err(TunnelError::Dial)?
            .without(options.without);
        let lanes = LanesConfig { most: options.lanes, idle: options.lane_idle };
        let shared = Arc::new(Shared::new(events, lanes));

        shared.emit(TunnelEvent::Starting);
        let tunnel = Self {
            inner: Arc::new(Inner {
                shared: Arc::clone(&shared),
                options: Arc::clone(&options),
                _close_when_dropped: shared.closing.clone().drop_guard(),
            }),
        };
        // Dropping this future drops the tunnel, which closes it; the task sees to the sessions.
        tokio::spawn(Keeper::new(Arc::clone(&shared), source, options, dialer).run());
        tokio::select! {
            biased;
            () = shared.finished.cancelled() => Err(match shared.ended_how() {
                Some(End::Failed(error)) => error,
                Some(End::Closed) | None => TunnelError::Internal("closed while it was opened"),
            }),
            () = shared.ready.cancelled() => Ok(tunnel),
        }
    }

    /// Forwards local connections until the tunnel ends or is closed. The listener is let go as
    /// soon as nothing can be carried any more: where that was the only handle, it is closed, and
    /// whoever keeps another decides what becomes of the clients that go on connecting.
    pub async fn serve(&self, listener: impl Into<Arc<Listener>>) -> End {
        let shared = &self.inner.shared;
        let served = forward::serve(shared, &self.inner.options, listener.into());
        if let Err(error) = served.await {
            self.close().await;
            return End::Failed(TunnelError::Listen(error));
        }
        shared.ended.cancelled().await;
        shared.ended_how().unwrap_or(End::Closed)
    }

    /// Ends the tunnel: local connections are broken off, the session is terminated in band and
    /// through the API. Takes a few seconds at most; calling it again waits for the same end.
    pub async fn close(&self) {
        self.inner.shared.closing.cancel();
        self.inner.shared.finished.cancelled().await;
    }

    /// Waits until the tunnel is over, and tells how it ended.
    pub async fn ended(&self) -> End {
        self.inner.shared.ended.cancelled().await;
        self.inner.shared.ended_how().unwrap_or(End::Closed)
    }

    /// The id of the session, of several the oldest lane's; `None` while there is none.
    pub fn session_id(&self) -> Option<String> {
        self.inner.shared.session_id()
    }

    /// Whether connections can be carried at the moment.
    pub fn is_up(&self) -> bool {
        self.inner.shared.is_up()
    }

    /// The lanes that have a session, the oldest first.
    pub fn lanes(&self) -> Vec<LaneStats> {
        self.inner.shared.lane_stats()
    }

    /// The counters.
    pub fn stats(&self) -> TunnelStats {
        self.inner.shared.stats()
    }
}
