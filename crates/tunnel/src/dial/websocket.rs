//! The websocket upgrade.

use std::time::Duration;

use http::header::HOST;
use http::{HeaderName, HeaderValue, Uri};
use tokio_tungstenite::client_async_with_config;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::error::Error;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use super::connect::within;
use super::{BoxIo, DialError, Stage, Websocket};
use crate::error::one_line;

/// Read at once: a few dozen messages of an official agent, which sends 1,144 bytes each.
const READ_BUFFER: usize = 64 * 1024;
/// Above what one turn of the driver feeds, so that only the flush writes.
const WRITE_BUFFER: usize = 256 * 1024;
/// The largest message taken. Official peers stay below 143 KiB, agents of our own below 64 KiB;
/// the limit keeps a broken gateway from using up the memory.
const MESSAGE_LIMIT: usize = 16 * 1024 * 1024;

/// Upgrades `stream` with the request for `uri` as it is, plus `headers`.
pub(super) async fn upgrade(
    stream: BoxIo,
    uri: &Uri,
    headers: &[(HeaderName, HeaderValue)],
    limit: Duration,
) -> Result<Websocket, DialError> {
    let mut request = uri.clone().into_client_request().map_err(|_| DialError::Url)?;
    for (name, value) in headers {
        // Host is part of the signature, and the request has it already.
        if name != HOST {
            request.headers_mut().insert(name, value.clone());
        }
    }
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_message_size(Some(MESSAGE_LIMIT))
        .max_frame_size(Some(MESSAGE_LIMIT));
    let upgraded =
        within(limit, Stage::Websocket, client_async_with_config(request, stream, Some(config)))
            .await?;
    match upgraded {
        Ok((websocket, _response)) => Ok(websocket),
        Err(Error::Http(response)) => Err(DialError::Upgrade {
            status: response.status().as_u16(),
            body: response
                .body()
                .as_deref()
                .map(|body| one_line(&String::from_utf8_lossy(body)))
                .filter(|body| !body.is_empty())
                .map_or_else(String::new, |body| format!(": {body}")),
        }),
        Err(error) => Err(DialError::Websocket(error.to_string())),
    }
}
