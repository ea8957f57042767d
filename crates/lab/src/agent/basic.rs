//! The single-connection port session (`port_basic.go`): forwarding for old clients and old
//! agents, and raw streams (AWS-StartSSHSession).

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, MutexGuard, PoisonError};

use bytes::{BufMut, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::channel::DataChannel;
use super::config::AgentConfig;
use super::dial::{Connected, Destination};
use super::exit::Exit;
use super::pump::{self, Pacer};

/// The reader's side of the session.
pub(super) struct Input {
    shared: Arc<Shared>,
    redialled: mpsc::Sender<io::Result<Reading>>,
    knows_terminate: bool,
}

/// A running session.
pub(super) struct BasicSession {
    pump: oneshot::Receiver<Exit>,
    shared: Arc<Shared>,
    stop: DropGuard,
}

struct Shared {
    destination: Destination,
    writing: Mutex<Option<Writing>>,
    /// Closes the connection, whoever is busy with it.
    closed: std::sync::Mutex<CancellationToken>,
    /// Set once the pump has seen the connection end: the next data dials again.
    redials: AtomicBool,
}

/// The two sides of one connection; `closed` closes it for both.
struct Reading {
    half: OwnedReadHalf,
    closed: CancellationToken,
    _connected: Arc<Connected>,
}

struct Writing {
    half: OwnedWriteHalf,
    closed: CancellationToken,
    _connected: Arc<Connected>,
}

impl BasicSession {
    /// Connects at once (`port_basic.go` `InitializeSession`).
    pub(super) async fn start(
        channel: Arc<DataChannel>,
        config: Arc<AgentConfig>,
        destination: Destination,
        forwards: bool,
        knows_terminate: bool,
    ) -> io::Result<(Input, Self)> {
        let shared = Arc::new(Shared {
            destination,
            writing: Mutex::new(None),
            closed: std::sync::Mutex::default(),
            redials: AtomicBool::new(false),
        });
        let reading = shared.dial().await?;
        let (redialled, redials) = mpsc::channel(1);
        let pace = config.pace;
        let pump = Pump { shared: Arc::clone(&shared), channel, config, redials, forwards };
        let stop = CancellationToken::new();
        let pump = pump::spawn(pace, stop.clone(), pump.run(reading));
        let input = Input { shared: Arc::clone(&shared), redialled, knows_terminate };
        Ok((input, Self { pump, shared, stop: stop.drop_guard() }))
    }

    /// Waits until the session ends by itself.
    pub(super) async fn finished(&mut self) -> Exit {
        (&mut self.pump).await.unwrap_or(Exit::Failed)
    }

    /// Closes the connection.
    pub(super) async fn stop(self) {
        drop(self.stop);
        self.shared.close().await;
        if !self.pump.is_terminated() {
            // Ends without an exit once the pump has let go of its side.
            self.pump.await.ok();
        }
    }
}

impl Input {
    /// Writes to the destination, which is dialled again if it had gone; `None` when either
    /// fails (`port_basic.go` `HandleStreamMessage`).
    pub(super) async fn write(&mut self, bytes: &[u8]) -> Option<()> {
        if self.shared.redials.load(Ordering::Acquire) {
            let reading = self.shared.dial().await;
            let refused = reading.is_err();
            self.redialled.send(reading).await.ok()?;
            if refused {
                return None;
            }
            self.shared.redials.store(false, Ordering::Release);
        }
        let mut writing = self.shared.writing.lock().await;
        let Writing { half, closed, .. } = writing.as_mut()?;
        closed.clone().run_until_cancelled(half.write_all(bytes)).await?.ok()
    }

    /// Closes the connection because the client's has ended.
    pub(super) async fn disconnect(&mut self) {
        self.shared.close().await;
    }

    pub(super) fn knows_terminate(&self) -> bool {
        self.knows_terminate
    }
}

impl Shared {
    async fn dial(&self) -> io::Result<Reading> {
        let (connection, connected) = self.destination.dial().await?;
        Ok(self.split(connection, connected).await)
    }

    async fn split(&self, connection: TcpStream, connected: Connected) -> Reading {
        let connected = Arc::new(connected);
        let closed = CancellationToken::new();
        let (read, write) = connection.into_split();
        *self.closed() = closed.clone();
        *self.writing.lock().await = Some(Writing {
            half: write,
            closed: closed.clone(),
            _connected: Arc::clone(&connected),
        });
        Reading { half: read, closed, _connected: connected }
    }

    async fn close(&self) {
        self.closed().cancel();
        *self.writing.lock().await = None;
    }

    fn closed(&self) -> MutexGuard<'_, CancellationToken> {
        self.closed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The loop that reads the destination.
struct Pump {
    shared: Arc<Shared>,
    channel: Arc<DataChannel>,
    config: Arc<AgentConfig>,
    redials: mpsc::Receiver<io::Result<Reading>>,
    forwards: bool,
}

impl Pump {
    /// `port_basic.go` `WritePump`.
    async fn run(mut self, mut reading: Reading) -> Exit {
        let mut pacer = Pacer::new(self.config.pace);
        let mut buffer = BytesMut::with_capacity(pacer.batch());
        loop {
            if self.channel.is_paused() {
                pacer.wait().await;
                continue;
            }
            buffer.clear();
            let closed = reading.closed.clone();
            let mut batch = (&mut buffer).limit(pacer.batch());
            match closed.run_until_cancelled(reading.half.read_buf(&mut batch)).await {
                Some(Ok(1..)) => {
                    self.channel.send_output(&buffer).await;
                    pacer.pause();
                }
                end if self.forwards => {
                    tracing::debug!(eof = matches!(end, Some(Ok(0))), "connection has ended");
                    drop(reading);
                    self.shared.close().await;
                    self.shared.redials.store(true, Ordering::Release);
                    match self.redials.recv().await {
                        Some(Ok(again)) => reading = again,
                        // The official worker's connection is nil by then, as after a refused
                        // first dial.
                        Some(Err(_)) | None => return Exit::Crashed,
                    }
                }
                Some(Ok(_)) => return Exit::Success,
                Some(Err(_)) | None => return Exit::Failed,
            }
        }
    }
}
