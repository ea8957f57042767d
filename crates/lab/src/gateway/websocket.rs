use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message};
use tracing::debug;

use super::session::Attached;
use super::slot::Hangup;
use crate::http::Socket;

pub(crate) type Websocket = WebSocketStream<Socket>;

/// How long a peer has for its first text frame.
const OPENING: Duration = Duration::from_secs(30);

/// How long a peer has to answer a close frame.
const CLOSING: Duration = Duration::from_secs(2);

/// Messages that are written before the socket is flushed.
const BATCH: usize = 64;

/// The first message that is no control frame, which both channels begin with; pings may come
/// before it.
pub(super) async fn opening(websocket: &mut Websocket) -> Option<Bytes> {
    let first = async {
        loop {
            match websocket.next().await?.ok()? {
                Message::Text(text) => return Some(text.into()),
                Message::Binary(bytes) => return Some(bytes),
                Message::Close(_) => return None,
                _ => {}
            }
        }
    };
    timeout(OPENING, first).await.ok().flatten()
}

/// Ends a websocket with a close frame, and waits a little for the answer.
pub(super) async fn close(mut websocket: Websocket, code: u16, reason: &str) {
    let frame = CloseFrame { code: code.into(), reason: reason.into() };
    let farewell = async {
        websocket.close(Some(frame)).await?;
        while let Some(message) = websocket.next().await {
            message?;
        }
        Ok::<(), Error>(())
    };
    if !matches!(timeout(CLOSING, farewell).await, Ok(Ok(()))) {
        debug!("the peer did not answer the close frame");
    }
}

/// Moves messages between a websocket and its leg until either ends. Gives back the websocket
/// when it was told to end, with the way; what was not written stays in `unsent` and in the leg.
pub(super) async fn pump(
    websocket: Websocket,
    attached: &mut Attached,
    unsent: &mut VecDeque<Bytes>,
) -> Option<(Websocket, Hangup)> {
    let (mut sink, mut stream) = websocket.split();
    let hangup = tokio::select! {
        () = read(&mut stream, &attached.leg.tx) => return None,
        () = write(&mut sink, &mut attached.leg.rx, unsent) => return None,
        hangup = &mut attached.hangup => hangup.unwrap_or(Hangup::Close(1000)),
    };
    let websocket = sink.reunite(stream).ok()?;
    Some((websocket, hangup))
}

/// Takes messages until the websocket ends; a leg that is full stops that.
async fn read(stream: &mut SplitStream<Websocket>, to: &mpsc::Sender<Bytes>) {
    while let Some(message) = stream.next().await {
        let message = match message {
            Ok(Message::Binary(bytes)) => bytes,
            Ok(Message::Text(text)) => text.into(),
            Ok(Message::Close(frame)) => {
                debug!(code = frame.map(|frame| u16::from(frame.code)), "close frame");
                continue;
            }
            Ok(_) => continue,
            Err(error) => {
                debug!(%error, "websocket lost");
                return;
            }
        };
        if to.send(message).await.is_err() {
            // The gateway ends the leg: how, the hang-up says.
            return std::future::pending().await;
        }
    }
}

/// Writes messages in batches, each flushed once.
async fn write(
    sink: &mut SplitSink<Websocket, Message>,
    from: &mut mpsc::Receiver<Bytes>,
    unsent: &mut VecDeque<Bytes>,
) {
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        if from.recv_many(&mut batch, BATCH).await == 0 {
            return std::future::pending().await;
        }
        unsent.extend(batch.drain(..));
        while let Some(message) = unsent.front() {
            let message = Message::Binary(message.clone());
            if let Err(error) = sink.feed(message).await {
                debug!(%error, "websocket lost");
                return;
            }
            unsent.pop_front();
        }
        if let Err(error) = sink.flush().await {
            debug!(%error, "websocket lost");
            return;
        }
    }
}
