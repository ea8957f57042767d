use std::pin::pin;
use std::sync::Arc;

use adit_wire::smux::{Frame, HEADER_LEN};
use bytes::{BufMut, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio_util::sync::CancellationToken;

use super::Shared;
use super::streams::{End, Stream};
use crate::agent::dial::Connected;

/// The longest body of a frame that the agent sends (smux' default).
const BODY: usize = 32 * 1024;

/// Carries bytes between a stream and its connection until both directions have ended
/// (`port_mux.go` `handleDataTransfer`).
pub(super) async fn run(
    shared: Arc<Shared>,
    stream: Arc<Stream>,
    (connection, _connected): (TcpStream, Connected),
) {
    let (read, write) = connection.into_split();
    let closed = CancellationToken::new();
    tokio::join!(
        to_client(&shared, &stream, read, &closed),
        to_destination(&shared, &stream, write, &closed),
    );
}

/// Ends with a FIN when the destination has ended or the connection was closed.
async fn to_client(
    shared: &Shared,
    stream: &Stream,
    read: OwnedReadHalf,
    closed: &CancellationToken,
) {
    send_frames(shared, stream.id, read, closed).await;
    shared.close(stream).await;
}

async fn send_frames(
    shared: &Shared,
    stream: u32,
    mut read: OwnedReadHalf,
    closed: &CancellationToken,
) {
    let mut buffer = BytesMut::new();
    for written in 0.. {
        if buffer.capacity() < HEADER_LEN + BODY {
            buffer.reserve(4 * (HEADER_LEN + BODY));
        }
        buffer.put_bytes(0, HEADER_LEN);
        let mut body = (&mut buffer).limit(BODY);
        let Some(Ok(len @ 1..)) = closed.run_until_cancelled(read.read_buf(&mut body)).await else {
            return;
        };
        let header = Frame::Psh { stream, len: len as u16 }.encode();
        buffer[..HEADER_LEN].copy_from_slice(&header);
        let mut send = pin!(shared.sender.send(written, buffer.split().freeze()));
        if closed.run_until_cancelled(&mut send).await.is_none() {
            // The connection closes at once, while what was read still goes out.
            drop(read);
            return send.await;
        }
    }
}

/// Ends by closing the connection, for whatever reason it ends.
async fn to_destination(
    shared: &Shared,
    stream: &Stream,
    mut write: OwnedWriteHalf,
    closed: &CancellationToken,
) {
    let end = loop {
        match stream.next().await {
            Ok(bytes) => {
                let result = write.write_all(&bytes).await;
                shared.streams.give_back(bytes.len());
                if result.is_err() {
                    break End::Dead;
                }
            }
            Err(end) => break end,
        }
    };
    if end == End::Dead || shared.config.quirks.fin_closes_both_directions {
        closed.cancel();
    }
}
