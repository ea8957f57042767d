//! The multiplexed port session (`port_mux.go`) and the smux version 1 server below it
//! (`vendor/github.com/xtaci/smux`).
//!
//! As in the official agent all streams share one byte pipe in each direction between data
//! channel and smux, and smux one buffer for what it has received: whatever fills up stops all.

mod accept;
mod keep_alive;
mod receive;
mod send;
mod streams;
mod transfer;

use std::sync::Arc;

use adit_wire::smux::Frame;
use bytes::{BufMut, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::channel::DataChannel;
use super::config::{AgentConfig, Runtime};
use super::dial::Destination;
use super::exit::Exit;
use super::pump::{self, Pacer};
use send::Sender;
use streams::{Stream, Streams};

/// The end of the inbound pipe that the reader writes to.
pub(super) struct Input(DuplexStream);

impl Input {
    /// Writes to the pipe; waits while it is full.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> Option<()> {
        self.0.write_all(bytes).await.ok()
    }
}

/// A running session.
pub(super) struct MuxSession {
    pump: oneshot::Receiver<()>,
    tasks: JoinSet<()>,
    stop: DropGuard,
    /// Cancelled when keep-alive finds the client silent.
    silent: CancellationToken,
}

/// What all parts of a session share.
struct Shared {
    channel: Arc<DataChannel>,
    config: Arc<AgentConfig>,
    destination: Destination,
    streams: Streams,
    sender: Sender,
    /// Cancelled when what came was no smux.
    broken: CancellationToken,
    stop: CancellationToken,
}

impl Shared {
    /// The agent's side closes a stream: FIN goes out, then it is forgotten (`stream.go` `Close`).
    async fn close(&self, stream: &Stream) {
        stream.die();
        let fin = Frame::Fin { stream: stream.id }.encode();
        self.sender.send(0, Bytes::copy_from_slice(&fin)).await;
        self.streams.close(stream);
    }
}

impl MuxSession {
    pub(super) fn start(
        channel: Arc<DataChannel>,
        config: Arc<AgentConfig>,
        runtime: &Runtime,
        destination: Destination,
        keeps_alive: bool,
    ) -> (Input, Self) {
        let limits = config.limits;
        let (input, inbound) = tokio::io::duplex(limits.pipe);
        let (outbound, source) = tokio::io::duplex(limits.pipe);
        let (accept, accepted) = mpsc::channel(limits.accept_backlog);
        let pace = config.pace;
        let stop = CancellationToken::new();
        let silent = CancellationToken::new();
        let shared = Arc::new(Shared {
            channel,
            config,
            destination,
            streams: Streams::new(limits.receive_buffer),
            sender: Sender::default(),
            broken: CancellationToken::new(),
            stop: stop.clone(),
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(accept::run(Arc::clone(&shared), accepted));
        tasks.spawn({
            let shared = Arc::clone(&shared);
            async move {
                let work = receive::run(&shared, inbound, accept);
                shared.stop.run_until_cancelled(work).await;
            }
        });
        tasks.spawn({
            let shared = Arc::clone(&shared);
            async move {
                shared.stop.run_until_cancelled(shared.sender.run(outbound)).await;
            }
        });
        if keeps_alive {
            let (shared, runtime) = (Arc::clone(&shared), runtime.clone());
            let silent = silent.clone();
            tasks.spawn(async move {
                let work = keep_alive::run(&shared, &runtime, &silent);
                shared.stop.run_until_cancelled(work).await;
            });
        }
        let pump = pump::spawn(pace, stop.clone(), transfer_to_gateway(shared, source));
        (Input(input), Self { pump, tasks, stop: stop.drop_guard(), silent })
    }

    /// Waits until the session ends by itself, which is never well.
    pub(super) async fn finished(&mut self) -> Exit {
        tokio::select! {
            result = &mut self.pump => {
                let has_pump = result.is_ok();
                tracing::debug!(has_pump, "session ends after a protocol error");
            }
            () = self.silent.cancelled() => tracing::debug!("session ends for a silent client"),
        }
        Exit::Failed
    }

    /// Closes all connections.
    pub(super) async fn stop(mut self) {
        drop(self.stop);
        while self.tasks.join_next().await.is_some() {}
    }
}

/// Reads smux' bytes and sends them (`port_mux.go` `transferDataToMgs`). After a protocol error
/// the read that is under way still counts, then the session ends; without open streams there is
/// nothing to read, and the session lies dead.
async fn transfer_to_gateway(shared: Arc<Shared>, mut source: DuplexStream) {
    let Shared { channel, config, broken, .. } = &*shared;
    let mut pacer = Pacer::new(config.pace);
    let mut buffer = BytesMut::with_capacity(pacer.batch());
    loop {
        if channel.is_paused() {
            pacer.wait().await;
            continue;
        }
        if broken.is_cancelled() {
            return;
        }
        buffer.clear();
        match source.read_buf(&mut (&mut buffer).limit(pacer.batch())).await {
            Ok(1..) => channel.send_output(&buffer).await,
            Ok(0) | Err(_) => return,
        }
        pacer.pause();
    }
}
