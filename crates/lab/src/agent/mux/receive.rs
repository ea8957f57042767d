use adit_wire::smux::{Frame, HEADER_LEN};
use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, DuplexStream};
use tokio::sync::mpsc;

use super::Shared;
use super::streams::Stream;
use std::sync::Arc;

/// Bytes read from the pipe at once.
const READ: usize = 64 * 1024;

/// The one command whose length counts.
const PUSH: u8 = 2;

/// Window updates exist only in smux version 2, but the version 1 receiver takes them too, with
/// the 8 bytes behind them.
const UPDATE: u8 = 4;
const UPDATE_LEN: usize = 8;

/// Takes smux frames apart until the pipe ends or something in it is no smux (`session.go`
/// `recvLoop`). While the shared buffer is full it reads nothing at all.
pub(super) async fn run(shared: &Shared, pipe: DuplexStream, accept: mpsc::Sender<Arc<Stream>>) {
    let streams = &shared.streams;
    let mut frames = Frames { pipe, buffer: BytesMut::with_capacity(READ) };
    loop {
        streams.room().await;
        let Some(mut header) = frames.take_array::<HEADER_LEN>().await else { return };
        streams.note_heard();
        if header[..2] == [1, UPDATE] {
            if frames.take(UPDATE_LEN).await.is_none() {
                return;
            }
            continue;
        }
        if header[1] != PUSH {
            // The receiver does not skip the body of other frames: it is read as the next frame.
            header[2..4].fill(0);
        }
        match Frame::decode(header) {
            Ok(Frame::Syn { stream }) => {
                if let Some(stream) = streams.open(stream)
                    && accept.send(stream).await.is_err()
                {
                    return;
                }
            }
            Ok(Frame::Fin { stream }) => streams.fin(stream),
            Ok(Frame::Nop | Frame::Psh { len: 0, .. }) => {}
            Ok(Frame::Psh { stream, len }) => {
                let Some(body) = frames.take(usize::from(len)).await else { return };
                streams.push(stream, body);
            }
            Err(error) => {
                tracing::debug!(%error, "not smux: nothing more is read");
                shared.broken.cancel();
                streams.fail();
                // The pipe stays open and fills up.
                return std::future::pending().await;
            }
        }
    }
}

/// The pipe, in pieces of known size.
struct Frames {
    pipe: DuplexStream,
    buffer: BytesMut,
}

impl Frames {
    async fn take_array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N).await.and_then(|bytes| bytes[..].try_into().ok())
    }

    /// `None` at the end of the pipe.
    async fn take(&mut self, len: usize) -> Option<Bytes> {
        while self.buffer.len() < len {
            self.buffer.reserve(READ);
            match self.pipe.read_buf(&mut self.buffer).await {
                Ok(1..) => {}
                Ok(0) | Err(_) => return None,
            }
        }
        Some(self.buffer.split_to(len).freeze())
    }
}
