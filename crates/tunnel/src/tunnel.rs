//! The handle on a tunnel.

use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use adit_engine::{Epoch, Session, SessionConfig, Stats};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::DropGuard;

use crate::dial::Dialer;
use crate::driver::random_uuid;
use crate::listener::Listener;
use crate::{End, SessionSource, Shared, TunnelError, TunnelEvent, TunnelOptions, forward, start};

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

/// A snapshot of a tunnel's counters.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct TunnelStats {
    /// The session's counters.
    pub session: Stats,
    /// How often the session was resumed.
    pub resumes: u64,
    /// Local connections open.
    pub connections: usize,
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
            .map_err(TunnelError::Dial)?;
        let shared = Arc::new(Shared::new(session(&options), events));

        shared.emit(TunnelEvent::Starting);
        let tunnel = Self {
            inner: Arc::new(Inner {
                shared: Arc::clone(&shared),
                options: Arc::clone(&options),
                _close_when_dropped: shared.closing.clone().drop_guard(),
            }),
        };
        // Dropping this future drops the tunnel, which closes it; the task sees to the session.
        tokio::spawn(start::run(Arc::clone(&shared), source, options, dialer));
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

    /// The session's id.
    pub fn session_id(&self) -> &str {
        self.inner.shared.session_id.get().map_or("", |id| id)
    }

    /// The counters.
    pub fn stats(&self) -> TunnelStats {
        let (session, resumes, connections) = self.inner.shared.counters();
        TunnelStats { session, resumes, connections }
    }
}

/// The engine, with the one reading of the wall clock, which dates messages.
fn session(options: &TunnelOptions) -> Session {
    let unix_ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let epoch = Epoch { instant: Instant::now(), unix_ms: u64::try_from(unix_ms).unwrap_or(1) };
    let mut config = SessionConfig::default();
    config.client_version.clone_from(&options.client_version);
    Session::client(config, options.seed, epoch)
}
